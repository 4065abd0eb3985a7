"""Tombstone: what was removed stays removed, whatever shows it again (law 12)."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from mailboxes.models import Mailbox


class Tombstone(models.Model):
    """One message that was untracked in one mailbox, by its content key; nothing else of it is kept."""

    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="tombstones", db_index=False)
    content_key = models.CharField(max_length=32)
    removed_on = models.DateTimeField()
    removed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mailbox", "content_key"], name="tombstone_once")]

    def __str__(self) -> str:
        return f"Tombstone {self.content_key[:12]}"
