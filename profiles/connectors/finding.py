"""Whether a message is the one that somebody looks for, by its headers: for servers that cannot search themselves."""

from __future__ import annotations

from datetime import datetime

from profiles.connectors import mime
from profiles.items import Sighting, Sought

MOST_FOUND = 20
"""Sightings in one answer; a person wants to know where the message is, not to read a list."""


def bare(message_id: str) -> str:
    """A Message-ID without its angle brackets, which people leave out."""
    return message_id.strip().removeprefix("<").removesuffix(">")


def sighting(key: str, folder: str, headers: bytes, received_on: datetime | None, sought: Sought) -> Sighting | None:
    """The message as a sighting, if it is one that is looked for."""
    envelope = mime.envelope(headers)
    when = received_on or envelope.date
    if sought.message_id and bare(envelope.message_id) != bare(sought.message_id):
        return None
    if sought.sender and (envelope.sender is None or envelope.sender.key != sought.sender.strip().lower()):
        return None
    if when is not None and ((sought.since and when < sought.since) or (sought.until and when >= sought.until)):
        return None
    return Sighting(key, folder, folder, folder, False, envelope.message_id, when)
