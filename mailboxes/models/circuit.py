"""ServerCircuit: whether a server answers at all, so that one that is down does not cost an attempt per mailbox."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import F

from mailboxes.models.leg import Leg
from profiles.models import EmailServerProfile


class ServerCircuitQuerySet(models.QuerySet["ServerCircuit"]):
    """All writes are single conditional updates: many workers report at once."""

    def note_failure(self, profile: EmailServerProfile, leg: Leg, mailbox_id: UUID, error: str) -> int:
        """One more failure in a row; the same mailbox again says nothing new about its server. Returns how many."""
        row, _ = self.get_or_create(profile=profile, leg=leg)
        others = self.filter(pk=row.pk).exclude(last_mailbox_id=mailbox_id)
        others.update(failures=F("failures") + 1, last_mailbox_id=mailbox_id, last_error=error[:500])
        return self.values_list("failures", flat=True).get(pk=row.pk)

    def open(self, profile: EmailServerProfile, leg: Leg, until: datetime) -> None:
        """Nobody asks this server before `until`."""
        self.filter(profile=profile, leg=leg).update(open_until=until)

    def note_success(self, profile: EmailServerProfile, leg: Leg) -> bool:
        """The server answers: everybody may ask it again. Returns whether there had been failures."""
        failing = self.filter(profile=profile, leg=leg, failures__gt=0)
        return bool(failing.update(failures=0, open_until=None, last_mailbox_id=None, last_error=""))

    def open_until(self, profile: EmailServerProfile, leg: Leg, now: datetime) -> datetime | None:
        """Until when the server is left alone; None when it may be asked."""
        return self.filter(profile=profile, leg=leg, open_until__gt=now).values_list("open_until", flat=True).first()


class ServerCircuit(models.Model):
    """The failures in a row of one direction of one profile, over all its mailboxes."""

    profile = models.ForeignKey(EmailServerProfile, models.CASCADE, related_name="circuits")
    leg = models.PositiveSmallIntegerField(choices=Leg)
    failures = models.PositiveIntegerField(default=0)
    open_until = models.DateTimeField(null=True, blank=True)
    last_mailbox_id = models.UUIDField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)

    objects = ServerCircuitQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["profile", "leg"], name="circuit_once_per_profile_and_leg")]

    def __str__(self) -> str:
        return f"{self.profile}: {self.get_leg_display()}"
