"""Appointments, contacts and tasks in simple names, for tests and the demo that look at or play the owner of a mailbox.

Values are JSON: texts, numbers, booleans, dates and UTC times in ISO 8601, `{address, name}` for people, objects for
postal addresses and recurrences. None or "" takes a field away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from serversync.sandbox.ews.appointments import ATTENDEES, attendee, organizer, people_in
from serversync.sandbox.ews.fields import mailbox, stored_body
from serversync.sandbox.ews.patterns import read_pattern, show_pattern
from serversync.sandbox.ews.properties import PROPERTY_SETS, Path, put, set_index, stored_element, stored_text
from serversync.sandbox.ews.series import moment, zone_id
from serversync.sandbox.ews.soap import EwsError, inner_text, t, wire_text
from serversync.sandbox.recurrence import Pattern
from serversync.sandbox.zones import iana_name, to_utc, windows_name, zone

Properties = dict[str, str]
ITEM_CLASSES = {"appointment": "IPM.Appointment", "contact": "IPM.Contact", "task": "IPM.Task"}
SHOW_AS = {
    "free": "Free",
    "tentative": "Tentative",
    "busy": "Busy",
    "out-of-office": "OOF",
    "elsewhere": "WorkingElsewhere",
}
IMPORTANCE = {"low": "Low", "normal": "Normal", "high": "High"}
STATUS = {
    "not-started": "NotStarted",
    "in-progress": "InProgress",
    "completed": "Completed",
    "waiting": "WaitingOnOthers",
    "deferred": "Deferred",
}
PATTERNS = {
    "daily": "Daily",
    "weekly": "Weekly",
    "monthly": "AbsoluteMonthly",
    "relative-monthly": "RelativeMonthly",
    "yearly": "AbsoluteYearly",
    "relative-yearly": "RelativeYearly",
}
PHONES = {
    "assistant_phone": "AssistantPhone",
    "business_phone": "BusinessPhone",
    "business_phone_2": "BusinessPhone2",
    "home_phone": "HomePhone",
    "home_phone_2": "HomePhone2",
    "mobile_phone": "MobilePhone",
    "other_phone": "OtherTelephone",
    "business_fax": "BusinessFax",
    "pager": "Pager",
    "callback": "Callback",
    "company_phone": "CompanyMainPhone",
}
POSTAL = {
    "street": "Street",
    "city": "City",
    "state": "State",
    "country": "CountryOrRegion",
    "postal_code": "PostalCode",
}
_ADDRESS_SET = PROPERTY_SETS["Address"].lower()


@dataclass(frozen=True, slots=True)
class Field:
    """How one field is read from, and written to, the properties of an item."""

    read: Callable[[Properties], Any]
    write: Callable[[Properties, Any], None]


def _plain(element: str) -> Field:
    def write(properties: Properties, value: Any) -> None:
        properties.pop(f"t:{element}", None)
        if value not in (None, ""):
            put(properties, t(element, value))

    return Field(lambda properties: stored_text(properties, element), write)


def _choice(element: str, names: dict[str, str], default: str) -> Field:
    """One of several words; what is none of them is refused."""
    back = {wire: name for name, wire in names.items()}

    def write(properties: Properties, value: Any) -> None:
        if value not in names:
            raise EwsError("ErrorSchemaValidation", f"{element} is one of {', '.join(names)}, not {value!r}.")
        put(properties, t(element, names[value]))

    return Field(lambda properties: back.get(stored_text(properties, element), default), write)


def _flag(element: str, true: str = "true", false: str = "false") -> Field:
    return Field(
        lambda properties: stored_text(properties, element) == true,
        lambda properties, value: put(properties, t(element, true if value else false)),
    )


def _number(element: str) -> Field:
    return Field(
        lambda properties: int(float(stored_text(properties, element) or 0)),
        lambda properties, value: put(properties, t(element, int(value or 0))),
    )


def _day(element: str, at: time = time()) -> Field:
    def write(properties: Properties, value: Any) -> None:
        properties.pop(f"t:{element}", None)
        if value:
            put(properties, t(element, datetime.combine(date.fromisoformat(value), at, UTC)))

    return Field(lambda properties: stored_text(properties, element)[:10] or None, write)


def _body() -> Field:
    def read(properties: Properties) -> str:
        stored = properties.get("t:Body")
        return "" if stored is None else stored_body(stored_element(stored), "Text").text or ""

    def write(properties: Properties, value: Any) -> None:
        put(properties, t("Body", value or "", BodyType="Text"))

    return Field(read, write)


def _extended(key: str) -> Field:
    def write(properties: Properties, value: Any) -> None:
        properties.pop(key, None)
        if value:
            properties[key] = str(value)

    return Field(lambda properties: properties.get(key, ""), write)


def _entry(container: str, uri: str, key: str) -> Field:
    """An e-mail address or a telephone number of a contact."""

    def read(properties: Properties) -> str:
        entries = stored_element(properties[f"t:{container}"]) if f"t:{container}" in properties else ()
        return next((entry.text or "" for entry in entries if entry.get("Key") == key), "")

    def write(properties: Properties, value: Any) -> None:
        path = Path(t("IndexedFieldURI"), uri=f"contacts:{uri}", index=key)
        set_index(properties, path, t(container, t("Entry", value, Key=key)) if value else None)

    return Field(read, write)


def _postal(key: str) -> Field:
    def read(properties: Properties) -> dict[str, str]:
        stored = properties.get("t:PhysicalAddresses")
        entries = () if stored is None else stored_element(stored)
        entry = next((entry for entry in entries if entry.get("Key") == key), None)
        return {name: "" if entry is None else inner_text(entry, element) for name, element in POSTAL.items()}

    def write(properties: Properties, value: Any) -> None:
        for name, element in POSTAL.items():
            text = (value or {}).get(name)
            path = Path(t("IndexedFieldURI"), uri=f"contacts:PhysicalAddress:{element}", index=key)
            if text or "t:PhysicalAddresses" in properties:
                entry = t("PhysicalAddresses", t("Entry", t(element, text), Key=key)) if text else None
                set_index(properties, path, entry)

    return Field(read, write)


def _people(element: str) -> Field:
    def read(properties: Properties) -> list[dict[str, str]]:
        people = [_person(*person) for person in people_in(properties, element)]
        return sorted(people, key=lambda person: person["address"])

    def write(properties: Properties, value: Any) -> None:
        put(properties, t(element, *(attendee(name, address) for name, address in map(_named, value or ()))))

    return Field(read, write)


def _person(name: str, address: str) -> dict[str, str]:
    return {"address": address.lower(), "name": name if name.lower() != address.lower() else ""}


def _named(value: Any) -> tuple[str, str]:
    """(name, address) of a person, who may be given by the address alone."""
    return ("", value) if isinstance(value, str) else (value.get("name", ""), value["address"])


def _organizer() -> Field:
    def write(properties: Properties, value: Any) -> None:
        people = [value] if isinstance(value, (str, dict)) else list(value)
        put(properties, t("Organizer", *(mailbox(*_named(person)) for person in people)))

    return Field(lambda p: [_person(*organizer(p))] if "t:Organizer" in p else [], write)


def _children() -> Field:
    def read(properties: Properties) -> list[str]:
        stored = properties.get("t:Children")
        return [] if stored is None else [inner.text or "" for inner in stored_element(stored)]

    def write(properties: Properties, value: Any) -> None:
        names = [name.strip() for name in value.split(",")] if isinstance(value, str) else list(value or ())
        put(properties, t("Children", *(t("String", name) for name in names if name)))

    return Field(read, write)


def _moment(element: str) -> Field:
    """A time, or of an all-day appointment the date in its zone; `write` needs the zone and the flag to be set."""
    zone_element = f"{element}TimeZone"

    def read(properties: Properties) -> str:
        when = moment(properties, element)
        if stored_text(properties, "IsAllDayEvent") != "true":
            return wire_text(when)
        return when.astimezone(zone(zone_id(properties, zone_element))).date().isoformat()

    def write(properties: Properties, value: Any) -> None:
        if "T" in value:
            when = datetime.fromisoformat(value)
            when = when if when.tzinfo else when.replace(tzinfo=zone(zone_id(properties, zone_element)))
        else:
            when = to_utc(date.fromisoformat(value), time(), zone(zone_id(properties, zone_element)))
        put(properties, t(element, when))

    return Field(read, write)


def _zone() -> Field:
    def write(properties: Properties, value: Any) -> None:
        name = windows_name(value)
        if name is None:
            raise EwsError("ErrorTimeZone", f"{value!r} is not a time zone that Exchange knows.")
        put(properties, t("StartTimeZone", Id=name, Name=name), t("EndTimeZone", Id=name, Name=name))

    return Field(lambda properties: iana_name(zone_id(properties)) or "UTC", write)


def _recurrence() -> Field:
    def read(properties: Properties) -> dict[str, Any] | None:
        stored = properties.get("t:Recurrence")
        return None if stored is None else _shown(read_pattern(stored_element(stored)))

    def write(properties: Properties, value: Any) -> None:
        properties.pop("t:Recurrence", None)
        if value:
            put(properties, show_pattern(_pattern(value)))

    return Field(read, write)


def _shown(pattern: Pattern) -> dict[str, Any]:
    frequency = next(name for name, kind in PATTERNS.items() if kind == pattern.kind)
    values: dict[str, Any] = {name: getattr(pattern, name) for name in ("interval", "week", "day", "month", "count")}
    values |= {"weekdays": list(pattern.weekdays), "first_weekday": pattern.first_weekday}
    until = None if pattern.until is None else pattern.until.isoformat()
    return values | {"frequency": frequency, "first": pattern.first.isoformat(), "until": until}


def _pattern(value: dict[str, Any]) -> Pattern:
    given = dict(value)
    kind = PATTERNS.get(given.pop("frequency", ""))
    if kind is None:
        raise EwsError("ErrorCalendarInvalidRecurrence", f"The frequency is one of {', '.join(PATTERNS)}.")
    first, until = date.fromisoformat(given.pop("first")), given.pop("until", None)
    weekdays = tuple(given.pop("weekdays", ()))
    try:
        last = date.fromisoformat(until) if until else None
        return Pattern(kind, first, weekdays=weekdays, until=last, **given)
    except TypeError as error:
        raise EwsError("ErrorCalendarInvalidRecurrence", f"The recurrence cannot be read: {error}") from error


APPOINTMENT = {
    "subject": _plain("Subject"),
    "body": _body(),
    "location": _plain("Location"),
    "importance": _choice("Importance", IMPORTANCE, "normal"),
    "show_as": _choice("LegacyFreeBusyStatus", SHOW_AS, "busy"),
    "is_private": _flag("Sensitivity", "Private", "Normal"),
    "time_zone": _zone(),  # the zone and the flag are written before the times, which need them
    "is_all_day": _flag("IsAllDayEvent"),
    "start": _moment("Start"),
    "end": _moment("End"),
    "organizer": _organizer(),
    "required": _people(ATTENDEES[0]),
    "optional": _people(ATTENDEES[1]),
    "recurrence": _recurrence(),
}
TASK = {
    "subject": _plain("Subject"),
    "body": _body(),
    "importance": _choice("Importance", IMPORTANCE, "normal"),
    "start": _day("StartDate"),
    "due": _day("DueDate"),
    "percent_complete": _number("PercentComplete"),
    "status": _choice("Status", STATUS, "not-started"),
    "completed": _day("CompleteDate"),
}
_TEXTS = {
    "full_name": "DisplayName",
    "first_name": "GivenName",
    "middle_name": "MiddleName",
    "last_name": "Surname",
    "suffix": "Generation",
    "nickname": "Nickname",
    "company": "CompanyName",
    "job_title": "JobTitle",
    "department": "Department",
    "manager": "Manager",
    "assistant": "AssistantName",
    "web_page": "BusinessHomePage",
    "spouse": "SpouseName",
}
CONTACT = {
    **{name: _plain(element) for name, element in _TEXTS.items()},
    **{f"email_{n}": _entry("EmailAddresses", "EmailAddress", f"EmailAddress{n}") for n in (1, 2, 3)},
    **{name: _entry("PhoneNumbers", "PhoneNumber", key) for name, key in PHONES.items()},
    **{f"{key.lower()}_address": _postal(key) for key in ("Business", "Home", "Other")},
    "birthday": _day("Birthday", time(11, 59)),
    "anniversary": _day("WeddingAnniversary", time(11, 59)),
    "children": _children(),
    "body": _body(),
    "government_id": _extended("x:0x3a07/String"),  # PidTagGovernmentIdNumber
    "ftp_site": _extended("x:0x3a4c/String"),  # PidTagFtpSite
    "yomi_first_name": _extended(f"x:{_ADDRESS_SET}/{0x802C}/String"),  # PidLidYomiFirstName
    "yomi_last_name": _extended(f"x:{_ADDRESS_SET}/{0x802D}/String"),  # PidLidYomiLastName
}
FIELDS: dict[str, dict[str, Field]] = {"appointment": APPOINTMENT, "contact": CONTACT, "task": TASK}


def read_fields(kind: str, properties: Properties) -> dict[str, Any]:
    """All fields of an item."""
    return {name: field.read(properties) for name, field in FIELDS[kind].items()}


def write_fields(kind: str, properties: Properties, fields: dict[str, Any]) -> Iterator[str]:
    """Set these fields, one after the other, and give the name of each once it is set. Raises EwsError for unknown ones."""
    unknown = sorted(set(fields) - set(FIELDS[kind]))
    if unknown:
        raise EwsError("ErrorSchemaValidation", f"A {kind} has no field {', '.join(unknown)}.")
    for name in FIELDS[kind]:
        if name in fields:
            FIELDS[kind][name].write(properties, fields[name])
            yield name
