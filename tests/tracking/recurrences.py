"""Series of all kinds, for laws; and the naive way to tell whether one occurs on a day."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

from hypothesis import strategies as st

from profiles.act_items import Frequency, Recurrence

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu")
"""Two with an hour of summer time, one with half an hour in the south, one that gave it up, one that never had it."""


@st.composite
def rules(draw: st.DrawFn, endless: bool = True) -> Recurrence:
    """A pattern of any kind that Exchange has."""
    frequency = draw(st.sampled_from(Frequency))
    first = draw(st.dates(date(2015, 1, 1), date(2027, 12, 31)))
    yearly = frequency in (Frequency.YEARLY, Frequency.RELATIVE_YEARLY)
    relative = frequency in (Frequency.RELATIVE_MONTHLY, Frequency.RELATIVE_YEARLY)
    by_day = frequency in (Frequency.MONTHLY, Frequency.YEARLY)
    weekdays: tuple[int, ...] = ()
    if relative or frequency is Frequency.WEEKLY:
        weekdays = tuple(sorted(draw(st.sets(st.integers(0, 6), min_size=1))))
    end = draw(st.sampled_from(["never", "count", "until"] if endless else ["count", "until"]))
    return Recurrence(
        frequency,
        first,
        interval=1 if yearly else draw(st.integers(1, 4)),
        weekdays=weekdays,
        week=draw(st.sampled_from([1, 2, 3, 4, -1])) if relative else 0,
        day=draw(st.integers(1, 31)) if by_day else 0,
        month=draw(st.integers(1, 12)) if yearly else 0,
        count=draw(st.integers(1, 20)) if end == "count" else None,
        until=first + timedelta(days=draw(st.integers(0, 800))) if end == "until" else None,
        first_weekday=draw(st.integers(0, 6)),
    )


def is_on(rule: Recurrence, day: date) -> bool:
    """Whether the pattern, its end aside, has an occurrence on this day: asked of the calendar, day by day."""
    if day < rule.first:
        return False
    months = (day.year - rule.first.year) * 12 + day.month - rule.first.month
    match rule.frequency:
        case Frequency.DAILY:
            return (day - rule.first).days % rule.interval == 0
        case Frequency.WEEKLY:
            return day.weekday() in rule.weekdays and _weeks(rule, day) % rule.interval == 0
        case Frequency.MONTHLY:
            return months % rule.interval == 0 and _is_day(rule, day)
        case Frequency.YEARLY:
            return day.month == rule.month and _is_day(rule, day)
        case Frequency.RELATIVE_MONTHLY:
            return months % rule.interval == 0 and _is_nth(rule, day)
    return day.month == rule.month and _is_nth(rule, day)


def _weeks(rule: Recurrence, day: date) -> int:
    """How many starts of a week lie between the first day and this one."""
    return ((day - rule.first).days + (rule.first.weekday() - rule.first_weekday) % 7) // 7


def _is_day(rule: Recurrence, day: date) -> bool:
    return day.day == min(rule.day, monthrange(day.year, day.month)[1])


def _is_nth(rule: Recurrence, day: date) -> bool:
    if day.weekday() not in rule.weekdays:
        return False
    length = monthrange(day.year, day.month)[1]
    others = range(1, day.day) if rule.week > 0 else range(day.day + 1, length + 1)
    fitting = sum(date(day.year, day.month, number).weekday() in rule.weekdays for number in others)
    return fitting == (rule.week - 1 if rule.week > 0 else 0)


def days_one_by_one(rule: Recurrence, last: date) -> list[date]:
    """All occurrences up to a day, found by looking at every day."""
    every = (rule.first + timedelta(days=number) for number in range((last - rule.first).days + 1))
    found = [day for day in every if is_on(rule, day)][: rule.count]
    return [day for day in found if rule.until is None or day <= rule.until]
