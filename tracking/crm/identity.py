"""What makes two messages the same: the content key, never the raw bytes (Exchange renders MIME anew at each read)."""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import datetime
from functools import lru_cache

from profiles.connectors.mime import Envelope

MESSAGE_ID_SIZE = 320  # 6.7
_REPLY_MARKS = re.compile(r"^(?:\s*[\w]{1,6}(?:\[\d{1,3}\])?\s?[:：]\s*)+")
_BLANKS = re.compile(r"\s+")


def stored_message_id(message_id: str) -> str:
    """The form in which Message-IDs are stored and looked up: cut to the column's size."""
    return message_id[:MESSAGE_ID_SIZE]


def normalised_subject(subject: str) -> str:
    """The subject without white space differences and in lower case; reply marks stay."""
    return _BLANKS.sub(" ", subject).strip().casefold()


def bare_subject(subject: str) -> str:
    """The subject without leading reply and forward marks ("Re:", "AW:", "Fwd[2]:"), for telling whether it changed."""
    return _REPLY_MARKS.sub("", normalised_subject(subject))


def content_key(envelope: Envelope, body: str = "") -> str:
    """32 hex digits over Message-ID, Date in UTC, From and the normalised subject.

    Without a Message-ID the readable body counts as well, white space aside: otherwise two messages of the same second,
    sender and subject would be taken for one (peers 10). Give `body` then, and only then does it matter.
    """
    sender = envelope.sender.key if envelope.sender else ""
    parts = [envelope.message_id, _instant(envelope.date), sender, normalised_subject(envelope.subject)]
    if not envelope.message_id:
        parts.append(_BLANKS.sub(" ", body).strip())
    return hashlib.blake2b("\x00".join(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()


def _instant(date: datetime | None) -> str:
    return "" if date is None else str(int(date.timestamp()))


def synthetic_message_id(key: str) -> str:
    """A stable stand-in for a missing Message-ID, made from the content key."""
    return f"<{key}@no-message-id.invalid>"


@lru_cache(maxsize=1024)
def dup_check(key: str, outgoing: bool) -> uuid.UUID:
    """The unique guard of 5.10: one activity per content key and direction."""
    digest = hashlib.blake2b(key.encode(), digest_size=16, person=b"sent" if outgoing else b"received").digest()
    return uuid.UUID(bytes=digest)
