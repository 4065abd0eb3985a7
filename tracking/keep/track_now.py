"""Tracking on request: a person wants a message that was left out, past every filter, exclusion and tombstone (5.6, law 12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from tracking.keep.redo import CHUNK, at_hand, redo
from tracking.keep.tombstones import lift
from tracking.models import Explicit, LedgerRow, LedgerState

OPEN = (LedgerState.IGNORED, LedgerState.QUARANTINED, LedgerState.PENDING, LedgerState.GONE)


@dataclass(frozen=True, slots=True)
class Asked:
    """How many messages are judged at the next run, and how many the server shows no more."""

    asked: int = 0
    gone: int = 0

    def __add__(self, other: Asked) -> Asked:
        return Asked(self.asked + other.asked, self.gone + other.gone)


def track_now(rows: QuerySet[LedgerRow], by: Any, now: datetime) -> Asked:
    """Judge these rows at the next run, which is asked for at once, as somebody wants them tracked; the message is read
    from the server again. What is tracked stays as it is. `by` is the user, or None for a command."""
    ids = list(rows.filter(state__in=OPEN).order_by("pk").values_list("pk", flat=True).distinct())
    done = Asked()
    for first in range(0, len(ids), CHUNK):
        with transaction.atomic():
            done += _ask(ids[first : first + CHUNK], by, now)
    return done


def _ask(ids: list[int], by: Any, now: datetime) -> Asked:
    wish: dict[str, Any] = {"explicit": Explicit.PERSON, "explicit_by": by}
    readable = list(at_hand(LedgerRow.objects.filter(pk__in=ids)).values_list("pk", flat=True))
    chosen = LedgerRow.objects.filter(pk__in=readable)
    lift(chosen)
    waiting = chosen.filter(state=LedgerState.PENDING).update(**wish)
    return Asked(waiting + redo(chosen, now, **wish), len(ids) - len(readable))
