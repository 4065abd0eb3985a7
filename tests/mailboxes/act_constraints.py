"""What the database refuses of appointments, contacts and tasks (10): rows of the table of constraints."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.mailboxes.constraint_rows import FOR_ALICE, FOR_SUPPORT, MINE, NOW, Case, House, Make, activity, made, twice
from tracking.crm.models import (
    Appointment,
    AppointmentAttachment,
    Blob,
    Fax,
    Letter,
    PhoneCall,
    RecurringAppointmentMaster,
    ServiceAppointment,
    Task,
)
from tracking.crm.models.states import AppointmentStatus, FaxStatus, LetterStatus, PhoneCallStatus, TaskStatus
from tracking.models import (
    ExchangeSyncIdMapping,
    HeldDeletion,
    HeldWrite,
    SyncAttributeMapping,
    SyncFilter,
    SyncProgress,
)


def exception(original: datetime) -> Make:
    """An occurrence that differs from the one series there is."""

    def make(house: House) -> Any:
        series = RecurringAppointmentMaster.objects.first() or activity(RecurringAppointmentMaster)(house)
        return activity(Appointment, series=series, original_start_date=original)(house)

    return make


def held_write(fingerprint: str) -> Make:
    def make(house: House) -> Any:
        mapping = ExchangeSyncIdMapping.objects.first() or made(ExchangeSyncIdMapping, FOR_ALICE)(house)
        return HeldWrite.objects.create(mapping=mapping, mailbox=house.alices, fingerprint=fingerprint, held_on=NOW)

    return make


def file_with_appointment(name: str) -> Make:
    """A file with the one appointment there is."""

    def make(house: House) -> Any:
        appointment = Appointment.objects.first() or activity(Appointment)(house)
        blob, _ = Blob.objects.get_or_create(digest="0" * 64, defaults={"size": 1, "created_on": NOW})
        return AppointmentAttachment.objects.create(
            appointment=appointment, blob=blob, file_name=name, file_size=1, created_on=NOW
        )

    return make


KEPT: dict[str, Case] = {
    "appointment_state_fits_status": (
        [activity(Appointment)],
        activity(Appointment, status_code=AppointmentStatus.COMPLETED),
    ),
    "appointment_ends_after_it_starts": (
        [activity(Appointment)],
        activity(Appointment, scheduled_end=NOW - timedelta(minutes=1)),
    ),
    "series_state_fits_status": (
        [activity(RecurringAppointmentMaster)],
        activity(RecurringAppointmentMaster, status_code=AppointmentStatus.FREE),
    ),
    "service_state_fits_status": (
        [activity(ServiceAppointment)],
        activity(ServiceAppointment, status_code=AppointmentStatus.COMPLETED),
    ),
    "service_ends_after_it_starts": (
        [activity(ServiceAppointment)],
        activity(ServiceAppointment, scheduled_end=NOW - timedelta(minutes=1)),
    ),
    "service_all_day_has_dates": (
        [activity(ServiceAppointment, start_date=None)],
        activity(ServiceAppointment, is_all_day_event=True),
    ),
    "appointment_file_name_once": twice(file_with_appointment("plan.pdf"), file_with_appointment("notes.txt")),
    "task_state_fits_status": ([activity(Task)], activity(Task, status_code=TaskStatus.COMPLETED)),
    "task_percent_0_to_100": ([activity(Task, percent_complete=100)], activity(Task, percent_complete=101)),
    "appointment_all_day_has_dates": (
        [activity(Appointment, is_all_day_event=True, start_date=NOW.date(), end_date=NOW.date() + timedelta(days=1))],
        activity(Appointment, is_all_day_event=True),
    ),
    "series_all_day_has_dates": (
        [activity(RecurringAppointmentMaster, start_date=None)],
        activity(RecurringAppointmentMaster, start_date=NOW.date(), end_date=NOW.date() + timedelta(days=1)),
    ),
    "appointment_of_series_has_original_start": (
        [activity(Appointment)],
        activity(Appointment, original_start_date=NOW),
    ),
    "exception_once_per_series": twice(exception(NOW), exception(NOW + timedelta(days=1))),
    "series_numbers_in_range": (
        [activity(RecurringAppointmentMaster, days_of_week_mask=127, instance=5, day_of_month=31, month_of_year=12)],
        activity(RecurringAppointmentMaster, days_of_week_mask=128),
    ),
    "phone_call_state_fits_status": ([activity(PhoneCall)], activity(PhoneCall, status_code=PhoneCallStatus.MADE)),
    "letter_state_fits_status": ([activity(Letter)], activity(Letter, status_code=LetterStatus.SENT)),
    "fax_state_fits_status": ([activity(Fax)], activity(Fax, status_code=FaxStatus.SENT)),
    "mapping_once_per_owner": twice(
        made(ExchangeSyncIdMapping, FOR_ALICE, object_id="1"),
        made(ExchangeSyncIdMapping, FOR_ALICE, object_id=""),
        made(ExchangeSyncIdMapping, FOR_ALICE, object_id=""),  # not in the CRM yet
    ),
    "mapping_once_per_item": twice(
        made(ExchangeSyncIdMapping, FOR_ALICE, kind="task", exchange_entry_id="i"),
        made(ExchangeSyncIdMapping, FOR_SUPPORT, kind="task", exchange_entry_id="i"),
        made(ExchangeSyncIdMapping, FOR_ALICE, kind="task"),  # not on the server yet
    ),
    "mapping_once_per_mark": twice(
        made(ExchangeSyncIdMapping, FOR_ALICE, mark="m"), made(ExchangeSyncIdMapping, FOR_SUPPORT, mark="m")
    ),
    "sync_attribute_once_per_field": twice(
        made(SyncAttributeMapping, record_kind="task", field="due", sync_direction=0),
        made(SyncAttributeMapping, record_kind="fax", field="due", sync_direction=0),
    ),
    "sync_filter_once_per_owner": twice(
        made(SyncFilter, {"owner": "alice"}, record_kind="task", name="Mine"),
        made(SyncFilter, {"owner": "alice"}, record_kind="fax", name="Mine"),
        made(SyncFilter, record_kind="task", name="Mine"),
    ),
    "sync_filter_template_once": twice(
        made(SyncFilter, record_kind="task", name="Mine"), made(SyncFilter, record_kind="fax", name="Mine")
    ),
    "sync_filter_default_is_template": (
        [made(SyncFilter, record_kind="task", name="Mine", is_default=True)],
        made(SyncFilter, {"owner": "alice"}, record_kind="task", name="Mine", is_default=True),
    ),
    "sync_progress_once_per_kind": twice(
        made(SyncProgress, MINE, kind="task"),
        made(SyncProgress, MINE, kind="contact"),
        made(SyncProgress, {"mailbox": "supports"}, kind="task"),
    ),
    "held_write_once": twice(held_write("f"), held_write("g")),
    "held_deletion_open_once": twice(
        made(HeldDeletion, MINE, kind="task", on_side="crm", number=9, out_of=9, held_on=NOW),
        made(HeldDeletion, MINE, kind="task", on_side="exchange", number=9, out_of=9, held_on=NOW),
        made(HeldDeletion, MINE, kind="task", on_side="crm", number=9, out_of=9, held_on=NOW, decision=1),
    ),
}
