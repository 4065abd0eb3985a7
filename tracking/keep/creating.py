"""Records made of unknown senders, in the transaction that keeps their mail (5.15)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models.functions import Lower

from mailboxes.addresses import reindex
from mailboxes.models import AutoCreate, Mailbox
from mailboxes.policy import Policy
from profiles.connectors.mime import Address
from tracking.crm.models import Contact, DomainEvent, Lead, Participation
from tracking.crm.models.events import EventKind
from tracking.decide.newcomers import Newcomer, name_of
from tracking.decide.parties import choose_sender
from tracking.decide.verdicts import Match
from tracking.facts.people import matches_of
from tracking.keep.emails import KeptEmail

Made = dict[str, tuple[int, str]]
_MODELS: Mapping[int, type[Contact] | type[Lead]] = {AutoCreate.CONTACT: Contact, AutoCreate.LEAD: Lead}


def create_senders(kept: Sequence[KeptEmail], policy: Policy, now: datetime) -> list[DomainEvent]:
    """Make one record of each unknown sender of these emails and let the emails refer to it. Called before they are
    inserted, within their transaction. Nothing is asked of the database where there is nobody to make a record of."""
    wanted = [(one, one.newcomer) for one in kept if one.newcomer is not None]
    newcomers = {newcomer.address: newcomer for _, newcomer in reversed(wanted)}  # the first mail of each counts
    if not newcomers:
        return []
    _take_turns(sorted(newcomers))
    known = matches_of(newcomers)  # another worker may have made the record a moment ago
    made = _create(_strangers(newcomers, known))
    for one, newcomer in wanted:
        _point(one, newcomer, made, known, policy)
    first = {newcomer.address: one for one, newcomer in reversed(wanted)}
    return [_event(first[address], newcomers[address], record, now) for address, record in made.items()]


def create_record(kind: int, person: Address, owner: Any, now: datetime) -> Contact | Lead:
    """The record that somebody makes of a participant of an email; it is theirs. Saving it indexes the address."""
    record = _MODELS[kind](full_name=name_of(person), email_address_1=person.key, owner=owner)
    record.save()
    facts = {"kind": record._meta.model_name, "owner": str(owner.pk)}
    DomainEvent.objects.create(kind=EventKind.RECORD_CREATED, happened_on=now, subject_id=str(record.pk), facts=facts)
    return record


def _take_turns(addresses: Sequence[str]) -> None:
    """One worker at a time for each address until the commit, always in the same order: of two who meet the same stranger
    the second finds the first's record. SQLite has one writer anyway."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for address in addresses:
            digest = hashlib.blake2b(f"newcomer {address}".encode(), digest_size=8).digest()
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(digest, "big", signed=True)])


def _strangers(newcomers: Mapping[str, Newcomer], known: Collection[str]) -> list[Newcomer]:
    """Those who have no record still, who write from no mailbox of ours, and whose record somebody would own."""
    ours = Mailbox.objects.annotate(lowered=Lower("email_address")).filter(lowered__in=list(newcomers))
    taken = {*known, *ours.values_list("lowered", flat=True)}
    there = {str(pk) for pk in _users(newcomers.values())}
    return [one for address, one in sorted(newcomers.items()) if address not in taken and one.owner_id in there]


def _users(newcomers: Collection[Newcomer]) -> Any:
    wanted = {one.owner_id for one in newcomers}
    return get_user_model().objects.filter(pk__in=wanted, is_active=True).values_list("pk", flat=True)


def _create(strangers: Sequence[Newcomer]) -> Made:
    made: Made = {}
    for kind, model in _MODELS.items():
        some = [one for one in strangers if one.kind == kind]
        records: list[Any] = [
            model(full_name=one.name, email_address_1=one.address, owner_id=one.owner_id) for one in some
        ]
        model._default_manager.bulk_create(records)
        reindex(records)
        type_id = ContentType.objects.get_for_model(model).pk
        made.update({record.email_address_1: (type_id, str(record.pk)) for record in records})
    return made


def _point(
    kept: KeptEmail, newcomer: Newcomer, made: Made, known: Mapping[str, Sequence[Match]], policy: Policy
) -> None:
    """The email says who its sender is."""
    record = made.get(newcomer.address)
    if record is None:
        sender = choose_sender(known.get(newcomer.address, ()), newcomer.owner_id, policy)
        kept.email.is_duplicate_sender_unresolved = sender.is_open
        record = sender.match.record if sender.match else None
    if record is None:
        return
    kept.email.email_sender_type_id, kept.email.email_sender_id = record
    for party in kept.parties:
        if party.participation_type_mask == Participation.SENDER:
            party.party_type_id, party.party_id = record


def _event(kept: KeptEmail, newcomer: Newcomer, record: tuple[int, str], now: datetime) -> DomainEvent:
    type_id, record_id = record
    kind = ContentType.objects.get_for_id(type_id).model
    return DomainEvent(
        kind=EventKind.RECORD_CREATED,
        happened_on=now,
        subject_id=record_id,
        mailbox_id=kept.email.receiving_mailbox_id,
        facts={"kind": kind, "email": str(kept.email.pk), "owner": newcomer.owner_id},
    )
