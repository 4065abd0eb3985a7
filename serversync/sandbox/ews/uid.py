"""The identity of an appointment in all calendars that have it: UID and GlobalObjectId (MS-OXOCAL 2.2.1.27)."""

from __future__ import annotations

import binascii
import secrets
import struct
from datetime import UTC, date, datetime

CLASS_ID = bytes.fromhex("040000008200E00074C5B7101A82E008")
_FROM_ELSEWHERE = b"vCal-Uid\x01\x00\x00\x00"
_FILETIME_BEGINS = datetime(1601, 1, 1, tzinfo=UTC)


def new_uid(now: datetime) -> str:
    """The UID of an appointment that is made now: its GlobalObjectId in hexadecimal."""
    ticks = int((now - _FILETIME_BEGINS).total_seconds()) * 10_000_000
    return _global_object_id(ticks, secrets.token_bytes(16)).hex().upper()


def global_object_id(uid: str, day: date | None = None) -> bytes:
    """The GlobalObjectId of an appointment with this UID, of one occurrence if the day of its original start is given."""
    try:
        known = bytes.fromhex(uid)
    except (binascii.Error, ValueError):
        known = b""
    if not known.startswith(CLASS_ID):
        known = _global_object_id(0, _FROM_ELSEWHERE + uid.encode() + b"\x00")
    instance = b"\x00\x00\x00\x00" if day is None else struct.pack(">HBB", day.year, day.month, day.day)
    return known[:16] + instance + known[20:]


def _global_object_id(ticks: int, data: bytes) -> bytes:
    return CLASS_ID + b"\x00" * 4 + struct.pack("<Q", ticks) + b"\x00" * 8 + struct.pack("<I", len(data)) + data
