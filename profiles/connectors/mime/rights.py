"""Mail that rights management protects: its text is encrypted in the part `message.rpmsg` ([MS-OXORMMS])."""

from __future__ import annotations

from profiles.connectors.mime.bodies import name_of
from profiles.connectors.mime.parts import structure_of, with_line_feeds
from profiles.connectors.mime.values import Envelope

_CLASS = "rpmsg.message"
_TYPE = "application/x-microsoft-rpmsg-message"
_NAME = "message.rpmsg"


def is_rights_protected(envelope: Envelope, raw: bytes | None) -> bool:
    """By its content class or type, and, where the whole message is at hand, by the part that holds the text."""
    classes = {value.strip().lower() for name, value in envelope.headers if name == "Content-Class"}
    if _CLASS in classes or envelope.content_type == _TYPE:
        return True
    # Few messages name such a part, so few are taken apart for it.
    if raw is None or (_NAME.encode() not in raw and _TYPE.encode() not in raw):
        return False
    leaves = structure_of(with_line_feeds(raw)).leaves
    return any(part.content_type == _TYPE or name_of(part).lower() == _NAME for part in leaves)
