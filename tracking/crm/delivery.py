"""Outgoing mail: submitting, and the one table of moves of its status (7.1–7.4, law 11)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from mailboxes.models import Leg, Mailbox, MailboxLeg
from mailboxes.models.settings import current_policy
from profiles.connectors import mime
from profiles.connectors.mime import Address
from profiles.items import Letter
from tracking.crm.hashing import hashes_for
from tracking.crm.identity import content_key, dup_check, stored_message_id
from tracking.crm.issuing import subject_with_token
from tracking.crm.models import ActivityParty, DomainEvent, Email, EmailHash, Participation
from tracking.crm.models.events import EventKind
from tracking.crm.models.states import EMAIL_PAIRS, DeliveryState, EmailStatus, state_of
from tracking.crm.storage import read, store

S = EmailStatus
MOVES: dict[EmailStatus, frozenset[EmailStatus]] = {
    S.DRAFT: frozenset({S.PENDING_SEND, S.CANCELED, S.COMPLETED}),
    S.PENDING_SEND: frozenset({S.SENDING, S.FAILED, S.DRAFT, S.CANCELED}),
    S.SENDING: frozenset({S.SENT, S.FAILED, S.PENDING_SEND}),
    S.FAILED: frozenset({S.PENDING_SEND, S.CANCELED}),
    S.SENT: frozenset(),
    S.RECEIVED: frozenset(),
    S.COMPLETED: frozenset(),
    S.CANCELED: frozenset(),
}
# "Submitted" is told where a person submits: a worker that takes an email back to Pending Send submits nothing.
_EVENTS = {S.SENT: EventKind.EMAIL_SENT, S.FAILED: EventKind.EMAIL_FAILED}


class IllegalMove(Exception):
    """The status may not change that way (law 11)."""


def move(email: Email, to: EmailStatus, now: datetime, **columns: Any) -> None:
    """Change the status by a legal move, if the row still has the status we think it has; write the event.

    Raises IllegalMove. Call it inside a transaction that also pins the lease, when a worker does it.
    """
    held = EmailStatus(email.status_code)
    if to not in MOVES[held]:
        raise IllegalMove(f"{held.label} cannot become {to.label}")
    columns |= {"status_code": to, "state_code": state_of(EMAIL_PAIRS, to)}
    if not Email.objects.filter(pk=email.pk, status_code=held).update(modified_on=now, **columns):
        raise IllegalMove(f"the email is no longer {held.label}")
    for column, value in columns.items():
        setattr(email, column, value)
    if to in _EVENTS:
        tell(email, _EVENTS[to], now)


def tell(email: Email, kind: EventKind, now: datetime) -> None:
    """Write the domain event, in the transaction of what it tells."""
    DomainEvent.objects.create(kind=kind, happened_on=now, subject_id=str(email.pk), mailbox_id=email.sender_mailbox_id)


def submit(email: Email, now: datetime) -> None:
    """Send (7.2): fix Message-ID and MIME once and for all, set Pending Send, and ask the mailbox's outgoing leg to run.

    A failed email is sent again as the very same message. Raises IllegalMove, or ValueError naming what is missing.
    """
    if email.sender_mailbox is None:
        raise ValueError("From: the email has no mailbox to be sent from")
    blob, hashes = None, []
    columns: dict[str, Any] = {"delivery_state": DeliveryState.NOT_SENT, "postpone_email_processing_until": None}
    if email.original_id is None:
        policy = current_policy()
        subject, token = subject_with_token(email, policy)  # 6.5
        raw = _compose(email, email.sender_mailbox, subject, now)
        envelope = mime.envelope(raw)
        hashes = hashes_for(email.pk, envelope, policy, now)
        blob = store(raw, now)
        columns |= {
            "original": blob,
            "message_id": stored_message_id(envelope.message_id),
            "message_id_dup_check": dup_check(content_key(envelope), outgoing=True),
            "subject": subject,
            "tracking_token": token,
        }
    with transaction.atomic():
        if blob is not None:
            blob.save()
        EmailHash.objects.bulk_create(hashes)
        move(email, S.PENDING_SEND, now, **columns)
        tell(email, EventKind.EMAIL_SUBMITTED, now)
        MailboxLeg.objects.filter(mailbox=email.sender_mailbox, leg=Leg.OUTGOING).request(now)


def _compose(email: Email, mailbox: Mailbox, subject: str, now: datetime) -> bytes:
    """The message as it will be on the wire. Raises ValueError when nobody would receive it."""
    parties = _recipients(email)
    if not any(parties.values()):
        raise ValueError("To: the email has no recipient")
    domain = mailbox.email_address.rpartition("@")[2] or "localhost"
    is_html = email.mime_type == "text/html"
    parent = email.parent_activity
    return mime.compose(
        message_id=f"<{email.pk}@{domain}>",
        date=now,
        sender=Address(mailbox.name, mailbox.email_address),
        to=parties[Participation.TO],
        cc=parties[Participation.CC],
        subject=subject,
        text=mime.summary_of_html(email.description) if is_html else email.description,
        html=email.description if is_html else "",
        in_reply_to=parent.message_id if parent else "",
        references=_references(parent),
        attachments=[
            (one.file_name, one.mime_type, read(one.blob_id))
            for one in email.attachments.all()
            if one.blob_id is not None
        ],
    )


def _references(parent: Email | None) -> list[str]:
    """RFC 5322 §3.6.4: the parent's references, then the parent."""
    if parent is None or not parent.message_id:
        return []
    earlier = mime.envelope(read(parent.original_id)).references if parent.original_id else ()
    return [*earlier, parent.message_id]


