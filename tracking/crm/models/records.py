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
    """A person, possibly of an account. The columns from `job_title` on are there to be synchronized (10.8).

    `full_name` is made of the parts of the name where there are any (`tracking.crm.names`).
    """

    full_name = models.CharField(max_length=160)
    salutation = models.CharField(max_length=100, blank=True)
    first_name = models.CharField(max_length=50, blank=True)
    middle_name = models.CharField(max_length=50, blank=True)
    last_name = models.CharField(max_length=50, blank=True)
    suffix = models.CharField(max_length=10, blank=True)
    nickname = models.CharField(max_length=100, blank=True)
    yomi_first_name = models.CharField(max_length=150, blank=True)
    yomi_last_name = models.CharField(max_length=150, blank=True)
    email_address_1 = models.EmailField("email", max_length=100, blank=True)
    email_address_2 = models.EmailField("email 2", max_length=100, blank=True)
    email_address_3 = models.EmailField("email 3", max_length=100, blank=True)
    parent_customer = models.ForeignKey(
        Account, models.SET_NULL, null=True, blank=True, related_name="contacts", verbose_name="account"
    )
    do_not_email = models.BooleanField("do not allow email", default=False)
    job_title = models.CharField(max_length=100, blank=True)
    department = models.CharField(max_length=100, blank=True)
    manager_name = models.CharField("manager", max_length=100, blank=True)
    assistant_name = models.CharField("assistant", max_length=100, blank=True)
    assistant_phone = models.CharField("assistant’s phone", max_length=50, blank=True)
    telephone_1 = models.CharField("business phone", max_length=50, blank=True)
    business_2 = models.CharField("business phone 2", max_length=50, blank=True)
    telephone_2 = models.CharField("home phone", max_length=50, blank=True)
    home_2 = models.CharField("home phone 2", max_length=50, blank=True)
    telephone_3 = models.CharField("other phone", max_length=50, blank=True)
    mobile_phone = models.CharField(max_length=50, blank=True)
    fax = models.CharField("business fax", max_length=50, blank=True)
    pager = models.CharField(max_length=50, blank=True)
    callback = models.CharField("callback phone", max_length=50, blank=True)
    company = models.CharField("company main phone", max_length=50, blank=True)
    address_1_line_1 = models.CharField("address 1: street", max_length=250, blank=True)
    address_1_line_2 = models.CharField("address 1: street 2", max_length=250, blank=True)
    address_1_line_3 = models.CharField("address 1: street 3", max_length=250, blank=True)
    address_1_city = models.CharField("address 1: city", max_length=80, blank=True)
    address_1_state_or_province = models.CharField("address 1: state or province", max_length=50, blank=True)
    address_1_postal_code = models.CharField("address 1: postal code", max_length=20, blank=True)
    address_1_country = models.CharField("address 1: country", max_length=80, blank=True)
    address_2_line_1 = models.CharField("address 2: street", max_length=250, blank=True)
    address_2_line_2 = models.CharField("address 2: street 2", max_length=250, blank=True)
    address_2_line_3 = models.CharField("address 2: street 3", max_length=250, blank=True)
    address_2_city = models.CharField("address 2: city", max_length=80, blank=True)
    address_2_state_or_province = models.CharField("address 2: state or province", max_length=50, blank=True)
    address_2_postal_code = models.CharField("address 2: postal code", max_length=20, blank=True)
    address_2_country = models.CharField("address 2: country", max_length=80, blank=True)
    address_3_line_1 = models.CharField("address 3: street", max_length=250, blank=True)
    address_3_line_2 = models.CharField("address 3: street 2", max_length=250, blank=True)
    address_3_line_3 = models.CharField("address 3: street 3", max_length=250, blank=True)
    address_3_city = models.CharField("address 3: city", max_length=80, blank=True)
    address_3_state_or_province = models.CharField("address 3: state or province", max_length=50, blank=True)
    address_3_postal_code = models.CharField("address 3: postal code", max_length=20, blank=True)
    address_3_country = models.CharField("address 3: country", max_length=80, blank=True)
    website_url = models.CharField("web page", max_length=200, blank=True)
    ftp_site_url = models.CharField("FTP site", max_length=200, blank=True)
    birth_date = models.DateField("birthday", null=True, blank=True)
    anniversary = models.DateField(null=True, blank=True)
    spouses_name = models.CharField("spouse or partner", max_length=100, blank=True)
    childrens_names = models.CharField("children", max_length=255, blank=True)
    government_id = models.CharField("government ID", max_length=50, blank=True)
    description = models.TextField("notes", blank=True)

    class Meta:
        ordering = ["full_name"]
        indexes = [models.Index(fields=["modified_on"], name="contact_modified")]

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
