"""What is kept, and why."""

from tracking.models.ancestors import AwaitedAncestor
from tracking.models.cursor import SyncCursor
from tracking.models.exclusions import ExclusionKind, TrackingExclusion
from tracking.models.folders import FolderHierarchy, FolderOnboardingStatus, MailboxTrackingFolder
from tracking.models.ledger import Acknowledgement, Explicit, LedgerRow, LedgerState, LedgerTotal, Placement
from tracking.models.mappings import ExchangeSyncIdMapping
from tracking.models.tombstones import Tombstone

__all__ = [
    "Acknowledgement",
    "AwaitedAncestor",
    "ExchangeSyncIdMapping",
    "ExclusionKind",
    "Explicit",
    "FolderHierarchy",
    "FolderOnboardingStatus",
    "LedgerRow",
    "LedgerState",
    "LedgerTotal",
    "MailboxTrackingFolder",
    "Placement",
    "SyncCursor",
    "Tombstone",
    "TrackingExclusion",
]
