"""Domain events: rows written in the transaction of what they tell. Later work delivers them outside."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from tracking.crm.models.activities import Email


class EventKind(models.TextChoices):
    EMAIL_TRACKED = "email.tracked", "Email tracked"
    EMAIL_LINKED = "email.linked", "Email seen in a further mailbox"
    EMAIL_SUBMITTED = "email.submitted", "Email submitted"
    EMAIL_SENT = "email.sent", "Email sent"
    EMAIL_FAILED = "email.failed", "Email failed"
    EMAIL_UNKNOWN = "email.unknown", "Email delivery unknown"
    EMAIL_CHANGED = "email.changed", "Email changed"
    EMAIL_UNTRACKED = "email.untracked", "Email untracked"
    EMAIL_BOUNCED = "email.bounced", "Email bounced"
    EMAIL_REBUILT = "email.rebuilt", "Email rebuilt"
    QUEUE_ITEM_MOVED = "queue_item.moved", "Queue item moved"
    RECORD_CREATED = "record.created", "Record created"
    ITEM_LINKED = "item.linked", "Appointment, contact or task linked with Exchange"
    ITEM_UNLINKED = "item.unlinked", "Appointment, contact or task no longer synchronized"
    ITEM_CONFLICT = "item.conflict", "Both sides had changed the same"
    ITEM_DELETED = "item.deleted", "Deleted by synchronization"
    ITEM_RESTORED = "item.restored", "Restored"
    ITEM_ASKED = "item.asked", "Somebody was asked about an item"
    MEETING_MAIL_HELD = "meeting_mail.held", "Meeting mail waits for approval"
    DELETIONS_HELD = "deletions.held", "Deletions wait for approval"
    MESSAGE_QUARANTINED = "message.quarantined", "Message quarantined"
    MAILBOX_STOPPED = "mailbox.stopped", "Mailbox stopped"
    MAILBOX_RECOVERED = "mailbox.recovered", "Mailbox recovered"


class DomainEvent(models.Model):
    """Something that happened to one subject. Carries ids and codes, never the content of a message."""

    kind = models.CharField(max_length=40, choices=EventKind)
    happened_on = models.DateTimeField()
    subject_id = models.CharField(max_length=64)
    mailbox_id = models.UUIDField(null=True)
    facts = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"


def email_event(email: Email, kind: EventKind, now: datetime, **facts: Any) -> DomainEvent:
    """What happened to an email, not stored yet; its mailbox is the one that received it, or else the one that sends it."""
    mailbox_id = email.receiving_mailbox_id or email.sender_mailbox_id
    return DomainEvent(kind=kind, happened_on=now, subject_id=str(email.pk), mailbox_id=mailbox_id, facts=facts)
