"""The calendar as agenda and as week, in the time zone of whoever looks; and the lists of tasks and contacts (10)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.utils import timezone

from serversync.console.calendar_desk import Desk, label_of
from serversync.console.calendar_times import FIRST_DAY, LAST_DAY
from tracking.crm.models import Contact
from tracking.crm.models.states import ActivityState, AppointmentStatus
from tracking.decide.field_maps import RecordKind
from tracking.facts.calendar.agenda import Entry, entries
from tracking.facts.calendar.belonging import TO_DO, records_of
from tracking.facts.calendar.pairs import Pair, own_pairs

WEEK, AGENDA_DAYS = 7, 14
PER_PAGE = 50
WORKING_HOURS = (8, 18)
MOST_TO_DO = 500


@dataclass(frozen=True, slots=True)
class Line:
    """One entry as a page shows it on one day."""

    entry: Entry
    title: str
    address: str
    when: str
    status: str
    is_closed: bool
    is_service: bool
    pair: Pair | None


@dataclass(slots=True)
class Day:
    """One day with what is in it: what takes the whole of it, and the rest by hour."""

    day: date
    is_today: bool
    whole: list[Line] = field(default_factory=list)
    hours: dict[int, list[Line]] = field(default_factory=dict)

    @property
    def lines(self) -> list[Line]:
        """All, in order."""
        return [*self.whole, *(line for hour in sorted(self.hours) for line in self.hours[hour])]


def agenda(desk: Desk) -> HttpResponse:
    """What is in the calendar: a list of two weeks, or the table of one."""
    today = timezone.now().astimezone(desk.zone).date()
    view = "week" if desk.request.GET.get("view") == "week" else "agenda"
    first = day_named(desk.request.GET.get("day", "")) or today
    if view == "week":
        first -= timedelta(days=first.weekday())
    length = WEEK if view == "week" else AGENDA_DAYS
    days = _days(desk, first, length, today)
    return desk.show(
        "calendar/agenda.html",
        "Calendar" if desk.is_own else f"The calendar of {desk.mailbox}",
        view=view,
        days=days,
        hours=_hours(days),
        first=first,
        last=first + timedelta(days=length - 1),
        earlier=first - timedelta(days=length),
        later=first + timedelta(days=length),
        today=today,
        is_synchronized=desk.is_synchronized(),
    )


def day_named(text: str) -> date | None:
    """The day that an address names."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if FIRST_DAY <= found <= LAST_DAY else None


def _days(desk: Desk, first: date, length: int, today: date) -> list[Day]:
    last = first + timedelta(days=length - 1)
    found = entries(desk.user_id, first, last, desk.zone)
    known = {
        kind: own_pairs(desk.user_id, kind, {one.pk for one in found if one.kind is kind})
        for kind in (RecordKind.APPOINTMENT, RecordKind.SERIES, RecordKind.SERVICE)
    }
    days = [Day(first + timedelta(days=number), first + timedelta(days=number) == today) for number in range(length)]
    for one in found:
        for day in days:
            if one.first <= day.day <= one.last:
                _put(day, desk, one, known[one.kind].get(one.pk))
    return days


def _put(day: Day, desk: Desk, entry: Entry, pair: Pair | None) -> None:
    line = _line(desk, entry, day.day, pair)
    starts = entry.start.astimezone(desk.zone)
    if entry.is_all_day:
        day.whole.append(line)
    else:
        day.hours.setdefault(starts.hour if starts.date() == day.day else 0, []).append(line)


def _line(desk: Desk, entry: Entry, day: date, pair: Pair | None) -> Line:
    address = desk.item_address(entry.kind, entry.pk)
    if entry.original is not None:
        address += f"?occurrence={entry.original:%Y%m%dT%H%M%SZ}"
    status = AppointmentStatus(entry.status)
    return Line(
        entry,
        desk.shown(entry.subject, entry.is_private),
        address,
        _when(entry, day, desk),
        "" if status == AppointmentStatus.BUSY else str(status.label),
        status in (AppointmentStatus.CANCELED, AppointmentStatus.COMPLETED),
        entry.kind is RecordKind.SERVICE,
        pair,
    )


