"""What somebody is told who is asked whether an appointment that overlaps is taken in (10.3.3)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from serversync.console.calendar_desk import Desk, kind_named
from tracking.decide.act_values import from_json
from tracking.decide.in_words import span_in_words
from tracking.facts.act.kinds import MODELS
from tracking.facts.calendar.belonging import record_of
from tracking.facts.calendar.closed import is_private


def overlaps_told(desk: Desk, facts: dict[str, Any]) -> list[tuple[str, str, str]]:
    """When it would take place, and what is there at that time: label, words, address of the record."""
    start, end = (from_json(one) for one in facts["coming"])
    found = [("When", span_in_words(start, end, desk.zone), "")]
    for kind, key, begins, ends in facts["overlaps"]:
        when = span_in_words(from_json(begins), from_json(ends), desk.zone)
        found.append(("Overlaps with", *_named(desk, kind, key, when)))
    return found


def _named(desk: Desk, kind: str, key: str, when: str) -> tuple[str, str]:
    """Another item as it is now; its subject only to those who may read it (law 12)."""
    known = kind_named(kind)
    if not MODELS[known]._default_manager.filter(pk=key).exists():
        return f"something that is not here any more, {when}", ""
    record: Any = record_of(desk.user_id, known, UUID(key))
    if record is None:  # somebody else's now
        return f"something that is not yours any more, {when}", ""
    return f"{desk.shown(record.subject, is_private(record))}, {when}", desk.item_address(known, UUID(key))
