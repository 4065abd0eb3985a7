"""What a configuration file may say: its tables and their keys. Keys are the names of the columns they set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from django.contrib.auth import get_user_model
from django.db import models

from mailboxes.models import Leg, Mailbox, Queue, UserSettings
from profiles.models import EmailServerProfile
from profiles.secrets import SealedField
from tracking.crm.models import Account, Case, Contact, Lead
from tracking.models import MailboxTrackingFolder

Field: TypeAlias = "models.Field[Any, Any]"
ENABLED: Mapping[str, Leg] = {
    "enabled_for_incoming_email": Leg.INCOMING,
    "enabled_for_outgoing_email": Leg.OUTGOING,
    "enabled_for_act": Leg.ACT,
}
RECORDS: Mapping[str, tuple[type[models.Model], str]] = {
    "account": (Account, "name"),
    "contact": (Contact, "full_name"),
    "lead": (Lead, "full_name"),
    "case": (Case, "title"),
}
"""What a folder may belong to, and the column by which it is named."""

USE_SSL = frozenset({"incoming_use_ssl", "outgoing_use_ssl"})
"""`IncomingUseSSL`, `OutgoingUseSSL`: keys of the original, on or off only; `configure.profiles` reads them."""

_USER_KEYS = ("username", "email", "first_name", "last_name", "is_active", "is_staff", "is_superuser")
SETTINGS_KEYS = ("incoming_email_filtering_method", "auto_create_contact_on_promote", "time_zone")
"""What an entry of a user sets in their UserSettings."""
_FOLDER_KEYS = ("exchange_folder_id", "exchange_folder_name", "folder_path", "includes_subfolders")
_OF_A_MAILBOX_ITSELF = ("is_forward_mailbox", "regarding_user", "regarding_queue")


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of entry. `identity` is the column that tells whether a row is there already.

    `fields` are keys of the row itself, `mailbox` and `legs` those of the mailbox that belongs to it, `further` the
    keys with a meaning of their own.
    """

    name: str
    model: type[models.Model]
    identity: str
    fields: Mapping[str, Field]
    mailbox: Mapping[str, Field] = field(default_factory=dict)
    legs: Mapping[str, Leg] = field(default_factory=dict)
    further: frozenset[str] = frozenset()
    identity_else: str = ""  # the key that tells it where the identity is not given

    def keys(self) -> list[str]:
        """Every key an entry may have, for telling somebody who wrote another."""
        nested = ["mailbox"] if self.mailbox else []
        return [*self.fields, *nested, *self.mailbox, *self.legs, *self.further]


def tables() -> list[Table]:
    """Every list of entries, in the order in which they are applied: what is referred to comes first."""
    mailbox = editable(Mailbox, leave_out=(*_OF_A_MAILBOX_ITSELF, "email_address"))
    user = get_user_model()
    return [
        Table("profiles", EmailServerProfile, "name", editable(EmailServerProfile), further=USE_SSL),
        Table("users", user, "username", _user_fields(user), mailbox, ENABLED, frozenset({"password"})),
        Table("queues", Queue, "name", editable(Queue), mailbox, ENABLED, frozenset({"members"})),
        Table(
            "forward_mailboxes",
            Mailbox,
            "email_address",
            editable(Mailbox, leave_out=_OF_A_MAILBOX_ITSELF),
            legs={"enabled_for_incoming_email": Leg.INCOMING},
        ),
        Table("accounts", Account, "name", editable(Account)),
        Table("contacts", Contact, "full_name", editable(Contact) | {"account": _column(Contact, "parent_customer")}),
        Table("leads", Lead, "full_name", editable(Lead)),
        Table("cases", Case, "title", editable(Case) | {"account": _column(Case, "customer_account")}),
        Table(
            "folders",
            MailboxTrackingFolder,
            "exchange_folder_id",
            {name: _column(MailboxTrackingFolder, name) for name in _FOLDER_KEYS},
            further=frozenset({"mailbox", "regarding"}),
            identity_else="folder_path",
        ),
    ]


def editable(model: type[models.Model], leave_out: Iterable[str] = ()) -> dict[str, Field]:
    """The columns of a model that people set, by name; secrets are among them."""
    fields = model._meta.concrete_fields
    return {
        one.name: one for one in fields if (one.editable or isinstance(one, SealedField)) and one.name not in leave_out
    }


def _user_fields(user: type[models.Model]) -> dict[str, Field]:
    return {name: _column(user, name) for name in _USER_KEYS} | {
        name: _column(UserSettings, name) for name in SETTINGS_KEYS
    }


def _column(model: type[models.Model], name: str) -> Field:
    column = model._meta.get_field(name)
    assert isinstance(column, models.Field), f"{name} is a column"
    return column
