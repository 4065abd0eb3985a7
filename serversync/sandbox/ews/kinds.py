"""What a server shows of appointments and contacts that nobody stored, because it follows from what they hold."""

from __future__ import annotations

from collections.abc import Callable

from serversync.sandbox.ews import series
from serversync.sandbox.ews.appointments import is_organizer
from serversync.sandbox.ews.properties import stored_element
from serversync.sandbox.ews.soap import Element, t
from serversync.sandbox.store import Item

OF_SERIES = ("Recurrence", "FirstOccurrence", "LastOccurrence", "ModifiedOccurrences", "DeletedOccurrences")
_COMPLETE_NAME = {  # part of the complete name → the element that holds it
    "FirstName": "GivenName",
    "MiddleName": "MiddleName",
    "LastName": "Surname",
    "Suffix": "Generation",
    "Initials": "Initials",
    "FullName": "DisplayName",
    "Nickname": "Nickname",
}


def _duration(item: Item) -> Element:
    """PT1H30M; days are not shortened."""
    length = series.moment(item.properties, "End") - series.moment(item.properties, "Start")
    hours, minutes = divmod(int(length.total_seconds()) // 60, 60)
    return t("Duration", "PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes or not hours else ""))


def _complete_name(item: Item) -> Element | None:
    stored = {part: item.properties.get(f"t:{name}") for part, name in _COMPLETE_NAME.items()}
    parts = [t(part, stored_element(text).text) for part, text in stored.items() if text is not None]
    return t("CompleteName", *parts) if parts else None


OF_KIND: dict[str, dict[str, Callable[[Item], Element | None]]] = {
    "CalendarItem": {
        "Duration": _duration,
        "FirstOccurrence": series.first_occurrence,
        "LastOccurrence": series.last_occurrence,
        "ModifiedOccurrences": series.modified_occurrences,
        "DeletedOccurrences": series.deleted_occurrences,
        "IsOrganizer": lambda item: t("IsOrganizer", is_organizer(item.properties)),
    },
    "Contact": {"CompleteName": _complete_name},
}
"""By the name of the item's element and that of the property's."""
