"""Writing an email: one call makes the draft with its parties and attachments, one more sends it, another rewrites it."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.models import AbstractUser
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction

from mailboxes.models import AddressEntry, Mailbox
from profiles.connectors.mime import Address, preview_of
from profiles.connectors.mime.charsets import without_nul
from profiles.identifiers import uuid7
from tracking.crm import delivery
from tracking.crm.conversation_index import index_after, index_of, new_index
from tracking.crm.display import sendable
from tracking.crm.models import ActivityMimeAttachment, ActivityParty, Blob, Direction, Email, Participation
from tracking.crm.models.states import ActivityState, CorrelationMethod, EmailStatus, Priority
from tracking.crm.storage import store


class NewAttachment(NamedTuple):
    """A file that goes out. With a `content_id` it is an image of the HTML body, which shows it as `cid:content_id`."""

    name: str
    mime_type: str
    content: bytes
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class NewEmail:
    """What a person writes. `answers` is the email it replies to or forwards; `html` wins over `text` where both are given,
    and is sanitised. `not_before` is when it may leave (7.9). Without a record as `regarding` an answer is about what its
    original is about, and a draft that is rewritten about what it was, unless `is_about_nothing`."""

    mailbox: Mailbox
    to: Sequence[Address]
    subject: str
    text: str = ""
    html: str = ""
    cc: Sequence[Address] = ()
    bcc: Sequence[Address] = ()
    answers: Email | None = None
    regarding: models.Model | None = None
    is_about_nothing: bool = False
    attachments: Sequence[NewAttachment | tuple[str, str, bytes]] = ()
    priority: int = Priority.NORMAL
    not_before: datetime | None = None
    asks_for_delivery_receipt: bool = False
    asks_for_read_receipt: bool = False


def write_draft(
    new: NewEmail, now: datetime, by: AbstractUser | None = None, *, email_id: uuid.UUID | None = None
) -> Email:
    """Save the draft; it belongs to `by`, else to the owner of the mailbox. Submit it with `delivery.submit`.

    Raises ValueError naming an address that is malformed. Whoever may be asked twice for the same draft, as by a button
    that is pressed twice, gives the id it shall have: the second time raises IntegrityError.
    """
    return _write(new, now, by, email_id or uuid7(), instead_of=None)


def _write(
    new: NewEmail, now: datetime, by: AbstractUser | None, email_id: uuid.UUID, instead_of: Email | None
) -> Email:
    _insist_on_addresses(new)
    email = Email(
        id=email_id,
        direction_code=Direction.OUTGOING,
        state_code=ActivityState.OPEN,
        status_code=EmailStatus.DRAFT,
        message_id_dup_check=uuid.uuid4(),  # until the message is fixed
        conversation_tracking_id=email_id,
        owner_id=by.pk if by is not None else new.mailbox.owner_id,
        created_on=now,
    )
    if new.answers is not None:
        _join(email, new.answers)
    if instead_of is not None:
        _set_regarding(email, instead_of.regarding_type_id, instead_of.regarding_id, instead_of.regarding_name)
    _place_in_conversation(email, new.answers, now)
    _save(email, new, now, is_new=True)
    return email


def write_and_send(new: NewEmail, now: datetime, by: AbstractUser | None = None) -> Email:
    """Write an email and send it: it leaves with the next run of its mailbox, or when it may (7.2, 7.9).

    `by` is who sends it, whose rights count (7.5); None is a program. Raises ValueError naming what is wrong and what
    would help; nothing is left behind then.
    """
    with transaction.atomic():
        email = write_draft(new, now, by)
        delivery.submit(email, now, by=by)
    return email


def rewrite(draft: Email, new: NewEmail, now: datetime, by: AbstractUser | None = None) -> Email:
    """Change a draft, or write what failed anew. What was fixed once is never changed, as a server may hold a copy of it
    under its Message-ID: another email takes its place, and it is cancelled. Returns the email that counts from now on.

    Raises ValueError as `write_draft` does, and delivery.IllegalMove where the email is neither draft nor failed.
    """
    _insist_on_addresses(new)
    with transaction.atomic():
        held = Email.objects.select_for_update().get(pk=draft.pk)
        if held.status_code not in (EmailStatus.DRAFT, EmailStatus.FAILED):
            raise delivery.IllegalMove(f"the email is {held.get_status_code_display().lower()}, no draft any more")
        if held.original_id is not None:
            delivery.cancel(held, now)
            return _write(new, now, by, uuid7(), instead_of=held)
        ActivityParty.objects.filter(activity_type=_email_type(), activity_id=held.pk).delete()
        held.attachments.all().delete()
        _save(held, new, now, is_new=False)
    return held


def _insist_on_addresses(new: NewEmail) -> None:
    for person in [*new.to, *new.cc, *new.bcc]:
        if not person.is_valid:
            raise ValueError(f"“{person.address}” is not an email address")


def _save(email: Email, new: NewEmail, now: datetime, *, is_new: bool) -> None:
    """Write what the person decides, in one transaction; the files are durable before it."""
    new = _storable(new)
    files = [NewAttachment(*one) for one in new.attachments]
    blobs = [store(file.content, now) for file in files]
    _fill(email, new)
    with transaction.atomic():
        for blob in blobs:
            blob.save()
        email.save(force_insert=is_new)
        ActivityParty.objects.bulk_create(_parties(email, new))
        ActivityMimeAttachment.objects.bulk_create(_attachments(email, zip(files, blobs, strict=True)))


def _storable(new: NewEmail) -> NewEmail:
    """Without what PostgreSQL cannot hold in a text: a pasted NUL is nobody's word."""

    def people(listed: Sequence[Address]) -> list[Address]:
        return [Address(without_nul(one.name), one.address) for one in listed]

    files = [NewAttachment(*one) for one in new.attachments]
    return replace(
        new,
        subject=without_nul(new.subject),
        text=without_nul(new.text),
        html=without_nul(new.html),
        to=people(new.to),
        cc=people(new.cc),
        bcc=people(new.bcc),
        attachments=[file._replace(name=without_nul(file.name)) for file in files],
    )