def _when(entry: Entry, day: date, desk: Desk) -> str:
    """When it is on this day, as people say it."""
    if entry.is_all_day:
        return "All day"
    start, end = entry.start.astimezone(desk.zone), entry.end.astimezone(desk.zone)
    if entry.first < day < entry.last:
        return "the whole day"
    if entry.first < day:
        return f"until {end:%H:%M}"
    return f"{start:%H:%M}–{end:%H:%M}" if entry.last == day else f"from {start:%H:%M}"


def _hours(days: list[Day]) -> list[dict[str, Any]]:
    """The rows of the week: working hours, and earlier or later ones that are needed."""
    used = {hour for day in days for hour in day.hours}
    first, last = min({WORKING_HOURS[0], *used}), max({WORKING_HOURS[1], *(hour + 1 for hour in used)})
    return [
        {"label": f"{hour:02d}:00", "cells": [(day, day.hours.get(hour, [])) for day in days]}
        for hour in range(first, last)
    ]


def tasks(desk: Desk) -> HttpResponse:
    """Tasks, phone calls, letters and faxes; what is late comes first."""
    show = desk.request.GET.get("show", "open")
    show = show if show in ("open", "completed", "canceled") else "open"
    now = timezone.now()
    lines = sorted(_to_do(desk, show), key=lambda line: (line["due"] is None, line["due"] or now))
    page = Paginator(lines, PER_PAGE).get_page(desk.request.GET.get("p"))
    return desk.show(
        "calendar/tasks.html",
        "Tasks" if desk.is_own else f"The tasks of {desk.mailbox}",
        page=page,
        shows=[("open", "Open"), ("completed", "Completed"), ("canceled", "Canceled")],
        chosen=show,
        around=f"show={show}",
        today=now.astimezone(desk.zone).replace(hour=0, minute=0, second=0, microsecond=0),
        kinds=[(kind.value, label_of(kind)) for kind in TO_DO],
    )


def _to_do(desk: Desk, show: str) -> list[dict[str, Any]]:
    states = {"completed": [ActivityState.COMPLETED], "canceled": [ActivityState.CANCELED]}
    wanted = states.get(show, [ActivityState.OPEN, ActivityState.SCHEDULED])
    found = []
    for kind in TO_DO:
        rows = records_of(desk.user_id, kind).filter(state_code__in=wanted).defer("description")
        records = list(rows.order_by("scheduled_end")[:MOST_TO_DO])
        known = own_pairs(desk.user_id, kind, [one.pk for one in records]) if records else {}
        found += [
            {
                "record": one,
                "kind": label_of(kind),
                "title": desk.shown(one.subject),
                "address": desk.item_address(kind, one.pk),
                "due": one.scheduled_end or one.scheduled_start,
                "percent": getattr(one, "percent_complete", None),
                "pair": known.get(one.pk),
            }
            for one in records
        ]
    return found


def contacts(desk: Desk) -> HttpResponse:
    """People that the person owns or has in the mailbox."""
    words = desk.request.GET.get("q", "").replace("\0", "").strip()[:100]
    rows: Any = records_of(desk.user_id, RecordKind.CONTACT).select_related("parent_customer")
    for word in words.split()[:5]:
        rows = rows.filter(
            Q(full_name__icontains=word)
            | Q(email_address_1__icontains=word)
            | Q(parent_customer__name__icontains=word)
            | Q(address_1_city__icontains=word)
        )
    reads = desk.is_own or desk.request.user.has_perm("crm.view_contact")
    page = Paginator(rows.order_by("full_name", "pk"), PER_PAGE).get_page(desk.request.GET.get("p"))
    people: list[Contact] = list(page)
    known = own_pairs(desk.user_id, RecordKind.CONTACT, [one.pk for one in people])
    return desk.show(
        "calendar/contacts.html",
        "Contacts" if desk.is_own else f"The contacts of {desk.mailbox}",
        page=page,
        words=words,
        around=f"q={words}",
        reads=reads,
        lines=[
            {
                "record": one,
                "title": one.full_name if reads else desk.shown(one.full_name),
                "address": desk.item_address(RecordKind.CONTACT, one.pk),
                "pair": known.get(one.pk),
            }
            for one in people
        ],
    )


def moment_of(text: str) -> datetime | None:
    """The original start that an address names."""
    try:
        found = datetime.strptime(text, "%Y%m%dT%H%M%S%z")
    except ValueError:
        return None
    return found if FIRST_DAY <= found.date() <= LAST_DAY else None
