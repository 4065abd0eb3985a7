"""SETTLE: one batch of judged messages becomes rows, in one transaction (laws 1–4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from mailboxes.models import Mailbox, QueueItem
from mailboxes.policy import Policy
from profiles.connectors.mime import answers_automatically, automatic_kind
from profiles.statements import insert_many, update_many
from tracking.crm.identity import stored_message_id
from tracking.crm.models import Direction, DomainEvent, Email
from tracking.crm.models.events import EventKind
from tracking.decide.folders import Filed
from tracking.decide.verdicts import Message, Verdict
from tracking.facts.answers import queues_that_sent
from tracking.keep.bounces import note_reports
from tracking.keep.completing import complete
from tracking.keep.creating import create_senders
from tracking.keep.emails import KeptEmail
from tracking.keep.filing import evidence_of_filing, file_tracked, note_rule
from tracking.keep.joining import ask_to_run, awaited_by, join_late
from tracking.keep.pending import Waiting
from tracking.keep.proofs import note_proofs, proved_to_have_left
from tracking.keep.totals import COLUMN, move_totals
from tracking.keep.unpack import release_after
from tracking.keep.wishes import ask_for
from tracking.models import Acknowledgement, AwaitedAncestor, Explicit, LedgerRow, LedgerState, Placement

_DECIDED = ["content_key", "state", "reason", "evidence", "email", "message_id", "size", "received_on", "decided_on"]
_DECIDED += ["attempts", "retry_on", "error", "sender"]


@dataclass(frozen=True, slots=True)
class Settled:
    """One judged message with the rows to keep, if it is kept as a new email."""

    waiting: Waiting
    message: Message
    verdict: Verdict
    kept: KeptEmail | None = None
    rest: KeptEmail | None = None  # what the whole message adds to an email that had only its header (5.19)


@dataclass(slots=True)
class Work:
    """What one transaction writes, collected first."""

    rows: list[LedgerRow] = field(default_factory=list)
    emptied: list[int] = field(default_factory=list)
    placements: list[Placement] = field(default_factory=list)
    kept: list[KeptEmail] = field(default_factory=list)
    events: list[DomainEvent] = field(default_factory=list)
    awaited: list[AwaitedAncestor] = field(default_factory=list)
    sought: set[str] = field(default_factory=set)
    counterparts: list[Email] = field(default_factory=list)
    queue_items: list[QueueItem] = field(default_factory=list)
    asked_for: dict[int, tuple[Explicit, Filed | None]] = field(
        default_factory=dict
    )  # rows to judge again, at whose word
    filed: list[tuple[int, Filed]] = field(default_factory=list)  # rows of mail that was tracked before it lay there
    rules: dict[UUID, list[int]] = field(default_factory=dict)  # rows that another folder rule covers now
    put_aside: list[int] = field(default_factory=list)  # rows whose bytes were kept until they could be judged
    totals: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Where and when a batch is settled. `pin` raises when the lease has moved (law 6). `may_delete` is False in folders
    where nothing is deleted after processing. `through` is the forward mailbox that was read for this one (8.2)."""

    mailbox: Mailbox
    policy: Policy
    now: datetime
    can_categorize: bool
    pin: Callable[[], None]
    may_delete: bool = True
    through: Mailbox | None = None


def settle(batch: Sequence[Settled], existing: dict[str, LedgerRow], around: Circumstances) -> Counter[str]:
    """Write the batch. Blobs are on disk already. Raises IntegrityError when another worker kept one of these in the
    meantime: gather the facts again. Returns how many rows reached each state."""
    work = Work()
    for one in batch:
        _enter(one, existing, work, around)
    with transaction.atomic():
        around.pin()
        work.events += create_senders(work.kept, around.policy, around.now)  # 5.15
        _insert(work)
        _write_to_others(batch, around.now)
        reopened = join_late([kept.email for kept in work.kept], work.sought, around.policy, around.now)
        move_totals(around.mailbox.pk, work.totals)
        file_tracked(work.filed, around.mailbox.pk, around.policy, around.now)  # 9.5
        for row_id, (explicit, filed) in work.asked_for.items():
            ask_for(around.mailbox.pk, [row_id], explicit, around.now, filed.rule_id if filed else None)
        if around.through is not None:
            decided = {row.pk for row in work.rows} | {placement.ledger_row_id for placement in work.placements}
            release_after(decided, around.mailbox, around.through, around.policy, around.now)
    ask_to_run(set(reopened.values()) - {around.mailbox.pk}, around.now)
    return Counter(COLUMN[LedgerState(row.state)] for row in work.rows if row.pk not in reopened)