def _fill(email: Email, new: NewEmail) -> None:
    email.subject = new.subject[:800]
    email.description = sendable(new.html) if new.html else new.text
    email.mime_type = "text/html" if new.html else "text/plain"
    email.preview = preview_of("" if new.html else new.text, email.description if new.html else "")
    email.sender = new.mailbox.email_address[:250]
    email.to_recipients = "; ".join(person.address for person in new.to)[:500]
    email.sender_mailbox, email.represents = new.mailbox, None
    email.attachment_count = len(new.attachments)
    email.priority_code = email.delivery_priority_code = new.priority
    email.delayed_email_send_time = new.not_before
    email.delivery_receipt_requested = new.asks_for_delivery_receipt
    email.read_receipt_requested = new.asks_for_read_receipt
    if new.regarding is not None:
        kind = ContentType.objects.get_for_model(new.regarding)
        _set_regarding(email, kind.pk, str(new.regarding.pk), str(new.regarding)[:400])
    elif new.is_about_nothing:
        _set_regarding(email, None, "", "")


def _join(email: Email, answers: Email) -> None:
    """The email is part of the conversation of the one that it answers or passes on, and about the same record (6.2)."""
    email.parent_activity = email.correlated_activity = answers
    email.correlation_method = CorrelationMethod.IN_REPLY_TO
    email.in_reply_to = answers.message_id
    email.conversation_tracking_id = answers.conversation_tracking_id or answers.pk
    email.tracking_token = _token_of(email.conversation_tracking_id)
    _set_regarding(email, answers.regarding_type_id, answers.regarding_id, answers.regarding_name)


def _token_of(conversation: uuid.UUID) -> str:
    """The token that this conversation was given last: it stays the same (6.5)."""
    sent = Email.objects.filter(conversation_tracking_id=conversation, direction_code=Direction.OUTGOING)
    found = sent.exclude(tracking_token="").order_by("-id").values_list("tracking_token", flat=True).first()
    return found or ""


def _place_in_conversation(email: Email, answers: Email | None, now: datetime) -> None:
    """The index that goes out as Thread-Index: one below that of the original, or a new one (6.1)."""
    conversation = email.conversation_tracking_id or email.pk
    earlier = answers.conversation_index if answers is not None else ""
    written = index_after(earlier, now, secrets.randbits(8)) if earlier else ""
    email.conversation_index = written or new_index(conversation, now)
    index = index_of(email.conversation_index)
    email.base_conversation_index_hash = index.base_hash if index else None


def _set_regarding(email: Email, type_id: int | None, record_id: str, name: str) -> None:
    email.regarding_type_id, email.regarding_id, email.regarding_name = type_id, record_id, name


def _attachments(email: Email, files: Iterable[tuple[NewAttachment, Blob]]) -> list[ActivityMimeAttachment]:
    return [
        ActivityMimeAttachment(
            email=email,
            attachment_number=number,
            file_name=file.name[:255],
            mime_type=file.mime_type[:256],
            file_size=len(file.content),
            attachment_content_id=file.content_id[:250],
            is_inline=bool(file.content_id),
            blob=blob,
        )
        for number, (file, blob) in enumerate(files, start=1)
    ]


def _parties(email: Email, new: NewEmail) -> list[ActivityParty]:
    lists: list[tuple[Participation, Sequence[Address]]] = [
        (Participation.SENDER, [Address(new.mailbox.name, new.mailbox.email_address)]),
        (Participation.TO, new.to),
        (Participation.CC, new.cc),
        (Participation.BCC, new.bcc),
    ]
    known = _records({person.key for _, people in lists for person in people})
    return [
        ActivityParty(
            activity_type=_email_type(),
            activity_id=email.pk,
            participation_type_mask=role,
            address_used=person.address[:320],
            unresolved_party_name=person.name[:200],
            **known.get(person.key, {}),
        )
        for role, people in lists
        for person in people
    ]


def _email_type() -> ContentType:
    return ContentType.objects.get_for_model(Email)


def _records(addresses: set[str]) -> dict[str, dict[str, Any]]:
    """One active record for each address, the oldest entry."""
    entries = AddressEntry.objects.filter(address__in=addresses, is_active=True).order_by("-created_on", "-id")
    return {entry.address: {"party_type_id": entry.record_type_id, "party_id": entry.record_id} for entry in entries}
