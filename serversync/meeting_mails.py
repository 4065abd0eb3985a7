"""Which meeting mails the next run over a mailbox would cause, as things are here now: nothing is asked of the server and
nothing is written (10.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from mailboxes.models import Mailbox
from mailboxes.policy import Policy
from profiles.act_items import Attendee, Fields, ItemKind, Notify, Value
from serversync.cycles.act_meetings import is_meeting, is_past
from tracking.crm.models import RecurringAppointmentMaster
from tracking.decide.act_values import agreed_from_json, same
from tracking.decide.field_maps import RecordKind
from tracking.decide.invitations import Intended, Meeting, MeetingWrite, notify, within_cap
from tracking.decide.merge import TIMES, Circumstances, Direction, Side
from tracking.decide.occurrences import (
    AgreedSeries,
    Exceptions,
    OccurrenceStep,
    SeriesState,
    exceptions_from_json,
    merge_occurrences,
)
from tracking.facts.act.appointments import appointment_values, exceptions_of, organizes
from tracking.facts.act.kinds import Syncing, content_type_of, record_kinds
from tracking.facts.act.pairs import leads, leaving
from tracking.facts.act.reading import changed_on, chosen_directions, filters_for, records_of, wanted_since
from tracking.models import ChangeType, ExchangeSyncIdMapping

MOST = 500
"""Meetings that are looked at; of more the newest."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One write that would mail people. `record` is None where it is about one that was deleted here."""

    write: MeetingWrite
    subject: str
    addresses: frozenset[str]
    record: Any = None
    row: ExchangeSyncIdMapping | None = None
    is_held: bool = False


def foresee_mails(mailbox: Mailbox, policy: Policy, now: datetime) -> list[Foreseen]:
    """What would leave, and what would be held because it is too much for one run."""
    syncing = Syncing.of(mailbox, now)
    found = [
        one
        for one in chain(_new(syncing, policy), _changed(syncing, policy), _cancelled(syncing, policy))
        if one.addresses
    ]
    now_leaving = set(within_cap((Intended(str(n), one.addresses) for n, one in enumerate(found)), policy).now)
    return [
        Foreseen(one.write, one.subject, one.addresses, one.record, one.row, str(number) not in now_leaving)
        for number, one in enumerate(found)
    ]


def _new(syncing: Syncing, policy: Policy) -> Iterator[Foreseen]:
    """Meetings that a filter lets through and that have no copy yet: they are created, and people are invited."""
    filters = filters_for(ItemKind.APPOINTMENT, syncing)
    for kind in record_kinds(ItemKind.APPOINTMENT):
        rows = ExchangeSyncIdMapping.objects.filter(owner_id=syncing.user_id, object_type=content_type_of(kind))
        known = rows.exclude(exchange_entry_id="", is_unlinked_in_crm=False).values_list("object_id", flat=True)
        beside = ["parties", *(["exceptions__parties"] if kind is RecordKind.SERIES else [])]
        wanted = wanted_since(kind, filters[kind], syncing, None).prefetch_related(*beside).order_by("-modified_on")
        there = set(known)
        for record in wanted[:MOST]:
            if str(record.pk) not in there:
                yield _foreseen(MeetingWrite.INVITE, record, None, {}, syncing, policy)
                yield from _occurrences(record, None, syncing, policy)


def _changed(syncing: Syncing, policy: Policy) -> Iterator[Foreseen]:
    """Linked meetings that differ here from what both sides agreed on."""
    rows = _rows(syncing).exclude(from_crm_change_type=ChangeType.DELETE).exclude(exchange_entry_id="")
    listed = list(rows.filter(is_unlinked_in_crm=False).order_by("-pk")[:MOST])
    records: dict[str, Any] = records_of(listed)
    for row in listed:
        record = records.get(row.object_id)
        if record is None or changed_on(record) == row.crm_modified_on:
            continue
        if leaving(record, row, syncing, policy):
            yield _cancellation(row, syncing, policy)
        elif leads(record, row, syncing):
            yield _foreseen(MeetingWrite.UPDATE, record, row, agreed_from_json(row.agreed).crm, syncing, policy)
            yield from _occurrences(record, row, syncing, policy)


def _cancelled(syncing: Syncing, policy: Policy) -> Iterator[Foreseen]:
    """Meetings that were deleted here."""
    rows = _rows(syncing).filter(from_crm_change_type=ChangeType.DELETE, is_unlinked_in_crm=False)
    for row in rows.order_by("-pk")[:MOST]:
        yield _cancellation(row, syncing, policy)


