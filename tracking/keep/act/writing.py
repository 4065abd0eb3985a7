"""Our records, whatever their kind, made and changed from canonical values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from profiles.act_items import Fields, ItemKind
from tracking.crm.models import Appointment, RecurringAppointmentMaster, ServiceAppointment
from tracking.decide.field_maps import RecordKind
from tracking.facts.act.kinds import MODELS, Record, Syncing, kind_of
from tracking.keep.act.appointments import make_appointment, set_appointment
from tracking.keep.act.columns import set_contact, set_task
from tracking.keep.act.service_activities import add_resource, set_service

SETTERS: Mapping[RecordKind, Callable[[Any, Fields, Syncing], None]] = {
    RecordKind.TASK: set_task,
    RecordKind.PHONE_CALL: set_task,
    RecordKind.LETTER: set_task,
    RecordKind.FAX: set_task,
    RecordKind.CONTACT: set_contact,
    RecordKind.SERVICE: set_service,
}
MADE_FROM = {
    ItemKind.TASK: RecordKind.TASK,
    ItemKind.CONTACT: RecordKind.CONTACT,
    ItemKind.APPOINTMENT: RecordKind.APPOINTMENT,
}
"""What an item of the server becomes here (10.7)."""


def set_fields(record: Record, fields: Fields, syncing: Syncing) -> Record:
    """Set and save what these fields say. Returns the record; an appointment that becomes a series is another one."""
    if isinstance(record, Appointment | RecurringAppointmentMaster):
        return set_appointment(record, fields, syncing)
    SETTERS[kind_of(record)](record, fields, syncing)
    record.save()
    return record


def make_record(kind: RecordKind, fields: Fields, syncing: Syncing) -> Record:
    """A record of the syncing user from what the server holds. A task begins when it comes in (10.7)."""
    if kind in (RecordKind.APPOINTMENT, RecordKind.SERIES):
        return make_appointment(fields, syncing)
    record = MODELS[kind](owner_id=syncing.user_id, created_on=syncing.now)
    if kind is RecordKind.TASK:
        record.actual_start = syncing.now  # type: ignore[union-attr]
    SETTERS[kind](record, fields, syncing)
    record.save(force_insert=True)
    if isinstance(record, ServiceAppointment):
        add_resource(record, syncing.user_id)
    return record
