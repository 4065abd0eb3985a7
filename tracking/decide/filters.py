"""Which records a user's mailbox gets: readable conditions, what they say in words, and whom they let through. Pure
(10.1 b, c).

A condition is {"field": "owner", "operator": "is", "values": ["me"]}; several are joined by {"all": […]} or {"any": […]},
as deep as somebody likes. `facts` asks the same of the database; both are tested against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from tracking.decide.field_maps import RecordKind

ME = "me"
DEEPEST, LONGEST = 4, 50
TWO_WEEKS = 14


class Type(StrEnum):
    """What a field of a filter holds; it decides which operators there are."""

    TEXT = "text"
    PERSON = "person"  # a user: their key, or "me"
    PEOPLE = "people"  # users who take part
    CHOICE = "choice"
    MOMENT = "moment"
    YES_NO = "yes-no"


_EMPTY = {"is_empty": "is empty", "is_set": "is filled in"}
OPERATORS: Mapping[Type, Mapping[str, str]] = {
    Type.TEXT: {
        "is": "is",
        "is_not": "is not",
        "contains": "contains",
        "begins_with": "begins with",
        **_EMPTY,
    },
    Type.PERSON: {"is": "is", "is_not": "is not", **_EMPTY},
    Type.PEOPLE: {"include": "include", "do_not_include": "do not include"},
    Type.CHOICE: {"is_one_of": "is", "is_none_of": "is not"},
    Type.MOMENT: {
        "in_last_days": "was in the last {} days",
        "in_next_days": "is in the next {} days",
        "not_older_than_days": "is not more than {} days ago",
        "older_than_days": "is more than {} days ago",
        "on_or_after": "is on or after {}",
        "before": "is before {}",
        **_EMPTY,
    },
    Type.YES_NO: {"is": "is"},
}
_WITHOUT_VALUE = frozenset(_EMPTY)
_WITH_DAYS = frozenset({"in_last_days", "in_next_days", "not_older_than_days", "older_than_days"})
_WITH_DATE = frozenset({"on_or_after", "before"})
_NOT_TEXT = frozenset("\0") | {chr(code) for code in range(0xD800, 0xE000)}
"""What no database holds: NUL, and halves of characters."""


@dataclass(frozen=True, slots=True)
class FilterField:
    """One thing that a filter may ask about a kind of record."""

    label: str
    type: Type
    choices: tuple[tuple[str, str], ...] = ()


_STATES = (("open", "open"), ("scheduled", "scheduled"), ("completed", "completed"), ("canceled", "canceled"))
_ACTIVITY = {
    "owner": FilterField("owner", Type.PERSON),
    "subject": FilterField("subject", Type.TEXT),
    "state": FilterField("state", Type.CHOICE, _STATES),
    "priority": FilterField("priority", Type.CHOICE, (("low", "low"), ("normal", "normal"), ("high", "high"))),
    "regarding": FilterField("regarding", Type.TEXT),
    "created_on": FilterField("creation", Type.MOMENT),
    "modified_on": FilterField("last change", Type.MOMENT),
}
_APPOINTMENT = _ACTIVITY | {
    "organizer": FilterField("organizer", Type.PEOPLE),
    "attendees": FilterField("attendees", Type.PEOPLE),
    "participants": FilterField("organizer and attendees", Type.PEOPLE),
    "start": FilterField("start", Type.MOMENT),
    "end": FilterField("end", Type.MOMENT),
    "location": FilterField("location", Type.TEXT),
    "is_private": FilterField("private", Type.YES_NO),
}
_SERVICE = _ACTIVITY | {
    "resources": FilterField("who renders it", Type.PEOPLE),
    **{name: _APPOINTMENT[name] for name in ("start", "end", "location", "is_private")},
}
_TASK = _ACTIVITY | {"start": FilterField("start", Type.MOMENT), "due": FilterField("due day", Type.MOMENT)}
_CONTACT = {
    "owner": FilterField("owner", Type.PERSON),
    "state": FilterField("state", Type.CHOICE, (("active", "active"), ("inactive", "inactive"))),
    "full_name": FilterField("name", Type.TEXT),
    "email": FilterField("email", Type.TEXT),
    "company": FilterField("account", Type.TEXT),
    "job_title": FilterField("job title", Type.TEXT),
    "city": FilterField("city", Type.TEXT),
    "country": FilterField("country", Type.TEXT),
    "created_on": FilterField("creation", Type.MOMENT),
    "modified_on": FilterField("last change", Type.MOMENT),
}
FILTER_FIELDS: Mapping[RecordKind, Mapping[str, FilterField]] = MappingProxyType(
    {
        RecordKind.APPOINTMENT: _APPOINTMENT,
        RecordKind.SERIES: _APPOINTMENT,
        RecordKind.SERVICE: _SERVICE,
        RecordKind.TASK: _TASK,
        RecordKind.PHONE_CALL: _TASK,
        RecordKind.LETTER: _TASK,
        RecordKind.FAX: _TASK,
        RecordKind.CONTACT: _CONTACT,
    }
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One question about one field."""

    field: str
    operator: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Together:
    """Several conditions, of which all or any must hold. None of them lets everything through, if all must hold."""

    every: bool
    parts: tuple[Condition | Together, ...]


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks and when: what "me" and "the last days" mean."""

    me: str
    now: datetime


def parse(kind: RecordKind, data: Any, depth: int = 0) -> Together:
    """The conditions as they are stored. Raises ValueError with a sentence that names what is wrong and what is possible."""
    if not isinstance(data, Mapping) or len(data) != 1 or not {"all", "any"} & set(data):
        raise ValueError("Conditions are joined by “all” or “any”.")
    if depth >= DEEPEST:
        raise ValueError(f"Conditions may stand at most {DEEPEST} deep in each other. Make two filters of it.")
    ((word, parts),) = data.items()
    if not isinstance(parts, Sequence) or isinstance(parts, str) or len(parts) > LONGEST:
        raise ValueError(f"“{word}” holds a list of at most {LONGEST} conditions.")
    found = tuple(
        _condition(kind, one) if isinstance(one, Mapping) and "field" in one else parse(kind, one, depth + 1)
        for one in parts
    )
    if not found and depth:
        raise ValueError(f"A group “{word}” is empty. Remove it, or add a condition to it.")
    return Together(word == "all", found)


def _condition(kind: RecordKind, data: Mapping[str, Any]) -> Condition:
    known = FILTER_FIELDS[kind]
    if set(data) - {"field", "operator", "values"}:
        raise ValueError("A condition has a “field”, an “operator” and a list of “values”, and nothing else.")
    field, operator, values = str(data.get("field")), str(data.get("operator")), data.get("values", [])
    if field not in known:
        raise ValueError(f"“{field}” is nothing that can be asked here. Possible: {', '.join(known)}.")
    row = known[field]
    if operator not in OPERATORS[row.type]:
        possible = ", ".join(OPERATORS[row.type])
        raise ValueError(f"“{field}” cannot be asked by “{operator}”. Possible: {possible}.")
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise ValueError(f"“{field}”: the values must be a list.")
    problem = _wrong_values(row, operator, values)
    if problem:
        raise ValueError(f"“{field}”: {problem}")
    return Condition(field, operator, tuple(values))


def _wrong_values(row: FilterField, operator: str, values: Sequence[Any]) -> str:
    """What is wrong with the values of a condition, as a sentence; "" if nothing is."""
    if operator in _WITHOUT_VALUE:
        return "it takes no value." if values else ""
    if not values or (len(values) > 1 and row.type in (Type.MOMENT, Type.YES_NO)):
        return "it needs a value." if not values else "it takes one value."
    if operator in _WITH_DAYS:
        fine = type(values[0]) is int and 0 <= values[0] <= 36_500
        return "" if fine else "it needs a number of days."
    if operator in _WITH_DATE:
        return "" if _date(values[0]) else "it needs a date such as 2026-03-02."
    if row.type is Type.YES_NO:
        return "" if isinstance(values[0], bool) else "it needs true or false."
    if row.type is Type.CHOICE:
        wrong = [str(one) for one in values if not isinstance(one, str) or one not in dict(row.choices)]
        possible = ", ".join(dict(row.choices))
        return f"there is no {', '.join(wrong)}. Possible: {possible}." if wrong else ""
    if not all(isinstance(one, str) and one and _NOT_TEXT.isdisjoint(one) for one in values):
        return "it needs text."
    is_person = row.type in (Type.PERSON, Type.PEOPLE)
    return "it needs people." if is_person and not all(one == ME or is_key(one) for one in values) else ""


def is_key(text: str) -> bool:
    """Whether it may be the key of a user: a number that every database holds."""
    return text.isascii() and text.isdecimal() and len(text) < 19


def _date(value: Any) -> date | None:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def stored(together: Together) -> dict[str, Any]:
    """The conditions as `parse` reads them."""
    parts = [
        stored(one)
        if isinstance(one, Together)
        else {"field": one.field, "operator": one.operator, "values": list(one.values)}
        for one in together.parts
    ]
    return {"all" if together.every else "any": parts}


def lets_through(together: Together, facts: Mapping[str, Any], asking: Asking) -> bool:
    """Whether a record is wanted. `facts` holds the values of its fields: text (or several texts), keys of users, times."""
    results = (
        lets_through(one, facts, asking) if isinstance(one, Together) else _holds(one, facts.get(one.field), asking)
        for one in together.parts
    )
    return all(results) if together.every else any(results)


def any_lets_through(filters: Sequence[Together], facts: Mapping[str, Any], asking: Asking) -> bool:
    """Whether one of a user's filters wants the record; no filter wants nothing (10.1 b)."""
    return any(lets_through(one, facts, asking) for one in filters)


