"""What synchronization has decided and people may take back, and what it holds until they have decided (10.1 h, law 9)."""

from __future__ import annotations

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q

from mailboxes.models import Mailbox
from profiles.identifiers import uuid7
from tracking.models.mappings import ExchangeSyncIdMapping, SyncedKind


class Side(models.TextChoices):
    """The two sides that are kept the same, as in `decide.merge`."""

    CRM = "crm", "Here"
    EXCHANGE = "exchange", "Exchange"


class Decision(models.IntegerChoices):
    """What a person has said about what was held."""

    OPEN = 0, "Waits"
    APPROVED = 1, "Approved"
    REFUSED = 2, "Refused"


class SyncConflict(models.Model):
    """One field that both sides had changed: what each held, and which one was taken (10.1 h). It can be undone."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mapping = models.ForeignKey(
        ExchangeSyncIdMapping, models.SET_NULL, null=True, blank=True, related_name="conflicts", db_index=False
    )
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="sync_conflicts", db_index=False)
    kind = models.CharField(max_length=16, choices=SyncedKind)
    object_type = models.ForeignKey(ContentType, models.PROTECT, null=True, blank=True, related_name="+")
    object_id = models.CharField(max_length=64, blank=True)
    object = GenericForeignKey("object_type", "object_id")
    original_start = models.DateTimeField(null=True, blank=True, help_text="Of the occurrence, where it is about one.")
    field = models.CharField(max_length=64)
    before = models.JSONField(null=True, help_text="What both had agreed on.")
    ours = models.JSONField(null=True)
    theirs = models.JSONField(null=True)
    taken = models.CharField(max_length=16, choices=Side)
    rule = models.CharField(max_length=64, help_text="Why that side was taken.")
    occurred_on = models.DateTimeField()
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    undone_on = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-occurred_on"]
        indexes = [
            models.Index(fields=["mailbox", "-occurred_on"], name="conflict_of_mailbox"),
            models.Index(fields=["mapping", "-occurred_on"], name="conflict_of_mapping"),
            models.Index(fields=["object_type", "object_id"], name="conflict_of_object"),
        ]

    def __str__(self) -> str:
        return f"Conflict {self.pk}"


class RecycledItem(models.Model):
    """What synchronization has deleted on one side, as it was; it can be restored until `expires_on` (law 9)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="recycled_items", db_index=False)
    kind = models.CharField(max_length=16, choices=SyncedKind)
    object_type = models.ForeignKey(ContentType, models.PROTECT, null=True, blank=True, related_name="+")
    object_id = models.CharField(max_length=64, blank=True)
    snapshot = models.JSONField(help_text="The fields as they were, with the occurrences of a series.")
    deleted_on_side = models.CharField(max_length=16, choices=Side, help_text="The side that lost it through us.")
    reason = models.CharField(max_length=64)
    deleted_on = models.DateTimeField()
    expires_on = models.DateTimeField()
    restored_on = models.DateTimeField(null=True, blank=True)
    restored_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-deleted_on"]
        indexes = [
            models.Index(fields=["mailbox", "-deleted_on"], name="recycled_of_mailbox"),
            models.Index(fields=["expires_on"], name="recycled_expires"),
            models.Index(fields=["object_type", "object_id"], name="recycled_object"),
        ]

    def __str__(self) -> str:
        return f"Deleted item {self.pk}"


class MeetingWrite(models.TextChoices):
    """The kinds of writes that may mail people, as in `decide.invitations`."""

    INVITE = "invite", "Invitation"
    UPDATE = "update", "Update of a meeting"
    CANCEL = "cancel", "Cancellation"


class HeldWrite(models.Model):
    """A write that would mail people and waits until somebody approves it (10.2). It is about exactly what `fingerprint`
    says: where the appointment changes, the question is asked anew."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mapping = models.ForeignKey(ExchangeSyncIdMapping, models.CASCADE, related_name="held_writes", db_index=False)
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="held_writes", db_index=False)
    original_start = models.DateTimeField(null=True, blank=True, help_text="Of the occurrence, where it is about one.")
    kind_of_write = models.CharField(max_length=16, choices=MeetingWrite)
    addresses = models.JSONField(default=list)
    fingerprint = models.CharField(max_length=64)
    held_on = models.DateTimeField()
    decision = models.PositiveSmallIntegerField(choices=Decision, default=Decision.OPEN)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    decided_on = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["held_on"]
        constraints = [
            models.UniqueConstraint(fields=["mapping", "fingerprint"], name="held_write_once"),
        ]
        indexes = [models.Index(fields=["mailbox", "decision"], name="held_write_of_mailbox")]

    def __str__(self) -> str:
        return f"Held write {self.pk}"


class HeldDeletion(models.Model):
    """So many deletions at once that somebody has to approve them first (law 9). One open question per mailbox, kind and
    side; more deletions than were approved are asked about again."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="held_deletions", db_index=False)
    kind = models.CharField(max_length=16, choices=SyncedKind)
    on_side = models.CharField(max_length=16, choices=Side, help_text="The side that would lose them.")
    number = models.PositiveIntegerField()
    out_of = models.PositiveIntegerField()
    held_on = models.DateTimeField()
    decision = models.PositiveSmallIntegerField(choices=Decision, default=Decision.OPEN)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    decided_on = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-held_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["mailbox", "kind", "on_side"], name="held_deletion_open_once", condition=Q(decision=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} deletions held"
