"""Trial: one "test and enable" of one leg: who asked, every step with what came of it (3.10)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from mailboxes.models.leg import Leg
from mailboxes.models.mailbox import Mailbox
from profiles.identifiers import uuid7

LEASE = timedelta(minutes=3)


class TrialQuerySet(models.QuerySet["Trial"]):
    """Claimed like legs: by conditional update, freed by time when a worker dies."""

    def waiting(self, now: datetime) -> TrialQuerySet:
        """Trials that nobody carries out at the moment."""
        unheld = Q(leased_until__isnull=True) | Q(leased_until__lt=now)
        return self.filter(unheld, Q(not_before__isnull=True) | Q(not_before__lte=now), finished_on__isnull=True)

    def claim(self, trial: Trial, now: datetime) -> bool:
        """True for exactly one worker."""
        return self.waiting(now).filter(pk=trial.pk).update(leased_until=now + LEASE) == 1


class Trial(models.Model):
    """One asynchronous test of one leg; `enables` says whether success switches the leg on."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="trials")
    leg = models.PositiveSmallIntegerField(choices=Leg)
    enables = models.BooleanField(default=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    requested_on = models.DateTimeField()
    not_before = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    finished_on = models.DateTimeField(null=True, blank=True)
    succeeded = models.BooleanField(null=True)
    steps = models.JSONField(default=list, help_text="What was tried: name, whether it worked, words, remedy.")
    message_id = models.CharField(max_length=320, blank=True, help_text="Of the message that was sent to oneself.")

    objects = TrialQuerySet.as_manager()
    mailbox_id: UUID

    class Meta:
        ordering = ["-requested_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["mailbox", "leg"], name="trial_open_once_per_leg", condition=Q(finished_on__isnull=True)
            )
        ]
        indexes = [models.Index(fields=["message_id"], name="trial_message_id", condition=~Q(message_id=""))]

    def __str__(self) -> str:
        return f"Test of {self.get_leg_display()}"
