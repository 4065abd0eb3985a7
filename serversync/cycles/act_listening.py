"""What has changed on either side since the last cycle, noted before anything is done about it (10.1).

the server   pages of changes, each with the cursor that covers it; unknown items are looked at once: ours, tracked, or not
our side     records changed since the watermark that a filter lets through or that are linked; all of them after a filter
             has changed. An idle cycle asks a fixed number of questions, however much is linked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from mailboxes.lease import Lease
from mailboxes.policy import Policy
from profiles.act_items import ItemKind
from profiles.connectors.base import ResyncRequired
from profiles.connectors.item_store import ItemStore
from serversync.cycles.act_meetings import is_past
from serversync.cycles.act_strangers import Strangers
from serversync.cycles.report import Report
from tracking.decide.field_maps import RecordKind
from tracking.decide.filters import Asking, Together, stored
from tracking.facts.act.filters import wanted
from tracking.facts.act.kinds import Syncing, content_type_of, record_kinds
from tracking.facts.act.pairs import first_run, leaving
from tracking.facts.act.reading import batched, filters_for, mapped_and_changed, records_of, values_of, wanted_since
from tracking.keep.act.noting import (
    begin_listing,
    cursor_of,
    note_changed_records,
    note_gone,
    note_lost_records,
    note_new_records,
    note_page,
    note_progress,
    progress_of,
)
from tracking.models import ChangeType, ExchangeSyncIdMapping, SyncCursor, SyncProgress


@dataclass
class Listening:
    """Both sides of one kind in one mailbox."""

    syncing: Syncing
    kind: ItemKind
    store: ItemStore
    lease: Lease
    policy: Policy
    report: Report
    shown: set[str] = field(default_factory=set)

    def server(self) -> None:
        """Note what the server shows. Raises ConnectorError and LeaseLost."""
        cursor = cursor_of(self.lease.claim.leg_id, self.kind, self.syncing.now)
        progress = progress_of(self.syncing.mailbox, self.kind)
        if cursor.value and progress.listing_complete_on is None:
            # The listing was interrupted: what it has shown so far does not say what is gone.
            begin_listing(cursor, progress, self.syncing.now, self.lease.pin)
        try:
            self._pages(cursor, progress)
        except ResyncRequired:
            begin_listing(cursor, progress, self.syncing.now, self.lease.pin)
            self._pages(cursor, progress)

    def _pages(self, cursor: SyncCursor, progress: SyncProgress) -> None:
        strangers = Strangers(self.syncing, self.kind, self.store, self.policy)
        for page in self.store.changes(self.kind, cursor.value):
            self.lease.progress()
            self.shown |= {one.key for one in page.shown}
            self.report.seen += len(page.shown)
            found, unread = strangers.on(page)
            note_page(self.syncing, self.kind, page, found, unread, cursor, progress, self.lease.pin)
            self._note_first_run(progress)

    def _note_first_run(self, progress: SyncProgress) -> None:
        """A long first listing shows how much it has found so far (10.1 f)."""
        if progress.finished_on is None:
            counted = first_run(self.syncing.mailbox, self.kind, self.syncing.now)
            with transaction.atomic():
                self.lease.pin()
                note_progress(progress, *counted, self.syncing.now, is_over=False)

    def echoes(self, created: Collection[str]) -> None:
        """What we have just made comes back. A server does not tell of what was made and deleted since its cursor: what does
        not come back is gone already."""
        self.shown.clear()
        self.server()
        gone = set(created) - self.shown  # if it is there all the same, the pair is read and agrees
        if gone:
            with transaction.atomic():
                self.lease.pin()
                note_gone(self.syncing, self.kind, gone)

    # Our side

    def ours(self) -> None:
        """Note which records have changed, come or gone for the user (10.1 b)."""
        progress = progress_of(self.syncing.mailbox, self.kind)
        filters = filters_for(self.kind, self.syncing)
        mark = _fingerprint(filters)
        everything = mark != progress.filters_fingerprint
        with transaction.atomic():
            self.lease.pin()
            for kind in record_kinds(self.kind):
                self._records(kind, filters[kind], progress, everything)
            progress.crm_seen_until, progress.filters_fingerprint = self.syncing.now, mark
            progress.save(update_fields=["crm_seen_until", "filters_fingerprint"])

    def _records(self, kind: RecordKind, filters: list[Together], progress: SyncProgress, everything: bool) -> None:
        since = None if everything else progress.crm_seen_until
        records = wanted_since(kind, filters, self.syncing, since).order_by("modified_on", "pk")
        note_new_records(kind, records, self.syncing)
        if progress.crm_seen_until is not None:
            self._changed(kind, filters, progress)
        if everything and progress.filters_fingerprint:
            self._left_by_filter(kind, filters)

    def _changed(self, kind: RecordKind, filters: list[Together], progress: SyncProgress) -> None:
        assert progress.crm_seen_until is not None
        pairs = mapped_and_changed(kind, self.syncing, progress.crm_seen_until)
        rows = [row for row, changed_on in pairs if row.crm_modified_on != changed_on and not row.is_unlinked_in_crm]
        if not rows:
            return
        changed = {row.pk: changed_on for row, changed_on in pairs}
        for row in rows:
            row.crm_modified_on = changed[row.pk]
        ids = [row.object_id for row in rows]
        asking = Asking(str(self.syncing.user_id), self.syncing.now)
        those = (wanted(kind, filters, asking).filter(pk__in=keys) for keys in batched(ids))
        kept = {str(pk) for some in those for pk in some.values_list("pk", flat=True)}
        # What came from the server and no filter ever wanted stays linked for as long as it is there (10.1 d).
        lost = [row for row in rows if row.object_id not in kept and row.came_by_filter]
        lost += [row for row in self._leaving(rows) if row not in lost]
        note_lost_records(lost, self.syncing.now)
        # A meeting whose invitation has not come yet is waited for, whatever changes in it.
        waited_for = [row for row in rows if row.uid and not row.exchange_entry_id]
        note_changed_records([row for row in rows if row not in (*lost, *waited_for)], self.syncing.now)

    def _leaving(self, rows: list[ExchangeSyncIdMapping]) -> list[ExchangeSyncIdMapping]:
        """Meetings to come whose items have to leave the calendar, as if they were deleted here: many of them at once wait
        for a person (law 9)."""
        linked = [row for row in rows if row.exchange_entry_id and self.kind is ItemKind.APPOINTMENT]
        records = records_of(linked)
        return [
            row
            for row in linked
            if leaving(record := records.get(row.object_id), row, self.syncing, self.policy)
            and record is not None
            and not is_past(values_of(record, self.syncing), self.syncing.now)
        ]

    def _left_by_filter(self, kind: RecordKind, filters: list[Together]) -> None:
        """A filter was changed: what it no longer lets through is unlinked (10.1 b), and what it lets through again stays,
        unless its item has to leave for another reason."""
        asking = Asking(str(self.syncing.user_id), self.syncing.now)
        kept = {str(pk) for pk in wanted(kind, filters, asking).values_list("pk", flat=True)}
        rows = ExchangeSyncIdMapping.objects.filter(
            mailbox=self.syncing.mailbox,
            object_type=content_type_of(kind),
            is_unlinked_in_crm=False,
            came_by_filter=True,
        )
        told = rows.defer("agreed", "agreed_occurrences")
        note_lost_records([row for row in told if row.object_id not in kept], self.syncing.now)
        again = [row for row in rows.filter(from_crm_change_type=ChangeType.DELETE) if row.object_id in kept]
        leave = self._leaving(again)
        note_changed_records([row for row in again if row not in leave], self.syncing.now)


def _fingerprint(filters: dict[RecordKind, list[Together]]) -> str:
    said: Sequence[object] = [(kind.value, [stored(one) for one in some]) for kind, some in filters.items()]
    return hashlib.blake2b(repr(said).encode(), digest_size=20).hexdigest()
