"""What is changed about mail that lies in an Exchange mailbox: its categories (5.23) and its folder (5.22).

Several people and programs may change an item at the same time. So an item is read before it is written, is written only
as the version that was read, and is read again where somebody was faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice

from exchangelib.errors import ErrorFolderExists, ErrorFolderNotFound, EWSError
from exchangelib.items import Message
from exchangelib.properties import FolderId
from exchangelib.util import TNS
from lxml.etree import _Element as Element

from profiles.connectors.base import Conflict, ConnectorError, ItemRejected, MailboxUnavailable, Throttled
from profiles.connectors.ews import operations
from profiles.connectors.ews.errors import translate_item
from profiles.connectors.ews.operations import Result, item, item_id
from profiles.connectors.ews.session import EwsSession

KEYS_AT_ONCE = 100
ROUNDS = 3
"""How often a category is set on an item that somebody else is changing at the same time."""
TOP = "msgfolderroot"

Rewrite = Callable[[list[str]], list[str]]


class Filing:
    """Categories and folders of the mail in one mailbox."""

    def __init__(self, session: EwsSession) -> None:
        self._session = session

    def categorize(self, keys: Sequence[str], category: str, instead_of: str) -> dict[str, str]:
        """Add a category to the items' own, and take another away in the same step."""
        return self._rewrite(keys, lambda own: with_category(without(own, instead_of), category))

    def uncategorize(self, keys: Sequence[str], category: str) -> dict[str, str]:
        """Take a category away, and leave the others."""
        return self._rewrite(keys, lambda own: without(own, category))

    def move(self, keys: Sequence[str], folder_name: str) -> dict[str, str]:
        """Move the items into a folder right below the top of the mailbox, which is created if there is none."""
        if not keys:
            return {}
        folder = self._folder(folder_name)
        with self._session.talking():
            return self.move_to(keys, folder)

    def move_to(self, keys: Sequence[str], folder: FolderId) -> dict[str, str]:
        """Move the items into a folder, while talking to Exchange. Raises ErrorFolderNotFound if it is gone."""
        moved: dict[str, str] = {}
        for block in blocks(keys, KEYS_AT_ONCE):
            results = self._session.new(operations.MoveItem).ask(block, folder)
            missing = next((result for result in results if isinstance(result, ErrorFolderNotFound)), None)
            if missing:
                raise missing
            raise_if_busy(self._error(result) for result in results if isinstance(result, EWSError))
            moved.update((key, item_id(found).id) for key, found in readable(block, results))
        return moved

    # Categories

    def _rewrite(self, keys: Sequence[str], rewrite: Rewrite) -> dict[str, str]:
        """The change keys of the items whose categories are now as they shall be. Items that are gone, or cannot be
        changed, are not in the answer."""
        done: dict[str, str] = {}
        for block in blocks(keys, KEYS_AT_ONCE):
            left = block
            for _ in range(ROUNDS):
                left = self._rewrite_once(left, rewrite, done)
                if not left:
                    break
        return done

    def _rewrite_once(self, keys: Sequence[str], rewrite: Rewrite, done: dict[str, str]) -> list[str]:
        """Adds what succeeded to `done`; returns the keys of items that changed in between."""
        changes: dict[str, Message] = {}
        with self._session.talking():
            results = self._session.new(operations.GetItem).ask(keys, "categories")
            for key, found in readable(keys, results):
                version, own = item_id(found).changekey, categories(found)
                wanted = rewrite(own)
                if wanted == own:
                    done[key] = version or ""
                else:
                    changes[key] = Message(id=key, changekey=version, categories=wanted)
        return self._write(changes, done) if changes else []

    def _write(self, changes: dict[str, Message], done: dict[str, str]) -> list[str]:
        with self._session.talking():
            results = self._session.new(operations.UpdateItem).ask(list(changes.values()), "categories")
            done.update((key, item_id(found).changekey or "") for key, found in readable(list(changes), results))
        errors = {
            key: self._error(result)
            for key, result in zip(changes, results, strict=True)
            if isinstance(result, EWSError)
        }
        raise_if_busy(errors.values())
        return [key for key, error in errors.items() if isinstance(error, Conflict)]

    # Folders

    def _folder(self, name: str) -> FolderId:
        """Raises ItemRejected if the mailbox has no such folder and lets us create none: only what was to be moved is
        concerned, the rest of the mailbox can be read as before."""
        try:
            with self._session.talking():
                return self._found_or_created(name)
        except (ItemRejected, MailboxUnavailable) as error:
            raise ItemRejected(
                f"The folder {name} is not in the mailbox and cannot be created.",
                words=error.words,
                remedy=error.remedy,
            ) from error

    def _found_or_created(self, name: str) -> FolderId:
        top = self._session.folder(TOP)
        found = self._session.new(operations.FindFolder).ask(top, name)
        if found is not None:
            return found
        try:
            return self._session.new(operations.CreateFolder).ask(top, name)
        except ErrorFolderExists:  # somebody was faster
            found = self._session.new(operations.FindFolder).ask(top, name)
            if found is None:
                raise
            return found

    def _error(self, refusal: EWSError) -> ConnectorError:
        return translate_item(refusal, self._session.access)


def categories(found: Element) -> list[str]:
    """The categories among the properties of an item; Exchange leaves the property out where there are none."""
    return [entry.text or "" for entry in found.iterfind(f"{{{TNS}}}Categories/{{{TNS}}}String")]


def with_category(own: list[str], category: str) -> list[str]:
    """Exchange compares the names of categories without regard to case."""
    names = {name.casefold() for name in own}
    return own if category.casefold() in names else [*own, category]


def without(own: list[str], category: str) -> list[str]:
    """The categories but one; "" takes none away."""
    return [name for name in own if name.casefold() != category.casefold()] if category else own


def raise_if_busy(errors: Iterable[ConnectorError]) -> None:
    """A server that asks to wait is obeyed; what is refused for one item concerns this item only (law 5)."""
    for error in errors:
        if isinstance(error, Throttled):
            raise error


def readable(keys: Sequence[str], results: Sequence[Result]) -> Iterator[tuple[str, Element]]:
    """The items among the results that are there, with their keys."""
    for key, result in zip(keys, results, strict=True):
        if not isinstance(result, EWSError):
            with suppress(LookupError):
                yield key, item(result)


def blocks(things: Sequence[str], size: int) -> Iterator[list[str]]:
    """The things in lists of at most `size`."""
    remaining = iter(things)
    while block := list(islice(remaining, size)):
        yield block
