"""Working in a queue: items are picked, assigned, released, routed, closed and reopened (5.18).

Each move is a conditional update of the item as the person saw it: whoever comes second changes nothing and is told who
was first. Writes the domain events in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

from mailboxes.alarms import raise_alert
from mailboxes.models import Mailbox, Queue, QueueItem, TraceLevel
from mailboxes.ownership import queues_open_to
from mailboxes.readers import people_of
from profiles.models import StateCode
from profiles.statements import insert_many, update_many
from tracking.crm.models import Email
from tracking.crm.models.events import EventKind, email_event
from tracking.decide.queue_moves import MOVES, Move, Standing, standing_of

_STANDS = {
    Standing.WAITING: Q(state_code=StateCode.ACTIVE, worker__isnull=True),
    Standing.PICKED: Q(state_code=StateCode.ACTIVE, worker__isnull=False),
    Standing.CLOSED: Q(state_code=StateCode.INACTIVE),
}
_WHOEVER = frozenset({Move.PICK, Move.REOPEN})
"""Moves that ask only how the item stands; for all others its worker must be the one that the person saw."""
PRIVATE = "It is private, so it stays with its people. Take that mark off first."


class NotPossible(ValueError):
    """None of the items can be moved that way; `str()` says why and what would help."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One item as a person saw it when they pressed the button."""

    item_id: UUID
    worker_id: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that was left as it is, and why; None when it is not in this queue."""

    item: QueueItem | None
    because: str


@dataclass(slots=True)
class Worked:
    """What became of the items."""

    done: list[QueueItem] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def pick(queue: Queue, seen: Sequence[Seen], by: Any, now: datetime) -> Worked:
    """Take items that nobody works on."""
    with transaction.atomic():
        worked = moved(queue, seen, Move.PICK, by, now, worker=by, worker_modified_on=now)
        tell(queue, worked.done, Move.PICK, by, now)
    return worked


def assign(queue: Queue, seen: Sequence[Seen], member: Any, by: Any, now: datetime) -> Worked:
    """Give items to somebody who works in the queue. Raises NotPossible."""
    if member.pk not in people_of(queue.pk) or not member.is_active:
        raise NotPossible(f"Assign to: {name_of(member)} does not work in {queue}. Hand it over instead.")
    with transaction.atomic():
        worked = moved(queue, seen, Move.ASSIGN, by, now, worker=member, worker_modified_on=now)
        tell(queue, worked.done, Move.ASSIGN, by, now, to=member.pk)
    return worked


def release(queue: Queue, seen: Sequence[Seen], by: Any, now: datetime) -> Worked:
    """Nobody works on these items any more: anybody may pick them."""
    with transaction.atomic():
        worked = moved(queue, seen, Move.RELEASE, by, now, worker=None, worker_modified_on=now)
        tell(queue, worked.done, Move.RELEASE, by, now)
    return worked


def close(queue: Queue, seen: Sequence[Seen], by: Any, now: datetime) -> Worked:
    """There is nothing left to do. What nobody had picked counts as the work of whoever closes it."""
    with transaction.atomic():
        worked = moved(queue, seen, Move.CLOSE, by, now, worker=_or(by))
        tell(queue, worked.done, Move.CLOSE, by, now)
    return worked


def reopen(queue: Queue, seen: Sequence[Seen], by: Any, now: datetime) -> Worked:
    """There is something to do after all: the items wait for somebody to pick them."""
    with transaction.atomic():
        worked = moved(queue, seen, Move.REOPEN, by, now, worker=None, worker_modified_on=now)
        tell(queue, worked.done, Move.REOPEN, by, now)
    return worked


def route(queue: Queue, seen: Sequence[Seen], target: Queue, by: Any, now: datetime) -> Worked:
    """Items go to another queue and wait there, once for each record: what waits there already stays as it is, what was
    closed there is opened again. The people of that queue read it from now on. Raises NotPossible."""
    if target.pk == queue.pk or not queues_open_to(by).filter(pk=target.pk).exists():
        raise NotPossible(f"Route to: {target} cannot be chosen. Choose another active queue that is open to you.")
    free, kept_back = _without_private(queue, seen)
    with transaction.atomic():
        worked = moved(queue, free, Move.ROUTE, by, now, worker=_or(by))
        _enter(target, worked.done, now)
        tell(queue, worked.done, Move.ROUTE, by, now, to=target.pk)
    worked.refused += kept_back
    return worked


def hand_over(queue: Queue, seen: Sequence[Seen], person: Any, by: Any, now: datetime) -> Worked:
    """Emails leave the queue for a person outside it, who owns them from now on and is told so. Raises NotPossible."""
    if not person.is_active:
        raise NotPossible(f"Hand to: the account of {name_of(person)} is not active. Choose somebody else.")
    if person.pk in people_of(queue.pk):
        raise NotPossible(f"Hand to: {name_of(person)} works in {queue}. Assign it instead.")
    free, kept_back = _without_private(queue, seen)
    with transaction.atomic():
        worked = moved(queue, free, Move.HAND, by, now, worker=person, worker_modified_on=now)
        _change_owner(worked.done, person, now)
        tell(queue, worked.done, Move.HAND, by, now, to=person.pk)
        mailbox = Mailbox.objects.filter(regarding_user=person).first()
        if worked.done and mailbox is not None:
            text = f"{name_of(by)} handed mail of the queue {queue} to you. You find it under “Queue work”."
            raise_alert(mailbox, TraceLevel.INFORMATION, f"handed over {queue.pk}", text, now)
    worked.refused += kept_back
    return worked


def moved(queue: Queue, seen: Iterable[Seen], move: Move, by: Any, now: datetime, **values: Any) -> Worked:
    """Change those of the items that stand as the move demands and as they were seen. Call it in a transaction."""
    before, after = MOVES[move]
    condition = Q()
    for standing in before:
        condition |= _STANDS[standing]
    state = StateCode.INACTIVE if after is Standing.CLOSED else StateCode.ACTIVE
    done, ids = set(), set()
    for one in sorted(seen, key=lambda one: one.item_id):  # in one order: nobody locks anybody else out
        rows = QueueItem.objects.filter(condition, pk=one.item_id, queue=queue)
        if move not in _WHOEVER:
            rows = rows.filter(worker_id=one.worker_id)
        ids.add(one.item_id)
        if rows.update(state_code=state, modified_on=now, **values):
            done.add(one.item_id)
    found = QueueItem.objects.filter(pk__in=ids, queue=queue).select_related("worker").in_bulk()
    worked = Worked(done=[found[pk] for pk in sorted(done)])
    worked.refused = [Refused(found.get(pk), _why(found.get(pk), move, by)) for pk in sorted(ids - done)]
    return worked


def tell(queue: Queue, items: Collection[QueueItem], move: Move, by: Any, now: datetime, to: Any = None) -> None:
    """The domain events of the emails among these items, in the transaction of the move."""
    emails = Email.objects.filter(pk__in=email_ids(items)).only("pk", "receiving_mailbox", "sender_mailbox")
    facts = {"changed": ["queue"], "move": str(move), "queue": str(queue.pk), "by": str(by.pk)}
    if to is not None:
        facts["to"] = str(to)
    insert_many([email_event(email, EventKind.EMAIL_CHANGED, now, **facts) for email in emails])


def email_ids(items: Iterable[QueueItem]) -> list[str]:
    """The ids of the emails among these items."""
    email_type = ContentType.objects.get_for_model(Email).pk
    return [item.object_id for item in items if item.object_type_id == email_type]


def name_of(person: Any) -> str:
    """A person's name, for sentences."""
    return str(person.get_full_name() or person.get_username())


