"""What reminds people of appointments and tasks: told to Exchange when they are made or moved, never read back. Pure
(10.2.1, 10.7).

A reminder goes along with a write that it follows from, and is no reason for one: time that passes writes nothing, and
what a person set or dismissed in Outlook stays until we move the item itself.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from profiles.act_items import Fields, ItemKind, Value

MINUTES_BEFORE = 15
MINUTES_BEFORE_WHOLE_DAYS = 18 * 60
"""As Outlook has it: at six in the evening before."""
LONG_PAST = timedelta(days=7)
OVERDUE = timedelta(days=1)
MORNING = time(8)
_CAUSES = frozenset({"start", "is_all_day", "show_as", "due", "status"})


def with_reminder(
    kind: ItemKind, written: Fields, values: Fields, *, is_long_past: bool, now: datetime, zone: str
) -> Fields:
    """What is written to a server, with the reminder that follows from it, if it is of the kind from which one does.
    `values` are the fields of the whole item afterwards, `zone` is the user's."""
    if kind is ItemKind.CONTACT or not _says_when(written):
        return written
    if kind is ItemKind.TASK:
        return {**written, "reminder": of_task(values, now, zone)}
    return {**written, "reminder": of_appointment(values, is_long_past=is_long_past)}


def _says_when(written: Collection[str]) -> bool:
    return bool(_CAUSES & set(written))


def of_appointment(values: Fields, *, is_long_past: bool) -> int | None:
    """How many minutes before its start; None = no reminder (10.2.1)."""
    if is_long_past or values.get("show_as") == "free":
        return None
    return MINUTES_BEFORE_WHOLE_DAYS if values.get("is_all_day") else MINUTES_BEFORE


def of_task(values: Fields, now: datetime, zone: str) -> datetime | None:
    """When: in the morning of the day on which it is due, where the user is; None = no reminder (10.7)."""
    due: Value = values.get("due")
    if values.get("status") == "completed" or isinstance(due, datetime) or not isinstance(due, date):
        return None
    there = ZoneInfo(zone)
    is_overdue = due < (now.astimezone(there) - OVERDUE).date()
    return None if is_overdue else datetime.combine(due, MORNING, there)
