"""Folder operations: GetFolder, FindFolder, CreateFolder, UpdateFolder, MoveFolder, DeleteFolder, EmptyFolder."""

from __future__ import annotations

from collections.abc import Callable

from serversync.sandbox.ews import mapi
from serversync.sandbox.ews.access import Call, Content, Place, for_each
from serversync.sandbox.ews.paging import paged
from serversync.sandbox.ews.properties import Path, find_path, read_path, show_extended, texts
from serversync.sandbox.ews.restriction import matches
from serversync.sandbox.ews.soap import Element, EwsError, child, children, inner_text, local_name, m, t
from serversync.sandbox.store import Folder, MailboxStore

ELEMENTS = {"IPF.Appointment": "CalendarFolder", "IPF.Contact": "ContactsFolder", "IPF.Task": "TasksFolder"}
CLASSES = {name: folder_class for folder_class, name in ELEMENTS.items()}

FIELDS: dict[str, Callable[[MailboxStore, Folder], Element | None]] = {  # in the order of the schema
    "FolderId": lambda _, folder: folder_id(folder),
    "ParentFolderId": lambda _, folder: t("ParentFolderId", Id=folder.parent_id) if folder.parent_id else None,
    "FolderClass": lambda _, folder: t("FolderClass", folder.folder_class) if folder.folder_class else None,
    "DisplayName": lambda _, folder: t("DisplayName", folder.name),
    "TotalCount": lambda _, folder: t("TotalCount", len(folder.items)),
    "ChildFolderCount": lambda mailbox, folder: t("ChildFolderCount", len(mailbox.children(folder.id))),
    "EffectiveRights": lambda _, folder: effective_rights(),
    "DistinguishedFolderId": lambda _, folder: _distinguished(folder),
    "UnreadCount": lambda _, folder: t("UnreadCount", mapi.unread(folder)),
}


def folder_id(folder: Folder) -> Element:
    """The `t:FolderId` of a folder as it is now."""
    return t("FolderId", Id=folder.id, ChangeKey=folder.change_key)


def effective_rights() -> Element:
    """All rights: whoever may open a mailbox in this world may do everything in it."""
    rights = ("CreateAssociated", "CreateContents", "CreateHierarchy", "Delete", "Modify", "Read", "ViewPrivateItems")
    return t("EffectiveRights", *(t(right, True) for right in rights))


def _distinguished(folder: Folder) -> Element | None:
    return t("DistinguishedFolderId", folder.distinguished) if folder.distinguished else None


def element_name(folder: Folder) -> str:
    """Folder, CalendarFolder, ContactsFolder or TasksFolder, by the folder's class."""
    return ELEMENTS.get(folder.folder_class, "Folder")


def render(mailbox: MailboxStore, folder: Folder, shape: Element | None) -> Element:
    """The folder with the properties that `m:FolderShape` asks for."""
    paths = [] if shape is None else [read_path(path) for path in children(child(shape, "AdditionalProperties"))]
    wanted = {path.name for path in paths} | {"FolderId"}
    if shape is not None and inner_text(shape, "BaseShape") != "IdOnly":
        wanted |= set(FIELDS)
    shown = [FIELDS[name](mailbox, folder) for name in FIELDS if name in wanted]
    extended = [_extended(mailbox, folder, path) for path in paths if path.key]
    return t(element_name(folder), *shown, *extended)


def _extended(mailbox: MailboxStore, folder: Folder, path: Path) -> Element | None:
    value = mapi.folder_property(mailbox, folder, path.element)
    return None if value is None else show_extended(path.element, value)


def get_folder(call: Call) -> list[Element]:
    """GetFolder: the folders with the properties of the shape; a missing one is ErrorFolderNotFound by itself."""
    shape = child(call.body, "FolderShape")

    def show(reference: Element) -> Content:
        place = call.place(reference)
        return [m("Folders", render(place.mailbox, place.folder, shape))]

    return for_each(call, call.part("FolderIds"), show, _no_folders)


