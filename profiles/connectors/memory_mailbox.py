"""One mailbox of a `MemoryServer`: its folders, its messages, and a journal of what happened to them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

from profiles.connectors.base import Cause, FolderMissing, ItemRejected
from profiles.connectors.hierarchy import arranged
from profiles.items import ARCHIVE, DELETED, DRAFTS, INBOX, JUNK, OUTBOX, SENT, Folder

STANDARD = {
    INBOX: "Inbox",
    DRAFTS: "Drafts",
    SENT: "Sent Items",
    DELETED: "Deleted Items",
    JUNK: "Junk Email",
    OUTBOX: "Outbox",
    ARCHIVE: "Archive",
}
"""The folders that every mailbox has, by distinguished name, which is their key."""


@dataclass
class MemoryItem:
    """A stored message. `unreadable`, if set, is what the server says instead of giving it out."""

    key: str
    folder: str
    raw: bytes
    received_on: datetime
    is_read: bool = False
    categories: tuple[str, ...] = ()
    version: int = 1
    mark: str = ""
    unreadable: str = ""

    @property
    def change_key(self) -> str:
        """A new one after every change."""
        return f"{self.key}.{self.version}"


@dataclass
class MemoryFolder:
    """A folder; `parent_key` is "" right below the top. One that is not `for_mail` is a calendar or the like."""

    key: str
    parent_key: str
    name: str
    for_mail: bool = True


def _standard_folders() -> dict[str, MemoryFolder]:
    return {key: MemoryFolder(key, "", name) for key, name in STANDARD.items()}


@dataclass
class MemoryMailbox:
    """The messages of one address, oldest first, its folders, and a journal of the messages that came and went."""

    password: str
    items: dict[str, MemoryItem] = field(default_factory=dict)
    journal: list[tuple[str, str]] = field(default_factory=list)  # folder, key
    epoch: int = 1
    tree: dict[str, MemoryFolder] = field(default_factory=_standard_folders)
    named: int = 0
    happened: Counter[str] = field(default_factory=Counter, repr=False)  # by folder

    # Messages

    def add(self, item: MemoryItem) -> MemoryItem:
        """Put a message into its folder. Raises FolderMissing."""
        self.folder(item.folder)
        self.items[item.key] = item
        self._note(item.folder, item.key)
        return item

    def remove(self, key: str) -> None:
        """Delete a message; nothing happens if it is gone."""
        if item := self.items.pop(key, None):
            self._note(item.folder, key)

    def move(self, key: str, folder: str) -> str:
        """Move a message into another folder, where it has another key. Raises FolderMissing."""
        target = self.folder(folder)
        self.named += 1
        moved = replace(self.items[key], key=f"{key.partition('-')[0]}-{self.named}", folder=target.key)
        self.remove(key)
        self.add(moved)
        return moved.key

    def tag(self, key: str, categories: tuple[str, ...]) -> None:
        """Give a message these categories; nothing happens if it bears exactly them."""
        item = self.items[key]
        if set(item.categories) != set(categories):
            item.categories = categories
            item.version += 1
            self._note(item.folder, key)

    def read(self, key: str) -> None:
        """Mark a message as read, which changes its folder but shows it to nobody again (5.2)."""
        item = self.items[key]
        item.is_read = True
        self.happened[item.folder] += 1

    def lose_sync_state(self) -> None:
        """Make every cursor given out so far invalid."""
        self.epoch += 1

    def _note(self, folder: str, key: str) -> None:
        self.journal.append((folder, key))
        self.happened[folder] += 1

    # Folders

    def folder(self, key: str) -> MemoryFolder:
        """The folder with this key. Raises FolderMissing."""
        found = self.tree.get(key)
        if found is None:
            raise FolderMissing(
                f"The folder {key} is not in the mailbox any more.",
                folder=key,
                remedy="Choose another folder, or stop tracking this one.",
                cause=Cause.FOLDER,
            )
        return found

    def folders(self) -> list[Folder]:
        """The mail folders as a source shows them."""
        held = Counter(item.folder for item in self.items.values())
        unread = Counter(item.folder for item in self.items.values() if not item.is_read)
        found = [
            Folder(
                key=folder.key,
                parent_key=folder.parent_key,
                name=folder.name,
                path="",
                total=held[folder.key],
                unread=unread[folder.key],
                changed=self.stamp(folder.key),
                kind=folder.key if folder.key in STANDARD else "",
            )
            for folder in self.tree.values()
        ]
        return arranged(found, others=[folder.key for folder in self.tree.values() if not folder.for_mail])

    def stamp(self, key: str) -> str:
        """How often something has happened in a folder; "" if there is no such folder."""
        return str(self.happened[key] + 1) if key in self.tree else ""

    def folder_named(self, name: str, parent_key: str = "") -> MemoryFolder | None:
        """The folder of this name right below another one; case does not matter."""
        siblings = [folder for folder in self.tree.values() if folder.parent_key == parent_key]
        return next((folder for folder in siblings if folder.name.casefold() == name.casefold()), None)

    def create_folder(self, name: str, parent_key: str = "", *, for_mail: bool = True) -> MemoryFolder:
        """Create a folder. Raises FolderMissing if the parent is gone, ItemRejected if the name is taken or none."""
        if parent_key:
            self.folder(parent_key)
        self._require_free(name, parent_key)
        self.named += 1
        created = MemoryFolder(f"folder-{self.named}", parent_key, name, for_mail)
        self.tree[created.key] = created
        return created

    def rename_folder(self, key: str, name: str) -> None:
        """Give a folder another name; its key stays."""
        folder = self.folder(key)
        self._require_free(name, folder.parent_key)
        folder.name = name

    def move_folder(self, key: str, parent_key: str) -> None:
        """Put a folder with all that is below it below another one; its key stays."""
        folder = self.folder(key)
        self._require_free(folder.name, parent_key)
        folder.parent_key = parent_key

    def delete_folder(self, key: str) -> None:
        """Delete a folder for good, with its messages and all folders below it."""
        for child in [folder.key for folder in self.tree.values() if folder.parent_key == key]:
            self.delete_folder(child)
        for item in [item for item in self.items.values() if item.folder == key]:
            self.remove(item.key)
        del self.tree[key]

    def restore(self) -> None:
        """Become what a restored backup is: the same paths and messages, all under new keys, and no cursor is known.
        The distinguished names stay."""
        self.named += 1
        keys = {key: key if key in STANDARD else f"{key}r{self.named}" for key in self.tree}
        self.tree = {
            keys[folder.key]: replace(folder, key=keys[folder.key], parent_key=keys.get(folder.parent_key, ""))
            for folder in self.tree.values()
        }
        renewed = [
            replace(item, key=f"{item.key}r{self.named}", folder=keys[item.folder]) for item in self.items.values()
        ]
        self.items = {item.key: item for item in renewed}
        self.journal = [(item.folder, item.key) for item in renewed]
        self.lose_sync_state()

    def _require_free(self, name: str, parent_key: str) -> None:
        if not name.strip():
            raise ItemRejected("A folder needs a name.", cause=Cause.FOLDER)
        if self.folder_named(name, parent_key):
            raise ItemRejected(f"There is already a folder {name} there.", remedy="Choose another name.")
