"""DISCOVER: a pending ledger row and a placement per item shown, and the cursor, in one transaction (laws 1, 2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction

from mailboxes.policy import Policy
from profiles.items import Page, Shown
from profiles.statements import insert_many
from tracking.facts.forwarding import carried_with
from tracking.keep.totals import move_totals
from tracking.keep.wishes import Wishes, is_asked_for, read_tags
from tracking.models import Explicit, LedgerRow, LedgerState, Placement, SyncCursor

CHUNK = 500  # rows named in one statement


@dataclass(frozen=True, slots=True)
class Discovered:
    """What one page brought: new placements, items too old to row, placements that vanished, categories put on or taken
    away by somebody."""

    new: int = 0
    older: int = 0
    gone: int = 0
    wishes: Wishes = field(default_factory=Wishes)


def record_page(
    cursor: SyncCursor,
    mailbox_id: UUID,
    page: Page,
    start: datetime | None,
    policy: Policy,
    now: datetime,
    pin: Callable[[], None],
    folder_rule: UUID | None = None,
) -> Discovered:
    """Write down what a page shows together with the cursor that covers it. `pin` raises when the lease has moved.

    `folder_rule` is the rule of a tracked folder: what lies in it is asked for, whatever its age (9.3)."""
    with transaction.atomic():
        pin()
        # 5.23: of older mail only what has changed can matter, because somebody may have tagged it.
        watched = [item for item in page.shown if item.changed or not _is_older(item, start)]
        known = _known(mailbox_id, cursor.folder, page, watched)
        unknown = [item for item in watched if item.key not in known]
        fresh = [item for item in unknown if not _is_older(item, start) or is_asked_for(item, policy)]
        _add(mailbox_id, cursor.folder, fresh, policy, now, folder_rule)
        revived = _revive(mailbox_id, [p for p in known.values() if p.gone_on and _is_shown(p, page)])
        gone = mark_gone(mailbox_id, _vanished(known, page), now)
        wishes = read_tags(mailbox_id, page.shown, known, policy, now)
        older = len(page.shown) - len(watched) + len(unknown) - len(fresh)
        cursor.value, cursor.moved_on = page.cursor, now
        cursor.older += older
        cursor.save()
    return Discovered(len(fresh) + revived, older, gone, wishes)


def _is_older(item: Shown, start: datetime | None) -> bool:
    return start is not None and item.received_on is not None and item.received_on < start


def _known(mailbox_id: UUID, folder: str, page: Page, watched: Sequence[Shown]) -> dict[str, Placement]:
    """The placements this page is about; all of the folder when the page claims to be complete."""
    placements = Placement.objects.filter(mailbox_id=mailbox_id, folder=folder).only(
        "id", "server_key", "gone_on", "ledger_row_id", "is_tagged", "acknowledge"
    )
    if not page.complete:
        placements = placements.filter(server_key__in=[*(item.key for item in watched), *page.gone])
    return {placement.server_key: placement for placement in placements}


def _is_shown(placement: Placement, page: Page) -> bool:
    return placement.server_key in {item.key for item in page.shown}


def _vanished(known: dict[str, Placement], page: Page) -> list[Placement]:
    if not page.complete:
        return [known[key] for key in page.gone if key in known and known[key].gone_on is None]
    shown = {item.key for item in page.shown}
    return [placement for key, placement in known.items() if key not in shown and placement.gone_on is None]


def _add(
    mailbox_id: UUID, folder: str, items: Sequence[Shown], policy: Policy, now: datetime, folder_rule: UUID | None
) -> None:
    rows = LedgerRow.objects.bulk_create(
        [
            LedgerRow(
                mailbox_id=mailbox_id,
                size=item.size,
                received_on=item.received_on,
                discovered_on=now,
                explicit=_asked_by(item, policy, folder_rule),
                tracking_folder_id=folder_rule,
            )
            for item in items
        ],
        batch_size=500,
    )
    insert_many(
        [
            Placement(
                mailbox_id=mailbox_id,
                folder=folder,
                server_key=item.key,
                change_key=item.change_key,
                ledger_row_id=row.pk,
                shown_on=now,
                is_tagged=bool(item.bears(policy.tracked_category)),
            )
            for item, row in zip(items, rows, strict=True)
        ]
    )
    move_totals(mailbox_id, Counter(shown=len(items), pending=len(items)))


def _asked_by(item: Shown, policy: Policy, folder_rule: UUID | None) -> Explicit:
    """Who asks for an item (5.6). In a tracked folder the folder does: our own category comes along when mail is moved."""
    if folder_rule is not None:
        return Explicit.FOLDER
    return Explicit.CATEGORY if is_asked_for(item, policy) else Explicit.NO


def _revive(mailbox_id: UUID, placements: Collection[Placement]) -> int:
    """Items that were gone are shown again: judged now if they never were."""
    if not placements:
        return 0
    Placement.objects.filter(pk__in=[placement.pk for placement in placements]).update(gone_on=None)
    rows = LedgerRow.objects.filter(
        pk__in=[placement.ledger_row_id for placement in placements], state=LedgerState.GONE
    ).update(state=LedgerState.PENDING)
    move_totals(mailbox_id, Counter(gone=-rows, pending=rows))
    for carried_for, carried in carried_with(placements).items():
        _revive(carried_for, [one for one in carried if one.gone_on])
    return rows


def mark_gone(mailbox_id: UUID, placements: Iterable[Placement], now: datetime) -> int:
    """The server no longer shows these. A message never judged, and nowhere else, is gone; a verdict stays as it is, also
    that of a message which was to be judged once more. What a forwarded message carried goes with it (8.2)."""
    placements = list(placements)
    for first in range(0, len(placements), CHUNK):
        chunk = placements[first : first + CHUNK]
        _mark_chunk_gone(mailbox_id, chunk, now)
        for carried_for, carried in carried_with(chunk).items():
            mark_gone(carried_for, [one for one in carried if one.gone_on is None], now)
    return len(placements)


def _mark_chunk_gone(mailbox_id: UUID, placements: list[Placement], now: datetime) -> None:
    Placement.objects.filter(pk__in=[placement.pk for placement in placements]).update(gone_on=now, acknowledge=0)
    rows = LedgerRow.objects.filter(
        pk__in=[placement.ledger_row_id for placement in placements], state=LedgerState.PENDING, raw__isnull=True
    ).exclude(placements__gone_on__isnull=True)
    vanished = LedgerRow.objects.filter(pk__in=list(rows.values_list("pk", flat=True)), state=LedgerState.PENDING)
    judged = vanished.filter(decided_on__isnull=False, reason__isnull=False).update(state=LedgerState.IGNORED)
    count = vanished.update(state=LedgerState.GONE, decided_on=now)
    move_totals(mailbox_id, Counter(pending=-count - judged, gone=count, ignored=judged))


def sweep(cursor: SyncCursor, mailbox_id: UUID, listed: Collection[str], now: datetime, pin: Callable[[], None]) -> int:
    """After a lost cursor was rebuilt: what a complete listing does not hold is gone (law 9). Ends the rebuilding."""
    with transaction.atomic():
        pin()
        live = Placement.objects.filter(mailbox_id=mailbox_id, folder=cursor.folder, gone_on__isnull=True).only(
            "id", "server_key", "ledger_row_id"
        )
        count = mark_gone(mailbox_id, [placement for placement in live if placement.server_key not in listed], now)
        cursor.sweep_from = None
        cursor.save(update_fields=["sweep_from"])
    return count


def forget_cursor(cursor: SyncCursor, now: datetime, pin: Callable[[], None]) -> None:
    """The server no longer knows our cursor: start from the beginning and sweep afterwards. Ledger rows stay."""
    with transaction.atomic():
        pin()
        cursor.value, cursor.older, cursor.sweep_from, cursor.moved_on = "", 0, now, now
        cursor.save()
