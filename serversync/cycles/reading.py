"""DISCOVER one folder of a mailbox, and what every stage of an incoming cycle needs for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from mailboxes.lease import Lease
from mailboxes.models import Mailbox
from mailboxes.policy import Policy
from profiles.connectors.base import MailSource, ResyncRequired
from profiles.items import SENT
from serversync.cycles.report import Report
from serversync.cycles.settling import Settling
from tracking.facts.batch import start_of
from tracking.facts.sent_items import sent_start_of
from tracking.keep.discover import forget_cursor, record_page, sweep
from tracking.keep.sent_items import note_sent_since
from tracking.models import SyncCursor

S = TypeVar("S", bound=Settling)


@dataclass(slots=True)
class Reading:
    """One run over one mailbox. `budget` bounds the time spent before others get their turn."""

    mailbox: Mailbox
    source: MailSource
    lease: Lease
    policy: Policy
    now: datetime
    transport_gives_raw: bool
    can_categorize: bool
    budget: timedelta = timedelta(seconds=60)
    has_sent_items: bool = False
    has_folders: bool = False
    report: Report = field(default_factory=Report)

    def discover(self, folder: str, folder_rule: UUID | None = None, most: int | None = None) -> bool:
        """Write down every item the server shows, page by page, each with the cursor that covers it. `folder_rule` is the
        rule of a tracked folder, `most` the number of items after which it is enough for now. Returns whether the folder
        was read to the end."""
        cursor = self._cursor(folder)
        try:
            finished = self._read_changes(cursor, folder_rule, most)
        except ResyncRequired:
            forget_cursor(cursor, self.now, self.lease.pin)
            finished = self._read_changes(cursor, folder_rule, most)
        if cursor.sweep_from is not None and finished:
            listed = {item.key for item in self.source.listing(folder)}
            sweep(cursor, self.mailbox.pk, listed, self.now, self.lease.pin)
        return finished

    def _read_changes(self, cursor: SyncCursor, folder_rule: UUID | None, most: int | None) -> bool:
        start = self._start(cursor) if folder_rule is None else None  # 9.3: old messages as well
        shown = 0
        for page in self.source.changes(cursor.folder, cursor.value):
            if page.cursor == cursor.value and not page.shown and not page.gone:
                return True  # an idle poll writes nothing
            pin, mailbox_id = self.lease.pin, self.mailbox.pk
            found = record_page(cursor, mailbox_id, page, start, self.policy, self.now, pin, folder_rule)
            self.report.seen += found.new
            self.report.ignored += found.wishes.untracked
            shown += len(page.shown)
            if page.more and (self.time_is_up() or (most is not None and shown >= most)):
                self.report.more = True
                return False
        return True

    def _start(self, cursor: SyncCursor) -> datetime | None:
        """2.10; without a start date Sent Items begin when they are switched on, not years ago (5.3)."""
        if cursor.folder != SENT:
            return start_of(self.mailbox)
        start = sent_start_of(self.mailbox, cursor.leg_id)
        return start or note_sent_since(cursor, self.now, self.lease.pin)

    def time_is_up(self) -> bool:
        """Whether others are to get their turn."""
        return self.lease.elapsed_since(self.now) > self.budget

    def settling(self, *, outgoing: bool = False, rules: Mapping[str, UUID] | None = None) -> Settling:
        """What settles the batches of one folder, or of several tracked ones with the rule of each."""
        return self.settling_as(Settling, outgoing=outgoing, rules=rules or {})

    def settling_as(self, kind: type[S], **more: Any) -> S:
        """Settling of one kind, over this mailbox and in this run."""
        return kind(
            self.mailbox,
            self.source,
            self.lease,
            self.policy,
            self.now,
            self.report,
            transport_gives_raw=self.transport_gives_raw,
            can_categorize=self.can_categorize,
            **more,
        )

    def _cursor(self, folder: str) -> SyncCursor:
        cursor, _ = SyncCursor.objects.get_or_create(
            leg_id=self.lease.claim.leg_id,
            folder=folder,
            defaults={"kind": type(self.source).__name__[:16], "moved_on": self.now},
        )
        return cursor
