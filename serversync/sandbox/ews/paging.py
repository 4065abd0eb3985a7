"""Cutting a list of results into the page a client asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from serversync.sandbox.ews.soap import Element, EwsError

Result = TypeVar("Result")


def paged(found: Sequence[Result], view: Element | None, cap: int = 1000) -> tuple[Sequence[Result], dict[str, str]]:
    """(the page, the paging attributes of `m:RootFolder`) of an IndexedPageItemView or IndexedPageFolderView.

    Without a view everything up to `cap` is one page; Exchange never gives more than its cap at once.
    Raises EwsError(ErrorInvalidPagingMaxRows, ErrorInvalidIndexedPagingParameters).
    """
    most, offset, from_end = _read(view)
    if from_end:
        found = found[::-1]
    page = found[offset : offset + min(most or cap, cap)]
    end = offset + len(page)
    attributes = {"IndexedPagingOffset": str(end), "TotalItemsInView": str(len(found))}
    attributes["IncludesLastItemInRange"] = "true" if end >= len(found) else "false"
    return page, attributes


def _read(view: Element | None) -> tuple[int | None, int, bool]:
    if view is None:
        return None, 0, False
    try:
        most = int(view.get("MaxEntriesReturned", "0")) or None
        offset = int(view.get("Offset", "0"))
    except ValueError as error:
        raise EwsError("ErrorInvalidIndexedPagingParameters", str(error)) from error
    if most is not None and most < 0:
        raise EwsError("ErrorInvalidPagingMaxRows", "MaxEntriesReturned must be greater than 0.")
    if offset < 0:
        raise EwsError("ErrorInvalidIndexedPagingParameters", "Offset must not be negative.")
    return most, offset, view.get("BasePoint") == "End"
