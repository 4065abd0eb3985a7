"""Queues: shared addresses, their members and the work waiting in them (5.18)."""

from __future__ import annotations

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models

from mailboxes.models.settings import IncomingFilter
from profiles.identifiers import uuid7
from profiles.models import StateCode


class QueueViewType(models.IntegerChoices):
    PUBLIC = 0, "Public"
    PRIVATE = 1, "Private"


class Queue(models.Model):
    """A shared address that a team works from; it owns one mailbox."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200, unique=True)
    description = models.TextField(max_length=2000, blank=True)
    email_address = models.EmailField(max_length=100, blank=True)
    incoming_email_filtering_method = models.PositiveSmallIntegerField(
        "convert incoming email to activities", choices=IncomingFilter, default=IncomingFilter.ALL_MESSAGES
    )
    queue_view_type = models.PositiveSmallIntegerField(choices=QueueViewType, default=QueueViewType.PUBLIC)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="QueueMember", related_name="queues")
    state_code = models.PositiveSmallIntegerField("state", choices=StateCode, default=StateCode.ACTIVE)
    created_on = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class QueueMember(models.Model):
    """One person who works a queue."""

    queue = models.ForeignKey(Queue, models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["queue", "user"], name="queue_member_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.queue}"


class QueueItem(models.Model):
    """One record waiting in a queue; exactly one per queue and record (5.18)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    queue = models.ForeignKey(Queue, models.CASCADE, related_name="items")
    object_type = models.ForeignKey(ContentType, models.PROTECT, related_name="+")
    object_id = models.CharField(max_length=64)
    object = GenericForeignKey("object_type", "object_id")
    entered_on = models.DateTimeField()
    worker = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    worker_modified_on = models.DateTimeField(null=True, blank=True, help_text="When it was last picked or released.")
    state_code = models.PositiveSmallIntegerField("state", choices=StateCode, default=StateCode.ACTIVE)
    modified_on = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-entered_on"]
        constraints = [
            models.UniqueConstraint(fields=["queue", "object_type", "object_id"], name="queue_item_once_per_queue")
        ]
        indexes = [models.Index(fields=["object_type", "object_id"], name="queue_items_of_object")]

    def __str__(self) -> str:
        return f"Item in {self.queue}"