def _holds(condition: Condition, value: Any, asking: Asking) -> bool:
    """One condition. Whatever is asked of an empty field is answered no, except whether it is empty, or is not something."""
    operator = condition.operator
    if operator in _WITHOUT_VALUE:
        return _is_empty(value) == (operator == "is_empty")
    if operator in _WITH_DAYS or operator in _WITH_DATE:
        return value is not None and _in_time(condition, value, asking.now)
    wanted = [asking.me if one == ME else one for one in condition.values]
    if operator in ("is_not", "is_none_of", "do_not_include"):
        return not _is_among(value, wanted)
    if operator in ("contains", "begins_with"):
        texts = [text.casefold() for text in _several(value)]
        sought = [str(one).casefold() for one in wanted]
        if operator == "contains":
            return any(one in text for text in texts for one in sought)
        return any(text.startswith(one) for text in texts for one in sought)
    return _is_among(value, wanted)


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, tuple | list | set | frozenset) and not any(value))


def _several(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, tuple | list | set | frozenset) else [value]


def _is_among(value: Any, wanted: Sequence[Any]) -> bool:
    def plain(one: Any) -> Any:
        return one.casefold() if isinstance(one, str) else one

    return bool({plain(one) for one in _several(value)} & {plain(one) for one in wanted})


