"""Which tracked emails a batch may repeat or answer by their identity: one select."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from tracking.crm.identity import stored_message_id
from tracking.crm.models import Email
from tracking.decide.correlation import ancestor_ids
from tracking.decide.verdicts import Known, Message

COLUMNS = (
    "id",
    "message_id",
    "message_id_dup_check",
    "subject",
    "conversation_tracking_id",
    "regarding_type_id",
    "regarding_id",
    "regarding_name",
    "direction_code",
    "owner_id",
)


def known_of(email: Email) -> Known:
    """The part of an email that decisions look at."""
    return Known(
        id=email.id,
        message_id=email.message_id,
        subject=email.subject,
        conversation=email.conversation_tracking_id or email.id,
        regarding_type_id=email.regarding_type_id,
        regarding_id=email.regarding_id,
        regarding_name=email.regarding_name,
        outgoing=email.direction_code,
        guard=email.message_id_dup_check,
        owner_id="" if email.owner_id is None else str(email.owner_id),
    )


@dataclass(slots=True)
class Tracked:
    """Emails by their guard (5.10) and by their Message-ID; of several with one Message-ID the newest counts (6.1)."""

    by_guard: dict[UUID, Known] = field(default_factory=dict)
    by_message_id: dict[str, Known] = field(default_factory=dict)
    sharing: dict[str, list[Known]] = field(default_factory=dict)  # where there are several, the newest first


def tracked_emails(messages: Iterable[Message]) -> Tracked:
    """The emails with the Message-IDs that these messages name as ancestors, and with their own: the same contents in
    either direction, for the content key is made of the Message-ID too, and other messages that bear it as well."""
    messages = list(messages)
    named = {one for message in messages for one in ancestor_ids(message.envelope)}
    named |= {stored_message_id(message.message_id) for message in messages}
    emails = Email.objects.filter(message_id__in=named)
    return _sorted(emails.only(*COLUMNS).order_by("id"))


def _sorted(emails: Iterable[Email]) -> Tracked:
    found = Tracked()
    for email in map(known_of, emails):
        if email.guard is not None:
            found.by_guard[email.guard] = email
        before = found.by_message_id.get(email.message_id)
        if before is not None:
            found.sharing[email.message_id] = [email, *found.sharing.get(email.message_id, [before])]
        found.by_message_id[email.message_id] = email
    return found
