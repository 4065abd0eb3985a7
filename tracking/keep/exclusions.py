"""What is never tracked, by the word of a mailbox's owner, or of the organization where no mailbox is named (law 12)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mailboxes.models import Mailbox
from profiles.connectors import mime
from tracking.crm.models import Email
from tracking.crm.storage import read
from tracking.decide.exclusions import as_stored
from tracking.models import TrackingExclusion
from tracking.models.exclusions import ExclusionKind


def add(mailbox: Mailbox | None, kind: ExclusionKind, value: str, by: Any, now: datetime) -> list[TrackingExclusion]:
    """Exclude an address, a domain, or a conversation by its id or the Message-ID of its first message.

    Mail that arrives from now on is judged by it; what is tracked already stays. Raises ValueError with a sentence for
    whoever wrote the value.
    """
    return _add(mailbox, kind, [as_stored(ExclusionKind(kind).name.lower(), value)], by, now)


def add_conversation_of(email: Email, mailbox: Mailbox, by: Any, now: datetime) -> list[TrackingExclusion]:
    """Exclude the conversation of an email: by its id while anything of it is tracked, and by the Message-ID of its first
    message, which also those name that answer when nothing of it is left."""
    names = [str(email.conversation_tracking_id or email.pk), _first_of(email)]
    begun = Email.objects.filter(pk=email.conversation_tracking_id or email.pk).first()
    if begun is not None:
        names.append(_first_of(begun))
    return _add(mailbox, ExclusionKind.THREAD, [one.lower()[:320] for one in names if one], by, now)


def _first_of(email: Email) -> str:
    """The Message-ID of the first message that an email names."""
    try:
        envelope = mime.envelope(read(email.original_id)) if email.original_id else None
    except FileNotFoundError:
        envelope = None
    if envelope is None:
        return email.in_reply_to or email.message_id
    return [*envelope.references[:1], *envelope.in_reply_to[:1], email.message_id][0]


def _add(
    mailbox: Mailbox | None, kind: ExclusionKind, values: list[str], by: Any, now: datetime
) -> list[TrackingExclusion]:
    # Written at once, past the change history: whom a person wants to keep out of the system is their affair.
    TrackingExclusion.objects.bulk_create(
        [
            TrackingExclusion(mailbox=mailbox, kind=kind, value=value, created_by=by, created_on=now)
            for value in dict.fromkeys(values)
        ],
        ignore_conflicts=True,
    )
    return list(TrackingExclusion.objects.filter(mailbox=mailbox, kind=kind, value__in=values))


def together_with(exclusion: TrackingExclusion) -> list[TrackingExclusion]:
    """The rows that stand for one exclusion: a conversation has several names."""
    if exclusion.kind != ExclusionKind.THREAD:
        return [exclusion]
    same = TrackingExclusion.objects.filter(
        mailbox=exclusion.mailbox_id, kind=exclusion.kind, created_on=exclusion.created_on
    )
    return list(same)


def remove(exclusion: TrackingExclusion) -> None:
    """Lift it for mail that arrives from now on; what was ignored stays ignored, and can be tracked singly."""
    ids = [one.pk for one in together_with(exclusion)]
    found = TrackingExclusion.objects.filter(pk__in=ids)
    found._raw_delete(found.db)  # past the change history, as it was added
