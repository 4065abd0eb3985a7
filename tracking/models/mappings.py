"""ExchangeSyncIdMapping: which record of ours is which item on the server, per user (10.1 e)."""

from __future__ import annotations

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q

from mailboxes.models import Mailbox
from profiles.identifiers import uuid7


class SyncedKind(models.TextChoices):
    """What is synchronized, as in `act_items.ItemKind`."""

    APPOINTMENT = "appointment", "Appointment"
    CONTACT = "contact", "Contact"
    TASK = "task", "Task"


class ChangeType(models.IntegerChoices):
    """What still has to be carried to the other side. The original documents no codes; these are ours."""

    NONE = 0, "Nothing"
    CREATE = 1, "Create"
    UPDATE = 2, "Update"
    DELETE = 3, "Delete"


class SyncQuestion(models.IntegerChoices):
    """What a person is asked about one pair (10.1 f, 10.1 k, 10.3.3, 10.6, 10.7). Ours."""

    NONE = 0, "Nothing"
    DELETE_IN_CRM = 1, "It was deleted in Exchange. Delete it here as well?"
    SAME_RECORD = 2, "Is it the same as a record that is here already?"
    PREVIOUSLY_LINKED = 3, "It was linked before. Link it again?"
    SCHEDULING_CONFLICT = 4, "It overlaps with another appointment. Keep it all the same?"


class UserDecision(models.IntegerChoices):
    """`userdecision`. The original documents no codes; these are ours."""

    NONE = 0, "Not answered"
    YES = 1, "Yes"
    NO = 2, "No"


class ExchangeSyncIdMapping(models.Model):
    """One pair of record and Exchange item of one user. One of the two may be missing: not made yet, or gone.

    `agreed` is what both sides held when they last agreed, and `agreed_occurrences` the same of the occurrences of a
    series that differ or were taken out (`tracking.decide.act_values` reads and writes both). `server_version` and
    `crm_version` tell whether a side has changed since, our own writes included (10.1 e, law 7).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, related_name="sync_mappings", db_index=False)
    kind = models.CharField(max_length=16, choices=SyncedKind)
    object_type = models.ForeignKey(ContentType, models.PROTECT, null=True, blank=True, related_name="+")
    object_id = models.CharField(max_length=64, blank=True)
    object = GenericForeignKey("object_type", "object_id")
    exchange_entry_id = models.CharField(max_length=1024, blank=True)
    uid = models.CharField(max_length=300, blank=True, help_text="GlobalObjectId: the same for all who take part.")
    mark = models.CharField(max_length=64, blank=True, help_text="Our own id, which the item on the server bears.")
    server_version = models.CharField(max_length=512, blank=True, help_text="ChangeKey when both sides agreed.")
    crm_version = models.CharField(max_length=64, blank=True, help_text="Hash of our values when both sides agreed.")
    crm_modified_on = models.DateTimeField(
        null=True, blank=True, help_text="Of the record when it was last compared: what has the same time is not read."
    )
    agreed = models.JSONField(default=dict)
    agreed_occurrences = models.JSONField(default=dict)
    agreed_on = models.DateTimeField(null=True, blank=True)
    to_crm_change_type = models.PositiveSmallIntegerField(choices=ChangeType, default=ChangeType.NONE)
    from_crm_change_type = models.PositiveSmallIntegerField(choices=ChangeType, default=ChangeType.NONE)
    came_by_filter = models.BooleanField(
        default=False,
        help_text="A filter brought it to Exchange; what came from there leaves with no filter (10.1 b, d).",
    )
    is_deleted_in_exchange = models.BooleanField(default=False)
    is_unlinked_in_crm = models.BooleanField(default=False)
    seen_generation = models.PositiveBigIntegerField(
        default=0, help_text="Of the last listing that showed the item: after a complete one the others are gone."
    )
    item_subject = models.CharField(max_length=2048, blank=True)
    last_sync_error = models.CharField(max_length=2048, blank=True)
    last_sync_error_code = models.CharField(max_length=64, blank=True)
    last_sync_error_occurred_on = models.DateTimeField(null=True, blank=True)
    retries = models.PositiveIntegerField(default=0)
    next_attempt_on = models.DateTimeField(null=True, blank=True)
    question = models.PositiveSmallIntegerField(choices=SyncQuestion, default=SyncQuestion.NONE)
    question_facts = models.JSONField(default=dict, help_text="What the person who answers needs to know.")
    asked_on = models.DateTimeField(null=True, blank=True)
    user_decision = models.PositiveSmallIntegerField(choices=UserDecision, default=UserDecision.NONE)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    decided_on = models.DateTimeField(null=True, blank=True)
    created_on = models.DateTimeField(auto_now_add=True)
    modified_on = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "object_type", "object_id"], name="mapping_once_per_owner", condition=~Q(object_id="")
            ),
            models.UniqueConstraint(
                fields=["mailbox", "kind", "exchange_entry_id"],
                name="mapping_once_per_item",
                condition=~Q(exchange_entry_id=""),
            ),
            models.UniqueConstraint(fields=["mailbox", "mark"], name="mapping_once_per_mark", condition=~Q(mark="")),
        ]
        indexes = [
            models.Index(fields=["exchange_entry_id"], name="mapping_entry_id", condition=~Q(exchange_entry_id="")),
            models.Index(fields=["object_type", "object_id"], name="mapping_of_object", condition=~Q(object_id="")),
            models.Index(fields=["uid"], name="mapping_uid", condition=~Q(uid="")),
            models.Index(fields=["mailbox", "kind", "seen_generation"], name="mapping_seen"),
            models.Index(
                fields=["mailbox", "next_attempt_on"],
                name="mapping_to_retry",
                condition=Q(next_attempt_on__isnull=False),
            ),
            models.Index(fields=["mailbox", "question"], name="mapping_asked", condition=Q(question__gt=0)),
            models.Index(
                fields=["mailbox", "last_sync_error_occurred_on"],
                name="mapping_failed",
                condition=~Q(last_sync_error=""),
            ),
        ]

    def __str__(self) -> str:
        # Law 12: no subject where logs and lists of errors could show it.
        return f"Mapping {self.pk}"
