"""What became of one pair: agreed, failed, asked about, unlinked, deleted. Each is called inside the transaction that pins
the lease."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from mailboxes.models import Organization
from profiles.act_items import Fields, Item, Written
from tracking.crm.models import Appointment, RecurringAppointmentMaster, ServiceAppointment
from tracking.decide.act_values import Agreed, agreed_from_json, agreed_to_json, fields_to_json, to_json
from tracking.decide.merge import Clash, Side, read_back
from tracking.decide.occurrences import Exceptions, OccurrenceMerge, exceptions_to_json
from tracking.facts.act.appointments import appointment_values, by_meeting_id
from tracking.facts.act.kinds import Record, Syncing, content_type_of, kind_of
from tracking.facts.act.reading import changed_on, version_of
from tracking.keep.act.appointments import apply_occurrence
from tracking.models import (
    ChangeType,
    ExchangeSyncIdMapping,
    HeldDeletion,
    RecycledItem,
    SyncConflict,
    SyncQuestion,
    UserDecision,
)
from tracking.models.reversible import Decision

RETRY_AFTER = timedelta(minutes=5)
LONGEST_RETRY = timedelta(days=1)
DELETING = "deleting"
"""In `question_facts`: why the item was about to be deleted on the server."""


class ChangedHere(Exception):
    """Somebody has changed or deleted the record here since it was read: nothing may be written over that."""


def insist_unchanged(record: Record) -> None:
    """Called first in every transaction that writes what was worked out from a record: minutes on the network lie between.
    Raises ChangedHere."""
    rows = type(record)._default_manager.select_for_update().filter(pk=record.pk)
    if rows.values_list("modified_on", flat=True).first() != record.modified_on:
        raise ChangedHere


def begin_attempt(row: ExchangeSyncIdMapping, record: Record) -> None:
    """Before anything is made on the server: who has attempts may have left something there (law 7). Raises ChangedHere."""
    insist_unchanged(record)
    row.retries += 1
    row.save(update_fields=["retries"])


def agree(
    row: ExchangeSyncIdMapping,
    agreed: Agreed,
    record: Record,
    crm: Fields,
    syncing: Syncing,
    written: Written,
    *,
    waits: bool = False,
) -> None:
    """Both sides are the same now, as far as they go. `waits`: not all is done yet; the pair is looked at again."""
    row.object_type, row.object_id = content_type_of(kind_of(record)), str(record.pk)
    row.exchange_entry_id, row.server_version = written.key, written.version
    row.agreed, row.crm_version = agreed_to_json(agreed), version_of(record, crm)
    row.crm_modified_on, row.agreed_on = changed_on(record), syncing.now
    row.item_subject = str(crm.get("subject") or crm.get("full_name") or "")[:2048]
    row.is_deleted_in_exchange = row.is_unlinked_in_crm = False
    if waits:
        row.crm_version = ""  # whatever happens before the rest is done: it is compared again
        row.save()
    else:
        _done(row)


def note_written(
    row: ExchangeSyncIdMapping, agreed: Agreed, record: Record, syncing: Syncing, written: Written
) -> None:
    """The server was written to, and then nothing could be agreed because somebody has changed the record here meanwhile:
    what both sides held at the write, so that this change is the only one since. These columns only."""
    key = str(record.pk)
    known = ExchangeSyncIdMapping.objects.filter(pk=row.pk, exchange_entry_id=row.exchange_entry_id)
    if not known.filter(object_id__in=["", key]).exists():
        return  # it is about something else by now
    row.object_type, row.object_id = content_type_of(kind_of(record)), key
    row.exchange_entry_id, row.server_version = written.key, written.version
    row.agreed, row.agreed_on, row.crm_version = agreed_to_json(agreed), syncing.now, ""
    columns = ("object_type", "object_id", "exchange_entry_id", "server_version", "agreed", "agreed_on", "crm_version")
    _save(row, *columns)


def note_written_occurrences(row: ExchangeSyncIdMapping, ours: Exceptions, theirs: Exceptions, version: str) -> None:
    """The same about the occurrences of a series."""
    row.agreed_occurrences, row.server_version, row.crm_version = exceptions_to_json(ours, theirs), version, ""
    _save(row, "agreed_occurrences", "server_version", "crm_version")


def agree_on_occurrences(
    row: ExchangeSyncIdMapping,
    found: OccurrenceMerge,
    series: RecurringAppointmentMaster,
    syncing: Syncing,
    version: str,
) -> None:
    """The occurrences of a series differ in the same way on both sides now (10.4)."""
    for step in found.steps:
        if step.side is Side.CRM:
            apply_occurrence(series, step, syncing)
    for original, clash in found.clashes:
        note_clashes(row, [clash], syncing.now, original)
    row.agreed_occurrences = exceptions_to_json(found.agreed_crm, found.agreed_exchange)
    row.server_version = version
    row.crm_version = version_of(series, appointment_values(series))
    row.crm_modified_on = changed_on(series)
    _done(row)


def begin_new_pattern(row: ExchangeSyncIdMapping) -> None:
    """Before a series is given other times on the server, which then forgets what differed from the old ones: that it has
    no exceptions any more will be nobody's wish, even if the work is interrupted (10.4)."""
    row.agreed_occurrences = {}
    row.save(update_fields=["agreed_occurrences"])


