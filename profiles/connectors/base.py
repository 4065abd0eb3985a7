"""What every connector promises: two narrow protocols and one small family of errors.

    ConnectorError
    ├── Throttled             the server asked to wait; `delay` says how long, if it said so
    ├── Transient             may work later: network, 4xx, 5xx, time-out
    │   └── OutcomeUnknown    the line broke after the letter was handed over: it may or may not have been sent
    ├── AuthenticationFailed  wrong or missing credentials; never tried again by itself
    ├── MailboxUnavailable    permanent for this mailbox or profile: no such host, TLS name, right, mailbox or ability
    │   └── FolderMissing     permanent for one folder only: it is gone, or its key never was one; `folder` says which
    ├── ItemRejected          permanent for one item only
    ├── ItemDelayed           one item cannot be sent now; it and the others may be later
    ├── Conflict              the item changed under our hands: read it again
    └── ResyncRequired        the server no longer knows our cursor: list everything again

Every error carries `words` (what the server said, without secrets), `remedy` (what a person can do) and `cause`: the
kind says what this service does next, the cause says what is missing.
Connectors raise nothing else: foreign exceptions are translated at the edge (law 8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar, Protocol

from profiles.items import Arrival, Folder, Letter, Missing, Page, Receipt, Refused, Search, Shown, Sought, Trace


class Cause(StrEnum):
    """What is missing or does not fit, for machines (12.2): the step at which a test ended, and what to ask for."""

    # The way to the server
    SETTINGS = "settings"  # host or address of the profile is no such thing; nothing was tried
    DNS = "dns"
    LOCAL_HOST = "local-host"
    REFUSED_CONNECTION = "refused-connection"
    UNREACHABLE = "unreachable"  # no answer to the attempt to connect
    TIMEOUT = "timeout"  # connected, then no answer in time
    BROKEN_LINE = "broken-line"
    PORT = "port"  # another protocol answers there
    # Encryption
    TLS_NAME = "tls-name"
    TLS_CERTIFICATE = "tls-certificate"
    TLS_MODE = "tls-mode"  # TLS does not begin in this way here
    CA_FILE = "ca-file"
    UNENCRYPTED = "unencrypted"  # a password would have to be sent in clear; nothing was tried
    # Signing in
    NO_CREDENTIALS = "no-credentials"  # nothing was tried
    CREDENTIALS = "credentials"
    ACCOUNT_DISABLED = "account-disabled"
    LOGIN_METHOD = "login-method"
    PROTOCOL_DISABLED = "protocol-disabled"
    # The mailbox
    IMPERSONATION = "impersonation"
    FULL_ACCESS = "full-access"
    MAILBOX_MISSING = "mailbox-missing"
    WRONG_SERVER = "wrong-server"
    LICENCE = "licence"
    FOLDER = "folder"
    UNIQUE_IDS = "unique-ids"
    QUOTA = "quota"
    # One item
    SEND_AS = "send-as"
    RECIPIENT = "recipient"
    TOO_MANY_RECIPIENTS = "too-many-recipients"
    SIZE = "size"
    ITEM = "item"
    # The server's state
    BUSY = "busy"
    SENDING_LIMIT = "sending-limit"
    SERVER = "server"
    SERVER_VERSION = "server-version"
    CURSOR = "cursor"
    OTHER = "other"


class ConnectorError(Exception):
    """The server, or the way to it, refused. `str()` is a sentence for people."""

    usual_cause: ClassVar[Cause] = Cause.OTHER

    def __init__(self, message: str, *, words: str = "", remedy: str = "", cause: Cause | None = None) -> None:
        super().__init__(message)
        self.words = words
        self.remedy = remedy
        self.cause = cause or self.usual_cause


class Throttled(ConnectorError):
    """The server asked us to come back later; its delay is obeyed exactly."""

    usual_cause = Cause.BUSY

    def __init__(
        self,
        message: str,
        *,
        delay: timedelta | None = None,
        words: str = "",
        remedy: str = "",
        cause: Cause | None = None,
    ) -> None:
        super().__init__(message, words=words, remedy=remedy, cause=cause)
        self.delay = delay


class Transient(ConnectorError):
    """May heal by itself."""


class OutcomeUnknown(Transient):
    """Raised by `send()` when the line broke between handing over and the server's answer (law 7).

    The letter may have been sent or not, so it is never resent blindly; `trace()` may know more. `refused` says who was
    refused before it was handed over: they have surely not got it.
    """

    refused: tuple[Refused, ...] = ()


class AuthenticationFailed(ConnectorError):
    """The credentials were refused or are missing. Retrying locks accounts, so nobody does."""

    usual_cause = Cause.CREDENTIALS


class MailboxUnavailable(ConnectorError):
    """Cannot work until a person changes something."""


class FolderMissing(MailboxUnavailable):
    """The folder with the key `folder` is not in the mailbox (any more); its other folders can be read (9.5)."""

    usual_cause = Cause.FOLDER

    def __init__(
        self,
        message: str,
        *,
        folder: str = "",
        words: str = "",
        remedy: str = "",
        cause: Cause | None = None,
    ) -> None:
        super().__init__(message, words=words, remedy=remedy, cause=cause)
        self.folder = folder


class ItemRejected(ConnectorError):
    """This one item cannot be read or sent; the others can. `refused` says what was said of each recipient, if it was."""

    usual_cause = Cause.ITEM
    refused: tuple[Refused, ...] = ()


class ItemDelayed(ConnectorError):
    """The server would not take this one item now (4xx to its recipients or its content); the line itself is fine.

    `refused` says what was said of each recipient; `delay` is how long the server asked to wait, if it said so."""

    usual_cause = Cause.ITEM
    refused: tuple[Refused, ...] = ()
    delay: timedelta | None = None


class Withdrawn(Exception):
    """Raised by `handing_over` when the letter shall not leave after all: whatever was prepared of it is removed."""


class Conflict(ConnectorError):
    """The item is no longer the version that was read."""

    usual_cause = Cause.ITEM


class ResyncRequired(ConnectorError):
    """The cursor is no longer valid; start again from an empty one."""

    usual_cause = Cause.CURSOR


class MailSource(Protocol):
    """Where mail is read. Reading never changes a message, its read state included (5.2).

    A folder is named by its key (`Folder.key`) or, where every mailbox has it, by its distinguished name (INBOX, …).
    Whatever needs a folder that is not there raises FolderMissing, which names it.
    """

    def folders(self) -> list[Folder]:
        """The mail folders of the mailbox, parents before children: those with mail in them, no calendars and no
        searches (9.4). A server without folders has one, the inbox."""
        ...

    def create_folder(self, parent_key: str, name: str) -> Folder:
        """Create a mail folder below another one ("" = the top of the mailbox). Raises ItemRejected if the name is
        taken there or no name; MailboxUnavailable where servers have no folders."""
        ...

    def changed_folders(self, stamps: Mapping[str, str]) -> dict[str, str]:
        """Which of these folders have changed since they bore these stamps (`Folder.changed`, "" = never looked at),
        with their stamps now; "" for a folder that is gone. One request for all of them.

        Two changes within one second may bear the same stamp on some servers, so read each folder now and then even if
        its stamp is the same. A folder about which the server could tell nothing is always in the answer, with the stamp
        "?": reading it tells why. Raises MailboxUnavailable where servers have no folders."""
        ...

    def changes(self, folder: str, cursor: str) -> Iterator[Page]:
        """Pages of what the folder shows since `cursor` ("" = everything). An idle poll yields one page with nothing in
        it and the same cursor. A page is yielded before the next is asked for, so each can be committed by itself."""
        ...

    def fetch(self, keys: Sequence[str], *, raw: bool) -> Iterator[Arrival | Missing]:
        """The items, in the order of `keys`, one result for each. With `raw` the whole message, else at least the
        headers. One bad item gives `Missing`, never an exception for the others."""
        ...

    def listing(self, folder: str) -> Iterator[Shown]:
        """Everything the folder holds now, straight from the server."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Delete the items on the server; those already gone count as deleted (5.24)."""
        ...

    def categorize(self, keys: Sequence[str], category: str, *, instead_of: str = "") -> dict[str, str]:
        """Add the category, take `instead_of` away in the same step (5.22), and return the new change key per item.

        Items that are gone, or that cannot be changed, are not in the answer. Servers without categories return {}."""
        ...

    def uncategorize(self, keys: Sequence[str], category: str) -> dict[str, str]:
        """Take the category away, leave the others, and answer as `categorize` does (5.23)."""
        ...

    def move(self, keys: Sequence[str], folder_name: str) -> dict[str, str]:
        """Move the items into the folder with that display name below the top of the mailbox, created if there is none,
        and return the new key per item (5.22). Items that are gone, or that cannot be moved, are not in the answer;
        servers without folders return {}. Raises ItemRejected if there can be no such folder."""
        ...

    def move_to(self, keys: Sequence[str], folder: str) -> dict[str, str]:
        """The same into a folder that is there, by its key or distinguished name."""
        ...

    def search(self, sought: Sought) -> Search:
        """Look for a message, or a sender's messages, in every mail folder that the server shows; for a person who asks
        where a message is. Changes nothing. The answer says what the server cannot look at."""
        ...

    def close(self) -> None:
        """Leave politely; never raises."""
        ...


class Outbox(Protocol):
    """Where mail is sent."""

    def trace(self, letter: Letter) -> Trace:
        """What the server knows about a letter that may have been handed over before (law 7)."""
        ...

    def send(self, letter: Letter, handing_over: Callable[[], None]) -> Receipt:
        """Send once. `handing_over` is called exactly once, right before the step that may make the message leave: a
        crash before it means "surely not sent". Raises ItemRejected when no recipient was accepted, and OutcomeUnknown
        when the line broke after `handing_over`. Withdrawn, raised by `handing_over`, passes through."""
        ...

    def discard(self, mark: str) -> None:
        """Remove what is left of a letter with this mark that shall not leave, if it still is a draft; where servers keep
        nothing of a letter before it is sent, there is nothing to do."""
        ...

    def close(self) -> None:
        """Leave politely; never raises."""
        ...
