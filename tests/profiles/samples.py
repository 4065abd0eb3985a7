"""The mails of the conformance suite, and what it looks at."""

from __future__ import annotations

import re
import traceback
from base64 import b64encode

from profiles.connectors.base import ConnectorError, MailSource
from profiles.items import INBOX, Arrival, Letter, Page
from tests.letters import letter
from tests.profiles.stages import ALICE, PASSWORD

BOB = "bob@us.test"
CAROL = "carol@out.test"
DOTS = b"Subject: dots\r\nMessage-ID: <dots@out.test>\r\n\r\n"
ODD_MESSAGES = {
    "lines that begin with dots": DOTS + b".\r\n..\r\n...\r\n.hidden\r\n\r\n.\r\n\r\n",
    "a dot first of all": b".Subject: x\r\n\r\nbody\r\n",
    "no line end at the end": DOTS + b"the end",
    "line feeds only": DOTS.replace(b"\r\n", b"\n") + b".one\n.\ntwo\n",
    "a line of 200 000 bytes": DOTS + b"x" * 200_000 + b"\r\n",
    "bytes of every value": DOTS + bytes(set(range(256)) - {10, 13}) + b"\r\n",
    "header only": b"Subject: empty\r\nMessage-ID: <empty@out.test>\r\n\r\n",
    "neither header nor end": b"just text",
}
"""The last two are what a spoilt mail store may hold."""


def note(number: int) -> bytes:
    """Carol's note with this number."""
    return letter(CAROL, ALICE, f"Note {number}", f"This is note {number}.")


def with_crlf(raw: bytes) -> bytes:
    """What a server may make of line ends, and all that it may: CRLF, one at the end."""
    lines = re.sub(rb"\r?\n", b"\r\n", raw)
    return lines if lines.endswith(b"\r\n") else lines + b"\r\n"


def only_page(source: MailSource, cursor: str = "") -> Page:
    """The one page of changes that a small mailbox has."""
    [page] = source.changes(INBOX, cursor)
    return page


def everything(source: MailSource) -> list[bytes]:
    """All messages that a full listing shows, as they are fetched."""
    keys = [item.key for item in only_page(source).shown]
    return [one.raw or b"" for one in source.fetch(keys, raw=True) if isinstance(one, Arrival)]


def texts_of(error: BaseException) -> str:
    """Everything an error could put into a log or on a page."""
    said = f"{error.words} {error.remedy}" if isinstance(error, ConnectorError) else ""
    return f"{error!r} {error} {said} {''.join(traceback.format_exception(error))}"


def assert_keeps_secrets(error: BaseException) -> None:
    """Law 10."""
    text = texts_of(error)
    for secret in (PASSWORD, PASSWORD[:10], b64encode(f"\0{ALICE}\0{PASSWORD}".encode()).decode()):
        assert secret not in text


def to(*recipients: str, raw: bytes = b"", sender: str = ALICE, number: int = 1) -> Letter:
    """Alice's letter to somebody."""
    raw = raw or letter(sender, recipients, f"Letter {number}", "Hello!", message_id=f"<{number}@us.test>")
    return Letter(f"instance/{number}", f"<{number}@us.test>", sender, recipients, raw)


def nothing() -> None:
    """Handing over needs no preparation here."""
