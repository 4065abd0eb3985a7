"""What Exchange makes of an appointment that a client writes: identity, zones, whole days, the range of a series, and
the answers of attendees, which no client can set."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from serversync.sandbox.ews.fields import mailbox
from serversync.sandbox.ews.patterns import read_pattern, show_pattern
from serversync.sandbox.ews.properties import put, store_element, stored_element, stored_text
from serversync.sandbox.ews.series import MARK, moment, original_start, slots, zone_id
from serversync.sandbox.ews.soap import Element, EwsError, inner_text, local_name, t, wire_text
from serversync.sandbox.ews.uid import new_uid
from serversync.sandbox.zones import iana_name, to_utc, zone

ATTENDEES = ("RequiredAttendees", "OptionalAttendees", "Resources")
SCHEDULE = ("Start", "End", "StartTimeZone", "EndTimeZone", "IsAllDayEvent", "Recurrence")
SET_BY_SERVER = frozenset(
    ("IsMeeting IsCancelled IsRecurring MeetingRequestWasSent CalendarItemType MyResponseType Organizer "
     "AppointmentReplyTime AppointmentSequenceNumber AppointmentState DateTimeStamp Duration When FirstOccurrence "
     "LastOccurrence ModifiedOccurrences DeletedOccurrences RecurrenceId OriginalStart IsOrganizer").split()
)  # fmt: skip
LONGEST = timedelta(days=5 * 366)


def complete_appointment(properties: dict[str, str], organizer: str, now: datetime, context_zone: str) -> None:
    """Add the properties that a new appointment of this organizer lacks. Raises EwsError."""
    start = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    properties.setdefault("t:Start", store_element(t("Start", start)))
    added: list[Element] = [
        t("End", moment(properties, "Start") + timedelta(minutes=30)),
        t("UID", new_uid(now)),
        t("DateTimeStamp", now),
        t("Importance", "Normal"),
        t("IsAllDayEvent", False),
        t("LegacyFreeBusyStatus", "Busy"),
        t("IsCancelled", False),
        t("MeetingRequestWasSent", False),
        t("MyResponseType", "Organizer"),
        t("Organizer", mailbox("", organizer)),
        t("AppointmentSequenceNumber", 0),
    ]
    for element in added:
        properties.setdefault(f"t:{local_name(element)}", store_element(element))
    settle(properties, {}, context_zone)


def settle(properties: dict[str, str], before: dict[str, str], context_zone: str = "UTC") -> None:
    """Make the properties of an appointment agree with each other, as they are kept; `before` are those kept so far.

    A series whose times or pattern change loses its exceptions. Raises EwsError for what no calendar can hold.
    """
    _settle_zones(properties, context_zone)
    _settle_attendees(properties, before)
    _settle_times(properties)
    if original_start(properties) is None:
        _settle_series(properties, before)
    received = not is_organizer(properties)
    meeting = received or bool(attendees(properties))
    cancelled = stored_text(properties, "IsCancelled") == "true"
    put(properties, t("IsMeeting", meeting), t("AppointmentState", 1 * meeting + 2 * received + 4 * cancelled))


def _settle_zones(properties: dict[str, str], context_zone: str) -> None:
    start = zone_id(properties) if "t:StartTimeZone" in properties else context_zone
    end = zone_id(properties, "EndTimeZone") if "t:EndTimeZone" in properties else start
    for name, given in (("StartTimeZone", start), ("EndTimeZone", end)):
        known = given if iana_name(given) else "UTC" if _describes_itself(properties, name) else ""
        if not known:
            raise EwsError("ErrorTimeZone", f"{given!r} is not a time zone that this server knows.")
        put(properties, t(name, Id=known, Name=known))


def _describes_itself(properties: dict[str, str], name: str) -> bool:
    """Whether a client sent the rules of a zone of its own; this server keeps such an appointment in UTC."""
    return f"t:{name}" in properties and len(stored_element(properties[f"t:{name}"])) > 0


def _settle_attendees(properties: dict[str, str], before: dict[str, str]) -> None:
    """Answers that a client claims for attendees are not believed; those who stay keep the answer they gave."""
    properties.update(_answered(properties, answers(before)))
    for name in ATTENDEES:
        if f"t:{name}" in properties and not people_in(properties, name):
            del properties[f"t:{name}"]


def _settle_times(properties: dict[str, str]) -> None:
    start, end = moment(properties, "Start"), moment(properties, "End")
    if end < start:
        raise EwsError("ErrorCalendarEndDateIsEarlierThanStartDate", "EndDate is earlier than StartDate")
    if end - start > LONGEST:
        raise EwsError("ErrorCalendarDurationIsTooLong", "The appointment is longer than five years.")
    whole_days = stored_text(properties, "IsAllDayEvent") == "true"
    if whole_days:
        start = _midnight(start, zone(zone_id(properties)), up=False)
        end = _midnight(end, zone(zone_id(properties, "EndTimeZone")), up=True)
    put(properties, t("Start", start), t("End", end), t("IsAllDayEvent", whole_days))


def _midnight(given: datetime, where: ZoneInfo, *, up: bool) -> datetime:
    """The midnight, there, before a time or (`up`) after it; midnight itself stays."""
    local = given.astimezone(where)
    return to_utc(local.date() + timedelta(days=1 if up and local.time() != time() else 0), time(), where)


def _settle_series(properties: dict[str, str], before: dict[str, str]) -> None:
    """The range of a series begins with its first occurrence, and so does the appointment."""
    recurring = "t:Recurrence" in properties
    if recurring:
        pattern = read_pattern(stored_element(properties["t:Recurrence"]))
        first = next(slots(properties))
        begins = first.start.astimezone(zone(zone_id(properties))).date()
        put(properties, show_pattern(replace(pattern, first=begins)), t("Start", first.start), t("End", first.end))
    put(properties, t("CalendarItemType", "RecurringMaster" if recurring else "Single"))
    put(properties, t("IsRecurring", recurring and not is_organizer(properties)))  # as documented, odd as it is
    if not recurring or (before and schedule_differs(properties, before)):
        for key in [key for key in properties if key.startswith(MARK)]:
            del properties[key]


def schedule_differs(properties: dict[str, str], before: dict[str, str]) -> bool:
    """Whether two settled versions of an appointment happen at different times."""
    return any(properties.get(f"t:{name}") != before.get(f"t:{name}") for name in SCHEDULE)


def is_organizer(properties: dict[str, str]) -> bool:
    """Whether the owner of the mailbox called the meeting, or the appointment is nobody else's."""
    return stored_text(properties, "MyResponseType") == "Organizer"


