"""Making and changing an appointment, a task or a contact (10.2, 10.6, 10.7)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import BaseForm
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from profiles.connectors.mime import Address
from serversync.console.calendar_contact_form import CONTACT_GROUPS, OPEN_GROUPS, OwnContactForm
from serversync.console.calendar_desk import Desk, kind_named, label_of
from serversync.console.calendar_files import Chosen, chosen
from serversync.console.calendar_forms import (
    AppointmentForm,
    TaskForm,
    initial_of_appointment,
    initial_of_task,
)
from serversync.console.calendar_pages import day_named, moment_of
from serversync.console.calendar_services import ServiceForm, initial_of_service
from serversync.console.calendar_times import OccurrenceForm
from serversync.console.compose_people import as_typed
from tracking.crm.models import Appointment, Contact
from tracking.crm.models.states import ActivityState
from tracking.decide.field_maps import RecordKind
from tracking.facts.act.kinds import MODELS, kind_of
from tracking.facts.calendar.agenda import has_occurrence, zone_of
from tracking.facts.calendar.belonging import MEETINGS, TO_DO
from tracking.keep.calendar.appointments import save_appointment
from tracking.keep.calendar.deciding import syncing_of
from tracking.keep.calendar.occurrences import change_occurrence
from tracking.keep.calendar.records import save_contact, save_task, set_regarding
from tracking.keep.calendar.service_activities import save_service

_CHANGED = (
    "It was changed since you opened it, here or on the server. What you typed is in the form. "
    "Press the button again to replace the other version."
)


def new(desk: Desk, kind: str) -> HttpResponse:
    """A new item of one's own."""
    if not desk.is_own:
        raise PermissionDenied("Items are made by the person they belong to.")
    return _page(desk, kind_named(kind), None)


def edit(desk: Desk, kind: str, pk: UUID) -> HttpResponse:
    """One that is there."""
    record: Any = desk.record(kind, pk)
    if not desk.may_edit(record):
        raise PermissionDenied("Only its owner or its organizer changes this item.")
    if isinstance(record, Appointment) and record.series_id is not None:
        raise Http404("An occurrence is changed with its series.")
    if not isinstance(record, Contact) and record.state_code in (ActivityState.COMPLETED, ActivityState.CANCELED):
        messages.info(desk.request, "It is closed. Reopen it first.")
        return HttpResponseRedirect(desk.item_address(kind_of(record), pk))
    return _page(desk, kind_of(record), record)


def occurrence(desk: Desk, pk: UUID, key: str) -> HttpResponse:
    """One occurrence of a series, for itself (10.4)."""
    series: Any = desk.record(RecordKind.SERIES.value, pk)
    if not desk.may_edit(series):
        raise PermissionDenied("Only its owner or its organizer changes this item.")
    original = moment_of(key)
    if original is None or not has_occurrence(series, original):
        raise Http404("The series has no such occurrence.")
    form = OccurrenceForm(series, original, desk.request.POST if desk.request.method == "POST" else None)
    back = f"{desk.item_address(RecordKind.SERIES, pk)}?occurrence={key}"
    if form.is_valid():
        change_occurrence(series, original, form.fields_set(), syncing_of(desk.own_mailbox(), timezone.now()))
        desk.note(series, "One occurrence was changed.")
        messages.success(desk.request, "Saved for this occurrence; the others stay as they are.")
        return HttpResponseRedirect(back)
    title = f"Change one occurrence: {original.astimezone(desk.zone):%a %Y-%m-%d}"
    status = 422 if form.is_bound else 200
    return desk.show("calendar/occurrence_form.html", title, status, form=form, back=back, meant_in=zone_of(series).key)


def _page(desk: Desk, kind: RecordKind, record: Any) -> HttpResponse:
    """Show the form, or take what was typed."""
    data = desk.request.POST if desk.request.method == "POST" else None
    form = _form(desk, kind, record, data)
    files = chosen(desk, record) if kind in MEETINGS else None
    if data is None:
        return _show(desk, kind, record, form, files)
    if isinstance(form, AppointmentForm) and files is not None:
        form.take_files(files)
    if form.is_valid() and record is not None and data.get("version") != _version(type(record), record.pk):
        form.add_error(None, _CHANGED)
    if not form.is_valid():
        return _show(desk, kind, record, form, files, 422)
    saved = _save(desk, kind, record, form)
    desk.note(saved, "Made." if record is None else "Changed.")
    messages.success(desk.request, "Saved. The next run carries it to the server, if it is synchronized.")
    return HttpResponseRedirect(desk.item_address(kind_of(saved), saved.pk))


