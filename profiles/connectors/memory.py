"""A mail server in this process: the reference of what a connector promises, and a double for tests and rehearsals.

`MemoryServer("mail.us.test")` founds a server; an `Access` with `transport=MEMORY` and that host reaches it. It passes
the same conformance suite as the connectors that use a network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from profiles.connectors.base import (
    AuthenticationFailed,
    ConnectorError,
    ItemDelayed,
    ItemRejected,
    OutcomeUnknown,
    ResyncRequired,
    Transient,
)
from profiles.connectors.finding import MOST_FOUND, sighting
from profiles.connectors.memory_mailbox import MemoryItem, MemoryMailbox
from profiles.connectors.pop3.source import header_block
from profiles.items import (
    INBOX,
    SENT,
    Access,
    Arrival,
    Folder,
    Letter,
    Missing,
    Page,
    Progress,
    Receipt,
    Refused,
    Search,
    Shown,
    Sought,
    Trace,
    no_progress,
)

PAGE = 100
"""Changes on one page."""
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
REFUSALS = {"permerror": (550, "No such mailbox here", True), "temperror": (450, "Mailbox busy", False)}
"""Recipients whose local part contains the word are refused like this."""


@dataclass
class Trouble:
    """An error that will be raised when a step is reached for the (`skip` + 1)th time."""

    step: str
    error: ConnectorError
    skip: int = 0


class MemoryServer:
    """Mailboxes by address. Founding one replaces an earlier one of the same name."""

    named: dict[str, MemoryServer] = {}

    def __init__(self, name: str) -> None:
        self.mailboxes: dict[str, MemoryMailbox] = {}
        self.logins = 0
        self._troubles: list[Trouble] = []
        self._delivered = 0
        MemoryServer.named[name] = self

    def account(self, address: str, password: str) -> MemoryMailbox:
        """Create a mailbox that can be logged in to."""
        return self.mailboxes.setdefault(address, MemoryMailbox(password))

    def deliver(self, address: str, raw: bytes, folder: str = INBOX, mark: str = "") -> MemoryItem:
        """Put a message into a mailbox; one for an address without account cannot be logged in to."""
        mailbox = self.mailboxes.setdefault(address, MemoryMailbox(password=""))
        self._delivered += 1
        received_on = EPOCH.replace(microsecond=self._delivered)
        return mailbox.add(MemoryItem(f"m{self._delivered}", folder, raw, received_on, mark=mark))

    def trouble(self, step: str, error: ConnectorError, skip: int = 0) -> None:
        """Let a step fail once: "log in", "list", "read", "delete", "move", "folders",
        "envelope" or "answer" (after it left)."""
        self._troubles.append(Trouble(step, error, skip))

    def reach(self, step: str) -> None:
        """A connector takes a step; raises the error planned for it."""
        for trouble in [trouble for trouble in self._troubles if trouble.step == step]:
            if not trouble.skip:
                self._troubles.remove(trouble)
                raise trouble.error
            trouble.skip -= 1


class MemoryLogin:
    """What source and outbox share: the way to the mailbox of `access`, tried once if the password is wrong."""

    def __init__(self, access: Access, progress: Progress = no_progress) -> None:
        self._access = access
        self._progress = progress
        self._refused: AuthenticationFailed | None = None

    def close(self) -> None:
        """There is nothing to leave."""

    def _server(self) -> MemoryServer:
        server = MemoryServer.named.get(self._access.host)
        if server is None:
            raise Transient(f"host not found: {self._access.host}")
        if self._refused:
            raise self._refused
        server.reach("log in")
        mailbox = server.mailboxes.get(self._access.address)
        if mailbox is None or mailbox.password != self._access.password:
            server.logins += 1
            self._refused = AuthenticationFailed("The server refused the password.", remedy="Enter it again.")
            raise self._refused
        self._progress()
        return server

    def _mailbox(self) -> MemoryMailbox:
        return self._server().mailboxes[self._access.address]


class MemorySource(MemoryLogin):
    """A `MailSource` over a `MemoryServer`: change feed, folders and categories as Exchange has them."""

    def folders(self) -> list[Folder]:
        """All folders, parents before children."""
        mailbox = self._mailbox()
        self._server().reach("folders")
        return mailbox.folders()

    def create_folder(self, parent_key: str, name: str) -> Folder:
        """A new folder below another one, "" = the top. Raises ItemRejected if the name is taken there."""
        mailbox = self._mailbox()
        self._server().reach("folders")
        key = mailbox.create_folder(name, parent_key).key
        return next(folder for folder in mailbox.folders() if folder.key == key)

    def changed_folders(self, stamps: Mapping[str, str]) -> dict[str, str]:
        """The folders whose stamp is another one now; "" for those that are gone."""
        mailbox = self._mailbox()
        self._server().reach("folders")
        now = {key: mailbox.stamp(key) for key in stamps}
        return {key: stamp for key, stamp in now.items() if not stamp or stamp != stamps[key]}

    def changes(self, folder: str, cursor: str) -> Iterator[Page]:
        """Pages of at most PAGE changes. Raises ResyncRequired if the server does not know the cursor."""
        whole, more = not cursor, True
        while more:
            mailbox = self._mailbox()
            self._server().reach("list")
            mailbox.folder(folder)
            start = _position(mailbox, cursor)
            end = min(start + PAGE, len(mailbox.journal))
            more = end < len(mailbox.journal)
            keys = dict.fromkeys(key for changed, key in mailbox.journal[start:end] if changed == folder)
            here = [mailbox.items[key] for key in keys if key in mailbox.items]
            earlier = {key for changed, key in mailbox.journal[:start] if changed == folder}
            gone = tuple(key for key in keys if key not in mailbox.items)
            cursor = f"{mailbox.epoch}:{end}"
            yield Page(
                tuple(_shown(item, changed=item.key in earlier) for item in here),
                gone if start else (),
                cursor,
                more=more,
                complete=whole and not (start or more),
            )

    def listing(self, folder: str) -> Iterator[Shown]:
        """Everything in the folder."""
        mailbox = self._mailbox()
        self._server().reach("list")
        mailbox.folder(folder)
        yield from [_shown(item) for item in mailbox.items.values() if item.folder == folder]

    def fetch(self, keys: Sequence[str], *, raw: bool) -> Iterator[Arrival | Missing]:
        """One result for each key; the message itself only if `raw`."""
        mailbox = self._mailbox()
        for key in keys:
            self._server().reach("read")
            item = mailbox.items.get(key)
            if item is None:
                yield Missing(key, gone=True)
            elif item.unreadable:
                yield Missing(key, gone=False, error=item.unreadable)
            else:
                yield _arrival(item, raw)

    def delete(self, keys: Sequence[str]) -> None:
        """Delete the messages; those already gone count as deleted (5.24)."""
        mailbox = self._mailbox()
        self._server().reach("delete")
        for key in keys:
            mailbox.remove(key)

    def categorize(self, keys: Sequence[str], category: str, *, instead_of: str = "") -> dict[str, str]:
        """Add the category, take `instead_of` away; returns the new change key of each message that is there (5.23)."""
        return self._tag(keys, lambda own: (*(name for name in own if name not in (category, instead_of)), category))

    def uncategorize(self, keys: Sequence[str], category: str) -> dict[str, str]:
        """Take the category away; returns the new change key of each message that is there (5.23)."""
        return self._tag(keys, lambda own: tuple(name for name in own if name != category))

    def _tag(self, keys: Sequence[str], rewrite: Callable[[tuple[str, ...]], tuple[str, ...]]) -> dict[str, str]:
        mailbox = self._mailbox()
        found = [mailbox.items[key] for key in keys if key in mailbox.items]
        for item in found:
            mailbox.tag(item.key, rewrite(item.categories))
        return {item.key: item.change_key for item in found}

    def move(self, keys: Sequence[str], folder_name: str) -> dict[str, str]:
        """Move the messages into a folder; returns the new key of each that is there (5.22)."""
        server, mailbox = self._server(), self._mailbox()
        server.reach("move")
        folder = mailbox.folder_named(folder_name) or mailbox.create_folder(folder_name)
        return {key: mailbox.move(key, folder.key) for key in keys if key in mailbox.items}

    def move_to(self, keys: Sequence[str], folder: str) -> dict[str, str]:
        """Move the messages into the folder with this key; returns the new key of each that is there."""
        server, mailbox = self._server(), self._mailbox()
        server.reach("move")
        mailbox.folder(folder)
        return {key: mailbox.move(key, folder) for key in keys if key in mailbox.items}

    def search(self, sought: Sought) -> Search:
        """Looks at every message of every folder."""
        mailbox = self._mailbox()
        self._server().reach("list")
        newest_first = reversed(mailbox.items.values())
        found = (sighting(one.key, one.folder, header_block(one.raw), one.received_on, sought) for one in newest_first)
        return Search(tuple(one for one in found if one is not None)[:MOST_FOUND])


class MemoryOutbox(MemoryLogin):
    """An `Outbox` over a `MemoryServer`: it delivers at once, and can tell what it sent."""

    def trace(self, letter: Letter) -> Trace:
        """SENT if a message with the letter's mark was sent from this mailbox."""
        marks = {item.mark for item in self._mailbox().items.values()}
        return Trace.SENT if letter.mark in marks else Trace.NOT_THERE

    def discard(self, mark: str) -> None:
        """It keeps no drafts."""

    def send(self, letter: Letter, handing_over: Callable[[], None]) -> Receipt:
        """Deliver to every recipient that is not refused (see REFUSALS), and keep a copy where one is wanted."""
        server = self._server()
        server.reach("envelope")
        refused = _refusals(letter)
        handing_over()
        for address in letter.recipients:
            if address not in {one.address for one in refused}:
                server.deliver(address, letter.raw)
        copy = server.deliver(self._access.address, letter.raw, SENT, letter.mark) if letter.save_copy else None
        try:
            server.reach("answer")
        except Transient as error:
            raise OutcomeUnknown("The line broke after the message was handed over.", words=error.words) from error
        return Receipt(refused=refused, key=copy.key if copy else "", words="Ok")


