"""Opening mail: whether this person may read it, and a note where it is somebody else's."""

from __future__ import annotations

from uuid import UUID

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from tracking.crm.models import Email
from tracking.facts.visibility import own_emails, visible_emails


def may_read(user: User | AnonymousUser, pk: UUID) -> bool:
    """Whether the user may read this email."""
    return visible_emails(user).filter(pk=pk).exists()


def opened(request: HttpRequest, emails: QuerySet[Email], pk: UUID, what: str) -> Email:
    """The email, for somebody who may read it. Raises Http404 for all others, so that nobody learns that it exists."""
    if not may_read(request.user, pk) or (found := emails.filter(pk=pk).first()) is None:
        raise Http404("There is no such email, or it is not yours to read.")
    note_reading(request, pk, what)
    return found


def note_reading(request: HttpRequest, pk: UUID, what: str) -> None:
    """Whoever reads the mail of others leaves a line in the change history of that email."""
    if not own_emails(request.user).filter(pk=pk).exists():
        note(request, pk, f"Read somebody else’s mail: {what}.")


def note(request: HttpRequest, pk: UUID, words: str) -> None:
    """A line in the change history of an email: who, when, and what they did; never what it says."""
    if request.user.pk is not None:
        LogEntry.objects.log_actions(request.user.pk, Email.objects.filter(pk=pk).only("pk"), CHANGE, words)
