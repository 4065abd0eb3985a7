"""One mailbox in memory: folders, items, and a journal of what happened to them.

Everything runs on one asyncio loop, so nothing here locks. Ids look like those of Exchange: opaque base64 that differs
for every item and changes when an item moves; they are new in every run, so that nobody can rely on an earlier one.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

ChangeKind = Literal["create", "update", "delete", "read"]

STANDARD_FOLDERS = (  # distinguished name, display name, folder class, parent
    ("root", "Root", "", ""),
    ("msgfolderroot", "Top of Information Store", "", "root"),
    ("inbox", "Inbox", "IPF.Note", "msgfolderroot"),
    ("drafts", "Drafts", "IPF.Note", "msgfolderroot"),
    ("sentitems", "Sent Items", "IPF.Note", "msgfolderroot"),
    ("deleteditems", "Deleted Items", "IPF.Note", "msgfolderroot"),
    ("junkemail", "Junk Email", "IPF.Note", "msgfolderroot"),
    ("outbox", "Outbox", "IPF.Note", "msgfolderroot"),
    ("archive", "Archive", "IPF.Note", "msgfolderroot"),
    ("calendar", "Calendar", "IPF.Appointment", "msgfolderroot"),
    ("contacts", "Contacts", "IPF.Contact", "msgfolderroot"),
    ("tasks", "Tasks", "IPF.Task", "msgfolderroot"),
)


class FolderError(Exception):
    """A folder is missing, exists already, or may not be changed. `code` is the EWS response code that says so."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def opaque_id() -> str:
    """A new id of 60 characters that looks like an Exchange id ('/' and '+' included)."""
    return "AAMk" + base64.b64encode(secrets.token_bytes(42)).decode()


def opaque_change_key() -> str:
    """A new change key of 28 characters."""
    return "CQAA" + base64.b64encode(secrets.token_bytes(18)).decode()


