"""One pair after the other: both sides as they are now, what they last agreed on, and the steps that follow (10.1).

    server first   a write there is made as the version that was read, with our mark, and looked up before it is repeated
    then one       transaction with the lease pinned: our record, what was agreed, what was overwritten

A crash between the two leaves a pair whose sides hold the same and whose row does not know it: the next cycle agrees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from mailboxes.lease import Lease
from mailboxes.policy import Policy
from profiles.act_items import Fields, Item, ItemKind, Notify, Value, Written
from profiles.connectors.base import Conflict, ConnectorError, ItemRejected, OutcomeUnknown
from profiles.connectors.item_store import ItemStore
from profiles.items import Missing
from serversync.cycles.report import Report
from tracking.decide.act_values import Agreed, agreed_from_json, fingerprint, is_empty
from tracking.decide.field_maps import RecordKind
from tracking.decide.merge import Circumstances, Direction, ItemStep, Merge, Presence, item_step, merge
from tracking.facts.act.kinds import Record, Syncing, kind_of
from tracking.facts.act.reading import chosen_directions, records_of, values_of
from tracking.keep.act import settling
from tracking.keep.act.writing import MADE_FROM, make_record, set_fields
from tracking.models import ChangeType, ExchangeSyncIdMapping

ROUNDS = 3
"""How often a pair is read and merged again because somebody else was writing."""


@dataclass
class Pair:
    """One mapping with what both sides hold now."""

    row: ExchangeSyncIdMapping
    record: Record | None
    item: Item | None
    unreadable: str = ""

    @property
    def kind(self) -> RecordKind:
        """What kind of record it is, or becomes."""
        return kind_of(self.record) if self.record is not None else MADE_FROM[ItemKind(self.row.kind)]


Lost = Callable[["Pair", ItemStep], None]


@dataclass
class Settling:
    """The pairs of one kind in one mailbox. `lost` deals with those of which one side is gone."""

    syncing: Syncing
    kind: ItemKind
    store: ItemStore
    lease: Lease
    policy: Policy
    report: Report
    written: dict[str, ExchangeSyncIdMapping] = field(default_factory=dict)
    created: set[str] = field(default_factory=set)

    def settle(self, rows: Sequence[ExchangeSyncIdMapping], lost: Lost) -> None:
        """Work on these. One that fails costs only itself (law 5). Raises ConnectorError that is about more than one item."""
        for pair in self._read(rows):
            self.lease.progress()
            try:
                self._one(pair, lost)
            except (ItemRejected, Conflict) as error:
                self._failed(pair.row, f"{error} {error.words}".strip(), type(error).__name__)
            except OutcomeUnknown:
                self._try_soon(pair.row)
                raise
            except ConnectorError:
                raise
            except Exception as error:
                self._failed(pair.row, f"{type(error).__name__}: {error}", "internal")
        self._read_back()

    def _read(self, rows: Sequence[ExchangeSyncIdMapping]) -> list[Pair]:
        records = records_of(rows)
        keys = [row.exchange_entry_id for row in rows if row.exchange_entry_id]
        items = dict(zip(keys, self.store.fetch(self.kind, keys), strict=True)) if keys else {}
        pairs = []
        for row in rows:
            item = items.get(row.exchange_entry_id)
            unreadable = item.error or "It cannot be read." if isinstance(item, Missing) and not item.gone else ""
            pairs.append(Pair(row, records.get(row.object_id), item if isinstance(item, Item) else None, unreadable))
        return pairs

    def _one(self, pair: Pair, lost: Lost) -> None:
        if pair.unreadable:
            raise ItemRejected(pair.unreadable)
        step = item_step(*self._presences(pair), was_linked=pair.row.agreed_on is not None)
        match step:
            case ItemStep.MERGE:
                self._merge(pair)
            case ItemStep.CREATE_IN_EXCHANGE:
                self._create_there(pair)
            case ItemStep.CREATE_IN_CRM:
                self._create_here(pair)
            case ItemStep.NOTHING:
                self.commit(lambda: settling.nothing_to_do(pair.row))
            case _:
                lost(pair, step)

    def _presences(self, pair: Pair) -> tuple[Presence, Presence]:
        row, crm, exchange = pair.row, Presence.ABSENT, Presence.ABSENT
        is_lost = row.from_crm_change_type == ChangeType.DELETE
        if pair.record is not None and not is_lost:
            is_new = fingerprint(values_of(pair.record, self.syncing)) != row.crm_version
            crm = Presence.NEW if is_new else Presence.OLD
        if pair.item is not None:
            exchange = Presence.NEW if pair.item.version != row.server_version else Presence.OLD
        return crm, exchange

    # Both are there

    def _merge(self, pair: Pair) -> None:
        for _ in range(ROUNDS):
            assert pair.record is not None
            assert pair.item is not None
            ours = values_of(pair.record, self.syncing)
            plan = merge(
                self.kind,
                agreed_from_json(pair.row.agreed),
                ours,
                complete(pair.item.fields, ours),
                self._directions(pair.kind),
                self._circumstances(pair),
            )
            try:
                written = self._write(pair, plan)
            except Conflict:
                [again] = self._read([pair.row])
                if again.item is None:
                    raise
                pair.item = again.item
                continue
            self.commit(lambda: self._agree(pair, plan, written))  # noqa: B023 - called at once
            return
        raise Conflict("Somebody is changing the item all the time.")

    def _write(self, pair: Pair, plan: Merge) -> Written:
        assert pair.item is not None
        if not plan.to_exchange:
            return Written(pair.item.key, pair.item.version)
        written = self.store.update(self.kind, pair.item.key, pair.item.version, plan.to_exchange, Notify.NOBODY)
        self.written[written.key] = pair.row
        self.report.sent += 1
        return written

    def _agree(self, pair: Pair, plan: Merge, written: Written) -> None:
        assert pair.record is not None
        if plan.to_crm:
            set_fields(pair.record, plan.to_crm, self.syncing)
            self.report.tracked += 1
        settling.note_clashes(pair.row, plan.clashes, self.syncing.now)
        ours = values_of(pair.record, self.syncing)
        agreed = _as_held(plan.agreed, ours)
        settling.agree(pair.row, agreed, pair.record, ours, self.syncing, key=written.key, version=written.version)

    # Only one is there

    def _create_there(self, pair: Pair) -> None:
        record = pair.record
        assert record is not None
        ours = values_of(record, self.syncing)
        directions = self._directions(pair.kind)
        going = {
            name: value
            for name, value in ours.items()
            if directions.get(name, Direction.NONE) in (Direction.BOTH, Direction.TO_EXCHANGE) and not is_empty(value)
        }
        written = self._found_or_created(pair.row, going)
        if written is None:
            return
        agreed = Agreed.on({name: value for name, value in ours.items() if name in directions})
        self.commit(
            lambda: settling.agree(
                pair.row, agreed, record, ours, self.syncing, key=written.key, version=written.version
            )
        )
        self.written[written.key] = pair.row
        self.created.add(written.key)
        self.report.sent += 1

    def _found_or_created(self, row: ExchangeSyncIdMapping, fields: Fields) -> Written | None:
        """What an interrupted attempt has made is joined by the merge of the next round, never made twice (law 7)."""
        if row.retries:
            found = self.store.find(self.kind, [row.mark])
            if row.mark in found:
                row.exchange_entry_id = found[row.mark]
                self.commit(lambda: row.save(update_fields=["exchange_entry_id"]))
                [pair] = self._read([row])
                if pair.item is not None:
                    self._merge(pair)
                return None
        self.commit(lambda: settling.begin_attempt(row))
        return self.store.create(self.kind, row.mark, fields, Notify.NOBODY)

    def _create_here(self, pair: Pair) -> None:
        assert pair.item is not None
        item, kind = pair.item, pair.kind
        directions = self._directions(kind)
        coming = {
            name: value
            for name, value in item.fields.items()
            if directions.get(name, Direction.NONE) in (Direction.BOTH, Direction.TO_CRM) and not is_empty(value)
        }

        def make() -> None:
            record = make_record(kind, coming, self.syncing)
            ours = values_of(record, self.syncing)
            known = {
                name: value
                for name, value in complete(item.fields, ours).items()
                if name in ours and name in directions
            }
            agreed = Agreed({name: ours[name] for name in known}, known)
            pair.row.uid = item.uid[:300]
            settling.agree(pair.row, agreed, record, ours, self.syncing, key=item.key, version=item.version)

        self.commit(make)
        self.report.tracked += 1

    # Around

    def _read_back(self) -> None:
        """After a batch of writes: what the server made of them, in one request."""
        rows, self.written = self.written, {}
        for item in self.store.fetch(self.kind, list(rows)) if rows else ():
            if isinstance(item, Item) and item.version == rows[item.key].server_version:
                self.commit(lambda: settling.read_again(rows[item.key], item))  # noqa: B023 - called at once

    def _directions(self, kind: RecordKind) -> dict[str, Direction]:
        return chosen_directions(kind, self.policy)

    def _circumstances(self, pair: Pair) -> Circumstances:
        assert pair.record is not None
        assert pair.item is not None
        return Circumstances(crm_modified_on=pair.record.modified_on, exchange_modified_on=pair.item.modified_on)

    def commit(self, work: Callable[[], object]) -> None:
        """One transaction in which the lease is pinned."""
        with transaction.atomic():
            self.lease.pin()
            work()

    def _failed(self, row: ExchangeSyncIdMapping, words: str, code: str) -> None:
        self.commit(lambda: settling.fail(row, words, code, self.syncing, self.policy.item_attempts))
        self.report.failed += 1

    def _try_soon(self, row: ExchangeSyncIdMapping) -> None:
        self.commit(lambda: settling.try_soon(row, self.syncing))


def complete(told: Fields, ours: Fields) -> dict[str, Value]:
    """What a server does not tell is empty there; what we do not have is not looked at."""
    return {name: told.get(name) for name in ours}


def _as_held(agreed: Agreed, ours: Fields) -> Agreed:
    """What our side really holds after it was written: a column may hold less than was meant, which is nobody's change."""
    held = {name: ours.get(name, value) for name, value in agreed.crm.items()}
    return Agreed(held, agreed.exchange)
