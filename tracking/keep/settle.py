"""SETTLE: one batch of judged messages becomes rows, in one transaction (laws 1–4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from mailboxes.models import Mailbox, QueueItem
from mailboxes.policy import Policy
from tracking.crm.identity import stored_message_id
from tracking.crm.models import DomainEvent, Email
from tracking.crm.models.events import EventKind
from tracking.decide.verdicts import Message, Verdict
from tracking.keep.bulk import insert_many, update_many
from tracking.keep.emails import KeptEmail
from tracking.keep.pending import Waiting
from tracking.keep.totals import COLUMN, move_totals
from tracking.models import Acknowledgement, LedgerRow, LedgerState, Placement

_DECIDED = ["content_key", "state", "reason", "evidence", "email", "message_id", "size", "received_on", "decided_on"]
_DECIDED += ["attempts", "retry_on", "error"]


@dataclass(frozen=True, slots=True)
class Settled:
    """One judged message with the rows to keep, if it is kept as a new email."""

    waiting: Waiting
    message: Message
    verdict: Verdict
    kept: KeptEmail | None = None


@dataclass(slots=True)
class Work:
    """What one transaction writes, collected first."""

    rows: list[LedgerRow] = field(default_factory=list)
    emptied: list[int] = field(default_factory=list)
    placements: list[Placement] = field(default_factory=list)
    kept: list[KeptEmail] = field(default_factory=list)
    events: list[DomainEvent] = field(default_factory=list)
    queue_items: list[QueueItem] = field(default_factory=list)
    totals: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Where and when a batch is settled. `pin` raises when the lease has moved (law 6)."""

    mailbox: Mailbox
    policy: Policy
    now: datetime
    can_categorize: bool
    pin: Callable[[], None]


def settle(batch: Sequence[Settled], existing: dict[str, LedgerRow], around: Circumstances) -> Counter[str]:
    """Write the batch. Blobs are on disk already. Raises IntegrityError when another worker kept one of these in the
    meantime: gather the facts again. Returns how many rows reached each state."""
    work = Work()
    for one in batch:
        _enter(one, existing, work, around)
    with transaction.atomic():
        around.pin()
        _insert(work)
        move_totals(around.mailbox.pk, work.totals)
    return Counter(COLUMN[LedgerState(row.state)] for row in work.rows)


def _enter(one: Settled, existing: dict[str, LedgerRow], work: Work, around: Circumstances) -> None:
    """Decide which ledger row the message belongs to, and what follows."""
    first = existing.get(one.message.key)
    row, placement = one.waiting.row, one.waiting.placement
    if first is not None and first.pk != row.pk:
        placement.ledger_row = first
        placement.acknowledge = _acknowledgement(LedgerState(first.state), around)
        work.placements.append(placement)
        work.emptied.append(row.pk)
        work.totals.update(copies=1, pending=-1)
        return
    existing[one.message.key] = row
    _decide(row, one, around.now)
    placement.acknowledge = _acknowledgement(LedgerState(row.state), around)
    if placement.acknowledge:
        work.placements.append(placement)
    work.rows.append(row)
    work.totals.update({"pending": -1, COLUMN[LedgerState(row.state)]: 1})
    if one.kept is not None:
        work.kept.append(one.kept)
        work.queue_items.extend(_queue_items(one, around))
    if one.verdict.kept:
        work.events.append(_event(one, row, around))


def _decide(row: LedgerRow, one: Settled, now: datetime) -> None:
    verdict, message = one.verdict, one.message
    row.content_key = message.key
    row.state = LedgerState.TRACKED if verdict.kept else LedgerState.IGNORED
    row.reason = verdict.reason
    row.evidence = dict(verdict.evidence)
    row.message_id = stored_message_id(message.message_id)
    row.size = message.size
    row.received_on = row.received_on or message.received_on
    row.decided_on = now
    row.retry_on, row.error = None, ""
    if one.kept is not None:
        row.email_id = one.kept.email.id
    elif verdict.same_as is not None:
        row.email_id = verdict.same_as.id


def _acknowledgement(state: LedgerState, around: Circumstances) -> Acknowledgement:
    """What the server is told after the commit: delete after processing (5.24), else the category on tracked mail (5.23)."""
    if around.mailbox.process_and_delete_emails and state in (LedgerState.TRACKED, LedgerState.IGNORED):
        return Acknowledgement.DELETE
    if state == LedgerState.TRACKED and around.can_categorize and around.policy.track_categorized_items:
        return Acknowledgement.CATEGORIZE
    return Acknowledgement.NONE


def _event(one: Settled, row: LedgerRow, around: Circumstances) -> DomainEvent:
    return DomainEvent(
        kind=EventKind.EMAIL_TRACKED if one.kept is not None else EventKind.EMAIL_LINKED,
        happened_on=around.now,
        subject_id=str(row.email_id),
        mailbox_id=around.mailbox.pk,
        facts={"reason": int(one.verdict.reason)},
    )


def _queue_items(one: Settled, around: Circumstances) -> Iterable[QueueItem]:
    """5.18: one item for the accepting queue."""
    accepted_by = one.verdict.accepted_by
    if accepted_by is None or accepted_by.kind != "queue" or one.kept is None:
        return
    if around.policy.create_queue_items_for_accepting_queue_recipients:
        yield QueueItem(
            queue_id=accepted_by.id,
            object_type=ContentType.objects.get_for_model(Email),
            object_id=str(one.kept.email.id),
            entered_on=around.now,
        )


def _insert(work: Work) -> None:
    """At most one statement per table; blobs first, because emails refer to them. Sorted by their unique columns, so that
    two workers who insert some of the same wait for each other instead of locking each other out."""
    blobs, emails = [kept.blob for kept in work.kept], [kept.email for kept in work.kept]
    blobs.sort(key=lambda blob: blob.digest)
    emails.sort(key=lambda email: email.message_id_dup_check)
    insert_many(blobs, ignore_conflicts=True)
    insert_many(emails)
    insert_many([party for kept in work.kept for party in kept.parties])
    insert_many([one for kept in work.kept for one in kept.attachments])
    insert_many(work.queue_items, ignore_conflicts=True)
    update_many(work.rows, _DECIDED)
    update_many(work.placements, ["ledger_row", "acknowledge"])
    if work.emptied:
        LedgerRow.objects.filter(pk__in=work.emptied).delete()
    insert_many(work.events)
