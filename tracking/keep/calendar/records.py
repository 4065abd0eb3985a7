"""Appointments, series, tasks and contacts as people write them here, and their copies told to follow (10.2, 10.6, 10.7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model

from mailboxes.models import Leg, Mailbox, MailboxLeg
from tracking.crm.models import (
    ActivityParty,
    Contact,
    Fax,
    Letter,
    PhoneCall,
    Task,
)
from tracking.crm.models.states import (
    APPOINTMENT_PAIRS,
    FAX_PAIRS,
    LETTER_PAIRS,
    PHONE_CALL_PAIRS,
    TASK_PAIRS,
    ActivityState,
    AppointmentStatus,
    FaxStatus,
    LetterStatus,
    PhoneCallStatus,
    TaskStatus,
    state_of,
)
from tracking.decide.field_maps import RecordKind
from tracking.facts.act.kinds import Record, content_type_of, kind_of
from tracking.keep.act.noting import note_deleted_record
from tracking.models import ExchangeSyncIdMapping

PAIRS = {
    RecordKind.APPOINTMENT: APPOINTMENT_PAIRS,
    RecordKind.SERIES: APPOINTMENT_PAIRS,
    RecordKind.SERVICE: APPOINTMENT_PAIRS,
    RecordKind.TASK: TASK_PAIRS,
    RecordKind.PHONE_CALL: PHONE_CALL_PAIRS,
    RecordKind.LETTER: LETTER_PAIRS,
    RecordKind.FAX: FAX_PAIRS,
}
COMPLETED: Mapping[RecordKind, int] = {
    RecordKind.APPOINTMENT: AppointmentStatus.COMPLETED,
    RecordKind.SERIES: AppointmentStatus.COMPLETED,
    RecordKind.SERVICE: AppointmentStatus.COMPLETED,
    RecordKind.TASK: TaskStatus.COMPLETED,
    RecordKind.PHONE_CALL: PhoneCallStatus.MADE,
    RecordKind.LETTER: LetterStatus.SENT,
    RecordKind.FAX: FaxStatus.SENT,
}
CANCELED: Mapping[RecordKind, int] = {
    RecordKind.APPOINTMENT: AppointmentStatus.CANCELED,
    RecordKind.SERIES: AppointmentStatus.CANCELED,
    RecordKind.SERVICE: AppointmentStatus.CANCELED,
    RecordKind.TASK: TaskStatus.CANCELED,
    RecordKind.PHONE_CALL: PhoneCallStatus.CANCELED,
    RecordKind.LETTER: LetterStatus.CANCELED,
    RecordKind.FAX: FaxStatus.CANCELED,
}
REOPENED: Mapping[RecordKind, int] = {
    RecordKind.APPOINTMENT: AppointmentStatus.BUSY,
    RecordKind.SERIES: AppointmentStatus.BUSY,
    RecordKind.SERVICE: AppointmentStatus.BUSY,
    RecordKind.TASK: TaskStatus.IN_PROGRESS,
    RecordKind.PHONE_CALL: PhoneCallStatus.OPEN,
    RecordKind.LETTER: LetterStatus.OPEN,
    RecordKind.FAX: FaxStatus.OPEN,
}


def take_over(found: Any, record: Any) -> None:
    for column in ("owner_id", "created_on", "regarding_type_id", "regarding_id", "regarding_name", "global_object_id"):
        setattr(found, column, getattr(record, column))


def hand_over(record: Any, found: Any) -> None:
    """What was single is a series now, or the other way round: the same item on the server."""
    rows = ExchangeSyncIdMapping.objects.filter(object_type=content_type_of(kind_of(record)), object_id=str(record.pk))
    rows.update(object_type=content_type_of(kind_of(found)), object_id=str(found.pk))
    parties = ActivityParty.objects.filter(activity_type=content_type_of(kind_of(record)), activity_id=record.pk)
    parties.update(activity_type=content_type_of(kind_of(found)), activity_id=found.pk)
    record.delete()


def set_regarding(found: Any, record: Model | None) -> None:
    """What an activity belongs to, by type, key and name."""
    found.regarding_type = None if record is None else ContentType.objects.get_for_model(record)
    found.regarding_id = "" if record is None else str(record.pk)
    found.regarding_name = "" if record is None else str(record)[:400]


def save_task(record: Task | PhoneCall | Letter | Fax, columns: Mapping[str, Any], now: datetime) -> None:
    """Write a task, a phone call, a letter or a fax; state, percent and time of completion follow its status (10.7)."""
    for column, value in columns.items():
        setattr(record, column, value)
    _follow_status(record, now)
    record.save()
    request_sync(record, now)


def _follow_status(record: Any, now: datetime) -> None:
    record.state_code = state_of(PAIRS[kind_of(record)], record.status_code)
    is_done = record.state_code == ActivityState.COMPLETED
    if isinstance(record, Task):
        if is_done:
            record.percent_complete = 100
        elif record.percent_complete == 100:
            record.percent_complete = 0 if record.status_code == TaskStatus.NOT_STARTED else 99
    if hasattr(record, "actual_end"):
        record.actual_end = (record.actual_end or now) if is_done else None


def save_contact(record: Contact, now: datetime) -> None:
    """Write a contact."""
    record.save()
    request_sync(record, now)


def set_status(record: Any, status: int, now: datetime) -> None:
    """Complete, cancel or reopen."""
    record.status_code = status
    _follow_status(record, now)
    record.save()
    request_sync(record, now)


def delete_record(record: Record, now: datetime) -> None:
    """Delete a record here; the next run decides by the rules what becomes of its copies (10.1 i, 10.2.5)."""
    kind = content_type_of(kind_of(record))
    with transaction.atomic():
        note_deleted_record(kind.pk, str(record.pk), now)
        ActivityParty.objects.filter(activity_type=kind, activity_id=record.pk).delete()
        record.delete()


def request_sync(record: Any, now: datetime) -> None:
    """The mailboxes that have a copy, and the owner's own, look at it at once."""
    rows = ExchangeSyncIdMapping.objects.filter(object_type=content_type_of(kind_of(record)), object_id=str(record.pk))
    mailboxes = set(rows.values_list("mailbox_id", flat=True))
    mailboxes |= set(Mailbox.objects.filter(regarding_user_id=record.owner_id).values_list("pk", flat=True))
    MailboxLeg.objects.filter(mailbox_id__in=mailboxes, leg=Leg.ACT, enabled=True).request(now)


def request_act(mailbox: Mailbox | None, now: datetime) -> int:
    """Synchronize one mailbox at once, where that is enabled. Returns how many runs were asked for."""
    if mailbox is None:
        return 0
    return MailboxLeg.objects.filter(mailbox=mailbox, leg=Leg.ACT, enabled=True).request(now)
