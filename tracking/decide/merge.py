"""Both sides and what they last agreed on → what has to be written where, field by field. Pure (10.1 h, 10.8).

A field is changed on a side if it differs from what that side held when both last agreed. Fields that only make sense
together, such as start and end, are decided together: an appointment never begins as one side has it and ends as the
other has it. What is overwritten although somebody had changed it is a clash: it is written down and can be undone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

from profiles.act_items import Attached, Fields, ItemKind, Value
from tracking.decide.act_values import Agreed, fingerprint, is_empty, same
from tracking.decide.files import Taken, by_name, merge_files


class Side(StrEnum):
    """The two that are kept the same."""

    CRM = "crm"
    EXCHANGE = "exchange"


class Direction(IntEnum):
    """Which way a field goes (10.8)."""

    NONE = 0
    TO_EXCHANGE = 1
    TO_CRM = 2
    BOTH = 3


class Rule(StrEnum):
    """Why one side was taken where both had changed (10.1 h)."""

    DIRECTION = "direction"  # the field goes one way only
    MEETING = "meeting"  # the times of a meeting are what its attendees were told
    NEWEST = "newest"
    UNDECIDED = "undecided"  # neither is newer: the server's


TIMES = ("start", "end", "is_all_day", "time_zone", "recurrence")
SCHEDULING = frozenset({*TIMES, "location", "organizer", "required", "optional"})
"""What Exchange has the last word about in meetings."""
_TOGETHER: Mapping[ItemKind, tuple[tuple[str, ...], ...]] = {
    ItemKind.APPOINTMENT: (TIMES,),
    ItemKind.TASK: (("status", "percent_complete", "completed"), ("start", "due")),
    ItemKind.CONTACT: (("full_name", "first_name", "middle_name", "last_name", "suffix"),),
}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What decides where both sides have changed the same."""

    is_meeting: bool = False  # others are invited
    crm_modified_on: datetime | None = None
    exchange_modified_on: datetime | None = None


@dataclass(frozen=True, slots=True)
class Clash:
    """A field that both sides had changed: what each held, and which one is taken."""

    field: str
    before: Value
    ours: Value
    theirs: Value
    taken: Side
    rule: Rule


