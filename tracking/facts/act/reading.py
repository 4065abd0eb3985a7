"""Our records, whatever their kind, as canonical values; and those that a mapping or a filter names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from mailboxes.policy import Policy
from profiles.act_items import ItemKind, Value
from tracking.decide.field_maps import RecordKind, directions
from tracking.decide.filters import Asking, Together
from tracking.decide.merge import Direction
from tracking.facts.act.filters import filters_of, wanted
from tracking.facts.act.kinds import MODELS, Record, Syncing, content_type_of, kind_of, kind_of_type, record_kinds
from tracking.facts.act.values import contact_values, task_values
from tracking.models import ExchangeSyncIdMapping, SyncAttributeMapping

VALUES: Mapping[RecordKind, Callable[[Any, Syncing], dict[str, Value]]] = {
    RecordKind.TASK: task_values,
    RecordKind.PHONE_CALL: task_values,
    RecordKind.LETTER: task_values,
    RecordKind.FAX: task_values,
    RecordKind.CONTACT: contact_values,
}
OVERLAP = timedelta(minutes=10)
"""A transaction may commit so long after it has set `modified_on`."""


def values_of(record: Record, syncing: Syncing) -> dict[str, Value]:
    """The canonical values of one record."""
    return VALUES[kind_of(record)](record, syncing)


def records_of(rows: Iterable[ExchangeSyncIdMapping]) -> dict[str, Record]:
    """The records of these mappings by the key that the mappings have of them; those that are gone are not there."""
    ids: dict[RecordKind, list[str]] = defaultdict(list)
    for row in rows:
        kind = kind_of_type(row.object_type_id)
        if kind is not None and row.object_id:
            ids[kind].append(row.object_id)
    found: dict[str, Record] = {}
    for kind, keys in ids.items():
        found.update((str(one.pk), one) for one in _whole(kind).filter(pk__in=keys))
    return found


def _whole(kind: RecordKind) -> QuerySet[Any]:
    records: QuerySet[Any] = MODELS[kind]._default_manager.all()
    return records.select_related("parent_customer") if kind is RecordKind.CONTACT else records


def filters_for(kind: ItemKind, syncing: Syncing) -> dict[RecordKind, list[Together]]:
    """The user's filters for all records that are items of this kind."""
    return {one: filters_of(syncing.user_id, one) for one in record_kinds(kind)}


def wanted_since(kind: RecordKind, filters: list[Together], syncing: Syncing, since: datetime | None) -> QuerySet[Any]:
    """The records that a filter lets through, and that were changed since; all of them without a time."""
    found = wanted(kind, filters, Asking(str(syncing.user_id), syncing.now))
    return found if since is None else found.filter(modified_on__gte=since - OVERLAP)


def mapped_and_changed(
    kind: RecordKind, syncing: Syncing, since: datetime
) -> list[tuple[ExchangeSyncIdMapping, datetime]]:
    """The mappings of this mailbox whose record was changed since, with the time of its last change."""
    changed = MODELS[kind]._default_manager.filter(modified_on__gte=since - OVERLAP).values_list("pk", "modified_on")
    times = {str(pk): modified_on for pk, modified_on in changed}
    rows = ExchangeSyncIdMapping.objects.filter(
        mailbox=syncing.mailbox, object_type=content_type_of(kind), object_id__in=list(times)
    )
    return [(row, times[row.object_id]) for row in rows]


def chosen_directions(kind: RecordKind, policy: Policy) -> dict[str, Direction]:
    """Which way each field goes, with what the organization has chosen (10.8)."""
    rows = SyncAttributeMapping.objects.filter(record_kind=kind).values_list("field", "sync_direction")
    return directions(kind, dict(rows), policy)