def _or(by: Any) -> Coalesce:
    return Coalesce(F("worker"), Value(by.pk))


def _why(item: QueueItem | None, move: Move, by: Any) -> str:
    """Why an item was left as it is, from how it stands now."""
    if item is None:
        return "It is no longer in this queue."
    standing = standing_of(item.state_code == StateCode.ACTIVE, item.worker_id is not None)
    if standing is Standing.CLOSED:
        return "It was closed in the meantime."
    if move is Move.REOPEN:
        return "It is open already."
    if standing is Standing.WAITING:
        return "Nobody works on it." if move is Move.RELEASE else "It was released in the meantime."
    if item.worker_id == by.pk:
        return "You work on it already."
    name = name_of(item.worker)
    return f"{name} was faster and works on it already." if move is Move.PICK else f"{name} took it in the meantime."


def _without_private(queue: Queue, seen: Sequence[Seen]) -> tuple[list[Seen], list[Refused]]:
    """Those that may leave for other readers, and those that may not (12.1)."""
    items = {item.pk: item for item in QueueItem.objects.filter(queue=queue, pk__in=[one.item_id for one in seen])}
    ids = email_ids(items.values())
    private = {str(pk) for pk in Email.objects.filter(pk__in=ids, is_private=True).values_list("pk", flat=True)}
    held = {pk for pk, item in items.items() if item.object_id in private}
    return [one for one in seen if one.item_id not in held], [Refused(items[pk], PRIVATE) for pk in sorted(held)]


def _enter(target: Queue, items: Sequence[QueueItem], now: datetime) -> None:
    """The records wait in this queue, each exactly once."""
    again: dict[int, list[str]] = {}
    for item in items:
        again.setdefault(item.object_type_id, []).append(item.object_id)
    for type_id, ids in again.items():
        closed = QueueItem.objects.filter(queue=target, object_type_id=type_id, object_id__in=ids)
        closed.filter(state_code=StateCode.INACTIVE).update(
            state_code=StateCode.ACTIVE, worker=None, worker_modified_on=now, entered_on=now, modified_on=now
        )
    new = [
        QueueItem(queue=target, object_type_id=item.object_type_id, object_id=item.object_id, entered_on=now)
        for item in sorted(items, key=lambda item: item.object_id)
    ]
    insert_many(new, ignore_conflicts=True)


def _change_owner(items: Sequence[QueueItem], person: Any, now: datetime) -> None:
    emails = list(Email.objects.filter(pk__in=email_ids(items)).only("pk", "edited_fields"))
    for email in emails:
        email.owner_id, email.modified_on = person.pk, now
        email.edited_fields = sorted({*email.edited_fields, "owner"})
    update_many(emails, ["owner", "edited_fields", "modified_on"])
