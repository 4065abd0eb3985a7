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
from profiles.act_items import Item, ItemKind, ItemPage
from profiles.connectors.base import ResyncRequired
from profiles.connectors.item_store import ItemStore
from serversync.cycles.report import Report
from tracking.decide.field_maps import RecordKind
from tracking.decide.filters import Asking, Together, stored
from tracking.facts.act.filters import wanted
from tracking.facts.act.kinds import Syncing, content_type_of, record_kinds
from tracking.facts.act.pairs import by_key, by_mark, by_uid
from tracking.facts.act.reading import filters_for, mapped_and_changed, wanted_since
from tracking.keep.act.noting import (
    begin_listing,
    cursor_of,
    note_changed_records,
    note_gone,
    note_lost_records,
    note_new_records,
    note_page,
    progress_of,
)
from tracking.models import ExchangeSyncIdMapping, SyncCursor, SyncProgress, UserDecision

Found = tuple[Item, ExchangeSyncIdMapping | None]


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

    def anew(self) -> None:
        """Everything is listed again: something is in it that nobody could know before."""
        cursor = cursor_of(self.lease.claim.leg_id, self.kind, self.syncing.now)
        begin_listing(cursor, progress_of(self.syncing.mailbox, self.kind), self.syncing.now, self.lease.pin)
        self.server()

    def _pages(self, cursor: SyncCursor, progress: SyncProgress) -> None:
        for page in self.store.changes(self.kind, cursor.value):
            self.lease.progress()
            self.shown |= {one.key for one in page.shown}
            self.report.seen += len(page.shown)
            note_page(self.syncing, self.kind, page, self._strangers(page), cursor, progress, self.lease.pin)

    def echoes(self, created: Collection[str]) -> None:
        """What we have just made comes back. A server does not tell of what was made and deleted since its cursor: what does
        not come back is gone already."""
        self.shown.clear()
        self.server()
        gone = set(created) - self.shown
        if gone:
            with transaction.atomic():
                self.lease.pin()
                note_gone(self.syncing, self.kind, gone)

    def _strangers(self, page: ItemPage) -> list[Found]:
        """The items whose keys nobody knows and that are wanted, with the mapping they belong to."""
        known = by_key(self.syncing.mailbox, self.kind, [one.key for one in page.shown])
        keys = [one.key for one in page.shown if one.key not in known]
        if not keys:
            return []
        items = [one for one in self.store.fetch(self.kind, keys) if isinstance(one, Item)]
        marked = by_mark(self.syncing.mailbox, [one.mark for one in items])
        meetings = by_uid(self.syncing.mailbox, [one.uid for one in items])
        found: list[Found] = []
        for item in items:
            row = marked.get(item.mark) or meetings.get(item.uid)
            if row is None and self._is_tracked(item):
                found.append((item, None))
            elif row is not None and self._has_lost_its_item(row):
                found.append((item, row))
        return found

    def _is_tracked(self, item: Item) -> bool:
        """10.1 d: what bears the category, or whole calendars by setting; never what a person has copied from ours (10.1 j)."""
        if item.mark or item.is_copy:
            return False
        if not item.is_organizer and not self.policy.track_appointments_from_non_organizer:  # 10.3.6
            return False
        wanted_name = self.policy.tracked_category.casefold()
        if wanted_name in (name.casefold() for name in item.categories):
            return True
        whole = self.kind is ItemKind.APPOINTMENT and self.policy.track_all_appointments_from_exchange
        return whole and not item.fields.get("is_private")

    def _has_lost_its_item(self, row: ExchangeSyncIdMapping) -> bool:
        """Our mark on another item than the one we know is a copy of it, unless that one is gone. What was unlinked comes
        back as a question (10.1 f), but for who has said no."""
        if row.is_unlinked_in_crm and row.user_decision == UserDecision.NO:
            return False
        return not row.exchange_entry_id or row.is_deleted_in_exchange

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
        note_new_records(wanted_since(kind, filters, self.syncing, since).order_by("modified_on", "pk"), self.syncing)
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
        kept = {str(pk) for pk in wanted(kind, filters, asking).filter(pk__in=ids).values_list("pk", flat=True)}
        # What came from the server and no filter ever wanted stays linked for as long as it is there (10.1 d).
        lost = [row for row in rows if row.object_id not in kept and row.came_by_filter]
        note_lost_records(lost, self.syncing.now)
        # A meeting whose invitation has not come yet is waited for, whatever changes in it.
        waited_for = [row for row in rows if row.uid and not row.exchange_entry_id]
        note_changed_records([row for row in rows if row not in (*lost, *waited_for)], self.syncing.now)

    def _left_by_filter(self, kind: RecordKind, filters: list[Together]) -> None:
        """A filter was changed: what it no longer lets through is unlinked (10.1 b)."""
        asking = Asking(str(self.syncing.user_id), self.syncing.now)
        kept = {str(pk) for pk in wanted(kind, filters, asking).values_list("pk", flat=True)}
        rows = ExchangeSyncIdMapping.objects.filter(
            mailbox=self.syncing.mailbox, object_type=content_type_of(kind), is_unlinked_in_crm=False
        )
        note_lost_records([row for row in rows if row.object_id not in kept and row.came_by_filter], self.syncing.now)


def _fingerprint(filters: dict[RecordKind, list[Together]]) -> str:
    said: Sequence[object] = [(kind.value, [stored(one) for one in some]) for kind, some in filters.items()]
    return hashlib.blake2b(repr(said).encode(), digest_size=20).hexdigest()
