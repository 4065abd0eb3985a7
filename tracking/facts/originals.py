"""What a stored original says, read once more: what `tracking.keep.rebuilding` compares with the rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from mailboxes.models import Mailbox
from profiles.connectors import mime
from tracking.crm.models import Direction, Email
from tracking.crm.models.states import EmailStatus
from tracking.crm.storage import read
from tracking.decide.verdicts import Message
from tracking.facts.messages import message_of


@dataclass(frozen=True, slots=True)
class Reread:
    """One email as it would be built today; `problem` says why it cannot be."""

    email_id: UUID
    original_id: str
    message: Message | None = None
    parsed: mime.Message | None = None
    problem: str = ""


def rebuildable() -> QuerySet[Email]:
    """The emails that were made from an original: received ones, and those read in Sent Items (5.3). What was written here
    was made by a person, and its original from it."""
    read_in_sent_items = Q(direction_code=Direction.OUTGOING, status_code=EmailStatus.SENT, delivery_attempts=0)
    made_from_it = Q(direction_code=Direction.INCOMING) | read_in_sent_items
    return Email.objects.filter(made_from_it, original__isnull=False)


def chosen(
    mailboxes: Iterable[Mailbox] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    message_ids: Sequence[str] = (),
) -> QuerySet[Email]:
    """Those of them that were received or sent by one of the mailboxes, in this time, with one of these Message-IDs."""
    emails, some = rebuildable(), [mailbox.pk for mailbox in mailboxes]
    if some:
        emails = emails.filter(Q(receiving_mailbox__in=some) | Q(sender_mailbox__in=some))
    if since is not None:
        emails = emails.filter(sent_on__gte=since)
    if until is not None:
        emails = emails.filter(sent_on__lt=until)
    if message_ids:
        both = {form for one in message_ids for form in (one, f"<{one.strip('<>')}>")}
        emails = emails.filter(message_id__in=both)
    return emails


def reread(email: Email) -> Reread:
    """Read the original of an email again. Never raises for what is in it."""
    original = email.original_id or ""
    try:
        raw = read(original)
    except OSError as error:
        return Reread(email.pk, original, problem=f"The original cannot be read: {type(error).__name__}.")
    try:
        return _reread(email, original, raw)
    except Exception as error:  # law 5: one bad mail costs one line
        return Reread(email.pk, original, problem=f"The original could not be taken apart: {type(error).__name__}.")


def _reread(email: Email, original: str, raw: bytes) -> Reread:
    parsed = mime.message(raw)
    message = message_of(parsed.envelope, raw, parsed, size=len(raw), received_on=email.sent_on)
    return Reread(email.pk, original, message, parsed)
