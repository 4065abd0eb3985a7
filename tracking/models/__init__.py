"""What is kept, and why."""

from tracking.models.ancestors import AwaitedAncestor
from tracking.models.cursor import SyncCursor
from tracking.models.exclusions import ExclusionKind, TrackingExclusion
from tracking.models.folders import FolderHierarchy, FolderOnboardingStatus, MailboxTrackingFolder
from tracking.models.ledger import Acknowledgement, Explicit, LedgerRow, LedgerState, LedgerTotal, Placement
from tracking.models.mappings import ChangeType, ExchangeSyncIdMapping, SyncedKind, SyncQuestion, UserDecision
from tracking.models.reversible import Decision, HeldDeletion, HeldWrite, MeetingWrite, RecycledItem, Side, SyncConflict
from tracking.models.synchronizing import RecordKind, SyncAttributeMapping, SyncDirection, SyncFilter, SyncProgress
from tracking.models.tombstones import Tombstone

__all__ = [
    "Acknowledgement",
    "AwaitedAncestor",
    "ChangeType",
    "Decision",
    "ExchangeSyncIdMapping",
    "ExclusionKind",
    "Explicit",
    "FolderHierarchy",
    "FolderOnboardingStatus",
    "HeldDeletion",
    "HeldWrite",
    "LedgerRow",
    "LedgerState",
    "LedgerTotal",
    "MailboxTrackingFolder",
    "MeetingWrite",
    "Placement",
    "RecordKind",
    "RecycledItem",
    "Side",
    "SyncAttributeMapping",
    "SyncConflict",
    "SyncCursor",
    "SyncDirection",
    "SyncFilter",
    "SyncProgress",
    "SyncQuestion",
    "SyncedKind",
    "Tombstone",
    "TrackingExclusion",
    "UserDecision",
]
