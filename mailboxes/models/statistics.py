"""MailboxStatistics: one row per cycle of a leg (4.5)."""

from __future__ import annotations

from django.db import models

from mailboxes.models.leg import Leg
from mailboxes.models.mailbox import Mailbox


class MailboxStatistics(models.Model):
    """How one cycle went. Idle, successful cycles leave no row, unless they end a failure or began late."""

    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="statistics")
    operation_type = models.PositiveSmallIntegerField(choices=Leg)
    mailbox_process_scheduled_on = models.DateTimeField(null=True)
    mailbox_process_started_on = models.DateTimeField()
    mailbox_process_completed_on = models.DateTimeField()
    process_result = models.BooleanField()
    items_seen = models.PositiveIntegerField(default=0)
    items_tracked = models.PositiveIntegerField(default=0)
    items_ignored = models.PositiveIntegerField(default=0)
    items_sent = models.PositiveIntegerField(default=0)
    items_failed = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    machine_name = models.CharField(max_length=160, blank=True)

    class Meta:
        ordering = ["-mailbox_process_started_on"]
        verbose_name_plural = "mailbox statistics"
        indexes = [models.Index(fields=["mailbox_process_completed_on"], name="statistics_completed")]

    def __str__(self) -> str:
        return f"{self.get_operation_type_display()} at {self.mailbox_process_started_on:%Y-%m-%d %H:%M}"
