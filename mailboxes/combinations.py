"""Which delivery methods a mailbox may have: one table of owner and kind of server (1.2). Pure.

Everybody who sets methods asks it: the mailbox itself, the bulk actions, `configure`, the owner's page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

INCOMING, OUTGOING, ACT = "incoming_email_delivery_method", "outgoing_email_delivery_method", "act_delivery_method"
DELETES = "process_and_delete_emails"
NONE: Mapping[str, int] = {INCOMING: 0, OUTGOING: 0, ACT: 2}  # 1.1: "None" is 2 for appointments, contacts and tasks
OUTLOOK: Mapping[str, int] = {INCOMING: 1, OUTGOING: 1, ACT: 0}
SYNCHRONIZATION: Mapping[str, int] = {INCOMING: 2, OUTGOING: 2, ACT: 1}
FORWARD = 3


class Owner(Enum):
    """Whose mailbox it is, as the sentences say it."""

    USER = "the mailbox of a user"
    QUEUE = "the mailbox of a queue"
    NOBODY = "a forward mailbox"


class Server(Enum):
    """The kind of the profile; without a profile nothing is known yet and nothing is refused for its sake."""

    EXCHANGE = "an Exchange profile"
    LINES = "a POP3, IMAP or SMTP profile"
    UNKNOWN = "no profile"


@dataclass(frozen=True, slots=True)
class Combination:
    """What is asked about: one mailbox as it is or is about to be."""

    owner: Owner
    server: Server
    methods: Mapping[str, int]
    deletes: bool = False


def allowed(owner: Owner, server: Server) -> dict[str, frozenset[int]]:
    """The methods this kind of mailbox may have, by column. None is always among them: it switches a direction off (1.7)."""
    table = {column: {NONE[column]} for column in NONE}
    if owner is Owner.NOBODY:
        table[INCOMING].add(SYNCHRONIZATION[INCOMING])
        return _frozen(table)
    table[INCOMING] |= {SYNCHRONIZATION[INCOMING], FORWARD}
    table[OUTGOING].add(SYNCHRONIZATION[OUTGOING])
    if owner is Owner.USER and server is not Server.LINES:
        for column in table:
            table[column] |= {OUTLOOK[column], SYNCHRONIZATION[column]}
    return _frozen(table)


def _frozen(table: Mapping[str, set[int]]) -> dict[str, frozenset[int]]:
    return {column: frozenset(methods) for column, methods in table.items()}


def problems(asked: Combination) -> dict[str, str]:
    """Which columns do not fit, each with a sentence that says what to change. Empty when the table allows it."""
    may = allowed(asked.owner, asked.server)
    found = {
        column: _sentence(column, method, asked)
        for column, method in asked.methods.items()
        if method not in may[column]
    }
    if asked.deletes and asked.owner is Owner.USER:
        found[DELETES] = "Emails are deleted after processing only in queue and forward mailboxes: switch this off."
    return found


def _sentence(column: str, method: int, asked: Combination) -> str:
    if asked.owner is Owner.NOBODY:
        if column == INCOMING:
            return "A forward mailbox is read itself: set incoming email to server-side synchronization or None."
        return f"A forward mailbox only receives: set {_TITLES[column]} to None."
    if column == ACT and asked.owner is Owner.QUEUE:
        return "A queue has no appointments, contacts and tasks: set them to None."
    if column == ACT:
        return (
            "Appointments, contacts and tasks are synchronized with Exchange only: "
            "set them to None, or choose an Exchange profile."
        )
    if method == OUTLOOK[column]:
        remedy = "Choose server-side synchronization or None."
        if asked.owner is Owner.QUEUE:
            return f"A queue cannot use Outlook for {_TITLES[column]}. {remedy}"
        return f"Outlook cannot be used for {_TITLES[column]} with {asked.server.value}. {remedy}"
    return f"This method is not possible for {asked.owner.value} with {asked.server.value}. Choose another one."


_TITLES = {INCOMING: "incoming email", OUTGOING: "outgoing email", ACT: "appointments, contacts and tasks"}


def warnings(asked: Combination, forward_mailbox_exists: bool) -> list[str]:
    """What is allowed and yet does not do what people expect."""
    if asked.methods.get(INCOMING) == FORWARD and not forward_mailbox_exists:
        return [
            "Incoming email is to arrive through a forward mailbox, and there is none: nothing arrives "
            "until an administrator makes one that is active."  # 1.6
        ]
    return []


def fitting(owner: Owner, server: Server, wanted: Mapping[str, int]) -> dict[str, int]:
    """The wanted methods as far as this kind of mailbox may have them, None for the rest (3.2)."""
    may = allowed(owner, server)
    return {column: method if method in may[column] else NONE[column] for column, method in wanted.items()}
