"""Recurring appointments happen on the days, and at the times, that an implementation we did not write computes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, weekday
from hypothesis import given
from hypothesis import strategies as st

from serversync.sandbox.ews.canonical import read_fields, write_fields
from serversync.sandbox.ews.patterns import read_pattern, show_pattern
from serversync.sandbox.ews.series import slots
from serversync.sandbox.ews.soap import EwsError
from serversync.sandbox.recurrence import KINDS, LAST, Pattern, dates

SHOWN = 15
ZONES = ("Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "America/Santiago")


@st.composite
def patterns(draw: st.DrawFn) -> Pattern:
    """Any pattern that Exchange takes, with each of the three kinds of end."""
    kind = draw(st.sampled_from(KINDS))
    first = draw(st.dates(date(2023, 1, 1), date(2027, 12, 31)))
    days = st.sets(st.integers(0, 6), min_size=1).map(lambda found: tuple(sorted(found)))
    end = draw(st.sampled_from(("never", "count", "until")))
    return Pattern(
        kind=kind,
        first=first,
        interval=1 if kind.endswith("Yearly") else draw(st.integers(1, 5)),
        weekdays=draw(days) if kind == "Weekly" or kind.startswith("Relative") else (),
        week=draw(st.sampled_from((1, 2, 3, 4, LAST))) if kind.startswith("Relative") else 0,
        day=draw(st.integers(1, 31)) if kind.startswith("Absolute") else 0,
        month=draw(st.integers(1, 12)) if kind.endswith("Yearly") else 0,
        count=draw(st.integers(1, 60)) if end == "count" else None,
        until=first + timedelta(days=draw(st.integers(800, 4000))) if end == "until" else None,
        first_weekday=draw(st.integers(0, 6)) if kind == "Weekly" else 6,
    )


def by_the_book(pattern: Pattern) -> list[date]:
    """The days of a pattern according to dateutil (RFC 5545)."""
    frequency = {"Daily": DAILY, "Weekly": WEEKLY}.get(pattern.kind, YEARLY if "Yearly" in pattern.kind else MONTHLY)
    rule: dict[str, object] = {"interval": pattern.interval, "wkst": pattern.first_weekday}
    if pattern.weekdays:
        rule["byweekday"] = [weekday(day) for day in pattern.weekdays]
    if pattern.week:
        rule["bysetpos"] = pattern.week
    if pattern.month:
        rule["bymonth"] = pattern.month
    if pattern.day:  # a day the month does not have is its last one: the last of the days up to it
        rule |= {"bymonthday": list(range(1, pattern.day + 1)), "bysetpos": LAST}
    until = None if pattern.until is None else datetime.combine(pattern.until, time())
    found = rrule(frequency, datetime.combine(pattern.first, time()), until=until, count=pattern.count, **rule)
    return [moment.date() for moment in islice(found, SHOWN)]


@given(pattern=patterns())
def test_every_pattern_has_the_days_it_should_have(pattern: Pattern) -> None:
    assert list(islice(dates(pattern), SHOWN)) == by_the_book(pattern)


@given(pattern=patterns())
def test_a_pattern_comes_back_from_the_wire_as_it_was(pattern: Pattern) -> None:
    assert read_pattern(show_pattern(pattern)) == pattern


@given(pattern=patterns(), zone=st.sampled_from(ZONES), at=st.times(time(3, 30), time(22)))
def test_the_clock_on_the_wall_shows_the_same_all_year(pattern: Pattern, zone: str, at: time) -> None:
    at = at.replace(second=0, microsecond=0)
    start = datetime.combine(pattern.first, at)
    local = ZoneInfo(zone)
    properties: dict[str, str] = {}
    times = {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat(), "time_zone": zone}
    list(write_fields("appointment", properties, times))
    frequencies = {"AbsoluteMonthly": "monthly", "AbsoluteYearly": "yearly", "RelativeMonthly": "relative-monthly"}
    frequency = frequencies.get(pattern.kind, pattern.kind.lower().replace("relativeyearly", "relative-yearly"))
    numbers = ("interval", "week", "day", "month", "count", "first_weekday")
    plain = {name: getattr(pattern, name) for name in numbers}
    dated = {"first": pattern.first.isoformat(), "until": pattern.until and pattern.until.isoformat()}
    recurrence = plain | dated | {"frequency": frequency, "weekdays": list(pattern.weekdays)}
    list(write_fields("appointment", properties, {"recurrence": recurrence}))
    shown = list(islice(slots(properties), SHOWN))
    expected = [datetime.combine(day, at, local).astimezone(UTC) for day in by_the_book(pattern)]
    assert [slot.start for slot in shown] == expected
    assert {slot.end.astimezone(local).time() for slot in shown} == {(start + timedelta(hours=1)).time()}
    assert read_fields("appointment", properties)["recurrence"] == recurrence


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": "Weekly", "weekdays": ()}, "ErrorCalendarInvalidRecurrence"),
        ({"kind": "AbsoluteMonthly", "day": 32}, "ErrorCalendarInvalidRecurrence"),
        ({"interval": 0}, "ErrorCalendarInvalidRecurrence"),
        ({"count": 1000}, "ErrorCalendarInvalidRecurrence"),
        ({"until": date(2026, 3, 1)}, "ErrorRecurrenceHasNoOccurrence"),
    ],
)
def test_a_pattern_without_meaning_is_refused(change: dict[str, object], code: str) -> None:
    pattern = Pattern(**({"kind": "Daily", "first": date(2026, 3, 2)} | change))
    with pytest.raises(EwsError) as refusal:
        read_pattern(show_pattern(pattern))
    assert refusal.value.code == code
