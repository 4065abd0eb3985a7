"""What an email is about, by the word of a person: one email, or the whole conversation (5.17, peers 20)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model, QuerySet

from profiles.statements import insert_many, update_many
from tracking.crm.models import DomainEvent, Email
from tracking.crm.models.events import EventKind, email_event

CHUNK = 500  # rows written at once
_COLUMNS = ["regarding_type", "regarding_id", "regarding_name", "edited_fields", "modified_on"]


def belongs_to(
    email: Email, record: Model | None, whole_thread: bool, by: Any, now: datetime, among: QuerySet[Email] | None = None
) -> int:
    """File the email, or every email of its conversation, with this record; None takes it from any. Later mail that
    answers one of them inherits it. `among` restricts it to the emails that `by` decides about. Returns how many."""
    emails = Email.objects.all() if among is None else among
    chosen = emails.filter(pk=email.pk)
    if whole_thread and email.conversation_tracking_id is not None:
        chosen = emails.filter(conversation_tracking_id=email.conversation_tracking_id)
    with transaction.atomic():
        ids = list(chosen.order_by("pk").values_list("pk", flat=True).distinct())
        for first in range(0, len(ids), CHUNK):
            _file(ids[first : first + CHUNK], record, by, now)
    return len(ids)


def _file(ids: list[Any], record: Model | None, by: Any, now: datetime) -> None:
    kind = None if record is None else ContentType.objects.get_for_model(record)
    emails = list(Email.objects.filter(pk__in=ids).only("id", "edited_fields", "sender_mailbox", "receiving_mailbox"))
    for email in emails:
        email.regarding_type_id = None if kind is None else kind.pk
        email.regarding_id = "" if record is None else str(record.pk)
        email.regarding_name = "" if record is None else str(record)[:400]
        email.edited_fields = sorted({*email.edited_fields, "regarding"})
        email.modified_on = now
    update_many(emails, _COLUMNS)
    insert_many([_filed(email, by, now) for email in emails])


def _filed(email: Email, by: Any, now: datetime) -> DomainEvent:
    who = None if by is None else str(by.pk)
    return email_event(email, EventKind.EMAIL_CHANGED, now, changed=["regarding"], by=who, regarding=email.regarding_id)
