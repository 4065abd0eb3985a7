"""Everything that is known about one Message-ID: what each mailbox decided, and the emails that came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from tracking.crm import delivery
from tracking.crm.identity import stored_message_id
from tracking.crm.models import Email
from tracking.crm.models.states import CorrelationMethod, DeliveryState, EmailStatus, RecipientState
from tracking.facts.why import Explanation, explain

WHAT_TO_CHECK = (
    "Compare the Message-ID with the header of the message itself: it is case-sensitive.",
    "Is the mailbox polled? `manage.py sync --mailbox ADDRESS` runs it now and says why it does not.",
    "Is the message in a folder that is read? Usually that is the inbox only.",
    "Is it older than the start date of the mailbox? Such messages are counted, not listed: `manage.py ledger`.",
    "A message without a Message-ID of its own is kept under one that ends in @no-message-id.invalid.",
)


@dataclass(frozen=True, slots=True)
class EmailFacts:
    """What an operator asks about an email. Neither subject nor text: they are for those who may read the mailbox."""

    id: UUID
    message_id: str
    direction: str
    status: str
    delivery: str
    delivery_detail: str
    recipients: list[str]
    accepted_by: str
    receiving_mailbox: str
    sender_mailbox: str
    correlation: str
    correlated_email: UUID | None
    sent_on: datetime | None


@dataclass(frozen=True, slots=True)
class Story:
    """One Message-ID's story; both lists are empty if it was never seen."""

    message_id: str
    decisions: list[Explanation]
    emails: list[EmailFacts]

    @property
    def was_seen(self) -> bool:
        return bool(self.decisions or self.emails)


def story_of(message_id: str) -> Story:
    """What became of this Message-ID, written with or without its angle brackets."""
    wanted = message_id.strip().removeprefix("<").removesuffix(">")
    decisions = explain(wanted)
    forms = [stored_message_id(form) for form in (wanted, f"<{wanted}>")]
    emails = Email.objects.filter(
        Q(message_id__in=forms) | Q(pk__in=[one.email_id for one in decisions if one.email_id])
    )
    related = ("accepting_user", "accepting_queue", "receiving_mailbox", "sender_mailbox")
    return Story(f"<{wanted}>", decisions, [_facts(email) for email in emails.select_related(*related).order_by("id")])


def _facts(email: Email) -> EmailFacts:
    accepted_by = email.accepting_user or email.accepting_queue
    return EmailFacts(
        id=email.pk,
        message_id=email.message_id,
        direction="outgoing" if email.direction_code else "incoming",
        status=EmailStatus(email.status_code).label,
        delivery=DeliveryState(email.delivery_state).label if email.direction_code else "",
        delivery_detail=email.delivery_detail,
        recipients=_recipients(email) if email.direction_code else [],
        accepted_by="" if accepted_by is None else str(accepted_by),
        receiving_mailbox=email.receiving_mailbox.email_address if email.receiving_mailbox else "",
        sender_mailbox=email.sender_mailbox.email_address if email.sender_mailbox else "",
        correlation=CorrelationMethod(email.correlation_method).label,
        correlated_email=email.correlated_activity_id,
        sent_on=email.sent_on,
    )


def _recipients(email: Email) -> list[str]:
    """What became of each recipient of whom there is something to tell."""
    return [
        f"{one.address_used}: {RecipientState(one.delivery_state).label}: {one.delivery_detail}"
        for one in delivery.in_trouble(email)
    ]
