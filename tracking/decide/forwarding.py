"""What arrives in a forward mailbox carries somebody's mail inside: for whom it is, and how it is named (8). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from profiles.connectors.mime import Address

FOLDER = "forward:"
"""How the folders begin that hold, in the ledger of a mailbox, what reached it through a forward mailbox."""

MAILBOX = "mailbox_id"
"""Under which name the evidence of a carrier holds the mailbox that it was for; people see its name instead."""


class InvalidForwardMailItem(ValueError):
    """A message in a forward mailbox that can be judged for nobody until a person changes something (8.4)."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """The mailbox that forwarded. `obstacle` says why no mail is taken for it, and what to change."""

    mailbox_id: UUID
    name: str
    address: str
    obstacle: str = ""


def folder_through(forward_mailbox_id: UUID) -> str:
    """The folder of what reached other mailboxes through this forward mailbox."""
    return f"{FOLDER}{forward_mailbox_id}"


def carried_key(carrier: int, number: int) -> str:
    """The key of the message with this number, from 0, in the carrier with this placement."""
    return f"{carrier}#{number}"


def carrier_of(key: str) -> tuple[int, int]:
    """The opposite of `carried_key`."""
    carrier, _, number = key.partition("#")
    return int(carrier), int(number)


def addressee(sender: Address | None, found: Addressee | None, carries_any: bool) -> Addressee:
    """Whose mail it is: that of the mailbox with the sender's address (8.3). Raises InvalidForwardMailItem (8.4)."""
    address = sender.address[:320] if sender else ""
    if not carries_any:
        raise InvalidForwardMailItem(
            f"there is no forwarded message in it. The rule in the mailbox of {address or 'its sender'} has to forward as "
            "an attachment: change it there, and ignore this message. What it is about is in the mailbox it came from."
        )
    if not address:
        raise InvalidForwardMailItem("it names no sender, so nobody can tell whose mail it carries. Ignore it.")
    if found is None:
        raise InvalidForwardMailItem(
            f"it came from {address}, which is the address of no user or queue here. Enter the address of whoever "
            "forwards, set their incoming email to Forward mailbox, then press “Redo”."
        )
    if found.obstacle:
        raise InvalidForwardMailItem(f"it came from {address}: {found.obstacle} Then press “Redo”.")
    return found
