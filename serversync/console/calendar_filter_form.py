"""The conditions of a filter as rows of a form, and back: each row a field, how it is asked, and a value (10.1 b).

Rows join by "all" or "any"; those with the same letter make a group that joins the other way. What is deeper is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracking.decide.field_maps import RecordKind
from tracking.decide.filters import (
    FILTER_FIELDS,
    LONGEST,
    ME,
    OPERATORS,
    Condition,
    FilterField,
    Together,
    Type,
    parse,
    stored,
)

GROUPS = ("A", "B", "C", "D")
_DAYS = frozenset({"in_last_days", "in_next_days", "not_older_than_days", "older_than_days"})
_DATES = frozenset({"on_or_after", "before"})
_EMPTY = frozenset({"is_empty", "is_set"})
_SEVERAL = ";"


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to choose."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One condition as the form shows it. `input` says what the value is entered with."""

    number: int
    fields: list[Choice]
    operators: list[Choice]
    groups: list[Choice]
    input: str  # none, text, number, date, select, boxes
    value: str = ""
    choices: list[Choice] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Typed:
    """One row as it was entered."""

    field: str
    operator: str
    values: tuple[str, ...] = ()
    group: str = ""


def typed_of(together: Together) -> tuple[str, list[Typed], list[dict[str, Any]]]:
    """How the rows are joined, the rows, and the parts that are too deep for rows, as they are stored."""
    rows: list[Typed] = []
    deep: list[dict[str, Any]] = []
    letters = iter(GROUPS)
    for part in together.parts:
        if isinstance(part, Condition):
            rows.append(_typed(part, ""))
            continue
        simple = [one for one in part.parts if isinstance(one, Condition)]
        fits = len(simple) == len(part.parts) and (part.every != together.every or len(simple) == 1)
        letter = next(letters, "") if fits else ""
        if not letter:
            deep.append(stored(part))
            continue
        rows += [_typed(one, letter) for one in simple]
    return ("all" if together.every else "any"), rows, deep


def _typed(condition: Condition, group: str) -> Typed:
    values = tuple(("yes" if one else "no") if isinstance(one, bool) else str(one) for one in condition.values)
    return Typed(condition.field, condition.operator, values, group)


def read(data: Any) -> tuple[str, list[Typed], list[dict[str, Any]]]:
    """The same from what was posted. Rows whose field was emptied are gone."""
    rows = []
    for number in range(LONGEST):
        name = data.get(f"field-{number}")
        if name:
            values = tuple(value.strip() for value in data.getlist(f"value-{number}") if value.strip())
            rows.append(Typed(name, data.get(f"operator-{number}", ""), values, data.get(f"group-{number}", "")))
    deep = []
    for text in data.getlist("deep")[:LONGEST]:
        try:
            deep.append(json.loads(text))
        except (ValueError, RecursionError):
            continue
    return ("any" if data.get("join") == "any" else "all"), rows, deep


def conditions(kind: RecordKind, join: str, rows: Sequence[Typed], deep: Sequence[Mapping[str, Any]]) -> Together:
    """The rows as conditions. Raises ValueError with a sentence naming the field."""
    other = "any" if join == "all" else "all"
    top: list[Any] = [_stored(kind, one) for one in rows if one.group not in GROUPS]
    for letter in GROUPS:
        grouped = [_stored(kind, one) for one in rows if one.group == letter]
        if grouped:
            top.append({other: grouped})
    return parse(kind, {join: [*top, *deep]})


def _stored(kind: RecordKind, one: Typed) -> dict[str, Any]:
    known = FILTER_FIELDS[kind].get(one.field)
    values: list[Any] = list(one.values)
    if known is None or one.operator not in OPERATORS[known.type]:
        return {"field": one.field, "operator": one.operator, "values": values}
    if one.operator in _EMPTY:
        values = []
    elif one.operator in _DAYS:
        values = [int(value) if value.isdecimal() else value for value in values]
    elif known.type is Type.YES_NO:
        values = [value == "yes" for value in values]
    elif known.type in (Type.TEXT, Type.PERSON, Type.PEOPLE):
        values = [part.strip() for value in values for part in value.split(_SEVERAL) if part.strip()]
    return {"field": one.field, "operator": one.operator, "values": values}


def shown(kind: RecordKind, rows: Sequence[Typed], people: Mapping[str, str]) -> list[Row]:
    """The rows for the page, and an empty one to add another condition."""
    return [_row(kind, number, one, people) for number, one in enumerate([*rows, Typed("", "")][:LONGEST])]


def _row(kind: RecordKind, number: int, one: Typed, people: Mapping[str, str]) -> Row:
    known = FILTER_FIELDS[kind].get(one.field)
    fields = [Choice(name, row.label, name == one.field) for name, row in FILTER_FIELDS[kind].items()]
    groups = [Choice(letter, f"group {letter}", letter == one.group) for letter in GROUPS]
    if known is None:
        return Row(number, fields, [], groups, "none")
    possible = OPERATORS[known.type]
    operator = one.operator if one.operator in possible else next(iter(possible))
    operators = [
        Choice(name, words.replace(" {}", " …").replace("… days", "… days"), name == operator)
        for name, words in possible.items()
    ]
    how, choices = _input(known, operator, one.values, people)
    value = f"{_SEVERAL} ".join(one.values) if how in ("text", "number", "date") else ""
    return Row(number, fields, operators, groups, how, value, choices)


def _input(
    known: FilterField, operator: str, values: Sequence[str], people: Mapping[str, str]
) -> tuple[str, list[Choice]]:
    """What the value is entered with, and what there is to choose."""
    if operator in _EMPTY:
        return "none", []
    if operator in _DAYS:
        return "number", []
    if operator in _DATES:
        return "date", []
    if known.type is Type.YES_NO:
        return "select", [Choice(one, one, one in values) for one in ("yes", "no")]
    if known.type is Type.CHOICE:
        return "boxes", [Choice(value, label, value in values) for value, label in known.choices]
    if known.type in (Type.PERSON, Type.PEOPLE):
        chosen = _SEVERAL.join(part for value in values for part in value.split(_SEVERAL))
        offered = {ME: "me", **people}
        found = [Choice(key, name, key == chosen) for key, name in offered.items()]
        if chosen and chosen not in offered:
            names = [offered.get(key, "somebody who is not here any more") for key in chosen.split(_SEVERAL)]
            found.append(Choice(chosen, " or ".join(names), True))
        return "select", found
    return "text", []
