"""Tombstones: what was removed stays removed, whatever shows it again, until a person wants it (law 12).

Beside each row lies a file, so that a restored backup, in which the row is missing, obeys as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from mailboxes.models import Mailbox
from tracking.crm import removed
from tracking.crm.removed import Removal
from tracking.models import Explicit, LedgerRow, LedgerState, Tombstone

CHUNK = 500  # rows named in one statement


def bury(rows: Collection[LedgerRow], by: Any, now: datetime) -> None:
    """Note that these messages were removed; call it inside the transaction that removes them.

    The files last before the commit. Should the transaction fail, they stay: somebody wanted the messages away.
    """
    keys = [(row.mailbox_id, row.content_key) for row in rows if row.content_key is not None]
    removed.write_down(Removal(mailbox_id, key, now) for mailbox_id, key in keys)
    Tombstone.objects.bulk_create(
        [
            Tombstone(mailbox_id=mailbox_id, content_key=key, removed_on=now, removed_by=by)
            for mailbox_id, key in sorted(keys)
        ],
        ignore_conflicts=True,
    )


def lift(rows: QuerySet[LedgerRow]) -> int:
    """A person wants these messages tracked after all; call it inside the transaction that lets them be judged again.
    Returns how many had been removed."""
    lifted = 0
    by_mailbox: dict[UUID, list[str]] = defaultdict(list)
    known = rows.filter(content_key__isnull=False).order_by().values_list("mailbox_id", "content_key")
    for mailbox_id, key in known:
        by_mailbox[mailbox_id].append(str(key))
    for mailbox_id, keys in by_mailbox.items():
        for first in range(0, len(keys), CHUNK):
            stones = Tombstone.objects.filter(mailbox=mailbox_id, content_key__in=keys[first : first + CHUNK])
            messages = list(stones.values_list("mailbox_id", "content_key"))
            if messages:
                stones.delete()
                transaction.on_commit(lambda messages=messages: removed.strike_out(messages))  # type: ignore[misc]
                lifted += len(messages)
    return lifted


def remembered() -> Iterator[tuple[Removal, ...]]:
    """What the files know of the mailboxes that exist here, in batches; each gets its row back. For a restored backup.

    What a person asked for after its removal is left as it is.
    """
    mailboxes = set(Mailbox.objects.values_list("pk", flat=True))
    found = (one for one in removed.written_down() if one.mailbox_id in mailboxes)
    while batch := tuple(islice(found, CHUNK)):
        batch = tuple(one for one in batch if not _wanted_since(one))
        Tombstone.objects.bulk_create(
            [
                Tombstone(mailbox_id=one.mailbox_id, content_key=one.content_key, removed_on=one.removed_on)
                for one in batch
            ],
            ignore_conflicts=True,
        )
        yield batch


def _wanted_since(one: Removal) -> bool:
    rows = LedgerRow.objects.filter(mailbox=one.mailbox_id, content_key=one.content_key)
    tracked = rows.filter(state=LedgerState.TRACKED, decided_on__gt=one.removed_on)
    return tracked.filter(explicit__in=[Explicit.PERSON, Explicit.CATEGORY]).exists()
