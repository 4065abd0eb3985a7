"""The occurrences of one series, after the series itself agrees (10.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from profiles.act_items import NOTHING, Fields, Item
from serversync.cycles.act_pair import Pair, complete
from tracking.crm.models import RecurringAppointmentMaster
from tracking.decide.act_values import agreed_from_json, same
from tracking.decide.invitations import MeetingWrite
from tracking.decide.merge import Direction, Side
from tracking.decide.occurrences import (
    AgreedSeries,
    Exceptions,
    OccurrenceMerge,
    OccurrenceStep,
    SeriesState,
    agreed_there,
    exceptions_from_json,
    merge_occurrences,
)
from tracking.facts.act.appointments import appointment_values, exceptions_of, kept_exceptions
from tracking.keep.act import held, settling

if TYPE_CHECKING:
    from serversync.cycles.act_pairs import Settling


@dataclass
class Occurrences:
    """The exceptions of the series of one pair."""

    settling: Settling
    pair: Pair

    def settle(self, *, is_new_pattern: bool) -> None:
        """Make them the same on both sides. A server that is given a new pattern forgets what differed from the old one:
        then ours are written again. Raises ConnectorError."""
        one, row = self.settling, self.pair.row
        series, item = self.pair.record, self.pair.item
        assert isinstance(series, RecurringAppointmentMaster)
        if item is None:
            return one.commit(lambda: settling.try_soon(row, one.syncing))
        if item.version != row.server_version:
            return self._come_back()
        directions = one.directions(self.pair)
        if all(way is Direction.NONE for way in directions.values()):
            return self._agree(series, OccurrenceMerge(), item.version)  # another pair of this meeting has the say
        if is_new_pattern:
            row.agreed_occurrences = {}
        found = self._merged(series, item, directions)
        steps = [step for step in found.steps if step.side is Side.EXCHANGE]
        for step in steps:
            if not self._write(step, item, found):
                return one.commit(lambda: settling.wait_for_approval(row))
        if steps:
            [again] = one.read([row])
            if again.item is None or not _is_the_same(again.item.fields, item.fields):
                one.commit(lambda: self._note_written(found, row.server_version))
                return self._come_back()
            item = again.item
        return self._agree(series, found, item.version)

    def _come_back(self) -> None:
        """Somebody was faster: what they have changed is merged first, and not taken for what we have written."""
        one, row = self.settling, self.pair.row
        one.written.pop(row.exchange_entry_id, None)
        one.commit(lambda: settling.try_soon(row, one.syncing, timedelta(0)))

    def _note_written(self, found: OccurrenceMerge, version: str) -> None:
        row = self.pair.row
        ours, theirs = agreed_there(found, exceptions_from_json(row.agreed_occurrences))
        settling.note_written_occurrences(row, ours, theirs, version)

    def _merged(
        self, series: RecurringAppointmentMaster, item: Item, directions: dict[str, Direction]
    ) -> OccurrenceMerge:
        values, agreed = appointment_values(series), agreed_from_json(self.pair.row.agreed)
        before = exceptions_from_json(self.pair.row.agreed_occurrences)
        there = kept_exceptions(Exceptions.of(item.changed, item.removed), values, series)
        found = merge_occurrences(
            AgreedSeries(SeriesState(agreed.crm, before[0]), SeriesState(agreed.exchange, before[1])),
            SeriesState(values, exceptions_of(series)),
            SeriesState(complete(item.fields, values), there),
            directions,
            self.settling.circumstances(self.pair),
        )
        writes = Direction.BOTH in directions.values() or Direction.TO_EXCHANGE in directions.values()
        steps = tuple(step for step in found.steps if writes or step.side is Side.CRM)  # 10.2.4
        return OccurrenceMerge(steps, found.clashes, found.agreed_crm, found.agreed_exchange)

    def _write(self, step: OccurrenceStep, item: Item, found: OccurrenceMerge) -> bool:
        """Returns whether it was done; else it is held until somebody approves it."""
        one, original = self.settling, step.original_start
        assert self.pair.record is not None
        values: Fields = {**appointment_values(self.pair.record), **step.fields}  # type: ignore[arg-type]
        kind, fields = (MeetingWrite.CANCEL, NOTHING) if step.removes else (MeetingWrite.UPDATE, step.fields)
        own = next((there.fields for there in item.changed if there.original_start == original), NOTHING)
        before = replace(item, fields={**item.fields, **own})  # it may have attendees of its own
        how = one.meetings.permission(self.pair.row, kind, before, fields, values, original)
        if how is None:
            return False
        if clashes := [clash for start, clash in found.clashes if start == original]:
            one.commit(lambda: settling.note_clashes(self.pair.row, clashes, one.syncing.now, original))
        if step.removes:
            one.store.delete_occurrence(item.key, original, how)
        else:
            one.store.update_occurrence(item.key, original, step.fields, how)
        one.report.sent += 1
        return True

    def _agree(self, series: RecurringAppointmentMaster, found: OccurrenceMerge, version: str) -> None:
        one, row = self.settling, self.pair.row

        def agree() -> None:
            settling.insist_unchanged(series)
            settling.agree_on_occurrences(row, found, series, one.syncing, version)
            held.settle_held(row)

        try:
            one.commit(agree)
        except settling.ChangedHere:
            if any(step.side is Side.EXCHANGE for step in found.steps):
                with transaction.atomic():
                    one.lease.pin()
                    self._note_written(found, version)
            raise
        one.report.tracked += any(step.side is Side.CRM for step in found.steps)


def _is_the_same(now: Fields, before: Fields) -> bool:
    """Whether the series itself is as it was: writes to its occurrences give it other versions, and change none of this."""
    return all(same(now.get(name), before.get(name)) for name in {*now, *before})
