"""MailboxLeg: what the engine writes about one workload of one mailbox (4.1–4.5). No form ever saves one."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.db.models import F, Q

from profiles.statements import Change

if TYPE_CHECKING:
    from mailboxes.models.mailbox import Mailbox

LEASE = timedelta(seconds=45)


class Leg(models.IntegerChoices):
    """The three workloads; numbers as `operationtypeid` of the entity model."""

    INCOMING = 0, "Incoming email"
    OUTGOING = 1, "Outgoing email"
    ACT = 2, "Appointments, contacts and tasks"


class LegStatus(models.IntegerChoices):
    """3.9"""

    NOT_RUN = 0, "Not run"
    SUCCESS = 1, "Success"
    FAILURE = 2, "Failure"


@dataclass(frozen=True, slots=True)
class Claim:
    """Proof that this worker holds a leg: valid while the row still carries the same fence (law 6)."""

    leg_id: int
    mailbox_id: UUID
    leg: Leg
    fence: int
    due_on: datetime | None


class LeaseLost(Exception):
    """Another worker holds the leg now: whatever this one was about to write must not be written."""


class MailboxLegQuerySet(models.QuerySet["MailboxLeg"]):
    """Claiming by conditional update (law 6)."""

    def due(self, now: datetime) -> MailboxLegQuerySet:
        """Legs that somebody asked for, or whose time has come, and that no living worker holds."""
        wanted = Q(requested_on__isnull=False) | Q(due_on__lte=now)
        unheld = Q(leased_until__isnull=True) | Q(leased_until__lt=now)
        patient = Q(postponed_until__isnull=True) | Q(postponed_until__lte=now)
        return self.filter(wanted & unheld & patient)

    def claim(self, row: MailboxLeg, now: datetime, holder: str) -> Claim | None:
        """A claim for exactly one worker, or None when another was faster. If the worker dies, the lease frees the leg."""
        unheld = Q(leased_until__isnull=True) | Q(leased_until__lt=now)
        won = self.filter(unheld, pk=row.pk, fence=row.fence).update(
            fence=F("fence") + 1,
            leased_until=now + LEASE,
            holder=holder[:200],
            requested_on=None,
            # What was asked for is not forgotten with a dead worker: the leg is due as soon as it is free.
            due_on=min(row.due_on or now, now),
            last_started_on=now,
        )
        if not won:
            return None
        return Claim(row.pk, row.mailbox_id, Leg(row.leg), row.fence + 1, row.due_on)

    def hold(self, claim: Claim, now: datetime) -> None:
        """Renew the lease, and inside a transaction also pin it until the commit. Raises LeaseLost when it has moved."""
        if not _renew(now + LEASE, claim.leg_id, claim.fence):
            raise LeaseLost(f"leg {claim.leg_id}, fence {claim.fence}")

    def release(self, claim: Claim, **columns: object) -> bool:
        """Give the leg back and write how the cycle went; False (and nothing written) when it was taken from us."""
        return self.filter(pk=claim.leg_id, fence=claim.fence).update(leased_until=None, holder="", **columns) == 1

    def request(self, now: datetime) -> int:
        """Ask for a run at once, "sync now"; the worker sees it within a second. Returns how many legs were asked."""
        return self.update(requested_on=now)


class MailboxLeg(models.Model):
    """One workload of one mailbox: when it is due, who holds it, how it went."""

    mailbox = models.ForeignKey("mailboxes.Mailbox", models.CASCADE, related_name="legs")
    leg = models.PositiveSmallIntegerField(choices=Leg)
    enabled = models.BooleanField(default=False)
    status = models.PositiveSmallIntegerField(choices=LegStatus, default=LegStatus.NOT_RUN)
    skip_reason = models.CharField(max_length=300, blank=True)
    due_on = models.DateTimeField(null=True, blank=True)
    requested_on = models.DateTimeField(null=True, blank=True)
    postponed_until = models.DateTimeField(null=True, blank=True, help_text="The server asked us to wait until then.")
    leased_until = models.DateTimeField(null=True, blank=True)
    holder = models.CharField(max_length=200, blank=True)
    fence = models.PositiveBigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    idle_cycles = models.PositiveIntegerField(default=0)
    last_started_on = models.DateTimeField(null=True, blank=True)
    last_completed_on = models.DateTimeField(null=True, blank=True)
    last_succeeded_on = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=2048, blank=True)
    stopped_on = models.DateTimeField(null=True, blank=True)
    heals_by_itself = models.BooleanField(
        default=False, help_text="Stopped after failures that may pass: it is still tried, ever more rarely."
    )
    last_remedy = models.CharField(max_length=1000, blank=True)
    ews_url = models.CharField(max_length=500, blank=True, help_text="Where autodiscover found the server (2.7).")
    last_auto_discovered_on = models.DateTimeField(null=True, blank=True)

    objects = MailboxLegQuerySet.as_manager()
    mailbox_id: UUID

    class Meta:
        ordering = ["mailbox", "leg"]
        constraints = [models.UniqueConstraint(fields=["mailbox", "leg"], name="leg_once_per_mailbox")]
        indexes = [
            models.Index(fields=["due_on"], name="leg_due"),
            models.Index(fields=["requested_on"], name="leg_requested", condition=Q(requested_on__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.mailbox}: {self.get_leg_display()}"


_renew = Change(MailboxLeg, ["leased_until"], found_by=["id", "fence"])


def ensure_legs(mailbox: Mailbox, now: datetime) -> None:
    """Give a mailbox its three legs, due at once; those it has stay as they are."""
    MailboxLeg.objects.bulk_create(
        [MailboxLeg(mailbox=mailbox, leg=leg, due_on=now) for leg in Leg], ignore_conflicts=True
    )


def new_holder(host: str, process: int) -> str:
    """A name for a worker, unique per process life, shown as `HostId` (4.1)."""
    return f"{host}:{process}:{secrets.token_hex(4)}"