def wait_for_approval(row: ExchangeSyncIdMapping) -> None:
    """A write of this pair is held (10.2): whoever decides about it brings the pair back; so does any change."""
    row.crm_version, row.next_attempt_on = "", None
    row.save()


def wait_for_invitation(row: ExchangeSyncIdMapping, uid: str) -> None:
    """The meeting is somebody else's: it comes into this calendar by their invitation (10.2.4), and is known by its id."""
    rows = ExchangeSyncIdMapping.objects.filter(pk=row.pk, uid=row.uid, exchange_entry_id="")
    rows.update(uid=uid[:300], next_attempt_on=None, retries=1)  # unless it became known meanwhile


def know_meeting(row: ExchangeSyncIdMapping, record: Record, uid: str, now: datetime) -> None:
    """By which id a meeting is known in the calendars of all who take part. Colleagues' pairs wait for it."""
    if not uid or not isinstance(record, Appointment | RecurringAppointmentMaster | ServiceAppointment):
        return
    if row.uid != uid[:300]:
        row.uid = uid[:300]
        row.save(update_fields=["uid"])
    if isinstance(record, ServiceAppointment):
        return  # each copy is an appointment of its own (10.5)
    if record.global_object_id != row.uid:
        record.global_object_id = row.uid
        type(record)._default_manager.filter(pk=record.pk).update(global_object_id=row.uid)
        rows = ExchangeSyncIdMapping.objects.filter(object_type=row.object_type_id, object_id=str(record.pk), uid="")
        rows.filter(exchange_entry_id="").exclude(pk=row.pk).update(uid=row.uid, next_attempt_on=now, retries=0)


def is_made_meanwhile(uid: str) -> bool:
    """Whether another mailbox has brought in the same meeting. Those who bring in meetings wait here for each other."""
    if uid:
        list(Organization.objects.select_for_update().values_list("pk"))
    return by_meeting_id(uid) is not None


def join(row: ExchangeSyncIdMapping, other: ExchangeSyncIdMapping) -> ExchangeSyncIdMapping:
    """An item came in whose record waits for one in another row: there the two meet."""
    row.delete()
    other.exchange_entry_id, other.uid = row.exchange_entry_id, row.uid
    other.seen_generation, other.is_deleted_in_exchange = row.seen_generation, False
    other.save()
    return other


def take_place(row: ExchangeSyncIdMapping, other: ExchangeSyncIdMapping, item: Item, now: datetime) -> None:
    """What could not be read is the item of another row: it takes its place there, and is looked at soon."""
    row.uid = item.uid[:300]
    join(row, other)
    other.to_crm_change_type, other.next_attempt_on, other.retries = ChangeType.UPDATE, now, 0
    other.save(update_fields=["to_crm_change_type", "next_attempt_on", "retries"])


