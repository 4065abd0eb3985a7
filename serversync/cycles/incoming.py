"""The incoming cycle: DISCOVER, SETTLE, ACKNOWLEDGE (design.md, "How a message flows").

Network calls happen between transactions, never inside one. Killed anywhere, the next run goes on where the last
commit left off: what was shown is in the ledger, what is pending is judged, what is decided is acknowledged.
"""

from __future__ import annotations

from profiles.items import INBOX, SENT
from serversync.cycles.folders import Following
from serversync.cycles.reading import Reading
from serversync.cycles.report import Report
from serversync.cycles.unpacking import Unpacking
from tracking.keep.acknowledge import acknowledge_batch, next_acknowledgements
from tracking.keep.pending import anything_waits, next_batch
from tracking.keep.sent_items import stop_reading_sent


class Incoming(Reading):
    """One run over one mailbox."""

    def run(self) -> Report:
        """All stages once. Raises ConnectorError and LeaseLost; everything committed before stays."""
        self.discover(INBOX)
        if self.has_sent_items:  # 5.3
            self._read_sent_items()
        self.settle()
        self.acknowledge()
        if self.has_folders and not self.report.more and Following(self).run():  # 9: fresh mail before earlier mail
            self.acknowledge()
        return self.report

    def _read_sent_items(self) -> None:
        if self.policy.auto_track_sent_folder_items:
            self.discover(SENT)
        else:
            stop_reading_sent(self.lease.claim.leg_id, self.mailbox, self.now, self.lease.pin)

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
        settling = self.settling(outgoing=folder == SENT)
        while batch := next_batch(self.mailbox, folder, self.now):
            settling.settle(batch)
            if self.time_is_up():
                self.report.more = True
                return

    def _unpack(self) -> None:
        """8: what was carried to others is settled for them, first what an earlier cycle left."""
        unpacking = self.settling_as(Unpacking)
        unpacking.settle_carried(self.time_is_up)
        if not anything_waits(self.mailbox):
            return
        while not self.report.more and (batch := next_batch(self.mailbox, INBOX, self.now)):
            unpacking.settle(batch)
            unpacking.settle_carried(self.time_is_up)

    def acknowledge(self) -> None:
        """Tell the server, from rows and after the commit, what was decided (5.23, 5.24), if it may be told anything."""
        if not (self.can_categorize or self.mailbox.process_and_delete_emails):
            return
        after = 0
        while batch := next_acknowledgements(self.mailbox, after, self.policy, self.now):
            acknowledge_batch(batch, self.source, self.policy, self.now, self.lease.pin)
            after = batch[-1].pk
