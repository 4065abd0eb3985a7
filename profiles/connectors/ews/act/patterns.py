"""The pattern of a series in the XML of Exchange: six kinds of patterns, three kinds of ends (10.4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from exchangelib.util import TNS, create_element
from lxml.etree import _Element as Element

from profiles.act_items import Frequency, Recurrence
from profiles.connectors.base import Cause, ItemRejected
from profiles.connectors.ews.act.properties import element
from profiles.connectors.ews.operations import number, text

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKS = {1: "First", 2: "Second", 3: "Third", 4: "Fourth", -1: "Last"}
TOGETHER = {tuple(range(7)): "Day", tuple(range(5)): "Weekday", (5, 6): "WeekendDay"}
"""Days of the week that a relative pattern can name with one word."""
KINDS = {
    Frequency.DAILY: "DailyRecurrence",
    Frequency.WEEKLY: "WeeklyRecurrence",
    Frequency.MONTHLY: "AbsoluteMonthlyRecurrence",
    Frequency.RELATIVE_MONTHLY: "RelativeMonthlyRecurrence",
    Frequency.YEARLY: "AbsoluteYearlyRecurrence",
    Frequency.RELATIVE_YEARLY: "RelativeYearlyRecurrence",
}
_FREQUENCIES = {name: kind for kind, name in KINDS.items()}


def pattern_element(pattern: Recurrence) -> Element:
    """The Recurrence element. Raises ItemRejected for a pattern that Exchange cannot hold."""
    found: Element = create_element("t:Recurrence")
    found.append(_kind(pattern))
    found.append(_end(pattern))
    return found


def _kind(pattern: Recurrence) -> Element:
    kind: Element = create_element(f"t:{KINDS[pattern.frequency]}")
    content: list[tuple[str, str]] = []
    yearly = pattern.frequency in (Frequency.YEARLY, Frequency.RELATIVE_YEARLY)
    if yearly and pattern.interval != 1:
        raise _impossible("Exchange repeats a yearly series every year.")
    if not yearly:
        content.append(("Interval", str(pattern.interval)))
    if pattern.frequency is Frequency.WEEKLY:
        content.append(("DaysOfWeek", " ".join(DAYS[day] for day in pattern.weekdays)))
        content.append(("FirstDayOfWeek", DAYS[pattern.first_weekday]))
    if pattern.frequency in (Frequency.RELATIVE_MONTHLY, Frequency.RELATIVE_YEARLY):
        content.append(("DaysOfWeek", _one_word(pattern.weekdays)))
        content.append(("DayOfWeekIndex", WEEKS[pattern.week]))
    if pattern.frequency in (Frequency.MONTHLY, Frequency.YEARLY):
        content.append(("DayOfMonth", str(pattern.day)))
    if yearly:
        content.append(("Month", MONTHS[pattern.month - 1]))
    for name, words in content:
        kind.append(element(name, words))
    return kind


def _end(pattern: Recurrence) -> Element:
    first = element("StartDate", pattern.first.isoformat())
    name, last = "NoEndRecurrence", None
    if pattern.count is not None:
        name, last = "NumberedRecurrence", element("NumberOfOccurrences", str(pattern.count))
    elif pattern.until is not None:
        name, last = "EndDateRecurrence", element("EndDate", pattern.until.isoformat())
    end: Element = create_element(f"t:{name}")
    end.append(first)
    if last is not None:
        end.append(last)
    return end


def read_pattern(item: Element) -> Recurrence | None:
    """The pattern of a series; None for what is no series. Raises ValueError or LookupError for one that is not known."""
    found = item.find(f"{{{TNS}}}Recurrence")
    if found is None or len(found) < 2:
        return None
    kind, end = found[0], found[1]
    frequency = _FREQUENCIES[_name(kind)]
    count, until = number(end, "NumberOfOccurrences"), text(end, "EndDate")
    month = text(kind, "Month")
    return Recurrence(
        frequency=frequency,
        first=_date(text(end, "StartDate")),
        interval=number(kind, "Interval") or 1,
        weekdays=_weekdays(text(kind, "DaysOfWeek")),
        week=next((week for week, name in WEEKS.items() if name == text(kind, "DayOfWeekIndex")), 0),
        day=number(kind, "DayOfMonth"),
        month=MONTHS.index(month) + 1 if month else 0,
        count=count or None,
        until=_date(until) if until else None,
        first_weekday=_first_weekday(kind, frequency),
    )


def _first_weekday(kind: Element, frequency: Frequency) -> int:
    name = text(kind, "FirstDayOfWeek")
    return DAYS.index(name) if name and frequency is Frequency.WEEKLY else 0


def _weekdays(names: str) -> tuple[int, ...]:
    for days, name in TOGETHER.items():
        if names == name:
            return days
    return tuple(sorted(DAYS.index(name) for name in names.split()))


def _one_word(days: Sequence[int]) -> str:
    if len(days) == 1:
        return DAYS[days[0]]
    if tuple(days) not in TOGETHER:
        raise _impossible("Exchange can say “the first Monday”, or weekday, or day of a weekend, but not several days.")
    return TOGETHER[tuple(days)]


def _impossible(why: str) -> ItemRejected:
    return ItemRejected(f"recurrence: {why}", remedy="Choose another pattern for the series.", cause=Cause.ITEM)


def _name(found: Element) -> str:
    return str(found.tag).rpartition("}")[2]


def _date(words: str) -> date:
    """Exchange may add a zone: 2026-03-02Z, 2026-03-02+01:00. The date is meant as it stands there."""
    return date.fromisoformat(words[:10])
