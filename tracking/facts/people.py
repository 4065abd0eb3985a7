"""Who is behind the addresses of a batch: one select on the address index (5.12)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mailboxes.addresses import OTHERS, sources_by_type
from mailboxes.models import AddressEntry
from profiles.connectors.mime import Envelope
from tracking.decide.verdicts import Match

CHUNK = 10_000
_COLUMNS = ("address", "record_type_id", "record_id", "name", "owner_id", "is_active", "created_on")


def addresses_in(envelopes: Iterable[Envelope]) -> set[str]:
    """Every sender's and recipient's address, lower case."""
    found: set[str] = set()
    for envelope in envelopes:
        if envelope.sender:
            found.add(envelope.sender.key)
        for people in (envelope.to, envelope.cc, envelope.bcc):
            found.update(person.key for person in people)
    return found


def _entries(addresses: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """One select for a usual batch; databases bound how many values one may name."""
    for first in range(0, len(addresses), CHUNK):
        entries = AddressEntry.objects.filter(address__in=addresses[first : first + CHUNK])
        yield from entries.values_list(*_COLUMNS)


def matches_of(addresses: Iterable[str]) -> dict[str, tuple[Match, ...]]:
    """The records with these addresses."""
    sources = sources_by_type()
    found: dict[str, list[Match]] = defaultdict(list)
    for address, type_id, record_id, name, owner_id, is_active, created_on in _entries(sorted(set(addresses))):
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
    return {address: tuple(matches) for address, matches in found.items()}
