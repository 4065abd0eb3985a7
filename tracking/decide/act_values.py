"""Values of appointments, contacts and tasks: when two are the same, and how they are stored. Pure (10.1 e, 10.8)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from profiles.act_items import Attached, Attendee, Fields, Frequency, PostalAddress, Recurrence, Value
from tracking.decide.recurrence import normal_recurrence


@dataclass(frozen=True, slots=True)
class Agreed:
    """What each side held when they last agreed. The two differ where one side cannot hold all that the other can: a
    cancelled task is a completed one on Exchange."""

    crm: Fields = field(default_factory=dict)
    exchange: Fields = field(default_factory=dict)

    @classmethod
    def on(cls, fields: Fields) -> Agreed:
        """Both sides hold the same."""
        return cls(dict(fields), dict(fields))


def normal(value: Value) -> Value:
    """The one form of all values that mean the same: the end of a text, the order of attendees, "" and None."""
    if isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n").rstrip() or None
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(microsecond=0)
    if isinstance(value, tuple):
        people = {one.address.lower() for one in value if isinstance(one, Attendee)}
        if people:
            return tuple(Attendee(address) for address in sorted(people))  # names are only told
        files = [Attached(one.name, one.digest) for one in value if isinstance(one, Attached)]
        return tuple(sorted(files, key=lambda one: one.name)) or value or None
    if isinstance(value, PostalAddress):
        parts = {name: _text(part) for name, part in asdict(value).items()}
        return PostalAddress(**parts) if any(parts.values()) else None
    return normal_recurrence(value) if isinstance(value, Recurrence) else value


def _text(part: str) -> str:
    return str(normal(part) or "")


def same(one: Value, other: Value) -> bool:
    """Whether two values mean the same. True is not 1 and False is not nothing."""
    one, other = normal(one), normal(other)
    return type(one) is type(other) and one == other


def is_empty(value: Value) -> bool:
    """Whether a value says nothing: None, "", nobody, an address without a line."""
    return normal(value) is None


def fingerprint(fields: Fields) -> str:
    """A short text that differs where any of the values does."""
    plain = {name: to_json(normal(value)) for name, value in fields.items()}
    data = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(data.encode(), digest_size=20).hexdigest()


def to_json(value: Value) -> Any:
    """A value as JSON can hold it; `from_json` gives it back."""
    if isinstance(value, datetime):
        return {"time": value.astimezone(UTC).isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, PostalAddress):
        return {"address": asdict(value)}
    if isinstance(value, Recurrence):
        plain = {name: _json_of(part) for name, part in asdict(value).items()}
        return {"recurrence": plain}
    if isinstance(value, tuple):
        if value and isinstance(value[0], Attendee):
            return {"people": [[one.address, one.name] for one in value if isinstance(one, Attendee)]}
        if value and isinstance(value[0], Attached):
            files = [one for one in value if isinstance(one, Attached)]
            return {"files": [[one.name, one.digest, one.size, one.mime_type] for one in files]}
        return {"texts": list(value)}
    return value


def _json_of(part: Any) -> Any:
    return part.isoformat() if isinstance(part, date) else part


def from_json(data: Any) -> Value:
    """The value that `to_json` made this of. Raises ValueError for anything else."""
    if not isinstance(data, dict):
        if data is None or isinstance(data, str | int | bool):
            return data
        raise ValueError(f"{data!r} is no stored value")
    content: Any
    kind, content = next(iter(data.items()), ("", None))
    match kind:
        case "time":
            return datetime.fromisoformat(content)
        case "date":
            return date.fromisoformat(content)
        case "address":
            return PostalAddress(**content)
        case "people":
            return tuple(Attendee(address, name) for address, name in content)
        case "files":
            return tuple(Attached(*parts) for parts in content)
        case "texts":
            return tuple(content)
        case "recurrence":
            return _recurrence(content)
    raise ValueError(f"{kind!r} is no kind of stored value")


def _recurrence(content: Mapping[str, Any]) -> Recurrence:
    until = content["until"]
    return Recurrence(
        **{
            **content,
            "frequency": Frequency(content["frequency"]),
            "first": date.fromisoformat(content["first"]),
            "weekdays": tuple(content["weekdays"]),
            "until": None if until is None else date.fromisoformat(until),
        }
    )


def fields_to_json(fields: Fields) -> dict[str, Any]:
    """All fields of an item, for a snapshot."""
    return {name: to_json(value) for name, value in fields.items()}


def fields_from_json(data: Mapping[str, Any]) -> dict[str, Value]:
    """What `fields_to_json` stored."""
    return {name: from_json(value) for name, value in data.items()}


def agreed_to_json(agreed: Agreed) -> dict[str, Any]:
    """What was agreed, each value once where both sides hold the same, else both, ours first."""
    return {
        name: to_json(ours)
        if same(ours, agreed.exchange[name])
        else {"two": [to_json(ours), to_json(agreed.exchange[name])]}
        for name, ours in agreed.crm.items()
        if name in agreed.exchange
    }


def agreed_from_json(data: Mapping[str, Any]) -> Agreed:
    """What `agreed_to_json` stored."""
    crm: dict[str, Value] = {}
    exchange: dict[str, Value] = {}
    for name, stored in data.items():
        two = stored.get("two") if isinstance(stored, dict) else None
        ours, theirs = two if two is not None else (stored, stored)
        crm[name], exchange[name] = from_json(ours), from_json(theirs)
    return Agreed(crm, exchange)
