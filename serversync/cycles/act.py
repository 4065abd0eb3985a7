"""Appointments, contacts and tasks of one mailbox: what changed on either side is noted, then settled pair by pair (10).

for each kind   our side and the server noted (act_listening) → pairs settled (act_pairs) → losses decided (act_losses)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailboxes.lease import Lease
from mailboxes.models import Mailbox
from mailboxes.policy import Policy
from profiles.act_items import ItemKind
from profiles.connectors.item_store import ItemStore
from serversync.cycles.act_listening import Listening
from serversync.cycles.act_losses import Losses
from serversync.cycles.act_pairs import Settling
from serversync.cycles.report import Report
from tracking.facts.act.kinds import Syncing
from tracking.facts.act.pairs import waiting
from tracking.keep.act.templates import give_templates

AT_ONCE = 50
ORDER = (ItemKind.CONTACT, ItemKind.TASK)


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
        zone = getattr(getattr(user, "sync_settings", None), "time_zone", "") or "UTC"
        syncing = Syncing(self.mailbox, user.pk, zone, self.now)
        for kind in ORDER:
            self._kind(kind, syncing)
        return self.report

    def _kind(self, kind: ItemKind, syncing: Syncing) -> None:
        listening = Listening(syncing, kind, self.store, self.lease, self.policy, self.report)
        listening.ours()
        listening.server()
        settling = Settling(syncing, kind, self.store, self.lease, self.policy, self.report)
        losses = Losses(settling)
        losses.count()
        last = None  # newest first: each row once in a cycle, also those that wait again
        while rows := waiting(self.mailbox, kind, self.now, last, AT_ONCE):
            last = rows[-1].pk
            settling.settle(rows, losses.lost)
            if self.lease.elapsed_since(self.now) > self.budget:
                self.report.more = True
                break
        if settling.created:
            listening.echoes(settling.created)
