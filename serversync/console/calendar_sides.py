"""Both sides of one copy in words, field by field, and what both had changed (10.1 h, 10.8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import timezone

from mailboxes.models.settings import current_policy
from profiles.act_items import Fields, Value
from serversync.console.calendar_desk import Desk
from tracking.decide.act_values import agreed_from_json, from_json, same
from tracking.decide.field_maps import FIELD_MAPS, RecordKind
from tracking.decide.in_words import NOTHING, value_in_words
from tracking.decide.merge import Direction
from tracking.facts.act.kinds import Record, kind_of
from tracking.facts.act.reading import VALUES, chosen_directions
from tracking.facts.calendar.pairs import Pair, conflicts_of
from tracking.keep.calendar.deciding import syncing_of
from tracking.models import Side, SyncConflict

RULES = {
    "direction": "the field goes one way only",
    "meeting": "what the attendees of a meeting were told counts",
    "newest": "it was the newer change",
    "undecided": "neither was newer, so the server’s was taken",
}
CHOICES = frozenset({"status", "show_as"})
DIRECTIONS = {
    Direction.NONE: "not synchronized",
    Direction.TO_EXCHANGE: "to Exchange only",
    Direction.TO_CRM: "from Exchange only",
    Direction.BOTH: "both ways",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One field: what is here, and what both sides had when they last agreed."""

    label: str
    ours: str
    agreed_here: str
    agreed_there: str
    direction: str
    is_changed: bool  # here, since then
    differs: bool  # the two sides could not hold the same


@dataclass(frozen=True, slots=True)
class Clash:
    """One conflict as the page tells it."""

    row: SyncConflict
    label: str
    before: str
    ours: str
    theirs: str
    because: str
    took_ours: bool
    mails: bool = False  # others are invited, and are told when it is undone
    about: str = ""
    address: str = ""


def values_of(record: Record, desk: Desk) -> dict[str, Value]:
    """The canonical values of our side; {} where no reader for the kind is there."""
    reader = VALUES.get(kind_of(record))
    if reader is None or desk.mailbox is None:
        return {}
    return reader(record, syncing_of(desk.mailbox, timezone.now()))


def rows_of(record: Record, pair: Pair, desk: Desk) -> list[Row]:
    """Both sides of one copy, field by field (10.8): what is here now beside what was agreed."""
    kind = kind_of(record)
    ours: Fields = values_of(record, desk)
    agreed = agreed_from_json(pair.row.agreed)
    directions = chosen_directions(kind, current_policy())
    found = []
    for name, one in FIELD_MAPS[kind].items():
        here, there, now = agreed.crm.get(name), agreed.exchange.get(name), ours.get(name)
        was_agreed = name in agreed.crm
        told = [_said(name, value, desk) for value in (now, here, there)]
        if told == [NOTHING] * 3:
            continue
        found.append(
            Row(
                one.label,
                told[0],
                told[1] if was_agreed else "not agreed yet",
                told[2] if was_agreed else "not agreed yet",
                DIRECTIONS[directions.get(name, Direction.NONE)],
                was_agreed and name in ours and not same(now, here),
                was_agreed and not same(here, there),
            )
        )
    return found


def _said(field: str, value: Value, desk: Desk) -> str:
    """A value in words; what stands for a choice is not written with hyphens."""
    words = value_in_words(value, desk.zone)
    return words.replace("-", " ") if field in CHOICES else words


def clashes_of(kind: RecordKind, pk: UUID, desk: Desk) -> list[Clash]:
    """What both sides had changed in this person's copy."""
    return [clash_of(one, kind, desk) for one in conflicts_of(kind, pk, desk.mailbox)]


def clash_of(row: SyncConflict, kind: RecordKind, desk: Desk) -> Clash:
    """One conflict in words."""
    known = FIELD_MAPS[kind].get(row.field)
    return Clash(
        row,
        known.label if known is not None else row.field,
        _stored(row.field, row.before, desk),
        _stored(row.field, row.ours, desk),
        _stored(row.field, row.theirs, desk),
        RULES.get(row.rule, row.rule),
        row.taken == Side.CRM,
        row.mapping is not None and invites(row.mapping.agreed),
    )


def invites(stored: Mapping[str, Any]) -> bool:
    """Whether the fields, as they are stored, name people who are invited."""
    return any(stored.get(role) not in (None, "", {"texts": []}) for role in ("required", "optional"))


def _stored(field: str, data: Any, desk: Desk) -> str:
    try:
        return _said(field, from_json(data), desk)
    except (ValueError, TypeError, KeyError):
        return str(data)
