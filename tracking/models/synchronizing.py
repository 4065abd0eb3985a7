"""What people choose about synchronizing appointments, contacts and tasks, and how far it is (10.1, 10.8)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from mailboxes.models import Mailbox
from profiles.identifiers import uuid7
from tracking.models.mappings import SyncedKind


class RecordKind(models.TextChoices):
    """The records of ours that are synchronized; each has its own table of fields (10.8). As in `decide.field_maps`."""

    APPOINTMENT = "appointment", "Appointment"
    SERIES = "series", "Recurring appointment"
    SERVICE = "service", "Service activity"
    TASK = "task", "Task"
    PHONE_CALL = "phone_call", "Phone call"
    LETTER = "letter", "Letter"
    FAX = "fax", "Fax"
    CONTACT = "contact", "Contact"


class SyncDirection(models.IntegerChoices):
    """`syncdirection`. The original documents no codes; these are ours."""

    NONE = 0, "Neither way"
    TO_EXCHANGE = 1, "To Exchange"
    TO_CRM = 2, "From Exchange"
    BOTH = 3, "Both ways"


class SyncAttributeMapping(models.Model):
    """The direction that the organization chose for one field; without a row the default holds
    (`tracking.decide.field_maps`)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    record_kind = models.CharField(max_length=16, choices=RecordKind)
    field = models.CharField(max_length=64, help_text="By its name on the side of Exchange.")
    sync_direction = models.PositiveSmallIntegerField(choices=SyncDirection)
    modified_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    modified_on = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["record_kind", "field"]
        constraints = [
            models.UniqueConstraint(fields=["record_kind", "field"], name="sync_attribute_once_per_field"),
        ]

    def __str__(self) -> str:
        return f"{self.get_record_kind_display()}: {self.field}"


class SyncFilter(models.Model):
    """Which records of one kind a user's mailbox gets: those that one of the user's filters lets through (10.1 b).

    Without an owner it is a template of the organization; those that are default are copied for new users (10.1 c).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="sync_filters"
    )
    template = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="copies", help_text="Of which it is a copy."
    )
    name = models.CharField(max_length=160)
    record_kind = models.CharField(max_length=16, choices=RecordKind)
    conditions = models.JSONField(default=dict)
    is_default = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_on = models.DateTimeField(auto_now_add=True)
    modified_on = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["record_kind", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "record_kind", "name"], name="sync_filter_once_per_owner", condition=~Q(owner=None)
            ),
            models.UniqueConstraint(
                fields=["record_kind", "name"], name="sync_filter_template_once", condition=Q(owner=None)
            ),
            models.CheckConstraint(
                name="sync_filter_default_is_template", condition=Q(is_default=False) | Q(owner=None)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SyncProgress(models.Model):
    """How far the synchronization of one kind in one mailbox is. The place in the server's list is a `SyncCursor`.

    `generation` counts listings of everything: an item whose mapping bears an older one was not shown, and is gone if
    the listing was complete (law 9). `crm_seen_until` spares reading records that have not changed since.
    """

    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="sync_progress", db_index=False)
    kind = models.CharField(max_length=16, choices=SyncedKind)
    generation = models.PositiveBigIntegerField(default=1)
    listing_complete_on = models.DateTimeField(null=True, blank=True, help_text="Of this generation.")
    crm_seen_until = models.DateTimeField(null=True, blank=True, help_text="By the time of their last change.")
    filters_fingerprint = models.CharField(
        max_length=64, blank=True, help_text="Of the filters last used: after a change everything is compared."
    )
    preview = models.JSONField(default=dict, help_text="What the first synchronization would do, in numbers (10.1 f).")
    previewed_on = models.DateTimeField(null=True, blank=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    started_on = models.DateTimeField(null=True, blank=True)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    finished_on = models.DateTimeField(null=True, blank=True, help_text="When the first synchronization was done.")

    class Meta:
        verbose_name_plural = "sync progress"
        constraints = [models.UniqueConstraint(fields=["mailbox", "kind"], name="sync_progress_once_per_kind")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.mailbox_id}"
