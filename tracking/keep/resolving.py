"""Who somebody is, by the word of a person: one address of an email, and like addresses elsewhere (5.13)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model, QuerySet
from django.db.models.functions import Lower

from mailboxes.models import AddressResolution
from mailboxes.policy import Policy
from profiles.statements import insert_many
from tracking.crm.models import ActivityParty, DomainEvent, Email, Participation
from tracking.crm.models.events import EventKind

CHUNK = 500  # rows written at once
Record = tuple[ContentType, str]


def resolve_address(email: Email, address: str, record: Model, by: Any, now: datetime, policy: Policy) -> int:
    """This address of this email is this record. With the setting, so it is wherever it is still open, and later mail
    finds the record by it first. Returns on how many other activities it was set."""
    key = address.strip().lower()
    kind = ContentType.objects.get_for_model(record)
    who: Record = (kind, str(record.pk))
    with transaction.atomic():
        _set_here(email, key, who, by, now)
        if not policy.apply_manual_resolution_to_like_addresses:
            return 0
        told = {"record_type": kind, "record_id": str(record.pk), "name": str(record)[:200]}
        AddressResolution.objects.update_or_create(
            address=key[:320], defaults={**told, "chosen_by": by, "chosen_on": now}
        )
        return _set_elsewhere(key, who, by, now)


def _set_here(email: Email, key: str, who: Record, by: Any, now: datetime) -> None:
    """Also where several records had been taken for it: one of them stays in each role (5.13)."""
    email_type = ContentType.objects.get_for_model(Email)
    parties = ActivityParty.objects.filter(activity_type=email_type, activity_id=email.pk, address_used__iexact=key)
    first: dict[int, int] = {}
    for pk, role in parties.order_by("pk").values_list("pk", "participation_type_mask"):
        first.setdefault(role, pk)
    parties.exclude(pk__in=first.values()).delete()
    parties.update(party_type=who[0], party_id=who[1])
    if Participation.SENDER in first:
        _set_senders([email.pk], who, now)
    edited = Email.objects.select_for_update().values_list("edited_fields", flat=True).get(pk=email.pk)
    Email.objects.filter(pk=email.pk).update(edited_fields=sorted({*edited, "parties"}), modified_on=now)
    insert_many([_event(email.pk, who, by, now)])


def nobody_yet(address: str) -> QuerySet[ActivityParty]:
    """Wherever this address, in small letters, takes part and is no record yet; by an index of its own."""
    return ActivityParty.objects.annotate(small=Lower("address_used")).filter(small=address, party_id="")


def _set_elsewhere(key: str, who: Record, by: Any, now: datetime) -> int:
    """Wherever the address is nobody yet, in chunks; the activities are counted, not the roles."""
    email_type = ContentType.objects.get_for_model(Email)
    nobody = nobody_yet(key)
    found = list(nobody.values_list("pk", "activity_type_id", "activity_id", "participation_type_mask"))
    for first in range(0, len(found), CHUNK):
        some = found[first : first + CHUNK]
        ActivityParty.objects.filter(pk__in=[pk for pk, *_ in some]).update(party_type=who[0], party_id=who[1])
        emails = [(one, role) for _, type_id, one, role in some if type_id == email_type.pk]
        _set_senders([one for one, role in emails if role == Participation.SENDER], who, now)
        insert_many([_event(one, who, by, now) for one in _once(one for one, _ in emails)])
    return len({(type_id, one) for _, type_id, one, _ in found})


def _set_senders(email_ids: Sequence[UUID], who: Record, now: datetime) -> None:
    if email_ids:
        Email.objects.filter(pk__in=email_ids).update(
            email_sender_type=who[0], email_sender_id=who[1], is_duplicate_sender_unresolved=False, modified_on=now
        )


def _once(ids: Iterable[UUID]) -> list[UUID]:
    return list(dict.fromkeys(ids))


def _event(email_id: UUID, who: Record, by: Any, now: datetime) -> DomainEvent:
    facts = {"changed": ["parties"], "by": None if by is None else str(by.pk), "party": who[1], "kind": who[0].model}
    return DomainEvent(kind=EventKind.EMAIL_CHANGED, happened_on=now, subject_id=str(email_id), facts=facts)
