"""FindItem: searching folders with a restriction, a sort order and paging, or a window of the calendar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from serversync.sandbox.ews import series, shapes
from serversync.sandbox.ews.access import Call, Content, for_each
from serversync.sandbox.ews.paging import paged
from serversync.sandbox.ews.properties import Path, find_path
from serversync.sandbox.ews.restriction import Comparable, comparable, matches
from serversync.sandbox.ews.soap import Element, EwsError, child, children, m, t
from serversync.sandbox.store import Folder, Item

CAP = 1000
START = Path(t("FieldURI"), uri="calendar:Start")
LONGEST_VIEW = timedelta(days=2 * 366)


def find_item(call: Call) -> list[Element]:
    """FindItem: one response message per parent folder; newest arrivals first unless a sort order is given."""
    if child(call.body, "QueryString") is not None:
        raise EwsError("ErrorUnsupportedQueryFilter", "Query strings are not supported; use a restriction.")
    shape = shapes.read_shape(child(call.body, "ItemShape")).without_heavy()

    def search(reference: Element) -> Content:
        found = _found(call, call.place(reference).folder)
        page, attributes = _page(call, found)
        return [m("RootFolder", t("Items", *(shapes.render(item, shape) for item in page)), **attributes)]

    return for_each(call, call.part("ParentFolderIds"), search)


def _found(call: Call, folder: Folder) -> list[Item]:
    if call.body.get("Traversal", "Shallow") != "Shallow":
        return []  # there are neither associated nor soft-deleted items in this world
    restriction = child(call.body, "Restriction")
    items = sorted(folder.items.values(), key=lambda item: item.seq, reverse=True)
    found = [item for item in items if matches(restriction, partial(shapes.values, item))]
    for order in reversed(children(child(call.body, "SortOrder"))):
        path = find_path(order)
        if path is None:
            raise EwsError("ErrorUnsupportedPathForSortGroup", "The sort order names no property.")
        found.sort(key=partial(_sort_key, path), reverse=order.get("Order") == "Descending")
    return found


def _sort_key(path: Path, item: Item) -> tuple[str, Comparable]:
    """Values of different types cannot be compared, so the type's name goes first; items without a value come first."""
    values = [comparable(text) for text in shapes.values(item, path)[:1]]
    return (type(values[0]).__name__, values[0]) if values else ("", "")


def _page(call: Call, found: list[Item]) -> tuple[Sequence[Item], dict[str, str]]:
    window = child(call.body, "CalendarView")
    if window is None:
        return paged(found, child(call.body, "IndexedPageItemView"), CAP)
    start, end = _time(window.get("StartDate", "")), _time(window.get("EndDate", ""))
    if end < start:
        raise EwsError("ErrorCalendarEndDateIsEarlierThanStartDate", "EndDate is earlier than StartDate")
    if end - start > LONGEST_VIEW:
        raise EwsError(
            "ErrorCalendarViewRangeTooBig", "The specified view range exceeds the maximum range of two years."
        )
    inside = [shown for item in found for shown in _in_window(item, start, end)]
    inside.sort(key=partial(_sort_key, START))
    return paged(inside, window, CAP)


def _time(text: str) -> datetime:
    time = comparable(text)
    if not isinstance(time, datetime):
        raise EwsError("ErrorSchemaValidation", f"{text!r} is not a time.")
    return time


def _in_window(item: Item, start: datetime, end: datetime) -> list[Item]:
    """The item, or of a series the occurrences, that happen in a window of time."""
    if not item.item_class.startswith("IPM.Appointment"):
        return []
    if series.is_series(item):
        return series.occurrences_between(item, start, end)
    begins, ends = series.moment(item.properties, "Start"), series.moment(item.properties, "End")
    return [item] if series.overlaps(begins, ends, start, end) else []