def time_range(condition: Condition, now: datetime) -> tuple[datetime | None, datetime | None]:
    """From when, and until before when, the time of a record must be; for the database as well."""
    value = condition.values[0]
    if condition.operator in _WITH_DATE:
        there = datetime.combine(_date(value) or now.date(), datetime.min.time(), now.tzinfo)
        return (there, None) if condition.operator == "on_or_after" else (None, there)
    distance = timedelta(days=value)
    match condition.operator:
        case "in_last_days":
            return now - distance, now
        case "in_next_days":
            return now, now + distance
        case "older_than_days":
            return None, now - distance
    return now - distance, None


def _in_time(condition: Condition, value: datetime, now: datetime) -> bool:
    first, before = time_range(condition, now)
    return (first is None or value >= first) and (before is None or value < before)


def in_words(kind: RecordKind, together: Together, names: Mapping[str, str] | None = None) -> str:
    """What the conditions say. `names` gives those of users by key."""
    if not together.parts:
        return "all of them" if together.every else "none of them"
    known = names or {}
    parts = [
        f"({in_words(kind, one, known)})" if isinstance(one, Together) else _words_of(kind, one, known)
        for one in together.parts
    ]
    return (" and " if together.every else " or ").join(parts)


def _words_of(kind: RecordKind, condition: Condition, names: Mapping[str, str]) -> str:
    row = FILTER_FIELDS[kind][condition.field]
    words = OPERATORS[row.type][condition.operator]
    if condition.operator in _WITHOUT_VALUE:
        return f"{row.label} {words}"
    if row.type is Type.MOMENT:
        return f"{row.label} {words.format(condition.values[0])}"
    if row.type is Type.YES_NO:
        return f"{row.label} {words} {'on' if condition.values[0] else 'off'}"
    shown = [_shown(row, one, names) for one in condition.values]
    return f"{row.label} {words} {' or '.join(shown)}"


def _shown(row: FilterField, value: Any, names: Mapping[str, str]) -> str:
    if row.type in (Type.PERSON, Type.PEOPLE):
        return "me" if value == ME else names.get(value, "somebody who is not here any more")
    return dict(row.choices).get(value, str(value)) if row.type is Type.CHOICE else f"“{value}”"


@dataclass(frozen=True, slots=True)
class Template:
    """A filter that new users get (10.1 c)."""

    name: str
    kind: RecordKind
    conditions: Together


_MINE = Condition("owner", "is", (ME,))
_STILL_OPEN = Condition("state", "is_one_of", ("open",))
_I_TAKE_PART = Condition("participants", "include", (ME,))
_I_RENDER_IT = Condition("resources", "include", (ME,))
_NOT_LONG_OVER = Condition("end", "not_older_than_days", (TWO_WEEKS,))
TEMPLATES = (
    Template(
        "My active contacts", RecordKind.CONTACT, Together(True, (_MINE, Condition("state", "is_one_of", ("active",))))
    ),
    Template("My open tasks", RecordKind.TASK, Together(True, (_MINE, _STILL_OPEN))),
    Template("My open phone calls", RecordKind.PHONE_CALL, Together(True, (_MINE, _STILL_OPEN))),
    Template("My open letters", RecordKind.LETTER, Together(True, (_MINE, _STILL_OPEN))),
    Template("My open faxes", RecordKind.FAX, Together(True, (_MINE, _STILL_OPEN))),
    Template("Appointments I take part in", RecordKind.APPOINTMENT, Together(True, (_I_TAKE_PART, _NOT_LONG_OVER))),
    Template(
        "Recurring appointments I take part in",
        RecordKind.SERIES,
        Together(True, (_I_TAKE_PART, Together(False, (_NOT_LONG_OVER, Condition("end", "is_empty"))))),
    ),
    Template("Service activities I take part in", RecordKind.SERVICE, Together(True, (_I_RENDER_IT, _NOT_LONG_OVER))),
)
"""The templates of a new organization: one's own contacts and work, and what one takes part in, two weeks back at most."""