def _enter(one: Settled, existing: dict[str, LedgerRow], work: Work, around: Circumstances) -> None:
    """Decide which ledger row the message belongs to, and what follows."""
    first = existing.get(one.message.key)
    row, placement = one.waiting.row, one.waiting.placement
    if first is not None and first.pk != row.pk:
        placement.ledger_row = first
        placement.acknowledge = _acknowledgement(
            LedgerState(first.state), around, is_whole=not one.message.is_truncated
        )
        work.placements.append(placement)
        filed = one.message.filed
        if row.explicit and first.state != LedgerState.TRACKED:  # 5.6: this copy bears what the first did not
            work.asked_for[first.pk] = Explicit(row.explicit), filed
        elif filed is not None:  # 9.5: moved into the folder
            work.filed.append((first.pk, filed))
        work.emptied.append(row.pk)
        work.totals.update(copies=1, pending=-1)
        return
    existing[one.message.key] = row
    _decide(row, one, around)
    if row.raw_id is not None:
        work.put_aside.append(row.pk)
    before, placement.acknowledge = (
        placement.acknowledge,
        _acknowledgement(
            LedgerState(row.state),
            around,
            was_put_aside=row.raw_id is not None,
            is_whole=not one.message.is_truncated,
        ),
    )
    if placement.acknowledge != before:
        work.placements.append(placement)
    work.rows.append(row)
    if one.message.filed is not None and one.message.filed.rule_id != row.tracking_folder_id:
        work.rules.setdefault(one.message.filed.rule_id, []).append(row.pk)
    if one.message.filed is not None and one.verdict.same_as is not None:  # 9.5: it was tracked from elsewhere
        work.filed.append((row.pk, one.message.filed))
    work.totals.update({"pending": -1, COLUMN[LedgerState(row.state)]: 1})
    awaited = awaited_by(row, one.verdict, is_new=one.kept is not None)
    work.awaited.extend(awaited)
    work.sought.update(one.verdict.correlation.sought if awaited else ())
    if one.kept is not None:
        work.kept.append(one.kept)
        if one.verdict.counterpart is not None:  # 5.11: both ways
            work.counterparts.append(Email(id=one.verdict.counterpart.id, counterpart_id=one.kept.email.id))
    if one.verdict.kept:
        work.queue_items.extend(_queue_items(one, row, around.now))
        work.events.append(_event(one, row, around))


def _decide(row: LedgerRow, one: Settled, around: Circumstances) -> None:
    verdict, message = one.verdict, one.message
    row.content_key = message.key
    row.state = LedgerState.TRACKED if verdict.kept else LedgerState.IGNORED
    row.reason = verdict.reason
    row.evidence = dict(verdict.evidence)
    if one.kept is not None and one.kept.sender_matches:
        row.evidence["sender_matches"] = one.kept.sender_matches  # 5.12
    if message.filed is not None and verdict.kept:
        row.evidence |= evidence_of_filing(message.filed)
    if around.through is not None:
        row.evidence["forward_mailbox"] = around.through.email_address or around.through.name
    row.message_id = stored_message_id(message.message_id)
    row.sender = message.envelope.sender.key[:320] if message.envelope.sender else ""
    row.size = message.size
    row.received_on = row.received_on or message.received_on
    row.decided_on = around.now
    row.retry_on, row.error = None, ""
    if one.kept is not None:
        row.email_id = one.kept.email.id
    elif verdict.same_as is not None:
        row.email_id = verdict.same_as.id


