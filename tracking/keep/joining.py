"""Late joining: what a message answers may be tracked after the message itself was seen (6.1, peers 20).

A message that names ancestors, none of which is tracked, goes on waiting for them. When one of them is kept or sent,

    ignored for want of a match   → pending: the next run of its mailbox judges it again, with all that follows
    tracked                       → joined: its conversation becomes part of the ancestor's

The same goes for copies of what somebody sent with a program of their own and Sent Items show only later (5.3): they were
ignored for want of a match, and are judged again beside the email that is kept now.

What a person, a filter that takes nothing, a tombstone or an exclusion has kept out is not touched.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef

from mailboxes.asking import ask_to_receive
from mailboxes.policy import Policy
from profiles.statements import insert_many
from tracking.crm.fingerprints import hash_of
from tracking.crm.models import Direction, DomainEvent, Email
from tracking.crm.models.events import EventKind, email_event
from tracking.decide.correlation import subject_changed
from tracking.decide.verdicts import Method, Reason, Verdict
from tracking.keep.totals import move_totals
from tracking.models import Acknowledgement, AwaitedAncestor, LedgerRow, LedgerState, Placement

CHUNK = 500  # rows named in one statement
JOINABLE = (
    Reason.NO_CORRELATION_MATCH,
    Reason.NO_SENDER_MATCH,
    Reason.NO_RECIPIENT_MATCH,
    Reason.INTERNAL_EMAIL_REJECT,  # 5.11: kept only as an answer
)
OUTGOING = Direction.OUTGOING
_TURN = 0x5353_4A4F_494E  # the number of the lock, any but that of another lock
_COLUMNS = ["id", "subject", "message_id", "conversation_tracking_id", "correlated_activity_id", "regarding_type_id"]
_COLUMNS += ["regarding_id", "regarding_name", "sender_mailbox_id", "receiving_mailbox_id"]


def awaited_by(row: LedgerRow, verdict: Verdict, is_new: bool) -> list[AwaitedAncestor]:
    """What a message that was judged goes on waiting for, the nearest ancestor first."""
    if not is_new and (verdict.kept or verdict.reason not in JOINABLE):
        return []
    return [AwaitedAncestor(ledger_row=row, message_id_hash=hash_of(one)) for one in verdict.correlation.sought]


def join_late(kept: Sequence[Email], sought: Collection[str], policy: Policy, now: datetime) -> dict[int, UUID]:
    """Let everything join that waits for one of these emails. Call it in the transaction that inserts them, after them.

    `sought` are the Message-IDs for which this transaction has made others wait: another worker may have kept one of them
    a moment ago. Returns the ledger rows that are pending again, with their mailboxes.
    """
    if not kept and not sought:
        return {}
    _take_turns()
    reopened = _reopen(_copies_of(kept))
    arrived = {hash_of(email.message_id): email.pk for email in _bearers(kept, sought)}
    waits = list(
        AwaitedAncestor.objects.filter(message_id_hash__in=arrived).select_related("ledger_row").order_by("id")
        if arrived
        else ()
    )
    if not waits:
        return reopened
    nearest: dict[int, tuple[LedgerRow, UUID]] = {}
    for one in waits:
        nearest.setdefault(one.ledger_row.pk, (one.ledger_row, arrived[one.message_id_hash]))
    links = [(row.email_id, pk) for row, pk in nearest.values() if row.state == LedgerState.TRACKED and row.email_id]
    _link(links, policy, now)
    reopened |= _reopen([row.pk for row, _ in nearest.values() if row.state == LedgerState.IGNORED])
    done = [row.pk for row, _ in nearest.values() if row.state == LedgerState.TRACKED or row.pk in reopened]
    AwaitedAncestor.objects.filter(ledger_row__in=done).delete()
    return reopened


def ask_to_run(mailboxes: Collection[UUID], now: datetime) -> None:
    """Their next run judges what is pending again. After the commit: a leg's row is held by the worker that runs it."""
    if mailboxes:
        ask_to_receive(mailboxes, now)


