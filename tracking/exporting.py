"""Decisions and failures as lines of a spreadsheet: no subject, no body, no address of a sender. Times are UTC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Q, QuerySet

from tracking.facts.why import sentence
from tracking.models import LedgerRow, LedgerState

CHUNK = 1000
DECISIONS = (
    "mailbox",
    "address",
    "state",
    "why",
    "Message-ID",
    "size in bytes",
    "received",
    "first seen",
    "decided",
    "tracked email",
)
FAILURES = (
    "mailbox",
    "address",
    "state",
    "Message-ID",
    "size in bytes",
    "received",
    "first seen",
    "attempts",
    "next attempt",
    "error",
)


def decision_rows(rows: QuerySet[LedgerRow]) -> Iterator[list[Any]]:
    """One line for each message: the verdict and its reason in words."""
    for row in rows.select_related("mailbox").iterator(CHUNK):
        yield [
            str(row.mailbox),
            row.mailbox.email_address,
            row.get_state_display(),
            sentence(row),
            row.message_id,
            row.size,
            row.received_on,
            row.discovered_on,
            row.decided_on,
            str(row.email_id or ""),
        ]


def failed(rows: QuerySet[LedgerRow]) -> QuerySet[LedgerRow]:
    """Those that could not be tracked: put aside, or tried and to be tried again (12.1)."""
    return rows.filter(Q(state=LedgerState.QUARANTINED) | Q(state=LedgerState.PENDING, attempts__gt=0))


def failure_rows(rows: QuerySet[LedgerRow]) -> Iterator[list[Any]]:
    """One line for each message that could not be tracked so far."""
    for row in failed(rows).select_related("mailbox").iterator(CHUNK):
        yield [
            str(row.mailbox),
            row.mailbox.email_address,
            row.get_state_display(),
            row.message_id,
            row.size,
            row.received_on,
            row.discovered_on,
            row.attempts,
            row.retry_on,
            row.error,
        ]
