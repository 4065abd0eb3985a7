"""Why an email that was submitted has not left yet, with as many queries for fifty as for one (7.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mailboxes import brake
from mailboxes.eligibility import skip_reason
from mailboxes.models import Leg, Mailbox, MailboxLeg, Organization, ServerCircuit
from mailboxes.reach import leg_facts
from tracking.crm.models import Email
from tracking.crm.models.states import EmailStatus, HoldReason


@dataclass(frozen=True, slots=True)
class _Sender:
    """What holds for all mail of one mailbox: what a person has to change first, and else when its turn comes."""

    stopped: str
    not_yet: str


def why_waiting(email: Email, now: datetime) -> str:
    """Why one email has not left yet, and what happens next, for people to read; "" if it does not wait."""
    return why_each_waits([email], now).get(email.pk, "")


def why_each_waits(emails: Iterable[Email], now: datetime) -> dict[UUID, str]:
    """For people to read: why each of these has not left yet, and what happens next. What does not wait is left out."""
    waiting = [email for email in emails if email.status_code == EmailStatus.PENDING_SEND]
    senders = _senders({email.sender_mailbox_id for email in waiting if email.sender_mailbox_id is not None}, now)
    return {
        email.pk: _why(email, senders.get(email.sender_mailbox_id) if email.sender_mailbox_id else None, now)
        for email in waiting
    }


def _why(email: Email, sender: _Sender | None, now: datetime) -> str:
    if sender is None:
        return "The mailbox it was to leave through does not exist any more. Take it back, and choose another."
    if email.hold_reason != HoldReason.NONE:
        return f"Held: {HoldReason(email.hold_reason).label.lower()}. Release it, take it back or cancel it."
    if sender.stopped:
        return f"Its mailbox cannot send now. {sender.stopped}"
    if email.delayed_email_send_time is not None and email.delayed_email_send_time > now:
        return f"It is to leave on {_at(email.delayed_email_send_time)}, not before."
    until = email.postpone_email_processing_until
    if until is not None and until > now:
        return f"The server did not take it now. It is tried again on {_at(until)}."
    return sender.not_yet


def _senders(ids: set[UUID], now: datetime) -> dict[UUID, _Sender]:
    """Six queries for all mailboxes together."""
    related = ("email_server_profile", "regarding_user", "regarding_queue")
    mailboxes = list(Mailbox.objects.filter(pk__in=ids).select_related(*related))
    if not mailboxes:
        return {}
    organization = Organization.current()
    legs = {one.mailbox_id: one for one in MailboxLeg.objects.filter(mailbox__in=mailboxes, leg=Leg.OUTGOING)}
    paused = brake.reasons_to_wait(organization, mailboxes, Leg.OUTGOING)
    circuits = ServerCircuit.objects.filter(leg=Leg.OUTGOING, open_until__gt=now)
    pauses = dict(circuits.values_list("profile_id", "open_until"))
    found: dict[UUID, _Sender] = {}
    for one in mailboxes:
        leg = legs.get(one.pk)
        if leg is None:
            found[one.pk] = _Sender("The mailbox is not set up.", "")
            continue
        stopped = _why_stopped(one, leg, organization) or paused.get(one.pk, "")
        pause = pauses.get(one.email_server_profile_id) if one.email_server_profile_id else None
        found[one.pk] = _Sender(stopped, _why_not_yet(leg, pause, now))
    return found


def _why_stopped(mailbox: Mailbox, leg: MailboxLeg, organization: Organization) -> str:
    if leg.stopped_on is not None and not leg.enabled:
        return f"It was stopped after an error: {leg.last_error} {leg.last_remedy}".strip()
    return skip_reason(leg_facts(mailbox, leg), organization.policy())


def _why_not_yet(leg: MailboxLeg, pause: datetime | None, now: datetime) -> str:
    if leg.postponed_until is not None and leg.postponed_until > now:
        return f"The server asked us to wait until {_at(leg.postponed_until)}: {leg.last_error}"
    if pause is not None:
        return f"The server answered nobody lately. It is asked again on {_at(pause)}."
    if leg.failures and leg.due_on is not None and leg.due_on > now:
        return f"The last attempt to send from this mailbox failed: {leg.last_error} The next is on {_at(leg.due_on)}."
    return "It leaves with the next run of its mailbox."


def _at(time: datetime) -> str:
    return f"{time:%Y-%m-%d at %H:%M} UTC"
