"""Which tracked emails a batch may repeat or answer: two selects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from tracking.crm.identity import dup_check
from tracking.crm.models import Email
from tracking.decide.correlation import ancestor_ids
from tracking.decide.verdicts import Known, Message

_COLUMNS = (
    "id",
    "message_id",
    "message_id_dup_check",
    "subject",
    "conversation_tracking_id",
    "regarding_type_id",
    "regarding_id",
    "regarding_name",
    "direction_code",
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
    )


def repeated(messages: Sequence[Message]) -> dict[UUID, Known]:
    """Tracked emails with the same content, in either direction, by their guard (5.10)."""
    guards = [dup_check(message.key, outgoing) for message in messages for outgoing in (False, True)]
    emails = Email.objects.filter(message_id_dup_check__in=guards).only(*_COLUMNS)
    return {email.message_id_dup_check: known_of(email) for email in emails}


def answered(messages: Iterable[Message]) -> dict[str, Known]:
    """Tracked emails that these messages name as ancestors, by Message-ID; of several the newest (6.1)."""
    wanted = {one for message in messages for one in ancestor_ids(message.envelope)}
    if not wanted:
        return {}
    emails = Email.objects.filter(message_id__in=wanted).only(*_COLUMNS).order_by("id")
    return {email.message_id: known_of(email) for email in emails}
