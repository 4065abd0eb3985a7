"""Identifiers: time-ordered UUIDs, so that a million mails stay neighbours in every index."""

from __future__ import annotations

import os
import time
import uuid
from datetime import datetime


def uuid7(at: datetime | None = None) -> uuid.UUID:
    """A new UUID version 7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, those of now or of `at`, then randomness."""
    moment = time.time_ns() // 1_000_000 if at is None else max(0, int(at.timestamp() * 1000))
    value = moment << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)
