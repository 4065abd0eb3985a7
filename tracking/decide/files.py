"""The files of an appointment on both sides → which have to be copied or removed where, file by file. Pure (10.3.8, 10.8).

A file is known by its name, and is changed where its content is. What is left out, because it is too large or of a
blocked kind (5.19), is left alone wherever it lies: it is not copied, and never deleted because the other side lacks it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from profiles.act_items import Attached, Value

Files = dict[str, Attached]


class Taken(StrEnum):
    """Whose file both sides have afterwards."""

    OURS = "ours"
    THEIRS = "theirs"


@dataclass(frozen=True, slots=True)
class FilesMerge:
    """What each side holds afterwards, what both have then agreed on, and the names about which they clashed."""

    ours: tuple[Attached, ...]
    theirs: tuple[Attached, ...]
    agreed_ours: tuple[Attached, ...]
    agreed_theirs: tuple[Attached, ...]
    clashes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Sides:
    ours: Files = field(default_factory=dict)
    theirs: Files = field(default_factory=dict)

    def put(self, name: str, ours: Attached | None, theirs: Attached | None) -> None:
        for side, one in ((self.ours, ours), (self.theirs, theirs)):
            if one is not None:
                side[name] = one


def merge_files(
    agreed: tuple[Value, Value] | None,
    ours: Value,
    theirs: Value,
    *,
    to_crm: bool,
    to_exchange: bool,
    winner: Callable[[], Taken],
) -> FilesMerge:
    """Decide each file by itself. `agreed` is what each side held when both last agreed, None if they never have. A change
    is never lost to a removal: what one side changed and the other removed is on both sides afterwards."""
    here, there = by_name(ours), by_name(theirs)
    before_here, before_there = (by_name(one) for one in agreed or ((), ()))
    after, kept, clashes = _Sides(), _Sides(), []
    for name in sorted({*here, *there, *before_here, *before_there}):
        mine, other = here.get(name), there.get(name)
        known = (before_here.get(name), before_there.get(name))
        is_left_out = any(one is not None and one.is_left_out for one in (mine, other))
        if is_left_out or mine == other:
            after.put(name, mine, other)
            kept.put(name, *(known if is_left_out else (mine, other)))  # left out, perhaps for now: nothing is agreed
            continue
        taken, clashed = _decided(mine, other, known, to_crm=to_crm, to_exchange=to_exchange, winner=winner)
        if clashed:
            clashes.append(name)
        if taken is None:
            after.put(name, mine, other)
            kept.put(name, *known)
            continue
        both = mine if taken is Taken.OURS else other
        after.put(name, both, both)
        kept.put(name, both, both)
    return FilesMerge(
        tuple(after.ours.values()),
        tuple(after.theirs.values()),
        tuple(kept.ours.values()),
        tuple(kept.theirs.values()),
        tuple(clashes),
    )


def _decided(
    mine: Attached | None,
    other: Attached | None,
    known: tuple[Attached | None, Attached | None],
    *,
    to_crm: bool,
    to_exchange: bool,
    winner: Callable[[], Taken],
) -> tuple[Taken | None, bool]:
    """Whose file is taken, None where it stays as it is on each side; and whether that overwrites what somebody made."""
    is_changed, is_changed_there = mine != known[0], other != known[1]
    if is_changed and is_changed_there:
        if mine is not None and other is not None:
            allowed = {Taken.OURS: to_exchange, Taken.THEIRS: to_crm}
            taken = winner() if all(allowed.values()) else next((one for one in Taken if allowed[one]), None)
            return taken, taken is not None
        is_changed, is_changed_there = mine is not None, other is not None
    if is_changed and to_exchange:
        return Taken.OURS, False
    if is_changed_there and to_crm:
        return Taken.THEIRS, False
    return None, False


def by_name(value: Value) -> Files:
    """The files of a value, by their names."""
    if not isinstance(value, tuple):
        return {}
    return {one.name: one for one in value if isinstance(one, Attached)}
