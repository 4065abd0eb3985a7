"""What is kept, and why."""

from tracking.models.cursor import SyncCursor
from tracking.models.folders import MailboxTrackingFolder
from tracking.models.ledger import Acknowledgement, LedgerRow, LedgerState, LedgerTotal, Placement
from tracking.models.mappings import ExchangeSyncIdMapping

__all__ = [
    "Acknowledgement",
    "ExchangeSyncIdMapping",
    "LedgerRow",
    "LedgerState",
    "LedgerTotal",
    "MailboxTrackingFolder",
    "Placement",
    "SyncCursor",
]
