"""Noting what has changed on either side: rows that ask to be worked on, and how far each side was read (law 1)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mailboxes.models import Leg, Mailbox, MailboxLeg
from profiles.act_items import Item, ItemKind, ItemPage
from profiles.identifiers import uuid7
from tracking.decide.field_maps import RecordKind
from tracking.facts.act.kinds import Record, Syncing, content_type_of, kind_of
from tracking.facts.act.pairs import by_key
from tracking.facts.act.reading import batched
from tracking.models import ChangeType, ExchangeSyncIdMapping, SyncCursor, SyncProgress, SyncQuestion, UserDecision

AT_ONCE = 500
UNREAD = "unread"
"""In `question_facts`: nobody has read the item yet."""
_SERVER = [
    "to_crm_change_type",
    "next_attempt_on",
    "seen_generation",
    "exchange_entry_id",
    "is_deleted_in_exchange",
    "retries",
    "question",
]


def cursor_of(leg_id: int, kind: ItemKind, now: datetime) -> SyncCursor:
    """How far the server was read."""
    return SyncCursor.objects.get_or_create(
        leg_id=leg_id, folder=f"act:{kind}", defaults={"kind": "act", "moved_on": now}
    )[0]


def progress_of(mailbox: Mailbox, kind: ItemKind) -> SyncProgress:
    """How far the kind is synchronized as a whole."""
    return SyncProgress.objects.get_or_create(mailbox=mailbox, kind=kind)[0]


def begin_listing(cursor: SyncCursor, progress: SyncProgress, now: datetime, pin: Callable[[], None]) -> None:
    """Everything is listed anew: what the last page has not shown by then is gone (law 9)."""
    cursor.value, cursor.moved_on = "", now
    progress.generation += 1
    progress.listing_complete_on = None
    with transaction.atomic():
        pin()
        cursor.save(update_fields=["value", "moved_on"])
        progress.save(update_fields=["generation", "listing_complete_on"])


def note_page(
    syncing: Syncing,
    kind: ItemKind,
    page: ItemPage,
    found: Sequence[tuple[Item, ExchangeSyncIdMapping | None]],
    unread: Sequence[str],
    cursor: SyncCursor,
    progress: SyncProgress,
    pin: Callable[[], None],
) -> int:
    """One page of the server's changes, and the cursor that covers it, in one transaction. `found` are the items that no
    mapping had the key of and that are wanted, each with the mapping that it belongs to, if there is one; `unread` the keys
    of those that could not be read. Returns how many rows ask for work now."""
    versions = {one.key: one.version for one in page.shown}
    joined = {row.pk for _, row in found if row is not None}
    with transaction.atomic():
        pin()
        known = by_key(syncing.mailbox, kind, [*versions, *page.gone])
        # What has come back under another key is not gone, although its old key is.
        known = {key: row for key, row in known.items() if row.pk not in joined}
        for key, row in known.items():
            row.seen_generation = progress.generation
            if row.is_unlinked_in_crm:
                row.is_deleted_in_exchange = key not in versions
                continue
            is_known = key in versions and row.server_version == versions[key] and not row.is_deleted_in_exchange
            if is_known and (row.uid or kind is not ItemKind.APPOINTMENT):
                continue
            change = ChangeType.UPDATE if key in versions else ChangeType.DELETE
            _ask(row, change, syncing.now)
        rows = [*known.values(), *(_join(row, item, progress, syncing.now) for item, row in found if row is not None)]
        ExchangeSyncIdMapping.objects.bulk_update(rows, _SERVER, batch_size=AT_ONCE)
        new = [
            _new(syncing, kind, item.key, item.uid, progress.generation, item.modified_on)
            for item, row in found
            if row is None
        ]
        new += [_unread(syncing, kind, key, progress.generation) for key in unread]
        ExchangeSyncIdMapping.objects.bulk_create(new, batch_size=AT_ONCE)
        if page.complete:
            note_missing(syncing, kind, progress)
        cursor.value, cursor.moved_on = page.cursor, syncing.now
        cursor.save(update_fields=["value", "moved_on"])
    return len(new) + sum(row.to_crm_change_type != ChangeType.NONE for row in rows)


def _ask(row: ExchangeSyncIdMapping, change: ChangeType, now: datetime) -> None:
    row.to_crm_change_type, row.next_attempt_on, row.retries = change, now, 0
    row.is_deleted_in_exchange = change == ChangeType.DELETE


def _join(row: ExchangeSyncIdMapping, item: Item, progress: SyncProgress, now: datetime) -> ExchangeSyncIdMapping:
    """An item that we made and whose key we were never told, or that came back under another key."""
    row.exchange_entry_id, row.seen_generation = item.key, progress.generation
    _ask(row, ChangeType.UPDATE, now)
    if row.question == SyncQuestion.DELETE_IN_CRM:  # it is there again: nobody is asked any more
        row.question = SyncQuestion.NONE
    return row


def _new(
    syncing: Syncing, kind: ItemKind, key: str, uid: str, generation: int, changed_on: datetime | None
) -> ExchangeSyncIdMapping:
    pk = uuid7(changed_on)
    return ExchangeSyncIdMapping(
        id=pk,
        owner_id=syncing.user_id,
        mailbox=syncing.mailbox,
        kind=kind,
        exchange_entry_id=key,
        uid=uid[:300],
        mark=pk.hex,
        to_crm_change_type=ChangeType.CREATE,
        next_attempt_on=syncing.now,
        seen_generation=generation,
    )


def _unread(syncing: Syncing, kind: ItemKind, key: str, generation: int) -> ExchangeSyncIdMapping:
    """An item that could not be read: whether it is wanted is decided as soon as it can be (law 5)."""
    row = _new(syncing, kind, key, "", generation, None)
    row.question_facts = {UNREAD: True}
    return row


def note_missing(syncing: Syncing, kind: ItemKind, progress: SyncProgress) -> None:
    """After a complete listing: what it has not shown is gone from the server."""
    rows = ExchangeSyncIdMapping.objects.filter(
        mailbox=syncing.mailbox, kind=kind, seen_generation__lt=progress.generation, is_deleted_in_exchange=False
    )
    _note_gone(rows.exclude(exchange_entry_id=""), syncing.now)
    progress.listing_complete_on = syncing.now
    progress.save(update_fields=["listing_complete_on"])


def note_gone(syncing: Syncing, kind: ItemKind, keys: Collection[str]) -> None:
    """These items are gone from the server."""
    rows = ExchangeSyncIdMapping.objects.filter(mailbox=syncing.mailbox, kind=kind, exchange_entry_id__in=keys)
    _note_gone(rows, syncing.now)


def _note_gone(rows: QuerySet[ExchangeSyncIdMapping], now: datetime) -> None:
    """What is unlinked is nobody's question; the row remembers that the item is gone."""
    rows.filter(is_unlinked_in_crm=True).update(is_deleted_in_exchange=True)
    rows.filter(is_unlinked_in_crm=False).update(
        to_crm_change_type=ChangeType.DELETE, is_deleted_in_exchange=True, next_attempt_on=now, retries=0
    )


