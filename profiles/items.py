"""The values that cross the edge between this service and a mail server.

Connectors speak in these; nothing here knows Django, a database row or a client library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

INBOX = "inbox"
SENT = "sentitems"
DRAFTS = "drafts"
OUTBOX = "outbox"
DELETED = "deleteditems"
JUNK = "junkemail"
ARCHIVE = "archive"


class Transport(Enum):
    """How a server is spoken to."""

    POP3 = "pop3"
    SMTP = "smtp"
    EWS = "ews"
    MEMORY = "memory"


class Tls(Enum):
    """Whether, and when, a connection is encrypted."""

    NONE = "none"
    IMPLICIT = "implicit"
    STARTTLS = "starttls"


@dataclass(frozen=True, slots=True)
class Access:
    """Everything a connector needs to reach one mailbox on one server (2.2, 2.6, 2.9).

    `host` is a host name for POP3 and SMTP; `url` is the endpoint for EWS. `timeout` is in seconds and bounds every
    single wait on the network. `username` empty means: do not authenticate. `allowed_local_hosts` lists the loopback and
    link-local hosts an administrator has allowed; every other such host is refused.
    """

    transport: Transport
    address: str
    host: str = ""
    port: int = 0
    url: str = ""
    tls: Tls = Tls.IMPLICIT
    username: str = ""
    password: str = field(default="", repr=False)
    impersonate: bool = False
    timeout: float = 30.0
    max_connections: int = 10
    ca_file: str = ""
    allowed_local_hosts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Folder:
    """One mail folder of a mailbox (9.4).

    `key` stays when the folder is renamed or moved; every method of a source that wants a folder takes it. `parent_key`
    is that of the nearest mail folder above, "" right below the top of the mailbox. `path` leads from there:
    "Inbox/Customers/Shop"; a "/" within a name stands in it as "／". `unread` is None where the server does not tell.

    `changed` is a stamp, opaque text that differs after every change of what lies in the folder (not below it) and
    stays as long as there is none; "" where the server cannot tell. `kind` is the distinguished name of a folder that
    every mailbox has (INBOX, SENT, DELETED, …), "" of those that people made.
    """

    key: str
    parent_key: str
    name: str
    path: str
    total: int = 0
    unread: int | None = None
    changed: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """One item a server shows in a folder: its key there, never its content. `size` is in bytes, 0 if not told.

    `categories` are those it bears now; None where the server does not tell, which says nothing about them. `changed`
    says that the item was there before and is shown because something about it has changed.
    """

    key: str
    size: int = 0
    received_on: datetime | None = None
    change_key: str = ""
    categories: tuple[str, ...] | None = None
    changed: bool = False

    def bears(self, category: str) -> bool | None:
        """Whether the item bears a category, whose case does not matter; None where the server does not tell."""
        if self.categories is None:
            return None
        return category.casefold() in (name.casefold() for name in self.categories)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of changes and the cursor that covers exactly them.

    `complete` means that `shown` is everything the folder holds, so what is missing from it is gone.
    `more` means that another page follows at once. `cursor` is opaque text; store it with what it covers.
    """

    shown: tuple[Shown, ...]
    gone: tuple[str, ...]
    cursor: str
    more: bool = False
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """One item as far as it was fetched: its header block (RFC 5322 bytes), and the whole message where asked for."""

    key: str
    size: int
    headers: bytes
    raw: bytes | None = None
    received_on: datetime | None = None
    change_key: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """An item that was shown but could not be fetched: `gone` if it is no longer there, else the server's words."""

    key: str
    gone: bool
    error: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to send. Its Message-ID and its bytes are fixed before the first attempt.

    `mark` is our own id of it ("instance/email id/version"), which servers that can hold one keep with the message
    (law 7). `wants_report` asks the servers on its way to tell when it was delivered (RFC 3461), where they can.
    """

    mark: str
    message_id: str
    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    save_copy: bool = True
    wants_report: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """One recipient the server would not take, with its code and words."""

    address: str
    code: int
    words: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the server said when it took the message: who was refused, and the server's key of the copy if it has one."""

    refused: tuple[Refused, ...] = ()
    key: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Sought:
    """What somebody looks for on a server: the message with this Message-ID, or what this sender wrote; if told, received
    in this range of time."""

    message_id: str = ""
    sender: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """One message that was found on a server: where it lies, never what it says.

    `path` names the folder for people. `kind` is the distinguished name of the folder or of the one around it, such as
    "junkemail", "" for a folder of the owner's own; `is_within` says that it lies in a subfolder of that one.
    """

    key: str
    folder: str
    path: str
    kind: str
    is_within: bool
    message_id: str
    received_on: datetime | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """What a look on the server found, newest first, and in a sentence what it did not look at, "" if it saw all."""

    found: tuple[Sighting, ...] = ()
    limits: str = ""


class Trace(Enum):
    """What a server can tell about a letter that may have been handed over before a crash."""

    NOT_THERE = "not there"
    DRAFT = "our draft is still in Drafts"
    SENT = "it is in Sent Items"
    CANNOT_TELL = "this server cannot tell"


Progress = Callable[[], None]
"""Called by a connector whenever bytes have moved, so that the caller can renew its lease."""


def no_progress() -> None:
    """The progress callback of callers that hold no lease."""
