"""Series: when they occur, when two are the same, which of their exceptions still mean something. Pure (10.4).

A series lives in its time zone: it begins and ends at the same hour of the clock in summer and in winter. An hour that a
clock change leaves out is taken by the time before the change (RFC 5545, 3.3.5), one that comes twice the first time.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, islice
from zoneinfo import ZoneInfo

from profiles.act_items import Frequency, Recurrence, Value

LAST_WEEK = -1
_RELATIVE = (Frequency.RELATIVE_MONTHLY, Frequency.RELATIVE_YEARLY)
_YEARLY = (Frequency.YEARLY, Frequency.RELATIVE_YEARLY)


@dataclass(frozen=True, slots=True)
class Slot:
    """One occurrence as the pattern has it: its day in the zone of the series, and its times in UTC."""

    day: date
    start: datetime
    end: datetime


def days(rule: Recurrence) -> Iterator[date]:
    """The days of all occurrences, in order; without end where the series has none."""
    found: Iterator[date] = (day for day in _all_days(rule) if day >= rule.first)
    if rule.count is not None:
        found = islice(found, rule.count)
    for day in found:
        if rule.until is not None and day > rule.until:
            return
        yield day


def _all_days(rule: Recurrence) -> Iterator[date]:
    """The days of the pattern from its first period on, the ends of the series aside."""
    try:
        for step in count():
            yield from _period(rule, step * max(rule.interval, 1))
    except (ValueError, OverflowError):
        return  # the end of the calendar


def _period(rule: Recurrence, steps: int) -> list[date]:
    """The days of the pattern in the period that begins so many days, weeks, months or years after the first."""
    first = rule.first
    if rule.frequency is Frequency.DAILY:
        return [first + timedelta(days=steps)]
    if rule.frequency is Frequency.WEEKLY:
        monday_like = first - timedelta(days=(first.weekday() - rule.first_weekday) % 7) + timedelta(weeks=steps)
        weekdays = rule.weekdays or (first.weekday(),)
        offsets = sorted((day - rule.first_weekday) % 7 for day in set(weekdays))
        return [monday_like + timedelta(days=offset) for offset in offsets]
    if rule.frequency in _YEARLY:
        year, month = first.year + steps, rule.month or first.month
    else:
        year, month = divmod(first.year * 12 + first.month - 1 + steps, 12)
        month += 1
    if rule.frequency in _RELATIVE:
        return [_nth(year, month, rule)]
    return [date(year, month, min(rule.day or first.day, monthrange(year, month)[1]))]


def _nth(year: int, month: int, rule: Recurrence) -> date:
    """The first … fourth or last of the days of a month that are among the weekdays of the rule."""
    weekdays = rule.weekdays or (rule.first.weekday(),)
    length = monthrange(year, month)[1]
    fitting = [
        day for day in (date(year, month, number) for number in range(1, length + 1)) if day.weekday() in weekdays
    ]
    return fitting[-1] if rule.week == LAST_WEEK else fitting[max(rule.week, 1) - 1]


def slots(rule: Recurrence, start: datetime, end: datetime, zone: str, since: date | None = None) -> Iterator[Slot]:
    """All occurrences, in order; with `since`, those from that day on. `start` and `end` are those of the first one in
    UTC; of a series of whole days the `midnight` of its dates."""
    there = ZoneInfo(zone)
    first, last = (_wall_clock(one, there) for one in (start, end))
    for day in days(rule):
        if since is None or day >= since:
            yield _slot(day, first, last, there)


def slot_on(day: date, start: datetime, end: datetime, zone: str) -> Slot:
    """The occurrence on a day of a series whose first one has these times."""
    there = ZoneInfo(zone)
    return _slot(day, _wall_clock(start, there), _wall_clock(end, there), there)


def _slot(day: date, first: datetime, last: datetime, there: ZoneInfo) -> Slot:
    begins = datetime.combine(day, first.time())
    start, end = (one.replace(tzinfo=there).astimezone(UTC) for one in (begins, begins + (last - first)))
    # Where a change of the clocks leaves nothing of it, it is as long as ever.
    return Slot(day, start, end if end > start else start + (last - first))


def _wall_clock(moment: datetime, there: ZoneInfo) -> datetime:
    return moment.astimezone(there).replace(tzinfo=None, fold=0)


def between(
    rule: Recurrence, start: datetime, end: datetime, zone: str, after: datetime, before: datetime
) -> Iterator[Slot]:
    """The occurrences that touch the time from `after` to `before`."""
    earliest = (after - (end - start)).astimezone(ZoneInfo(zone)).date() - timedelta(days=2)
    for slot in slots(rule, start, end, zone, since=earliest):
        if slot.start >= before:
            return
        if slot.end > after or slot.start >= after:
            yield slot


def midnight(day: date, zone: str) -> datetime:
    """When a day begins in a time zone, in UTC."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def end_of(rule: Recurrence) -> date | None:
    """The day of the last occurrence; None where there is none, because the series never ends or never occurs."""
    if rule.count is None and rule.until is None:
        return None
    last = None
    for last in days(rule):  # noqa: B007  # the last one counts
        pass
    return last


def has_occurrence_after(rule: Recurrence, day: date) -> bool:
    """Whether anything of a series is still to come after a day: what decides if it is past (10.2.5)."""
    return any(found > day for found in days(rule))


def normal_recurrence(rule: Recurrence) -> Recurrence:
    """The one form of all rules that mean the same: what a kind of pattern does not use is left out."""
    frequency = rule.frequency
    relative, weekly = frequency in _RELATIVE, frequency is Frequency.WEEKLY
    by_day = frequency in (Frequency.MONTHLY, Frequency.YEARLY)
    weekdays = tuple(sorted(set(rule.weekdays))) or (rule.first.weekday(),)
    return replace(
        rule,
        interval=max(rule.interval, 1),
        weekdays=weekdays if relative or weekly else (),
        week=(rule.week or 1) if relative else 0,
        day=(rule.day or rule.first.day) if by_day else 0,
        month=(rule.month or rule.first.month) if frequency in _YEARLY else 0,
        first_weekday=rule.first_weekday if weekly and rule.interval > 1 else 0,
        until=None if rule.count is not None else rule.until,
    )


def same_series(one: Recurrence | None, other: Recurrence | None) -> bool:
    """Whether two rules mean the same. None is a single appointment."""
    if one is None or other is None:
        return one is other
    return normal_recurrence(one) == normal_recurrence(other)


def only_end_changed(before: Recurrence, after: Recurrence) -> bool:
    """Whether a series only ends earlier or later: its exceptions stay what they are."""
    return normal_recurrence(replace(before, count=None, until=None)) == normal_recurrence(
        replace(after, count=None, until=None)
    )


def still_there(
    originals: Collection[datetime], rule: Recurrence, start: datetime, end: datetime, zone: str
) -> frozenset[datetime]:
    """Those of these original starts that a changed series still has; an exception of another one means nothing."""
    wanted = set(originals)
    if not wanted:
        return frozenset()
    latest = max(wanted)
    found = set()
    for slot in slots(rule, start, end, zone):
        if slot.start > latest:
            break
        if slot.start in wanted:
            found.add(slot.start)
    return frozenset(found)


def turns_into_series(before: Value, after: Value) -> bool:
    """Whether a single appointment has become a series (10.4)."""
    return not isinstance(before, Recurrence) and isinstance(after, Recurrence)


def turns_into_single(before: Value, after: Value) -> bool:
    """Whether a series has become a single appointment (10.4)."""
    return isinstance(before, Recurrence) and not isinstance(after, Recurrence)
