"""One appointment, task or contact: what it says, how its copies are doing, what was agreed, its conflicts and history."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils import timezone

from profiles import history
from profiles.pages import moment, told
from serversync.console.calendar_desk import Desk, label_of
from serversync.console.calendar_files import shown
from serversync.console.calendar_pages import moment_of
from serversync.console.calendar_sides import Row, clashes_of, rows_of, values_of
from serversync.console.pages import record_url
from tracking.crm.models import (
    ActivityParty,
    Appointment,
    Contact,
    RecurringAppointmentMaster,
    ServiceAppointment,
    Task,
)
from tracking.crm.models.states import ActivityState
from tracking.crm.recurrence_columns import COLUMNS, recurrence_of
from tracking.decide.field_maps import FIELD_MAPS, RecordKind
from tracking.decide.in_words import recurrence_in_words, value_in_words
from tracking.facts.act.kinds import Record, kind_of
from tracking.facts.calendar.agenda import has_occurrence, zone_of
from tracking.facts.calendar.belonging import MEETINGS, people_of
from tracking.facts.calendar.closed import is_private
from tracking.facts.calendar.pairs import Pair, pairs, pairs_of
from tracking.keep.calendar import deciding
from tracking.keep.calendar.deciding import NotPossible, syncing_of
from tracking.keep.calendar.occurrences import take_out
from tracking.keep.calendar.records import CANCELED, COMPLETED, REOPENED, delete_record, set_status
from tracking.models import ExchangeSyncIdMapping, SyncConflict, UserDecision

HISTORY = 30
_MOMENT = "%a %Y-%m-%d %H:%M"


def item(desk: Desk, kind: str, pk: UUID) -> HttpResponse:
    """Everything about one item. Whoever may not read it learns how it is doing, not what it says."""
    record = desk.record(kind, pk)
    record_kind = kind_of(record)
    reads = desk.reads_record(record)
    desk.note_reading(record)
    copies = _copies(desk, record_kind, pk)
    own = next((one for one in copies if one.row.owner_id == desk.user_id), None)
    return desk.show(
        "calendar/item.html",
        label_of(record_kind),
        record=record,
        kind=record_kind.value,
        subject=(title_of(record) or "(no subject)") if reads else desk.shown("", is_private(record)),
        reads=reads,
        facts=_facts(record, desk) if reads else [],
        people=_people(record) if reads else [],
        files=shown(record, own) if reads else [],
        pairs=copies,
        own=own,
        rows=rows_of(record, own, desk) if reads and own is not None else [],
        clashes=clashes_of(record_kind, pk, desk) if reads else [],
        history=_history(record) if reads else [],
        occurrence=_occurrence(record, desk),
        may_edit=desk.may_edit(record),
        is_closed=_is_closed(record),
        is_contact=isinstance(record, Contact),
        regarding_url=_regarding(desk, record),
        may_decide=desk.may("tracking.change_exchangesyncidmapping"),
        may_undo=desk.may("tracking.change_syncconflict") and desk.may_edit(record),
        is_synchronized=desk.is_synchronized(),
    )


def _copies(desk: Desk, kind: RecordKind, pk: UUID) -> list[Pair]:
    """How the copies are doing: people see their own, those who may see what is linked see all."""
    sees_all = desk.request.user.has_perm("tracking.view_exchangesyncidmapping")
    return [one for one in pairs_of(kind, pk) if sees_all or one.row.owner_id == desk.user_id]


def title_of(record: Any) -> str:
    """What the page is called."""
    return record.full_name if isinstance(record, Contact) else str(record.subject)


def _is_closed(record: Any) -> bool:
    return not isinstance(record, Contact) and record.state_code in (ActivityState.COMPLETED, ActivityState.CANCELED)


def _regarding(desk: Desk, record: Any) -> str:
    is_staff_page = desk.space != "calendar" or desk.request.user.is_staff
    return (
        record_url(record.regarding_type_id, record.regarding_id)
        if is_staff_page and hasattr(record, "regarding_id")
        else ""
    )


def _facts(record: Record, desk: Desk) -> list[tuple[str, str]]:
    """What the item says, in words."""
    if isinstance(record, Contact):
        found = [(one.label, one.ours) for one in _contact_rows(record, desk)]
        return [(label, words) for label, words in found if words != "–"]
    if isinstance(record, Appointment | RecurringAppointmentMaster | ServiceAppointment):
        return _appointment_facts(record, desk)
    start, due = _day(record.scheduled_start, desk), _day(record.scheduled_end, desk)
    facts = [("Status", record.get_status_code_display()), ("Start", start), ("Due", due)]
    if isinstance(record, Task):
        facts.append(("Done", f"{record.percent_complete} %"))
    number = getattr(record, "phone_number", "") or getattr(record, "fax_number", "")
    facts += [
        ("Completed", _time(record.actual_end, desk)),
        ("Number", number or "–"),
        ("Priority", record.get_priority_code_display()),
    ]
    return [(label, words) for label, words in facts if words != "–"]


def _contact_rows(record: Contact, desk: Desk) -> list[Row]:
    values = values_of(record, desk)
    return [
        Row(one.label, value_in_words(values.get(name), desk.zone), "", "", "", False, False)
        for name, one in FIELD_MAPS[RecordKind.CONTACT].items()
    ]


def _appointment_facts(
    record: Appointment | RecurringAppointmentMaster | ServiceAppointment, desk: Desk
) -> list[tuple[str, str]]:
    facts = [("When", _when(record, desk))]
    if isinstance(record, RecurringAppointmentMaster):
        facts.append(("Repeats", repeats(record)))
    facts += [
        ("Where", record.location or "–"),
        ("Status", record.get_status_code_display()),
        ("Priority", record.get_priority_code_display()),
        ("Private", "only you read it" if record.is_mapi_private else "–"),
        ("Time zone", _zone_in_words(record, desk)),
    ]
    return [(label, words) for label, words in facts if words != "–"]


def _zone_in_words(record: Appointment | RecurringAppointmentMaster | ServiceAppointment, desk: Desk) -> str:
    """Days are the same everywhere; times are told in the zone of whoever looks, whatever they were meant in."""
    if record.is_all_day_event or not record.iana_time_zone:
        return "–"
    if record.iana_time_zone == desk.zone.key:
        return desk.zone.key
    return f"{desk.zone.key}; it was meant in {record.iana_time_zone}"


def repeats(record: RecurringAppointmentMaster) -> str:
    """The pattern in words."""
    try:
        return recurrence_in_words(recurrence_of({name: getattr(record, name) for name in COLUMNS}))
    except ValueError as error:
        return f"a pattern that cannot be read: {error}"


def _when(record: Any, desk: Desk) -> str:
    if record.is_all_day_event:
        last = record.end_date.toordinal() - 1
        first = record.start_date.toordinal()
        return (
            f"{record.start_date}, all day"
            if last <= first
            else f"{record.start_date} to {datetime.fromordinal(last):%Y-%m-%d}"
        )
    if isinstance(record, RecurringAppointmentMaster):
        return f"first on {_time(record.effective_start_date, desk)}, {record.duration} minutes each"
    start, end = record.scheduled_start.astimezone(desk.zone), record.scheduled_end.astimezone(desk.zone)
    return f"{start:{_MOMENT}} – {end:%H:%M}" if start.date() == end.date() else f"{start:{_MOMENT}} – {end:{_MOMENT}}"


def _time(value: datetime | None, desk: Desk) -> str:
    return "–" if value is None else f"{value.astimezone(desk.zone):{_MOMENT}}"


def _day(value: datetime | None, desk: Desk) -> str:
    """Tasks are due on days; a time of the day is said where somebody gave one."""
    there = None if value is None else value.astimezone(desk.zone)
    return f"{there:%a %Y-%m-%d}" if there is not None and there.time() == time() else _time(value, desk)


def _people(record: Record) -> list[dict[str, Any]]:
    kind = kind_of(record)
    if kind not in (*MEETINGS, RecordKind.SERVICE):
        return []
    people = people_of(kind, record.pk)
    if kind is RecordKind.SERVICE:  # who renders it comes before whom it is for
        people.sort(key=lambda one: one.participation_type_mask)
    return [_person(one) for one in people]


def _person(one: ActivityParty) -> dict[str, Any]:
    known: Any = one.party
    return {
        "role": one.get_participation_type_mask_display(),
        "name": called(known) if known is not None else one.unresolved_party_name,
        "address": one.address_used,
        "is_known": known is not None,
    }


def _history(record: Record) -> list[dict[str, Any]]:
    """Who changed what of it, and who of the staff has read it; newest first."""
    kept = [told(entry) for entry in history.entries_of(type(record), str(record.pk))[:HISTORY]]
    kind = ContentType.objects.get_for_model(record)
    looked = LogEntry.objects.filter(content_type=kind, object_id=str(record.pk)).select_related("user")[:HISTORY]
    read = [
        {"when": moment(one.action_time), "who": str(one.user), "what": one.get_change_message(), "lines": []}
        for one in looked
    ]
    return [*kept, *read]


def _occurrence(record: Record, desk: Desk) -> dict[str, Any] | None:
    """The occurrence of a series that was asked for."""
    original = moment_of(desk.request.GET.get("occurrence", ""))
    if original is None or not isinstance(record, RecurringAppointmentMaster):
        return None
    differing = record.exceptions.filter(original_start_date=original).first()
    first = original.astimezone(zone_of(record))
    found = {
        "key": f"{original:%Y%m%dT%H%M%SZ}",
        "when": f"{first:%a %Y-%m-%d}" if record.is_all_day_event else _time(original, desk),
        "differs": differing is not None,
    }
    if differing is not None and desk.reads_record(record):
        facts = [("When", _when(differing, desk)), ("Subject", differing.subject), ("Where", differing.location)]
        same = {"", record.subject, record.location}
        found["facts"] = [(label, words) for label, words in facts if words not in same]
    return found


def called(record: Any) -> str:
    """A record by name; users by their own."""
    return str(record.get_full_name() or record) if hasattr(record, "get_full_name") else str(record)


def act(desk: Desk, kind: str, pk: UUID) -> HttpResponse:
    """Complete, cancel, reopen or delete it; take one occurrence out."""
    record: Any = desk.record(kind, pk)
    if not desk.may_edit(record):
        raise PermissionDenied("Only its owner or its organizer changes this item.")
    now, do, record_kind = timezone.now(), desk.request.POST.get("do", ""), kind_of(record)
    statuses = {"complete": COMPLETED, "cancel": CANCELED, "reopen": REOPENED}
    if do in statuses and record_kind in statuses[do]:
        set_status(record, statuses[do][record_kind], now)
        words = {"complete": "completed", "cancel": "canceled", "reopen": "open again"}[do]
        desk.note(record, f"It is {words}.")
        messages.success(desk.request, f"It is {words}. The next run carries it to the server as far as the rules say.")
        return HttpResponseRedirect(desk.item_address(record_kind, pk))
    if do == "take-out" and isinstance(record, RecurringAppointmentMaster):
        original = moment_of(desk.request.POST.get("occurrence", ""))
        if original is None or not has_occurrence(record, original):
            return desk.no_such_button("item", kind, pk)
        take_out(record, original, syncing_of(desk.own_mailbox(), now))
        desk.note(record, "One occurrence was taken out.")
        messages.success(desk.request, "This occurrence was taken out; the others stay.")
        return HttpResponseRedirect(desk.item_address(record_kind, pk))
    if do == "delete":
        delete_record(record, now)
        messages.success(
            desk.request, "It was deleted here. The next run decides by the rules about the server’s copy."
        )
        in_calendar = dict.fromkeys((*MEETINGS, RecordKind.SERVICE), "agenda")
        listed = {RecordKind.CONTACT: "contacts", **in_calendar}
        return HttpResponseRedirect(desk.address(listed.get(record_kind, "tasks")))
    return desk.no_such_button("item", kind, pk)


def pair(desk: Desk, pk: UUID) -> HttpResponse:
    """A copy that has no record here: what became of it."""
    row = get_object_or_404(_mappings(desk), pk=pk)
    [found] = pairs([row])
    if found.record_kind is not None and row.object is not None:
        return HttpResponseRedirect(desk.item_address(found.record_kind, row.object.pk))
    mask = desk.masks([row]).get(row.pk, "")
    return desk.show(
        "calendar/pair.html",
        row.get_kind_display(),
        pair=found,
        pairs=[found],
        own=found,
        subject=mask or row.item_subject or "(no subject)",
        reads=not mask,
        may_decide=desk.may("tracking.change_exchangesyncidmapping"),
    )


def settle(desk: Desk, pk: UUID) -> HttpResponse:
    """Retry a copy, or answer what is asked about it."""
    desk.insist("tracking.change_exchangesyncidmapping")
    row = get_object_or_404(_mappings(desk), pk=pk)
    do, now = desk.request.POST.get("do", ""), timezone.now()
    answers = {"yes": UserDecision.YES, "no": UserDecision.NO}
    if do == "retry":
        if deciding.retry(_mappings(desk).filter(pk=pk), now):
            messages.success(desk.request, "It is tried again at the next run, which was asked for.")
        else:
            messages.warning(desk.request, "Nothing was changed: it waits for an answer first.")
    elif do in answers:
        if deciding.answer(row, answers[do], desk.request.user, now):
            messages.success(desk.request, "Noted. The next run does it.")
        else:
            messages.warning(desk.request, "Nothing was changed: it was answered already.")
    else:
        return desk.no_such_button("waiting")
    return desk.back("waiting")


def undo(desk: Desk, pk: UUID) -> HttpResponse:
    """Take the value that was overwritten after all."""
    desk.insist("tracking.change_syncconflict")
    conflict = get_object_or_404(SyncConflict, pk=pk, mailbox=desk.own_mailbox())
    record = conflict.object
    if record is not None and not desk.may_edit(record):
        raise PermissionDenied("Only its owner or its organizer changes this item.")
    try:
        deciding.undo_conflict(conflict, desk.request.user, timezone.now())
    except NotPossible as error:
        messages.warning(desk.request, f"Nothing was changed. {error}")
    else:
        messages.success(desk.request, "The other value stands here again; the next run carries it to the server.")
    return desk.back("problems")


def _mappings(desk: Desk) -> Any:
    return ExchangeSyncIdMapping.objects.filter(mailbox=desk.own_mailbox())
