"""Who is behind the addresses of a batch: one select on the address index and on what people have said (5.12, 5.13)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import F, Value

from mailboxes.addresses import OTHERS, AddressSource, sources_by_type
from mailboxes.models import AddressEntry, AddressResolution
from profiles.connectors.mime import Envelope
from tracking.decide.verdicts import Match

CHUNK = 10_000
_COLUMNS = ("address", "record_type_id", "record_id", "name", "owner_id", "is_active", "created_on", "is_chosen")


def addresses_in(envelopes: Iterable[Envelope]) -> set[str]:
    """Every sender's and recipient's address, lower case."""
    found: set[str] = set()
    for envelope in envelopes:
        if envelope.sender:
            found.add(envelope.sender.key)
        for people in (envelope.to, envelope.cc, envelope.bcc):
            found.update(person.key for person in people)
    return found


def matches_of(addresses: Iterable[str]) -> dict[str, tuple[Match, ...]]:
    """The records with these addresses, and those that a person has said an address stands for (5.13)."""
    sources = sources_by_type()
    found: dict[str, list[Match]] = defaultdict(list)
    chosen: dict[str, tuple[int, str]] = {}
    for address, type_id, record_id, name, owner_id, is_active, created_on, is_chosen in _entries(addresses):
        if is_chosen:
            chosen[address] = (type_id, record_id)
            continue
        source = sources.get(type_id)
        found[address].append(
            Match(
                type_id=type_id,
                record_id=record_id,
                kind=source.kind if source else "",
                rank=source.rank if source else OTHERS,
                name=name,
                owner_id=owner_id,
                is_active=is_active,
                since=created_on.timestamp() if created_on else 0.0,
            )
        )
    _add_chosen(found, chosen, sources)
    return {address: tuple(matches) for address, matches in found.items()}


def _entries(addresses: Iterable[str]) -> Iterator[tuple[Any, ...]]:
    """One select on both tables for a usual batch; databases bound how many values one may name."""
    wanted = sorted(set(addresses))
    for first in range(0, len(wanted), CHUNK):
        some = wanted[first : first + CHUNK]
        listed = AddressEntry.objects.filter(address__in=some).annotate(is_chosen=Value(False))
        chosen = AddressResolution.objects.filter(address__in=some).annotate(
            owner_id=Value(""), is_active=Value(True), created_on=F("chosen_on"), is_chosen=Value(True)
        )
        yield from listed.values_list(*_COLUMNS).union(chosen.order_by().values_list(*_COLUMNS), all=True)


def _add_chosen(
    found: dict[str, list[Match]], chosen: Mapping[str, tuple[int, str]], sources: Mapping[int, AddressSource]
) -> None:
    """What a person has said. The index knows most of those records; the others, which have no such address of their
    own, take one select for each kind of record. What was deleted or is of no known kind says nothing."""
    records = {address: _listed(found.get(address, ()), record) for address, record in chosen.items()}
    unknown = {chosen[address] for address, match in records.items() if match is None}
    live = _live(unknown, sources) if unknown else {}
    for address, listed in records.items():
        match = listed or live.get(chosen[address])
        if match is not None:
            found[address].append(replace(match, is_chosen=True))


def _listed(matches: Iterable[Match], record: tuple[int, str]) -> Match | None:
    return next((match for match in matches if match.record == record), None)


def _live(keys: Collection[tuple[int, str]], sources: Mapping[int, AddressSource]) -> dict[tuple[int, str], Match]:
    found: dict[tuple[int, str], Match] = {}
    for type_id in {type_id for type_id, _ in keys} & sources.keys():
        source = sources[type_id]
        model: Any = ContentType.objects.get_for_id(type_id).model_class()
        for record in model._default_manager.filter(pk__in=[pk for kind, pk in keys if kind == type_id]):
            owner, since = source.owner(record), getattr(record, "created_on", None)
            found[type_id, str(record.pk)] = Match(
                type_id=type_id,
                record_id=str(record.pk),
                kind=source.kind,
                rank=source.rank,
                name=str(record)[:200],
                owner_id="" if owner is None else str(owner),
                is_active=source.is_active(record),
                since=since.timestamp() if since else 0.0,
            )
    return found