@dataclass(frozen=True, slots=True)
class Merge:
    """What to write on each side, and what both will then have agreed on."""

    to_crm: Fields = field(default_factory=dict)
    to_exchange: Fields = field(default_factory=dict)
    clashes: tuple[Clash, ...] = ()
    agreed: Agreed = field(default_factory=Agreed)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has to be written."""
        return not self.to_crm and not self.to_exchange


def merge(
    kind: ItemKind,
    agreed: Agreed,
    crm: Fields,
    exchange: Fields,
    directions: Mapping[str, Direction],
    circumstances: Circumstances,
) -> Merge:
    """The steps after which both sides agree. A field that one side does not tell, or that has no direction, is left
    alone; so is one that only the side has changed from which it does not go. Two items that have never agreed
    (`Agreed()`) are joined: what one of them leaves empty it is given."""
    work = _Work(agreed, crm, exchange, circumstances)
    for names, direction in _units(kind, agreed, crm, exchange, directions):
        work.settle(names, direction)
    kept = Agreed({**agreed.crm, **work.agreed_crm}, {**agreed.exchange, **work.agreed_exchange})
    return Merge(work.to_crm, work.to_exchange, tuple(work.clashes), kept)


def _units(
    kind: ItemKind, agreed: Agreed, crm: Fields, exchange: Fields, directions: Mapping[str, Direction]
) -> Iterator[tuple[list[str], Direction]]:
    """The fields that both sides tell, in groups that are decided together. Such a group has one direction, and fields
    that were agreed on before are not mixed with those that were not."""
    group_of = {name: number for number, names in enumerate(_TOGETHER[kind]) for name in names}
    found: dict[tuple[object, Direction, bool], list[str]] = {}
    for name in crm:
        direction = directions.get(name, Direction.NONE)
        if name in exchange and direction is not Direction.NONE:
            key = (group_of.get(name, name), direction, name in agreed.crm)
            found.setdefault(key, []).append(name)
    return ((names, direction) for (_, direction, _), names in found.items())


class _Work:
    """The steps so far."""

    def __init__(self, agreed: Agreed, crm: Fields, exchange: Fields, circumstances: Circumstances) -> None:
        self.agreed, self.crm, self.exchange, self.circumstances = agreed, crm, exchange, circumstances
        self.to_crm: dict[str, Value] = {}
        self.to_exchange: dict[str, Value] = {}
        self.agreed_crm: dict[str, Value] = {}
        self.agreed_exchange: dict[str, Value] = {}
        self.clashes: list[Clash] = []

    def settle(self, names: Sequence[str], direction: Direction) -> None:
        """Decide one group of fields."""
        if names == ["attachments"]:
            return self._settle_files(direction)
        if all(same(self.crm[name], self.exchange[name]) for name in names):
            return self._agree(names, None)
        if names[0] not in self.agreed.crm:
            return self._join(names, direction)
        ours = self._changed(names, self.crm, self.agreed.crm)
        theirs = self._changed(names, self.exchange, self.agreed.exchange)
        if ours and theirs:
            taken, rule = self._winner(names, direction)
            self._clash(names, taken, rule)
            return self._agree(names, taken)
        if ours and direction is not Direction.TO_CRM:
            return self._agree(names, Side.CRM)
        if theirs and direction is not Direction.TO_EXCHANGE:
            return self._agree(names, Side.EXCHANGE)
        return None  # nothing has changed, or not on the side from which it goes

    def _settle_files(self, direction: Direction) -> None:
        """Each file by itself (10.3.8). A server that does not tell of files has not removed them."""
        name = "attachments"
        ours, theirs = self.crm[name], self.exchange[name]
        if not isinstance(theirs, tuple):
            return
        taken, rule = self._winner([name], direction)
        found = merge_files(
            (self.agreed.crm[name], self.agreed.exchange[name]) if name in self.agreed.crm else None,
            ours,
            theirs,
            to_crm=direction is not Direction.TO_EXCHANGE,
            to_exchange=direction is not Direction.TO_CRM,
            winner=lambda: Taken.OURS if taken is Side.CRM else Taken.THEIRS,
        )
        if not same(found.ours, ours):
            self.to_crm[name] = found.ours
        if not same(found.theirs, theirs):
            self.to_exchange[name] = found.theirs
        self.agreed_crm[name], self.agreed_exchange[name] = found.agreed_ours, found.agreed_theirs
        known = by_name(self.agreed.crm.get(name))
        for one in found.clashes:
            before, mine, other = (_alone(files.get(one)) for files in (known, by_name(ours), by_name(theirs)))
            self.clashes.append(Clash(name, before, mine, other, taken, rule))

    def _join(self, names: Sequence[str], direction: Direction) -> None:
        """The first time: nobody knows who has changed what. A side that says nothing erases nothing."""
        ours = any(not is_empty(self.crm[name]) for name in names)
        theirs = any(not is_empty(self.exchange[name]) for name in names)
        if ours and theirs:
            taken, rule = self._winner(names, direction)
            self._clash(names, taken, rule)
            return self._agree(names, taken)
        source = Side.CRM if ours else Side.EXCHANGE
        may_go = direction in (Direction.BOTH, Direction.TO_EXCHANGE if ours else Direction.TO_CRM)
        return self._agree(names, source if may_go else None)

    @staticmethod
    def _changed(names: Sequence[str], now: Fields, before: Fields) -> bool:
        return any(not same(now[name], before[name]) for name in names)

    def _winner(self, names: Sequence[str], direction: Direction) -> tuple[Side, Rule]:
        if direction is not Direction.BOTH:
            return (Side.CRM if direction is Direction.TO_EXCHANGE else Side.EXCHANGE), Rule.DIRECTION
        return winner(names, self.circumstances)

    def _clash(self, names: Sequence[str], taken: Side, rule: Rule) -> None:
        self.clashes += [
            Clash(name, self.agreed.crm.get(name), self.crm[name], self.exchange[name], taken, rule)
            for name in names
            if not same(self.crm[name], self.exchange[name])
        ]

    def _agree(self, names: Sequence[str], source: Side | None) -> None:
        """Both sides get what the source holds; without a source each keeps its own."""
        for name in names:
            ours, theirs = self.crm[name], self.exchange[name]
            if source is Side.CRM:
                if not same(ours, theirs):
                    self.to_exchange[name] = ours
                theirs = ours
            elif source is Side.EXCHANGE:
                if not same(ours, theirs):
                    self.to_crm[name] = theirs
                ours = theirs
            self.agreed_crm[name], self.agreed_exchange[name] = ours, theirs


def _alone(file: Attached | None) -> Value:
    return () if file is None else (file,)


def incoming_files(plan: Merge) -> list[Attached]:
    """The files whose content is needed here before the steps are taken: those that come in, and those of the other side
    that are overwritten and can be taken back (10.1 h)."""
    overwritten = [one.theirs for one in plan.clashes if one.field == "attachments" and one.taken is Side.CRM]
    found = [by_name(value) for value in (plan.to_crm.get("attachments"), *overwritten)]
    return [one for files in found for one in files.values()]


def winner(names: Sequence[str], circumstances: Circumstances) -> tuple[Side, Rule]:
    """Which side is taken where both have changed the same fields (10.1 h): Exchange in what was told to the attendees
    of a meeting, else the newer one."""
    if circumstances.is_meeting and SCHEDULING & set(names):
        return Side.EXCHANGE, Rule.MEETING
    ours, theirs = circumstances.crm_modified_on, circumstances.exchange_modified_on
    if ours is None or theirs is None or ours == theirs:
        return Side.EXCHANGE, Rule.UNDECIDED
    return (Side.CRM if ours > theirs else Side.EXCHANGE), Rule.NEWEST


def read_back(agreed: Agreed, side: Side, fields: Fields) -> Agreed:
    """What was agreed, with what a side really holds after it was written: where it cannot hold a value as the other does,
    that is no change of anybody's."""
    known = {name: value for name, value in fields.items() if name in agreed.crm}
    if side is Side.CRM:
        return Agreed({**agreed.crm, **known}, agreed.exchange)
    return Agreed(agreed.crm, {**agreed.exchange, **known})


