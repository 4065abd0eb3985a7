"""Reading a raw message (RFC 5322, RFC 2045) the forgiving way: nothing here raises, whatever a stranger sent."""

from __future__ import annotations

import email
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from functools import lru_cache

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_FIELD_START = re.compile(rb"(?m)^(?![ \t])")
_FOLD = re.compile(r"\r?\n(?=[ \t])")


@dataclass(frozen=True, slots=True)
class Head:
    """The header block of a message: names and unfolded values in their order, encoded words left as they are."""

    fields: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        """Every value of a header; names are compared without case."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def first(self, name: str) -> str:
        """The first value of a header, "" if there is none."""
        return next(iter(self.all(name)), "")

    def text(self, name: str) -> str:
        """The first value of a header with its encoded words decoded (RFC 2047)."""
        return decoded(self.first(name))

    def addresses(self, name: str) -> list[tuple[str, str]]:
        """(display name, address) of everybody in an address header; entries without an address are left out."""
        pairs = getaddresses(self.all(name))
        return [(decoded(display), address) for display, address in pairs if address]

    def date(self) -> datetime | None:
        """The Date header in UTC, None when it is missing or cannot be read."""
        try:
            date = parsedate_to_datetime(self.first("Date"))
        except (ValueError, TypeError, OverflowError):
            return None
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Part:
    """One attachment as it is found in, or put into, a message."""

    name: str
    content_type: str
    content: bytes
    content_id: str = ""
    inline: bool = False


def split(raw: bytes) -> tuple[bytes, bytes]:
    """The header block (without the empty line) and the body of a message."""
    end = _END_OF_HEAD.search(raw)
    return (raw, b"") if end is None else (raw[: end.start()], raw[end.end() :])


def field_lines(block: bytes) -> list[bytes]:
    """The header block cut into fields, each with its continuation lines and without its last line end."""
    return [field.rstrip(b"\r\n") for field in _FIELD_START.split(block) if field.strip()]


@lru_cache(maxsize=4096)
def head_of(raw: bytes) -> Head:
    """The header block of a message, remembered because every request for a property asks for it."""
    fields = []
    for line in field_lines(split(raw)[0]):
        name, colon, value = line.partition(b":")
        if colon:
            fields.append((_text(name).strip(), _FOLD.sub("", _text(value)).strip()))
    return Head(tuple(fields))


def decoded(value: str) -> str:
    """A header value with its encoded words decoded; words in unknown character sets are kept as they are."""
    if "=?" not in value:
        return value
    try:
        pieces = decode_header(value)
    except (ValueError, email.errors.MessageError):
        return value
    return "".join(piece if isinstance(piece, str) else _in_charset(piece, charset) for piece, charset in pieces)


@lru_cache(maxsize=64)
def _parsed(raw: bytes) -> Message:
    return email.message_from_bytes(raw)


@lru_cache(maxsize=4096)
def has_attachments(raw: bytes) -> bool:
    """Whether a message has attachments that are not inline pictures of its body."""
    return any(not part.inline for part in attachments(raw))


def attachments(raw: bytes) -> list[Part]:
    """The attachments of a message, in order; an attached message is one attachment."""
    return [_as_part(part) for part in _leaves(_parsed(raw)) if not _is_body(part)]


def body(raw: bytes) -> tuple[str, str]:
    """(text, "Text" or "HTML") of the richest body a message has, ("", "Text") when it has none."""
    bodies = {part.get_content_subtype(): part for part in reversed(_leaves(_parsed(raw))) if _is_body(part)}
    for subtype, kind in (("html", "HTML"), ("plain", "Text")):
        if subtype in bodies:
            return _in_charset(_payload(bodies[subtype]), bodies[subtype].get_content_charset()), kind
    return "", "Text"


def plain_body(raw: bytes) -> str:
    """The text of the plain body, or of the HTML body without its tags."""
    for part in _leaves(_parsed(raw)):
        if _is_body(part) and part.get_content_subtype() == "plain":
            return _in_charset(_payload(part), part.get_content_charset())
    return re.sub(r"<[^>]*>", "", body(raw)[0])


def _leaves(message: Message) -> list[Message]:
    """The parts that hold content. What lies inside an attached message belongs to that message."""
    if message.get_content_maintype() != "multipart":
        return [message]
    inner = message.get_payload()
    return (
        [leaf for part in inner if isinstance(part, Message) for leaf in _leaves(part)]
        if isinstance(inner, list)
        else []
    )


def _is_body(part: Message) -> bool:
    named = part.get_filename() or part.get_content_disposition() == "attachment"
    return not named and part.get_content_type() in ("text/plain", "text/html")


def _as_part(part: Message) -> Part:
    return Part(
        name=decoded(part.get_filename() or "attachment"),
        content_type=part.get_content_type(),
        content=_payload(part),
        content_id=str(part.get("Content-ID", "")).strip("<> "),
        inline=part.get_content_disposition() == "inline",
    )


def _payload(part: Message) -> bytes:
    inner = part.get_payload()
    if isinstance(inner, list):  # message/rfc822
        return b"".join(message.as_bytes() for message in inner[:1] if isinstance(message, Message))
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _text(data: bytes) -> str:
    """Header bytes as text: UTF-8 (RFC 6532) where it is valid, else Latin-1, which takes every byte."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _in_charset(data: bytes, charset: str | None) -> str:
    try:
        return data.decode(charset or "utf-8", "replace")
    except LookupError:
        return data.decode("latin-1")
