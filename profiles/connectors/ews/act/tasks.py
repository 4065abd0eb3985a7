"""Tasks of Exchange (10.7)."""

from __future__ import annotations

from datetime import time

from lxml.etree import _Element as Element

from profiles.act_items import Value
from profiles.connectors.ews.act.properties import Path, Property, body, choice, day, plain, words
from profiles.connectors.ews.operations import moment, text

IMPORTANCE = {"low": "Low", "normal": "Normal", "high": "High"}
STATUS = {
    "not-started": "NotStarted",
    "in-progress": "InProgress",
    "completed": "Completed",
    "waiting": "WaitingOnOthers",
    "deferred": "Deferred",
}
MIDNIGHT = time(0)


def _completed(item: Element) -> Value:
    found = moment(item, "CompleteDate")
    return found.date() if found else None


def _percent(item: Element) -> Value:
    try:
        return min(100, max(0, round(float(text(item, "PercentComplete") or 0))))
    except (ValueError, OverflowError):
        return 0


PROPERTIES: tuple[Property, ...] = (
    words("subject", "item:Subject"),
    body(),
    choice("importance", "item:Importance", IMPORTANCE, "normal"),
    # Exchange sets it itself when a task is completed, and ignores what it is given.
    Property("completed", (Path.field("task:CompleteDate"),), _completed),
    day("due", "task:DueDate", MIDNIGHT),
    plain("percent_complete", "task:PercentComplete", _percent, str),
    day("start", "task:StartDate", MIDNIGHT),
    choice("status", "task:Status", STATUS, "not-started"),
)
