"""Of which unknown senders a record is made (5.15). Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from mailboxes.policy import Policy
from profiles.connectors.mime import Address
from tracking.decide.verdicts import Facts, Message, Verdict

LONGEST_NAME = 160
LONGEST_ADDRESS = 100


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A record to be made: of what kind, as `AutoCreate` numbers it, for whom, with which name and address."""

    kind: int
    owner_id: str
    address: str
    name: str


def newcomer(
    message: Message, verdict: Verdict, facts: Facts, policy: Policy, automatic: int, *, is_private: bool
) -> Newcomer | None:
    """The record that the owner of the accepting mailbox wants of the sender, who is nobody yet. None of what machines
    and lists wrote, of private mail, and of those whom somebody here has as a record already, whatever its state."""
    person, accepted_by = message.envelope.sender, verdict.accepted_by
    if not policy.auto_create_contact_on_promote or accepted_by is None or not accepted_by.creates:
        return None
    if facts.outgoing or automatic or is_private or message.envelope.reported:
        return None
    if person is None or not can_be_created(person) or facts.matches(person.key):
        return None
    return Newcomer(accepted_by.creates, accepted_by.owner_id, person.key, name_of(person))


def name_of(person: Address) -> str:
    """What to call somebody: the name in the message in one line and without quotation marks, else the address."""
    shown = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in person.name)
    return (" ".join(shown.split()).strip("\"' ") or person.key)[:LONGEST_NAME]


def can_be_created(person: Address) -> bool:
    """Whether a record can bear the address at all."""
    return person.is_valid and len(person.key) <= LONGEST_ADDRESS
