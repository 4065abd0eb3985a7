"""MailboxTrackingFolder: "everything in this folder belongs to that record" (9.1)."""

from __future__ import annotations

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models

from mailboxes.models import Mailbox
from profiles.identifiers import uuid7


class MailboxTrackingFolder(models.Model):
    """One folder rule of one mailbox."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="tracking_folders")
    exchange_folder_id = models.CharField(max_length=512)
    exchange_folder_name = models.CharField(max_length=256, blank=True)
    regarding_type = models.ForeignKey(ContentType, models.PROTECT, null=True, blank=True, related_name="+")
    regarding_id = models.CharField(max_length=64, blank=True)
    regarding = GenericForeignKey("regarding_type", "regarding_id")
    folder_onboarding_status = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["exchange_folder_name"]
        constraints = [
            models.UniqueConstraint(fields=["mailbox", "exchange_folder_id"], name="folder_rule_once_per_mailbox")
        ]

    def __str__(self) -> str:
        return self.exchange_folder_name or "Folder rule"
