"""What of lists about items may not be told: what is private, and what is not the person's any more (law 12, 10.3.8).

Lists of conflicts, failures, questions and deleted items outlive what they are about: each line is judged by the record
as it is now and, where that is gone, by what was kept of it. What nobody knows any more counts as private.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from tracking.crm.models import Appointment, RecurringAppointmentMaster, ServiceAppointment
from tracking.decide.field_maps import RecordKind
from tracking.facts.act.kinds import MODELS, kind_of_type
from tracking.facts.calendar.belonging import records_of
from tracking.models import ExchangeSyncIdMapping, RecycledItem, SyncConflict, SyncedKind

Told = ExchangeSyncIdMapping | SyncConflict | RecycledItem
"""A line about an item."""


def is_private(record: Any) -> bool:
    """Whether a record is private; an occurrence that differs is as private as its series."""
    series = getattr(record, "series", None)
    return bool(getattr(record, "is_mapi_private", False)) or (series is not None and series.is_mapi_private)


def private_among(lines: Iterable[Told | None]) -> set[UUID]:
    """Those of these lines whose item is private. Three selects, however many there are."""
    known = [line for line in lines if line is not None and line.kind == SyncedKind.APPOINTMENT]
    keys = [line.object_id for line in known if line.object_id]
    now = {
        str(pk): private
        for model in (Appointment, RecurringAppointmentMaster, ServiceAppointment)
        for pk, private in (model.objects.filter(pk__in=keys).values_list("pk", "is_mapi_private") if keys else ())
    }
    return {line.pk for line in known if now.get(line.object_id) or _was_private(line, line.object_id in now)}


def _was_private(line: Told, is_there: bool) -> bool:
    """By what was kept of the item."""
    return bool(_kept(line).get("is_private", not is_there))


def _kept(line: Told) -> dict[str, Any]:
    if isinstance(line, RecycledItem):
        return dict(line.snapshot.get("fields") or {})
    row = line.mapping if isinstance(line, SyncConflict) else line
    return {} if row is None else {**row.question_facts, **row.agreed}


def not_theirs_among(user_id: int, lines: Sequence[Told]) -> set[UUID]:
    """Those of these lines whose record is there, but not this person's any more. Two selects for each kind of record."""
    keys: dict[RecordKind, set[str]] = {}
    for line in lines:
        kind = kind_of_type(line.object_type_id)
        if kind is not None and line.object_id:
            keys.setdefault(kind, set()).add(line.object_id)
    others: set[tuple[RecordKind | None, str]] = set()
    for kind, wanted in keys.items():
        there = MODELS[kind]._default_manager.filter(pk__in=wanted).values_list("pk", flat=True)
        theirs = records_of(user_id, kind).filter(pk__in=wanted).values_list("pk", flat=True)
        others |= {(kind, str(pk)) for pk in set(there) - set(theirs)}
    return {line.pk for line in lines if (kind_of_type(line.object_type_id), line.object_id) in others}