def note_new_records(kind: RecordKind, records: QuerySet[Any], syncing: Syncing) -> int:
    """Records that a filter lets through and that have no mapping yet: each gets one, which asks for an item on the
    server. Call it inside the transaction that moves the watermark. Returns how many there were."""
    type_id, made = content_type_of(kind).pk, 0
    columns = ("global_object_id",) if kind in (RecordKind.APPOINTMENT, RecordKind.SERIES) else ()
    told = {str(pk): ("".join(uid), on) for pk, on, *uid in records.values_list("pk", "modified_on", *columns)}
    for keys in batched(told):
        rows = ExchangeSyncIdMapping.objects.filter(
            owner_id=syncing.user_id, object_type_id=type_id, object_id__in=keys
        ).exclude(object_id="")
        known = set(rows.values_list("object_id", flat=True))
        _note_returned(rows, syncing.now)
        new = [_of_record(key, *told[key], kind, syncing) for key in keys if key not in known]
        ExchangeSyncIdMapping.objects.bulk_create(new, batch_size=AT_ONCE)
        made += len(new)
    return made


def _note_returned(rows: QuerySet[ExchangeSyncIdMapping], now: datetime) -> None:
    """What was linked before and is wanted again, while its item is still there: linked again, or asked about (10.1 f).
    Whoever said no is not asked again."""
    apart = rows.filter(is_unlinked_in_crm=True, is_deleted_in_exchange=False, question=SyncQuestion.NONE)
    apart = apart.exclude(exchange_entry_id="").exclude(user_decision=UserDecision.NO)
    apart.update(from_crm_change_type=ChangeType.UPDATE, next_attempt_on=now, retries=0)


