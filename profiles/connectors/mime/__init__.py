"""What a mail says: bytes in, values out, and back. Pure: no network, no files, no database.

Nothing here raises for any bytes: what is broken is repaired as far as possible and named in `Message.warnings`.
Every string can be stored: it can be encoded as UTF-8 and holds no NUL.
"""

from __future__ import annotations

from profiles.connectors.mime.bodies import Bodies, encoded_files
from profiles.connectors.mime.compose import compose
from profiles.connectors.mime.envelope import envelope_of
from profiles.connectors.mime.headers import read_fields
from profiles.connectors.mime.html import summary_of_html
from profiles.connectors.mime.parts import structure_of, with_line_feeds
from profiles.connectors.mime.values import Address, Attachment, Envelope, Message

__all__ = [
    "Address",
    "Attachment",
    "Envelope",
    "Message",
    "attachment_content",
    "compose",
    "envelope",
    "inner_message",
    "message",
    "summary_of_html",
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
    files = encoded_files(raw, structure) if index >= 0 else []
    return files[index].content if 0 <= index < len(files) else b""


def inner_message(raw: bytes) -> bytes | None:
    """The first attached mail as raw bytes, as forward mailboxes deliver it (8.2); None if there is none."""
    raw = with_line_feeds(raw)
    for part in structure_of(raw).leaves:
        if part.is_message:
            return part.content(raw)[0]
    return None
