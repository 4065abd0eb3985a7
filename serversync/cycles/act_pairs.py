"""One pair after the other: both sides as they are now, what they last agreed on, and the steps that follow (10.1).

    server first   a write there is made as the version that was read, with our mark, and looked up before it is repeated
    then one       transaction with the lease pinned: our record, what was agreed, what was overwritten

A crash between the two leaves a pair whose sides hold the same and whose row does not know it: the next cycle agrees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from mailboxes.lease import Lease
from mailboxes.policy import Policy
from profiles.act_items import NOTHING, Fields, Item, ItemKind, Notify, Written
from profiles.connectors.base import Conflict, ConnectorError, ItemRejected, Transient
from profiles.connectors.item_store import ItemStore
from profiles.items import Missing
from serversync.cycles.act_meetings import Meetable, Meetings, is_meeting
from serversync.cycles.act_occurrences import Occurrences
from serversync.cycles.act_pair import Pair, as_held, complete, without_writes
from serversync.cycles.act_recognition import Recognition
from serversync.cycles.report import Report
from tracking.crm.models import RecurringAppointmentMaster
from tracking.decide.act_values import Agreed, agreed_from_json, is_empty
from tracking.decide.field_values import CANCELED, COMPLETED
from tracking.decide.invitations import MeetingWrite
from tracking.decide.merge import TIMES, Circumstances, Direction, ItemStep, Merge, Presence, item_step, merge
from tracking.facts.act.appointments import exceptions_of, organizes
from tracking.facts.act.kinds import Record, Syncing
from tracking.facts.act.pairs import is_asked_about, linked_elsewhere
from tracking.facts.act.reading import changed_on, chosen_directions, records_of, values_of, version_of
from tracking.keep.act import held, settling
from tracking.keep.act.writing import make_record, set_fields
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
    sought: bool = False  # a meeting that is in this calendar already, though nobody knew it yet
    meetings: Meetings = field(init=False)
    _joined: set[UUID] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.meetings = Meetings(self.syncing, self.store, self.policy, self.commit)

    def settle(self, rows: Sequence[ExchangeSyncIdMapping], lost: Lost) -> None:
        """Work on these. One that fails costs only itself (law 5). Raises ConnectorError that is about more than one item."""
        for pair in self._read(rows):
            if pair.row.pk in self._joined:
                continue
            self.lease.progress()
            try:
                self._one(pair, lost)
            except (ItemRejected, Conflict) as error:
                self._failed(pair.row, f"{error} {error.words}".strip(), type(error).__name__)
            except settling.ChangedHere:
                self._try_soon(pair.row, timedelta(0))
            except Transient as error:
                # It may be this item after all: the next cycle has to get past it (law 5).
                self._failed(pair.row, f"{error} {error.words}".strip(), type(error).__name__)
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
        if pair.row.is_unlinked_in_crm and not self._is_linked_again(pair):
            return
        step = item_step(*self._presences(pair), was_linked=pair.row.agreed_on is not None)
        match step:
            case ItemStep.MERGE if self._is_cancelled_here(pair):
                lost(pair, step)
            case ItemStep.MERGE:
                self.merge(pair)
            case ItemStep.CREATE_IN_EXCHANGE:
                self._create_there(pair)
            case ItemStep.CREATE_IN_CRM:
                self._create_here(pair)
            case ItemStep.NOTHING:
                self.commit(lambda: self._is_as_it_should_be(pair))
            case _:
                lost(pair, step)

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
        is_lost = row.from_crm_change_type == ChangeType.DELETE
        if pair.record is not None and not is_lost:
            is_new = version_of(pair.record, values_of(pair.record, self.syncing)) != row.crm_version
            crm = Presence.NEW if is_new else Presence.OLD
        if pair.item is not None:
            exchange = Presence.NEW if pair.item.version != row.server_version else Presence.OLD
        return crm, exchange

    def _is_cancelled_here(self, pair: Pair) -> bool:
        """10.2.6: by setting it is deleted there."""
        cancelled = isinstance(pair.record, Meetable) and pair.record.state_code == CANCELED
        return cancelled and self.policy.sss_propagate_appointment_cancellations_to_exchange

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
            try:
                written, is_held = self._write(pair, plan, ours)
            except Conflict:
                [again] = self._read([pair.row])
                if again.item is None:
                    raise
                pair.item = again.item
                continue
            if is_held:
                plan = without_writes(plan, agreed_from_json(pair.row.agreed))
            self.commit(lambda: self._agree(pair, plan, written, is_held))  # noqa: B023 - called at once
            if isinstance(pair.record, RecurringAppointmentMaster) and not is_held:
                self._occurrences(pair, plan.to_exchange)
            return
        raise Conflict("Somebody is changing the item all the time.")

    def _write(self, pair: Pair, plan: Merge, ours: Fields) -> tuple[Written, bool]:
        """Returns what the server answered, and whether the write is held until somebody approves it."""
        assert pair.item is not None
        item, how = pair.item, Notify.NOBODY
        as_it_was = Written(item.key, item.version)
        if not plan.to_exchange:
            return as_it_was, False
        if self.kind is ItemKind.APPOINTMENT:
            after = {**ours, **plan.to_crm}
            allowed = self.meetings.permission(pair.row, MeetingWrite.UPDATE, item, plan.to_exchange, after)
            if allowed is None:
                return as_it_was, True
            how = allowed
        written = self.store.update(self.kind, item.key, item.version, plan.to_exchange, how)
        self.written[written.key] = pair.row
        self.report.sent += 1
        return written, False

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
        waits = is_held or isinstance(pair.record, RecurringAppointmentMaster)
        settling.agree(pair.row, agreed, pair.record, ours, self.syncing, written, waits=waits)
        settling.know_meeting(pair.row, pair.record, pair.item.uid, self.syncing.now)
        if is_held:
            settling.wait_for_approval(pair.row)
        elif not waits:
            held.settle_held(pair.row)

    def _occurrences(self, pair: Pair, written: Fields) -> None:
        """A series agrees; now what differs from it, on the item as it is after what was written (10.4)."""
        if written:
            [again] = self._read([pair.row])
            pair.item = again.item or pair.item
        Occurrences(self, pair).settle(is_new_pattern=bool(set(TIMES) & set(written)))

    def _is_as_it_should_be(self, pair: Pair) -> None:
        """Nothing differs. After an interruption the row may not know yet which meeting it is, or that the item is there."""
        if pair.item is not None and pair.record is not None:
            pair.row.is_deleted_in_exchange = False
            settling.know_meeting(pair.row, pair.record, pair.item.uid, self.syncing.now)
        settling.nothing_to_do(pair.row)

    # Only one is there

    def _create_there(self, pair: Pair) -> None:
        record = pair.record
        assert record is not None
        if isinstance(record, Meetable) and (record.global_object_id or not organizes(record, self.syncing)):
            return self._seek(pair.row, record)
        if self.kind is ItemKind.CONTACT and is_asked_about(record, self.syncing.mailbox):
            return self._try_soon(pair.row)
        ours = values_of(record, self.syncing)
        directions = self.directions(pair)
        going = {
            name: value
            for name, value in ours.items()
            if directions.get(name, Direction.NONE) in (Direction.BOTH, Direction.TO_EXCHANGE) and not is_empty(value)
        }
        is_closed = isinstance(record, Meetable) and record.state_code in (COMPLETED, CANCELED)
        written = self._found_or_created(pair.row, going, invites=not is_closed)
        if written is None:
            return None
        agreed = Agreed.on({name: value for name, value in ours.items() if name in directions})
        waits = isinstance(record, RecurringAppointmentMaster) and bool(exceptions_of(record).originals)

        def agree() -> None:
            settling.insist_unchanged(record)
            settling.agree(pair.row, agreed, record, ours, self.syncing, written, waits=waits)

        self.commit(agree)
        self.written[written.key] = pair.row
        self.created.add(written.key)
        self.report.sent += 1
        if waits:
            [again] = self._read([pair.row])
            pair.item = again.item
            return Occurrences(self, pair).settle(is_new_pattern=True)
        return self.commit(lambda: held.settle_held(pair.row))

    def _seek(self, row: ExchangeSyncIdMapping, record: Meetable) -> None:
        """10.2.4: what somebody else has called, or a colleague has tracked, is in calendars already or comes into them by
        an invitation. This one is looked through once, for it may be there."""
        uid = record.global_object_id
        self.sought = self.sought or bool(uid and row.retries == 0)
        self.commit(lambda: settling.wait_for_invitation(row, uid))

    def _found_or_created(self, row: ExchangeSyncIdMapping, fields: Fields, *, invites: bool) -> Written | None:
        """What an interrupted attempt has made is joined by the merge of the next round, never made twice (law 7). Nobody
        is invited to what is over or canceled already."""
        if row.retries:
            found = self.store.find(self.kind, [row.mark])
            if row.mark in found:
                row.exchange_entry_id = found[row.mark]
                self.commit(lambda: row.save(update_fields=["exchange_entry_id"]))
                [pair] = self._read([row])
                if pair.item is not None:
                    self.merge(pair)
                return None
        how: Notify | None = Notify.NOBODY
        if self.kind is ItemKind.APPOINTMENT and invites:
            how = self.meetings.permission(row, MeetingWrite.INVITE, None, fields, fields)
        if how is None:
            self.commit(lambda: settling.wait_for_approval(row))
            return None
        self.commit(lambda: settling.begin_attempt(row))
        return self.store.create(self.kind, row.mark, fields, how)

    def _create_here(self, pair: Pair) -> None:
        assert pair.item is not None
        record = Recognition(self.syncing, self.kind, self.policy, self.commit).record_of(pair)
        if record is not None:
            return self._join(pair, record)
        if pair.row.question != SyncQuestion.NONE and pair.row.user_decision == UserDecision.NONE:
            return None  # somebody was just asked
        item, kind = pair.item, pair.kind
        directions = self.directions(pair)
        coming = {
            name: value
            for name, value in item.fields.items()
            if directions.get(name, Direction.NONE) in (Direction.BOTH, Direction.TO_CRM) and not is_empty(value)
        }

        def make() -> None:
            if self.kind is ItemKind.APPOINTMENT and settling.is_made_meanwhile(item.uid):
                return settling.try_soon(pair.row, self.syncing, timedelta(0))  # there was nothing a moment ago
            record = pair.record = make_record(kind, coming, self.syncing)
            ours = values_of(record, self.syncing)
            known = {
                name: value
                for name, value in complete(item.fields, ours).items()
                if name in ours and name in directions
            }
            agreed = Agreed({name: ours[name] for name in known}, known)
            waits = isinstance(record, RecurringAppointmentMaster)
            held_there = Written(item.key, item.version)
            settling.agree(pair.row, agreed, record, ours, self.syncing, held_there, waits=waits)
            return settling.know_meeting(pair.row, record, item.uid, self.syncing.now)

        self.commit(make)
        self.report.tracked += 1
        if isinstance(pair.record, RecurringAppointmentMaster):
            self._occurrences(pair, NOTHING)
        return None

    def _join(self, pair: Pair, record: Record) -> None:
        """The item is linked with a record that is here; they have never agreed, so they are joined."""
        other = linked_elsewhere(record, pair.row)
        if other is not None and other.exchange_entry_id and not other.is_deleted_in_exchange:
            raise ItemRejected(
                "It is a second item of a record that has one already.", remedy="Delete one of the two in Exchange."
            )
        if other is not None:
            found = other
            self.commit(lambda: settling.join(pair.row, found))
            self._joined.add(found.pk)
            pair.row = found
        pair.record = record
        self.merge(pair)

    # Around

    def _read_back(self) -> None:
        """After a batch of writes: what the server made of them, in one request."""
        rows, self.written = self.written, {}
        for item in self.store.fetch(self.kind, list(rows)) if rows else ():
            if not isinstance(item, Item):
                continue
            row = rows[item.key]
            if item.version == row.server_version:
                self.commit(lambda: settling.read_again(row, item))  # noqa: B023 - called at once
            record = records_of([row]).get(row.object_id) if item.uid and not row.uid else None
            if record is not None:
                now = self.syncing.now
                self.commit(lambda: settling.know_meeting(row, record, item.uid, now))  # noqa: B023 - called at once
                self.commit(lambda: row.save(update_fields=["uid"]))  # noqa: B023 - called at once

    def directions(self, pair: Pair) -> dict[str, Direction]:
        """Which way each field of this pair goes."""
        kind = pair.kind
        usual = chosen_directions(kind, self.policy)
        if pair.record is None and self.kind is ItemKind.APPOINTMENT:
            return {**usual, "recurrence": Direction.BOTH}
        return self.meetings.directions(pair.row, pair.record, pair.item, usual)

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
        """One transaction in which the lease is pinned."""
        with transaction.atomic():
            self.lease.pin()
            work()

    def _failed(self, row: ExchangeSyncIdMapping, words: str, code: str) -> None:
        self.commit(lambda: settling.fail(row, words, code, self.syncing, self.policy.item_attempts))
        self.report.failed += 1

    def _try_soon(self, row: ExchangeSyncIdMapping, after: timedelta = settling.RETRY_AFTER) -> None:
        self.commit(lambda: settling.try_soon(row, self.syncing, after))
