"""ACKNOWLEDGE: what the server is told about decided items, from rows, after the commit (5.22–5.24)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from mailboxes.models import Mailbox
from mailboxes.policy import Policy
from profiles.connectors.base import ItemRejected, MailSource
from profiles.statements import update_many
from tracking.decide.forwarding import FOLDER
from tracking.keep.discover import mark_gone
from tracking.models import Acknowledgement, Placement

BATCH = 50
UNDELIVERABLE = "Undeliverable"
"""The folder of a mailbox for mail that could not be tracked (2.10, 5.22)."""


def next_acknowledgements(mailbox: Mailbox, after: int, policy: Policy, now: datetime) -> list[Placement]:
    """Placements the server has to be told about by now, in order of their ids beyond `after`.

    5.24: what is to be deleted stays for the hours of the policy; with more of them than lie between two backups, a
    restored database still finds it there. What came through a forward mailbox is not on this mailbox's server.
    """
    waiting = Placement.objects.filter(mailbox=mailbox, acknowledge__gt=0, gone_on__isnull=True, pk__gt=after)
    waiting = waiting.exclude(folder__startswith=FOLDER)
    if policy.deletion_grace_hours:
        lately = now - timedelta(hours=policy.deletion_grace_hours)
        waiting = waiting.exclude(acknowledge=Acknowledgement.DELETE, ledger_row__decided_on__gt=lately)
    return list(waiting.order_by("pk")[:BATCH])


def acknowledge_batch(
    placements: Sequence[Placement], source: MailSource, policy: Policy, now: datetime, pin: Callable[[], None]
) -> None:
    """Do it on the server, then write that it is done. Doing it twice after a crash changes nothing."""
    by_kind: dict[int, list[Placement]] = defaultdict(list)
    for one in placements:
        by_kind[one.acknowledge].append(one)
    to_delete = by_kind[Acknowledgement.DELETE]
    if to_delete:
        source.delete(_keys(to_delete))
    moved = _move(by_kind, source)
    changed: dict[str, str] = {}
    for told, act in _categories(source, policy).items():
        if by_kind[told]:
            changed |= act(_keys(by_kind[told]))
    with transaction.atomic():
        pin()
        mark_gone(placements[0].mailbox_id, [*to_delete, *moved], now)
        gone = {one.pk for one in (*to_delete, *moved)}
        rest = [one for one in placements if one.pk not in gone]
        for one in rest:
            _note(one, changed.get(one.server_key))
        update_many(rest, ["change_key", "is_tagged"])
        for kind in {one.acknowledge for one in rest}:  # unless somebody has decided anew in the meantime
            done = Placement.objects.filter(pk__in=[one.pk for one in rest], acknowledge=kind)
            done.update(acknowledge=Acknowledgement.NONE)


def _keys(placements: Sequence[Placement]) -> list[str]:
    return [one.server_key for one in placements]


def _categories(source: MailSource, policy: Policy) -> dict[Acknowledgement, Callable[[Sequence[str]], dict[str, str]]]:
    """What is done about categories. A message bears at most one of ours: it was tracked, or it could not be."""
    tracked, undeliverable = policy.tracked_category, policy.undeliverable_category
    return {
        Acknowledgement.CATEGORIZE: lambda keys: source.categorize(keys, tracked, instead_of=undeliverable),
        Acknowledgement.UNCATEGORIZE: lambda keys: (
            source.uncategorize(keys, tracked) | source.uncategorize(keys, undeliverable)
        ),
        Acknowledgement.CATEGORIZE_UNDELIVERABLE: lambda keys: source.categorize(keys, undeliverable),
    }


def _move(by_kind: dict[int, list[Placement]], source: MailSource) -> list[Placement]:
    """5.22: those that lie in the folder of what could not be tracked now, under keys that nobody reads. A mailbox that
    lets us create no such folder gets the category instead. What could not be moved stays where it is."""
    to_move = by_kind[Acknowledgement.MOVE_UNDELIVERABLE]
    if not to_move:
        return []
    try:
        moved = source.move(_keys(to_move), UNDELIVERABLE)
    except ItemRejected:
        by_kind[Acknowledgement.CATEGORIZE_UNDELIVERABLE] += to_move
        return []
    return [one for one in to_move if one.server_key in moved]


def _note(placement: Placement, change_key: str | None) -> None:
    """It was told. What was gone, or could not be changed, is not in the answer: it bears what it bore before."""
    if change_key is None:
        return
    placement.change_key = change_key[:200]
    if placement.acknowledge in (Acknowledgement.CATEGORIZE, Acknowledgement.UNCATEGORIZE):
        placement.is_tagged = placement.acknowledge == Acknowledgement.CATEGORIZE
