"""Appointments and meetings of Exchange (10.2–10.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time

from exchangelib.util import TNS, create_element
from lxml.etree import _Element as Element

from profiles.act_items import Attendee, Fields, Item, Occurrence, Recurrence, Value
from profiles.connectors.base import Cause, ItemRejected
from profiles.connectors.ews.act import zones
from profiles.connectors.ews.act.patterns import pattern_element, read_pattern
from profiles.connectors.ews.act.properties import Path, Property, body, choice, element, flag_and, instant, words
from profiles.connectors.ews.act.tasks import IMPORTANCE
from profiles.connectors.ews.act.zone_rules import zone_like
from profiles.connectors.ews.operations import moment, text

SHOW_AS = {
    "free": "Free",
    "tentative": "Tentative",
    "busy": "Busy",
    "out-of-office": "OOF",
    "elsewhere": "WorkingElsewhere",
}
TIMES = ("start", "end", "is_all_day", "time_zone")
"""Fields that are written together: what one means depends on the others."""
_PATHS = {
    name: Path.field(f"calendar:{name}") for name in ("Start", "End", "IsAllDayEvent", "StartTimeZone", "EndTimeZone")
}
_ALONE = ("ModifiedOccurrences", "DeletedOccurrences", "UID", "IsCancelled", "MyResponseType", "CalendarItemType")


def _privacy() -> Property:
    path = Path.field("item:Sensitivity")

    def write(value: Value) -> Sequence[tuple[Path, Element | None]]:
        return [(path, element("Sensitivity", "Private" if value else "Normal"))]

    return Property("is_private", (path,), lambda item: text(item, "Sensitivity") in ("Private", "Confidential"), write)


def _people(field: str, name: str) -> Property:
    path = Path.field(f"calendar:{name}")

    def read(item: Element) -> Value:
        found = item.iterfind(f"{{{TNS}}}{name}/{{{TNS}}}Attendee/{{{TNS}}}Mailbox")
        return tuple(sorted({one.address: one for one in map(_person, found) if one.address}.values()))

    def write(value: Value) -> Sequence[tuple[Path, Element | None]]:
        people = [one for one in value if isinstance(one, Attendee)] if isinstance(value, tuple) else []
        if not people:
            return [(path, None)]
        found: Element = create_element(f"t:{name}")
        for one in people:
            attendee: Element = create_element("t:Attendee")
            attendee.append(_mailbox(one))
            found.append(attendee)
        return [(path, found)]

    return Property(field, (path,), read, write)


def _organizer() -> Property:
    def read(item: Element) -> Value:
        found = item.find(f"{{{TNS}}}Organizer/{{{TNS}}}Mailbox")
        one = None if found is None else _person(found)
        return (one,) if one is not None and one.address else ()

    return Property("organizer", (Path.field("calendar:Organizer"),), read)


def _person(mailbox: Element) -> Attendee:
    return Attendee(text(mailbox, "EmailAddress").lower(), text(mailbox, "Name"))


def _mailbox(one: Attendee) -> Element:
    found: Element = create_element("t:Mailbox")
    for name, content in (("Name", one.name), ("EmailAddress", one.address)):
        if content:
            found.append(element(name, content))
    # A colleague without an SMTP address that we were told is known by the name in the directory.
    found.append(element("RoutingType", "EX" if one.address.startswith("/o=") else "SMTP"))
    return found


def _recurrence() -> Property:
    path = Path.field("calendar:Recurrence")

    def write(value: Value) -> Sequence[tuple[Path, Element | None]]:
        return [(path, pattern_element(value) if isinstance(value, Recurrence) else None)]

    return Property("recurrence", (path,), read_pattern, write)


BEFORE_TIMES: tuple[Property, ...] = (
    words("subject", "item:Subject"),
    _privacy(),
    body(),
    choice("importance", "item:Importance", IMPORTANCE, "normal"),
)
AFTER_TIMES: tuple[Property, ...] = (
    choice("show_as", "calendar:LegacyFreeBusyStatus", SHOW_AS, "busy"),
    words("location", "calendar:Location"),
    _organizer(),
    _people("required", "RequiredAttendees"),
    _people("optional", "OptionalAttendees"),
    _recurrence(),
)
PROPERTIES = (*BEFORE_TIMES, *AFTER_TIMES)
WRITTEN = (flag_and("reminder", "ReminderIsSet", "ReminderMinutesBeforeStart", str, first=True),)
"""Properties that are never read back (10.2.1)."""
ASKED: tuple[Path, ...] = (*_PATHS.values(), *(Path.field(f"calendar:{name}") for name in _ALONE))


def read_times(item: Element) -> dict[str, Value]:
    """When it is: aware UTC times, or dates in the zone of the item where it takes whole days (peers 28). Raises
    zones.NoSuchZone where it cannot be understood without the zone."""
    name = _zone_of(item)
    start, end = moment(item, "Start"), moment(item, "End")
    if start is None or end is None:
        raise ValueError("an appointment without a start or an end")
    if text(item, "IsAllDayEvent") != "true":
        return {"start": start, "end": end, "is_all_day": False, "time_zone": name}
    zone = zones.zone(name)
    first, after = start.astimezone(zone).date(), end.astimezone(zone).date()
    return {"start": first, "end": max(after, first), "is_all_day": True, "time_zone": name}


def write_times(fields: Fields) -> list[tuple[Path, Element | None]]:
    """All of TIMES; the first three come before what follows in the schema, the zones after it."""
    name = str(fields["time_zone"] or "UTC")
    if fields["is_all_day"]:
        start, end = (_midnight(field, fields[field], name) for field in ("start", "end"))
    else:
        start, end = (_moment(field, fields[field]) for field in ("start", "end"))
    if end < start:
        raise ItemRejected("end: it is before the start.", remedy="Correct start or end.", cause=Cause.ITEM)
    zone = {"Id": _windows_zone(name)}
    return [
        (_PATHS["Start"], element("Start", instant(start))),
        (_PATHS["End"], element("End", instant(end))),
        (_PATHS["IsAllDayEvent"], element("IsAllDayEvent", "true" if fields["is_all_day"] else "false")),
        (_PATHS["StartTimeZone"], create_element("t:StartTimeZone", attrs=zone)),
        (_PATHS["EndTimeZone"], create_element("t:EndTimeZone", attrs=zone)),
    ]


def _zone_of(item: Element) -> str:
    """Of a zone that a program has made up, the one that goes like it. A single appointment with times is when it is,
    whatever its zone."""
    try:
        return zones.iana(_attribute(item, "StartTimeZone"))
    except zones.NoSuchZone:
        definition, start = item.find(f"{{{TNS}}}StartTimeZone"), moment(item, "Start")
        if definition is not None and start is not None and (name := zone_like(definition, start.year)):
            return name
        if text(item, "IsAllDayEvent") == "true" or text(item, "CalendarItemType") == "RecurringMaster":
            raise
        return "UTC"


def _windows_zone(name: str) -> str:
    try:
        return zones.windows(name)
    except zones.NoSuchZone as unknown:
        raise ItemRejected(
            f"time_zone: {unknown}", remedy="Choose another time zone for it.", cause=Cause.ITEM
        ) from unknown


def _moment(field: str, value: Value) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ItemRejected(f"{field}: {value!r} is no time.", remedy="Give a time with its zone.", cause=Cause.ITEM)
    return value


def _midnight(field: str, value: Value, zone: str) -> datetime:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise ItemRejected(f"{field}: {value!r} is no date.", remedy="Give a date.", cause=Cause.ITEM)
    return datetime.combine(value, time(0), zones.zone(zone)).astimezone(UTC)


def _attribute(item: Element, name: str) -> str:
    found = item.find(f"{{{TNS}}}{name}")
    return "" if found is None else found.get("Id") or ""


def read_fields(item: Element) -> dict[str, Value]:
    """All canonical fields of an appointment."""
    return {one.field: one.read(item) for one in PROPERTIES} | read_times(item)


def with_series(item: Item, element: Element, changed: Callable[[str], Element | None]) -> Item:
    """The appointment with what only its own element tells; `changed` gives an occurrence that differs, by its key."""
    return replace(
        item,
        uid=text(element, "UID"),
        is_cancelled=text(element, "IsCancelled") == "true",
        is_organizer=text(element, "MyResponseType") in ("", "Organizer", "Unknown"),
        changed=tuple(_occurrences(element, changed)),
        removed=tuple(sorted(filter(None, (moment(one, "Start") for one in _listed(element, "DeletedOccurrences"))))),
    )


def exceptions(item: Element) -> list[str]:
    """The keys of the occurrences of a series that differ from it."""
    ids = (one.find(f"{{{TNS}}}ItemId") for one in _listed(item, "ModifiedOccurrences"))
    return [str(found.attrib["Id"]) for found in ids if found is not None]


def is_series_or_single(item: Element) -> bool:
    """An occurrence has no life of its own: it is part of its series."""
    return text(item, "CalendarItemType") not in ("Occurrence", "Exception")


def _occurrences(item: Element, changed: Callable[[str], Element | None]) -> list[Occurrence]:
    found = []
    for one in _listed(item, "ModifiedOccurrences"):
        original, key = moment(one, "OriginalStart"), one.find(f"{{{TNS}}}ItemId")
        whole = changed(str(key.attrib["Id"])) if key is not None else None
        if original is None or whole is None:
            continue
        fields = {name: value for name, value in read_fields(whole).items() if name != "recurrence"}
        found.append(Occurrence(original, fields))
    return sorted(found, key=lambda one: one.original_start)


def _listed(item: Element, name: str) -> list[Element]:
    found = item.find(f"{{{TNS}}}{name}")
    return [] if found is None else list(found)
