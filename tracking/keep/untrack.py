"""Untracking: a person takes mail out of tracking, one message, a conversation or everything since a time (law 12).

For each mailbox: the ledger row is ignored by a person's word, a tombstone keeps it so, the category goes. The email
itself is deleted when nobody else's mailbox holds it; its bytes become orphans that the sweep removes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q, QuerySet

from mailboxes.asking import ask_to_receive
from mailboxes.models import Mailbox, QueueItem
from tracking.crm.models import DomainEvent, Email
from tracking.crm.models.events import EventKind
from tracking.decide.verdicts import Reason
from tracking.facts.removable import removable, written_here
from tracking.keep.tombstones import bury, remembered
from tracking.keep.totals import COLUMN, move_totals
from tracking.models import Acknowledgement, AwaitedAncestor, Explicit, LedgerRow, LedgerState, Placement

CHUNK = 50  # messages taken out in one transaction


@dataclass(frozen=True, slots=True)
class Untracked:
    """How many messages were taken out of mailboxes, and how many emails were deleted with that."""

    messages: int = 0
    deleted: int = 0

    def __add__(self, other: Untracked) -> Untracked:
        return Untracked(self.messages + other.messages, self.deleted + other.deleted)


def untrack(rows: QuerySet[LedgerRow], by: Any, now: datetime, most: int | None = None) -> Untracked:
    """Take these rows out of tracking, `most` of them if given, a chunk in a transaction. `by` is a user, or the name of
    who gave the command. Rows that may not be taken out stay as they are (`facts.removable`)."""
    ids = list(removable(rows).order_by("pk").values_list("pk", flat=True)[:most])
    done = Untracked()
    for first in range(0, len(ids), CHUNK):
        with transaction.atomic():
            done += _take_out(ids[first : first + CHUNK], by, now)
    return done


def untrack_what_was_removed(now: datetime) -> Untracked:
    """A restored backup: the files beside it know what was removed since it was made. Call it before any work goes on."""
    done = Untracked()
    for batch in remembered():
        keys: dict[UUID, list[str]] = defaultdict(list)
        for one in batch:
            keys[one.mailbox_id].append(one.content_key)
        for mailbox_id, some in keys.items():
            rows = LedgerRow.objects.filter(mailbox=mailbox_id, content_key__in=some)
            done += untrack(rows, "what was removed before the backup was restored", now)
    return done


def _take_out(ids: Sequence[int], by: Any, now: datetime) -> Untracked:
    named = LedgerRow.objects.filter(pk__in=ids, email__isnull=False)
    emails = {pk for pk in named.values_list("email_id", flat=True) if pk is not None}
    # Whoever joins another mailbox to one of these emails now waits for us, and then finds it gone, or we see that row.
    held = list(Email.objects.filter(pk__in=emails).select_for_update(of=("self",)).order_by("pk").values_list("pk"))
    rows = list(removable(named).filter(email__in=[pk for (pk,) in held]).order_by("pk"))
    rows = [row for row in rows if _ignore(row, by, now)]
    if not rows:
        return Untracked()
    _count(rows)
    bury(rows, None if isinstance(by, str) else by, now)
    touched = [row.pk for row in rows]
    AwaitedAncestor.objects.filter(ledger_row__in=touched).delete()
    _take_the_category_away(touched)
    deleted = _let_go(rows, now)
    ask_to_receive({row.mailbox_id for row in rows}, now)
    return Untracked(len(rows), deleted)


def _ignore(row: LedgerRow, by: Any, now: datetime) -> bool:
    """Unless somebody was faster."""
    unchanged = LedgerRow.objects.filter(pk=row.pk, state=row.state, email=row.email_id)
    return bool(
        unchanged.update(
            state=LedgerState.IGNORED,
            reason=Reason.IGNORED_BY_A_PERSON,
            evidence={"untracked_by": by if isinstance(by, str) else by.get_username()},
            email=None,
            explicit=Explicit.NO,
            explicit_by=None,
            decided_on=now,
        )
    )


def _count(rows: Iterable[LedgerRow]) -> None:
    moved: dict[UUID, Counter[str]] = defaultdict(Counter)
    for row in rows:
        moved[row.mailbox_id].update({COLUMN[LedgerState(row.state)]: -1})
        moved[row.mailbox_id].update(ignored=1)
    for mailbox_id in sorted(moved):  # the same order everywhere, so that nobody waits in a circle
        move_totals(mailbox_id, moved[mailbox_id])


def _take_the_category_away(row_ids: Collection[int]) -> None:
    """Where the server shows it, or where it is about to be set (5.23)."""
    bears = Q(is_tagged=True) | Q(acknowledge=Acknowledgement.CATEGORIZE)
    placements = Placement.objects.filter(ledger_row__in=row_ids, gone_on__isnull=True)
    placements.filter(bears).exclude(acknowledge=Acknowledgement.DELETE).update(
        acknowledge=Acknowledgement.UNCATEGORIZE
    )


def _let_go(rows: Sequence[LedgerRow], now: datetime) -> int:
    """Delete the emails that nobody else holds; take the link of these mailboxes from the others. Returns how many were
    deleted."""
    leaving: dict[UUID, list[UUID]] = defaultdict(list)
    for row in rows:
        if row.email_id is not None:
            leaving[row.email_id].append(row.mailbox_id)
    others = LedgerRow.objects.filter(email__in=leaving).order_by("-pk")  # the first who held it counts, in the end
    holders: dict[UUID | None, UUID] = dict(others.values_list("email_id", "mailbox_id"))
    written = set(Email.objects.filter(written_here(""), pk__in=leaving).values_list("pk", flat=True))
    gone: list[UUID] = []
    for email in Email.objects.filter(pk__in=leaving).only("pk", "direction_code", "sender_mailbox_id"):
        is_anothers = email.direction_code and email.sender_mailbox_id not in leaving[email.pk]
        if email.pk not in holders and email.pk not in written and not is_anothers:
            gone.append(email.pk)
        else:
            _unlink(email.pk, leaving[email.pk], holders.get(email.pk))
    _tell(leaving, set(gone), now)
    _items(gone).delete()
    Email.objects.filter(pk__in=gone).delete()
    return len(gone)


def _unlink(email_id: UUID, mailbox_ids: Collection[UUID], holder_id: UUID | None) -> None:
    """Others keep the email: it is theirs from now on, and no queue that let go of it works on it."""
    left = Mailbox.objects.filter(pk__in=mailbox_ids)
    queues = left.filter(regarding_queue__isnull=False).values("regarding_queue")
    _items([email_id]).filter(queue__in=queues).delete()
    kept = Email.objects.filter(pk=email_id)
    holder = None if holder_id is None else Mailbox.objects.filter(pk=holder_id).first()
    people = left.filter(regarding_user__isnull=False).values("regarding_user")
    kept.filter(receiving_mailbox__in=mailbox_ids).update(receiving_mailbox=holder)
    kept.filter(owner__in=left.filter(owner__isnull=False).values("owner")).update(owner=holder and holder.owner_id)
    kept.filter(accepting_user__in=people).update(accepting_user=None)
    kept.filter(accepting_queue__in=queues).update(accepting_queue=None)


def _items(email_ids: Iterable[UUID]) -> QuerySet[QueueItem]:
    kind = ContentType.objects.get_for_model(Email)
    return QueueItem.objects.filter(object_type=kind, object_id__in=[str(pk) for pk in email_ids])


def _tell(leaving: dict[UUID, list[UUID]], gone: Collection[UUID], now: datetime) -> None:
    DomainEvent.objects.bulk_create(
        DomainEvent(
            kind=EventKind.EMAIL_UNTRACKED,
            happened_on=now,
            subject_id=str(email_id),
            mailbox_id=mailbox_id,
            facts={"deleted": email_id in gone},
        )
        for email_id, mailbox_ids in leaving.items()
        for mailbox_id in mailbox_ids
    )
