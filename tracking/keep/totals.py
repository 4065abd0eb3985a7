"""The totals of a mailbox, moved in the transaction of what they count (law 2)."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from django.db.models import F

from tracking.models import LedgerState, LedgerTotal

COLUMN = {
    LedgerState.PENDING: "pending",
    LedgerState.TRACKED: "tracked",
    LedgerState.IGNORED: "ignored",
    LedgerState.QUARANTINED: "quarantined",
    LedgerState.GONE: "gone",
}


def move_totals(mailbox_id: UUID, changes: Counter[str]) -> None:
    """Add these differences to the mailbox's totals; call it inside the transaction that makes them true."""
    differences = {column: number for column, number in changes.items() if number}
    if not differences:
        return
    moved = LedgerTotal.objects.filter(pk=mailbox_id).update(
        **{column: F(column) + number for column, number in differences.items()}
    )
    if not moved:
        LedgerTotal.objects.create(mailbox_id=mailbox_id, **differences)
