"""What a mail says: bytes in, values out, and back. Pure: no network, no files, no database.

Nothing here raises for any bytes: what is broken is repaired as far as possible and named in `Message.warnings`.
Every string can be stored: it can be encoded as UTF-8 and holds no NUL.
"""

from __future__ import annotations

from datetime import datetime

from profiles.connectors.mime.automatic import AutomaticKind, answers_automatically, automatic_kind, is_automatic
from profiles.connectors.mime.bodies import Bodies, encoded_files, tnef_files
from profiles.connectors.mime.compose import compose
from profiles.connectors.mime.dates import date
from profiles.connectors.mime.envelope import envelope_of
from profiles.connectors.mime.headers import read_fields
from profiles.connectors.mime.html import summary_of_html
from profiles.connectors.mime.parts import structure_of, with_line_feeds
from profiles.connectors.mime.quoting import preview_of, split_quote
from profiles.connectors.mime.reports import Report, Reported, report_of
from profiles.connectors.mime.rights import is_rights_protected
from profiles.connectors.mime.values import Address, Attachment, Envelope, Message
from profiles.connectors.mime.wire import wire_address

__all__ = [
    "Address",
    "Attachment",
    "AutomaticKind",
    "Envelope",
    "Message",
    "Report",
    "Reported",
    "answers_automatically",
    "attachment_content",
    "automatic_kind",
    "compose",
    "envelope",
    "inner_messages",
    "is_automatic",
    "is_rights_protected",
    "message",
    "preview_of",
    "received_on",
    "report_of",
    "split_quote",
    "summary_of_html",
    "wire_address",
]


def envelope(headers: bytes) -> Envelope:
    """What a header block says; a whole message may be given as well, its body is not looked at."""
    return envelope_of(read_fields(with_line_feeds(headers)))


def message(raw: bytes, *, fast: bool = True, read: Envelope | None = None) -> Message:
    """The whole mail. `fast=False` decodes large parts with the standard library; the result is the same.

    Whoever has its envelope already gives it as `read`, so that it is not read twice.
    """
    raw = with_line_feeds(raw)
    structure = structure_of(raw)
    bodies = Bodies(raw, structure, fast=fast)
    return Message(
        envelope=read or envelope_of(structure.root.fields),
        text=bodies.text,
        html=bodies.html,
        attachments=tuple(bodies.attachments),
        warnings=(*structure.warnings, *bodies.warnings),
    )


def attachment_content(raw: bytes, number: int) -> bytes:
    """The decoded bytes of the part with this number (an attached mail: its own bytes); b"" if there is none."""
    raw = with_line_feeds(raw)
    structure = structure_of(raw)
    if 1 <= number <= len(structure.leaves):
        return structure.leaves[number - 1].content(raw)[0]
    index = number - len(structure.leaves) - 1
    if index < 0:
        return b""
    contents = [file.content for file in encoded_files(raw, structure)]
    contents += [file.content for file in tnef_files(raw, structure)]
    return contents[index] if index < len(contents) else b""


def inner_messages(raw: bytes) -> tuple[bytes, ...]:
    """The attached mails as raw bytes, in their order, as forward mailboxes deliver them (8.2). What is attached to one
    of them belongs to it and is not taken apart."""
    raw = with_line_feeds(raw)
    contents = (part.content(raw)[0] for part in structure_of(raw).leaves if part.is_message)
    return tuple(content for content in contents if content.strip())


def received_on(headers: bytes) -> datetime | None:
    """When the last server on the way took the mail (the topmost Received field), else when it was written."""
    fields = read_fields(with_line_feeds(headers))
    return date(fields.first(b"received").rpartition(";")[2]) or date(fields.first(b"date"))
