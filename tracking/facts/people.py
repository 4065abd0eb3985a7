"""Who is behind the addresses of a batch: one select on the address index (5.12)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from mailboxes.addresses import OTHERS, sources_by_type
from mailboxes.models import AddressEntry, Mailbox
from profiles.connectors.mime import Envelope
from tracking.decide.verdicts import Candidate, Filter, Match

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


def matches_of(addresses: Iterable[str]) -> dict[str, tuple[Match, ...]]:
    """The records with these addresses."""
    sources = sources_by_type()
    found: dict[str, list[Match]] = defaultdict(list)
    entries = AddressEntry.objects.filter(address__in=set(addresses))
    for address, type_id, record_id, name, owner_id, is_active, created_on in entries.values_list(*_COLUMNS):
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


def candidates_of(mailbox: Mailbox) -> tuple[Candidate, ...]:
    """Who may accept what arrives in this mailbox: its user or its queue, with their filter (5.4)."""
    address = mailbox.email_address.lower()
    if mailbox.regarding_user is not None:
        user = mailbox.regarding_user
        chosen = user.sync_settings.incoming_email_filtering_method
        return (Candidate("systemuser", str(user.pk), mailbox.name, address, Filter(chosen)),)
    if mailbox.regarding_queue is not None:
        queue = mailbox.regarding_queue
        return (Candidate("queue", str(queue.pk), queue.name, address, Filter(queue.incoming_email_filtering_method)),)
    return ()
