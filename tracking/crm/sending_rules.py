"""From whom and to whom mail may be sent (7.5, 7.7). Pure: values in, sentences out.

A sentence names whom it is about and says what helps. An empty answer means that nothing stands in the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from profiles.connectors.mime import wire_address


@dataclass(frozen=True, slots=True)
class Author:
    """What is known of the mailbox in From and of the person who wants to send from it."""

    name: str
    address: str
    is_forward: bool = False
    is_own: bool = False
    queue: str = ""
    owns_queue: bool = False
    works_in_queue: bool = False
    sends_as_others: bool = False  # the person has the permission
    allows_others: bool = False  # the user whose mailbox it is has agreed


def why_allowed(author: Author) -> str:
    """In few words why the person may send from this mailbox (7.5); "" where they may not: `why_refused` says why."""
    if why_refused(author):
        return ""
    if author.is_own:
        return "your own mailbox"
    if author.queue:
        return "a queue that you own" if author.owns_queue else "a queue that you work in"
    return f"{author.name} lets others send in their name"


def why_refused(author: Author) -> str:
    """Why the person may not send from this mailbox, and who can change that (7.5); "" where they may."""
    if author.is_forward:
        return f"From: {author.name} only receives (a forward mailbox). Choose another mailbox."
    if not author.address:
        return (
            f"From: {author.name} has no email address. Choose another mailbox, or ask an administrator to enter one."
        )
    if author.is_own or author.owns_queue or author.works_in_queue:
        return ""
    if author.queue:
        return (
            f"From: you do not work in the queue {author.queue}. Ask its owner to make you a member, or choose another "
            "mailbox."
        )
    missing = []
    if not author.sends_as_others:
        missing.append("you lack the permission to send email as another user, which an administrator gives")
    if not author.allows_others:
        missing.append(f"{author.name} has not agreed to it, which only they can do on the page of their mailbox")
    return f"From: you may not send as {author.name}: {'; and '.join(missing)}." if missing else ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One line of To, Cc or Bcc. `record` names what it stands for ("Contact Ann Acme"), "" for nobody known here;
    `refuses` names the records with this address that must not be written to."""

    role: str
    name: str
    address: str
    record: str = ""
    is_contact: bool = False
    refuses: str = ""


def problems_of(recipients: Sequence[Recipient], allow_unresolved: bool) -> list[str]:
    """What keeps an email from being sent to these people, each recipient by name (7.7)."""
    if not recipients:
        return ["To: the email has no recipient. Add at least one."]
    return list(dict.fromkeys(problem for one in recipients if (problem := _problem(one, allow_unresolved))))


def _problem(one: Recipient, allow_unresolved: bool) -> str:
    if one.refuses:
        return (
            f"{one.role}: {one.refuses} must not be sent email (“Do not allow email” is set). Take "
            f"{one.address or 'them'} out, or clear that mark in the record if it is wrong."
        )
    if not one.address:
        return _without_address(one)
    try:
        wire_address(one.address)
    except ValueError as error:
        return f"{one.role}: {error}. Correct it."
    if one.record or allow_unresolved:
        return ""
    return (
        f"{one.role}: {one.address} belongs to nobody here, and this organization writes to known people only. "
        "Choose a record, or make a contact of the address first."
    )


def _without_address(one: Recipient) -> str:
    name = one.record or (f"“{one.name}”" if one.name else "a recipient")
    if one.is_contact:
        return (
            f"{one.role}: {name} has no email address. Enter one in the field “Email” of the record (“Email 2” and "
            "“Email 3” are never written to), or take them out."
        )
    where = "Enter one in the record" if one.record else "Enter one"
    return f"{one.role}: {name} has no email address. {where}, or take them out."
