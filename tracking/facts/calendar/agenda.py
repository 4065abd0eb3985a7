"""What is in a person's calendar between two days: single appointments, and series with every occurrence of them (10.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db.models import Q, QuerySet

from tracking.crm.models import Appointment, RecurringAppointmentMaster, ServiceAppointment
from tracking.crm.recurrence_columns import COLUMNS, recurrence_of
from tracking.decide.field_maps import RecordKind
from tracking.decide.recurrence import between, still_there
from tracking.facts.calendar.belonging import records_of

MOST = 1_000
"""Entries that one page shows at most."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One appointment, or one occurrence of a series, as a calendar shows it. `first` and `last` are the days that it
    touches where the person is; `original` names an occurrence, `pk` its series."""

    kind: RecordKind
    pk: UUID
    subject: str
    location: str
    status: int
    is_private: bool
    is_all_day: bool
    start: datetime
    end: datetime
    first: date
    last: date
    original: datetime | None = None
    differs: bool = False


def entries(user_id: int, first: date, last: date, zone: ZoneInfo) -> list[Entry]:
    """Everything that touches these days, in order: whole days first, then by their start."""
    after = datetime.combine(first, datetime.min.time(), zone).astimezone(UTC)
    before = datetime.combine(last + _DAY, datetime.min.time(), zone).astimezone(UTC)
    found = [
        *_singles(user_id, after, before, zone),
        *_services(user_id, after, before, zone),
        *_of_series(user_id, after, before, zone),
    ]
    shown = [one for one in found if one.first <= last and one.last >= first]
    return sorted(shown, key=lambda one: (max(one.first, first), not one.is_all_day, one.start, one.subject))[:MOST]


def _touching(after: datetime, before: datetime) -> Q:
    """A day more on both sides: whole days are dates, which are elsewhere in other zones."""
    return Q(scheduled_start__lt=before + _DAY, scheduled_end__gte=after - _DAY)


def _singles(user_id: int, after: datetime, before: datetime, zone: ZoneInfo) -> Iterator[Entry]:
    rows = records_of(user_id, RecordKind.APPOINTMENT).filter(_touching(after, before), series=None)
    for row in rows.defer("description").order_by("scheduled_start")[:MOST]:
        yield _entry(row, zone)


def _services(user_id: int, after: datetime, before: datetime, zone: ZoneInfo) -> Iterator[Entry]:
    rows = records_of(user_id, RecordKind.SERVICE).filter(_touching(after, before))
    for row in rows.defer("description").order_by("scheduled_start")[:MOST]:
        yield Entry(
            RecordKind.SERVICE,
            row.pk,
            row.subject,
            row.location,
            row.status_code,
            row.is_mapi_private,
            row.is_all_day_event,
            row.scheduled_start,
            row.scheduled_end,
            *_days(row, row.scheduled_start, row.scheduled_end, zone),
        )


def _entry(row: Appointment, zone: ZoneInfo, series: RecurringAppointmentMaster | None = None) -> Entry:
    first, last = _days(row, row.scheduled_start, row.scheduled_end, zone)
    named: Appointment | RecurringAppointmentMaster = row
    if series is not None and "subject" not in row.modified_fields_mask.split() and not row.subject:
        named = series
    return Entry(
        RecordKind.APPOINTMENT if series is None else RecordKind.SERIES,
        row.pk if series is None else series.pk,
        named.subject,
        row.location,
        row.status_code,
        row.is_mapi_private or (series is not None and series.is_mapi_private),
        row.is_all_day_event,
        row.scheduled_start,
        row.scheduled_end,
        first,
        last,
        row.original_start_date,
        differs=series is not None,
    )


def _days(
    row: Appointment | RecurringAppointmentMaster | ServiceAppointment, start: datetime, end: datetime, zone: ZoneInfo
) -> tuple[date, date]:
    """The days that it touches; one that ends at midnight does not touch the day that begins then."""
    if row.is_all_day_event and row.start_date is not None and row.end_date is not None:
        return row.start_date, max(row.start_date, row.end_date - _DAY)
    first, ends = start.astimezone(zone), end.astimezone(zone)
    last = (ends - timedelta(seconds=1)).date() if ends > first else ends.date()
    return first.date(), max(first.date(), last)


def _of_series(user_id: int, after: datetime, before: datetime, zone: ZoneInfo) -> Iterator[Entry]:
    masters: QuerySet[RecurringAppointmentMaster] = records_of(user_id, RecordKind.SERIES).filter(
        Q(effective_end_date=None) | Q(effective_end_date__gte=after - _DAY),
        effective_start_date__lt=before + _DAY,
    )
    by_key = {one.pk: one for one in masters.defer("description")[:MOST]}
    differing = Appointment.objects.filter(series__in=list(by_key)).defer("description")
    moved: dict[UUID, set[datetime]] = {}
    for row in differing.filter(_touching(after, before) | Q(original_start_date__range=(after - _DAY, before + _DAY))):
        moved.setdefault(row.series_id, set()).add(row.original_start_date)  # type: ignore[arg-type]
        yield _entry(row, zone, by_key[row.series_id])  # type: ignore[index]
    for master in by_key.values():
        yield from _occurrences(master, moved.get(master.pk, set()), after, before, zone)


def _occurrences(
    master: RecurringAppointmentMaster, moved: set[datetime], after: datetime, before: datetime, zone: ZoneInfo
) -> Iterator[Entry]:
    """Those that are as the series has them. A pattern that cannot be read shows the first one only."""
    columns: Mapping[str, object] = {name: getattr(master, name) for name in COLUMNS}
    start = master.effective_start_date
    end = start + length_of(master)
    taken_out = {datetime.fromisoformat(one) for one in master.deleted_exceptions_list}
    try:
        slots = between(recurrence_of(columns), start, end, zone_of(master).key, after - _DAY, before + _DAY)
        for slot in slots:
            if slot.start not in taken_out and slot.start not in moved:
                yield _occurrence(master, slot.day, slot.start, slot.end, zone)
    except ValueError:
        yield _occurrence(master, start.astimezone(zone_of(master)).date(), start, end, zone)


def has_occurrence(series: RecurringAppointmentMaster, original: datetime) -> bool:
    """Whether a series would have one that begins then, and it was not taken out."""
    if original in {datetime.fromisoformat(one) for one in series.deleted_exceptions_list}:
        return False
    try:
        rule = recurrence_of({name: getattr(series, name) for name in COLUMNS})
    except ValueError:  # a pattern that cannot be read
        return False
    start = series.effective_start_date
    return bool(still_there([original], rule, start, start + length_of(series), zone_of(series).key))


def length_of(master: RecurringAppointmentMaster) -> timedelta:
    """How long each occurrence takes."""
    if master.is_all_day_event and master.start_date is not None and master.end_date is not None:
        return master.end_date - master.start_date
    return timedelta(minutes=master.duration)


def zone_of(row: Appointment | RecurringAppointmentMaster | ServiceAppointment) -> ZoneInfo:
    """The time zone in which it was meant; UTC for one that nobody knows."""
    try:
        return ZoneInfo(row.iana_time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _occurrence(master: RecurringAppointmentMaster, day: date, start: datetime, end: datetime, zone: ZoneInfo) -> Entry:
    if master.is_all_day_event:
        first, last = day, max(day, day + length_of(master) - _DAY)
    else:
        first, last = _days(master, start, end, zone)
    return Entry(
        RecordKind.SERIES,
        master.pk,
        master.subject,
        master.location,
        master.status_code,
        master.is_mapi_private,
        master.is_all_day_event,
        start,
        end,
        first,
        last,
        start,
    )
