"""The one table of moves of an email's status (7.1–7.4, law 11), and the events that tell of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import Model

from profiles.statements import Change, insert_many
from tracking.crm.models import DomainEvent, Email
from tracking.crm.models.events import EventKind
from tracking.crm.models.states import EMAIL_PAIRS, EmailStatus, state_of

S = EmailStatus
MOVES: dict[EmailStatus, frozenset[EmailStatus]] = {
    S.DRAFT: frozenset({S.PENDING_SEND, S.CANCELED, S.COMPLETED}),
    S.PENDING_SEND: frozenset({S.SENDING, S.FAILED, S.DRAFT, S.CANCELED}),
    S.SENDING: frozenset({S.SENT, S.FAILED, S.PENDING_SEND}),
    S.FAILED: frozenset({S.PENDING_SEND, S.DRAFT, S.CANCELED}),
    S.SENT: frozenset(),
    S.RECEIVED: frozenset(),
    S.COMPLETED: frozenset(),
    S.CANCELED: frozenset(),
}
# "Submitted" is told where a person submits: a worker that takes an email back to Pending Send submits nothing.
_EVENTS = {S.SENT: EventKind.EMAIL_SENT, S.FAILED: EventKind.EMAIL_FAILED}


class IllegalMove(Exception):
    """The status may not change that way (law 11)."""


def move(email: Email, to: EmailStatus, now: datetime, *, as_read: Sequence[str] = (), **columns: Any) -> None:
    """Change the status by a legal move, if the row still has the status we think it has, and in the columns `as_read`
    what `email` holds; write the event.

    Raises IllegalMove. Call it inside a transaction that also pins the lease, when a worker does it.
    """
    held = EmailStatus(email.status_code)
    if to not in MOVES[held]:
        raise IllegalMove(f"{held.label} cannot become {to.label}")
    columns |= {"status_code": to, "state_code": state_of(EMAIL_PAIRS, to)}
    keys = {name: value.pk if isinstance(value, Model) else value for name, value in columns.items()}
    known = [(name, getattr(email, name)) for name in as_read]
    found_by = {name: value for name, value in known if value is not None}
    if not _change(tuple(keys), tuple(found_by))(*keys.values(), now, email.pk, held, *found_by.values()):
        raise IllegalMove(f"the email is no longer {held.label}, or was changed meanwhile")
    for column, value in columns.items():
        setattr(email, column, value)
    email.modified_on = now
    if to in _EVENTS:
        tell(email, _EVENTS[to], now)


@lru_cache(maxsize=64)
def _change(columns: tuple[str, ...], found_by: tuple[str, ...]) -> Change:
    return Change(Email, [*columns, "modified_on"], found_by=["id", "status_code", *found_by])


def tell(email: Email, kind: EventKind, now: datetime, **facts: Any) -> None:
    """Write the domain event, in the transaction of what it tells."""
    about = {"subject_id": str(email.pk), "mailbox_id": email.sender_mailbox_id}
    insert_many([DomainEvent(kind=kind, happened_on=now, facts=facts, **about)])
