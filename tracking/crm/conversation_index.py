"""Conversation indexes, the header Thread-Index: which conversation a message belongs to, and how deep in it. Pure.

[MS-OXOMSG] 2.2.1.3: a header of 22 bytes (1, five bytes of time, a GUID), and 5 more bytes for each response.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

_HEADER, _LEVEL, _GUID = 22, 5, slice(6, 22)
_LONGEST = 1_000  # bytes: almost two hundred responses; the column and mail servers take no more than a few thousand
_FIRST_TIME = datetime(1601, 1, 1, tzinfo=UTC)  # where FILETIME begins, in steps of 100 ns
_SHORT, _LONG = 18, 23  # lowest bits of a time difference that are left out, below and above 1.7 years
_DELTA = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Index:
    """What an index says: the hash of its conversation, and how many responses led to it."""

    base_hash: int
    responses: int


def index_of(thread_index: str) -> Index | None:
    """What the header Thread-Index says; None when it is missing or malformed.

    The conversation is bytes 6 to 21, a GUID. The time before it is left out: Exchange writes zeros there in some
    messages of a conversation, and a time in others ([MS-OXOCFG] 2.2.8.8).
    """
    raw = _bytes_of(thread_index)
    if raw is None:
        return None
    digest = hashlib.blake2b(raw[_GUID], digest_size=8).digest()
    return Index(int.from_bytes(digest, signed=True), (len(raw) - _HEADER) // _LEVEL)


def new_index(conversation: UUID, now: datetime) -> str:
    """The index of the first message of a conversation."""
    time = _filetime(now) >> 16 & (1 << 40) - 1
    return _text(b"\x01" + time.to_bytes(5) + conversation.bytes)


def index_after(parent: str, now: datetime, random: int) -> str:
    """The index of an answer to, or a forward of, the message with the index `parent`; "" if that is none.

    `random` is a number of 8 bits that tells answers of the same moment apart. Of a conversation deeper than anybody
    writes, the responses in between are left out.
    """
    raw = _bytes_of(parent)
    if raw is None:
        return ""
    passed = max(_filetime(now) - _time_in(raw), 0)
    is_long = bool(passed >> 32 & 0x00FE0000)
    delta = passed >> (_LONG if is_long else _SHORT) & _DELTA
    level = (delta | is_long << 31).to_bytes(4) + bytes([random & 0xFF])
    earlier = raw if len(raw) + _LEVEL <= _LONGEST else raw[:_HEADER]
    return _text(earlier + level)


def _bytes_of(thread_index: str) -> bytes | None:
    if not thread_index:
        return None
    try:
        raw = base64.b64decode(thread_index + "=" * (-len(thread_index) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) < _HEADER or (len(raw) - _HEADER) % _LEVEL or raw[0] != 1 or not any(raw[_GUID]):
        return None
    return raw


def _time_in(raw: bytes) -> int:
    """The time of the header. Exchange writes the highest five bytes of it behind the 1; Outlook, and we, take the 1 for
    the highest byte, which it is until 2057."""
    if raw[1] == 1:
        return int.from_bytes(raw[1:6]) << 24
    return int.from_bytes(raw[:6]) << 16


def _filetime(moment: datetime) -> int:
    return (moment - _FIRST_TIME) // timedelta(microseconds=1) * 10


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