def utc_now() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a journal. `item_id` is the id of an item, or of a folder in the journal of the hierarchy."""

    seq: int
    kind: ChangeKind
    item_id: str


@dataclass(eq=False)
class Item:
    """One message (or appointment, contact, task) in a folder.

    `seq` is the arrival number in the mailbox, `uidl` the POP3 unique id; both stay when the item moves, while `id` and
    `folder_id` change. `properties` holds extended and other properties under keys that the EWS face chooses.
    Change an item through its mailbox, so that the journal knows.
    """

    id: str
    change_key: str
    folder_id: str
    raw: bytes
    received: datetime
    created: datetime
    seq: int
    uidl: str
    is_read: bool = False
    is_draft: bool = False
    item_class: str = "IPM.Note"
    categories: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    modified: datetime | None = None

    @property
    def size(self) -> int:
        """The size of the raw message in bytes."""
        return len(self.raw)


@dataclass(eq=False)
class Folder:
    """One folder with its items in order of arrival, and the journal that synchronization states are derived from."""

    id: str
    change_key: str
    name: str
    parent_id: str
    distinguished: str | None = None
    folder_class: str = "IPF.Note"
    items: dict[str, Item] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)


Listener = Callable[[Folder, Change], None]


class MailboxStore:
    """The mailbox of one address. `password` None means that nobody can sign in: a mailbox of the outside world.

    `impersonate` marks a service account that may act as any other mailbox. `switches` turn abilities of the faces off
    for this mailbox (see `World`). A synchronization state is valid for one (folder id, `epoch`, `seq`) only.
    `seq` is the number of the newest journal line. `listeners` are called after every change of an item.
    """

    def __init__(
        self,
        address: str,
        password: str | None,
        *,
        impersonate: bool = False,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.address = address
        self.password = password
        self.impersonate = impersonate
        self.switches: set[str] = set()
        self.epoch = secrets.token_hex(6)
        self.folders: dict[str, Folder] = {}
        self.hierarchy: list[Change] = []
        self.listeners: list[Listener] = []
        self._items: dict[str, Item] = {}
        self.seq = 0
        self._number = 0
        self._now = now
        self._create_standard_folders()

    # Reading

    def find(self, item_id: str) -> Item | None:
        """The item with this id, in any folder."""
        return self._items.get(item_id)

    def items(self) -> Iterator[Item]:
        """All items, folder by folder."""
        for folder in self.folders.values():
            yield from folder.items.values()

    def find_folder(self, reference: str) -> Folder | None:
        """The folder with this id or distinguished name."""
        if reference in self.folders:
            return self.folders[reference]
        return next((f for f in self.folders.values() if f.distinguished == reference.lower()), None)

    def folder(self, reference: str) -> Folder:
        """The folder with this id or distinguished name. Raises FolderError (ErrorFolderNotFound)."""
        found = self.find_folder(reference)
        if found is None:
            raise FolderError(f"{self.address} has no folder {reference!r}.", "ErrorFolderNotFound")
        return found

    def folder_named(self, name: str, parent_id: str | None = None) -> Folder | None:
        """The first folder with this display name, without regard to case; with `parent_id` only right below it."""
        for folder in self.folders.values():
            if folder.name.lower() == name.lower() and parent_id in (None, folder.parent_id):
                return folder
        return None

    def path(self, folder: Folder) -> str:
        """The display names from the top of the mailbox down to a folder, with "/" between them."""
        names: list[str] = []
        while folder.distinguished not in ("root", "msgfolderroot"):
            names.insert(0, folder.name)
            folder = self.folders[folder.parent_id]
        return "/".join(names)

    def folder_at(self, path: str) -> Folder | None:
        """The folder with this path; case does not matter."""
        return next((f for f in self.folders.values() if path and self.path(f).lower() == path.lower()), None)

    def children(self, folder_id: str) -> list[Folder]:
        """The folders right below this one, in order of creation."""
        return [f for f in self.folders.values() if f.parent_id == folder_id and f.id != folder_id]

    # Items

    def deliver(self, raw: bytes, folder: str = "inbox", received: datetime | None = None) -> Item:
        """Put an arriving message into a folder (id or distinguished name), unread."""
        return self.append(folder, raw, received=received)

    def append(
        self,
        folder_id: str,
        raw: bytes,
        *,
        draft: bool = False,
        is_read: bool = False,
        received: datetime | None = None,
        item_class: str = "IPM.Note",
        categories: Iterable[str] = (),
        properties: dict[str, str] | None = None,
    ) -> Item:
        """Create an item in a folder (id or distinguished name). Raises FolderError."""
        folder = self.folder(folder_id)
        now = self._now()
        item = Item(
            id=opaque_id(),
            change_key=opaque_change_key(),
            folder_id=folder.id,
            raw=raw,
            received=received or now,
            created=now,
            seq=self._next(),
            uidl=secrets.token_hex(12),
            is_read=is_read,
            is_draft=draft,
            item_class=item_class,
            categories=list(categories),
            properties=dict(properties or {}),
        )
        self._insert(item, folder)
        return item

    def update(
        self,
        item: Item,
        *,
        raw: bytes | None = None,
        is_read: bool | None = None,
        is_draft: bool | None = None,
        categories: Iterable[str] | None = None,
        properties: dict[str, str] | None = None,
    ) -> None:
        """Replace what is given and renew the change key; the id stays. The read flag alone is journalled as "read"."""
        more = [value is not None for value in (raw, is_draft, categories, properties)]
        item.raw = item.raw if raw is None else raw
        item.is_read = item.is_read if is_read is None else is_read
        item.is_draft = item.is_draft if is_draft is None else is_draft
        item.categories = item.categories if categories is None else list(categories)
        item.properties = item.properties if properties is None else dict(properties)
        item.change_key, item.modified = opaque_change_key(), self._now()
        self._journal(item, "update" if any(more) or is_read is None else "read")

    def move(self, item: Item, folder_id: str) -> Item:
        """Move an item and return it under its new id; the journals say "delete" there and "create" here."""
        target = self.folder(folder_id)
        self.delete(item)
        moved = replace(item, id=opaque_id(), change_key=opaque_change_key(), folder_id=target.id)
        self._insert(moved, target)
        return moved

    def copy(self, item: Item, folder_id: str) -> Item:
        """Copy an item and return the copy, which has its own id, arrival number and unique id."""
        target = self.folder(folder_id)
        copied = replace(
            item,
            id=opaque_id(),
            change_key=opaque_change_key(),
            folder_id=target.id,
            seq=self._next(),
            uidl=secrets.token_hex(12),
            categories=list(item.categories),
            properties=dict(item.properties),
        )
        self._insert(copied, target)
        return copied

    def delete(self, item: Item) -> None:
        """Remove an item for good. An item that is already gone is left alone."""
        if self._items.pop(item.id, None) is None:
            return
        folder = self.folders[item.folder_id]
        del folder.items[item.id]
        self._journal(item, "delete")

    # Folders

    def create_folder(self, name: str, parent: str = "msgfolderroot", folder_class: str = "IPF.Note") -> Folder:
        """Create a folder below `parent` (id or distinguished name). Raises FolderError if the name is taken."""
        above = self.folder(parent)
        if self.folder_named(name, above.id) is not None:
            raise FolderError(f"{above.name} already has a folder {name!r}.", "ErrorFolderExists")
        return self._add_folder(Folder(opaque_id(), opaque_change_key(), name, above.id, None, folder_class))

    def rename_folder(self, folder: Folder, name: str) -> None:
        """Give a folder another display name; its id stays. Raises FolderError if a sibling bears the name."""
        sibling = self.folder_named(name, folder.parent_id)
        if sibling is not None and sibling is not folder:
            raise FolderError(f"There is already a folder {name!r}.", "ErrorFolderExists")
        folder.name = name
        self._journal_folder(folder, "update")

    def move_folder(self, folder: Folder, parent: str) -> None:
        """Put a folder, with everything below it, below another one; its id stays. Raises FolderError."""
        target = self.folder(parent)
        if folder.distinguished or self.is_below(target, folder):
            raise FolderError(f"{folder.name} cannot move there.", "ErrorMoveCopyFailed")
        if self.folder_named(folder.name, target.id) is not None:
            raise FolderError(f"{target.name} already has a folder {folder.name!r}.", "ErrorFolderExists")
        folder.parent_id = target.id
        self._journal_folder(folder, "update")

    def delete_folder(self, folder: Folder) -> None:
        """Remove a folder with its items and everything below it. Raises FolderError for a standard folder."""
        if folder.distinguished:
            raise FolderError(f"{folder.name} is a standard folder.", "ErrorDeleteDistinguishedFolder")
        for child in self.children(folder.id):
            self.delete_folder(child)
        for item in list(folder.items.values()):
            self.delete(item)
        del self.folders[folder.id]
        self._journal_folder(folder, "delete")

    def is_below(self, folder: Folder, ancestor: Folder) -> bool:
        """Whether `folder` is `ancestor` or lies anywhere below it."""
        while folder is not ancestor:
            above = self.folders.get(folder.parent_id)
            if above is None:
                return False
            folder = above
        return True

    def bin_folder(self, folder: Folder) -> None:
        """Put a folder into Deleted Items, where it keeps its id, and gets a number if its name is taken there; one
        that is there already is deleted for good."""
        place = self.folder("deleteditems")
        if folder.parent_id == place.id:
            return self.delete_folder(folder)
        if folder.distinguished:
            raise FolderError(f"{folder.name} is a standard folder.", "ErrorDeleteDistinguishedFolder")
        name, number = folder.name, 0
        while self.folder_named(folder.name, place.id) is not None:
            number += 1
            folder.name = f"{name}{number}"
        return self.move_folder(folder, place.id)

    def restore(self) -> None:
        """Become what a mailbox restored from a backup is: the same folders and items, all under new ids; nobody's
        synchronization state is known any more. The distinguished names stay."""
        folders, items = list(self.folders.values()), sorted(self.items(), key=lambda item: item.seq)
        new_ids = {folder.id: opaque_id() for folder in folders}
        self.folders, self._items, self.hierarchy = {}, {}, []
        self.lose_sync_state()
        for folder in folders:
            parent = new_ids.get(folder.parent_id, "")
            self._add_folder(replace(folder, id=new_ids[folder.id], parent_id=parent, items={}, changes=[]))
        for item in items:
            place = self.folders[new_ids[item.folder_id]]
            self._insert(replace(item, id=opaque_id(), folder_id=place.id), place)

    def lose_sync_state(self) -> None:
        """Forget all synchronization states handed out so far, as a restored or moved mailbox does."""
        self.epoch = secrets.token_hex(6)

    # The journals

    def _create_standard_folders(self) -> None:
        for distinguished, name, folder_class, parent in STANDARD_FOLDERS:
            parent_id = self.folder(parent).id if parent else ""
            self._add_folder(Folder(opaque_id(), opaque_change_key(), name, parent_id, distinguished, folder_class))

    def _add_folder(self, folder: Folder) -> Folder:
        self.folders[folder.id] = folder
        self._journal_folder(folder, "create")
        return folder

    def _insert(self, item: Item, folder: Folder) -> None:
        self._items[item.id] = item
        folder.items[item.id] = item
        self._journal(item, "create")

    def _journal(self, item: Item, kind: ChangeKind) -> None:
        folder = self.folders[item.folder_id]
        change = self._line(kind, item.id)
        folder.changes.append(change)
        folder.change_key = opaque_change_key()
        for listener in list(self.listeners):
            listener(folder, change)

    def _journal_folder(self, folder: Folder, kind: ChangeKind) -> None:
        folder.change_key = opaque_change_key()
        self.hierarchy.append(self._line(kind, folder.id))

    def _line(self, kind: ChangeKind, subject_id: str) -> Change:
        self.seq = self._next()
        return Change(self.seq, kind, subject_id)

    def _next(self) -> int:
        self._number += 1
        return self._number
