"""How far the first synchronization of a mailbox is, and what was counted before it (10.1 f)."""

from __future__ import annotations

from mailboxes.models import Mailbox
from tracking.models import SyncProgress


def progress_in(mailbox: Mailbox) -> list[SyncProgress]:
    """One row for each kind that was counted or has begun."""
    return list(SyncProgress.objects.filter(mailbox=mailbox).order_by("kind"))


def under_way(mailbox: Mailbox) -> list[SyncProgress]:
    """The kinds whose first synchronization has begun, has something to do and is not done."""
    return [one for one in progress_in(mailbox) if one.started_on and one.total and not one.finished_on]