def organizer(properties: dict[str, str]) -> tuple[str, str]:
    """(name, address) of who called the meeting."""
    element = stored_element(properties["t:Organizer"])
    return inner_text(element, "Name"), inner_text(element, "EmailAddress")


def people_in(properties: dict[str, str], name: str) -> list[tuple[str, str]]:
    """(name, address) of the attendees of one kind; entries without an address are left out."""
    stored = properties.get(f"t:{name}")
    entries = [] if stored is None else list(stored_element(stored))
    people = [(inner_text(entry, "Name"), inner_text(entry, "EmailAddress")) for entry in entries]
    return [person for person in people if person[1]]


def attendees(properties: dict[str, str]) -> dict[str, str]:
    """Everybody who is invited: address in lower case → name."""
    return {address.lower(): person for name in ATTENDEES for person, address in people_in(properties, name)}


def answers(properties: dict[str, str]) -> dict[str, tuple[str, str]]:
    """What the attendees have answered: address in lower case → (ResponseType, time on the wire)."""
    entries = [e for name in ATTENDEES if f"t:{name}" in properties for e in stored_element(properties[f"t:{name}"])]
    return {
        inner_text(entry, "EmailAddress").lower(): (
            inner_text(entry, "ResponseType", "Unknown"),
            inner_text(entry, "LastResponseTime"),
        )
        for entry in entries
    }


def attendee(name: str, address: str, response: str = "Unknown", answered: str = "") -> Element:
    """A `t:Attendee` as Exchange shows it."""
    when = t("LastResponseTime", answered) if answered else None
    return t("Attendee", mailbox(name, address), t("ResponseType", response), when)


def with_answer(properties: dict[str, str], address: str, response: str, now: datetime) -> dict[str, str]:
    """The properties of a meeting once one of its attendees has answered."""
    known = answers(properties) | {address.lower(): (response, wire_text(now))}
    return properties | _answered(properties, known)


def without_answers(properties: dict[str, str]) -> dict[str, str]:
    """The properties of a meeting that nobody has answered yet."""
    return properties | _answered(properties, {})


def _answered(properties: dict[str, str], known: dict[str, tuple[str, str]]) -> dict[str, str]:
    lists = {name: people_in(properties, name) for name in ATTENDEES if f"t:{name}" in properties}
    return {
        f"t:{name}": store_element(
            t(name, *(attendee(*person, *known.get(person[1].lower(), ())) for person in people))
        )
        for name, people in lists.items()
    }
