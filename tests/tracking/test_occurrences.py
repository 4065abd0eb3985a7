"""Occurrences of a series that were moved, changed or taken out, on one side or both (10.4)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.act_items import APPOINTMENT_FIELDS, Fields, Frequency, Occurrence, Recurrence
from tracking.decide.act_values import same
from tracking.decide.merge import Circumstances, Direction, Rule, Side
from tracking.decide.occurrences import (
    AgreedSeries,
    Exceptions,
    OccurrenceMerge,
    SeriesState,
    exceptions_from_json,
    exceptions_to_json,
    merge_occurrences,
    plain_occurrence,
)

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
SERIES: Fields = {
    "subject": "Weekly",
    "location": "Room 1",
    "start": MONDAY,
    "end": MONDAY + HOUR,
    "is_all_day": False,
    "time_zone": "UTC",
    "recurrence": Recurrence(Frequency.WEEKLY, MONDAY.date(), weekdays=(0,)),
}
BOTH_WAYS = dict.fromkeys(APPOINTMENT_FIELDS, Direction.BOTH)
BOB_LATER = Circumstances(crm_modified_on=MONDAY, exchange_modified_on=MONDAY + HOUR)
SECOND = MONDAY + WEEK
MOVED: Fields = {"start": SECOND + HOUR, "end": SECOND + 2 * HOUR}
NO: Exceptions = Exceptions()
TAKEN_OUT = Exceptions(removed=frozenset({SECOND}))
IS_MOVED = Exceptions({SECOND: MOVED})
RENAMED = Exceptions({SECOND: {"subject": "Special"}})


def merged(before: Exceptions, ours: Exceptions, theirs: Exceptions, series: Fields = SERIES) -> OccurrenceMerge:
    agreed = AgreedSeries.on(SeriesState(series, before))
    sides = SeriesState(series, ours), SeriesState(series, theirs)
    return merge_occurrences(agreed, *sides, BOTH_WAYS, BOB_LATER)


def told(found: OccurrenceMerge) -> list[Any]:
    words = [
        (one.side.value, "removes" if one.removes else "restores" if one.restores else dict(one.fields))
        for one in found.steps
    ]
    assert all(one.original_start == SECOND for one in found.steps)
    return words


PLAIN_TIMES = {"start": SECOND, "end": SECOND + HOUR}
TABLE: list[tuple[str, Exceptions, Exceptions, Exceptions, list[Any]]] = [
    ("nothing differs", NO, NO, NO, []),
    ("Bob takes it out", NO, NO, TAKEN_OUT, [("crm", "removes")]),
    ("Alice takes it out", NO, TAKEN_OUT, NO, [("exchange", "removes")]),
    ("both take it out", NO, TAKEN_OUT, TAKEN_OUT, []),
    ("Bob takes out what Alice moves", NO, IS_MOVED, TAKEN_OUT, [("crm", "removes")]),
    ("Alice takes out what Bob moves", NO, TAKEN_OUT, IS_MOVED, [("exchange", "removes")]),
    ("it was taken out long ago", TAKEN_OUT, TAKEN_OUT, TAKEN_OUT, []),
    ("the series in Exchange was made anew", TAKEN_OUT, TAKEN_OUT, NO, [("crm", "restores")]),
    ("made anew, and moved", TAKEN_OUT, TAKEN_OUT, IS_MOVED, [("crm", "restores"), ("crm", MOVED)]),
    ("Alice puts it back, which no server does", TAKEN_OUT, NO, TAKEN_OUT, [("crm", "removes")]),
    ("Bob moves it", NO, NO, IS_MOVED, [("crm", MOVED)]),
    ("Alice moves it", NO, IS_MOVED, NO, [("exchange", MOVED)]),
    ("Alice renames what Bob moves", NO, RENAMED, IS_MOVED, [("crm", MOVED), ("exchange", {"subject": "Special"})]),
    ("Bob moves it back", IS_MOVED, IS_MOVED, NO, [("crm", PLAIN_TIMES)]),
    ("Alice gives it its old name", RENAMED, NO, RENAMED, [("exchange", {"subject": "Weekly"})]),
]


@pytest.mark.parametrize(
    ("before", "ours", "theirs", "steps"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_what_happens_to_one_occurrence(
    before: Exceptions, ours: Exceptions, theirs: Exceptions, steps: list[Any]
) -> None:  # 10.4
    found = merged(before, ours, theirs)
    assert told(found) == steps
    assert found.clashes == ()


def test_where_both_move_it_the_newer_one_is_taken_and_the_other_written_down() -> None:  # 10.1 h, 10.4
    earlier = Exceptions({SECOND: {"start": SECOND - HOUR, "end": SECOND}})
    found = merged(NO, earlier, IS_MOVED)
    assert told(found) == [("crm", MOVED)]
    assert {(original, clash.field, clash.rule) for original, clash in found.clashes} == {
        (SECOND, "start", Rule.NEWEST),
        (SECOND, "end", Rule.NEWEST),
    }


def test_an_occurrence_of_whole_days_is_moved_by_dates() -> None:
    zone = "Asia/Kathmandu"
    series = SERIES | {"start": date(2026, 3, 2), "end": date(2026, 3, 3), "is_all_day": True, "time_zone": zone}
    original = datetime(2026, 3, 8, 18, 15, tzinfo=UTC)  # midnight there
    moved: Fields = {"start": date(2026, 3, 10), "end": date(2026, 3, 11)}
    found = merged(NO, NO, Exceptions({original: moved}), series)
    assert [(one.side, one.fields) for one in found.steps] == [(Side.CRM, moved)]
    back = merged(Exceptions({original: moved}), Exceptions({original: moved}), NO, series)
    assert back.steps[0].fields == {"start": date(2026, 3, 9), "end": date(2026, 3, 10)}


def test_exceptions_of_an_item_on_a_server() -> None:
    found = Exceptions.of([Occurrence(SECOND, MOVED)], [MONDAY])
    assert (found.changed, found.removed, found.originals) == ({SECOND: MOVED}, {MONDAY}, {MONDAY, SECOND})


ORIGINALS = [MONDAY + number * WEEK for number in range(3)]
_CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "subject": st.sampled_from(["Weekly", "Special", "Other"]),
        "location": st.sampled_from(["Room 1", "Room 2", None]),
    },
)
_ONE = st.none() | st.just("removed") | _CHANGES


@st.composite
def exceptions(draw: st.DrawFn) -> Exceptions:
    drawn = {original: draw(_ONE) for original in ORIGINALS}
    return Exceptions(
        {original: one for original, one in drawn.items() if isinstance(one, dict) and one},
        frozenset(original for original, one in drawn.items() if one == "removed"),
    )


def applied(state: Exceptions, found: OccurrenceMerge, side: Side) -> Exceptions:
    """What a side has after its steps, as the engine would do them."""
    changed, removed = {key: dict(value) for key, value in state.changed.items()}, set(state.removed)
    for step in found.steps:
        if step.side is not side:
            continue
        if step.removes:
            changed.pop(step.original_start, None)
            removed.add(step.original_start)
        elif step.restores:
            removed.discard(step.original_start)
        else:
            changed.setdefault(step.original_start, {}).update(step.fields)
    return Exceptions(changed, frozenset(removed))


def as_seen(state: Exceptions, original: datetime) -> Any:
    if original in state.removed:
        return None
    return {name: state.changed.get(original, {}).get(name, SERIES[name]) for name in ("subject", "location")}


@settings(deadline=None)
@given(exceptions(), exceptions(), exceptions())
def test_after_the_steps_both_sides_show_the_same_and_a_second_run_does_nothing(
    before: Exceptions, ours: Exceptions, theirs: Exceptions
) -> None:  # 10.4
    found = merged(before, ours, theirs)
    left, right = applied(ours, found, Side.CRM), applied(theirs, found, Side.EXCHANGE)
    for original in ORIGINALS:
        one, other = as_seen(left, original), as_seen(right, original)
        assert (one is None) == (other is None)
        assert one is None or all(same(one[name], other[name]) for name in one)
    agreed = AgreedSeries(SeriesState(SERIES, found.agreed_crm), SeriesState(SERIES, found.agreed_exchange))
    sides = SeriesState(SERIES, left), SeriesState(SERIES, right)
    again = merge_occurrences(agreed, *sides, BOTH_WAYS, BOB_LATER)
    assert (again.steps, again.clashes) == ((), ())


@settings(deadline=None)
@given(exceptions(), exceptions())
def test_what_was_agreed_survives_being_stored(ours: Exceptions, theirs: Exceptions) -> None:
    assert exceptions_from_json(json.loads(json.dumps(exceptions_to_json(ours, theirs)))) == (ours, theirs)
    assert exceptions_from_json({}) == (NO, NO)


@pytest.mark.parametrize(
    ("original", "ends"),
    [
        (datetime(2026, 3, 28, 21, tzinfo=UTC), datetime(2026, 3, 29, 4, tzinfo=UTC)),  # a night with an hour less
        (datetime(2026, 3, 28, 20, tzinfo=UTC), datetime(2026, 3, 29, 4, tzinfo=UTC)),  # in no pattern: eight hours
    ],
)
def test_an_occurrence_that_does_not_differ_ends_as_its_series_does(original: datetime, ends: datetime) -> None:  # 10.4
    night = {**SERIES, "start": MONDAY.replace(hour=21), "end": MONDAY.replace(hour=21) + 8 * HOUR}
    found = plain_occurrence({**night, "time_zone": "Europe/Berlin"}, original, ["start", "end"])
    assert found == {"start": original, "end": ends}
