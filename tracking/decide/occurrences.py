"""The occurrences of a series that differ from it or were taken out: the same three-way steps for each. Pure (10.4).

An occurrence is known by its original start. What is not said of it is as in the series. Taking one out is final: no
server puts it back, so it wins over a change, except where the whole series was made anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from profiles.act_items import NOTHING, Fields, ItemKind, Occurrence, Value
from tracking.decide.act_values import Agreed, fields_from_json, fields_to_json, same
from tracking.decide.merge import TIMES, Circumstances, Clash, Direction, Merge, Side, merge
from tracking.decide.recurrence import slot_on


@dataclass(frozen=True, slots=True)
class Exceptions:
    """How the occurrences of one series differ from it."""

    changed: Mapping[datetime, Fields] = field(default_factory=dict)
    removed: frozenset[datetime] = frozenset()

    @classmethod
    def of(cls, changed: Sequence[Occurrence], removed: Sequence[datetime]) -> Exceptions:
        """As an item on a server has them."""
        return cls({one.original_start: one.fields for one in changed}, frozenset(removed))

    @property
    def originals(self) -> frozenset[datetime]:
        """The original starts of all of them."""
        return self.removed | set(self.changed)


@dataclass(frozen=True, slots=True)
class SeriesState:
    """One side of a series: its own fields, and its exceptions."""

    fields: Fields = field(default_factory=dict)
    exceptions: Exceptions = field(default_factory=Exceptions)


@dataclass(frozen=True, slots=True)
class OccurrenceStep:
    """What to do to one occurrence on one side: take it out, put it back (on our side only), or set these fields."""

    side: Side
    original_start: datetime
    fields: Fields = field(default_factory=dict)
    removes: bool = False
    restores: bool = False


@dataclass(frozen=True, slots=True)
class AgreedSeries:
    """What each side had when they last agreed (as `Agreed`)."""

    crm: SeriesState = field(default_factory=SeriesState)
    exchange: SeriesState = field(default_factory=SeriesState)

    @classmethod
    def on(cls, state: SeriesState) -> AgreedSeries:
        """Both sides have the same."""
        return cls(state, state)


@dataclass(frozen=True, slots=True)
class OccurrenceMerge:
    """The steps, what was overwritten (by original start), and the exceptions each side has afterwards."""

    steps: tuple[OccurrenceStep, ...] = ()
    clashes: tuple[tuple[datetime, Clash], ...] = ()
    agreed_crm: Exceptions = field(default_factory=Exceptions)
    agreed_exchange: Exceptions = field(default_factory=Exceptions)


def merge_occurrences(
    agreed: AgreedSeries,
    crm: SeriesState,
    exchange: SeriesState,
    directions: Mapping[str, Direction],
    circumstances: Circumstances,
) -> OccurrenceMerge:
    """The steps after which the same occurrences differ in the same way on both sides. To be asked when the fields of the
    series itself agree; exceptions of occurrences that the series no longer has are left out before."""
    steps: list[OccurrenceStep] = []
    clashes: list[tuple[datetime, Clash]] = []
    changed: tuple[dict[datetime, Fields], dict[datetime, Fields]] = ({}, {})
    removed: set[datetime] = set()
    sides = (agreed.crm, agreed.exchange, crm, exchange)
    for original in sorted(frozenset[datetime]().union(*(one.exceptions.originals for one in sides))):
        if original in crm.exceptions.removed | exchange.exceptions.removed:
            step = _removal(original, agreed, crm, exchange)
            if step:
                steps.append(step)
            if step is None or step.removes:
                removed.add(original)
                continue
        merged = _merged(original, agreed, crm, exchange, directions, circumstances)
        steps += [
            OccurrenceStep(side, original, fields)
            for side, fields in ((Side.CRM, merged.to_crm), (Side.EXCHANGE, merged.to_exchange))
            if fields
        ]
        clashes += [(original, one) for one in merged.clashes]
        for found, fields, state in zip(
            changed, (merged.agreed.crm, merged.agreed.exchange), (crm, exchange), strict=True
        ):
            own = differing(original, fields, state)
            if own:
                found[original] = own
    gone = frozenset(removed)
    return OccurrenceMerge(tuple(steps), tuple(clashes), Exceptions(changed[0], gone), Exceptions(changed[1], gone))


def agreed_there(found: OccurrenceMerge, before: tuple[Exceptions, Exceptions]) -> tuple[Exceptions, Exceptions]:
    """What both sides have agreed on, ours first, when the steps on the server were taken and none on our side."""
    taken = [step for step in found.steps if step.side is Side.CRM]
    return _but_for(taken, found.agreed_crm, before[0]), _but_for(taken, found.agreed_exchange, before[1])


def _but_for(steps: Iterable[OccurrenceStep], after: Exceptions, before: Exceptions) -> Exceptions:
    changed, removed = dict(after.changed), set(after.removed)
    for step in steps:
        original = step.original_start
        known = before.changed.get(original, NOTHING)
        if step.fields:
            own = {name: value for name, value in changed.get(original, NOTHING).items() if name not in step.fields}
            own |= {name: known[name] for name in step.fields if name in known}
        else:
            own = dict(known)
            removed.discard(original)
            removed |= before.removed & {original}
        changed.pop(original, None)
        if own:
            changed[original] = own
    return Exceptions(changed, frozenset(removed))


def _removal(
    original: datetime, agreed: AgreedSeries, crm: SeriesState, exchange: SeriesState
) -> OccurrenceStep | None:
    """One that at least one side has taken out."""
    here, there = original in crm.exceptions.removed, original in exchange.exceptions.removed
    if here and there:
        return None
    if here and original in agreed.exchange.exceptions.removed:
        return OccurrenceStep(Side.CRM, original, restores=True)  # the series there was made anew
    return OccurrenceStep(Side.EXCHANGE if here else Side.CRM, original, removes=True)


def _merged(
    original: datetime,
    agreed: AgreedSeries,
    crm: SeriesState,
    exchange: SeriesState,
    directions: Mapping[str, Direction],
    circumstances: Circumstances,
) -> Merge:
    """One that differs somewhere: its fields as they really are on each side, merged like those of any item."""
    states = (agreed.crm, agreed.exchange, crm, exchange)
    names = frozenset[str]().union(*(one.exceptions.changed.get(original, NOTHING) for one in states))
    before_crm, before_exchange, ours, theirs = (_whole(one, original, names) for one in states)
    known = before_crm.keys() & before_exchange.keys()
    before = Agreed({name: before_crm[name] for name in known}, {name: before_exchange[name] for name in known})
    return merge(ItemKind.APPOINTMENT, before, ours, theirs, directions, circumstances)


def _whole(state: SeriesState, original: datetime, names: Iterable[str]) -> Fields:
    """These fields of an occurrence: its own, else those of its series, so far as the side tells them."""
    return {**plain_occurrence(state.fields, original, names), **state.exceptions.changed.get(original, NOTHING)}


def plain_occurrence(series: Fields, original: datetime, names: Iterable[str]) -> dict[str, Value]:
    """What an occurrence has that does not differ from its series."""
    found = {name: series[name] for name in names if name in series and name not in TIMES}
    start, end = series.get("start"), series.get("end")
    if isinstance(start, datetime) and isinstance(end, datetime):
        zone = str(series.get("time_zone") or "UTC")
        slot = slot_on(original.astimezone(ZoneInfo(zone)).date(), start, end, zone)
        ends = slot.end if slot.start == original else original + (end - start)
        times: dict[str, Value] = {"start": original, "end": ends}
    elif isinstance(start, date) and isinstance(end, date):
        day = original.astimezone(ZoneInfo(str(series.get("time_zone") or "UTC"))).date()
        times = {"start": day, "end": day + (end - start)}
    else:
        return found
    times |= {name: series[name] for name in ("is_all_day", "time_zone") if name in series}
    return found | {name: times[name] for name in names if name in times}


def differing(original: datetime, fields: Fields, state: SeriesState) -> Fields:
    """Those of these fields in which an occurrence differs from its series."""
    plain = plain_occurrence(state.fields, original, fields)
    return {name: value for name, value in fields.items() if name not in plain or not same(value, plain[name])}


def exceptions_to_json(ours: Exceptions, theirs: Exceptions) -> dict[str, Any]:
    """The agreed exceptions of both sides, for `ExchangeSyncIdMapping.agreed_occurrences`; once, where they are equal."""
    return {"both": _json_of(ours)} if ours == theirs else {"crm": _json_of(ours), "exchange": _json_of(theirs)}


def _json_of(exceptions: Exceptions) -> dict[str, Any]:
    changed = {original.isoformat(): fields_to_json(fields) for original, fields in exceptions.changed.items()}
    return {"changed": changed, "removed": sorted(original.isoformat() for original in exceptions.removed)}


def exceptions_from_json(data: Mapping[str, Any]) -> tuple[Exceptions, Exceptions]:
    """What `exceptions_to_json` stored, ours first; none of nothing."""
    both = data.get("both", {})
    return _exceptions(data.get("crm", both)), _exceptions(data.get("exchange", both))


def _exceptions(data: Mapping[str, Any]) -> Exceptions:
    return Exceptions(
        {datetime.fromisoformat(key): fields_from_json(fields) for key, fields in data.get("changed", {}).items()},
        frozenset(datetime.fromisoformat(one) for one in data.get("removed", ())),
    )