def found_again(row: ExchangeSyncIdMapping, key: str, other: ExchangeSyncIdMapping | None = None) -> None:
    """The item is there under another key, which `other` may have as of one that could not be read."""
    if other is not None:
        other.delete()
    row.exchange_entry_id, row.is_deleted_in_exchange = key, False
    row.save(update_fields=["exchange_entry_id", "is_deleted_in_exchange"])


def was_read(row: ExchangeSyncIdMapping, item: Item) -> None:
    """It could be read, and is wanted: from now on it is a pair as any other."""
    row.uid, row.question_facts = item.uid[:300], {}
    row.save(update_fields=["uid", "question_facts"])


def read_again(row: ExchangeSyncIdMapping, item: Item) -> None:
    """What the server holds after our write: where it cannot hold a value as we do, that is nobody's change."""
    agreed = agreed_from_json(row.agreed)
    row.agreed = agreed_to_json(read_back(agreed, Side.EXCHANGE, item.fields))
    row.save(update_fields=["agreed"])


def was_marked(row: ExchangeSyncIdMapping, written: Written) -> None:
    """The item bears our mark now; nothing else about it has changed."""
    row.exchange_entry_id, row.server_version, row.next_attempt_on = written.key, written.version, None
    row.save(update_fields=["exchange_entry_id", "server_version", "next_attempt_on"])


def stay_due(row: ExchangeSyncIdMapping, now: datetime) -> None:
    """The pair agrees, but its item does not bear our mark yet."""
    row.next_attempt_on = now
    row.save(update_fields=["next_attempt_on"])


def stay_unmarked(row: ExchangeSyncIdMapping) -> None:
    """Its item cannot be marked now."""
    row.next_attempt_on = None
    row.save(update_fields=["next_attempt_on"])


def nothing_to_do(row: ExchangeSyncIdMapping) -> None:
    """The pair is as it should be."""
    _done(row)


def _done(row: ExchangeSyncIdMapping) -> None:
    row.to_crm_change_type = row.from_crm_change_type = ChangeType.NONE
    row.next_attempt_on, row.retries = None, 0
    row.last_sync_error = row.last_sync_error_code = ""
    row.last_sync_error_occurred_on = None
    row.question, row.question_facts, row.user_decision = SyncQuestion.NONE, {}, UserDecision.NONE
    row.save()


def fail(row: ExchangeSyncIdMapping, words: str, code: str, syncing: Syncing, attempts: int) -> None:
    """12.1: this item only (law 5). It is tried again ever more rarely, so often; then it waits for a person or a change."""
    row.retries += 1
    row.last_sync_error, row.last_sync_error_code = words[:2048], code[:64]
    row.last_sync_error_occurred_on = syncing.now
    wait = min(RETRY_AFTER * 2 ** min(row.retries, 10), LONGEST_RETRY)
    row.next_attempt_on = None if row.retries >= attempts else syncing.now + wait
    _save(row, "retries", "last_sync_error", "last_sync_error_code", "last_sync_error_occurred_on", "next_attempt_on")


def _save(row: ExchangeSyncIdMapping, *columns: str) -> None:
    """These columns only: others may have noted something in the row meanwhile, or removed it."""
    values = {name: getattr(row, name) for name in columns}
    ExchangeSyncIdMapping.objects.filter(pk=row.pk).update(**values)


def try_soon(row: ExchangeSyncIdMapping, syncing: Syncing, after: timedelta = RETRY_AFTER) -> None:
    """It was not decided: somebody was faster, or nobody knows whether it was done."""
    row.next_attempt_on = syncing.now + after
    _save(row, "next_attempt_on", "retries")


def ask(row: ExchangeSyncIdMapping, question: SyncQuestion, facts: dict[str, Any], now: datetime) -> None:
    """Somebody has to answer first (4.13, 10.1 f, 10.1 k)."""
    row.question, row.question_facts, row.asked_on = question, facts, now
    row.user_decision, row.next_attempt_on = UserDecision.NONE, now
    row.save()


