"""What the owner's page shows about the mail itself: what did not sync and why, and what was decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from mailboxes.models import Mailbox
from tracking.crm.models import Email
from tracking.crm.models.states import DeliveryState, EmailStatus
from tracking.facts.why import sentence
from tracking.models import LedgerRow, LedgerState

DECISIONS, UNDONE = 50, 50


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the mailbox: what became of it and why. The subject is known only of mail that is kept."""

    row_id: int
    state: LedgerState
    sentence: str
    message_id: str
    subject: str
    email_id: UUID | None
    error: str
    when: datetime | None
    retry_on: datetime | None

    @property
    def may_redo(self) -> bool:
        return self.state in (LedgerState.QUARANTINED, LedgerState.IGNORED)


def of(mailbox: Mailbox) -> dict[str, Any]:
    """The parts of the page that list mail."""
    rows = LedgerRow.objects.filter(mailbox=mailbox).select_related("email").defer("email__description")
    troubled = Q(state=LedgerState.QUARANTINED) | Q(state=LedgerState.PENDING, attempts__gt=0)
    decided = rows.exclude(state__in=[LedgerState.PENDING, LedgerState.QUARANTINED])
    return {
        "undone": _messages(rows.filter(troubled).order_by("-pk")[:UNDONE]),
        "unsent": list(_unsent(mailbox)[:UNDONE]),
        "decisions": _messages(decided.order_by("-pk")[:DECISIONS]),
    }


def _unsent(mailbox: Mailbox) -> QuerySet[Email]:
    """Mail written here that could not be sent, or of which nobody knows whether it arrived (law 7)."""
    unknown = Q(status_code=EmailStatus.SENDING, delivery_state=DeliveryState.UNKNOWN)
    troubled = Q(status_code=EmailStatus.FAILED) | unknown
    return Email.objects.filter(troubled, sender_mailbox=mailbox).defer("description").order_by("-created_on")


def _messages(rows: QuerySet[LedgerRow]) -> list[Message]:
    return [
        Message(
            row_id=row.pk,
            state=LedgerState(row.state),
            sentence=sentence(row),
            message_id=row.message_id,
            subject=(row.email.subject or "(no subject)") if row.email else "",
            email_id=row.email_id,
            error=row.error,
            when=row.decided_on or row.received_on or row.discovered_on,
            retry_on=row.retry_on,
        )
        for row in rows
    ]
