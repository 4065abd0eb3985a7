"""What waits to be sent, and in which order (7.2, 7.9)."""

from __future__ import annotations

from datetime import datetime

from django.db.models import BooleanField, F, Q, QuerySet
from django.db.models.expressions import RawSQL

from mailboxes.models import Mailbox
from tracking.crm.models import Email
from tracking.crm.models.states import DeliveryState, EmailStatus, HoldReason

S = EmailStatus
# What sending needs; an email has three times as many columns.
_READ = (
    "status_code",
    "message_id",
    "original_id",
    "sender_mailbox_id",
    "represents_id",
    "delivery_state",
    "delivery_attempts",
    "delivery_receipt_requested",
    "postpone_email_processing_until",
    "sent_on",
    "submitted_on",
    "direction_code",
)


# The literal lets SQLite use the partial index `email_to_send`; a value would make it read all emails of the mailbox.
_UNSENT = RawSQL("crm_email.status_code IN (6, 7)", [], output_field=BooleanField())


def unsent(mailbox: Mailbox, status: EmailStatus) -> QuerySet[Email]:
    """The emails of a mailbox that wait to be sent, or are being sent."""
    return Email.objects.filter(_UNSENT, sender_mailbox=mailbox, status_code=status)


def waiting_to_send(mailbox: Mailbox, now: datetime, limit: int) -> list[Email]:
    """What may go out now: the more urgent first, then in the order in which it was written (7.2, 7.9)."""
    ready = Q(postpone_email_processing_until__isnull=True) | Q(postpone_email_processing_until__lte=now)
    ready &= Q(delayed_email_send_time__isnull=True) | Q(delayed_email_send_time__lte=now)
    emails = unsent(mailbox, S.PENDING_SEND).filter(ready, hold_reason=HoldReason.NONE)
    return _of(mailbox, emails.order_by("-delivery_priority_code", "id")[:limit])


def next_send_time(mailbox: Mailbox, now: datetime) -> datetime | None:
    """When the first email that has to wait may go out."""
    waiting = unsent(mailbox, S.PENDING_SEND).filter(hold_reason=HoldReason.NONE)
    waiting = waiting.exclude(postpone_email_processing_until=None, delayed_email_send_time=None)
    pairs = waiting.values_list("postpone_email_processing_until", "delayed_email_send_time")
    times = [max(time for time in pair if time) for pair in pairs]
    return min((time for time in times if time > now), default=None)


def left_in_sending(mailbox: Mailbox) -> list[Email]:
    """What a worker was handing over when it died, and nobody has looked at since."""
    emails = unsent(mailbox, S.SENDING)
    return _of(mailbox, emails.exclude(delivery_state=DeliveryState.UNKNOWN).order_by("id"))


def _of(mailbox: Mailbox, emails: QuerySet[Email]) -> list[Email]:
    found = list(emails.only(*_READ))
    for email in found:
        email.sender_mailbox = mailbox
    return found


def begin_attempts(emails: list[Email]) -> None:
    """Count the attempt before anything happens on the server: who has attempts may have left something there."""
    Email.objects.filter(pk__in=[email.pk for email in emails]).update(delivery_attempts=F("delivery_attempts") + 1)


def uncount(email: Email, rest: list[Email]) -> None:
    """The trouble was that of the server or the mailbox: it uses up no attempt of `email`, during which it came up, nor
    of the `rest`, which were not tried. The emails hold the counts from before; one that was tried keeps a trace."""
    Email.objects.filter(pk=email.pk).update(delivery_attempts=max(email.delivery_attempts, 1))
    Email.objects.filter(pk__in=[one.pk for one in rest], delivery_attempts__gt=0).update(
        delivery_attempts=F("delivery_attempts") - 1
    )