def ask_about_time(row: ExchangeSyncIdMapping, facts: dict[str, Any], now: datetime) -> None:
    """What came in overlaps with what is here (10.3.3): it is looked at again after an answer, or when it changes."""
    row.question, row.question_facts, row.asked_on = SyncQuestion.SCHEDULING_CONFLICT, facts, now
    row.user_decision, row.next_attempt_on, row.retries = UserDecision.NONE, None, 0
    row.save()


def leave_out(row: ExchangeSyncIdMapping) -> None:
    """Somebody has said no to the time at which it came in: it stays out until it takes place at another (10.3.3)."""
    row.to_crm_change_type = row.from_crm_change_type = ChangeType.NONE
    row.next_attempt_on, row.retries = None, 0
    row.save()


def unlink(row: ExchangeSyncIdMapping) -> None:
    """Both stay, each for itself. The row remembers, so that they are not doubled when they meet again (10.1 f)."""
    row.is_unlinked_in_crm = True
    _done(row)


def stay_apart(row: ExchangeSyncIdMapping) -> None:
    """Somebody has said that the two are not to be linked again; nobody asks twice."""
    decision = row.user_decision
    _done(row)
    if decision != UserDecision.NONE:
        row.user_decision = decision
        row.save(update_fields=["user_decision"])


def begin_again(row: ExchangeSyncIdMapping) -> None:
    """What both had agreed on is long ago: they are joined like two that have never met."""
    row.agreed, row.agreed_occurrences, row.agreed_on = {}, {}, None


def begin_deletion(row: ExchangeSyncIdMapping, reason: str) -> None:
    """Before anything is deleted on the server: if nobody learns whether it was done, it is known later that it was us."""
    row.retries += 1
    row.question_facts = {DELETING: reason}
    row.save(update_fields=["retries", "question_facts"])


def forget(row: ExchangeSyncIdMapping) -> None:
    """Both are gone: nothing is left to remember."""
    row.delete()


def note_clashes(
    row: ExchangeSyncIdMapping, clashes: Sequence[Clash], now: datetime, original_start: datetime | None = None
) -> None:
    """What is overwritten although somebody had changed it, field by field (10.1 h). It is noted before the server is
    written to, so that no interruption loses it, and once more afterwards: the same again is the same one."""
    if not clashes:
        return
    open_ones = SyncConflict.objects.filter(mapping=row, original_start=original_start, undone_on=None)
    known = list(open_ones.values_list("field", "before", "ours", "theirs"))
    SyncConflict.objects.bulk_create(
        SyncConflict(
            mapping=row,
            mailbox_id=row.mailbox_id,
            kind=row.kind,
            object_type_id=row.object_type_id,
            object_id=row.object_id,
            original_start=original_start,
            field=one.field,
            before=to_json(one.before),
            ours=to_json(one.ours),
            theirs=to_json(one.theirs),
            taken=one.taken,
            rule=one.rule,
            occurred_on=now,
        )
        for one in clashes
        if (one.field, to_json(one.before), to_json(one.ours), to_json(one.theirs)) not in known
    )


def recycle(row: ExchangeSyncIdMapping, fields: Fields, side: Side, reason: str, now: datetime, days: int) -> None:
    """Keep what is about to be deleted on one side, for so many days (law 9)."""
    RecycledItem.objects.create(
        mailbox_id=row.mailbox_id,
        kind=row.kind,
        object_type_id=row.object_type_id,
        object_id=row.object_id,
        snapshot={"fields": fields_to_json(fields), "occurrences": row.agreed_occurrences},
        deleted_on_side=side,
        reason=reason,
        deleted_on=now,
        expires_on=now + timedelta(days=days),
    )


def hold_deletions(syncing: Syncing, kind: str, side: Side, number: int, out_of: int) -> HeldDeletion:
    """So many deletions at once wait for a person (law 9); one open question, which counts them."""
    return HeldDeletion.objects.update_or_create(
        mailbox=syncing.mailbox,
        kind=kind,
        on_side=side,
        decision=Decision.OPEN,
        defaults={"number": number, "out_of": out_of},
        create_defaults={"number": number, "out_of": out_of, "held_on": syncing.now},
    )[0]