def _recipients(email: Email) -> dict[Participation, list[Address]]:
    """The addresses of each list, each address once."""
    lists: dict[Participation, dict[str, Address]] = {
        Participation.TO: {},
        Participation.CC: {},
        Participation.BCC: {},
    }
    for party in ActivityParty.objects.filter(activity_id=email.pk).order_by("id"):
        people = lists.get(Participation(party.participation_type_mask))
        if people is not None:
            address = Address(party.unresolved_party_name, party.address_used)
            people.setdefault(address.key, address)
    return {role: list(people.values()) for role, people in lists.items()}


def letter_of(email: Email, instance_id: str, save_copy: bool) -> Letter:
    """The fixed message with its envelope; Bcc recipients are in the envelope only."""
    assert email.original_id is not None, "fixed when it was submitted"
    assert email.sender_mailbox is not None, "fixed when it was submitted"
    people = {person.key: person.address for listed in _recipients(email).values() for person in listed}
    return Letter(
        mark=f"{instance_id}/{email.pk}",
        message_id=email.message_id,
        sender=email.sender_mailbox.email_address,
        recipients=tuple(people.values()),
        raw=read(email.original_id),
        save_copy=save_copy,
    )


def waiting_to_send(mailbox: Mailbox, now: datetime, limit: int) -> list[Email]:
    """What may go out now, in the order it was written (7.2, 7.9)."""
    ready = Q(postpone_email_processing_until__isnull=True) | Q(postpone_email_processing_until__lte=now)
    ready &= Q(delayed_email_send_time__isnull=True) | Q(delayed_email_send_time__lte=now)
    emails = Email.objects.filter(ready, sender_mailbox=mailbox, status_code=S.PENDING_SEND)
    return list(emails.select_related("sender_mailbox").order_by("id")[:limit])


def next_send_time(mailbox: Mailbox, now: datetime) -> datetime | None:
    """When the first email that has to wait may go out."""
    waiting = Email.objects.filter(sender_mailbox=mailbox, status_code=S.PENDING_SEND).values_list(
        "postpone_email_processing_until", "delayed_email_send_time"
    )
    times = [max(time for time in pair if time) for pair in waiting if any(pair)]
    return min((time for time in times if time > now), default=None)


def left_in_sending(mailbox: Mailbox) -> list[Email]:
    """What a worker was handing over when it died, and nobody has looked at since."""
    emails = Email.objects.filter(sender_mailbox=mailbox, status_code=S.SENDING)
    return list(emails.exclude(delivery_state=DeliveryState.UNKNOWN).select_related("sender_mailbox").order_by("id"))


def begin_attempts(emails: list[Email]) -> None:
    """Count the attempt before anything happens on the server: who has attempts may have left something there."""
    Email.objects.filter(pk__in=[email.pk for email in emails]).update(delivery_attempts=F("delivery_attempts") + 1)


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
            move(email, S.SENT, now, delivery_state=DeliveryState.ACCEPTED, sent_on=email.sent_on or now)
        else:
            move(email, S.PENDING_SEND, now, delivery_state=DeliveryState.NOT_SENT)
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
