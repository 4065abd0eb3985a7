"""What of the recycle bin has to be restored, and what lives on as it is (law 9)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from tracking.facts.act.appointments import organizes
from tracking.facts.act.kinds import Syncing
from tracking.facts.act.pairs import Meetable
from tracking.facts.act.reading import records_of
from tracking.models import ExchangeSyncIdMapping, RecycledItem


def living_on(items: Collection[RecycledItem], now: datetime) -> set[UUID]:
    """Those whose record is here and has an item, in the same mailbox or in that of who calls the meeting now: restored,
    it would be there twice. The same few selects, however many there are."""
    keys = {one.object_id for one in items if one.object_id}
    rows = ExchangeSyncIdMapping.objects.filter(
        object_id__in=keys, is_unlinked_in_crm=False, is_deleted_in_exchange=False, agreed_on__isnull=False
    )
    live = list(rows.exclude(exchange_entry_id="").select_related("mailbox"))
    records = records_of(live)
    found: set[UUID] = set()
    for row in live:
        record = records.get(row.object_id)
        calls = isinstance(record, Meetable) and organizes(record, Syncing(row.mailbox, row.owner_id, "UTC", now))
        found |= {
            one.pk
            for one in items
            if (one.object_type_id, one.object_id) == (row.object_type_id, row.object_id)
            and record is not None
            and (calls or one.mailbox_id == row.mailbox_id)
        }
    return found
