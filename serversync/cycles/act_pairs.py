"""One pair after the other: both sides as they are now, what they last agreed on, and the steps that follow (10.1).

    server first   a write there is made as the version that was read, with our mark, and looked up before it is repeated
    then one       transaction with the lease pinned: our record, what was agreed, what was overwritten

A crash between the two leaves a pair whose sides hold the same and whose row does not know it: the next cycle agrees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db import transaction

from mailboxes.lease import Lease
from mailboxes.policy import Policy
from profiles.act_items import Fields, Item, ItemKind, Notify, Written
from profiles.connectors.base import Conflict, ConnectorError, ItemRejected, Transient
from profiles.connectors.item_store import ItemStore
from profiles.items import Missing
from serversync.cycles.act_bookings import Bookings
from serversync.cycles.act_creating import Creating
from serversync.cycles.act_marking import Marking
from serversync.cycles.act_meetings import Meetings, is_meeting, is_past
from serversync.cycles.act_occurrences import Occurrences
from serversync.cycles.act_pair import Pair, agreed_but_for, as_held, complete, without_writes
from serversync.cycles.act_strangers import Strangers
from serversync.cycles.report import Report
from tracking.crm.models import RecurringAppointmentMaster
from tracking.decide.act_values import Agreed, agreed_from_json
from tracking.decide.deletion import Leaving
from tracking.decide.field_maps import RecordKind
from tracking.decide.invitations import MeetingWrite
from tracking.decide.merge import (
    TIMES,
    Circumstances,
    Direction,
    ItemStep,
    Merge,
    Presence,
    incoming_files,
    item_step,
    merge,
)
from tracking.decide.reminders import LONG_PAST, with_reminder
from tracking.facts.act.kinds import Syncing
from tracking.facts.act.pairs import as_read, as_stored, by_key, leaving
from tracking.facts.act.reading import changed_on, chosen_directions, records_of, values_of, version_of
from tracking.keep.act import held, settling
from tracking.keep.act.files import store_contents
from tracking.keep.act.noting import UNREAD
from tracking.keep.act.writing import set_fields
from tracking.models import ChangeType, ExchangeSyncIdMapping, SyncQuestion, UserDecision

ROUNDS = 3
"""How often a pair is read and merged again because somebody else was writing."""


Lost = Callable[[Pair, ItemStep], None]


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
    sought: dict[str, ExchangeSyncIdMapping] = field(default_factory=dict)  # meetings perhaps in this calendar, by uid
    meetings: Meetings = field(init=False)
    joined: set[UUID] = field(default_factory=set)
    _chosen: dict[RecordKind, dict[str, Direction]] = field(default_factory=dict)
    _pair: Pair | None = None
    _noted: tuple[object, ...] | None = None  # in the row of the pair, when it was read or written

    def __post_init__(self) -> None:
        self.meetings = Meetings(self.syncing, self.store, self.policy, self.commit)

    def settle(self, rows: Sequence[ExchangeSyncIdMapping], lost: Lost) -> None:
        """Work on these. One that fails costs only itself (law 5). Raises ConnectorError that is about more than one item."""
        for pair in self.read(rows):
            if pair.row.pk in self.joined:
                continue
            self.lease.progress()
            self._pair, self._noted = pair, as_read(pair.row)
            pair.is_first = pair.row.agreed_on is None
            pair.tries = 0 if pair.is_first or pair.row.last_sync_error else pair.row.retries
            try:
                self._one(pair, lost)
            except (ItemRejected, Conflict) as error:
                self._failed(pair.row, f"{error} {error.words}".strip(), type(error).__name__)
            except settling.ChangedHere:
                self.try_soon(pair.row, timedelta(0))
            except Transient as error:
                # It may be this item after all: the next cycle has to get past it (law 5).
                self._failed(pair.row, f"{error} {error.words}".strip(), type(error).__name__)
                raise
            except ConnectorError:
                raise
            except Exception as error:
                self._failed(pair.row, f"{type(error).__name__}: {error}", "internal")
            else:
                Marking(self, pair).put()  # trouble with it is no failure of the pair
        self._pair = None
        self._seek(lost)
        self._read_back()

    def _seek(self, lost: Lost) -> None:
        """Meetings of others, searched in this calendar by one request (10.2.4); what is not there is waited for."""
        sought, self.sought = self.sought, {}
        found = self.store.find_by_uid(list(sought)) if sought else {}
        known = by_key(self.syncing.mailbox, self.kind, list(found.values()))
        there = []
        for uid, row in sought.items():
            key = found.get(uid, "")
            if key and key not in known:
                self.commit(lambda: settling.found_again(row, key))  # noqa: B023 - called at once
                there.append(row)
            else:
                self.commit(lambda: settling.wait_for_invitation(row, uid))  # noqa: B023 - called at once
        if there:
            self.settle(there, lost)

    def read(self, rows: Sequence[ExchangeSyncIdMapping]) -> list[Pair]:
        """Both sides of these rows as they are now."""
        records = records_of(rows)
        keys = [row.exchange_entry_id for row in rows if row.exchange_entry_id]
        items = dict(zip(keys, self.store.fetch(self.kind, keys, files=True), strict=True)) if keys else {}
        pairs = []
        for row in rows:
            item = items.get(row.exchange_entry_id)
            unreadable = item.error or "It cannot be read." if isinstance(item, Missing) and not item.gone else ""
            pairs.append(Pair(row, records.get(row.object_id), item if isinstance(item, Item) else None, unreadable))
        return pairs

    def _one(self, pair: Pair, lost: Lost) -> None:
        if pair.unreadable:
            raise ItemRejected(pair.unreadable)
        if pair.row.question_facts.get(UNREAD) and not self._is_wanted(pair):
            return
        if pair.row.is_unlinked_in_crm and not self._is_linked_again(pair):
            return
        step = item_step(*self._presences(pair), was_linked=pair.row.agreed_on is not None)
        if step is ItemStep.CREATE_IN_CRM and self._is_ours(pair):
            step = ItemStep.GONE_IN_CRM
        match step:
            case ItemStep.MERGE if self.leaving(pair) is not None:
                lost(pair, step)
            case ItemStep.MERGE:
                self.merge(pair)
            case ItemStep.CREATE_IN_EXCHANGE:
                Creating(self, pair).there()
            case ItemStep.CREATE_IN_CRM:
                Creating(self, pair).here()
            case ItemStep.NOTHING:
                self.commit(lambda: self._is_as_it_should_be(pair))
            case _:
                lost(pair, step)

    def _is_wanted(self, pair: Pair) -> bool:
        """What could not be read before is judged now as any stranger; what is not wanted leaves no trace."""
        row, item = pair.row, pair.item
        items = [] if item is None else [item]
        found = Strangers(self.syncing, self.kind, self.store, self.policy).judged(items)
        for one, other in found:
            if other is None:
                self.commit(lambda: settling.was_read(row, one))  # noqa: B023 - called at once
                return True
            self.commit(lambda: settling.take_place(row, other, one, self.syncing.now))  # noqa: B023 - called at once
            self.joined.add(other.pk)
        if not found:
            self.commit(lambda: settling.forget(row))
        return False

    def _is_linked_again(self, pair: Pair) -> bool:
        """10.1 f: what was linked before and is there again on both sides is linked again if a filter brought
        it back and only one side has changed, else somebody is asked. After a no both stay, each for itself."""
        row = pair.row
        is_asked = row.question == SyncQuestion.PREVIOUSLY_LINKED
        if pair.record is None or pair.item is None or (is_asked and row.user_decision == UserDecision.NO):
            self.commit(lambda: settling.stay_apart(row))
            return False
        if is_asked and row.user_decision == UserDecision.YES:
            settling.begin_again(row)
        elif row.to_crm_change_type != ChangeType.NONE or self._presences(pair) == (Presence.NEW, Presence.NEW):
            facts = {"subject": row.item_subject}
            self.commit(lambda: settling.ask(row, SyncQuestion.PREVIOUSLY_LINKED, facts, self.syncing.now))
            return False
        row.is_unlinked_in_crm = False
        return True

    def _presences(self, pair: Pair) -> tuple[Presence, Presence]:
        row, crm, exchange = pair.row, Presence.ABSENT, Presence.ABSENT
        is_lost = row.from_crm_change_type == ChangeType.DELETE and self.leaving(pair) is None
        if pair.record is not None and not is_lost:
            is_new = version_of(pair.record, values_of(pair.record, self.syncing)) != row.crm_version
            crm = Presence.NEW if is_new else Presence.OLD
        if pair.item is not None:
            exchange = Presence.NEW if pair.item.version != row.server_version else Presence.OLD
        return crm, exchange

    @staticmethod
    def _is_ours(pair: Pair) -> bool:
        """Whether we have made the item of a record, though the answer got lost: as that is gone meanwhile, it goes too."""
        return bool(pair.item is not None and pair.row.object_id and pair.item.mark == pair.row.mark)

    def leaving(self, pair: Pair) -> Leaving | None:
        """Why the item has to leave the calendar although the record is here."""
        return leaving(pair.record, pair.row, self.syncing, self.policy)

    # Both are there

    def merge(self, pair: Pair) -> None:
        """Make both sides the same. Raises Conflict where somebody writes all the time, and ConnectorError."""
        for _ in range(ROUNDS):
            assert pair.record is not None
            assert pair.item is not None
            ours = values_of(pair.record, self.syncing)
            plan = merge(
                self.kind,
                agreed_from_json(pair.row.agreed),
                ours,
                complete(pair.item.fields, ours),
                self.directions(pair),
                self.circumstances(pair),
            )
            if set(TIMES) & set(plan.to_crm) and Bookings(self).waits(pair, {**ours, **plan.to_crm}):
                return
            try:
                store_contents(incoming_files(plan), self.syncing.now)
                written, is_held = self._write(pair, plan, ours)
            except Conflict:
                [again] = self.read([pair.row])
                if again.item is None:
                    raise
                pair.item = again.item
                continue
            if is_held:
                plan = without_writes(plan, agreed_from_json(pair.row.agreed))
            agree = partial(self._agree, pair, plan, written, is_held)
            if plan.to_exchange:
                at_write = agreed_but_for(plan.to_crm, plan.agreed, agreed_from_json(pair.row.agreed))
                self.commit_written(pair, agree, at_write, written)
            else:
                self.commit(agree)
            if isinstance(pair.record, RecurringAppointmentMaster) and not is_held:
                self.occurrences(pair, plan.to_exchange)
            return
        raise Conflict("Somebody is changing the item all the time.")

    def _write(self, pair: Pair, plan: Merge, ours: Fields) -> tuple[Written, bool]:
        """Returns what the server answered, and whether the write is held until somebody approves it."""
        assert pair.item is not None
        item, how = pair.item, Notify.NOBODY
        as_it_was = Written(item.key, item.version)
        if not plan.to_exchange:
            return as_it_was, False
        after = {**ours, **plan.to_crm}
        if self.kind is ItemKind.APPOINTMENT:
            allowed = self.meetings.permission(pair.row, MeetingWrite.UPDATE, item, plan.to_exchange, after)
            if allowed is None:
                return as_it_was, True
            how = allowed
        told = self.with_reminder(plan.to_exchange, after)
        self.commit(lambda: self._begin_write(pair, plan))
        written = self.store.update(self.kind, item.key, item.version, told, how)
        self.written[written.key] = pair.row
        self.report.sent += 1
        return written, False

    def _begin_write(self, pair: Pair, plan: Merge) -> None:
        assert pair.record is not None
        settling.insist_unchanged(pair.record)
        if pair.row.agreed_occurrences and set(TIMES) & set(plan.to_exchange):
            settling.begin_new_pattern(pair.row)
        settling.note_clashes(pair.row, plan.clashes, self.syncing.now)

    def _agree(self, pair: Pair, plan: Merge, written: Written, is_held: bool) -> None:
        assert pair.record is not None
        assert pair.item is not None
        settling.insist_unchanged(pair.record)
        before = ours = values_of(pair.record, self.syncing)
        if plan.to_crm:
            pair.record = set_fields(pair.record, plan.to_crm, self.syncing)
            ours = values_of(pair.record, self.syncing)
            self.report.tracked += 1
        settling.note_clashes(pair.row, plan.clashes, self.syncing.now)
        agreed = as_held(plan, before, ours)
        waits = is_held or pair.is_leaving or isinstance(pair.record, RecurringAppointmentMaster)
        settling.agree(pair.row, agreed, pair.record, ours, self.syncing, written, waits=waits)
        settling.know_meeting(pair.row, pair.record, pair.item.uid, self.syncing.now)
        if is_held:
            settling.wait_for_approval(pair.row)
        elif not waits:
            held.settle_held(pair.row)

    def occurrences(self, pair: Pair, written: Fields) -> None:
        """A series agrees; now what differs from it, on the item as it is after what was written (10.4)."""
        if written:
            [again] = self.read([pair.row])
            pair.item = again.item or pair.item
        Occurrences(self, pair).settle(is_new_pattern=bool(set(TIMES) & set(written)))

    def _is_as_it_should_be(self, pair: Pair) -> None:
        """Nothing differs. After an interruption the row may not know yet which meeting it is, or that the item is there."""
        if pair.item is not None and pair.record is not None:
            pair.row.is_deleted_in_exchange = False
            settling.know_meeting(pair.row, pair.record, pair.item.uid, self.syncing.now)
        settling.nothing_to_do(pair.row)

    # Around

    def _read_back(self) -> None:
        """After a batch of writes: what the server made of them, in one request."""
        rows, self.written = self.written, {}
        found = self.store.fetch(self.kind, list(rows), files=True) if rows else ()
        items = [one for one in found if isinstance(one, Item)]
        if items:
            self.commit(lambda: self._note_what_was_read(items, rows))

    def _note_what_was_read(self, items: list[Item], rows: dict[str, ExchangeSyncIdMapping]) -> None:
        records = records_of([rows[item.key] for item in items if item.uid and not rows[item.key].uid])
        for item in items:
            row = rows[item.key]
            if item.version == row.server_version:
                settling.read_again(row, item)
            record = records.get(row.object_id)
            if record is not None:
                settling.know_meeting(row, record, item.uid, self.syncing.now)

    def directions(self, pair: Pair) -> dict[str, Direction]:
        """Which way each field of this pair goes."""
        if pair.kind not in self._chosen:
            self._chosen[pair.kind] = chosen_directions(pair.kind, self.policy)
        usual = self._chosen[pair.kind]
        if pair.record is None and self.kind is ItemKind.APPOINTMENT:
            return {**usual, "recurrence": Direction.BOTH}
        return self.meetings.directions(pair.row, pair.record, pair.item, usual)

    def with_reminder(self, written: Fields, values: Fields) -> Fields:
        """What is written to the server, with what reminds the user of it (10.2.1, 10.7)."""
        now = self.syncing.now
        is_long_past = is_past(values, now - LONG_PAST)
        return with_reminder(self.kind, written, values, is_long_past=is_long_past, now=now, zone=self.syncing.zone)

    def circumstances(self, pair: Pair) -> Circumstances:
        """What decides where both sides have changed the same (10.1 h)."""
        assert pair.record is not None
        assert pair.item is not None
        return Circumstances(
            is_meeting=self.kind is ItemKind.APPOINTMENT and is_meeting(pair.item.fields),
            crm_modified_on=changed_on(pair.record),
            exchange_modified_on=pair.item.modified_on,
        )

    def commit(self, work: Callable[[], object]) -> None:
        """One transaction in which the lease is pinned. Raises ChangedHere where somebody has noted something in the row
        since it was read: minutes on the network lie between."""
        with transaction.atomic():
            self.lease.pin()
            if self._pair is not None and self._noted not in (None, as_stored(self._pair.row)):
                raise settling.ChangedHere
            work()
            if self._pair is not None:
                Marking(self, self._pair).plan()
            self._noted = as_stored(self._pair.row) if self._pair is not None else None

    def commit_written(self, pair: Pair, agree: Callable[[], object], at_write: Agreed, written: Written) -> None:
        """The same after a write to the server. Where somebody has changed the record here meanwhile, it is noted what both
        sides held at the write: that change is made there next, and not taken for a clash with our own write (10.1 h)."""
        record = pair.record
        assert record is not None
        try:
            self.commit(agree)
        except settling.ChangedHere:
            with transaction.atomic():
                self.lease.pin()
                settling.note_written(pair.row, at_write, record, self.syncing, written)
            raise

    def _failed(self, row: ExchangeSyncIdMapping, words: str, code: str) -> None:
        self._noted = None
        self.commit(lambda: settling.fail(row, words, code, self.syncing, self.policy.item_attempts))
        self.report.failed += 1

    def try_soon(self, row: ExchangeSyncIdMapping, after: timedelta = settling.RETRY_AFTER) -> None:
        """It was not decided; another cycle comes back to it."""
        self._noted = None
        self.commit(lambda: settling.try_soon(row, self.syncing, after))
