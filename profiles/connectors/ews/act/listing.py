"""Which items lie in the folders of a kind, and what has changed there: one cursor over all of them (10.1 d).

Contacts and tasks lie in one folder each, and the cursor is Exchange's own state of it. Appointments lie in the main calendar
and in calendars below it; there the cursor names the state of each of them, and when the folders were looked at last. That
happens every quarter of an hour, and at once where something has left a calendar: it may have been moved to a new one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from exchangelib.errors import EWSError
from exchangelib.properties import FolderId
from exchangelib.util import MNS, TNS
from lxml.etree import _Element as Element

from profiles.act_items import Glimpse, ItemPage
from profiles.connectors.base import Cause, FolderMissing, ItemRejected, MailboxUnavailable, ResyncRequired
from profiles.connectors.ews.folder_operations import HIDDEN, GetFolder, ListFolders, only_folder, tagged
from profiles.connectors.ews.meanings import UnreadableAnswer
from profiles.connectors.ews.operations import SyncFolderItems, item_id, text
from profiles.connectors.ews.session import EwsSession

PAGE = 256
FOLDERS_AT_ONCE, MOST_PAGES = 500, 40
LOOK_EVERY = 15 * 60  # seconds
MAIN = ""
"""The main folder in a cursor; the others stand there with their ids."""


@dataclass
class Listing:
    """The folders of one kind in one mailbox: `name` is the distinguished one, and those below it of `folder_class` are
    part of it; of no class, none are."""

    session: EwsSession
    name: str
    folder_class: str = ""
    clock: Callable[[], float] = time.time
    _main: str = ""
    _below: list[str] | None = None
    _passed_over: set[str] = field(default_factory=set)

    def changes(self, cursor: str) -> Iterator[ItemPage]:
        """Pages of at most 256 changes; one request for each folder when idle."""
        if not self.folder_class:
            return self._of_one(cursor)
        return self._of_all(Cursor.read(cursor), begins=not cursor)

    def folders(self, *, all_of_now: bool) -> Iterator[FolderId]:
        """The main one first, then those that are known; with `all_of_now` also those that have come since."""
        yield self.session.folder(self.name)
        if not self.folder_class:
            return
        known = list(self._below if self._below is not None else self._look())
        yield from (self.session.folder(key) for key in known if key not in self._passed_over)
        if all_of_now:
            yield from (self.session.folder(key) for key in self._look() if key not in known)

    def is_below(self, key: str) -> bool:
        """Whether this is a folder below the main one, as far as is known."""
        return key in (self._below or ())

    def is_elsewhere(self, key: str) -> bool:
        """Whether this is a folder outside: a calendar that was thrown away keeps what is in it, under the same keys."""
        return bool(self._main and key) and key != self._main and not self.is_below(key)

    def _of_one(self, cursor: str) -> Iterator[ItemPage]:
        begins = not cursor
        while True:
            page = self._page(MAIN, cursor, begins)
            yield ItemPage(page.shown, page.gone, page.cursor, page.more, complete=begins and not page.more)
            if not page.more:
                return
            cursor = page.cursor

    def _of_all(self, cursor: Cursor, *, begins: bool) -> Iterator[ItemPage]:
        self._passed_over.clear()
        self._main, self._below = cursor.main, [key for key in cursor.states if key != MAIN]
        left, is_known = [MAIN, *self._below], False
        while left:
            key = left[0]
            page = self._page(key, cursor.states.get(key, ""), begins)
            if page.cursor:
                cursor.states[key] = page.cursor
            if not is_known and (page.gone or self.clock() - cursor.looked_on >= LOOK_EVERY):
                left += self._new(cursor)
                is_known = True
            if not page.more:
                left.pop(0)
            yield ItemPage(page.shown, page.gone, cursor.text(), bool(left), complete=begins and not left)

    def _new(self, cursor: Cursor) -> list[str]:
        """The folders that have come. Where one has gone, nobody knows what was in it: everything is listed anew, and what
        was moved elsewhere is recognised then."""
        there = self._look()
        for key in [key for key in cursor.states if key != MAIN and key not in there]:
            if cursor.states.pop(key):
                raise ResyncRequired(f"A folder below the {self.name} is gone.")
        cursor.looked_on, cursor.main = int(self.clock()), self._main
        new = [key for key in there if key not in cursor.states]
        cursor.states |= dict.fromkeys(new, "")
        return new

    def _look(self) -> list[str]:
        found: list[Element] = []
        for _ in range(MOST_PAGES):
            with self.session.talking():
                page = self.session.new(ListFolders).ask(self.session.folder(self.name), len(found), FOLDERS_AT_ONCE)
            found += page.folders
            if page.last or not page.folders:
                break
        with self.session.talking():
            [main] = self.session.new(GetFolder).ask([self.session.folder(self.name)])
            if isinstance(main, EWSError):
                raise main
            self._main = _folder_key(only_folder(main))
            self._below = [key for one in found if self._is_one(one) and (key := _folder_key(one))]
        return self._below

    def _is_one(self, folder: Element) -> bool:
        """By its class; a search folder holds nothing of its own, and a hidden one is some program's."""
        is_search = str(folder.tag).endswith("SearchFolder")
        return text(folder, "FolderClass") == self.folder_class and not is_search and tagged(folder, HIDDEN) != "true"

    def _page(self, key: str, state: str, begins: bool) -> ItemPage:
        """One folder below that cannot be listed stops no other (law 5): it is passed over until it can be. Whether
        something in it is gone is asked item by item."""
        try:
            with self.session.talking():
                folder = self.session.folder(key or self.name)
                return _read_page(self.session.new(SyncFolderItems).ask(folder, state, PAGE), state, begins)
        except (ItemRejected, ResyncRequired, MailboxUnavailable) as error:
            is_gone = not isinstance(error, MailboxUnavailable) or isinstance(error, FolderMissing)
            if state and isinstance(error, ResyncRequired):
                raise
            if state and key and is_gone:
                raise ResyncRequired(f"A folder below the {self.name} is gone.", words=error.words) from error
            if key and (is_gone or error.cause is Cause.FULL_ACCESS):
                self._passed_over.add(key)
                return ItemPage((), (), state, more=False)
            if isinstance(error, MailboxUnavailable):
                raise
            message = f"The folder {self.name} cannot be listed."
            raise MailboxUnavailable(message, words=error.words, cause=Cause.FOLDER) from error


