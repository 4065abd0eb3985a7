"""Writing an email: one call makes the draft with its parties and attachments."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction

from mailboxes.models import AddressEntry, Mailbox
from profiles.connectors.mime import Address
from profiles.identifiers import uuid7
from tracking.crm.models import ActivityMimeAttachment, ActivityParty, Direction, Email, Participation
from tracking.crm.models.states import ActivityState, CorrelationMethod, EmailStatus
from tracking.crm.storage import store


@dataclass(frozen=True, slots=True)
class NewEmail:
    """What a person writes. `answers` is the email it replies to; `attachments` are (name, type, content)."""

    mailbox: Mailbox
    to: Sequence[Address]
    subject: str
    text: str = ""
    html: str = ""
    cc: Sequence[Address] = ()
    bcc: Sequence[Address] = ()
    answers: Email | None = None
    regarding: models.Model | None = None
    attachments: Sequence[tuple[str, str, bytes]] = ()


def write_draft(new: NewEmail, now: datetime) -> Email:
    """Save the draft. Submit it with `delivery.submit`. Raises ValueError naming an address that is malformed."""
    people = [*new.to, *new.cc, *new.bcc]
    for person in people:
        if not person.is_valid:
            raise ValueError(f"“{person.address}” is not an email address")
    email = _email(new, now)
    blobs = [(name, kind, content, store(content, now)) for name, kind, content in new.attachments]
    with transaction.atomic():
        for *_, blob in blobs:
            blob.save()
        email.save(force_insert=True)
        ActivityParty.objects.bulk_create(_parties(email, new))
        ActivityMimeAttachment.objects.bulk_create(
            ActivityMimeAttachment(
                email=email,
                attachment_number=number,
                file_name=name[:255],
                mime_type=kind[:256],
                file_size=len(content),
                blob=blob,
            )
            for number, (name, kind, content, blob) in enumerate(blobs, start=1)
        )
    return email


def _email(new: NewEmail, now: datetime) -> Email:
    email_id, answers = uuid7(), new.answers
    email = Email(
        id=email_id,
        subject=new.subject[:800],
        description=new.html or new.text,
        mime_type="text/html" if new.html else "text/plain",
        direction_code=Direction.OUTGOING,
        state_code=ActivityState.OPEN,
        status_code=EmailStatus.DRAFT,
        sender=new.mailbox.email_address[:250],
        to_recipients="; ".join(person.address for person in new.to)[:500],
        owner_id=new.mailbox.owner_id,
        sender_mailbox=new.mailbox,
        message_id_dup_check=uuid.uuid4(),  # until the message is fixed
        conversation_tracking_id=email_id,
        attachment_count=len(new.attachments),
        created_on=now,
    )
    if answers is not None:
        email.parent_activity = email.correlated_activity = answers
        email.correlation_method = CorrelationMethod.IN_REPLY_TO
        email.in_reply_to = answers.message_id
        email.conversation_tracking_id = answers.conversation_tracking_id or answers.pk
        _set_regarding(email, answers.regarding_type_id, answers.regarding_id, answers.regarding_name)
    if new.regarding is not None:
        kind = ContentType.objects.get_for_model(new.regarding)
        _set_regarding(email, kind.pk, str(new.regarding.pk), str(new.regarding)[:400])
    return email


def _set_regarding(email: Email, type_id: int | None, record_id: str, name: str) -> None:
    email.regarding_type_id, email.regarding_id, email.regarding_name = type_id, record_id, name


def _parties(email: Email, new: NewEmail) -> list[ActivityParty]:
    lists: list[tuple[Participation, Sequence[Address]]] = [
        (Participation.SENDER, [Address(new.mailbox.name, new.mailbox.email_address)]),
        (Participation.TO, new.to),
        (Participation.CC, new.cc),
        (Participation.BCC, new.bcc),
    ]
    known = _records({person.key for _, people in lists for person in people})
    email_type = ContentType.objects.get_for_model(Email)
    return [
        ActivityParty(
            activity_type=email_type,
            activity_id=email.pk,
            participation_type_mask=role,
            address_used=person.address[:320],
            unresolved_party_name=person.name[:200],
            **known.get(person.key, {}),
        )
        for role, people in lists
        for person in people
    ]


def _records(addresses: set[str]) -> dict[str, dict[str, Any]]:
    """One active record for each address, the oldest entry."""
    entries = AddressEntry.objects.filter(address__in=addresses, is_active=True).order_by("-created_on", "-id")
    return {entry.address: {"party_type_id": entry.record_type_id, "party_id": entry.record_id} for entry in entries}
