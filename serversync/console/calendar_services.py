"""The form of a service activity: who renders it for whom, and when (10.5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.db.models import Model

from mailboxes.models import Mailbox
from profiles.connectors.mime import Address
from serversync.console.calendar_forms import (
    LONGEST_PEOPLE,
    SHOW_AS,
    RegardingForm,
    initial_regarding,
    named_record,
)
from serversync.console.calendar_times import TimesForm, zones_with
from serversync.console.compose_people import as_typed, read_people
from tracking.crm.models import Account, ActivityParty, Contact, Participation, ServiceAppointment
from tracking.crm.models.states import Priority
from tracking.decide.field_maps import RecordKind
from tracking.decide.field_values import show_as_of
from tracking.facts.act.appointments import user_with
from tracking.facts.calendar.agenda import zone_of
from tracking.facts.calendar.belonging import in_role, people_of
from tracking.facts.directory import key_of, label_of, record_of
from tracking.keep.calendar.service_activities import PlannedService

CUSTOMERS = 3
"""So many can be entered on the page; what has more keeps the others."""


class ServiceForm(TimesForm, RegardingForm):
    """One service activity."""

    zone = forms.ChoiceField(label="Time zone")
    resources = forms.CharField(label="Rendered by", required=False, max_length=LONGEST_PEOPLE)
    show_as = forms.ChoiceField(label="Show as", choices=SHOW_AS, initial="busy")
    priority = forms.TypedChoiceField(label="Importance", coerce=int, choices=Priority.choices, initial=Priority.NORMAL)
    body = forms.CharField(label="Description", required=False, strip=False, widget=forms.Textarea(attrs={"rows": 6}))

    def __init__(self, user: Any, zone: str, record: ServiceAppointment | None, *args: Any, **more: Any) -> None:
        super().__init__(user, *args, **more)
        self.fields["zone"].choices = zones_with(zone)  # type: ignore[attr-defined]
        for number in range(1, CUSTOMERS + 1):
            self.fields[f"customer_{number}"] = forms.CharField(
                required=False, max_length=100, widget=forms.HiddenInput()
            )
            self.fields[f"customer_{number}_name"] = forms.CharField(
                label="For" if number == 1 else "and for", required=False, max_length=400
            )
        not_shown = [] if record is None else _not_shown(record, user)
        self.kept = [one.pk for one in not_shown]
        self.has_others = any(one.participation_type_mask == Participation.RESOURCE for one in not_shown)
        self.renderers: list[Model] = []
        self.customers: list[Model] = []

    @property
    def customer_fields(self) -> list[tuple[Any, Any]]:
        """The names with their keys, for the page."""
        return [(self[f"customer_{one}_name"], self[f"customer_{one}"]) for one in range(1, CUSTOMERS + 1)]

    def clean(self) -> dict[str, Any]:
        """Times and people, each with its own mistakes."""
        given = super().clean()
        self._read_resources(given.get("resources", ""))
        for number in range(1, CUSTOMERS + 1):
            self._read_customer(f"customer_{number}", given)
        if not {"start_day", "end_day", "zone"} & set(self.errors):
            self.read_times(given, given["zone"])
        return given

    def _read_resources(self, text: str) -> None:
        people, problems = read_people(text, self.user)
        for problem in problems:
            self.add_error("resources", problem)
        known = {one.address: user_with(one.address.lower()) for one in people}
        for address, user in known.items():
            if user is None:
                self.add_error("resources", f"“{address}” is no colleague. Only people who work here render a service.")
        users = get_user_model().objects.in_bulk({one for one in known.values() if one is not None})
        self.renderers = [users[key] for key in sorted(users)]
        if not self.renderers and not self.has_others and "resources" not in self.errors:
            self.add_error("resources", "Enter at least one colleague who renders it.")

    def _read_customer(self, field: str, given: dict[str, Any]) -> None:
        name = (given.get(f"{field}_name") or "").strip()
        if not name:
            return
        found, problem = named_record(self.user, given.get(field, ""), name)
        if found is not None and not isinstance(found, Account | Contact):
            problem = f"“{name}” is neither an account nor a contact. Choose one of those."
        if problem:
            self.add_error(f"{field}_name", problem)
        elif found is not None and found not in self.customers:
            self.customers.append(found)

    def planned(self) -> PlannedService:
        """What was typed. Call it on a form without mistakes."""
        given = self.cleaned_data
        assert self.start is not None
        assert self.end is not None
        return PlannedService(
            subject=" ".join(given["subject"].split()),
            start=self.start,
            end=self.end,
            zone=given["zone"],
            resources=self.renderers,
            customers=self.customers,
            kept=self.kept,
            location=given["location"],
            body=given["body"].replace("\r\n", "\n"),
            show_as=given["show_as"],
            priority=given["priority"],
            regarding=self.record,
            keeps_regarding=self.keeps,
        )


def initial_of_service(record: ServiceAppointment, user: Any) -> dict[str, Any]:
    """The fields of one that is there already."""
    zone = zone_of(record)
    start, end = record.scheduled_start.astimezone(zone), record.scheduled_end.astimezone(zone)
    found: dict[str, Any] = {
        "subject": record.subject,
        "all_day": record.is_all_day_event,
        "start_day": start.date(),
        "start_time": start.time(),
        "end_day": end.date(),
        "end_time": end.time(),
        "zone": zone.key,
        "location": record.location,
        "show_as": show_as_of(record.status_code),
        "priority": record.priority_code,
        "body": record.description,
        "resources": as_typed(_address(one) for one in _in_role(record, Participation.RESOURCE) if _address(one)),
    }
    if record.is_all_day_event and record.start_date and record.end_date:
        last = record.end_date - timedelta(days=1)
        found |= {"start_day": record.start_date, "end_day": last, "start_time": None, "end_time": None}
    for number, customer in enumerate(_shown_customers(record, user), start=1):
        found |= {f"customer_{number}": key_of(customer), f"customer_{number}_name": label_of(customer)}
    return found | initial_regarding(record, user)


def _in_role(record: ServiceAppointment, role: Participation) -> list[ActivityParty]:
    return in_role(people_of(RecordKind.SERVICE, record.pk), role)


def _address(party: ActivityParty) -> Any:
    """By which a colleague is named in the form; None for whoever has none, or is no colleague."""
    user: Any = party.party
    if not isinstance(user, get_user_model()):
        return None
    own = Mailbox.objects.filter(regarding_user=user).exclude(email_address="").values_list("email_address", flat=True)
    address = own.first() or user.email
    known = bool(address) and user_with(address.lower()) == user.pk
    return Address(user.get_full_name() or party.unresolved_party_name, address) if known else None


def _shown_customers(record: ServiceAppointment, user: Any) -> list[Any]:
    parties = _in_role(record, Participation.CUSTOMER)
    seen = (record_of(user, f"{one.party_type_id}:{one.party_id}") for one in parties)
    return [one for one in seen if isinstance(one, Account | Contact)][:CUSTOMERS]


def _not_shown(record: ServiceAppointment, user: Any) -> list[ActivityParty]:
    """Whoever the form does not show stays: they are not its business, or not this person's."""
    shown = {(type(one), str(one.pk)) for one in _shown_customers(record, user)}
    customers = _in_role(record, Participation.CUSTOMER)
    resources = [one for one in _in_role(record, Participation.RESOURCE) if _address(one) is None]
    return resources + [one for one in customers if (type(one.party), one.party_id) not in shown]