def find_folder(call: Call) -> list[Element]:
    """FindFolder: the folders below a parent, one level (Shallow) or all levels (Deep), filtered and paged."""
    shape = child(call.body, "FolderShape")
    deep = call.body.get("Traversal") == "Deep"

    def search(reference: Element) -> Content:
        place = call.place(reference)
        found = [folder for folder in _below(place, deep) if _wanted(call, place.mailbox, folder)]
        page, attributes = paged(found, child(call.body, "IndexedPageFolderView"))
        shown = [render(place.mailbox, folder, shape) for folder in page]
        return [m("RootFolder", t("Folders", *shown), **attributes)]

    return for_each(call, call.part("ParentFolderIds"), search)


def _below(place: Place, deep: bool) -> list[Folder]:
    found = []
    for folder in place.mailbox.children(place.folder.id):
        found.append(folder)
        if deep:
            found += _below(Place(place.mailbox, folder), deep)
    return found


def _wanted(call: Call, mailbox: MailboxStore, folder: Folder) -> bool:
    def values(path: Path) -> list[str]:
        if path.key:
            found = _extended(mailbox, folder, path)
            return [] if found is None else texts(list(found)[1:])
        shown = FIELDS[path.name](mailbox, folder) if path.name in FIELDS else None
        return [] if shown is None else texts([shown])

    return matches(child(call.body, "Restriction"), values)


def create_folder(call: Call) -> list[Element]:
    """CreateFolder: one response message per folder; a name that is taken is ErrorFolderExists."""

    def create(described: Element) -> Content:
        place = call.first_place("ParentFolderId")
        default = CLASSES.get(local_name(described), "IPF.Note")
        name = inner_text(described, "DisplayName")
        if not name:
            raise EwsError("ErrorFolderSavePropertyError", "A folder needs a DisplayName.")
        folder_class = inner_text(described, "FolderClass", default)
        return _ids([place.mailbox.create_folder(name, place.folder.id, folder_class)])

    return for_each(call, call.part("Folders"), create, _no_folders)


def update_folder(call: Call) -> list[Element]:
    """UpdateFolder: only the display name can be set."""

    def update(change: Element) -> Content:
        place = call.place(change[0])
        for field in children(child(change, "Updates")):
            path = find_path(field)
            if path is None or path.uri != "folder:DisplayName" or local_name(field) != "SetFolderField":
                raise EwsError("ErrorInvalidPropertySet", "Only the display name of a folder can be set.")
            place.mailbox.rename_folder(place.folder, inner_text(field, "DisplayName"))
        return _ids([place.folder])

    return for_each(call, call.part("FolderChanges"), update, _no_folders)


def move_folder(call: Call) -> list[Element]:
    """MoveFolder: the folders, with everything below them, to another parent of the same mailbox; their ids stay."""

    def move(reference: Element) -> Content:
        place = call.place(reference)
        place.mailbox.move_folder(place.folder, call.first_place("ToFolderId").folder.id)
        return _ids([place.folder])

    return for_each(call, call.part("FolderIds"), move, _no_folders)


def delete_folder(call: Call) -> list[Element]:
    """DeleteFolder: for good, or into Deleted Items."""
    to_bin = call.body.get("DeleteType") == "MoveToDeletedItems"

    def delete(reference: Element) -> Content:
        place = call.place(reference)
        if to_bin:
            place.mailbox.bin_folder(place.folder)
        else:
            place.mailbox.delete_folder(place.folder)
        return []

    return for_each(call, call.part("FolderIds"), delete)


def empty_folder(call: Call) -> list[Element]:
    """EmptyFolder: all items for good, or into Deleted Items, and with DeleteSubFolders the folders below too."""
    to_bin = call.body.get("DeleteType") == "MoveToDeletedItems"

    def empty(reference: Element) -> Content:
        place = call.place(reference)
        for item in list(place.folder.items.values()):
            if to_bin:
                place.mailbox.move(item, "deleteditems")
            else:
                place.mailbox.delete(item)
        for folder in place.mailbox.children(place.folder.id) if call.body.get("DeleteSubFolders") == "true" else []:
            place.mailbox.delete_folder(folder)
        return []

    return for_each(call, call.part("FolderIds"), empty)


def _ids(folders: list[Folder]) -> Content:
    return [m("Folders", *(t(element_name(folder), folder_id(folder)) for folder in folders))]


def _no_folders() -> Content:
    return [m("Folders")]
