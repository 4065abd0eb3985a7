"""Which records have e-mail addresses, and the index that finds them (5.12).

A model that wants to be found by address says so once: `register(Contact, ["email_address_1"], rank=1)`. Saving one such
record re-indexes it; who writes many at once calls `reindex(records)`; a nightly check repairs the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction

from mailboxes.models import AddressEntry, AddressResolution

OTHERS = 9


@dataclass(frozen=True, slots=True)
class AddressSource:
    """How one model's addresses are read. `rank` is its place in the order of 5.12 b, lowest first."""

    columns: tuple[str, ...]
    rank: int
    kind: str
    is_active: Callable[[Any], bool]
    owner: Callable[[Any], object]


_sources: dict[type[models.Model], AddressSource] = {}


def register(
    model: type[models.Model],
    columns: Sequence[str],
    *,
    rank: int = OTHERS,
    kind: str = "",
    is_active: Callable[[Any], bool] = lambda record: True,
    owner: Callable[[Any], object] = lambda record: getattr(record, "owner_id", None),
) -> None:
    """Let records of `model` be found by the addresses in `columns` (the first column is number 1)."""
    _sources[model] = AddressSource(tuple(columns), rank, kind or model._meta.model_name or "", is_active, owner)


def unregister(model: type[models.Model]) -> None:
    """Take a model out again (for code that registers one only for a while)."""
    _sources.pop(model, None)


def sources() -> dict[type[models.Model], AddressSource]:
    """The registered models, in no particular order."""
    return dict(_sources)


def sources_by_type() -> dict[int, AddressSource]:
    """The sources by content type id, for reading the index."""
    return {ContentType.objects.get_for_model(model).pk: source for model, source in _sources.items()}


def reindex(records: Iterable[models.Model]) -> None:
    """Make the index say what these records say now. Records of models that are not registered are passed over."""
    known = sorted((record for record in records if type(record) in _sources), key=lambda record: id(type(record)))
    with transaction.atomic():
        for model, group in groupby(known, key=type):
            _reindex_one_model(model, list(group))


def _reindex_one_model(model: type[models.Model], records: Sequence[models.Model]) -> None:
    record_type = ContentType.objects.get_for_model(model)
    ids = [str(record.pk) for record in records]
    AddressEntry.objects.filter(record_type=record_type, record_id__in=ids).delete()
    source = _sources[model]
    AddressEntry.objects.bulk_create(
        [entry for record in records for entry in _entries(record, record_type, source)], batch_size=500
    )


def _entries(record: models.Model, record_type: ContentType, source: AddressSource) -> list[AddressEntry]:
    owner = source.owner(record)
    return [
        AddressEntry(
            address=str(getattr(record, column)).strip().lower(),
            record_type=record_type,
            record_id=str(record.pk),
            column_number=number,
            name=str(record)[:200],
            owner_id="" if owner is None else str(owner),
            is_active=source.is_active(record),
            created_on=getattr(record, "created_on", None) or getattr(record, "date_joined", None),
        )
        for number, column in enumerate(source.columns, start=1)
        if getattr(record, column)
    ]


def repair(records: Sequence[models.Model]) -> int:
    """Reindex those of these records (of one model) whose index entries are not what they should be; returns how many."""
    if not records:
        return 0
    model = type(records[0])
    record_type = ContentType.objects.get_for_model(model)
    stored: dict[str, set[tuple[int, str, str, bool]]] = {}
    ids = [str(record.pk) for record in records]
    for entry in AddressEntry.objects.filter(record_type=record_type, record_id__in=ids):
        stored.setdefault(entry.record_id, set()).add(_essence(entry))
    wrong = [
        record
        for record in records
        if stored.get(str(record.pk), set())
        != {_essence(entry) for entry in _entries(record, record_type, _sources[model])}
    ]
    reindex(wrong)
    return len(wrong)


def _essence(entry: AddressEntry) -> tuple[int, str, str, bool]:
    return (entry.column_number, entry.address, entry.owner_id, entry.is_active)


def forget(record: models.Model) -> None:
    """Take one record out of the index, and what people have said about it: an address no longer stands for it."""
    if type(record) in _sources:
        record_type = ContentType.objects.get_for_model(type(record))
        for model in (AddressEntry, AddressResolution):
            model._default_manager.filter(record_type=record_type, record_id=str(record.pk)).delete()
