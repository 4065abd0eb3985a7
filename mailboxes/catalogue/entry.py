"""One entry of the error catalogue (12.2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Nature(Enum):
    """What follows from an error (4.6)."""

    TRANSIENT = "Transient"
    PERMANENT = "Permanent"
    MESSAGE = "One message"
    INFORMATION = "Information"

    @property
    def consequence(self) -> str:
        """What this service does by itself."""
        return _CONSEQUENCES[self]


_CONSEQUENCES = {
    Nature.TRANSIENT: "It is tried again by itself; after ten failures in a row only now and then, with an error.",
    Nature.PERMANENT: "The direction stops at once and waits for a person; nothing is tried in the meantime.",
    Nature.MESSAGE: "Only this message or item is affected; everything else goes on.",
    Nature.INFORMATION: "Nothing is wrong.",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """`code` is its address in the help; `known_as` lists the names and numbers the original has for it.

    `signs` is a regular expression for our own sentences and for what servers say; "" for what never reaches us in
    words.
    """

    code: str
    name: str
    nature: Nature
    meaning: str
    cause: str
    remedy: str
    known_as: tuple[str, ...] = ()
    signs: str = ""