def changed_sides(
    *, server_version: str, known_server_version: str, crm: Fields, known_crm_version: str
) -> frozenset[Side]:
    """Which sides differ from when both last agreed. Our own write comes back with the version that the server answered to
    it, so it is no change: it is not even fetched (law 7)."""
    found = set()
    if server_version != known_server_version or not known_server_version:
        found.add(Side.EXCHANGE)
    if fingerprint(crm) != known_crm_version:
        found.add(Side.CRM)
    return frozenset(found)


class Presence(StrEnum):
    """What is known of an item on one side. A new version on the server alone is no change: answers of attendees make
    one; what counts is whether a field that is synchronized differs."""

    ABSENT = "absent"
    OLD = "old"  # as it was when both last agreed
    NEW = "new"  # made or changed since


class ItemStep(StrEnum):
    """What is to be done about an item as a whole."""

    NOTHING = "nothing"
    MERGE = "merge"
    CREATE_IN_CRM = "create-in-crm"
    CREATE_IN_EXCHANGE = "create-in-exchange"
    GONE_IN_CRM = "gone-in-crm"  # decide.deletion says what becomes of the other one
    GONE_IN_EXCHANGE = "gone-in-exchange"
    UNLINK = "unlink"  # gone on one side, changed on the other: nobody's work is lost
    FORGET = "forget"  # gone on both


def item_step(crm: Presence, exchange: Presence, *, was_linked: bool) -> ItemStep:
    """What to do about an item, by what is there on each side and whether both were linked."""
    gone, old = Presence.ABSENT, Presence.OLD
    if crm is gone and exchange is gone:
        return ItemStep.FORGET if was_linked else ItemStep.NOTHING
    if crm is gone or exchange is gone:
        if not was_linked:
            return ItemStep.CREATE_IN_CRM if crm is gone else ItemStep.CREATE_IN_EXCHANGE
        if (exchange if crm is gone else crm) is Presence.NEW:
            return ItemStep.UNLINK
        return ItemStep.GONE_IN_CRM if crm is gone else ItemStep.GONE_IN_EXCHANGE
    return ItemStep.NOTHING if was_linked and crm is old and exchange is old else ItemStep.MERGE
