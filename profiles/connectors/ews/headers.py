"""A header block (RFC 5322 bytes) from what Exchange tells about an item without its MIME.

A message that came in has its transport headers, and they are taken as they are. What was never transported (drafts,
sent items) or was stripped is filled in from the item's properties. The identity of a message computed from this block
must be the one computed from its MIME, so nothing is invented: a property that is not there gives no header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import format_datetime, quote

from exchangelib.util import TNS
from lxml.etree import _Element as Element

from profiles.connectors.ews.operations import moment, text

PROPERTIES = (
    "headers",
    "size",
    "datetime_received",
    "datetime_sent",
    "subject",
    "in_reply_to",
    "message_id",
    "references",
    "author",
    "sender",
    "to_recipients",
    "cc_recipients",
    "reply_to",
    "conversation_index",
    "sensitivity",
)
"""What to ask the server for, by exchangelib's names."""

_SENSITIVITY = {
    "Personal": "Personal",
    "Private": "Private",
    "Confidential": "Company-Confidential",
}  # RFC 4021, 2.1.55
_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322, 2.2
_END = re.compile(rb"(?:\A|\r?\n)\r?\n")
_FOLD = re.compile(r"[\r\n]+[ \t]*")


def header_block(item: Element) -> bytes:
    """The header block of an item, without the empty line; values are UTF-8 (RFC 6532) and not folded."""
    told = list(transport_headers(item))
    names = {name.lower() for name, _ in told}
    added = [(name, value) for name, value in from_properties(item) if value and name.lower() not in names]
    return block([*told, *added])


def block(headers: list[tuple[str, str]]) -> bytes:
    """Names and values as a header block."""
    lines = [f"{name}: {one_line(value)}\r\n" for name, value in headers if _NAME.fullmatch(name)]
    return "".join(lines).encode("utf-8", "replace")


def one_line(value: str) -> str:
    """A value without folding, so that it can never begin another header."""
    return _FOLD.sub(" ", value).strip()


def transport_headers(item: Element) -> Iterator[tuple[str, str]]:
    """The headers the message was transported with, in their order."""
    for header in item.iterfind(f"{{{TNS}}}InternetMessageHeaders/{{{TNS}}}InternetMessageHeader"):
        yield header.get("HeaderName", ""), header.text or ""


def from_properties(item: Element) -> Iterator[tuple[str, str]]:
    """The headers that the item's properties stand for; an absent property gives an empty value."""
    yield "Message-ID", text(item, "InternetMessageId")
    # A message that was transported without a Date has none: the time of its arrival is not its date.
    transported = item.find(f"{{{TNS}}}InternetMessageHeaders") is not None
    sent = None if transported else moment(item, "DateTimeSent")
    yield "Date", format_datetime(sent) if sent else ""
    yield "From", mailboxes(item, "From") or mailboxes(item, "Sender")
    yield "Subject", text(item, "Subject")
    yield "To", mailboxes(item, "ToRecipients")
    yield "Cc", mailboxes(item, "CcRecipients")
    yield "Reply-To", mailboxes(item, "ReplyTo")
    yield "In-Reply-To", text(item, "InReplyTo")
    yield "References", text(item, "References")
    yield "Thread-Index", text(item, "ConversationIndex")
    yield "Sensitivity", _SENSITIVITY.get(text(item, "Sensitivity"), "")


def mailboxes(item: Element, name: str) -> str:
    """An address property as the value of a header. Names without an SMTP address cannot be told in one."""
    found = item.iterfind(f"{{{TNS}}}{name}/{{{TNS}}}Mailbox")
    return ", ".join(written for box in found if (written := mailbox(text(box, "Name"), text(box, "EmailAddress"))))


def mailbox(name: str, address: str) -> str:
    """One mailbox (RFC 5322, 3.4), "" without an SMTP address."""
    if "@" not in address:
        return ""
    return f'"{quote(one_line(name))}" <{address}>' if name and name != address else address


def split(raw: bytes) -> tuple[bytes, bytes]:
    """The header fields of a message with their line ends, and what follows the empty line (RFC 5322, 2.1)."""
    end = _END.search(raw)
    if end is None:
        return raw, b""
    return raw[: end.start()] + (b"\r\n" if end.start() else b""), raw[end.end() :]