def _acknowledgement(
    state: LedgerState, around: Circumstances, *, was_put_aside: bool = False, is_whole: bool = True
) -> Acknowledgement:
    """What the server is told after the commit: delete after processing (5.24), else the category on tracked mail (5.23).
    What was in quarantine bears another one, which goes now (5.22). What is not kept whole is never deleted."""
    may_delete = is_whole and around.may_delete and around.mailbox.process_and_delete_emails
    if may_delete and state in (LedgerState.TRACKED, LedgerState.IGNORED):
        return Acknowledgement.DELETE
    if state == LedgerState.TRACKED and around.can_categorize and around.policy.track_categorized_items:
        return Acknowledgement.CATEGORIZE
    return Acknowledgement.UNCATEGORIZE if was_put_aside and around.can_categorize else Acknowledgement.NONE


def _event(one: Settled, row: LedgerRow, around: Circumstances) -> DomainEvent:
    return DomainEvent(
        kind=EventKind.EMAIL_TRACKED if one.kept is not None else EventKind.EMAIL_LINKED,
        happened_on=around.now,
        subject_id=str(row.email_id),
        mailbox_id=around.mailbox.pk,
        facts={"reason": int(one.verdict.reason)},
    )


def _queue_items(one: Settled, row: LedgerRow, now: datetime) -> Iterable[QueueItem]:
    """5.18: one item for each queue that is to work on it. An email that is tracked already, or comes again, gets no
    second one in the same queue: the database refuses it."""
    for queue_id in _served(one):
        yield QueueItem(
            queue_id=queue_id,
            object_type=ContentType.objects.get_for_model(Email),
            object_id=str(row.email_id),
            entered_on=now,
        )


def _write_to_others(batch: Sequence[Settled], now: datetime) -> None:
    """What these messages change about emails that are here already."""
    for one in batch:
        if one.rest is not None:
            complete(one.rest, now)
    note_proofs((sent for one in batch if (sent := _proved(one)) is not None), now)
    note_reports((one.message.report for one in batch if one.message.report is not None), now)


def _proved(one: Settled) -> UUID | None:
    """The email sent from here that this message shows to have left (law 7)."""
    if one.message.report is not None:
        return None  # reports are noted with what they say
    answers = one.kept is not None and one.kept.email.direction_code == Direction.INCOMING
    return proved_to_have_left(one.verdict, answers=answers)


def _served(one: Settled) -> Iterable[str]:
    """The queues in which there is something to do: no queue works on the automatic answers to its own mail."""
    queues, parent = one.verdict.queues, one.verdict.correlation.email
    if not queues or parent is None or not parent.outgoing:
        return queues
    if not answers_automatically(automatic_kind(one.message.envelope, one.message.report)):
        return queues
    senders = queues_that_sent(parent.id)
    return [queue_id for queue_id in queues if str(queue_id) not in senders]


def _insert(work: Work) -> None:
    """At most one statement per table; blobs first, because emails refer to them. Sorted by their unique columns, so that
    two workers who insert some of the same wait for each other instead of locking each other out."""
    blobs = [kept.blob for kept in work.kept if kept.blob is not None]
    emails = [kept.email for kept in work.kept]
    blobs.sort(key=lambda blob: blob.digest)
    emails.sort(key=lambda email: email.message_id_dup_check)
    work.queue_items.sort(key=lambda item: (str(item.queue_id), item.object_id))
    insert_many(blobs, ignore_conflicts=True)
    insert_many(emails)
    update_many(work.counterparts, ["counterpart"])
    insert_many([party for kept in work.kept for party in kept.parties])
    insert_many([one for kept in work.kept for one in kept.attachments])
    insert_many([one for kept in work.kept for one in kept.hashes])
    shared = [kept.email.message_id for kept in work.kept if kept.email.shares_message_id]
    if shared:  # 5.10: the others are marked as well
        Email.objects.filter(message_id__in=shared).update(shares_message_id=True)
    insert_many(work.queue_items, ignore_conflicts=True)
    update_many(work.rows, _DECIDED)
    for rule_id, row_ids in work.rules.items():
        note_rule(rule_id, row_ids)
    if work.put_aside:  # law 3: the email has them now, or nothing is kept
        LedgerRow.objects.filter(pk__in=work.put_aside).update(raw=None)
    update_many(work.placements, ["ledger_row", "acknowledge"])
    if work.emptied:
        LedgerRow.objects.filter(pk__in=work.emptied).delete()
    insert_many(work.awaited)
    insert_many(work.events)
