"""Which records a user's mailbox gets: what conditions say, whom they let through, what cannot be asked (10.1 b, c)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.decide.field_maps import RecordKind
from tracking.decide.filters import (
    FILTER_FIELDS,
    OPERATORS,
    TEMPLATES,
    Asking,
    Condition,
    Together,
    Type,
    any_lets_through,
    in_words,
    lets_through,
    parse,
    stored,
    time_range,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ALICE = Asking("1", NOW)
TASK, CONTACT, MEETING = RecordKind.TASK, RecordKind.CONTACT, RecordKind.APPOINTMENT


def days(number: float) -> datetime:
    return NOW + timedelta(days=number)


def one(field: str, operator: str, *values: Any) -> dict[str, Any]:
    return {"all": [{"field": field, "operator": operator, "values": list(values)}]}


CASES: list[tuple[RecordKind, dict[str, Any], Mapping[str, Any], bool, str]] = [
    (TASK, one("owner", "is", "me"), {"owner": "1"}, True, "owner is me"),
    (TASK, one("owner", "is", "me"), {"owner": "2"}, False, "owner is me"),
    (TASK, one("owner", "is_not", "2"), {"owner": "1"}, True, "owner is not Bob"),
    (TASK, one("owner", "is_not", "9"), {"owner": None}, True, "owner is not somebody who is not here any more"),
    (TASK, one("owner", "is_empty"), {"owner": None}, True, "owner is empty"),
    (TASK, one("state", "is_one_of", "open", "completed"), {"state": "completed"}, True, "state is open or completed"),
    (TASK, one("state", "is_none_of", "open"), {"state": "open"}, False, "state is not open"),
    (TASK, one("subject", "contains", "OFFER"), {"subject": "An offer"}, True, "subject contains “OFFER”"),
    (TASK, one("subject", "begins_with", "offer"), {"subject": "An offer"}, False, "subject begins with “offer”"),
    (TASK, one("subject", "is_set"), {"subject": ""}, False, "subject is filled in"),
    (TASK, one("due", "in_next_days", 7), {"due": days(6.9)}, True, "due day is in the next 7 days"),
    (TASK, one("due", "in_next_days", 7), {"due": days(-0.1)}, False, "due day is in the next 7 days"),
    (TASK, one("due", "in_last_days", 7), {"due": days(-7)}, True, "due day was in the last 7 days"),
    (TASK, one("due", "in_last_days", 7), {"due": NOW}, False, "due day was in the last 7 days"),
    (TASK, one("due", "older_than_days", 7), {"due": days(-7.1)}, True, "due day is more than 7 days ago"),
    (TASK, one("due", "older_than_days", 7), {"due": None}, False, "due day is more than 7 days ago"),
    (TASK, one("due", "not_older_than_days", 7), {"due": days(400)}, True, "due day is not more than 7 days ago"),
    (TASK, one("due", "before", "2026-03-02"), {"due": days(-0.5)}, False, "due day is before 2026-03-02"),
    (TASK, one("due", "on_or_after", "2026-03-02"), {"due": days(-0.5)}, True, "due day is on or after 2026-03-02"),
    (
        MEETING,
        one("participants", "include", "me"),
        {"participants": ("1", "2")},
        True,
        "organizer and attendees include me",
    ),
    (MEETING, one("attendees", "do_not_include", "me"), {"attendees": ()}, True, "attendees do not include me"),
    (MEETING, one("is_private", "is", False), {"is_private": False}, True, "private is off"),
    (MEETING, one("is_private", "is", True), {"is_private": False}, False, "private is on"),
    (CONTACT, one("email", "contains", "@acme"), {"email": ("x@y", "ann@ACME.test")}, True, "email contains “@acme”"),
    (CONTACT, one("email", "is_empty"), {"email": ("", "")}, True, "email is empty"),
    (CONTACT, {"all": []}, {}, True, "all of them"),
    (CONTACT, {"any": []}, {}, False, "none of them"),
]


@pytest.mark.parametrize(("kind", "data", "facts", "wanted", "words"), CASES, ids=[row[4] for row in CASES])
def test_what_a_condition_says_and_whom_it_lets_through(
    kind: RecordKind, data: dict[str, Any], facts: Mapping[str, Any], wanted: bool, words: str
) -> None:  # 10.1 b
    found = parse(kind, data)
    assert lets_through(found, facts, ALICE) is wanted
    assert in_words(kind, found, {"2": "Bob"}) == words
    assert stored(found) == data


def test_conditions_are_joined_by_and_and_or() -> None:  # 10.1 b
    data = {
        "all": [
            *one("owner", "is", "me")["all"],
            {"any": [*one("due", "is_empty")["all"], *one("due", "in_next_days", 3)["all"]]},
        ]
    }
    found = parse(TASK, data)
    assert in_words(TASK, found) == "owner is me and (due day is empty or due day is in the next 3 days)"
    assert lets_through(found, {"owner": "1", "due": days(1)}, ALICE)
    assert lets_through(found, {"owner": "1", "due": None}, ALICE)
    assert not lets_through(found, {"owner": "1", "due": days(9)}, ALICE)
    assert not lets_through(found, {"owner": "2", "due": None}, ALICE)


def test_several_filters_are_alternatives_and_no_filter_wants_nothing() -> None:  # 10.1 b
    mine, urgent = parse(TASK, one("owner", "is", "me")), parse(TASK, one("priority", "is_one_of", "high"))
    bobs = {"owner": "2", "priority": "high"}
    assert any_lets_through([mine, urgent], bobs, ALICE)
    assert not any_lets_through([mine], bobs, ALICE)
    assert not any_lets_through([], bobs, ALICE)


WRONG: list[tuple[Any, str]] = [
    ([], "joined by “all” or “any”"),
    ({"all": [], "any": []}, "joined by “all” or “any”"),
    ({"none": []}, "joined by “all” or “any”"),
    ({"all": "x"}, "holds a list"),
    ({"all": [{"any": []}]}, "is empty"),
    ({"all": [one("subject", "is_set")["all"][0]] * 51}, "at most 50"),
    ({"all": [{"all": [{"all": [{"all": [{"all": []}]}]}]}]}, "at most 4 deep"),
    (one("colour", "is", "red"), "“colour” is nothing that can be asked here. Possible: owner,"),
    (one("subject", "in_last_days", 7), "cannot be asked by “in_last_days”. Possible: is,"),
    (one("subject", "is"), "it needs a value"),
    (one("subject", "is", 7), "it needs text"),
    (one("subject", "is_empty", "x"), "it takes no value"),
    (one("due", "in_last_days", "7"), "it needs a number of days"),
    (one("due", "in_last_days", True), "it needs a number of days"),
    (one("due", "in_last_days", 7, 8), "it takes one value"),
    (one("due", "before", "tomorrow"), "it needs a date such as"),
    (one("state", "is_one_of", "asleep"), "there is no asleep. Possible: open,"),
    ({"all": [{"field": "subject", "operator": "is", "values": "x"}]}, "must be a list"),
    ({"all": [{"field": "subject", "operator": "is_set", "value": 1}]}, "and nothing else"),
    ({"all": ["x"]}, "joined by “all” or “any”"),
]


@pytest.mark.parametrize(("data", "words"), WRONG, ids=[words for _, words in WRONG])
def test_what_cannot_be_asked_is_refused_by_name(data: Any, words: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse(TASK, data)
    assert words in str(refused.value)


@pytest.mark.parametrize("template", TEMPLATES, ids=[one.name for one in TEMPLATES])
def test_templates_are_filters_that_people_can_read(template: Any) -> None:  # 10.1 c
    assert parse(template.kind, stored(template.conditions)) == template.conditions
    assert " me" in in_words(template.kind, template.conditions)


def test_templates_cover_every_kind_and_reach_two_weeks_back() -> None:  # 10.1 c
    assert {one.kind for one in TEMPLATES} == set(RecordKind)
    (meetings,) = [one.conditions for one in TEMPLATES if one.kind is MEETING]
    assert lets_through(meetings, {"participants": ("1",), "end": days(-13)}, ALICE)
    assert not lets_through(meetings, {"participants": ("1",), "end": days(-15)}, ALICE)
    assert not lets_through(meetings, {"participants": ("2",), "owner": "1", "end": days(1)}, ALICE)  # a mere owner
    (series,) = [one.conditions for one in TEMPLATES if one.kind is RecordKind.SERIES]
    assert lets_through(series, {"participants": ("1",), "end": None}, ALICE)  # never ends


def test_a_range_of_time_is_what_the_database_is_asked() -> None:
    assert time_range(Condition("due", "in_next_days", (2,)), NOW) == (NOW, days(2))
    assert time_range(Condition("due", "older_than_days", (2,)), NOW) == (None, days(-2))


_VALUES: dict[Type, st.SearchStrategy[Any]] = {
    Type.TEXT: st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=3),
    Type.PERSON: st.sampled_from(["me", "1", "2"]),
    Type.PEOPLE: st.sampled_from(["me", "1", "2"]),
    Type.YES_NO: st.booleans(),
}


@st.composite
def conditions(draw: st.DrawFn, kind: RecordKind, depth: int = 2) -> dict[str, Any]:
    """Conditions that can be asked of this kind."""
    parts: list[Any] = []
    for _ in range(draw(st.integers(1, 3))):
        if depth and draw(st.booleans()):
            parts.append(draw(conditions(kind, depth - 1)))
            continue
        field = draw(st.sampled_from(sorted(FILTER_FIELDS[kind])))
        row = FILTER_FIELDS[kind][field]
        operator = draw(st.sampled_from(sorted(OPERATORS[row.type])))
        value = draw(_value(row.type, operator, [key for key, _ in row.choices]))
        parts.append({"field": field, "operator": operator, "values": value})
    return {draw(st.sampled_from(["all", "any"])): parts}


def _value(kind: Type, operator: str, choices: list[str]) -> st.SearchStrategy[list[Any]]:
    if operator in ("is_empty", "is_set"):
        return st.just([])
    if operator.endswith("_days"):
        return st.integers(0, 100).map(lambda number: [number])
    if operator in ("before", "on_or_after"):
        return st.dates().map(lambda day: [day.isoformat()])
    values = st.sampled_from(choices) if choices else _VALUES[kind]
    return st.lists(values, min_size=1, max_size=1 if kind is Type.YES_NO else 3)


@settings(deadline=None)
@given(st.data(), st.sampled_from(RecordKind))
def test_what_can_be_asked_is_stored_said_and_answered(data: st.DataObject, kind: RecordKind) -> None:
    drawn = data.draw(conditions(kind))
    found = parse(kind, drawn)
    assert stored(found) == drawn
    assert in_words(kind, found)
    alone = [lets_through(Together(True, (part,)), {}, ALICE) for part in found.parts]
    assert lets_through(found, {}, ALICE) is (all(alone) if found.every else any(alone))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["all", "subject", "is", "due", "in_last_days", "me"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["all", "any", "field", "operator", "values"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(_JSON)
def test_whatever_is_sent_is_either_understood_or_refused_with_a_sentence(data: Any) -> None:
    refused = ""
    try:
        found = parse(TASK, data)
    except ValueError as error:
        refused = str(error)
    assert refused.endswith(".") if refused else parse(TASK, stored(found)) == found
