"""SyncFolderItems and SyncFolderHierarchy: changes since an opaque state.

A state of items says: folder, epoch of the mailbox, journal line `since`, and while the first listing is under way
`below`, the arrival number of the last item shown. The first listing shows what the folder held at line `since`, newest
first; every later page shows the net effect of the journal lines after `since`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass

from serversync.sandbox.ews import folders, shapes
from serversync.sandbox.ews.access import Call, Content, Place, for_each
from serversync.sandbox.ews.fields import item_id
from serversync.sandbox.ews.shapes import Shape
from serversync.sandbox.ews.soap import Element, EwsError, child, children, inner_text, m, t
from serversync.sandbox.store import Change, Folder, Item

MOST_CHANGES = 512


@dataclass(frozen=True, slots=True)
class State:
    """One synchronization state; `kind` is "items" or "folders", `below` None once the first listing is complete."""

    kind: str
    folder_id: str
    epoch: str
    since: int
    below: int | None = None

    def text(self) -> str:
        """The state as the opaque text that clients store."""
        below = "" if self.below is None else str(self.below)
        plain = "|".join([self.kind, self.folder_id, self.epoch, str(self.since), below])
        return base64.b64encode(plain.encode()).decode()


def read_state(text: str, kind: str, place: Place) -> State | None:
    """The state of a client, None when it has none yet.

    Raises EwsError(ErrorInvalidSyncStateData) when it is malformed, of another folder or kind, or no longer known.
    """
    if not text:
        return None
    try:
        given, folder_id, epoch, since, below = base64.b64decode(text, validate=True).decode().split("|")
        state = State(given, folder_id, epoch, int(since), int(below) if below else None)
    except (binascii.Error, ValueError) as error:
        raise _invalid() from error
    if (state.kind, state.folder_id, state.epoch) != (kind, place.folder.id, place.mailbox.epoch):
        raise _invalid()
    return state


def _invalid() -> EwsError:
    return EwsError("ErrorInvalidSyncStateData", "Synchronization state data is corrupt or otherwise invalid.")


def sync_folder_items(call: Call) -> list[Element]:
    """SyncFolderItems: one page of at most MaxChangesReturned changes and the state that covers exactly them."""
    shape = shapes.read_shape(child(call.body, "ItemShape")).without_heavy()
    most = _page_size(call)
    ignored = {reference.get("Id") for reference in children(child(call.body, "Ignore"))}

    def page(reference: Element) -> Content:
        place = _sync_place(call, reference)
        state = read_state(inner_text(call.body, "SyncState"), "items", place)
        if state is None:
            state = State("items", place.folder.id, place.mailbox.epoch, _last_line(place.folder.changes), _EVERYTHING)
        if state.below is not None:
            changes, after = _first_listing(place.folder, state, most, shape)
        else:
            changes, after = _net_changes(place.folder, state, most, shape)
        last = after.below is None and after.since == max(after.since, _last_line(place.folder.changes))
        shown = [change for change in changes if _changed_id(change) not in ignored]
        return [m("SyncState", after.text()), m("IncludesLastItemInRange", last), m("Changes", *shown)]

    return for_each(call, call.part("SyncFolderId"), page, lambda: [m("SyncState"), m("IncludesLastItemInRange", True)])


_EVERYTHING = 2**62


def _page_size(call: Call) -> int:
    """MaxChangesReturned, which the schema limits to 1 … 512."""
    text = inner_text(call.body, "MaxChangesReturned")
    if not text.isdigit() or not 1 <= int(text) <= MOST_CHANGES:
        raise EwsError("ErrorSchemaValidation", f"MaxChangesReturned must be 1 to {MOST_CHANGES}, not {text!r}.")
    return int(text)


def _sync_place(call: Call, reference: Element) -> Place:
    try:
        return call.place(reference)
    except EwsError as error:
        if error.code == "ErrorFolderNotFound":
            raise EwsError("ErrorSyncFolderNotFound", "The folder to synchronize could not be found.") from error
        raise


def _last_line(journal: list[Change]) -> int:
    return journal[-1].seq if journal else 0


def _first_listing(folder: Folder, state: State, most: int, shape: Shape) -> tuple[list[Element], State]:
    later = {change.item_id for change in _after(folder.changes, state.since) if change.kind == "create"}
    below = _EVERYTHING if state.below is None else state.below
    items = [item for item in folder.items.values() if item.seq < below and item.id not in later]
    items.sort(key=lambda item: item.seq, reverse=True)
    shown = [t("Create", shapes.render(item, shape)) for item in items[:most]]
    reached = items[most - 1].seq if len(items) > most else None
    return shown, State(state.kind, state.folder_id, state.epoch, state.since, reached)


def _net_changes(folder: Folder, state: State, most: int, shape: Shape) -> tuple[list[Element], State]:
    kinds: dict[str, set[str]] = {}
    since = state.since
    for change in _after(folder.changes, state.since):
        if change.item_id not in kinds and len(kinds) == most:
            break
        kinds.setdefault(change.item_id, set()).add(change.kind)
        since = change.seq
    shown = [_net_change(key, folder.items.get(key), happened, shape) for key, happened in reversed(kinds.items())]
    after = State(state.kind, state.folder_id, state.epoch, since)
    return [change for change in shown if change is not None], after


def _net_change(key: str, item: Item | None, happened: set[str], shape: Shape) -> Element | None:
    """What a client has to do about one item that is now as it is, after all that happened to it."""
    if item is None:
        return None if "create" in happened else t("Delete", t("ItemId", Id=key))
    if "create" in happened:
        return t("Create", shapes.render(item, shape))
    if happened == {"read"}:
        return t("ReadFlagChange", item_id(item), t("IsRead", item.is_read))
    return t("Update", shapes.render(item, shape))


def _after(journal: list[Change], since: int) -> Iterable[Change]:
    """The lines after `since`, found from the end because most polls have little to catch up with."""
    start = len(journal)
    while start and journal[start - 1].seq > since:
        start -= 1
    return journal[start:]


def _changed_id(change: Element) -> str | None:
    return next((inner.get("Id") for inner in change.iter() if inner.tag == f"{{{inner.nsmap['t']}}}ItemId"), None)


def sync_folder_hierarchy(call: Call) -> list[Element]:
    """SyncFolderHierarchy: created, changed and deleted folders below a folder (the whole tree when none is named)."""
    shape = child(call.body, "FolderShape")
    named = children(child(call.body, "SyncFolderId"))

    def page(reference: Element) -> Content:
        place = _sync_place(call, reference) if named else Place(call.acting, call.acting.folder("msgfolderroot"))
        state = read_state(inner_text(call.body, "SyncState"), "folders", place)
        journal = place.mailbox.hierarchy
        after = State("folders", place.folder.id, place.mailbox.epoch, _last_line(journal))
        if state is None:
            changes = [t("Create", folders.render(place.mailbox, found, shape)) for found in _below(place)]
        else:
            changes = _folder_changes(place, state.since, shape)
        return [m("SyncState", after.text()), m("IncludesLastFolderInRange", True), m("Changes", *changes)]

    references = named or [call.body]
    return for_each(call, references, page, lambda: [m("SyncState"), m("IncludesLastFolderInRange", True)])


def _below(place: Place) -> list[Folder]:
    inside = place.mailbox.folders.values()
    return [found for found in inside if found is not place.folder and place.mailbox.is_below(found, place.folder)]


def _folder_changes(place: Place, since: int, shape: Element | None) -> list[Element]:
    kinds: dict[str, set[str]] = {}
    for change in _after(place.mailbox.hierarchy, since):
        kinds.setdefault(change.item_id, set()).add(change.kind)
    shown = [_folder_change(place, key, happened, shape) for key, happened in kinds.items()]
    return [change for change in shown if change is not None]


def _folder_change(place: Place, key: str, happened: set[str], shape: Element | None) -> Element | None:
    """What a client has to do about one folder; one that was moved elsewhere is deleted for it."""
    folder = place.mailbox.folders.get(key)
    if folder is None or not place.mailbox.is_below(folder, place.folder):
        return None if "create" in happened else t("Delete", t("FolderId", Id=key))
    return t("Create" if "create" in happened else "Update", folders.render(place.mailbox, folder, shape))
