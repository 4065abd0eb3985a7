"""A recurring appointment: its occurrences, and what of them differs from the pattern.

A series is one item in its folder, the master. An occurrence exists only when somebody looks: its id is the master's id
and the start that the pattern gives it, its change key that of the master. What differs is kept in the properties of
the master, under `o:` and the original start: "" where the occurrence was deleted, else a JSON object with `properties`
(null where one was taken away) and `categories`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from serversync.sandbox.ews.patterns import read_pattern
from serversync.sandbox.ews.properties import put, stored_element
from serversync.sandbox.ews.soap import Element, EwsError, t, wire_text
from serversync.sandbox.recurrence import dates
from serversync.sandbox.store import Item
from serversync.sandbox.zones import to_utc, zone

MARK = "o:"
MASTER_ID_LENGTH = 60
_OF_THE_SERVER = ("CalendarItemType", "IsRecurring", "RecurrenceId", "OriginalStart")


@dataclass(frozen=True, slots=True)
class Slot:
    """One occurrence as the pattern has it."""

    start: datetime
    end: datetime


def is_series(item: Item) -> bool:
    """Whether an item is the master of a series."""
    return "t:Recurrence" in item.properties and item.item_class.startswith("IPM.Appointment")


def moment(properties: dict[str, str], name: str) -> datetime:
    """A stored time such as `t:Start`, in UTC."""
    return datetime.fromisoformat(stored_element(properties[f"t:{name}"]).text or "").astimezone(UTC)


def zone_id(properties: dict[str, str], name: str = "StartTimeZone") -> str:
    """The Windows name of the zone an appointment is meant in."""
    stored = properties.get(f"t:{name}")
    return "UTC" if stored is None else stored_element(stored).get("Id", "UTC")


def overlaps(begins: datetime, ends: datetime, start: datetime, end: datetime) -> bool:
    """Whether what happens from `begins` to `ends`, which may be the same time, is seen in a window of the calendar."""
    return begins < end and (ends > start or begins == ends == start)


def slots(properties: dict[str, str]) -> Iterator[Slot]:
    """All occurrences of the pattern in order, deleted and moved ones too, at the same wall-clock time in their zone."""
    where = zone(zone_id(properties))
    start = moment(properties, "Start").astimezone(where).replace(tzinfo=None)
    length = moment(properties, "End").astimezone(where).replace(tzinfo=None) - start
    for day in dates(read_pattern(stored_element(properties["t:Recurrence"]))):
        end = datetime.combine(day, start.time()) + length
        first, last = to_utc(day, start.time(), where), to_utc(end.date(), end.time(), where)
        yield Slot(first, last if last > first else first + length)  # a skipped hour does not turn it round


def occurrence_id(master_id: str, original: datetime) -> str:
    """The item id of an occurrence."""
    return master_id + base64.b64encode(int(original.timestamp()).to_bytes(8, "big", signed=True)).decode()


def split_id(item_id: str) -> tuple[str, datetime | None]:
    """(id of an item, original start if the id means an occurrence of it)."""
    stamp = item_id[MASTER_ID_LENGTH:]
    try:
        number = int.from_bytes(base64.b64decode(stamp, validate=True), "big", signed=True)
        return item_id[:MASTER_ID_LENGTH], datetime.fromtimestamp(number, UTC) if stamp else None
    except (binascii.Error, ValueError, OverflowError, OSError):
        return item_id, None


def kept(master: Item) -> dict[datetime, str]:
    """What is kept of the occurrences that differ, by original start and in that order; "" for deleted ones."""
    found = {key.removeprefix(MARK): text for key, text in master.properties.items() if key.startswith(MARK)}
    return {datetime.fromisoformat(stamp): found[stamp] for stamp in sorted(found)}


def _kept_at(master: Item, original: datetime) -> str | None:
    return master.properties.get(MARK + wire_text(original))


def slot_at(master: Item, original: datetime) -> Slot | None:
    """The occurrence whose original start this is, None if the pattern has none."""
    for slot in slots(master.properties):
        if slot.start >= original:
            return slot if slot.start == original else None
    return None


def occurrence(master: Item, original: datetime) -> Item | None:
    """One occurrence as an item that can be shown and changed; None if the pattern has none then or it was deleted."""
    slot = slot_at(master, original)
    return None if slot is None else _item(master, slot)


def plain_occurrence(master: Item, original: datetime) -> Item | None:
    """One occurrence as it would be if it followed the pattern; None if the pattern has none then."""
    slot = slot_at(master, original)
    if slot is None:
        return None
    return replace(master, id=occurrence_id(master.id, slot.start), properties=_plain(master, slot, "Occurrence"))


def occurrence_number(master: Item, number: int) -> Item:
    """The occurrence with this number (from 1; deleted ones count). Raises EwsError."""
    slot = next(islice(slots(master.properties), number - 1, None), None) if number > 0 else None
    if slot is None:
        code = "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange"
        raise EwsError(code, "Occurrence with this index was not found in the recurrence.")
    found = _item(master, slot)
    if found is None:
        raise EwsError("ErrorCalendarOccurrenceIsDeletedFromRecurrence", "Occurrence is deleted from the recurrence.")
    return found


def occurrences_between(master: Item, start: datetime, end: datetime) -> list[Item]:
    """The occurrences that overlap a window, moved ones where they are now."""
    moved = {original for original, text in kept(master).items() if text}
    found = []
    for slot in slots(master.properties):
        if slot.start >= end:
            break
        plain = slot.start not in moved and overlaps(slot.start, slot.end, start, end)
        item = _item(master, slot) if plain else None
        if item is not None:
            found.append(item)
    others = filter(None, (occurrence(master, original) for original in moved))
    return found + [item for item in others if overlaps(*_times(item), start, end)]


def _times(item: Item) -> tuple[datetime, datetime]:
    return moment(item.properties, "Start"), moment(item.properties, "End")


def _item(master: Item, slot: Slot) -> Item | None:
    text = _kept_at(master, slot.start)
    if text == "":
        return None
    differs: dict[str, Any] = json.loads(text) if text else {"properties": {}, "categories": master.categories}
    properties = _plain(master, slot, "Exception" if text else "Occurrence")
    for key, value in differs["properties"].items():
        if value is None:
            properties.pop(key, None)
        else:
            properties[key] = value
    return replace(
        master,
        id=occurrence_id(master.id, slot.start),
        properties=properties,
        categories=list(differs["categories"]),
    )


def _plain(master: Item, slot: Slot, kind: str) -> dict[str, str]:
    """The properties of an occurrence that follows the pattern."""
    properties = {key: value for key, value in master.properties.items() if not key.startswith(MARK)}
    del properties["t:Recurrence"]
    put(properties, t("Start", slot.start), t("End", slot.end), t("OriginalStart", slot.start))
    put(properties, t("RecurrenceId", slot.start), t("CalendarItemType", kind), t("IsRecurring", True))
    return properties


def original_start(properties: dict[str, str]) -> datetime | None:
    """The original start of an occurrence, None for what is none."""
    return moment(properties, "OriginalStart") if "t:OriginalStart" in properties else None


def with_exception(master: Item, changed: Item) -> dict[str, str]:
    """The properties of the master once an occurrence is as `changed`. Raises EwsError(ErrorOccurrenceCrossingBoundary)
    when it would pass its neighbours or share a day with one."""
    original = original_start(changed.properties)
    slot = None if original is None else slot_at(master, original)
    if slot is None:
        raise EwsError("ErrorItemNotFound", "The series has no such occurrence.")
    _check_neighbours(master, slot, moment(changed.properties, "Start"))
    plain = _plain(master, slot, "Occurrence")
    ignored = {f"t:{name}" for name in _OF_THE_SERVER}
    differing: dict[str, str | None] = {
        key: changed.properties.get(key)
        for key in sorted(plain.keys() | changed.properties.keys() - ignored)
        if key not in ignored and plain.get(key) != changed.properties.get(key)
    }
    text = json.dumps({"properties": differing, "categories": changed.categories})
    return master.properties | {MARK + wire_text(slot.start): text}


def _check_neighbours(master: Item, slot: Slot, start: datetime) -> None:
    where = zone(zone_id(master.properties))
    before = after = None
    for other in slots(master.properties):
        if other.start > slot.start and _kept_at(master, other.start) != "":
            after = other.start
            break
        if other.start < slot.start and _kept_at(master, other.start) != "":
            before = other.start
    day = start.astimezone(where).date()
    too_early = before is not None and day <= _begins(master, before).astimezone(where).date()
    too_late = after is not None and day >= _begins(master, after).astimezone(where).date()
    if start != slot.start and (too_early or too_late):
        raise EwsError(
            "ErrorOccurrenceCrossingBoundary", "The occurrence would pass, or share a day with, its neighbour."
        )


def _begins(master: Item, original: datetime) -> datetime:
    found = occurrence(master, original)
    return original if found is None else moment(found.properties, "Start")


def without_occurrence(master: Item, original: datetime) -> dict[str, str]:
    """The properties of the master once an occurrence is deleted. Raises EwsError when it is the last one left."""
    gone = {start for start, text in kept(master).items() if text == ""} | {original}
    if not any(slot.start not in gone for slot in islice(slots(master.properties), len(gone) + 1)):
        raise EwsError("ErrorCannotDeleteObject", "The last occurrence of a series cannot be deleted.")
    return master.properties | {MARK + wire_text(original): ""}


def _info(name: str, master: Item, item: Item) -> Element:
    return t(
        name,
        t("ItemId", Id=item.id, ChangeKey=master.change_key),
        t("Start", moment(item.properties, "Start")),
        t("End", moment(item.properties, "End")),
        t("OriginalStart", original_start(item.properties)),
    )


def _living(master: Item) -> Iterator[Item]:
    return filter(None, (_item(master, slot) for slot in slots(master.properties)))


def first_occurrence(item: Item) -> Element | None:
    """`t:FirstOccurrence` of a master."""
    first = next(_living(item), None) if is_series(item) else None
    return None if first is None else _info("FirstOccurrence", item, first)


def last_occurrence(item: Item) -> Element | None:
    """`t:LastOccurrence` of a master, unless it never ends."""
    if not is_series(item) or "NoEndRecurrence" in item.properties["t:Recurrence"]:
        return None
    last = None
    for slot in slots(item.properties):
        last = slot if _kept_at(item, slot.start) != "" else last
    found = None if last is None else _item(item, last)
    return None if found is None else _info("LastOccurrence", item, found)


def modified_occurrences(item: Item) -> Element | None:
    """`t:ModifiedOccurrences` of a master that has some."""
    changed = [occurrence(item, original) for original, text in kept(item).items() if text]
    shown = [_info("Occurrence", item, found) for found in changed if found is not None]
    return t("ModifiedOccurrences", *shown) if shown else None


def deleted_occurrences(item: Item) -> Element | None:
    """`t:DeletedOccurrences` of a master that has some."""
    shown = [t("DeletedOccurrence", t("Start", original)) for original, text in kept(item).items() if text == ""]
    return t("DeletedOccurrences", *shown) if shown else None
