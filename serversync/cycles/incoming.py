"""The incoming cycle: DISCOVER, SETTLE, ACKNOWLEDGE (design.md, "How a message flows").

Network calls happen between transactions, never inside one. Killed anywhere, the next run goes on where the last
commit left off: what was shown is in the ledger, what is pending is judged, what is decided is acknowledged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailboxes.lease import Lease
from mailboxes.models import Mailbox
from mailboxes.policy import Policy
from profiles.connectors.base import MailSource, ResyncRequired
from profiles.items import INBOX, SENT
from serversync.cycles.report import Report
from serversync.cycles.settling import Settling
from serversync.cycles.unpacking import Unpacking
from tracking.facts.batch import start_of
from tracking.keep.acknowledge import acknowledge_batch, next_acknowledgements
from tracking.keep.discover import forget_cursor, record_page, sweep
from tracking.keep.pending import anything_waits, next_batch
from tracking.models import SyncCursor


@dataclass(slots=True)
class Incoming:
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
    report: Report = field(default_factory=Report)

    def run(self) -> Report:
        """All stages once. Raises ConnectorError and LeaseLost; everything committed before stays."""
        self.discover(INBOX)
        if self.has_sent_items and self.policy.auto_track_sent_folder_items:  # 5.3
            self.discover(SENT)
        self.settle()
        self.acknowledge()
        return self.report

    def discover(self, folder: str) -> None:
        """Write down every item the server shows, page by page, each with the cursor that covers it."""
        cursor = self._cursor(folder)
        try:
            self._read_changes(cursor)
        except ResyncRequired:
            forget_cursor(cursor, self.now, self.lease.pin)
            self._read_changes(cursor)
        if cursor.sweep_from is not None and not self.report.more:
            listed = {item.key for item in self.source.listing(folder)}
            sweep(cursor, self.mailbox.pk, listed, self.now, self.lease.pin)

    def _read_changes(self, cursor: SyncCursor) -> None:
        start = start_of(self.mailbox)
        for page in self.source.changes(cursor.folder, cursor.value):
            if page.cursor == cursor.value and not page.shown and not page.gone:
                return  # an idle poll writes nothing
            found = record_page(cursor, self.mailbox.pk, page, start, self.policy, self.now, self.lease.pin)
            self.report.seen += found.new
            self.report.ignored += found.wishes.untracked
            if page.more and self._time_is_up():
                self.report.more = True
                return

    def _time_is_up(self) -> bool:
        return self.lease.elapsed_since(self.now) > self.budget

    def _cursor(self, folder: str) -> SyncCursor:
        cursor, _ = SyncCursor.objects.get_or_create(
            leg_id=self.lease.claim.leg_id,
            folder=folder,
            defaults={"kind": type(self.source).__name__[:16], "moved_on": self.now},
        )
        return cursor

    def settle(self) -> None:
        """Judge and keep what is pending, oldest first, until nothing is left or the budget is used up."""
        if self.mailbox.is_forward_mailbox:
            self._unpack()
            return
        if not anything_waits(self.mailbox):
            return
        self._settle_folder(INBOX)
        if self.has_sent_items and not self.report.more:
            self._settle_folder(SENT)

    def _settle_folder(self, folder: str) -> None:
        settling = Settling(
            self.mailbox,
            self.source,
            self.lease,
            self.policy,
            self.now,
            self.report,
            transport_gives_raw=self.transport_gives_raw,
            can_categorize=self.can_categorize,
            outgoing=folder == SENT,
        )
        while batch := next_batch(self.mailbox, folder, self.now):
            settling.settle(batch)
            if self._time_is_up():
                self.report.more = True
                return

    def _unpack(self) -> None:
        """8: what was carried to others is settled for them, first what an earlier cycle left."""
        unpacking = Unpacking(
            self.mailbox,
            self.source,
            self.lease,
            self.policy,
            self.now,
            self.report,
            transport_gives_raw=self.transport_gives_raw,
            can_categorize=self.can_categorize,
        )
        unpacking.settle_carried(self._time_is_up)
        if not anything_waits(self.mailbox):
            return
        while not self.report.more and (batch := next_batch(self.mailbox, INBOX, self.now)):
            unpacking.settle(batch)
            unpacking.settle_carried(self._time_is_up)

    def acknowledge(self) -> None:
        """Tell the server, from rows and after the commit, what was decided (5.23, 5.24), if it may be told anything."""
        if not (self.can_categorize or self.mailbox.process_and_delete_emails):
            return
        after = 0
        while batch := next_acknowledgements(self.mailbox, after, self.policy, self.now):
            acknowledge_batch(batch, self.source, self.policy, self.now, self.lease.pin)
            after = batch[-1].pk
