"""Contacts that may be the one that comes in from a server (10.1 f, 10.6)."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet

from mailboxes.models import AddressEntry
from profiles.act_items import Fields
from tracking.crm.models import Contact
from tracking.decide.matching import Person
from tracking.facts.act.kinds import Syncing
from tracking.facts.act.values import contact_values
from tracking.models import ExchangeSyncIdMapping

MOST = 100


def people_like(fields: Fields, syncing: Syncing) -> list[Person]:
    """Those who share an address or a name with these fields, are the user's own or nobody's, and have no item yet."""
    emails = [str(fields[key]).strip().lower() for key in ("email_1", "email_2", "email_3") if fields.get(key)]
    asked = Q(pk__in=[])
    if emails:
        kind = ContentType.objects.get_for_model(Contact)
        ids = AddressEntry.objects.filter(address__in=emails, record_type=kind).values_list("record_id", flat=True)
        asked |= Q(pk__in=list(ids[:MOST]))
    for column, value in (("full_name", fields.get("full_name")), ("last_name", fields.get("last_name"))):
        if value:
            asked |= Q(**{f"{column}__iexact": value})
    rows = _without_item(_open_to(syncing).filter(asked).order_by("created_on", "pk")[:MOST], syncing)
    return [Person.of(str(one.pk), contact_values(one, syncing)) for one in rows]


def contact_with(key: str, syncing: Syncing) -> Contact | None:
    """The contact with this key, if it may still be linked."""
    with suppress(ValueError):
        return next(iter(_without_item(_open_to(syncing).filter(pk=UUID(key)), syncing)), None)
    return None


def _open_to(syncing: Syncing) -> QuerySet[Contact]:
    """Those that may be told to the user."""
    return Contact.objects.filter(Q(owner_id=syncing.user_id) | Q(owner=None)).select_related("parent_customer")


def _without_item(found: Iterable[Contact], syncing: Syncing) -> list[Contact]:
    """What has an item in the mailbox is not another item as well."""
    people = list(found)
    rows = ExchangeSyncIdMapping.objects.filter(
        mailbox=syncing.mailbox,
        object_type=ContentType.objects.get_for_model(Contact),
        object_id__in=[str(one.pk) for one in people],
        is_deleted_in_exchange=False,
    )
    taken = set(rows.exclude(exchange_entry_id="").values_list("object_id", flat=True))
    return [one for one in people if str(one.pk) not in taken]
