"""What waits to be sent, in which order, and why it has not left yet (7.2, 7.3, 7.9)."""

from __future__ import annotations

from datetime import datetime

from django.db.models import BooleanField, F, Q, QuerySet
from django.db.models.expressions import RawSQL

from mailboxes import brake
from mailboxes.eligibility import skip_reason
from mailboxes.models import Leg, Mailbox, MailboxLeg, Organization, ServerCircuit
from mailboxes.reach import leg_facts
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


def why_waiting(email: Email, now: datetime) -> str:
    """Why an email that was submitted has not left yet, and what happens next, for people to read; "" if it does not wait
    (7.3)."""
    if email.status_code != S.PENDING_SEND:
        return ""
    if email.sender_mailbox is None:
        return "The mailbox it was to leave through does not exist any more. Take it back, and choose another."
    if email.hold_reason != HoldReason.NONE:
        return f"Held: {HoldReason(email.hold_reason).label.lower()}. Release it, take it back or cancel it."
    stopped = _why_stopped(email.sender_mailbox)
    if stopped:
        return f"Its mailbox cannot send now. {stopped}"
    if email.delayed_email_send_time is not None and email.delayed_email_send_time > now:
        return f"It is to leave on {_at(email.delayed_email_send_time)}, not before."
    until = email.postpone_email_processing_until
    if until is not None and until > now:
        return f"The server did not take it now. It is tried again on {_at(until)}."
    return _why_not_yet(email.sender_mailbox, now)


def _why_stopped(mailbox: Mailbox) -> str:
    """What a person has to change before the mailbox sends anything."""
    organization = Organization.current()
    leg = MailboxLeg.objects.filter(mailbox=mailbox, leg=Leg.OUTGOING).first()
    if leg is None:
        return "The mailbox is not set up."
    if leg.stopped_on is not None and not leg.enabled:
        return f"It was stopped after an error: {leg.last_error} {leg.last_remedy}".strip()
    return skip_reason(leg_facts(mailbox, leg), organization.policy()) or brake.reason_to_wait(
        organization, mailbox, Leg.OUTGOING
    )


def _why_not_yet(mailbox: Mailbox, now: datetime) -> str:
    leg = MailboxLeg.objects.get(mailbox=mailbox, leg=Leg.OUTGOING)
    profile = mailbox.email_server_profile
    pause = ServerCircuit.objects.open_until(profile, Leg.OUTGOING, now) if profile else None
    if leg.postponed_until is not None and leg.postponed_until > now:
        return f"The server asked us to wait until {_at(leg.postponed_until)}: {leg.last_error}"
    if pause is not None:
        return f"The server answered nobody lately. It is asked again on {_at(pause)}."
    if leg.failures and leg.due_on is not None and leg.due_on > now:
        return f"The last attempt to send from this mailbox failed: {leg.last_error} The next is on {_at(leg.due_on)}."
    return "It leaves with the next run of its mailbox."


def _at(time: datetime) -> str:
    return f"{time:%Y-%m-%d at %H:%M} UTC"
