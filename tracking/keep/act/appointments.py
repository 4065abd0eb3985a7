"""Canonical values as the columns of our appointments and series, their people and their exceptions (10.3, 10.4)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.contrib.contenttypes.models import ContentType

from profiles.act_items import Attendee, Fields, Recurrence, Value
from profiles.connectors.base import Cause, ItemRejected
from tracking.crm.models import ActivityParty, Appointment, RecurringAppointmentMaster, ServiceAppointment
from tracking.crm.models.appointments import InstanceType
from tracking.crm.recurrence_columns import columns_of
from tracking.decide.field_values import priority_of, state_of_appointment, status_of_show_as
from tracking.decide.merge import TIMES
from tracking.decide.occurrences import OccurrenceStep, SeriesState, differing, plain_occurrence
from tracking.decide.recurrence import days, end_of, midnight, slot_on
from tracking.facts.act.appointments import OWN, ROLES, appointment_values, exceptions_of, resolved, user_with
from tracking.facts.act.kinds import Syncing
from tracking.keep.act.columns import set_text
from tracking.keep.act.files import set_files
from tracking.keep.calendar.records import hand_over, take_over

Series = RecurringAppointmentMaster
DAY = timedelta(days=1)


def make_appointment(fields: Fields, syncing: Syncing) -> Appointment | Series:
    """What a calendar holds, as a record; it is owned by whoever called the meeting, if that is a user (10.3.5)."""
    organizers = [one for one in _people(fields.get("organizer")) if one.address != syncing.address]
    owner = next(filter(None, (user_with(one.address) for one in organizers)), syncing.user_id)
    model = Series if isinstance(fields.get("recurrence"), Recurrence) else Appointment
    record = model(owner_id=owner, created_on=syncing.now)
    told = {"show_as": "busy", "is_all_day": False, "time_zone": "UTC", **fields}
    fill(record, told, set(told))
    record.save(force_insert=True)
    if isinstance(record, Appointment) and "attachments" in fields:
        set_files(record, fields["attachments"], syncing.now)
    _set_people(record, told, syncing)
    return record


def set_appointment(record: Appointment | Series, fields: Fields, syncing: Syncing) -> Appointment | Series:
    """Set and save what these fields say. What was single and is a series now, or the other way round, is another record
    afterwards, to which all mappings have moved (10.4)."""
    whole = {**appointment_values(record), **fields}
    wanted = Series if isinstance(whole.get("recurrence"), Recurrence) else Appointment
    if isinstance(record, wanted):
        fill(record, whole, set(fields))
        record.save()
        if isinstance(record, Series):
            _exceptions_follow(record, fields)
        elif "attachments" in fields:
            set_files(record, fields["attachments"], syncing.now)
    else:
        if isinstance(record, Appointment) and fields.get("attachments") == ():
            set_files(record, (), syncing.now)  # taken out by the same change
        if isinstance(record, Appointment) and record.attachments.exists():
            raise ItemRejected(
                "It has files, which a recurring appointment cannot have here. Remove them from the appointment here first.",
                remedy="Remove its files here; then it becomes a series.",
                cause=Cause.ITEM,
            )
        found = wanted(created_on=record.created_on)
        take_over(found, record)
        fill(found, whole, set(whole))
        found.save(force_insert=True)
        hand_over(record, found)
        if isinstance(found, Appointment) and "attachments" in fields:
            set_files(found, fields["attachments"], syncing.now)
        record = found
    _set_people(record, fields, syncing)
    return record


def fill(record: Appointment | Series | ServiceAppointment, whole: Fields, names: Collection[str]) -> None:
    """The columns of these fields; times are one value, whatever of them has changed."""
    for name, column in (("subject", "subject"), ("body", "description"), ("location", "location")):
        if name in names:
            set_text(record, column, whole.get(name))
    if "importance" in names:
        record.priority_code = priority_of(str(whole["importance"]))
    if "show_as" in names:
        record.status_code = status_of_show_as(str(whole["show_as"] or "busy"), record.status_code)  # 10.3.1
    record.state_code = state_of_appointment(record.status_code)
    if "is_private" in names:
        record.is_mapi_private = bool(whole["is_private"])
    if set(TIMES) & set(names):
        _set_times(record, whole)


def _set_times(record: Appointment | Series | ServiceAppointment, whole: Fields) -> None:
    zone = str(whole.get("time_zone") or "UTC")
    if record.iana_time_zone != zone:
        record.iana_time_zone, record.windows_time_zone = zone, ""
    start, end, whole_days = whole.get("start"), whole.get("end"), bool(whole.get("is_all_day"))
    record.is_all_day_event = whole_days
    record.start_date = record.end_date = None
    if whole_days:
        first, after = _day(start, zone), _day(end, zone)
        record.start_date, record.end_date = first, max(after, first + DAY)
        start, end = midnight(record.start_date, zone), midnight(record.end_date, zone)
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        raise ValueError("An appointment without a start or an end cannot be kept.")
    end = max(start, end)
    if isinstance(record, Appointment | ServiceAppointment):
        record.scheduled_start, record.scheduled_end = start, end
        return
    rule = whole["recurrence"]
    assert isinstance(rule, Recurrence)
    if (begins := next(days(rule), None)) is not None:  # as in Exchange, a series begins with its first occurrence
        rule, slot = replace(rule, first=begins), slot_on(begins, start, end, zone)
        start, end = slot.start, slot.end
        if record.start_date and record.end_date:
            record.start_date, record.end_date = begins, begins + (record.end_date - record.start_date)
    for column, value in columns_of(rule).items():
        setattr(record, column, value)
    record.effective_start_date, record.duration = start, int((end - start).total_seconds()) // 60
    last = end_of(rule)
    clock = start.astimezone(ZoneInfo(zone)).time()
    record.effective_end_date = (
        None if last is None else datetime.combine(last, clock, ZoneInfo(zone)).astimezone(UTC) + (end - start)
    )


def _day(value: Value, zone: str) -> date:
    if isinstance(value, datetime):
        return value.astimezone(ZoneInfo(zone)).date()
    if isinstance(value, date):
        return value
    raise ValueError("An appointment of whole days without a day cannot be kept.")


# People


def _people(value: Value) -> list[Attendee]:
    return [one for one in value if isinstance(one, Attendee)] if isinstance(value, tuple) else []


def _set_people(record: Appointment | Series, fields: Fields, syncing: Syncing) -> None:
    """Who takes part, in the roles that are told. Whoever was resolved by a person stays so; new ones are looked up,
    and those whom nobody here knows stay open (10.3.7)."""
    del syncing
    told = {role: {one.address: one for one in _people(fields[name])} for name, role in ROLES.items() if name in fields}
    kind = ContentType.objects.get_for_model(type(record))
    held = ActivityParty.objects.filter(activity_type=kind, activity_id=record.pk, participation_type_mask__in=told)
    new = {(role, address) for role, people in told.items() for address in people}
    for party in held.exclude(address_used=""):
        key = (party.participation_type_mask, party.address_used.lower())
        if key in new:
            new.discard(key)
        else:
            party.delete()
    known = resolved({address for _, address in new}, str(record.owner_id or "")) if new else {}
    rows = []
    for role, address in sorted(new):
        type_id, record_id = known.get(address, (None, ""))
        name = told[role][address].name[:200]
        rows.append(
            ActivityParty(
                activity_type=kind,
                activity_id=record.pk,
                participation_type_mask=role,
                address_used=address[:320],
                unresolved_party_name=name,
                party_type_id=type_id,
                party_id=record_id,
            )
        )
    ActivityParty.objects.bulk_create(rows)
    read_anew(record)


def read_anew(record: Appointment | Series | ServiceAppointment) -> None:
    """What was read with the record is old."""
    getattr(record, "_prefetched_objects_cache", {}).clear()


# Exceptions


def apply_occurrence(series: Series, step: OccurrenceStep, syncing: Syncing) -> None:
    """One occurrence taken out, put back, or made to differ (10.4)."""
    original = step.original_start.astimezone(UTC)
    listed = {datetime.fromisoformat(one).astimezone(UTC) for one in series.deleted_exceptions_list}
    if step.removes or step.restores:
        listed = listed | {original} if step.removes else listed - {original}
        if step.removes:
            series.exceptions.filter(original_start_date=original).delete()
        series.deleted_exceptions_list = sorted(one.isoformat() for one in listed)
        series.save(update_fields=["deleted_exceptions_list", "modified_on"])
    if step.fields:
        _set_occurrence(series, original, step.fields, syncing)
    read_anew(series)


def _set_occurrence(series: Series, original: datetime, fields: Fields, syncing: Syncing) -> None:
    values = {name: value for name, value in appointment_values(series).items() if name != "recurrence"}
    plain = {**values, **plain_occurrence(values, original, values)}
    found = series.exceptions.filter(original_start_date=original).first()
    own: Fields = {}
    if found is not None:
        mask = set(found.modified_fields_mask.split()) or OWN
        own = {name: value for name, value in appointment_values(found).items() if name in mask}
    whole = {**plain, **own, **fields}
    left = differing(original, {**own, **fields}, SeriesState(values))
    if not left:
        if found is not None:
            found.delete()
            series.save(update_fields=["modified_on"])
        return
    if found is None:
        found = Appointment(series=series, original_start_date=original, owner_id=series.owner_id)
        found.created_on, found.instance_type_code = syncing.now, InstanceType.EXCEPTION
        found.regarding_type_id, found.regarding_id = series.regarding_type_id, series.regarding_id
        found.regarding_name = series.regarding_name
    found.modified_fields_mask = " ".join(sorted(left))
    fill(found, whole, set(whole))
    found.save()
    _set_people(found, whole, syncing)


def _exceptions_follow(series: Series, fields: Fields) -> None:
    """What an occurrence has of its series changes with it; what it differs in stays; what is in no pattern goes."""
    read_anew(series)
    rows = list(series.exceptions.all())
    if set(TIMES) & set(fields) and (rows or series.deleted_exceptions_list):
        kept = exceptions_of(series)
        gone = [one for one in rows if one.original_start_date not in kept.changed]
        Appointment.objects.filter(pk__in=[one.pk for one in gone]).delete()
        series.deleted_exceptions_list = sorted(one.isoformat() for one in kept.removed)
        series.save(update_fields=["deleted_exceptions_list", "modified_on"])
        rows = [one for one in rows if one not in gone]
    for one in rows:
        mask = set(one.modified_fields_mask.split()) or OWN
        names = set(fields) - mask - set(TIMES) - set(ROLES)
        if names:
            fill(one, fields, names)
            one.save()
    read_anew(series)
