"""FindItem: searching folders with a restriction, a sort order and paging, or a window of the calendar."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from serversync.sandbox.ews import shapes
from serversync.sandbox.ews.access import Call, Content, for_each
from serversync.sandbox.ews.paging import paged
from serversync.sandbox.ews.properties import Path, find_path
from serversync.sandbox.ews.restriction import Comparable, comparable, matches
from serversync.sandbox.ews.soap import Element, EwsError, child, children, m, t
from serversync.sandbox.store import Folder, Item

CAP = 1000
START, END = (Path(t("FieldURI"), uri=f"calendar:{name}") for name in ("Start", "End"))


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
    start, end = comparable(window.get("StartDate", "")), comparable(window.get("EndDate", ""))
    inside = [item for item in found if _overlaps(item, start, end)]
    inside.sort(key=partial(_sort_key, START))
    return paged(inside, window, CAP)


def _overlaps(item: Item, start: Comparable, end: Comparable) -> bool:
    begins = [comparable(text) for text in shapes.values(item, START)]
    ends = [comparable(text) for text in shapes.values(item, END)]
    if not begins or not ends:
        return False
    return bool(begins[0] < end and ends[0] > start)  # type: ignore[operator]
