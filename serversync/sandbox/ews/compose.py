"""Writing a message: the properties a client sets become headers and content of the raw bytes.

Headers are changed in place, line by line, so that everything else in a client's MIME stays as it was sent.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from email.header import Header
from email.message import EmailMessage
from email.utils import formataddr

from serversync.sandbox.ews import message
from serversync.sandbox.ews.message import Part
from serversync.sandbox.ews.soap import Element, children, inner_text

LONGEST_LINE = 900  # RFC 5322, 2.1.1 allows 998 with the name of the field
_CONTENT_HEADERS = b"content-"


def set_header(raw: bytes, name: str, value: str | None) -> bytes:
    """The message with exactly one header of that name, or with none when `value` is None or empty."""
    block, content = message.split(raw)
    prefix = name.lower().encode() + b":"
    lines = [line for line in message.field_lines(block) if not line.lower().startswith(prefix)]
    if value:
        lines.append(f"{name}: {_encoded(value, name)}".encode())
    return b"\r\n".join([*lines, b"", content])


def add_missing(raw: bytes, name: str, value: str) -> bytes:
    """The message with this header, unless it has one already."""
    return raw if message.head_of(raw).first(name) else set_header(raw, name, value)


def with_body(raw: bytes, text: str, kind: str) -> bytes:
    """The message with another body; `kind` is "HTML" or "Text". Attachments stay."""
    return _with_content(raw, text, kind, message.attachments(raw))


def with_attachments(raw: bytes, parts: list[Part]) -> bytes:
    """The message with exactly these attachments; its body stays."""
    return _with_content(raw, *message.body(raw), parts)


def _with_content(raw: bytes, text: str, kind: str, parts: list[Part]) -> bytes:
    subtype = "html" if kind == "HTML" else "plain"
    content = EmailMessage()
    content.set_content(text, subtype=subtype, charset="utf-8")
    for part in parts:
        _attach(content, part)
    new_head, new_body = message.split(content.as_bytes())
    kept = [line for line in message.field_lines(message.split(raw)[0]) if not _describes_content(line)]
    return b"\r\n".join([*kept, *message.field_lines(new_head), b"", _crlf(new_body)])


def _attach(content: EmailMessage, part: Part) -> None:
    main, _, sub = part.content_type.partition("/")
    if not sub or main in ("multipart", "message"):
        main, sub = "application", "octet-stream"
    disposition = "inline" if part.inline else "attachment"
    cid = f"<{part.content_id}>" if part.content_id else None
    content.add_attachment(
        part.content, maintype=main, subtype=sub, disposition=disposition, filename=part.name, cid=cid
    )


def _describes_content(line: bytes) -> bool:
    return line.lower().startswith((_CONTENT_HEADERS, b"mime-version:"))


def _crlf(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _encoded(value: str, name: str) -> str:
    flat = " ".join(value.split("\n")).replace("\r", "")
    if flat.isascii() and len(flat) < LONGEST_LINE:
        return flat
    return Header(flat, "us-ascii" if flat.isascii() else "utf-8", header_name=name).encode(linesep="\r\n")


def mailboxes(element: Element) -> str:
    """The mailboxes below an element (`t:From`, `t:ToRecipients` …) as the value of an address header."""
    found = [inner for inner in element.iter() if inner.tag is not None and str(inner.tag).endswith("}Mailbox")]
    pairs = [(inner_text(box, "Name"), inner_text(box, "EmailAddress")) for box in found]
    return ", ".join(formataddr((name if name != address else "", address)) for name, address in pairs if address)


def _header(name: str, value: Callable[[Element], str]) -> Callable[[bytes, Element | None], bytes]:
    def write(raw: bytes, element: Element | None) -> bytes:
        return set_header(raw, name, None if element is None else value(element))

    return write


def _text(element: Element) -> str:
    return element.text or ""


def _write_body(raw: bytes, element: Element | None) -> bytes:
    if element is None:
        return with_body(raw, "", "Text")
    return with_body(raw, element.text or "", element.get("BodyType", "Text"))


def _write_attachments(raw: bytes, element: Element | None) -> bytes:
    return with_attachments(raw, [] if element is None else [read_attachment(part) for part in children(element)])


def read_attachment(element: Element) -> Part:
    """The attachment that a `t:FileAttachment` describes."""
    return Part(
        name=inner_text(element, "Name", "attachment"),
        content_type=inner_text(element, "ContentType", "application/octet-stream"),
        content=base64.b64decode(inner_text(element, "Content")),
        content_id=inner_text(element, "ContentId"),
        inline=inner_text(element, "IsInline") in ("true", "1"),
    )


MESSAGE_FIELDS: dict[str, Callable[[bytes, Element | None], bytes]] = {
    "Subject": _header("Subject", _text),
    "From": _header("From", mailboxes),
    "Sender": _header("Sender", mailboxes),
    "ToRecipients": _header("To", mailboxes),
    "CcRecipients": _header("Cc", mailboxes),
    "BccRecipients": _header("Bcc", mailboxes),
    "ReplyTo": _header("Reply-To", mailboxes),
    "InternetMessageId": _header("Message-ID", _text),
    "InReplyTo": _header("In-Reply-To", _text),
    "References": _header("References", _text),
    "Body": _write_body,
    "Attachments": _write_attachments,
}
"""The properties of a message that live in its raw bytes, and how to write each; None removes the property."""
