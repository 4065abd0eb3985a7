"""Pause: the brake. Stops the organization, a profile, a mailbox or one leg, and says who and why."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from mailboxes.models.leg import Leg
from mailboxes.models.mailbox import Mailbox
from profiles.models import EmailServerProfile


class Pause(models.Model):
    """In force while `ended_on` is empty. Neither profile nor mailbox: the whole organization; a leg narrows it further."""

    email_server_profile = models.ForeignKey(
        EmailServerProfile, models.CASCADE, null=True, blank=True, related_name="pauses"
    )
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, null=True, blank=True, related_name="pauses")
    leg = models.PositiveSmallIntegerField(choices=Leg, null=True, blank=True)
    reason = models.CharField(max_length=500)
    person_name = models.CharField(max_length=200, blank=True)
    paused_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    paused_on = models.DateTimeField()
    ended_on = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-paused_on"]
        constraints = [
            models.CheckConstraint(
                name="pause_of_a_profile_or_a_mailbox",
                condition=Q(email_server_profile__isnull=True) | Q(mailbox__isnull=True),
            )
        ]
        indexes = [models.Index(fields=["ended_on"], name="pause_in_force", condition=Q(ended_on__isnull=True))]

    def __str__(self) -> str:
        return f"Pause since {self.paused_on:%Y-%m-%d %H:%M}"