def _position(mailbox: MemoryMailbox, cursor: str) -> int:
    if not cursor:
        return 0
    epoch, _, position = cursor.partition(":")
    if epoch != str(mailbox.epoch):
        raise ResyncRequired("The server does not know the cursor any more.")
    return int(position)


def _shown(item: MemoryItem, changed: bool = False) -> Shown:
    return Shown(item.key, len(item.raw), item.received_on, item.change_key, item.categories, changed)


def _arrival(item: MemoryItem, raw: bool) -> Arrival:
    whole = item.raw if raw else None
    return Arrival(item.key, len(item.raw), header_block(item.raw), whole, item.received_on, item.change_key)


def _refusals(letter: Letter) -> tuple[Refused, ...]:
    """The recipients that are refused; raises if that leaves none."""
    refused = tuple(
        Refused(address, *answer)
        for address in letter.recipients
        for word, answer in REFUSALS.items()
        if word in address.partition("@")[0]
    )
    if any("\r" in address or "\n" in address for address in (letter.sender, *letter.recipients)):
        raise ItemRejected("An address contains a line break.")
    if len(refused) < len(letter.recipients):
        return refused
    words = "; ".join(f"{one.address}: {one.words}" for one in refused)
    kind = ItemRejected if all(one.permanent for one in refused) else ItemDelayed
    raise kind("The server takes none of the recipients.", words=words)
