"""TraceLog: alerts. One open alert per cause, with a count (4.8, 4.12)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from mailboxes.models.mailbox import Mailbox
from profiles.identifiers import uuid7
from profiles.models import EmailServerProfile


class TraceLevel(models.IntegerChoices):
    """4.8"""

    INFORMATION = 1, "Information"
    WARNING = 2, "Warning"
    ERROR = 3, "Error"


class TraceLog(models.Model):
    """Something a person should know about a mailbox or a profile: what happened, what the server said, what would fix it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, null=True, blank=True, related_name="alerts")
    email_server_profile = models.ForeignKey(
        EmailServerProfile, models.CASCADE, null=True, blank=True, related_name="alerts"
    )
    level = models.PositiveSmallIntegerField(choices=TraceLevel)
    cause = models.CharField(max_length=100, help_text="Names the cause; open alerts of one cause are one row.")
    text = models.CharField(max_length=2000)
    error_details = models.CharField("what the server said", max_length=2048, blank=True)
    remedy = models.CharField("what would fix it", max_length=1000, blank=True)
    occurrences = models.PositiveIntegerField(default=1)
    created_on = models.DateTimeField()
    last_occurred_on = models.DateTimeField()
    closed_on = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-last_occurred_on"]
        verbose_name = "alert"
        constraints = [
            models.CheckConstraint(
                name="alert_about_a_mailbox_or_a_profile",
                condition=Q(mailbox__isnull=False, email_server_profile__isnull=True)
                | Q(mailbox__isnull=True, email_server_profile__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["mailbox", "cause"], name="alert_open_once_per_mailbox", condition=Q(closed_on__isnull=True)
            ),
            models.UniqueConstraint(
                fields=["email_server_profile", "cause"],
                name="alert_open_once_per_profile",
                condition=Q(closed_on__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.text[:80]
