"""Series: when they occur, across changes of the clock; when two are the same; how they are stored (10.4)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.act_items import Frequency, Recurrence
from tests.tracking.recurrences import ZONES, days_one_by_one, rules
from tracking.crm.models import RecurringAppointmentMaster
from tracking.crm.models.appointments import PatternEndType, RecurrencePatternType
from tracking.crm.recurrence_columns import COLUMNS, columns_of, recurrence_of
from tracking.decide import recurrence
from tracking.decide.act_values import from_json, to_json

DAILY, WEEKLY, MONTHLY, YEARLY = Frequency.DAILY, Frequency.WEEKLY, Frequency.MONTHLY, Frequency.YEARLY
NTH_MONTHLY, NTH_YEARLY = Frequency.RELATIVE_MONTHLY, Frequency.RELATIVE_YEARLY
WORKDAYS, ALL = (0, 1, 2, 3, 4), (0, 1, 2, 3, 4, 5, 6)
JAN_31 = date(2026, 1, 31)

PATTERNS = [
    (Recurrence(DAILY, JAN_31, interval=3), "01-31 02-03 02-06"),
    (Recurrence(WEEKLY, date(2026, 3, 4), weekdays=(0, 2)), "03-04 03-09 03-11"),
    (Recurrence(WEEKLY, date(2026, 3, 8), interval=2, weekdays=(0, 6), first_weekday=0), "03-08 03-16 03-22"),
    (Recurrence(WEEKLY, date(2026, 3, 8), interval=2, weekdays=(0, 6), first_weekday=6), "03-08 03-09 03-22"),
    (Recurrence(MONTHLY, JAN_31, day=31), "01-31 02-28 03-31"),  # a month without it: its last day
    (Recurrence(MONTHLY, JAN_31, interval=2, day=15), "03-15 05-15 07-15"),
    (Recurrence(NTH_MONTHLY, JAN_31, weekdays=(1,), week=2), "02-10 03-10 04-14"),
    (Recurrence(NTH_MONTHLY, date(2026, 1, 1), weekdays=WORKDAYS, week=-1), "01-30 02-27 03-31"),
    (Recurrence(NTH_MONTHLY, date(2026, 1, 1), weekdays=ALL, week=1), "01-01 02-01 03-01"),
    (Recurrence(YEARLY, date(2024, 2, 29), day=29, month=2), "02-29 02-28 02-28"),
    (Recurrence(NTH_YEARLY, date(2026, 1, 1), weekdays=(3,), week=4, month=11), "11-26 11-25 11-23"),
]


@pytest.mark.parametrize(("rule", "days"), PATTERNS, ids=[f"{rule.frequency}-{days}" for rule, days in PATTERNS])
def test_all_kinds_of_patterns_occur_when_people_expect_it(rule: Recurrence, days: str) -> None:  # 10.4
    found = islice(recurrence.days(rule), 3)
    assert " ".join(f"{day:%m-%d}" for day in found) == days


@settings(deadline=None, max_examples=60)
@given(rules())
def test_a_series_occurs_on_the_days_that_one_finds_by_looking_at_each(rule: Recurrence) -> None:  # 10.4
    last = rule.first + timedelta(days=900)
    found = list(takewhile(lambda day: day <= last, recurrence.days(rule)))
    assert found == days_one_by_one(rule, last)


@settings(deadline=None, max_examples=60)
@given(rules(), st.sampled_from(ZONES), st.times(), st.integers(1, 3000))
def test_an_occurrence_begins_and_ends_at_the_same_hour_of_the_clock_in_summer_and_winter(
    rule: Recurrence, zone: str, clock: time, minutes: int
) -> None:  # 10.4
    there = ZoneInfo(zone)
    begins = datetime.combine(rule.first, clock.replace(microsecond=0), there)
    start = begins.astimezone(UTC)
    clock = start.astimezone(there).time()
    length = timedelta(minutes=minutes)
    wall_clock = (start + length).astimezone(there).replace(tzinfo=None) - start.astimezone(there).replace(tzinfo=None)
    for slot in islice(recurrence.slots(rule, start, start + length, zone), 40):
        local = slot.start.astimezone(there)
        is_skipped = datetime.combine(slot.day, clock, there).astimezone(UTC).astimezone(there).time() != clock
        assert (local.date(), local.time()) == (slot.day, clock) or is_skipped
        ends = datetime.combine(slot.day, clock) + wall_clock
        assert slot.end == ends.replace(tzinfo=there).astimezone(UTC) or slot.end - slot.start == wall_clock


@pytest.mark.parametrize(
    ("day", "start", "end", "begins", "ends"),  # in Berlin; what comes out is in UTC
    [
        ("03-28", "22:00", "06:00", "28 21:00", "29 04:00"),  # an hour less of a night
        ("10-24", "22:00", "06:00", "24 20:00", "25 05:00"),  # an hour more
        ("03-29", "02:30", "03:30", "29 01:30", "29 02:30"),  # nothing of it is left on that day: as long as ever
        ("03-29", "01:30", "04:00", "29 00:30", "29 02:00"),
        ("10-25", "02:30", "02:45", "25 00:30", "25 00:45"),  # the first of two
    ],
)
def test_an_occurrence_ends_at_its_hour_of_the_clock(day: str, start: str, end: str, begins: str, ends: str) -> None:
    there = ZoneInfo("Europe/Berlin")  # 10.4
    first = datetime.combine(date(2026, 2, 1), time.fromisoformat(start), there)
    last = datetime.combine(date(2026, 2, 2 if end < start else 1), time.fromisoformat(end), there)
    on = date.fromisoformat(f"2026-{day}")
    slot = recurrence.slot_on(on, first.astimezone(UTC), last.astimezone(UTC), there.key)
    assert (f"{slot.start:%d %H:%M}", f"{slot.end:%d %H:%M}") == (begins, ends)


def test_a_series_that_begins_in_the_second_of_two_like_hours_begins_in_the_first() -> None:  # 10.4
    start = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # half past two in Berlin, for the second time
    slot = recurrence.slot_on(date(2026, 10, 25), start, start + timedelta(hours=1), "Europe/Berlin")
    assert slot.start == start - timedelta(hours=1)


def test_an_hour_that_a_clock_change_leaves_out_or_repeats() -> None:  # 10.4
    daily = Recurrence(DAILY, date(2026, 3, 28))
    start = datetime(2026, 3, 28, 1, 30, tzinfo=UTC)  # half past two in Berlin
    found = recurrence.slots(daily, start, start + timedelta(hours=1), "Europe/Berlin")
    assert [f"{slot.start:%d %H:%M}" for slot in islice(found, 3)] == ["28 01:30", "29 01:30", "30 00:30"]
    autumn = replace(daily, first=date(2026, 10, 24))
    start = datetime(2026, 10, 24, 0, 30, tzinfo=UTC)
    found = recurrence.slots(autumn, start, start + timedelta(hours=1), "Europe/Berlin")
    assert [f"{slot.start:%d %H:%M}" for slot in islice(found, 3)] == ["24 00:30", "25 00:30", "26 01:30"]


@settings(deadline=None, max_examples=60)
@given(rules(), st.sampled_from(ZONES), st.integers(-30, 400), st.integers(0, 60))
def test_what_a_calendar_shows_of_a_series_is_what_touches_its_days(
    rule: Recurrence, zone: str, from_day: int, length: int
) -> None:
    start = recurrence.midnight(rule.first, zone) + timedelta(hours=22)
    end = start + timedelta(hours=30)
    after = start + timedelta(days=from_day)
    before = after + timedelta(days=length)
    everything = takewhile(lambda slot: slot.start < before, recurrence.slots(rule, start, end, zone))
    wanted = [slot for slot in everything if slot.end > after or slot.start >= after]
    assert list(recurrence.between(rule, start, end, zone, after, before)) == wanted


@settings(deadline=None, max_examples=60)
@given(rules(endless=False))
def test_a_series_that_ends_is_over_after_its_last_day(rule: Recurrence) -> None:  # 10.2.5
    last = recurrence.end_of(rule)
    days = list(recurrence.days(rule))
    assert last == (days[-1] if days else None)
    if last:
        assert recurrence.has_occurrence_after(rule, last - timedelta(days=1))
        assert not recurrence.has_occurrence_after(rule, last)


def test_a_series_without_end_never_is_over() -> None:
    rule = Recurrence(DAILY, JAN_31)
    assert recurrence.end_of(rule) is None
    assert recurrence.has_occurrence_after(rule, date(2030, 1, 1))
    assert recurrence.days(replace(rule, first=date(9999, 12, 31))).__next__() == date(9999, 12, 31)


@settings(deadline=None, max_examples=60)
@given(rules())
def test_a_pattern_survives_its_columns_and_what_is_agreed_on(rule: Recurrence) -> None:  # 10.4
    columns = columns_of(rule)
    assert set(columns) == set(COLUMNS)
    assert recurrence_of(columns) == rule
    assert columns_of(recurrence_of(columns)) == columns
    assert from_json(json.loads(json.dumps(to_json(rule)))) == rule


@settings(deadline=None, max_examples=60)
@given(rules())
def test_the_one_form_of_a_pattern_occurs_on_the_same_days(rule: Recurrence) -> None:
    normal = recurrence.normal_recurrence(rule)
    assert recurrence.normal_recurrence(normal) == normal
    assert list(islice(recurrence.days(rule), 30)) == list(islice(recurrence.days(normal), 30))


def test_columns_bear_the_numbers_of_the_original() -> None:
    rule = Recurrence(NTH_YEARLY, JAN_31, weekdays=WORKDAYS, week=-1, month=3, count=7, first_weekday=6)
    columns = columns_of(rule)
    assert columns["days_of_week_mask"] == 2 + 4 + 8 + 16 + 32
    assert (columns["instance"], columns["first_day_of_week"], columns["month_of_year"]) == (5, 0, 3)
    assert columns["recurrence_pattern_type"] == RecurrencePatternType.YEARLY
    assert columns["pattern_end_type"] == PatternEndType.OCCURRENCES
    assert {field.name for field in RecurringAppointmentMaster._meta.concrete_fields} >= set(columns)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"pattern_start_date": None}, "pattern_start_date"),
        ({"pattern_end_type": 2}, "occurrences"),
        ({"pattern_end_type": 3}, "pattern_end_date"),
        ({"recurrence_pattern_type": 9}, "recurrence_pattern_type"),
    ],
)
def test_columns_that_are_no_pattern_are_refused_by_name(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        recurrence_of(columns_of(Recurrence(DAILY, JAN_31)) | changes)


SAME = Recurrence(WEEKLY, JAN_31, weekdays=(5,))


@pytest.mark.parametrize(
    ("other", "is_same", "is_end_only"),
    [
        (replace(SAME, weekdays=()), True, True),  # its first day is a Saturday
        (replace(SAME, first_weekday=6), True, True),  # every week, whenever it begins
        (replace(SAME, day=4), True, True),
        (replace(SAME, count=4), False, True),
        (replace(SAME, until=date(2026, 5, 1)), False, True),
        (replace(SAME, interval=2), False, False),
        (replace(SAME, weekdays=(4, 5)), False, False),
        (replace(SAME, frequency=DAILY), False, False),
    ],
)
def test_when_two_series_are_the_same(other: Recurrence, is_same: bool, is_end_only: bool) -> None:  # 10.4
    assert recurrence.same_series(SAME, other) is is_same
    assert recurrence.only_end_changed(SAME, other) is is_end_only


def test_single_appointments_and_series_turn_into_each_other() -> None:  # 10.4
    assert recurrence.turns_into_series(None, SAME)
    assert recurrence.turns_into_single(SAME, None)
    assert not recurrence.turns_into_series(SAME, replace(SAME, interval=2))
    assert not recurrence.turns_into_single(None, None)
    assert recurrence.same_series(None, None)
    assert not recurrence.same_series(SAME, None)


def test_exceptions_of_days_that_a_changed_series_no_longer_has_mean_nothing() -> None:  # 10.4
    start = datetime(2026, 1, 31, 9, tzinfo=UTC)
    kept, gone = start + timedelta(days=14), start + timedelta(days=7)
    every_other = replace(SAME, interval=2)
    end = start + timedelta(hours=1)
    assert recurrence.still_there([kept, gone], every_other, start, end, "UTC") == {kept}
    assert recurrence.still_there([], every_other, start, end, "UTC") == frozenset()
