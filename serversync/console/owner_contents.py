"""What the owner's page shows about the mail itself: what did not sync and why, and what was decided."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q, QuerySet

from mailboxes.models import Mailbox
from tracking.crm.models import Email
from tracking.crm.models.states import DeliveryState, EmailStatus
from tracking.facts.visibility import mask_of, readable_among
from tracking.facts.why import sentence
from tracking.models import LedgerRow, LedgerState, TrackingExclusion
from tracking.models.exclusions import ExclusionKind

DECISIONS, UNDONE = 50, 50
LATELY = timedelta(days=14)
NOT_REACHED = (DeliveryState.PARTLY_REFUSED, DeliveryState.BOUNCED, DeliveryState.PARTLY_BOUNCED)
LEFT_OUT = (LedgerState.IGNORED, LedgerState.GONE)
"""What its owner may have tracked now. Of what is gone the answer to the button says so."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the mailbox: what became of it and why. The subject is known only of mail that is kept, the sender
    of every message until the evidence expires."""

    row_id: int
    state: LedgerState
    sentence: str
    message_id: str
    sender: str
    subject: str
    email_id: UUID | None
    error: str
    when: datetime | None
    retry_on: datetime | None

    @property
    def may_redo(self) -> bool:
        return self.state in (LedgerState.QUARANTINED, LedgerState.IGNORED)

    @property
    def may_track(self) -> bool:
        """Whether it was left out."""
        return self.state in LEFT_OUT


def of(mailbox: Mailbox, reader: User | AnonymousUser, now: datetime) -> dict[str, Any]:
    """The parts of the page that list mail. What is private to somebody else is masked (12.1)."""
    rows = (
        LedgerRow.objects.filter(mailbox=mailbox)
        .select_related("email")
        .defer("email__description", "email__safe_description")
    )
    troubled = Q(state=LedgerState.QUARANTINED) | Q(state=LedgerState.PENDING, attempts__gt=0)
    decided = rows.exclude(state__in=[LedgerState.PENDING, LedgerState.QUARANTINED])
    return {
        "undone": _messages(rows.filter(troubled).order_by("-pk")[:UNDONE], reader),
        "unsent": list(_unsent(mailbox, now)[:UNDONE]),
        "decisions": _messages(decided.order_by("-pk")[:DECISIONS], reader),
    }


def exclusions_of(mailbox: Mailbox) -> list[TrackingExclusion]:
    """What is never tracked here; a conversation once, by the Message-ID that people see, whatever rows stand for it."""
    lines: dict[Any, TrackingExclusion] = {}
    for one in TrackingExclusion.objects.filter(mailbox=mailbox).order_by("kind", "value"):
        key = one.created_on if one.kind == ExclusionKind.THREAD else one.pk
        if key not in lines or one.value.startswith("<"):
            lines[key] = one
    return list(lines.values())


def _unsent(mailbox: Mailbox, now: datetime) -> QuerySet[Email]:
    """Mail written here that could not be sent, or of which nobody knows whether it arrived (law 7), or that did not
    reach everybody lately: that stays so, and its owner has read of it some day."""
    unknown = Q(status_code=EmailStatus.SENDING, delivery_state=DeliveryState.UNKNOWN)
    lately = Q(status_code=EmailStatus.SENT, delivery_state__in=NOT_REACHED, sent_on__gt=now - LATELY)
    troubled = Q(status_code=EmailStatus.FAILED) | unknown | lately
    return (
        Email.objects.filter(troubled, sender_mailbox=mailbox)
        .defer("description", "safe_description")
        .order_by("-created_on")
    )


def _messages(rows: Iterable[LedgerRow], reader: User | AnonymousUser) -> list[Message]:
    found = list(rows)
    readable = readable_among(reader, [row.email_id for row in found])
    return [
        Message(
            row_id=row.pk,
            state=LedgerState(row.state),
            sentence=sentence(row),
            message_id=row.message_id,
            sender=row.sender if row.email is None or row.email_id in readable else mask_of(row.email),
            subject=_subject(row.email, row.email_id in readable) if row.email else "",
            email_id=row.email_id if row.email_id in readable else None,
            error=row.error,
            when=row.decided_on or row.received_on or row.discovered_on,
            retry_on=row.retry_on,
        )
        for row in found
    ]


def _subject(email: Email, is_readable: bool) -> str:
    return (email.subject or "(no subject)") if is_readable else mask_of(email)
