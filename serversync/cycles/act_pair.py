"""One record of ours and one item of the server that are kept the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from profiles.act_items import NOTHING, Fields, Item, ItemKind, Value
from tracking.decide.act_values import Agreed, same
from tracking.decide.field_maps import RecordKind
from tracking.decide.merge import Merge
from tracking.facts.act.kinds import Record, kind_of, kind_of_type
from tracking.keep.act.writing import MADE_FROM
from tracking.models import ExchangeSyncIdMapping


@dataclass
class Pair:
    """One mapping with what both sides hold now."""

    row: ExchangeSyncIdMapping
    record: Record | None
    item: Item | None
    unreadable: str = ""
    is_leaving: bool = False  # it agrees for the last time: right after that it is unlinked
    is_first: bool = False  # it had never agreed when it was read
    tries: int = 0  # to mark the item of a pair that agreed
    is_to_be_marked: bool = False  # it agrees, and stays due until the item bears our mark
    is_marking_over: bool = False

    @property
    def kind(self) -> RecordKind:
        """What kind of record it is, or becomes."""
        return kind_of(self.record) if self.record is not None else MADE_FROM[ItemKind(self.row.kind)]

    @property
    def is_one_way(self) -> bool:
        """Whether it only goes to Exchange, as service activities do, also when the record is gone (10.5)."""
        return kind_of_type(self.row.object_type_id) is RecordKind.SERVICE


def complete(told: Fields, ours: Fields) -> dict[str, Value]:
    """What a server does not tell is empty there; what we do not have is not looked at."""
    return {name: told.get(name) for name in ours}


def as_held(plan: Merge, before: Fields, after: Fields) -> Agreed:
    """What was agreed, with what our side really holds since it was written: a column may hold less than was meant, or one
    follow another, which is nobody's change."""
    written = {name for name in after if name in plan.to_crm or not same(before.get(name), after[name])}
    held = {name: after[name] if name in written else value for name, value in plan.agreed.crm.items()}
    return Agreed(held, plan.agreed.exchange)


def without_writes(plan: Merge, before: Agreed) -> Merge:
    """What may be done while what would be written there is held: only our side, and nothing is agreed about the rest."""
    clashes = tuple(one for one in plan.clashes if one.field not in plan.to_exchange)
    agreed = agreed_but_for(plan.to_exchange, plan.agreed, before)
    return replace(plan, to_exchange=NOTHING, clashes=clashes, agreed=agreed)


def agreed_but_for(names: Iterable[str], agreed: Agreed, before: Agreed) -> Agreed:
    """What is agreed, where these fields stay as they were agreed before."""
    crm, exchange = dict(agreed.crm), dict(agreed.exchange)
    for name in names:
        for side, known in ((crm, before.crm), (exchange, before.exchange)):
            side.pop(name, None)
            if name in known:
                side[name] = known[name]
    return Agreed(crm, exchange)
