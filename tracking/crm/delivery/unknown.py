"""Emails of which nobody knows whether they left: how they become so, and what settles them (law 7)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from mailboxes.models import Leg, MailboxLeg
from tracking.crm.delivery.moves import IllegalMove, move, tell
from tracking.crm.delivery.recipients import note_taken
from tracking.crm.models import Email
from tracking.crm.models.events import EventKind
from tracking.crm.models.states import DeliveryState, EmailStatus

S = EmailStatus


def mark_unknown(email: Email, detail: str, now: datetime) -> None:
    """Handed over, and then the line or the process broke: nobody knows. It is never sent again by itself (law 7)."""
    changed = Email.objects.filter(pk=email.pk, status_code=S.SENDING).update(
        delivery_state=DeliveryState.UNKNOWN, delivery_detail=detail[:2000], modified_on=now
    )
    if not changed:
        raise IllegalMove("only an email that is being sent can become unknown")
    email.delivery_state = DeliveryState.UNKNOWN
    tell(email, EventKind.EMAIL_UNKNOWN, now)


def resolve_unknown(email: Email, was_sent: bool, now: datetime) -> None:
    """A person settles an unknown delivery: it did arrive, or it shall be sent again."""
    if email.delivery_state != DeliveryState.UNKNOWN:
        raise IllegalMove("the delivery of this email is not unknown")
    with transaction.atomic():
        if was_sent:
            state = note_taken(email)
            move(email, S.SENT, now, delivery_state=state, delivery_detail="", sent_on=email.sent_on or now)
        else:
            move(email, S.PENDING_SEND, now, delivery_state=DeliveryState.NOT_SENT, delivery_detail="")
            tell(email, EventKind.EMAIL_SUBMITTED, now)
            MailboxLeg.objects.filter(mailbox=email.sender_mailbox, leg=Leg.OUTGOING).request(now)


def doubt_everything_unsent(detail: str, now: datetime) -> int:
    """In a restored or copied database nobody knows what has left: whatever waits becomes "unknown". Returns how many."""
    emails = Email.objects.filter(status_code__in=[S.PENDING_SEND, S.SENDING])
    emails = emails.exclude(status_code=S.SENDING, delivery_state=DeliveryState.UNKNOWN)
    with transaction.atomic():
        found = list(emails.order_by("id"))
        for email in found:
            if email.status_code == S.PENDING_SEND:
                move(email, S.SENDING, now, postpone_email_processing_until=None)
            mark_unknown(email, detail, now)
    return len(found)
