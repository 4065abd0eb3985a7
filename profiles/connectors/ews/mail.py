"""Mail in an Exchange mailbox."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from exchangelib.errors import ErrorItemNotFound, EWSError
from exchangelib.util import MNS, TNS
from lxml.etree import _Element as Element

from profiles.connectors.base import (
    Cause,
    Conflict,
    ConnectorError,
    ItemRejected,
    MailboxUnavailable,
    ResyncRequired,
    Transient,
)
from profiles.connectors.ews import operations
from profiles.connectors.ews.errors import PARSING, translate_item
from profiles.connectors.ews.filing import KEYS_AT_ONCE, Filing, blocks, categories, readable
from profiles.connectors.ews.folders import Folders
from profiles.connectors.ews.headers import PROPERTIES, header_block, split
from profiles.connectors.ews.meanings import UnreadableAnswer
from profiles.connectors.ews.operations import Result, item, item_id, moment, number, text
from profiles.connectors.ews.outbox import EwsOutbox
from profiles.connectors.ews.searching import search
from profiles.connectors.ews.session import EwsSession
from profiles.items import Access, Arrival, Folder, Missing, Page, Progress, Search, Shown, Sought, no_progress

__all__ = ["EwsOutbox", "EwsSource"]

PAGE = 256
"""Changes per request; Exchange allows 512."""
HEADERS_AT_ONCE = 50
RAW_AT_ONCE = 25
RAW_BYTES_AT_ONCE = 8 * 1024 * 1024
"""Bytes of messages in one answer; a larger message comes alone."""
MANY = 10
"""So many items are never broken all at once: if none can be read, the server is at fault."""

_LONG_AGO = datetime.min.replace(tzinfo=UTC)

Fetched = Arrival | Missing
Read = Callable[[str, Element], Arrival]


class EwsSource:
    """A MailSource over EWS. Folders are distinguished names ("inbox") or folder ids, keys are item ids, and the cursor
    is Exchange's synchronization state. Moving an item gives it another key (gone here, shown there)."""

    def __init__(self, access: Access, progress: Progress = no_progress) -> None:
        self._session = EwsSession(access, progress)
        self._filing = Filing(self._session)
        self._folders = Folders(self._session)
        self._sizes: dict[str, int] = {}

    def folders(self) -> list[Folder]:
        """The mail folders below the top of the mailbox, parents before children (9.4)."""
        return self._folders.all()

    def create_folder(self, parent_key: str, name: str) -> Folder:
        """A new mail folder below another one, "" = the top. Raises ItemRejected if the name is taken there."""
        return self._folders.create(parent_key, name)

    def changed_folders(self, stamps: Mapping[str, str]) -> dict[str, str]:
        """The folders whose stamp is another one now; "" for those that are gone. One request for all."""
        return self._folders.changed(stamps)

    def changes(self, folder: str, cursor: str) -> Iterator[Page]:
        """Pages of at most 256 changes; an idle folder costs one request. Read flags are not looked at (5.2).

        Raises ResyncRequired when Exchange does not know the cursor any more, FolderMissing when it does not know the
        folder. A listing from "" shows every item, but
        in pages: none of them alone is complete.
        """
        while True:
            page = self._page(folder, cursor)
            yield page
            if not page.more:
                return
            cursor = page.cursor

    def fetch(self, keys: Sequence[str], *, raw: bool) -> Iterator[Fetched]:
        """The items in blocks. Messages are asked for by number and size, so that memory stays bounded."""
        if not raw:
            for keys_of_block in blocks(keys, HEADERS_AT_ONCE):
                yield from self._fetched(keys_of_block, PROPERTIES, self._with_headers)
            return
        for keys_of_block in blocks(keys, KEYS_AT_ONCE):
            self._learn_sizes(keys_of_block)
            for some in _by_size(keys_of_block, self._sizes):
                yield from self._fetched(some, ("mime_content", "size", "datetime_received"), _with_mime)

    def listing(self, folder: str) -> Iterator[Shown]:
        """Everything the folder holds, each item once; what disappears during the listing is left out."""
        held: dict[str, Shown] = {}
        for page in self.changes(folder, ""):
            for key in page.gone:
                held.pop(key, None)
            held.update((shown.key, shown) for shown in page.shown)
        yield from sorted(held.values(), key=_arrival)

    def touch(self, folder: str) -> None:
        """See whether the folder can be read, at the cost of one small request; nothing is changed or remembered."""
        with self._session.talking(), self._folders.naming(folder):
            self._session.new(operations.SyncFolderItems).ask(self._session.folder(folder), "", 1)

    def delete(self, keys: Sequence[str]) -> None:
        """Move the items to Deleted Items (5.24). All are tried; then the first refusal is raised, if there was one."""
        refusals: list[ConnectorError] = []
        for block in blocks(keys, KEYS_AT_ONCE):
            with self._session.talking():
                results = self._session.new(operations.DeleteItem).ask(block)
            errors = (result for result in results if isinstance(result, EWSError))
            refusals += [self._error(error) for error in errors if not isinstance(error, ErrorItemNotFound)]
        if refusals:
            raise refusals[0]

    def categorize(self, keys: Sequence[str], category: str, *, instead_of: str = "") -> dict[str, str]:
        """Add a category to the items' own (5.23), and take another away in the same step (5.22). Items that are gone,
        or cannot be changed, are not in the answer."""
        return self._filing.categorize(keys, category, instead_of)

    def uncategorize(self, keys: Sequence[str], category: str) -> dict[str, str]:
        """Take a category away (5.23). Items that are gone, or cannot be changed, are not in the answer."""
        return self._filing.uncategorize(keys, category)

    def move(self, keys: Sequence[str], folder_name: str) -> dict[str, str]:
        """Move items into a folder below the top of the mailbox, created if there is none (5.22). Items that are gone,
        or cannot be moved, are not in the answer. Raises ItemRejected if there can be no such folder."""
        return self._filing.move(keys, folder_name)

    def move_to(self, keys: Sequence[str], folder: str) -> dict[str, str]:
        """Move items into a folder that is there. Items that are gone, or cannot be moved, are not in the answer."""
        with self._session.talking(), self._folders.naming(folder):
            return self._filing.move_to(keys, self._session.folder(folder))

    def search(self, sought: Sought) -> Search:
        """Look in every mail folder below the top of the mailbox, subfolders too."""
        return search(self._session, sought)

    def close(self) -> None:
        """Leave the connections to other mailboxes of the same account, or close them."""
        self._session.close()

    # Changes

    def _page(self, folder: str, cursor: str) -> Page:
        try:
            with self._session.talking(), self._folders.naming(folder, cursor):
                operation = self._session.new(operations.SyncFolderItems)
                return _read_page(operation.ask(self._session.folder(folder), cursor, PAGE), cursor)
        except (ItemRejected, ResyncRequired) as error:
            if isinstance(error, ResyncRequired) and cursor:
                raise
            # Starting again cannot help someone who has just started.
            raise MailboxUnavailable(
                f"The folder {folder} cannot be listed.",
                words=error.words,
                remedy="Choose another folder.",
                cause=Cause.FOLDER,
            ) from error

    # Items

    def _fetched(self, keys: Sequence[str], names: Sequence[str], read: Read) -> list[Fetched]:
        """One result per key. If the server fails over the block, each item is asked for alone (law 5)."""
        try:
            with self._session.talking():
                results = self._session.new(operations.GetItem).ask(keys, *names)
        except (ItemRejected, UnreadableAnswer) as error:
            failure = error
        else:
            return [self._read(key, result, read) for key, result in zip(keys, results, strict=True)]
        if len(keys) == 1:
            return [self._poison(keys[0], failure)]
        found = [found for key in keys for found in self._fetched([key], names, read)]
        if len(found) >= MANY and all(isinstance(one, Missing) and not one.gone for one in found):
            raise Transient(str(failure), words=failure.words, remedy=failure.remedy, cause=failure.cause)
        return found

    def _poison(self, key: str, failure: ConnectorError) -> Missing:
        """An item that cannot be read alone is at fault, unless the server can tell nothing else about it either."""
        with self._session.talking():
            self._session.new(operations.GetItem).ask([key], "size")
        return Missing(key, gone=False, error=failure.words or str(failure))

    def _read(self, key: str, result: Result, read: Read) -> Fetched:
        if isinstance(result, EWSError):
            return self._missing(key, result)
        try:
            return read(key, item(result))
        except PARSING:
            return Missing(key, gone=False, error="What Exchange says about the item could not be read.")

    def _missing(self, key: str, refusal: EWSError) -> Missing:
        """What is refused for one item; what is refused for the mailbox is raised."""
        error = self._error(refusal)
        if not isinstance(error, ItemRejected | UnreadableAnswer | Conflict):
            raise error from None
        if isinstance(refusal, ErrorItemNotFound):
            return Missing(key, gone=True)
        return Missing(key, gone=False, error=error.words or str(error))

    def _error(self, refusal: EWSError) -> ConnectorError:
        return translate_item(refusal, self._session.access)

    def _with_headers(self, key: str, found: Element) -> Arrival:
        size = number(found, "Size")
        self._remember(key, size)
        return Arrival(
            key=key,
            size=size,
            headers=header_block(found),
            received_on=moment(found, "DateTimeReceived"),
            change_key=item_id(found).changekey or "",
        )

    def _learn_sizes(self, keys: Sequence[str]) -> None:
        """Sizes are told with the headers, which usually were fetched just before. An unknown size counts as large, so
        that the message comes alone."""
        unknown = [key for key in keys if key not in self._sizes]
        if not unknown:
            return
        sizes = dict.fromkeys(unknown, RAW_BYTES_AT_ONCE)
        with suppress(UnreadableAnswer), self._session.talking():
            results = self._session.new(operations.GetItem).ask(unknown, "size")
            sizes |= {key: number(found, "Size") for key, found in readable(unknown, results)}
        for key, size in sizes.items():
            self._remember(key, size)

    def _remember(self, key: str, size: int) -> None:
        if len(self._sizes) >= 100 * KEYS_AT_ONCE:
            self._sizes.clear()
        self._sizes[key] = size


