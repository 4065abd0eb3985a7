"""What a person decides about rows that no run settles by itself: judge them again, or ignore them (law 5, 5.22)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from mailboxes.asking import ask_to_receive
from tracking.decide.verdicts import Reason
from tracking.keep.quarantine import close_if_empty
from tracking.keep.totals import COLUMN, move_totals
from tracking.models import Acknowledgement, LedgerRow, LedgerState, Placement

CHUNK = 500  # rows named in one statement
_FRESH: dict[str, Any] = {
    "state": LedgerState.PENDING,
    "attempts": 0,
    "retry_on": None,
    "error": "",
    "reason": None,
    "evidence": {},
    "decided_on": None,
}


def at_hand(rows: QuerySet[LedgerRow]) -> QuerySet[LedgerRow]:
    """Those of these rows of which there is something to read: the server still shows them, or their bytes were kept."""
    shown = Placement.objects.filter(ledger_row=OuterRef("pk"))
    return rows.filter(Exists(shown.filter(gone_on__isnull=True)) | Q(Exists(shown), raw__isnull=False))


def redo(rows: QuerySet[LedgerRow], now: datetime, **wish: Any) -> int:
    """Judge these quarantined or ignored rows again at the next run, which is asked for at once. Returns how many.

    Rows that the server no longer shows, and whose bytes were not kept, stay as they are: there would be nothing to read.
    `wish` are columns that say who asks for them.
    """
    states = [LedgerState.QUARANTINED, LedgerState.IGNORED]
    readable = at_hand(rows.filter(state__in=states))
    with transaction.atomic():
        moved, touched = _move(readable, states, _FRESH | wish)
        Placement.objects.filter(ledger_row__in=touched).update(acknowledge=Acknowledgement.NONE)
        ask_to_receive(list(+moved), now)
        close_if_empty(+moved, now)
    return moved.total()


def ignore(rows: QuerySet[LedgerRow], by: str, now: datetime) -> int:
    """Settle these quarantined rows as ignored; the evidence names who decided. Returns how many."""
    columns = {
        "state": LedgerState.IGNORED,
        "reason": Reason.IGNORED_BY_A_PERSON,
        "evidence": {"ignored_by": by},
        "decided_on": now,
        "retry_on": None,
        "raw": None,  # law 3
    }
    with transaction.atomic():
        moved, _ = _move(rows, [LedgerState.QUARANTINED], columns)
        close_if_empty(+moved, now)
    return moved.total()


def _move(
    rows: QuerySet[LedgerRow], states: Iterable[LedgerState], columns: dict[str, Any]
) -> tuple[Counter[Any], list[int]]:
    """Update the rows in one of the states, and the totals with them. Returns the number per mailbox and the ids."""
    ids = list(rows.order_by("pk").values_list("pk", flat=True).distinct())
    moved: Counter[Any] = Counter()
    for first in range(0, len(ids), CHUNK):
        chunk = LedgerRow.objects.filter(pk__in=ids[first : first + CHUNK])
        for mailbox_id in set(chunk.values_list("mailbox_id", flat=True)):
            for state in states:
                number = chunk.filter(mailbox_id=mailbox_id, state=state).update(**columns)
                target = COLUMN[LedgerState(columns["state"])]
                move_totals(mailbox_id, Counter({COLUMN[state]: -number, target: number}))
                moved[mailbox_id] += number
    return moved, ids