def _version(model: Any, pk: UUID) -> str:
    """When it was last changed, as it is stored now: a form of a model has written into the other one."""
    changed = model._default_manager.filter(pk=pk).values_list("modified_on", flat=True).first()
    return "" if changed is None else changed.isoformat()


def _form(desk: Desk, kind: RecordKind, record: Any, data: Any) -> BaseForm:
    user = desk.request.user
    if kind is RecordKind.SERVICE:
        initial = initial_of_service(record, user) if record is not None else _proposed(desk) | _proposed_renderer(user)
        return ServiceForm(user, initial["zone"], record, data, initial=initial)
    if kind in MEETINGS:
        zone = record.iana_time_zone if record is not None else desk.zone.key
        initial = initial_of_appointment(record, user) if record is not None else _proposed(desk)
        return AppointmentForm(user, zone, data, initial=initial)
    if kind in TO_DO:
        initial = initial_of_task(record, user, desk.zone) if record is not None else {}
        return TaskForm(user, kind, MODELS[kind], data, initial=initial)
    return OwnContactForm(user, data, instance=record if record is not None else Contact(owner_id=user.pk))


def _proposed(desk: Desk) -> dict[str, Any]:
    """The next full hour, on the day that was chosen."""
    now = timezone.now().astimezone(desk.zone)
    day = day_named(desk.request.GET.get("day", "")) or now.date()
    start = datetime.combine(day, now.time(), ZoneInfo("UTC")).replace(minute=0, second=0, microsecond=0)
    start += timedelta(hours=1)
    end = start + timedelta(minutes=30)
    return {
        "start_day": start.date(),
        "start_time": start.time(),
        "end_day": end.date(),
        "end_time": end.time(),
        "zone": desk.zone.key,
        "ends": "never",
    }


def _proposed_renderer(user: Any) -> dict[str, Any]:
    """Whoever writes it, as the form names people."""
    return {"resources": as_typed([Address(user.get_full_name(), user.email)])} if user.email else {}


def _save(desk: Desk, kind: RecordKind, record: Any, form: Any) -> Any:
    now, user = timezone.now(), desk.request.user
    if isinstance(form, AppointmentForm):
        return save_appointment(form.planned(), user, now, record)
    if isinstance(form, ServiceForm):
        return save_service(form.planned(), user, now, record)
    if isinstance(form, TaskForm):
        model: Any = MODELS[kind]
        found = record if record is not None else model(owner_id=user.pk, created_on=now)
        if not form.keeps:
            set_regarding(found, form.record)
        save_task(found, form.columns(found, desk.zone), now)
        return found
    found = form.save(commit=False)
    save_contact(found, now)
    return found


def _show(
    desk: Desk, kind: RecordKind, record: Any, form: BaseForm, files: Chosen | None = None, status: int = 200
) -> HttpResponse:
    templates = {**dict.fromkeys(MEETINGS, "appointment"), **dict.fromkeys(TO_DO, "task")}
    template = {**templates, RecordKind.SERVICE: "service"}.get(kind, "contact")
    label = "Appointment" if kind is RecordKind.SERIES else label_of(kind)
    back = desk.item_address(kind, record.pk) if record is not None else ""
    lists = {"appointment": "agenda", "service": "agenda", "task": "tasks", "contact": "contacts"}
    return desk.show(
        f"calendar/{template}_form.html",
        f"New {label.lower()}" if record is None else f"Change the {label.lower()}",
        status,
        form=form,
        files=files,
        record=record,
        back=back or desk.address(lists[template]),
        version="" if record is None else _version(type(record), record.pk),
        groups=[(title, title in OPEN_GROUPS, [form[name] for name in names]) for title, names in CONTACT_GROUPS]
        if template == "contact"
        else [],
        is_synchronized=desk.is_synchronized(),
    )
