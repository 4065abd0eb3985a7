"""The forms of appointments and tasks: what a person types, read into what is kept; mistakes are named by field (10)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.db.models import Model

from profiles.act_items import Attached, Frequency, Recurrence
from profiles.connectors.mime import Address
from serversync.console.calendar_files import SERIES, Chosen
from serversync.console.calendar_times import Styled, TimesForm, day_field, zones_with
from serversync.console.compose_people import as_typed, read_people
from tracking.crm.models import Appointment, Participation, RecurringAppointmentMaster, Task
from tracking.crm.models.states import Priority
from tracking.crm.recurrence_columns import COLUMNS, recurrence_of
from tracking.decide.field_maps import RecordKind
from tracking.decide.field_values import show_as_of
from tracking.decide.in_words import WEEKDAYS
from tracking.decide.recurrence import LAST_WEEK, days
from tracking.facts.act.kinds import kind_of
from tracking.facts.calendar.agenda import length_of, zone_of
from tracking.facts.calendar.belonging import in_role, people_of
from tracking.facts.directory import label_of, record_of, records_like
from tracking.keep.calendar.appointments import Planned
from tracking.keep.calendar.records import PAIRS

KEEPS = "keep"
LONGEST_PEOPLE = 50_000
SHOW_AS = (("busy", "Busy"), ("free", "Free"), ("tentative", "Tentative"), ("out-of-office", "Out of office"))
_WEEKS = ((1, "first"), (2, "second"), (3, "third"), (4, "fourth"), (LAST_WEEK, "last"))
_REPEATS = (
    ("", "Does not repeat"),
    (Frequency.DAILY.value, "Every day"),
    (Frequency.WEEKLY.value, "Every week"),
    (Frequency.MONTHLY.value, "Every month, on the same day"),
    (Frequency.RELATIVE_MONTHLY.value, "Every month, on a weekday"),
    (Frequency.YEARLY.value, "Every year, on the same day"),
    (Frequency.RELATIVE_YEARLY.value, "Every year, on a weekday"),
)


def named_record(user: Any, key: str, name: str, kind: str = "") -> tuple[Model | None, str]:
    """The record that was chosen, or the one that is called so; or None, and what is wrong. With a kind (the name of a
    model) only its records count, and they go without the kind behind their names."""
    chosen = record_of(user, key)
    if chosen is not None and kind in ("", chosen._meta.model_name) and name in (label_of(chosen), str(chosen)):
        return chosen, ""
    found = [one for one in records_like(user, name, kind) if name.casefold() in one.label.casefold()]
    exact = [one for one in found if name.casefold() == one.name.casefold()]
    if len(exact) == 1 or len(found) == 1:
        return record_of(user, (exact or found)[0].key), ""
    what = kind or "record"
    which = f"Several {what}s are" if found else f"There is no {what} that you may see"
    return None, f"{which} called “{name}”. Enter more of its name, or none."


class RegardingForm(Styled):
    """The record that an item belongs to, by its name."""

    regarding = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput())
    regarding_name = forms.CharField(label="Regarding", required=False, max_length=400)

    def __init__(self, user: Any, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.user = user
        self.record: Model | None = None

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        key, name = given.get("regarding", ""), (given.get("regarding_name") or "").strip()
        if not name or key == KEEPS:
            return given
        self.record, problem = named_record(self.user, key, name)
        if problem:
            self.add_error("regarding_name", problem)
        return given

    @property
    def keeps(self) -> bool:
        """Whether the record stays that the person may not see."""
        return bool(self.cleaned_data["regarding"] == KEEPS and self.cleaned_data["regarding_name"])


class AppointmentForm(TimesForm, RegardingForm):
    """One appointment or a whole series."""

    zone = forms.ChoiceField(label="Time zone")
    required = forms.CharField(label="Required", required=False, max_length=LONGEST_PEOPLE)
    optional = forms.CharField(label="Optional", required=False, max_length=LONGEST_PEOPLE)
    show_as = forms.ChoiceField(label="Show as", choices=SHOW_AS, initial="busy")
    priority = forms.TypedChoiceField(label="Importance", coerce=int, choices=Priority.choices, initial=Priority.NORMAL)
    private = forms.BooleanField(label="Private: only I read it", required=False)
    body = forms.CharField(label="Description", required=False, strip=False, widget=forms.Textarea(attrs={"rows": 6}))
    repeats = forms.ChoiceField(label="Repeats", required=False, choices=_REPEATS)
    interval = forms.IntegerField(
        label="Interval", help_text="Every so many days, weeks or months.", min_value=1, max_value=999, initial=1
    )
    weekdays = forms.TypedMultipleChoiceField(
        label="On these weekdays",
        coerce=int,
        required=False,
        choices=list(enumerate(WEEKDAYS)),
        widget=forms.CheckboxSelectMultiple(),
    )
    week = forms.TypedChoiceField(label="In which week", coerce=int, required=False, choices=_WEEKS, initial=1)
    ends = forms.ChoiceField(
        label="Ends", choices=[("never", "Never"), ("count", "After a number of times"), ("until", "On a day")]
    )
    count = forms.IntegerField(label="Number of times", min_value=1, max_value=999, required=False)
    until = day_field("Last day", required=False)

    def __init__(self, user: Any, zone: str, *args: Any, **more: Any) -> None:
        super().__init__(user, *args, **more)
        self.fields["zone"].choices = zones_with(zone)  # type: ignore[attr-defined]
        self.people: dict[str, list[Address]] = {}
        self.recurrence: Recurrence | None = None
        self.attached: tuple[Attached, ...] | None = None

    def take_files(self, files: Chosen) -> None:
        """The files that were chosen beside the fields, with what is wrong about them (5.19, 10.3.8)."""
        self.is_valid()  # reads the pattern
        self.attached = files.after
        problems = list(files.problems)
        has_files = bool(files.listed if files.after is None else files.after)
        if has_files and self.recurrence is not None:
            problems.append(SERIES)
        for problem in problems if self.is_bound else ():
            self.add_error(None, problem)

    def clean(self) -> dict[str, Any]:
        """Times, people and the pattern, each with its own mistakes."""
        given = super().clean()
        for role in ("required", "optional"):
            self.people[role], problems = read_people(given.get(role, ""), self.user)
            for problem in problems:
                self.add_error(role, problem)
        if not {"start_day", "end_day", "zone"} & set(self.errors):
            self.read_times(given, given["zone"])
        if given.get("repeats") and self.start is not None:
            self._read_pattern(given)
        return given

    def _read_pattern(self, given: Mapping[str, Any]) -> None:
        frequency, first = Frequency(given["repeats"]), given["start_day"]
        relative = frequency in (Frequency.RELATIVE_MONTHLY, Frequency.RELATIVE_YEARLY)
        weekly = frequency is Frequency.WEEKLY
        weekdays = tuple(sorted(given.get("weekdays") or [first.weekday()])) if weekly or relative else ()
        ends, count, until = given.get("ends"), given.get("count"), given.get("until")
        if ends == "count" and not count and "count" not in self.errors:
            self.add_error("count", "Enter how many times it takes place.")
        if ends == "until" and (until is None or until < first) and "until" not in self.errors:
            self.add_error("until", "Enter a last day that is not before the first one.")
        yearly = frequency in (Frequency.YEARLY, Frequency.RELATIVE_YEARLY)
        by_day = frequency in (Frequency.MONTHLY, Frequency.YEARLY)
        if self.errors:
            return
        self.recurrence = Recurrence(
            frequency,
            first,
            interval=1 if yearly else given["interval"],
            weekdays=weekdays,
            week=int(given.get("week") or 1) if relative else 0,
            day=first.day if by_day else 0,
            month=first.month if yearly else 0,
            count=count if ends == "count" else None,
            until=until if ends == "until" else None,
        )
        self._begins_with_an_occurrence(first)

    def _begins_with_an_occurrence(self, first: date) -> None:
        """A series that begins on another day than its pattern says is a riddle to every calendar."""
        assert self.recurrence is not None
        found = next(days(self.recurrence), None)
        if found is None:
            self.add_error("until", "The pattern never occurs before it ends. Choose a later day.")
        elif found != first:
            self.add_error("start_day", f"The pattern first occurs on {found.isoformat()}. Let it start on that day.")

    def planned(self) -> Planned:
        """What was typed, as it is saved. Call it when the form is valid."""
        given = self.cleaned_data
        assert self.start is not None
        assert self.end is not None
        return Planned(
            subject=" ".join(given["subject"].split()),
            start=self.start,
            end=self.end,
            zone=given["zone"],
            location=given["location"],
            body=given["body"].replace("\r\n", "\n"),
            files=self.attached,
            show_as=given["show_as"],
            priority=given["priority"],
            is_private=given["private"],
            required=self.people["required"],
            optional=self.people["optional"],
            recurrence=self.recurrence,
            regarding=self.record,
            keeps_regarding=self.keeps,
        )


def initial_of_appointment(record: Appointment | RecurringAppointmentMaster, user: Any) -> dict[str, Any]:
    """The fields of an appointment that is there already."""
    zone = zone_of(record)
    is_series = isinstance(record, RecurringAppointmentMaster)
    start: Any = record.effective_start_date if is_series else record.scheduled_start  # type: ignore[union-attr]
    end: Any = start + length_of(record) if is_series else record.scheduled_end  # type: ignore[arg-type,union-attr]
    found: dict[str, Any] = {
        "subject": record.subject,
        "all_day": record.is_all_day_event,
        "start_day": start.astimezone(zone).date(),
        "start_time": start.astimezone(zone).time(),
        "end_day": end.astimezone(zone).date(),
        "end_time": end.astimezone(zone).time(),
        "zone": zone.key,
        "location": record.location,
        "show_as": show_as_of(record.status_code),
        "priority": record.priority_code,
        "private": record.is_mapi_private,
        "body": record.description,
    }
    if record.is_all_day_event and record.start_date and record.end_date:
        last = record.end_date - timedelta(days=1)
        found |= {"start_day": record.start_date, "end_day": last, "start_time": None, "end_time": None}
    people = people_of(kind_of(record), record.pk)
    for name, role in (("required", Participation.REQUIRED), ("optional", Participation.OPTIONAL)):
        found[name] = as_typed(Address(one.unresolved_party_name, one.address_used) for one in in_role(people, role))
    if is_series:
        found |= _initial_of_pattern(record)
    return found | initial_regarding(record, user)


def _initial_of_pattern(record: Any) -> dict[str, Any]:
    try:
        rule = recurrence_of({name: getattr(record, name) for name in COLUMNS})
    except ValueError:
        return {"repeats": Frequency.DAILY.value}
    return {
        "repeats": rule.frequency.value,
        "interval": rule.interval,
        "weekdays": list(rule.weekdays),
        "week": rule.week or 1,
        "ends": "count" if rule.count else "until" if rule.until else "never",
        "count": rule.count,
        "until": rule.until,
    }


def initial_regarding(record: Any, user: Any) -> dict[str, Any]:
    """Key and name of its record. One that the person may not see stays unless somebody empties the field."""
    if not record.regarding_id:
        return {}
    key = f"{record.regarding_type_id}:{record.regarding_id}"
    known = record_of(user, key)
    if known is None:
        return {"regarding": KEEPS, "regarding_name": record.regarding_name or "a record"}
    return {"regarding": key, "regarding_name": label_of(known)}


class TaskForm(RegardingForm):
    """A task, a phone call, a letter or a fax; times are days, as on the servers (10.7)."""

    subject = forms.CharField(label="Subject", max_length=800)
    status = forms.TypedChoiceField(label="Status", coerce=int)
    percent_complete = forms.IntegerField(label="Percent done", min_value=0, max_value=100, initial=0, required=False)
    start = day_field("Start", required=False)
    due = day_field("Due", required=False)
    number = forms.CharField(label="Number", required=False, max_length=200)
    priority = forms.TypedChoiceField(label="Importance", coerce=int, choices=Priority.choices, initial=Priority.NORMAL)
    body = forms.CharField(label="Description", required=False, strip=False, widget=forms.Textarea(attrs={"rows": 6}))

    def __init__(self, user: Any, kind: RecordKind, model: Any, *args: Any, **more: Any) -> None:
        super().__init__(user, *args, **more)
        statuses = [one for some in PAIRS[kind].values() for one in some]
        choices = dict(model._meta.get_field("status_code").choices)
        self.fields["status"].choices = [(int(one), choices[one]) for one in statuses]  # type: ignore[attr-defined]
        self.number_column = next((name for name in ("phone_number", "fax_number") if hasattr(model, name)), "")
        if model is not Task:
            del self.fields["percent_complete"]
        if not self.number_column:
            del self.fields["number"]

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        start, due = given.get("start"), given.get("due")
        if start and due and due < start:
            self.add_error("due", "It is due before it starts. Choose a later day.")
        return given

    def columns(self, record: Any, zone: ZoneInfo) -> dict[str, Any]:
        """What was typed, as columns. The hour of a day that was not changed stays."""
        given = self.cleaned_data
        found = {
            "subject": " ".join(given["subject"].split()),
            "description": given["body"].replace("\r\n", "\n"),
            "status_code": given["status"],
            "priority_code": given["priority"],
            "scheduled_start": _moment(given["start"], record.scheduled_start, zone),
            "scheduled_end": _moment(given["due"] or given["start"], record.scheduled_end, zone),
        }
        if "percent_complete" in self.fields:
            found["percent_complete"] = given["percent_complete"] or 0
        if self.number_column:
            found[self.number_column] = given["number"]
        return found


def _moment(day: date | None, current: datetime | None, zone: ZoneInfo) -> datetime | None:
    if day is None:
        return None
    clock = current.astimezone(zone).time() if current is not None else time()
    return datetime.combine(day, clock, zone).astimezone(UTC)


def initial_of_task(record: Any, user: Any, zone: ZoneInfo) -> dict[str, Any]:
    """The fields of one that is there already."""

    def day(moment: datetime | None) -> date | None:
        return None if moment is None else moment.astimezone(zone).date()

    return {
        "subject": record.subject,
        "status": record.status_code,
        "percent_complete": getattr(record, "percent_complete", 0),
        "start": day(record.scheduled_start),
        "due": day(record.scheduled_end),
        "number": getattr(record, "phone_number", "") or getattr(record, "fax_number", ""),
        "priority": record.priority_code,
        "body": record.description,
    } | initial_regarding(record, user)
