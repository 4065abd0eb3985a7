"""Emails of which nobody knows whether they left: how they become so, and what settles them (law 7)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from mailboxes.models import Leg, MailboxLeg
from profiles.items import Refused
from tracking.crm.delivery.moves import IllegalMove, move, tell
from tracking.crm.delivery.recipients import forget_refusals, note_arrived, note_unknown, somebody_has_it
from tracking.crm.models import Email
from tracking.crm.models.events import EventKind
from tracking.crm.models.states import DeliveryState, EmailStatus

S = EmailStatus


def mark_unknown(
    email: Email, detail: str, now: datetime, refused: Iterable[Refused] = (), until: datetime | None = None
) -> None:
    """Handed over, and then the line or the process broke: nobody knows. It is never sent again by itself (law 7).

    `refused` are recipients whom the server refused before: of them it is known. `until` is when those whom it put off may
    be tried again. If a report about it was faster, it is settled at once. Call it inside a transaction.
    """
    waits = {} if until is None else {"postpone_email_processing_until": until}
    changed = Email.objects.filter(pk=email.pk, status_code=S.SENDING).update(
        delivery_state=DeliveryState.UNKNOWN, delivery_detail=detail[:2000], modified_on=now, **waits
    )
    if not changed:
        raise IllegalMove("only an email that is being sent can become unknown")
    email.delivery_state = DeliveryState.UNKNOWN
    if until is not None:
        email.postpone_email_processing_until = until
    note_unknown(email, refused)
    if email.sent_on is None and somebody_has_it(email):
        resolve_unknown(email, was_sent=True, now=now)
        return
    tell(email, EventKind.EMAIL_UNKNOWN, now)


def resolve_unknown(email: Email, was_sent: bool, now: datetime) -> None:
    """A person, or a proof, settles an unknown delivery: it did arrive, or it shall be sent again. Who was put off by the
    server when it left is tried again in both cases (7.4)."""
    if email.delivery_state != DeliveryState.UNKNOWN:
        raise IllegalMove("the delivery of this email is not unknown")
    with transaction.atomic():
        if was_sent:
            _arrived(email, now)
        else:
            forget_refusals(email)
            known: dict[str, Any] = {"delivery_state": DeliveryState.NOT_SENT, "delivery_detail": ""}
            # As where a person releases what was held: nobody is asked once more (7.3).
            move(email, S.PENDING_SEND, now, postpone_email_processing_until=now, **known)
            tell(email, EventKind.EMAIL_SUBMITTED, now)
            _ask_to_send(email, now)


def _arrived(email: Email, now: datetime) -> None:
    state, somebody_waits = note_arrived(email)
    known: dict[str, Any] = {"delivery_state": state, "delivery_detail": "", "sent_on": email.sent_on or now}
    if not somebody_waits:
        move(email, S.SENT, now, **known)
        return
    until = max(now, email.postpone_email_processing_until or now)  # what the server asked for stands
    move(email, S.PENDING_SEND, now, postpone_email_processing_until=until, **known)
    _ask_to_send(email, now)


def _ask_to_send(email: Email, now: datetime) -> None:
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
