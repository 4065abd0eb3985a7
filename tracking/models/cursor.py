"""SyncCursor: how far a folder has been read. It moves only with what it covers (law 1)."""

from __future__ import annotations

from django.db import models

from mailboxes.models import MailboxLeg


class SyncCursor(models.Model):
    """The connector's opaque cursor for one folder of one leg."""

    leg = models.ForeignKey(MailboxLeg, models.CASCADE, related_name="cursors")
    folder = models.CharField(max_length=512)
    kind = models.CharField(max_length=16)
    version = models.PositiveSmallIntegerField(default=1)
    value = models.TextField(blank=True)
    older = models.PositiveIntegerField(
        default=0, help_text="Shown, but older than the start date: counted, not rowed."
    )
    sweep_from = models.DateTimeField(
        null=True, blank=True, help_text="Set while a lost cursor is rebuilt: afterwards what was not seen is gone."
    )
    moved_on = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["leg", "folder"], name="cursor_once_per_folder")]

    def __str__(self) -> str:
        return f"Cursor of {self.folder}"