def _read_page(message: Element, cursor: str) -> Page:
    """One response message of SyncFolderItems, oldest items first. The last thing that happened to an item counts."""
    state = message.findtext(f"{{{MNS}}}SyncState") or ""
    last = message.findtext(f"{{{MNS}}}IncludesLastItemInRange") == "true"
    if not state:
        raise UnreadableAnswer("Exchange gave no synchronization state.")
    seen: dict[str, Shown | None] = {}
    for change in message.iterfind(f"{{{MNS}}}Changes/*"):
        if change.tag == f"{{{TNS}}}ReadFlagChange":
            continue
        shown = None if change.tag == f"{{{TNS}}}Delete" else _shown(change[0], change.tag == f"{{{TNS}}}Update")
        key = shown.key if shown else item_id(change).id
        seen.pop(key, None)
        seen[key] = shown
    return Page(
        shown=_oldest_first(shown for shown in seen.values() if shown is not None),
        gone=tuple(key for key, shown in seen.items() if shown is None),
        cursor=state,
        more=not last and state != cursor,
    )


def _oldest_first(shown: Iterable[Shown]) -> tuple[Shown, ...]:
    """By the time of arrival, which counts in seconds; within one, the other way round than Exchange, which tells the
    newest first."""
    told = list(shown)
    told.reverse()
    return tuple(sorted(told, key=_arrival))


