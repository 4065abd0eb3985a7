"""Appointments, contacts and tasks of one mailbox: what changed on either side is noted, then settled pair by pair (10).

for each kind   our side and the server noted (act_listening) → pairs settled (act_pairs) → losses decided (act_losses)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import transaction

from mailboxes.alarms import close_alerts
from mailboxes.lease import Lease
from mailboxes.models import Mailbox
from mailboxes.policy import Policy
from profiles.act_items import ItemKind
from profiles.connectors.item_store import ItemStore
from serversync.cycles.act_bookings import TIME_TAKEN
from serversync.cycles.act_listening import Listening
from serversync.cycles.act_losses import Losses, held_cause
from serversync.cycles.act_meetings import MAIL_HELD
from serversync.cycles.act_pairs import Settling
from serversync.cycles.report import Report
from tracking.decide.merge import Side
from tracking.facts.act.bookings import is_asked_about_time
from tracking.facts.act.kinds import Syncing
from tracking.facts.act.pairs import first_run, waiting
from tracking.keep.act.files import files_taken
from tracking.keep.act.noting import note_progress, progress_of
from tracking.keep.act.templates import give_templates
from tracking.models import HeldWrite
from tracking.models.reversible import Decision

AT_ONCE = 50
ORDER = (ItemKind.CONTACT, ItemKind.APPOINTMENT, ItemKind.TASK)


@dataclass(slots=True)
class Act:
    """One run over one mailbox of a user (10.1 a)."""

    mailbox: Mailbox
    store: ItemStore
    lease: Lease
    policy: Policy
    now: datetime
    budget: timedelta = timedelta(seconds=60)
    report: Report = field(default_factory=Report)

    def run(self) -> Report:
        """All kinds. Raises ConnectorError for trouble that concerns the whole mailbox, and LeaseLost."""
        user = self.mailbox.regarding_user
        if user is None:
            return self.report
        give_templates(user)
        syncing = replace(Syncing.of(self.mailbox, self.now), takes_file=files_taken(self.policy))
        held: set[str] = set()
        for kind in ORDER:
            held |= self._kind(kind, syncing)
        self._close_alerts(held)
        return self.report

    def _close_alerts(self, held: set[str]) -> None:
        """What nobody has to decide about any more."""
        causes = {held_cause(kind, side) for kind in ORDER for side in Side} - held
        if not HeldWrite.objects.filter(mailbox=self.mailbox, decision=Decision.OPEN).exists():
            causes.add(MAIL_HELD)
        if not is_asked_about_time(self.mailbox):
            causes.add(TIME_TAKEN)
        with transaction.atomic():
            self.lease.pin()
            close_alerts(self.mailbox, sorted(causes), self.now)

    def _kind(self, kind: ItemKind, syncing: Syncing) -> set[str]:
        """Returns the causes of the alerts about deletions that wait."""
        listening = Listening(syncing, kind, self.store, self.lease, self.policy, self.report)
        listening.ours()
        listening.server()
        settling = Settling(syncing, kind, self.store, self.lease, self.policy, self.report)
        losses = Losses(settling)
        losses.count()
        self._settle(kind, settling, losses)
        if settling.created:
            listening.echoes(settling.created)
        return {held_cause(kind, side) for side in losses.held}

    def _note_progress(self, kind: ItemKind) -> None:
        progress = progress_of(self.mailbox, kind)
        if progress.finished_on is None:
            with transaction.atomic():
                self.lease.pin()
                note_progress(progress, *first_run(self.mailbox, kind, self.now), self.now)

    def _settle(self, kind: ItemKind, settling: Settling, losses: Losses) -> None:
        """What is on the server comes first: it may be what would be made there otherwise (10.1 f)."""
        self._note_progress(kind)
        for there in (True, False):
            last = None  # newest first: each row once in a cycle, also those that wait again
            while rows := waiting(self.mailbox, kind, self.now, there=there, before=last, limit=AT_ONCE):
                last = rows[-1].pk
                settling.settle(rows, losses.lost)
                self._note_progress(kind)
                if self.lease.elapsed_since(self.now) > self.budget:
                    self.report.more = True
                    return
