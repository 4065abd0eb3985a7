"""What Exchange adds to an appointment that a client creates: organizer, identity, time zones, answers of attendees."""

from __future__ import annotations

import secrets
from datetime import datetime

from serversync.sandbox.ews.fields import mailbox
from serversync.sandbox.ews.properties import store_element, stored_element
from serversync.sandbox.ews.soap import Element, child, local_name, t

ATTENDEES = ("RequiredAttendees", "OptionalAttendees", "Resources")


def complete_appointment(properties: dict[str, str], organizer: str, now: datetime) -> None:
    """Add the properties a new appointment lacks. Answers that a client claims for attendees are not believed."""
    for name in ATTENDEES:
        if f"t:{name}" in properties:
            properties[f"t:{name}"] = store_element(_unanswered(stored_element(properties[f"t:{name}"])))
    is_meeting = any(f"t:{name}" in properties for name in ATTENDEES)
    recurring = "t:Recurrence" in properties
    added: list[Element] = [
        t("UID", secrets.token_hex(28).upper()),
        t("DateTimeStamp", now),
        t("IsAllDayEvent", False),
        t("LegacyFreeBusyStatus", "Busy"),
        t("IsMeeting", is_meeting),
        t("IsCancelled", False),
        t("IsRecurring", False),
        t("MeetingRequestWasSent", False),
        t("CalendarItemType", "RecurringMaster" if recurring else "Single"),
        t("MyResponseType", "Organizer"),
        t("Organizer", mailbox("", organizer)),
        t("AppointmentSequenceNumber", 0),
        t("StartTimeZone", Id="UTC", Name="UTC"),
        t("EndTimeZone", Id="UTC", Name="UTC"),
    ]
    for element in added:
        properties.setdefault(f"t:{local_name(element)}", store_element(element))


def _unanswered(attendees: Element) -> Element:
    for attendee in attendees:
        answer = child(attendee, "ResponseType")
        if answer is not None:
            attendee.remove(answer)
        attendee.append(t("ResponseType", "Unknown"))
    return attendees