def _arrival(shown: Shown) -> datetime:
    return shown.received_on or _LONG_AGO


def _shown(found: Element, changed: bool) -> Shown:
    found_id = item_id(found)
    return Shown(
        key=found_id.id,
        size=number(found, "Size"),
        received_on=moment(found, "DateTimeReceived"),
        change_key=found_id.changekey or "",
        categories=tuple(categories(found)),
        changed=changed,
    )


def _with_mime(key: str, found: Element) -> Arrival:
    # Strictly: a lenient decoder leaves out what it does not know, and the message would not be the message (law 3).
    raw = b64decode("".join(text(found, "MimeContent").split()), validate=True)
    if not raw:
        raise ValueError("no MIME content")
    return Arrival(
        key=key,
        size=number(found, "Size") or len(raw),
        headers=split(raw)[0],
        raw=raw,
        received_on=moment(found, "DateTimeReceived"),
        change_key=item_id(found).changekey or "",
    )


def _by_size(keys: Sequence[str], sizes: dict[str, int]) -> Iterator[list[str]]:
    """Blocks of keys whose messages fit into one answer."""
    block: list[str] = []
    total = 0
    for key in keys:
        size = sizes.get(key, RAW_BYTES_AT_ONCE)
        if block and (len(block) == RAW_AT_ONCE or total + size > RAW_BYTES_AT_ONCE):
            yield block
            block, total = [], 0
        block.append(key)
        total += size
    if block:
        yield block
