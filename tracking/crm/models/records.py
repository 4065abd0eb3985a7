"""Records: accounts, contacts, leads and cases. Any other model may be a party or a regarding as well."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from mailboxes import addresses
from profiles.identifiers import uuid7
from profiles.models import StateCode


class Record(models.Model):
    """What every record has: a time-ordered id, an owner and a state."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    state_code = models.PositiveSmallIntegerField("state", choices=StateCode, default=StateCode.ACTIVE)
    created_on = models.DateTimeField(auto_now_add=True)
    modified_on = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class Account(Record):
    """A company."""

    name = models.CharField(max_length=160)
    email_address_1 = models.EmailField("email", max_length=100, blank=True)
    do_not_email = models.BooleanField("do not allow email", default=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Contact(Record):
    """A person, possibly of an account."""

    full_name = models.CharField(max_length=160)
    email_address_1 = models.EmailField("email", max_length=100, blank=True)
    email_address_2 = models.EmailField("email 2", max_length=100, blank=True)
    email_address_3 = models.EmailField("email 3", max_length=100, blank=True)
    parent_customer = models.ForeignKey(
        Account, models.SET_NULL, null=True, blank=True, related_name="contacts", verbose_name="account"
    )
    do_not_email = models.BooleanField("do not allow email", default=False)

    class Meta:
        ordering = ["full_name"]

    def __str__(self) -> str:
        return self.full_name


class Lead(Record):
    """Somebody who may become a customer."""

    full_name = models.CharField(max_length=160)
    company_name = models.CharField(max_length=100, blank=True)
    email_address_1 = models.EmailField("email", max_length=100, blank=True)
    do_not_email = models.BooleanField("do not allow email", default=False)

    class Meta:
        ordering = ["full_name"]

    def __str__(self) -> str:
        return self.full_name


class Case(Record):
    """A customer's concern (`incident`); mail is often regarding one."""

    title = models.CharField(max_length=200)
    customer_account = models.ForeignKey(Account, models.SET_NULL, null=True, blank=True, related_name="cases")

    class Meta:
        ordering = ["-created_on"]

    def __str__(self) -> str:
        return self.title


def register_addresses() -> None:
    """The order of 5.12 b; users come first and are registered a floor below."""
    three = ["email_address_1", "email_address_2", "email_address_3"]
    addresses.register(Contact, three, rank=1, kind="contact", is_active=_is_active)
    addresses.register(Account, ["email_address_1"], rank=2, kind="account", is_active=_is_active)
    addresses.register(Lead, ["email_address_1"], rank=3, kind="lead", is_active=_is_active)


def _is_active(record: Record) -> bool:
    return record.state_code == StateCode.ACTIVE
