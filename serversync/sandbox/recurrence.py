"""The days of a recurring appointment: all patterns that Exchange has (MS-OXWSCDATA 2.2.4), expanded without end."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

KINDS = ("Daily", "Weekly", "AbsoluteMonthly", "RelativeMonthly", "AbsoluteYearly", "RelativeYearly")
LAST_YEAR = 4500  # MS-OXOCAL: series without end stop there
LAST = -1


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern and its range. `kind` is one of KINDS, weekdays are 0 = Monday … 6 = Sunday, `week` is 1 … 4 or LAST.

    The series begins with the first day of the pattern that is not before `first`, and ends after `count` days, on
    `until`, or never. Weeks begin on `first_weekday`, which matters when `interval` skips some.
    """

    kind: str
    first: date
    interval: int = 1
    weekdays: tuple[int, ...] = ()
    week: int = 0
    day: int = 0
    month: int = 0
    count: int | None = None
    until: date | None = None
    first_weekday: int = 6


def dates(pattern: Pattern) -> Iterator[date]:
    """The days of a series, in order."""
    for number, day in enumerate(_endless(pattern)):
        if number == pattern.count or (pattern.until is not None and day > pattern.until):
            return
        yield day


def first_day(pattern: Pattern) -> date | None:
    """The first day of a series, None if it has none."""
    return next(iter(islice(dates(pattern), 1)), None)


def _endless(pattern: Pattern) -> Iterator[date]:
    candidates = {"Daily": _days, "Weekly": _weeks}.get(pattern.kind, _months)(pattern)
    return (day for day in candidates if day >= pattern.first)


def _days(pattern: Pattern) -> Iterator[date]:
    day = pattern.first
    while day.year <= LAST_YEAR:
        yield day
        day += timedelta(days=pattern.interval)


def _weeks(pattern: Pattern) -> Iterator[date]:
    week = pattern.first - timedelta(days=(pattern.first.weekday() - pattern.first_weekday) % 7)
    offsets = sorted((weekday - pattern.first_weekday) % 7 for weekday in pattern.weekdays)
    while week.year <= LAST_YEAR:
        yield from (week + timedelta(days=offset) for offset in offsets)
        week += timedelta(weeks=pattern.interval)


def _months(pattern: Pattern) -> Iterator[date]:
    """One day in each month that the pattern names: of every `interval`th month, or of one month of each year."""
    yearly = pattern.kind.endswith("Yearly")
    step = 12 if yearly else pattern.interval
    month = pattern.first.year * 12 + (pattern.month if yearly else pattern.first.month) - 1
    while month // 12 <= LAST_YEAR:
        yield _day_of(pattern, month // 12, month % 12 + 1)
        month += step


def _day_of(pattern: Pattern, year: int, month: int) -> date:
    length = monthrange(year, month)[1]
    if pattern.kind.startswith("Absolute"):
        return date(year, month, min(pattern.day, length))  # a day the month does not have means its last one
    days = (date(year, month, day) for day in range(1, length + 1))
    matching = [day for day in days if day.weekday() in pattern.weekdays]
    return matching[LAST if pattern.week == LAST else pattern.week - 1]
