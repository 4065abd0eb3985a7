"""Filters as rows of a form: whatever was stored comes back from the form as it was (10.1 b)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import QueryDict

from serversync.console.calendar_filter_form import Row, conditions, read, shown, typed_of
from tracking.decide.field_maps import RecordKind
from tracking.decide.filters import TEMPLATES, Condition, Together, parse

OWN = Condition("owner", "is", ("me",))
HIGH = Condition("priority", "is_one_of", ("low", "high"))
LATE = Condition("due", "older_than_days", (3,))
PRIVATE = Condition("is_private", "is", (True,))
TEXT = Condition("subject", "contains", ("offer", "price"))


def posted(kind: RecordKind, together: Together) -> QueryDict:
    """What the browser posts of the page that shows these conditions, nothing changed."""
    join, rows, deep = typed_of(together)
    data = QueryDict(mutable=True)
    data["join"] = join
    for row in shown(kind, rows, {"7": "Bob"})[:-1]:  # the last one is empty
        for name, choices in (("field", row.fields), ("operator", row.operators), ("group", row.groups)):
            data[f"{name}-{row.number}"] = next((one.value for one in choices if one.is_chosen), "")
        data.setlist(f"value-{row.number}", values_of(row))
    data.setlist("deep", [json.dumps(one) for one in deep])
    return data


def values_of(row: Row) -> list[str]:
    chosen = [one.value for one in row.choices if one.is_chosen]
    return chosen if row.choices else [row.value]


@pytest.mark.parametrize(
    ("kind", "together"),
    [
        *((one.kind, one.conditions) for one in TEMPLATES),
        (RecordKind.TASK, Together(True, ())),
        (RecordKind.TASK, Together(False, (OWN, HIGH))),
        (RecordKind.TASK, Together(False, (Together(True, (OWN, LATE)), Together(True, (TEXT, HIGH))))),
        (RecordKind.TASK, Together(True, (OWN, Together(False, (HIGH, Together(True, (LATE, TEXT))))))),
        (RecordKind.APPOINTMENT, Together(True, (PRIVATE, Condition("attendees", "include", ("me", "7"))))),
        (RecordKind.APPOINTMENT, Together(True, (Condition("start", "on_or_after", ("2026-03-02",)),))),
    ],
)
def test_a_filter_survives_its_form(kind: RecordKind, together: Together) -> None:
    assert conditions(kind, *read(posted(kind, together))) == together


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"field-0": "colour", "operator-0": "is", "value-0": "red"}, "“colour” is nothing that can be asked here."),
        ({"field-0": "due", "operator-0": "in_last_days", "value-0": "soon"}, "“due”: it needs a number of days."),
        ({"field-0": "subject", "operator-0": "is"}, "“subject”: it needs a value."),
        ({"field-0": "owner", "operator-0": "is", "value-0": "²"}, "“owner”: it needs people."),
        ({"field-0": "owner", "operator-0": "is_not", "value-0": "9" * 30}, "“owner”: it needs people."),
        ({"field-0": "subject", "operator-0": "is", "value-0": "a\0b"}, "“subject”: it needs text."),
        (
            {"deep": '{"all": [{"field": "subject", "operator": "is", "values": ["\\u0000"]}]}'},
            "“subject”: it needs text.",
        ),
        (
            {"deep": '{"all": [{"field": "subject", "operator": "is", "values": ["\\ud800"]}]}'},
            "“subject”: it needs text.",
        ),
    ],
)
def test_what_is_wrong_is_named(row: dict[str, Any], words: str) -> None:
    data = QueryDict(mutable=True)
    data.update(row)
    with pytest.raises(ValueError, match=words):
        conditions(RecordKind.TASK, *read(data))


def test_a_broken_kept_part_is_left_out() -> None:
    data = QueryDict(mutable=True)
    data.setlist("deep", ["{", "[" * 100_000, '{"all": [{"field": "due", "operator": "is_empty", "values": []}]}'])
    assert conditions(RecordKind.TASK, *read(data)) == parse(
        RecordKind.TASK, {"all": [{"all": [{"field": "due", "operator": "is_empty", "values": []}]}]}
    )
