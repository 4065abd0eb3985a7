"""MailboxTrackingFolder: "everything in this folder belongs to that record" (9.1); and the folders a mailbox has (9.4)."""

from __future__ import annotations

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone

from mailboxes.models import Mailbox
from profiles.identifiers import uuid7


class FolderOnboardingStatus(models.IntegerChoices):
    """`folderonboardingstatus`. The original documents no values beyond 0; these are ours."""

    NOT_YET = 0, "Not yet"
    GOING_ON = 1, "Being taken in"
    DONE = 2, "Taken in"


class MailboxTrackingFolder(models.Model):
    """One folder rule of one mailbox."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="tracking_folders")
    exchange_folder_id = models.CharField(max_length=512)
    exchange_folder_name = models.CharField(max_length=256, blank=True)
    folder_path = models.CharField(
        max_length=1024, blank=True, help_text="From the root of the mailbox, to find a folder again that lost its id."
    )
    includes_subfolders = models.BooleanField("with subfolders", default=False)
    regarding_type = models.ForeignKey(ContentType, models.PROTECT, null=True, blank=True, related_name="+")
    regarding_id = models.CharField(max_length=64, blank=True)
    regarding = GenericForeignKey("regarding_type", "regarding_id")
    regarding_name = models.CharField(max_length=400, blank=True, editable=False)
    folder_onboarding_status = models.PositiveIntegerField(
        choices=FolderOnboardingStatus, default=FolderOnboardingStatus.NOT_YET
    )
    onboarding_total = models.PositiveIntegerField(default=0, editable=False)
    onboarding_done = models.PositiveIntegerField(default=0, editable=False)
    relink_requested_on = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="The regarding was changed: the folder's mail is to follow (9.5).",
    )
    invalid_reason = models.CharField(max_length=300, blank=True, editable=False)
    suggested_folder_id = models.CharField(
        max_length=512,
        blank=True,
        editable=False,
        help_text="A folder at the same path; a person confirms that it is the one.",
    )
    checked_on = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    created_on = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["exchange_folder_name"]
        constraints = [
            models.UniqueConstraint(fields=["mailbox", "exchange_folder_id"], name="folder_rule_once_per_mailbox")
        ]

    def __str__(self) -> str:
        return self.exchange_folder_name or "Folder rule"


class FolderHierarchy(models.Model):
    """The mail folders of a mailbox as the server last told them, as a list of values, parents before children (9.4)."""

    mailbox = models.OneToOneField(Mailbox, models.CASCADE, primary_key=True, related_name="folder_hierarchy")
    folders = models.JSONField(default=list)
    fetched_on = models.DateTimeField(null=True, blank=True)
    requested_on = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name_plural = "folder hierarchies"

    def __str__(self) -> str:
        return f"Folders of {self.pk}"
