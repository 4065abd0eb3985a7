"""What is on one side only: it is made on the other, or found there because it is there already (10.1, 10.2.4, law 7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from profiles.act_items import NOTHING, Fields, ItemKind, Notify, Written
from profiles.connectors.base import ItemRejected
from serversync.cycles.act_bookings import Bookings
from serversync.cycles.act_meetings import Meetable
from serversync.cycles.act_occurrences import Occurrences
from serversync.cycles.act_pair import Pair, complete
from serversync.cycles.act_recognition import Recognition
from tracking.crm.models import RecurringAppointmentMaster
from tracking.decide.act_values import Agreed, is_empty
from tracking.decide.field_values import CANCELED, COMPLETED
from tracking.decide.files import by_name
from tracking.decide.invitations import MeetingWrite
from tracking.decide.merge import Direction
from tracking.facts.act.appointments import exceptions_of, organizes
from tracking.facts.act.kinds import Record
from tracking.facts.act.pairs import caller_elsewhere, is_asked_about, linked_elsewhere
from tracking.facts.act.reading import values_of
from tracking.keep.act import held, settling
from tracking.keep.act.files import store_contents
from tracking.keep.act.noting import note_for_caller
from tracking.keep.act.writing import make_record
from tracking.models import SyncQuestion, UserDecision

if TYPE_CHECKING:
    from serversync.cycles.act_pairs import Settling


@dataclass
class Creating:
    """The other half of one pair."""

    settling: Settling
    pair: Pair

    def there(self) -> None:
        """Make our record on the server. Raises ConnectorError."""
        one, pair, record = self.settling, self.pair, self.pair.record
        assert record is not None
        if isinstance(record, Meetable) and (record.global_object_id or not organizes(record, one.syncing)):
            return self._seek(record)
        if one.kind is ItemKind.CONTACT and is_asked_about(record, one.syncing.mailbox):
            return one.try_soon(pair.row)
        ours = values_of(record, one.syncing)
        directions = one.directions(pair)
        going = {
            name: value
            for name, value in ours.items()
            if directions.get(name, Direction.NONE) in (Direction.BOTH, Direction.TO_EXCHANGE) and not is_empty(value)
        }
        is_closed = isinstance(record, Meetable) and record.state_code in (COMPLETED, CANCELED)
        written = self._found_or_created(going, invites=not is_closed)
        if written is None:
            return None
        return self._agree_there(record, ours, directions, written)

    def _agree_there(self, record: Record, ours: Fields, directions: dict[str, Direction], written: Written) -> None:
        one, pair = self.settling, self.pair
        agreed = Agreed.on({name: value for name, value in ours.items() if name in directions})
        waits = isinstance(record, RecurringAppointmentMaster) and bool(exceptions_of(record).originals)

        def agree() -> None:
            settling.insist_unchanged(record)
            settling.agree(pair.row, agreed, record, ours, one.syncing, written, waits=waits)
            if not waits:
                held.settle_held(pair.row)

        one.written[written.key] = pair.row
        one.created.add(written.key)
        one.report.sent += 1
        one.commit_written(pair, agree, agreed, written)
        if waits:
            [again] = one.read([pair.row])
            pair.item = again.item
            Occurrences(one, pair).settle(is_new_pattern=True)

    def _seek(self, record: Meetable) -> None:
        """10.2.4: what somebody else has called, or a colleague has tracked, is in calendars already or comes into them by
        an invitation. This one is searched once, for it may be there."""
        one, row, uid = self.settling, self.pair.row, record.global_object_id
        if uid and row.retries == 0:
            one.sought[uid] = row
        else:
            one.commit(lambda: settling.wait_for_invitation(row, uid))

    def _found_or_created(self, fields: Fields, *, invites: bool) -> Written | None:
        """What an interrupted attempt has made is joined by the merge of the next round, never made twice (law 7). Nobody
        is invited to what is over or canceled already."""
        one, row, record = self.settling, self.pair.row, self.pair.record
        assert record is not None
        if row.retries:
            found = one.store.find(one.kind, [row.mark])
            if row.mark in found:
                row.exchange_entry_id = found[row.mark]
                one.commit(lambda: row.save(update_fields=["exchange_entry_id"]))
                [pair] = one.read([row])
                if pair.item is not None:
                    one.merge(pair)
                return None
        how: Notify | None = Notify.NOBODY
        if one.kind is ItemKind.APPOINTMENT and invites:
            how = one.meetings.permission(row, MeetingWrite.INVITE, None, fields, fields)
        if how is None:
            one.commit(lambda: settling.wait_for_approval(row))
            return None
        one.commit(lambda: settling.begin_attempt(row, record))
        return one.store.create(one.kind, row.mark, one.with_reminder(fields, fields), how)

    def here(self) -> None:
        """Make the server's item a record of ours. Raises ConnectorError."""
        one, pair = self.settling, self.pair
        assert pair.item is not None
        record = Recognition(one.syncing, one.kind, one.policy, one.commit).record_of(pair)
        if record is not None:
            return self._join(record)
        unasked = (SyncQuestion.NONE, SyncQuestion.SCHEDULING_CONFLICT)
        if pair.row.question not in unasked and pair.row.user_decision == UserDecision.NONE:
            return None  # somebody was just asked
        if Bookings(one).waits(pair, pair.item.fields):
            return None
        store_contents(by_name(pair.item.fields.get("attachments")).values(), one.syncing.now)
        one.commit(self._make_here)
        one.report.tracked += 1
        if isinstance(pair.record, RecurringAppointmentMaster):
            one.occurrences(pair, NOTHING)
        return None

    def _make_here(self) -> None:
        one, pair, item = self.settling, self.pair, self.pair.item
        assert item is not None
        if one.kind is ItemKind.APPOINTMENT and settling.is_made_meanwhile(item.uid):
            return settling.try_soon(pair.row, one.syncing, timedelta(0))  # there was nothing a moment ago
        directions = one.directions(pair)
        coming = {
            name: value
            for name, value in item.fields.items()
            if directions.get(name, Direction.NONE) in (Direction.BOTH, Direction.TO_CRM) and not is_empty(value)
        }
        record = pair.record = make_record(pair.kind, coming, one.syncing)
        ours = values_of(record, one.syncing)
        known = {
            name: value for name, value in complete(item.fields, ours).items() if name in ours and name in directions
        }
        agreed = Agreed({name: ours[name] for name in known}, known)
        waits = isinstance(record, RecurringAppointmentMaster)
        held_there = Written(item.key, item.version)
        settling.agree(pair.row, agreed, record, ours, one.syncing, held_there, waits=waits)
        settling.know_meeting(pair.row, record, item.uid, one.syncing.now)
        return self._tell_the_caller(record)

    def _tell_the_caller(self, record: Record) -> None:
        """10.3.6: by setting, what an attendee has tracked is kept the same in the calendar of who calls the meeting."""
        one, item = self.settling, self.pair.item
        if one.policy.force_organizer_sync_for_attendee_tracked_appointment and isinstance(record, Meetable):
            caller = None if item is None or item.is_organizer else caller_elsewhere(record, one.syncing)
            if caller is not None:
                note_for_caller(record, caller, one.syncing.now)

    def _join(self, record: Record) -> None:
        """The item is linked with a record that is here; they have never agreed, so they are joined."""
        one, pair = self.settling, self.pair
        other = linked_elsewhere(record, pair.row)
        if other is not None and other.exchange_entry_id and not other.is_deleted_in_exchange:
            raise ItemRejected(
                "It is a second item of a record that has one already.", remedy="Delete one of the two in Exchange."
            )
        if other is not None:
            found = other
            one.commit(lambda: settling.join(pair.row, found))
            one.joined.add(found.pk)
            pair.row = found
        pair.record = record
        one.merge(pair)
        one.commit(lambda: self._tell_the_caller(record))
