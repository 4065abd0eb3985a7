"""From the page of a record one writes to it: its address and the record itself stand in the form already."""

from __future__ import annotations

import lxml.html
import pytest
from django.db.models import Model
from django.urls import reverse

from tests.serversync.console.people import mailbox, profile
from tests.writing import Letter, browser_of
from tracking.crm.models import Account, Case, Contact, Lead

pytestmark = pytest.mark.django_db


def records(owner: object) -> dict[str, tuple[Model, str]]:
    """One of each kind, and the address that it is written to."""
    acme = Account.objects.create(name="Acme", email_address_1="office@acme.test", owner=owner)
    return {
        "contact": (
            Contact.objects.create(full_name="Ann", email_address_1="ann@acme.test", owner=owner),
            "ann@acme.test",
        ),
        "account": (acme, "office@acme.test"),
        "lead": (Lead.objects.create(full_name="Lee", email_address_1="lee@new.test", owner=owner), "lee@new.test"),
        "case": (Case.objects.create(title="Ten chairs", customer_account=acme, owner=owner), "office@acme.test"),
        "case of nobody": (Case.objects.create(title="A leak", owner=owner), ""),
        "contact by phone": (Contact.objects.create(full_name="Phil", email_address_2="p@acme.test", owner=owner), ""),
    }


def test_alice_writes_from_the_page_of_any_record() -> None:  # 7.7: a contact is written to at its first address
    alices = mailbox("Alice", profile())
    alice = alices.regarding_user
    alice.is_staff = alice.is_superuser = True
    alice.save()
    for what, (record, address) in records(alice).items():
        page = browser_of(alices).get(reverse(f"admin:crm_{record._meta.model_name}_change", args=[record.pk]))
        (link,) = [a for a in lxml.html.fromstring(page.content).iter("a") if "Write an email" in a.text_content()]
        letter = Letter(browser_of(alices), link.get("href"))
        assert letter.fields["to"] == [address], what
        assert letter.fields["regarding_name"][0].startswith(str(record)), what


def test_what_is_not_saved_yet_cannot_be_written_to() -> None:
    alices = mailbox("Alice", profile())
    alice = alices.regarding_user
    alice.is_staff = alice.is_superuser = True
    alice.save()
    assert "Write an email" not in browser_of(alices).get(reverse("admin:crm_contact_add")).content.decode()
