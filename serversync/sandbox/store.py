"""The world of mail servers: accounts, the mailboxes outside, routing between them, faults, a clock and a request log.

The three faces and the control endpoint share one `World`. Its values (`MailboxStore`, `Folder`, `Item`, `Change`) are
defined in `mailbox.py` and can be imported from here.
"""

from __future__ import annotations

import secrets
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Literal, overload

from serversync.sandbox.faults import Faults
from serversync.sandbox.mailbox import Change, Folder, FolderError, Item, Listener, MailboxStore, utc_now

__all__ = [
    "Change",
    "Folder",
    "FolderError",
    "Item",
    "Listener",
    "MailboxStore",
    "MeetingMail",
    "RequestLog",
    "Settings",
    "World",
]

SWITCHES = frozenset(
    {"no_uidl", "no_top", "no_pipelining", "no_smtputf8", "no_auth_plain", "maildrop_lock", "own_sender_only"}
)

SEND_AS, SEND_ON_BEHALF = "send-as", "send-on-behalf"
SENDER_RIGHTS = (SEND_AS, SEND_ON_BEHALF)


@dataclass
class Settings:
    """What an administrator of the sandbox chooses for all servers. `size_limit` is in bytes. `ews_location` is where
    autodiscover sends everybody, "" to this server."""

    host_name: str = "sandbox.test"
    size_limit: int = 50_000_000
    require_auth: bool = False
    ews_location: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One request that a face has seen."""

    face: str
    operation: str
    mailbox: str
    time: datetime


@dataclass(frozen=True, slots=True)
class MeetingMail:
    """One mail about a meeting that left a mailbox: a "request", "update", "cancellation" or "response" to one person.
    `original_start` is set where it is about one occurrence of a series, `response` where it is one."""

    time: datetime
    sender: str
    recipient: str
    kind: str
    uid: str
    subject: str
    original_start: datetime | None = None
    response: str = ""


class RequestLog:
    """The latest requests of all faces, and how many there were of each kind since the last clearing."""

    def __init__(self, now: Callable[[], datetime] = utc_now, limit: int = 5000) -> None:
        self.requests: deque[Request] = deque(maxlen=limit)
        self.counters: dict[str, Counter[str]] = {}
        self._now = now

    def record(self, face: str, operation: str, mailbox: str = "") -> None:
        """Note one request."""
        self.requests.append(Request(face, operation, mailbox, self._now()))
        self.counters.setdefault(face, Counter())[operation] += 1

    def clear(self) -> None:
        """Forget all requests and start counting from zero."""
        self.requests.clear()
        self.counters.clear()


class World:
    """Everything the faces serve. Addresses are compared without case.

    `delegates` maps an owner's address to the addresses that may open the owner's mailbox, `senders` to those that may
    send in the owner's name, each with one of `SENDER_RIGHTS`. `switches` (see `SWITCHES`)
    turn abilities off for everybody; each mailbox has its own as well. `on_reset` is called after everything was reset.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, MailboxStore] = {}
        self.outside: dict[str, MailboxStore] = {}
        self.delegates: dict[str, set[str]] = {}
        self.senders: dict[str, dict[str, str]] = {}
        self.switches: set[str] = set()
        self.settings = Settings()
        self.clock_offset = timedelta()
        self.faults = Faults()
        self.log = RequestLog(self.now)
        self.meeting_mails: list[MeetingMail] = []
        self.on_reset: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """The time in this world: UTC, shifted by `clock_offset`."""
        return utc_now() + self.clock_offset

    def add_account(self, address: str, password: str, *, impersonate: bool = False) -> MailboxStore:
        """Create an account, or give an existing one this password. Mail that came earlier stays in it."""
        key = address.lower()
        account = self.accounts.get(key) or self.outside.pop(key, None) or MailboxStore(address, None, now=self.now)
        account.password = password
        account.impersonate = impersonate
        self.accounts[key] = account
        return account

    def authenticate(self, user: str, password: str) -> MailboxStore | None:
        """The account that this user name (its address) and password open."""
        account = self.accounts.get(user.lower())
        if account is None or account.password is None:
            return None
        return account if account.password == password else None

    @overload
    def mailbox(self, address: str, create: Literal[True] = True) -> MailboxStore: ...
    @overload
    def mailbox(self, address: str, create: Literal[False]) -> MailboxStore | None: ...
    def mailbox(self, address: str, create: bool = True) -> MailboxStore | None:
        """The mailbox of an address. An unknown address gets a mailbox outside, which nobody can sign in to."""
        key = address.lower()
        found = self.accounts.get(key) or self.outside.get(key)
        if found is None and create:
            found = self.outside[key] = MailboxStore(address, None, now=self.now)
        return found

    def mailboxes(self) -> Iterator[MailboxStore]:
        """All mailboxes: the accounts first, then those outside."""
        yield from self.accounts.values()
        yield from self.outside.values()

    def may_open(self, visitor: MailboxStore, owner: MailboxStore) -> bool:
        """Whether `visitor` is the owner, or one of the owner's delegates."""
        delegates = {address.lower() for address in self.delegates.get(owner.address.lower(), ())}
        return visitor is owner or visitor.address.lower() in delegates

    def sender_right(self, visitor: MailboxStore, address: str) -> str:
        """With what right `visitor` may send with this address in From: SEND_AS as itself, else one of `SENDER_RIGHTS`,
        "" for none. A delegate may read, not send."""
        if visitor.address.lower() == address.lower():
            return SEND_AS
        return self.senders.get(address.lower(), {}).get(visitor.address.lower(), "")

    def has_switch(self, name: str, mailbox: MailboxStore | None = None) -> bool:
        """Whether a switch is set for everybody, or for this mailbox."""
        return name in self.switches or (mailbox is not None and name in mailbox.switches)

    def route(self, sender: str, recipients: Iterable[str], raw: bytes) -> list[Item]:
        """Deliver a message to the inbox of every recipient, each once, below a Received header (RFC 5321, 4.4)."""
        delivered = []
        for address in {recipient.lower(): recipient for recipient in recipients}.values():
            trace = self.received_header(sender, address)
            delivered.append(self.mailbox(address).deliver(trace + raw))
        return delivered

    def reset(self) -> None:
        """Back to an empty world: no accounts, no mail, no faults, no shifted clock; settings at their defaults."""
        self.accounts.clear()
        self.outside.clear()
        self.delegates.clear()
        self.senders.clear()
        self.switches.clear()
        self.settings = Settings()
        self.clock_offset = timedelta()
        self.faults.clear()
        self.log.clear()
        self.meeting_mails.clear()
        for callback in self.on_reset:
            callback()

    def received_header(self, sender: str, recipient: str) -> bytes:
        """The Received header that a message to this recipient gets now, with its CRLF."""
        origin = sender.rpartition("@")[2] or "localhost"
        words = f"Received: from {origin} by {self.settings.host_name} with SMTP id {secrets.token_hex(8)}\r\n"
        return f"{words}\tfor <{recipient}>; {format_datetime(self.now())}\r\n".encode()
