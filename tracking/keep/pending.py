"""Which items wait to be settled, oldest first, in batches that fit in memory; and what becomes of one that fails (law 5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from mailboxes.models import Mailbox
from mailboxes.policy import Policy
from tracking.crm.models import DomainEvent
from tracking.crm.models.events import EventKind
from tracking.crm.storage import store
from tracking.keep import quarantine
from tracking.keep.discover import mark_gone
from tracking.keep.totals import move_totals
from tracking.models import Acknowledgement, LedgerRow, LedgerState, LedgerTotal, Placement

BATCH_ITEMS = 50
BATCH_BYTES = 16 * 1024 * 1024
RETRY_AFTER = timedelta(minutes=5)  # 5.22: each cycle


@dataclass(frozen=True, slots=True)
class Waiting:
    """One pending ledger row and where the server shows it."""

    row: LedgerRow
    placement: Placement


def anything_waits(mailbox: Mailbox) -> bool:
    """Whether the ledger counts anything as pending, due or not. Looks at the totals only, so that an idle poll touches
    no ledger row."""
    return LedgerTotal.objects.filter(pk=mailbox.pk, pending__gt=0).exists()


def next_batch(
    mailbox: Mailbox,
    folder: str | Collection[str],
    now: datetime,
    *,
    most: int = BATCH_ITEMS,
    newest_first: bool = False,
) -> list[Waiting]:
    """The oldest items that are due, or the newest: at most 50, at most 16 MB unless a single one is larger. One select.

    What the server still shows, and what was put in quarantine with its bytes, whether it is still shown or not.
    """
    here = Placement.objects.filter(folder__in=[folder] if isinstance(folder, str) else list(folder))
    sign = "-" if newest_first else ""
    rows = _waiting_rows(mailbox, here, now).order_by(f"{sign}received_on", f"{sign}id")[: min(most, BATCH_ITEMS)]
    at_hand = Q(gone_on__isnull=True) | Q(ledger_row__raw__isnull=False)
    placements = here.filter(at_hand, ledger_row__in=rows.values("pk")).select_related("ledger_row")
    batch: dict[int, Waiting] = {}
    total = 0
    for placement in placements.order_by(f"{sign}ledger_row__received_on", f"{sign}ledger_row_id", f"{sign}id"):
        row = placement.ledger_row
        if row.pk in batch:
            continue
        if batch and total + row.size > BATCH_BYTES:
            break
        batch[row.pk] = Waiting(row, placement)
        total += row.size
    return list(batch.values())


def _waiting_rows(mailbox: Mailbox, here: QuerySet[Placement], now: datetime) -> QuerySet[LedgerRow]:
    """The pending rows that are due and have one of these placements.

    The index of what is pending leads to the rows, and they to their placements. SQLite, left to choose, begins with the
    placements: it then reads a whole folder for each batch.
    """
    placed = here.filter(ledger_row=OuterRef("pk"))
    at_hand = Exists(placed.filter(gone_on__isnull=True)) | Q(Exists(placed), raw__isnull=False)
    due = Q(retry_on__isnull=True) | Q(retry_on__lte=now)
    return LedgerRow.objects.filter(due, at_hand, mailbox=mailbox, state=LedgerState.PENDING)


def is_last_attempt(waiting: Waiting, policy: Policy) -> bool:
    """Whether the item is put in quarantine if it fails now (5.22)."""
    return waiting.row.attempts + 1 >= policy.item_attempts


def note_failure(
    waiting: Waiting,
    error: str,
    raw: bytes | None,
    policy: Policy,
    now: datetime,
    pin: Callable[[], None],
    then: Acknowledgement = Acknowledgement.NONE,
    *,
    at_once: bool = False,
) -> LedgerState:
    """One item failed. It is tried again later, and after the last attempt put in quarantine with its bytes (5.22);
    `at_once` if no further attempt would help (8.4).

    `then` is what its owner sees of that on the server. Nothing is moved away of which the bytes are not here: it could
    not be read again.
    """
    row = waiting.row
    last = at_once or is_last_attempt(waiting, policy)
    blob = store(raw, now) if last and raw is not None else None
    with transaction.atomic():
        pin()
        row.state = LedgerState.PENDING  # a verdict that could not be written is none
        row.attempts += 1
        row.error = error[:2048]
        row.retry_on = None if last else now + RETRY_AFTER
        if last:
            row.state, row.decided_on = LedgerState.QUARANTINED, now
            if blob is not None:
                blob.save(force_insert=False)
                row.raw = blob
            move_totals(row.mailbox_id, Counter(pending=-1, quarantined=1))
            if then == Acknowledgement.MOVE_UNDELIVERABLE and row.raw is None:
                then = Acknowledgement.CATEGORIZE_UNDELIVERABLE
            Placement.objects.filter(ledger_row=row, gone_on__isnull=True).update(acknowledge=then)
            quarantine.tell(waiting.placement.mailbox, error, now)
            DomainEvent.objects.create(
                kind=EventKind.MESSAGE_QUARANTINED,
                happened_on=now,
                subject_id=str(row.pk),
                mailbox_id=row.mailbox_id,
                facts={"error": error[:500]},
            )
        row.save(update_fields=["attempts", "error", "retry_on", "state", "decided_on", "raw"])
    return LedgerState(row.state)


def note_vanished(waiting: Sequence[Waiting], now: datetime, pin: Callable[[], None]) -> None:
    """Shown, but no longer there when it was to be fetched: the placement is gone, and with the last one the row."""
    if waiting:
        with transaction.atomic():
            pin()
            mark_gone(waiting[0].row.mailbox_id, [one.placement for one in waiting], now)