def _take_turns() -> None:
    """One at a time until the commit: of two transactions, one with the answer and one with what it answers, the second
    sees the first. SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TURN])


def _bearers(kept: Sequence[Email], sought: Collection[str]) -> Iterable[Email]:
    if sought:
        yield from Email.objects.filter(message_id__in=sought).only("id", "message_id").order_by("id")
    yield from kept


def _copies_of(kept: Sequence[Email]) -> list[int]:
    """The ignored rows of messages that were kept as sent a moment ago. What is sent from here is never late: its copies
    come after it."""
    late = [email.message_id for email in kept if email.direction_code == OUTGOING and email.submitted_on is None]
    if not late:
        return []
    copies = LedgerRow.objects.filter(message_id__in=late, state=LedgerState.IGNORED).exclude(message_id="")
    return list(copies.values_list("pk", flat=True))


def _reopen(ids: Sequence[int]) -> dict[int, UUID]:
    """Those of these rows that may join and that the server still shows become pending; their verdict stays until the
    next, so that a message that has vanished meanwhile goes back to it."""
    reopened: dict[int, UUID] = {}
    shown = Exists(Placement.objects.filter(ledger_row=OuterRef("pk"), gone_on__isnull=True))
    for first in range(0, len(ids), CHUNK):
        rows = LedgerRow.objects.filter(
            shown, pk__in=ids[first : first + CHUNK], state=LedgerState.IGNORED, reason__in=JOINABLE
        )
        by_mailbox: dict[UUID, list[int]] = defaultdict(list)
        for pk, mailbox_id in rows.order_by("mailbox_id", "pk").values_list("pk", "mailbox_id"):
            by_mailbox[mailbox_id].append(pk)
        for mailbox_id, chunk in by_mailbox.items():
            ignored = LedgerRow.objects.filter(pk__in=chunk, state=LedgerState.IGNORED)
            number = ignored.update(state=LedgerState.PENDING, attempts=0, retry_on=None, error="")
            move_totals(mailbox_id, Counter(ignored=-number, pending=number))
            Placement.objects.filter(ledger_row__in=chunk).update(acknowledge=Acknowledgement.NONE)
            reopened.update(dict.fromkeys(chunk, mailbox_id))
    return reopened


def _link(links: Sequence[tuple[UUID, UUID]], policy: Policy, now: datetime) -> None:
    """Tracked answers become answers of what arrived after them (6.2). Links within one batch build on each other."""
    if not links:
        return
    wanted = {pk for link in links for pk in link}
    emails = {email.pk: email for email in Email.objects.filter(pk__in=wanted).only(*_COLUMNS)}
    events = []
    for answer_id, ancestor_id in links:
        answer, ancestor = emails.get(answer_id), emails.get(ancestor_id)
        if answer is None or ancestor is None or answer.correlated_activity_id is not None:
            continue
        left, joined = _conversation(answer), _conversation(ancestor)
        if left == joined:  # they name each other, or it is the very message
            continue
        _inherit_regarding(left, ancestor)
        Email.objects.filter(pk=answer_id).update(
            correlated_activity=ancestor_id,
            parent_activity=ancestor_id,
            correlation_method=Method.IN_REPLY_TO,
            correlated_subject_changed=subject_changed(answer.subject, ancestor.subject, policy),
            modified_on=now,
        )
        Email.objects.filter(conversation_tracking_id=left).update(conversation_tracking_id=joined, modified_on=now)
        answer.correlated_activity_id = ancestor_id
        for email in emails.values():
            if _conversation(email) == left:
                email.conversation_tracking_id = joined
                _take_regarding(email, ancestor)
        events.append(_joined(answer, ancestor_id, now))
    insert_many(events)


def _conversation(email: Email) -> UUID:
    return email.conversation_tracking_id or email.pk


def _inherit_regarding(conversation: UUID, ancestor: Email) -> None:
    """What regards nothing yet regards what the ancestor does, unless a person wanted it so (9.5)."""
    if not ancestor.regarding_id:
        return
    blank = Email.objects.filter(conversation_tracking_id=conversation, regarding_id="")
    ids = [pk for pk, edited in blank.values_list("pk", "edited_fields") if "regarding" not in edited]
    for first in range(0, len(ids), CHUNK):
        Email.objects.filter(pk__in=ids[first : first + CHUNK]).update(
            regarding_type=ancestor.regarding_type_id,
            regarding_id=ancestor.regarding_id,
            regarding_name=ancestor.regarding_name,
        )


def _take_regarding(email: Email, ancestor: Email) -> None:
    if not email.regarding_id and ancestor.regarding_id:
        email.regarding_type_id = ancestor.regarding_type_id
        email.regarding_id, email.regarding_name = ancestor.regarding_id, ancestor.regarding_name


def _joined(answer: Email, ancestor_id: UUID, now: datetime) -> DomainEvent:
    return email_event(answer, EventKind.EMAIL_CHANGED, now, joined=str(ancestor_id))
