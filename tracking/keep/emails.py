"""The rows of one kept message: email, parties, attachments. Builds, does not save."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType

from mailboxes.models import Mailbox
from mailboxes.policy import Policy
from profiles.connectors import mime
from profiles.connectors.mime import Address
from tracking.crm.conversation_index import index_of
from tracking.crm.hashing import hashes_for
from tracking.crm.identity import dup_check, stored_message_id
from tracking.crm.models import (
    ActivityMimeAttachment,
    ActivityParty,
    Blob,
    Direction,
    Email,
    EmailHash,
    Participation,
)
from tracking.crm.models.states import ActivityState, DeliveryState, EmailStatus, RecipientState
from tracking.decide.correlation import HAS_PARENT
from tracking.decide.newcomers import Newcomer, newcomer
from tracking.decide.owning import owner_of_acceptor, owner_of_email
from tracking.decide.parties import Sender, choose_sender, recipients_of
from tracking.decide.privacy import is_marked_private
from tracking.decide.verdicts import Facts, Known, Match, Message, Method, Verdict
from tracking.keep.contents import fill


@dataclass(slots=True)
class KeptEmail:
    """Everything to insert for one message."""

    email: Email
    blob: Blob | None  # None where only the header is kept (5.19)
    parties: list[ActivityParty] = field(default_factory=list)
    attachments: list[ActivityMimeAttachment] = field(default_factory=list)
    hashes: list[EmailHash] = field(default_factory=list)
    sender_matches: dict[str, Any] = field(default_factory=dict)  # for "why?" (5.12)
    newcomer: Newcomer | None = None  # the sender, if a record is to be made of it (5.15)


def build(
    message: Message,
    parsed: mime.Message,
    blob: Blob | None,
    verdict: Verdict,
    facts: Facts,
    mailbox: Mailbox,
    policy: Policy,
    now: datetime,
    email_id: UUID,
) -> KeptEmail:
    """The rows for a message that is kept under `email_id`, resolved against the facts of its batch."""
    reader_id = "" if mailbox.owner_id is None else str(mailbox.owner_id)
    sender = _sender(message, verdict, facts, reader_id, policy)
    email = _email(message, verdict, mailbox, now, email_id)
    email.owner_id = owner_of_email(message, verdict, facts, policy, reader_id) or None
    if facts.outgoing:
        _turn_outgoing(email, message, mailbox)
    email.original_id = blob.digest if blob else None
    email.is_duplicate_sender_unresolved = sender.is_open
    if sender.match is not None:
        email.email_sender_type_id, email.email_sender_id = sender.match.record
    email_type = ContentType.objects.get_for_model(Email)
    kept = KeptEmail(email, blob)
    kept.parties = list(_parties(email, email_type, message, sender.match, facts, policy))
    kept.attachments = fill(email, message, parsed, policy)
    kept.sender_matches = sender.told or {}
    kept.newcomer = newcomer(message, verdict, facts, policy, email.automatic_kind, is_private=email.is_private)
    kept.hashes = hashes_for(email_id, message.envelope, policy, now)  # 6.6
    email.shares_message_id = facts.others_share(message)
    return kept


def _sender(message: Message, verdict: Verdict, facts: Facts, reader_id: str, policy: Policy) -> Sender:
    address = message.envelope.sender
    if address is None:
        return Sender(None)
    return choose_sender(facts.matches(address.key), owner_of_acceptor(verdict, reader_id), policy)


def _email(message: Message, verdict: Verdict, mailbox: Mailbox, now: datetime, email_id: UUID) -> Email:
    envelope, correlation, index = message.envelope, verdict.correlation, index_of(message.envelope.thread_index)
    email = Email(
        id=email_id,
        subject=envelope.subject[:800],
        direction_code=Direction.INCOMING,
        state_code=ActivityState.COMPLETED,
        status_code=EmailStatus.RECEIVED,
        sender=envelope.sender.address[:250] if envelope.sender else "",
        to_recipients="; ".join(person.address for person in envelope.to)[:500],
        receiving_mailbox_id=mailbox.pk,
        message_id=stored_message_id(message.message_id),
        message_id_dup_check=dup_check(message.key, outgoing=False),
        in_reply_to=stored_message_id(envelope.in_reply_to[0]) if envelope.in_reply_to else "",
        correlation_method=correlation.method,
        correlated_subject_changed=correlation.subject_changed,
        conversation_tracking_id=email_id,
        conversation_index=envelope.thread_index[:2048],
        base_conversation_index_hash=index.base_hash if index else None,
        is_private=is_marked_private(envelope.headers),
        sent_on=message.received_on or envelope.date or now,
        created_on=now,
    )
    accepted_by = verdict.accepted_by
    if accepted_by is not None and accepted_by.kind == "queue":
        email.accepting_queue_id = accepted_by.id
    elif accepted_by is not None:
        email.accepting_user_id = accepted_by.id
    if verdict.counterpart is not None:  # 5.11
        email.counterpart_id = verdict.counterpart.id
    if correlation.email is not None:  # 6.2, 5.17
        _inherit(email, correlation.email, correlation.method)
    if message.filed is not None and message.filed.record is not None:  # 9.3
        email.regarding_type_id, email.regarding_id = message.filed.record
        email.regarding_name = message.filed.name
    return email


def _turn_outgoing(email: Email, message: Message, mailbox: Mailbox) -> None:
    """5.3: it was read in Sent Items, so the owner of the mailbox has sent it, and the server took it."""
    email.direction_code, email.status_code = Direction.OUTGOING, EmailStatus.SENT
    email.sender_mailbox_id, email.receiving_mailbox_id = mailbox.pk, None
    email.message_id_dup_check = dup_check(message.key, outgoing=True)
    email.sent_on = message.envelope.date or email.sent_on
    email.delivery_state = DeliveryState.ACCEPTED


def _inherit(email: Email, parent: Known, method: Method) -> None:
    email.correlated_activity_id = parent.id
    if method in HAS_PARENT:
        email.parent_activity_id = parent.id
    email.conversation_tracking_id = parent.conversation
    email.regarding_type_id = parent.regarding_type_id
    email.regarding_id, email.regarding_name = parent.regarding_id, parent.regarding_name


def _parties(
    email: Email, email_type: ContentType, message: Message, sender: Match | None, facts: Facts, policy: Policy
) -> Iterable[ActivityParty]:
    envelope = message.envelope
    if envelope.sender is not None:
        yield _party(email, email_type, Participation.SENDER, envelope.sender, sender)
    lists: Sequence[tuple[Participation, Sequence[Address]]] = (
        (Participation.TO, envelope.to),
        (Participation.CC, envelope.cc),
        (Participation.BCC, envelope.bcc),
    )
    for role, people in lists:
        for person in people:
            matches = recipients_of(facts.matches(person.key), policy)
            if not matches:
                yield _party(email, email_type, role, person, None)  # 5.14
            for match in matches:  # 5.13
                yield _party(email, email_type, role, person, match)


def _party(
    email: Email, email_type: ContentType, role: Participation, person: Address, match: Match | None
) -> ActivityParty:
    was_sent_to = email.direction_code == Direction.OUTGOING and role != Participation.SENDER
    return ActivityParty(
        activity_type_id=email_type.pk,
        activity_id=email.id,
        participation_type_mask=role,
        address_used=person.address[:320],
        unresolved_party_name=person.name[:200],
        party_type_id=match.type_id if match else None,
        party_id=match.record_id if match else "",
        delivery_state=RecipientState.ACCEPTED if was_sent_to else RecipientState.NOT_SENT,
    )
