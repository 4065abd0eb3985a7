"""Tasks of Exchange (10.7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time

from lxml.etree import _Element as Element

from profiles.act_items import Value
from profiles.connectors.base import Cause, ItemRejected
from profiles.connectors.ews.act.properties import Path, Property, body, choice, day, flag_and, instant, plain, words
from profiles.connectors.ews.operations import text

IMPORTANCE = {"low": "Low", "normal": "Normal", "high": "High"}
STATUS = {
    "not-started": "NotStarted",
    "in-progress": "InProgress",
    "completed": "Completed",
    "waiting": "WaitingOnOthers",
    "deferred": "Deferred",
}
MIDNIGHT = time(0)


def _completed() -> Property:
    """Exchange takes the date away itself when a task is taken up again."""
    one = day("completed", "task:CompleteDate", MIDNIGHT)

    def write(value: Value) -> Sequence[tuple[Path, Element | None]]:
        return one.write(value) if one.write and value else []

    return Property(one.field, one.asked, one.read, write)


def _percent(item: Element) -> Value:
    try:
        return min(100, max(0, round(float(text(item, "PercentComplete") or 0))))
    except (ValueError, OverflowError):
        return 0


def _moment(value: Value) -> str:
    if not isinstance(value, datetime):
        raise ItemRejected(f"reminder: {value!r} is no time.", remedy="Give a time with its zone.", cause=Cause.ITEM)
    return instant(value)


PROPERTIES: tuple[Property, ...] = (
    words("subject", "item:Subject"),
    body(),
    choice("importance", "item:Importance", IMPORTANCE, "normal"),
    day("due", "task:DueDate", MIDNIGHT),
    plain("percent_complete", "task:PercentComplete", _percent, str),
    day("start", "task:StartDate", MIDNIGHT),
    choice("status", "task:Status", STATUS, "not-started"),
    _completed(),  # after the status: of those that say that a task is completed, Exchange takes the last one's word
)
WRITTEN = (flag_and("reminder", "ReminderIsSet", "ReminderDueBy", _moment, first=False),)
"""Properties that are never read back (10.7)."""
