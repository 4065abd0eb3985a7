"""What our appointments and series hold, as the canonical values of `act_items`: times, people, exceptions (10.2–10.4)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db.models import Max

from mailboxes.models.settings import current_policy
from profiles.act_items import APPOINTMENT_FIELDS, Attendee, Fields, Recurrence, Value
from tracking.crm.models import (
    ActivityParty,
    Appointment,
    Participation,
    RecurringAppointmentMaster,
    ServiceAppointment,
)
from tracking.crm.recurrence_columns import COLUMNS, recurrence_of
from tracking.decide.field_maps import RecordKind
from tracking.decide.field_values import importance_of, plain_text, show_as_of
from tracking.decide.occurrences import Exceptions, SeriesState, differing
from tracking.decide.parties import sender_of
from tracking.decide.recurrence import still_there
from tracking.facts.act.files import files_of
from tracking.facts.act.keys import changed_since, with_mapping
from tracking.facts.act.kinds import Syncing
from tracking.facts.people import matches_of

Series = RecurringAppointmentMaster
ROLES = {
    "organizer": Participation.ORGANIZER,
    "required": Participation.REQUIRED,
    "optional": Participation.OPTIONAL,
}

OWN = frozenset(APPOINTMENT_FIELDS) - frozenset(ROLES) - {"recurrence", "attachments"}
"""In what an occurrence may differ that does not say in what it does; people only where it says so."""


def appointment_values(record: Appointment | Series, syncing: Syncing | None = None) -> dict[str, Value]:
    """An appointment or a whole series. Read it with its parties, and its files where they are synchronized (10.3.8)."""
    takes_file = None if syncing is None else syncing.takes_file
    files: dict[str, Value] = {}
    if takes_file is not None and isinstance(record, Appointment) and record.series_id is None:
        files["attachments"] = files_of(record, takes_file)
    return files | {
        "subject": record.subject or None,
        "body": plain_text(record.description, is_html=False) or None,
        "location": record.location or None,
        "importance": importance_of(record.priority_code),
        "show_as": show_as_of(record.status_code),
        "is_private": record.is_mapi_private,
        **times_of(record),
        **people_of(record),
        "recurrence": rule_of(record) if isinstance(record, Series) else None,
    }


def times_of(record: Appointment | Series | ServiceAppointment) -> dict[str, Value]:
    """When it is: days, or times in UTC with the zone they were meant in."""
    found: dict[str, Value] = {"is_all_day": record.is_all_day_event, "time_zone": record.iana_time_zone or "UTC"}
    if record.is_all_day_event:
        return found | {"start": record.start_date, "end": record.end_date}
    start, end = bounds(record)
    return found | {"start": start.astimezone(UTC), "end": end.astimezone(UTC)}


def bounds(record: Appointment | Series | ServiceAppointment) -> tuple[datetime, datetime]:
    """When an appointment begins and ends, or the first one of a series."""
    if isinstance(record, Series):
        return record.effective_start_date, record.effective_start_date + timedelta(minutes=record.duration)
    return record.scheduled_start, record.scheduled_end


def rule_of(record: Series) -> Recurrence:
    """The pattern of a series. Raises ValueError for columns that do not fit."""
    return recurrence_of({name: getattr(record, name) for name in COLUMNS})


def people_of(record: Appointment | Series) -> dict[str, Value]:
    """Who takes part, by role. Whoever has no address is known by nobody else."""
    parties = list(record.parties.all())
    return {
        name: tuple(
            sorted(
                Attendee(one.address_used.lower(), one.unresolved_party_name)
                for one in parties
                if one.participation_type_mask == role and one.address_used
            )
        )
        for name, role in ROLES.items()
    }


def exceptions_of(series: Series) -> Exceptions:
    """How the occurrences of a series of ours differ from it; those that it has no more are left out (10.4)."""
    values = appointment_values(series)
    state = SeriesState(values)
    changed: dict[datetime, Fields] = {}
    for one in series.exceptions.all():
        original = one.original_start_date
        assert original is not None, "the database asks for it"
        mask = set(one.modified_fields_mask.split()) or OWN
        own = {name: value for name, value in appointment_values(one).items() if name in mask}
        changed[original.astimezone(UTC)] = differing(original.astimezone(UTC), own, state)
    removed = frozenset(datetime.fromisoformat(one).astimezone(UTC) for one in series.deleted_exceptions_list)
    return kept_exceptions(Exceptions({key: own for key, own in changed.items() if own}, removed), values, series)


def kept_exceptions(exceptions: Exceptions, values: Fields, series: Series) -> Exceptions:
    """Those exceptions whose occurrences the series has."""
    rule = values.get("recurrence")
    if not exceptions.originals or not isinstance(rule, Recurrence):
        return exceptions
    start, end = bounds(series)
    left = still_there(exceptions.originals, rule, start, end, series.iana_time_zone or "UTC")
    return Exceptions({key: own for key, own in exceptions.changed.items() if key in left}, exceptions.removed & left)


def changes_of_exceptions(since: datetime, syncing: Syncing) -> Mapping[str, datetime]:
    """When exceptions of series that the mailbox has a mapping of were changed last, by series: it changes with them."""
    rows = Appointment.objects.filter(changed_since(since), series__isnull=False)
    rows = with_mapping(rows, "series_id", RecordKind.SERIES, syncing)
    return {str(pk): on for pk, on in rows.order_by().values_list("series_id").annotate(Max("modified_on"))}


def organizes(record: Appointment | Series, syncing: Syncing) -> bool:
    """Whether the meeting is the syncing user's (10.2.4): by address or by the party; without any organizer its owner's."""
    organizers = [one for one in record.parties.all() if one.participation_type_mask == Participation.ORGANIZER]
    if not organizers:
        attending = (ROLES["required"], ROLES["optional"])
        people = any(one.participation_type_mask in attending for one in record.parties.all())
        return record.owner_id == syncing.user_id or (record.owner_id is None and not people)
    users = ContentType.objects.get_for_model(get_user_model()).pk
    return any(
        one.address_used.lower() == syncing.address
        or (one.party_type_id == users and one.party_id == str(syncing.user_id))
        for one in organizers
    )


def caller_of(record: Appointment | Series) -> int | None:
    """The user who calls a meeting, by the party that was resolved or by its address."""
    users = ContentType.objects.get_for_model(get_user_model()).pk
    for one in record.parties.all():
        if one.participation_type_mask == Participation.ORGANIZER:
            is_user = one.party_type_id == users and one.party_id.isdigit()
            return int(one.party_id) if is_user else user_with(one.address_used.lower())
    return None


def by_meeting_id(uid: str) -> Appointment | Series | None:
    """The record that is this meeting already, because a colleague’s calendar has it too (10.3.5)."""
    if not uid:
        return None
    for model in (Series, Appointment):
        found: Any = model._default_manager.filter(global_object_id=uid).prefetch_related("parties")
        if model is Appointment:
            found = found.filter(series=None)
        record: Appointment | Series | None = found.order_by("created_on").first()
        if record is not None:
            return record
    return None


def resolved(addresses: Collection[str], owner_id: str) -> dict[str, tuple[int, str]]:
    """The one record that each attendee is, by type and key; not those who are nobody we know (10.3.7)."""
    policy, found = current_policy(), {}
    for address, matches in matches_of(addresses).items():
        match, _ = sender_of(matches, owner_id, policy)
        if match is not None:
            found[address] = (match.type_id, match.record_id)
    return found


def user_with(address: str) -> int | None:
    """The user whose address this is: who called a meeting owns it here (10.3.5)."""
    users = ContentType.objects.get_for_model(get_user_model()).pk
    matches = [one for one in matches_of([address]).get(address, ()) if one.type_id == users and one.is_active]
    return int(matches[0].record_id) if matches else None


def parties_of(record: Appointment | Series) -> list[ActivityParty]:
    """All who take part, as stored now."""
    kind = ContentType.objects.get_for_model(type(record))
    return list(ActivityParty.objects.filter(activity_type=kind, activity_id=record.pk))
