"""Our records, whatever their kind, as canonical values; and those that a mapping or a filter names."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from mailboxes.policy import Policy
from profiles.act_items import Fields, ItemKind, Value
from tracking.crm.models import RecurringAppointmentMaster
from tracking.decide.act_values import fingerprint
from tracking.decide.field_maps import RecordKind, directions
from tracking.decide.filters import Asking, Together
from tracking.decide.merge import Direction
from tracking.decide.occurrences import exceptions_to_json
from tracking.facts.act.appointments import appointment_values, changes_of_exceptions, exceptions_of
from tracking.facts.act.filters import filters_of, wanted
from tracking.facts.act.keys import changed_since, with_mapping
from tracking.facts.act.kinds import MODELS, Record, Syncing, content_type_of, kind_of, kind_of_type, record_kinds
from tracking.facts.act.service_activities import service_values
from tracking.facts.act.values import contact_values, task_values
from tracking.models import ExchangeSyncIdMapping, SyncAttributeMapping

VALUES: Mapping[RecordKind, Callable[[Any, Syncing], dict[str, Value]]] = {
    RecordKind.TASK: task_values,
    RecordKind.PHONE_CALL: task_values,
    RecordKind.LETTER: task_values,
    RecordKind.FAX: task_values,
    RecordKind.CONTACT: contact_values,
    RecordKind.APPOINTMENT: appointment_values,
    RecordKind.SERIES: appointment_values,
    RecordKind.SERVICE: service_values,
}
AT_ONCE = 500
OVERLAP = timedelta(minutes=10)
"""A transaction may commit so long after it has set `modified_on`."""


def values_of(record: Record, syncing: Syncing) -> dict[str, Value]:
    """The canonical values of one record."""
    return VALUES[kind_of(record)](record, syncing)


def version_of(record: Record, values: Fields) -> str:
    """A short text that differs where anything of a record does that is synchronized, exceptions included."""
    if not isinstance(record, RecurringAppointmentMaster):
        # What has no files is the same version whether or not files are synchronized.
        return fingerprint({name: value for name, value in values.items() if name != "attachments" or value})
    exceptions = exceptions_of(record)
    return fingerprint({**values, "exceptions": json.dumps(exceptions_to_json(exceptions, exceptions), sort_keys=True)})


def changed_on(record: Record) -> datetime:
    """When a record was changed last; a series changes with its exceptions."""
    if not isinstance(record, RecurringAppointmentMaster):
        return record.modified_on
    return max([record.modified_on, *(one.modified_on for one in record.exceptions.all())])


def records_of(rows: Iterable[ExchangeSyncIdMapping]) -> dict[str, Record]:
    """The records of these mappings by the key that the mappings have of them; those that are gone are not there."""
    ids: dict[RecordKind, list[str]] = defaultdict(list)
    for row in rows:
        kind = kind_of_type(row.object_type_id)
        if kind is not None and row.object_id:
            ids[kind].append(row.object_id)
    found: dict[str, Record] = {}
    for kind, keys in ids.items():
        for batch in batched(keys):
            found.update((str(one.pk), one) for one in _whole(kind).filter(pk__in=batch))
    return found


def _whole(kind: RecordKind) -> QuerySet[Any]:
    records: QuerySet[Any] = MODELS[kind]._default_manager.all()
    if kind is RecordKind.CONTACT:
        return records.select_related("parent_customer")
    if kind is RecordKind.APPOINTMENT:
        return records.prefetch_related("parties", "attachments")
    if kind is RecordKind.SERVICE:
        return records.prefetch_related("parties")
    return records.prefetch_related("parties", "exceptions__parties") if kind is RecordKind.SERIES else records


def filters_for(kind: ItemKind, syncing: Syncing) -> dict[RecordKind, list[Together]]:
    """The user's filters for all records that are items of this kind."""
    return {one: filters_of(syncing.user_id, one) for one in record_kinds(kind)}


def wanted_since(kind: RecordKind, filters: list[Together], syncing: Syncing, since: datetime | None) -> QuerySet[Any]:
    """The records that a filter lets through, and that were changed since; all of them without a time."""
    found = wanted(kind, filters, Asking(str(syncing.user_id), syncing.now))
    return found if since is None else found.filter(changed_since(since - OVERLAP))


def mapped_and_changed(
    kind: RecordKind, syncing: Syncing, since: datetime
) -> list[tuple[ExchangeSyncIdMapping, datetime]]:
    """The mappings of this mailbox whose record was changed since, with the time of its last change. Where nothing has
    changed, however much others have, nothing of theirs is loaded."""
    changed = MODELS[kind]._default_manager.filter(changed_since(since - OVERLAP))
    times = {
        str(pk): modified_on
        for pk, modified_on in with_mapping(changed, "pk", kind, syncing).order_by().values_list("pk", "modified_on")
    }
    if kind is RecordKind.SERIES:  # which changes with its exceptions
        for key, modified_on in changes_of_exceptions(since - OVERLAP, syncing).items():
            times[key] = max(modified_on, times.get(key, modified_on))
    found: list[tuple[ExchangeSyncIdMapping, datetime]] = []
    for keys in batched(times):
        rows = ExchangeSyncIdMapping.objects.filter(
            mailbox=syncing.mailbox, object_type=content_type_of(kind), object_id__in=keys
        )
        found += [(row, times[row.object_id]) for row in rows.exclude(object_id="")]
    return found


def batched(keys: Iterable[str]) -> Iterator[list[str]]:
    """So many keys as one statement takes."""
    left = iter(keys)
    while batch := list(islice(left, AT_ONCE)):
        yield batch


def chosen_directions(kind: RecordKind, policy: Policy) -> dict[str, Direction]:
    """Which way each field goes, with what the organization has chosen (10.8)."""
    rows = SyncAttributeMapping.objects.filter(record_kind=kind).values_list("field", "sync_direction")
    return directions(kind, dict(rows), policy)
