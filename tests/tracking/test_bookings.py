"""What comes in from Exchange and takes time that is taken (10.3.3)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.act_items import Frequency, Recurrence
from tracking.decide.bookings import (
    MOST_OCCURRENCES,
    MOST_TOLD,
    Booking,
    bookings_in,
    overlap,
    overlapping,
    takes_time,
    times_mark,
)
from tracking.decide.field_values import BUSY, CALLED_OFF, DONE, FREE, OUT_OF_OFFICE, TENTATIVE
from tracking.decide.in_words import span_in_words

BERLIN = "Europe/Berlin"
MONDAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(hour: float, day: date = MONDAY) -> datetime:
    """A time of that day in Berlin."""
    return datetime.combine(day, datetime.min.time(), ZoneInfo(BERLIN)) + timedelta(hours=hour)


def from_to(start: float, end: float) -> Booking:
    return Booking(at(start), at(end))


TUESDAY = MONDAY + timedelta(days=1)
WHOLE_MONDAY = Booking(MONDAY, TUESDAY)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (from_to(9, 10), from_to(9.5, 11), True),
        (from_to(9, 12), from_to(10, 11), True),
        (from_to(9, 10), from_to(9, 10), True),
        (from_to(9, 10), from_to(10, 11), False),  # one begins when the other ends
        (from_to(9, 10), from_to(12, 13), False),
        (WHOLE_MONDAY, from_to(0, 1), True),
        (WHOLE_MONDAY, from_to(23, 24), True),
        (WHOLE_MONDAY, from_to(24, 25), False),  # Tuesday, where the user is, though Monday in UTC
        (WHOLE_MONDAY, from_to(-1, 0), False),
        (WHOLE_MONDAY, Booking(TUESDAY, TUESDAY + timedelta(days=1)), False),
        (from_to(9, 9), from_to(8, 10), True),
        (from_to(9, 9), from_to(9, 10), False),
    ],
)
def test_two_bookings_overlap_or_not(one: Booking, other: Booking, together: bool) -> None:  # 10.3.3
    assert overlap(one, other, BERLIN) is together
    assert overlap(other, one, BERLIN) is together


_TIMES = st.integers(-30, 30).map(lambda number: at(number / 2))
_DAYS = st.integers(-3, 3).map(lambda number: MONDAY + timedelta(days=number))
_BOOKINGS = st.one_of(
    st.tuples(_TIMES, st.integers(1, 60)).map(lambda one: Booking(one[0], one[0] + timedelta(minutes=30 * one[1]))),
    st.tuples(_DAYS, st.integers(1, 3)).map(lambda one: Booking(one[0], one[0] + timedelta(days=one[1]))),
)


@settings(deadline=None)
@given(_BOOKINGS, _BOOKINGS, st.sampled_from([BERLIN, "UTC", "Pacific/Auckland", "America/New_York"]))
def test_overlapping_is_mutual_and_what_follows_does_not_overlap(  # 10.3.3
    one: Booking, other: Booking, zone: str
) -> None:
    assert overlap(one, other, zone) is overlap(other, one, zone)
    assert overlap(one, one, zone)
    length = one.end - one.start
    assert not overlap(one, Booking(one.end, one.end + length), zone)


@pytest.mark.parametrize(
    ("status", "takes"),
    [(FREE, False), (TENTATIVE, True), (DONE, False), (CALLED_OFF, False), (BUSY, True), (OUT_OF_OFFICE, True)],
)
def test_only_what_is_open_and_not_free_takes_time(status: int, takes: bool) -> None:  # 10.3.3
    assert takes_time(status) is takes


def told(**changes: Any) -> dict[str, Any]:
    return {"start": at(9), "end": at(10), "show_as": "busy", "time_zone": BERLIN, **changes}


WEEKLY = Recurrence(Frequency.WEEKLY, first=MONDAY, weekdays=(0,), count=3)


@pytest.mark.parametrize(
    ("fields", "days"),
    [
        (told(), [0]),
        (told(show_as="free"), []),
        (told(show_as="elsewhere"), []),
        (told(start=at(-48), end=at(-47)), []),  # it is over
        (told(start=MONDAY, end=TUESDAY, is_all_day=True), [0]),
        (told(recurrence=WEEKLY), [0, 7, 14]),
        (told(start=MONDAY, end=TUESDAY, is_all_day=True, recurrence=WEEKLY), [0, 7, 14]),
    ],
)
def test_what_comes_in_takes_the_time_to_come(fields: dict[str, Any], days: list[int]) -> None:  # 10.3.3
    found = bookings_in(fields, BERLIN, NOW)
    starts = [
        one.start if not isinstance(one.start, datetime) else one.start.astimezone(ZoneInfo(BERLIN)).date()
        for one in found
    ]
    assert starts == [MONDAY + timedelta(days=day) for day in days]


def test_a_series_without_end_is_looked_at_for_a_while_and_a_few_overlaps_are_told() -> None:  # 10.3.3
    daily = Recurrence(Frequency.DAILY, first=MONDAY)
    coming = bookings_in(told(recurrence=daily), BERLIN, NOW)
    assert len(coming) == MOST_OCCURRENCES
    assert len(overlapping(coming, coming, BERLIN)) == MOST_TOLD


def test_who_was_asked_about_one_time_is_asked_again_about_another_only() -> None:  # 10.3.3
    assert times_mark(told()) == times_mark(told(subject="Other", show_as="tentative"))
    assert times_mark(told()) != times_mark(told(end=at(11)))
    assert times_mark(told()) != times_mark(told(recurrence=WEEKLY))


def test_times_are_said_where_the_reader_is() -> None:
    berlin = ZoneInfo(BERLIN)
    assert span_in_words(at(9), at(10), berlin) == "Mon 2026-03-02 09:00–10:00"
    assert span_in_words(at(22), at(26), berlin) == "Mon 2026-03-02 22:00 – Tue 2026-03-03 02:00"
    assert span_in_words(MONDAY, TUESDAY, berlin) == "Mon 2026-03-02, all day"
    assert span_in_words(MONDAY, TUESDAY + timedelta(days=1), berlin) == "Mon 2026-03-02 to Tue 2026-03-03"
    assert span_in_words(None, None, berlin) == "–"
