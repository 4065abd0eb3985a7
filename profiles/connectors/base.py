"""What every connector promises: two narrow protocols and one small family of errors.

    ConnectorError
    ├── Throttled             the server asked to wait; `delay` says how long, if it said so
    ├── Transient             may work later: network, 4xx, 5xx, time-out
    │   └── OutcomeUnknown    the line broke after the letter was handed over: it may or may not have been sent
    ├── AuthenticationFailed  wrong or missing credentials; never tried again by itself
    ├── MailboxUnavailable    permanent for this mailbox or profile: no such host, TLS name, right, mailbox or ability
    ├── ItemRejected          permanent for one item only
    ├── ItemDelayed           one item cannot be sent now; it and the others may be later
    ├── Conflict              the item changed under our hands: read it again
    └── ResyncRequired        the server no longer knows our cursor: list everything again

Every error carries `words` (what the server said, without secrets) and `remedy` (what a person can do).
Connectors raise nothing else: foreign exceptions are translated at the edge (law 8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Protocol

from profiles.items import Arrival, Letter, Missing, Page, Receipt, Shown, Trace


class ConnectorError(Exception):
    """The server, or the way to it, refused. `str()` is a sentence for people."""

    def __init__(self, message: str, *, words: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.words = words
        self.remedy = remedy


class Throttled(ConnectorError):
    """The server asked us to come back later; its delay is obeyed exactly."""

    def __init__(self, message: str, *, delay: timedelta | None = None, words: str = "", remedy: str = "") -> None:
        super().__init__(message, words=words, remedy=remedy)
        self.delay = delay


class Transient(ConnectorError):
    """May heal by itself."""


class OutcomeUnknown(Transient):
    """Raised by `send()` when the line broke between handing over and the server's answer (law 7).

    The letter may have been sent or not, so it is never resent blindly; `trace()` may know more.
    """


class AuthenticationFailed(ConnectorError):
    """The credentials were refused or are missing. Retrying locks accounts, so nobody does."""


class MailboxUnavailable(ConnectorError):
    """Cannot work until a person changes something."""


class ItemRejected(ConnectorError):
    """This one item cannot be read or sent; the others can."""


class ItemDelayed(ConnectorError):
    """The server would not take this one item now (4xx to its recipients or its content); the line itself is fine."""


class Conflict(ConnectorError):
    """The item is no longer the version that was read."""


class ResyncRequired(ConnectorError):
    """The cursor is no longer valid; start again from an empty one."""


class MailSource(Protocol):
    """Where mail is read. Reading never changes a message, its read state included (5.2)."""

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

    def categorize(self, keys: Sequence[str], category: str) -> dict[str, str]:
        """Add the category and return the new change key per item; servers without categories return {} (5.23)."""
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
        when the line broke after `handing_over`."""
        ...

    def close(self) -> None:
        """Leave politely; never raises."""
        ...
