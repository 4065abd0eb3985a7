"""Activities: each kind is a table of its own on one abstract base (design.md, "Keys"). Here the base, and email."""

from __future__ import annotations

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q

from mailboxes.models import Mailbox, Queue
from profiles.identifiers import uuid7
from tracking.crm.models.blobs import Blob
from tracking.crm.models.states import (
    EMAIL_PAIRS,
    ActivityState,
    AutomaticKind,
    CorrelationMethod,
    DeliveryState,
    Direction,
    EmailStatus,
    HoldReason,
    Notifications,
    Priority,
    legal_pairs,
)

__all__ = ["Activity", "Direction", "Email"]


class Activity(models.Model):
    """What every activity has. Its regarding is any registered record, by type and text id; its name is kept as well."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    subject = models.CharField(max_length=800, blank=True)
    description = models.TextField(blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    priority_code = models.PositiveSmallIntegerField("priority", choices=Priority, default=Priority.NORMAL)
    state_code = models.PositiveSmallIntegerField("state", choices=ActivityState, default=ActivityState.OPEN)
    regarding_type = models.ForeignKey(
        ContentType, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    regarding_id = models.CharField(max_length=64, blank=True)
    regarding_name = models.CharField(max_length=400, blank=True)
    regarding = GenericForeignKey("regarding_type", "regarding_id")
    parties = GenericRelation(
        "crm.ActivityParty", content_type_field="activity_type", object_id_field="activity_id", related_query_name="+"
    )
    created_on = models.DateTimeField()
    modified_on = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        # Law 12: no subject where logs and lists of errors could show it.
        return f"{self._meta.verbose_name} {self.pk}"


class Email(Activity):
    """One message, received or sent. Exactly one per content key and direction: `message_id_dup_check` (5.10)."""

    mime_type = models.CharField("body type", max_length=256, default="text/plain")
    direction_code = models.BooleanField("direction", choices=Direction.choices, default=Direction.OUTGOING)
    status_code = models.PositiveSmallIntegerField("status", choices=EmailStatus, default=EmailStatus.DRAFT)
    sender = models.CharField(max_length=250, blank=True)
    to_recipients = models.CharField(max_length=500, blank=True)
    email_sender_type = models.ForeignKey(
        ContentType, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    email_sender_id = models.CharField(max_length=64, blank=True)
    email_sender = GenericForeignKey("email_sender_type", "email_sender_id")
    is_duplicate_sender_unresolved = models.BooleanField(default=False)
    sender_mailbox = models.ForeignKey(Mailbox, models.SET_NULL, null=True, blank=True, related_name="sent_emails")
    receiving_mailbox = models.ForeignKey(
        Mailbox, models.SET_NULL, null=True, blank=True, related_name="received_emails"
    )
    accepting_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    accepting_queue = models.ForeignKey(Queue, models.SET_NULL, null=True, blank=True, related_name="+")
    message_id = models.CharField(max_length=320, blank=True)
    message_id_dup_check = models.UUIDField(editable=False)
    in_reply_to = models.CharField(max_length=320, blank=True)
    correlation_method = models.PositiveSmallIntegerField(choices=CorrelationMethod, default=CorrelationMethod.NONE)
    correlated_activity = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="correlated")
    correlated_subject_changed = models.BooleanField(default=False)
    parent_activity = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="replies")
    conversation_tracking_id = models.UUIDField(
        null=True, blank=True, help_text="The id of the first message of the conversation."
    )
    tracking_token = models.CharField(max_length=50, blank=True)
    conversation_index = models.CharField(max_length=2048, blank=True)
    base_conversation_index_hash = models.BigIntegerField(null=True, editable=False)
    counterpart = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The same message in the other direction: internal mail is sent by one and received by the other (5.11).",
    )
    shares_message_id = models.BooleanField(
        default=False, help_text="Another message with the same Message-ID and other content exists."
    )
    automatic_kind = models.PositiveSmallIntegerField(choices=AutomaticKind, default=AutomaticKind.NONE)
    is_private = models.BooleanField("private", default=False, help_text="Only its owner reads it.")
    preview = models.CharField(max_length=200, blank=True, help_text="The beginning of what is new in it, for lists.")
    safe_description = models.TextField(blank=True, help_text="The body as it may be shown, filled when first read.")
    internet_message_headers = models.CharField(max_length=500, blank=True)  # 5.21
    edited_fields = models.JSONField(default=list, help_text="What a person has changed; rebuilding keeps it.")
    sent_on = models.DateTimeField(null=True, blank=True)
    notifications = models.PositiveSmallIntegerField(choices=Notifications, default=Notifications.NONE)
    attachment_count = models.PositiveIntegerField(default=0)
    original = models.ForeignKey(
        Blob, models.PROTECT, null=True, blank=True, related_name="+", help_text="The message as it was on the wire."
    )
    delivery_attempts = models.PositiveIntegerField(default=0)
    delivery_state = models.PositiveSmallIntegerField(choices=DeliveryState, default=DeliveryState.NOT_SENT)
    delivery_detail = models.CharField(max_length=2000, blank=True)
    postpone_email_processing_until = models.DateTimeField(null=True, blank=True)
    delayed_email_send_time = models.DateTimeField(null=True, blank=True)
    delivery_priority_code = models.PositiveSmallIntegerField(choices=Priority, default=Priority.NORMAL)
    delivery_receipt_requested = models.BooleanField(default=False)
    read_receipt_requested = models.BooleanField(default=False)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    submitted_on = models.DateTimeField(null=True, blank=True)
    represents = models.ForeignKey(
        Mailbox,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="Whose address stands in From, where it leaves through another mailbox (7.6).",
    )
    hold_reason = models.PositiveSmallIntegerField(choices=HoldReason, default=HoldReason.NONE)

    class Meta:
        ordering = ["-sent_on"]
        permissions = [
            ("read_others_mail", "May read subjects and bodies of others' mail"),
            ("send_as_others", "May send email as another user who allows it"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["message_id_dup_check"], name="email_once"),
            models.CheckConstraint(name="email_state_fits_status", condition=legal_pairs(EMAIL_PAIRS)),
        ]
        indexes = [
            models.Index(fields=["message_id"], name="email_message_id"),
            models.Index(fields=["conversation_tracking_id"], name="email_conversation"),
            models.Index(fields=["-sent_on"], name="email_sent_on"),
            models.Index(fields=["tracking_token"], name="email_token", condition=~Q(tracking_token="")),
            models.Index(
                fields=["base_conversation_index_hash"],
                name="email_conversation_index",
                condition=Q(base_conversation_index_hash__isnull=False),
            ),
            models.Index(
                fields=["regarding_type", "regarding_id"], name="email_regarding", condition=~Q(regarding_id="")
            ),
            models.Index(
                fields=["sender_mailbox", "status_code"], name="email_to_send", condition=Q(status_code__in=[6, 7])
            ),
        ]