@dataclass
class Cursor:
    """How far each folder was read."""

    states: dict[str, str] = field(default_factory=dict)
    looked_on: int = 0
    main: str = ""  # the id of the main folder

    @classmethod
    def read(cls, stored: str) -> Cursor:
        """From its text; one that Exchange gave is about the main folder."""
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            told = json.loads(stored)
            states = {str(key): str(state) for key, state in told["states"].items()}
            return cls(states, int(told["looked_on"]), str(told["main"]))
        return cls({MAIN: stored})

    def text(self) -> str:
        """As it is stored."""
        return json.dumps({"looked_on": self.looked_on, "main": self.main, "states": self.states})


def _read_page(message: Element, before: str, begins: bool) -> ItemPage:
    state = message.findtext(f"{{{MNS}}}SyncState") or ""
    if not state:
        raise UnreadableAnswer("Exchange gave no synchronization state.")
    is_last = message.findtext(f"{{{MNS}}}IncludesLastItemInRange") == "true"
    if begins and not is_last and state == before:
        raise UnreadableAnswer("Exchange does not go on with the list of a folder.")  # it would seem to be whole
    seen: dict[str, Glimpse | None] = {}
    for change in message.iterfind(f"{{{MNS}}}Changes/*"):
        if change.tag == f"{{{TNS}}}ReadFlagChange":
            continue
        gone = change.tag == f"{{{TNS}}}Delete"
        found = item_id(change if gone else change[0])
        seen[found.id] = None if gone else Glimpse(found.id, found.changekey or "")
    return ItemPage(
        shown=tuple(one for one in seen.values() if one is not None),
        gone=tuple(key for key, one in seen.items() if one is None),
        cursor=state,
        more=not is_last and state != before,
    )


def _folder_key(folder: Element) -> str:
    found = folder.find(f"{{{TNS}}}FolderId")
    return "" if found is None else found.get("Id", "")
