"""ACKNOWLEDGE: what the server is told about decided items, from rows, after the commit (5.23, 5.24)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from mailboxes.models import Mailbox
from mailboxes.policy import Policy
from profiles.connectors.base import MailSource
from tracking.keep.bulk import update_many
from tracking.models import Acknowledgement, Placement

BATCH = 50


def next_acknowledgements(mailbox: Mailbox, after: int, policy: Policy, now: datetime) -> list[Placement]:
    """Placements the server has to be told about by now, in order of their ids beyond `after`.

    5.24: what is to be deleted stays for the hours of the policy; with more of them than lie between two backups, a
    restored database still finds it there.
    """
    waiting = Placement.objects.filter(mailbox=mailbox, acknowledge__gt=0, gone_on__isnull=True, pk__gt=after)
    if policy.deletion_grace_hours:
        lately = now - timedelta(hours=policy.deletion_grace_hours)
        waiting = waiting.exclude(acknowledge=Acknowledgement.DELETE, ledger_row__decided_on__gt=lately)
    return list(waiting.order_by("pk")[:BATCH])


def acknowledge_batch(
    placements: Sequence[Placement], source: MailSource, policy: Policy, now: datetime, pin: Callable[[], None]
) -> None:
    """Do it on the server, then write that it is done. Doing it twice after a crash changes nothing."""
    to_delete = [one for one in placements if one.acknowledge == Acknowledgement.DELETE]
    to_mark = [one for one in placements if one.acknowledge == Acknowledgement.CATEGORIZE]
    if to_delete:
        source.delete([one.server_key for one in to_delete])
    marked = source.categorize([one.server_key for one in to_mark], policy.tracked_category) if to_mark else {}
    with transaction.atomic():
        pin()
        Placement.objects.filter(pk__in=[one.pk for one in to_delete]).update(
            acknowledge=Acknowledgement.NONE, gone_on=now
        )
        for one in to_mark:
            one.acknowledge, one.change_key = Acknowledgement.NONE, marked.get(one.server_key, one.change_key)[:200]
        update_many(to_mark, ["acknowledge", "change_key"])