def note_progress(progress: SyncProgress, total: int, waits: int, now: datetime, *, is_over: bool = True) -> None:
    """How far the first synchronization is: of so many pairs so many have never been worked on. Both are counted, never
    added up, so that an interruption counts nothing twice. `is_over`: all that there is has been noted."""
    if progress.finished_on is not None:
        return
    progress.started_on = progress.started_on or now
    progress.total, progress.done = total, total - waits
    progress.finished_on = now if is_over and not waits else None
    progress.save(update_fields=["started_on", "total", "done", "finished_on"])


def note_for_caller(record: Record, mailbox: Mailbox, now: datetime) -> None:
    """The mailbox of who calls a meeting keeps it the same from now on, whatever its filters want (10.2.4, 10.3.6)."""
    kind, caller = kind_of(record), mailbox.regarding_user_id
    assert caller is not None
    uid = getattr(record, "global_object_id", "")
    row = _of_record(str(record.pk), uid, now, kind, Syncing(mailbox, caller, "UTC", now))
    row.came_by_filter = False
    rows = ExchangeSyncIdMapping.objects.filter(owner_id=caller, object_type=row.object_type, object_id=row.object_id)
    if not rows.exclude(object_id="").exists():
        row.save(force_insert=True)
    MailboxLeg.objects.filter(mailbox=mailbox, leg=Leg.ACT, enabled=True).request(now)


def _of_record(key: str, uid: str, changed_on: datetime, kind: RecordKind, syncing: Syncing) -> ExchangeSyncIdMapping:
    pk = uuid7(changed_on)  # the newest first, on both sides (10.1 f)
    return ExchangeSyncIdMapping(
        id=pk,
        owner_id=syncing.user_id,
        mailbox=syncing.mailbox,
        kind=kind.item_kind,
        object_type=content_type_of(kind),
        object_id=key,
        mark=pk.hex,
        uid=uid,
        came_by_filter=True,
        from_crm_change_type=ChangeType.CREATE,
        next_attempt_on=syncing.now,
    )


def note_changed_records(rows: Collection[ExchangeSyncIdMapping], now: datetime) -> None:
    """Records of these mappings have changed; `crm_modified_on` says when, so that it is noted once."""
    _note_records(rows, ChangeType.UPDATE, now)


def note_lost_records(rows: Collection[ExchangeSyncIdMapping], now: datetime) -> None:
    """Records of these mappings are no longer for their user."""
    _note_records(rows, ChangeType.DELETE, now)


def _note_records(rows: Collection[ExchangeSyncIdMapping], change: ChangeType, now: datetime) -> None:
    for row in rows:
        row.from_crm_change_type, row.next_attempt_on = change, now
        # An attempt to make the item may have left something there: it is looked for first (law 7).
        row.retries = 0 if row.exchange_entry_id else min(row.retries, 1)
    columns = ["from_crm_change_type", "next_attempt_on", "retries", "crm_modified_on"]
    ExchangeSyncIdMapping.objects.bulk_update(rows, columns, batch_size=AT_ONCE)


def note_deleted_record(type_id: int, record_id: str, now: datetime) -> None:
    """A record is gone: whoever has a copy on a server is asked about it in the next cycle (10.1 i)."""
    rows = ExchangeSyncIdMapping.objects.filter(object_type_id=type_id, object_id=record_id)
    changed = rows.update(from_crm_change_type=ChangeType.DELETE, next_attempt_on=now, retries=0)
    if changed:
        mailboxes = ExchangeSyncIdMapping.objects.filter(object_type_id=type_id, object_id=record_id).values(
            "mailbox_id"
        )
        MailboxLeg.objects.filter(mailbox_id__in=mailboxes, leg=Leg.ACT).request(now)
