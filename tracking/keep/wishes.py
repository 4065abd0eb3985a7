"""What people say about mail that was decided already: track it all the same, or no longer (5.6, 5.23).

Both are said where the mail lies: by putting the category on a message, or by taking it away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mailboxes.alarms import raise_alert
from mailboxes.models import Mailbox, TraceLevel
from mailboxes.policy import Policy
from profiles.items import Shown
from tracking.decide.verdicts import Reason
from tracking.keep.quarantine import close_if_empty
from tracking.keep.tombstones import lift
from tracking.keep.totals import COLUMN, move_totals
from tracking.models import Acknowledgement, Explicit, LedgerRow, LedgerState, Placement

MOST_AT_ONCE = 50
"""Messages that one page may take out of tracking. More than a person does by hand is an accident, such as a category
that was renamed; then nothing is taken out, and somebody is told (law 9)."""

_REMOVED = (Reason.CATEGORY_REMOVED, Reason.IGNORED_BY_A_PERSON, Reason.REMOVED_BEFORE)
"""Whoever tags such mail changes their mind; a listing that merely shows the tag says nothing new (law 12)."""
_OURS = (Acknowledgement.CATEGORIZE, Acknowledgement.UNCATEGORIZE)
"""While we are about to set the category or to take it away, one that appears may be ours: a crash may have come between
the server and the row that says so."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the categories of one page asked for: to track, to stop tracking; and what was not believed (law 9)."""

    asked: int = 0
    untracked: int = 0
    held_back: int = 0


def is_asked_for(item: Shown, policy: Policy) -> bool:
    """Whether an item bears the category that asks to track it (5.23)."""
    return policy.track_categorized_items and bool(item.bears(policy.tracked_category))


def read_tags(
    mailbox_id: UUID, shown: Iterable[Shown], known: dict[str, Placement], policy: Policy, now: datetime
) -> Wishes:
    """Compare the categories of known items with those they bore when last seen; call it inside the transaction of the
    page. What a page does not tell changes nothing, nor does our own category coming back.

    Of an item that is listed, not changed, as after a lost cursor, nobody has just taken the category away.
    """
    appeared: list[tuple[Shown, Placement]] = []
    vanished: list[tuple[Shown, Placement]] = []
    for item in shown:
        placement, tagged = known.get(item.key), item.bears(policy.tracked_category)
        if placement is not None and tagged is not None and tagged != placement.is_tagged:
            (appeared if tagged else vanished).append((item, placement))
    _note(appeared, True)
    _note(vanished, False)
    if not policy.track_categorized_items:
        return Wishes()
    asked = _asked([(item, placement) for item, placement in appeared if placement.acknowledge not in _OURS])
    lift(
        LedgerRow.objects.filter(pk__in=asked).exclude(state=LedgerState.TRACKED)
    )  # law 12: a person changed their mind
    taken_back = [placement for item, placement in vanished if item.changed]
    untracked, held_back = _untrack(mailbox_id, taken_back, policy, now)
    return Wishes(ask_for(mailbox_id, asked, Explicit.CATEGORY, now), untracked, held_back)


def _note(seen: Sequence[tuple[Shown, Placement]], tagged: bool) -> None:
    if seen:
        Placement.objects.filter(pk__in=[placement.pk for _, placement in seen]).update(is_tagged=tagged)


def _asked(appeared: Sequence[tuple[Shown, Placement]]) -> list[int]:
    rows = {placement.ledger_row_id: item.changed for item, placement in appeared}
    only_listed = [row_id for row_id, changed in rows.items() if not changed]
    removed = LedgerRow.objects.filter(pk__in=only_listed, state=LedgerState.IGNORED, reason__in=_REMOVED)
    return sorted(rows.keys() - set(removed.values_list("pk", flat=True))) if only_listed else sorted(rows)


def ask_for(
    mailbox_id: UUID, row_ids: Collection[int], explicit: Explicit, now: datetime, folder_rule: UUID | None = None
) -> int:
    """Judge these rows of a mailbox again, as somebody asked for them; what is tracked stays as it is. Call it inside a
    transaction. Returns how many are judged again.

    `folder_rule` is the rule of the folder in which they lie now. What was taken out of tracking stays out all the same,
    until somebody asks for the message itself (9.3, law 12)."""
    if not row_ids:
        return 0
    rows = LedgerRow.objects.filter(pk__in=row_ids)
    if explicit == Explicit.FOLDER:
        rows = rows.exclude(state=LedgerState.IGNORED, reason__in=_REMOVED)
    wish = {"explicit": explicit} | ({} if folder_rule is None else {"tracking_folder": folder_rule})
    rows.filter(state=LedgerState.PENDING).update(**wish)
    moved: Counter[str] = Counter()
    for state in (LedgerState.IGNORED, LedgerState.QUARANTINED):
        moved[COLUMN[state]] = -rows.filter(state=state).update(
            state=LedgerState.PENDING,
            **wish,
            attempts=0,
            retry_on=None,
            error="",
            reason=None,
            evidence={},
            decided_on=None,
        )
    again = -moved.total()
    if again:
        moved["pending"] = again
        move_totals(mailbox_id, moved)
        # What was to be said about the earlier verdict is not said any more.
        Placement.objects.filter(ledger_row__in=row_ids).update(acknowledge=Acknowledgement.NONE)
    if moved[COLUMN[LedgerState.QUARANTINED]]:
        close_if_empty([mailbox_id], now)
    return again


def _untrack(mailbox_id: UUID, placements: Sequence[Placement], policy: Policy, now: datetime) -> tuple[int, int]:
    """5.23: the link is removed, the email stays. A message of which another copy still bears the category stays
    tracked. Returns how many were taken out, and how many were not because they were too many."""
    if not placements:
        return 0, 0
    row_ids = {placement.ledger_row_id for placement in placements}
    tagged = Placement.objects.filter(ledger_row__in=row_ids, is_tagged=True, gone_on__isnull=True)
    row_ids -= set(tagged.values_list("ledger_row_id", flat=True))
    rows = LedgerRow.objects.filter(pk__in=row_ids, state=LedgerState.TRACKED)
    if len(row_ids) > MOST_AT_ONCE and (many := rows.count()) > MOST_AT_ONCE:
        _warn(mailbox_id, many, policy, now)
        return 0, many
    untracked = rows.update(
        state=LedgerState.IGNORED,
        reason=Reason.CATEGORY_REMOVED,
        evidence={},
        explicit=Explicit.NO,
        decided_on=now,
    )
    if untracked:
        move_totals(mailbox_id, Counter(tracked=-untracked, ignored=untracked))
        Placement.objects.filter(ledger_row__in=row_ids).update(acknowledge=Acknowledgement.NONE)
    return untracked, 0


def _warn(mailbox_id: UUID, many: int, policy: Policy, now: datetime) -> None:
    mailbox = Mailbox.objects.get(pk=mailbox_id)
    text = f"{many} messages of {mailbox.email_address} lost the category “{policy.tracked_category}” at once."
    raise_alert(
        mailbox,
        TraceLevel.WARNING,
        "category lost by many",
        f"{text} That is more than a person does by hand, so they stay tracked.",
        now,
        remedy="If the category was renamed in Outlook, enter its new name in the settings of the organization. "
        "Messages that really are not to be tracked can be taken out one by one, or at most "
        f"{MOST_AT_ONCE} at once: give them the category again, let it be synchronized, and take it away.",
        always=True,
    )
