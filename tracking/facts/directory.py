"""Whom a person may write to by name: colleagues, queues, and the records with an address that they may see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q

from mailboxes.models import Mailbox
from mailboxes.ownership import queues_open_to
from profiles.connectors.mime import Address
from profiles.models import StateCode
from tracking.crm.models import Case
from tracking.crm.sending_rights import primary_address
from tracking.facts.records import kinds_for, parties_of_mail, record_for, search, subjects_of_mail

MOST = 12
_WORDS = 5
_Person = User | AnonymousUser


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody to write to: name and address, what kind of record it is, and what to know before writing."""

    name: str
    address: str
    kind: str
    note: str = ""

    @property
    def as_address(self) -> Address:
        return Address(self.name, self.address)


@dataclass(frozen=True, slots=True)
class Found:
    """A record that an email may be about. `key` is its kind and id."""

    key: str
    name: str
    kind: str

    @property
    def label(self) -> str:
        return f"{self.name} ({self.kind})"


def people_like(user: _Person, words: str) -> list[Entry]:
    """Colleagues and queues, which everybody who is signed in may write to, and records that this person may see, whose
    name or address contains all these words; those whose name begins so first. At most twelve."""
    if user.pk is None or not words.split():
        return []
    found: dict[str, Entry] = {}
    for entry in [*_colleagues(user, words), *_records(user, words)]:
        found.setdefault(entry.address.lower(), entry)
    start = words.strip().casefold()
    ranked = sorted(found.values(), key=lambda one: (not one.name.casefold().startswith(start), one.name.casefold()))
    return ranked[:MOST]


def _colleagues(user: _Person, words: str) -> Iterator[Entry]:
    """The mailboxes of active users, and of queues that this person may route work to."""
    wanted = Q(regarding_user__is_active=True) | Q(regarding_queue__in=queues_open_to(user))
    mailboxes = Mailbox.objects.filter(wanted, state_code=StateCode.ACTIVE).exclude(email_address="")
    for word in words.split()[:_WORDS]:
        mailboxes = mailboxes.filter(Q(name__icontains=word) | Q(email_address__icontains=word))
    for one in mailboxes.order_by("name")[:MOST]:
        yield Entry(one.name, one.email_address, "Queue" if one.regarding_queue_id else "Colleague")


def _records(user: _Person, words: str) -> Iterator[Entry]:
    for kind in kinds_for(user, parties_of_mail):
        for record in search(user, str(kind.type_id), words, parties_of_mail):
            if address := primary_address(record):
                yield Entry(str(record), address, kind.label, _note(record))


def _note(record: Model) -> str:
    return "does not want email" if getattr(record, "do_not_email", False) else ""


def named(user: _Person, words: str) -> list[Entry]:
    """Who may be meant by a name: the one entry that bears it exactly, else all that are like it."""
    found = people_like(user, words)
    exact = [one for one in found if one.name.casefold() == words.strip().casefold()]
    return exact if len(exact) == 1 else found


def records_like(user: _Person, words: str, model: str = "") -> list[Found]:
    """Records that an email may be about, as far as this person may see them; of one model by its name, or of all. At
    most twelve."""
    kinds = kinds_for(user) if words.split() else []
    if model:
        kinds = [kind for kind in kinds if ContentType.objects.get_for_id(kind.type_id).model == model]
    found = [
        Found(f"{kind.type_id}:{record.pk}", str(record), kind.label)
        for kind in kinds
        for record in search(user, str(kind.type_id), words)
    ]
    start = words.strip().casefold()
    return sorted(found, key=lambda one: (not one.name.casefold().startswith(start), one.name.casefold()))[:MOST]


def record_of(user: _Person, key: str) -> Model | None:
    """The record with this key, if the person may see it."""
    kind, _, record_id = key.partition(":")
    return record_for(user, kind, record_id, subjects_of_mail)


def label_of(record: Model) -> str:
    """A record with its kind, as lists name it."""
    return f"{record} ({str(record._meta.verbose_name).capitalize()})"


def address_to_write_to(record: Model) -> str:
    """The address of a record, of a case that of its customer; "" if there is none."""
    customer = record.customer_account if isinstance(record, Case) else record
    return primary_address(customer) if customer is not None else ""


def key_of(record: Model) -> str:
    """The key by which forms name a record."""
    return f"{ContentType.objects.get_for_model(record).pk}:{record.pk}"
