"""Asking the worker for the folders of a mailbox, and noting that it was asked (9.4)."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from mailboxes.models import Mailbox
from mailboxes.models.leg import LEASE
from tracking.models import FolderHierarchy


def request_tree(mailbox: Mailbox, now: datetime) -> None:
    """Ask for the tree of a mailbox; the worker begins within two seconds. Asking again changes nothing."""
    row, _ = FolderHierarchy.objects.get_or_create(mailbox=mailbox)
    FolderHierarchy.objects.filter(pk=row.pk, requested_on__isnull=True).update(requested_on=now)


def waiting(now: datetime) -> QuerySet[FolderHierarchy]:
    """What was asked for and nobody is about to answer. A request that a worker has taken lies in the future until its
    time is up, so that one whose worker died is taken again."""
    return FolderHierarchy.objects.filter(requested_on__lte=now)


def take_request(now: datetime) -> FolderHierarchy | None:
    """The oldest request, for exactly one worker (law 6); None if there is none."""
    for row in waiting(now).order_by("requested_on")[:20]:
        if waiting(now).filter(pk=row.pk, requested_on=row.requested_on).update(requested_on=now + LEASE):
            row.requested_on = now + LEASE
            return row
    return None


def note_answered(request: FolderHierarchy, error: str = "") -> None:
    """The request has been answered: by the folders, which are stored, or by an error that says what helps."""
    taken = FolderHierarchy.objects.filter(pk=request.pk, requested_on=request.requested_on)
    taken.update(requested_on=None, error=error[:500])