def _cancellation(row: ExchangeSyncIdMapping, syncing: Syncing, policy: Policy) -> Foreseen:
    agreed = agreed_from_json(row.agreed).exchange
    organizers = {one.address for one in _people(agreed, "organizer")}
    mine = not organizers or syncing.address in organizers
    meeting = Meeting(is_meeting(agreed), mine, is_past(agreed, syncing.now))
    how = notify(MeetingWrite.CANCEL, meeting, (), policy)
    told = _invited(agreed, syncing) if how is not Notify.NOBODY else frozenset[str]()
    return Foreseen(MeetingWrite.CANCEL, row.item_subject, told, row=row)


def _rows(syncing: Syncing) -> Any:
    return ExchangeSyncIdMapping.objects.filter(mailbox=syncing.mailbox, kind=ItemKind.APPOINTMENT)


def _foreseen(
    write: MeetingWrite,
    record: Any,
    row: ExchangeSyncIdMapping | None,
    before: Fields,
    syncing: Syncing,
    policy: Policy,
) -> Foreseen:
    values = appointment_values(record)
    changed = [name for name, value in values.items() if name in before and not same(value, before[name])]
    meeting = Meeting(
        is_meeting(values) or is_meeting(before),
        organizes(record, syncing),
        is_past(values, syncing.now),
        was_shared=is_meeting(before),
    )
    told = _told(notify(write, meeting, changed, policy), before, values, syncing)
    return Foreseen(write, str(values.get("subject") or ""), told, record, row)


def _occurrences(
    record: Any, row: ExchangeSyncIdMapping | None, syncing: Syncing, policy: Policy
) -> Iterator[Foreseen]:
    """The occurrences of a series that would be written, as Exchange has them once the series itself agrees (10.4). One that
    is given a new pattern forgets what differed from the old one."""
    if not isinstance(record, RecurringAppointmentMaster):
        return
    values, ours = appointment_values(record), exceptions_of(record)
    agreed, before = agreed_from_json({}), (Exceptions(), Exceptions())
    if row is not None:
        agreed, before = agreed_from_json(row.agreed), exceptions_from_json(row.agreed_occurrences)
    if any(not same(values[name], agreed.crm.get(name)) for name in TIMES):
        before = (Exceptions(), Exceptions())
    after = {**values, **agreed.exchange, **_changed_fields(values, agreed.crm)}
    known = AgreedSeries(SeriesState(values, before[0]), SeriesState(after, before[1]))
    directions = chosen_directions(RecordKind.SERIES, policy) | {"recurrence": Direction.BOTH}
    there = SeriesState(after, before[1])
    found = merge_occurrences(known, SeriesState(values, ours), there, directions, Circumstances(is_meeting(values)))
    for step in found.steps:
        if step.side is Side.EXCHANGE:
            own = {**after, **before[1].changed.get(step.original_start, {})}
            yield _of_one(step, own, record, row, syncing, policy)


def _of_one(step: OccurrenceStep, before: Fields, record: Any, row: Any, syncing: Syncing, policy: Policy) -> Foreseen:
    write = MeetingWrite.CANCEL if step.removes else MeetingWrite.UPDATE
    values = {**before, **step.fields}
    is_over = is_past(values, syncing.now, step.original_start)
    shared = is_meeting(before)
    meeting = Meeting(shared or is_meeting(values), organizes(record, syncing), is_over, was_shared=shared)
    told = _told(notify(write, meeting, step.fields, policy), before, values, syncing)
    return Foreseen(write, str(values.get("subject") or ""), told, record, row)


def _changed_fields(values: Fields, before: Fields) -> dict[str, Value]:
    return {name: value for name, value in values.items() if name not in before or not same(value, before[name])}


def _told(how: Notify, before: Fields, after: Fields, syncing: Syncing) -> frozenset[str]:
    invited, were = _invited(after, syncing), _invited(before, syncing)
    if how is Notify.NOBODY:
        return frozenset()
    return invited ^ were if how is Notify.CHANGED and invited != were else invited | were


def _invited(fields: Fields, syncing: Syncing) -> frozenset[str]:
    people = [*_people(fields, "required"), *_people(fields, "optional")]
    return frozenset(one.address for one in people) - {syncing.address}


def _people(fields: Fields, name: str) -> list[Attendee]:
    value = fields.get(name)
    return [one for one in value if isinstance(one, Attendee)] if isinstance(value, tuple) else []
