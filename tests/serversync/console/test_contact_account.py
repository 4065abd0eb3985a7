"""The account of a contact is searched by name, among those that the person may see (10.6)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.serversync.console.calendar_rows import Calendar, open_calendar
from tests.serversync.console.people import mailbox
from tests.serversync.console.test_calendar_pages import browser
from tracking.crm.models import Account, Contact
from tracking.facts.directory import key_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def calendar() -> Calendar:
    """Alice has two accounts of her own, Bob has one."""
    found = open_calendar()
    alice, bob = found.alices.regarding_user, mailbox("Bob").regarding_user
    for name, owner in (("Harbour Optics", alice), ("Harbour Freight", alice), ("Bobs Bakery", bob)):
        Account.objects.create(name=name, owner=owner)
    return found


@pytest.fixture
def alice(calendar: Calendar) -> Client:
    return browser(calendar.alices.regarding_user)


def entered(alice: Client, calendar: Calendar, **typed: str) -> Any:
    """Save Ann Ray with this account, as the form was opened."""
    address = reverse("calendar:edit", args=["contact", calendar.ann.pk])
    form = alice.get(address).context
    data = {"first_name": "Ann", "last_name": "Ray", "version": form["version"]}
    return alice.post(address, data | typed)


def account_of(calendar: Calendar) -> str:
    known = Contact.objects.get(pk=calendar.ann.pk).parent_customer
    return "" if known is None else known.name


@pytest.mark.parametrize("typed", ["Harbour Optics", "harbour op", "  Harbour Optics  "])
def test_a_name_is_enough(calendar: Calendar, alice: Client, typed: str) -> None:
    assert entered(alice, calendar, account_name=typed).status_code == 302
    assert account_of(calendar) == "Harbour Optics"


def test_what_was_chosen_counts_and_is_there_again(calendar: Calendar, alice: Client) -> None:
    chosen = Account.objects.get(name="Harbour Freight")
    assert entered(alice, calendar, account=key_of(chosen), account_name="Harbour Freight").status_code == 302
    form = alice.get(reverse("calendar:edit", args=["contact", calendar.ann.pk])).context["form"]
    assert (form["account"].value(), form["account_name"].value()) == (key_of(chosen), "Harbour Freight")
    assert entered(alice, calendar, account=key_of(chosen), account_name="").status_code == 302
    assert account_of(calendar) == ""


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("Harbour", "Several accounts are called “Harbour”. Enter more of its name, or none."),
        ("Bobs Bakery", "There is no account that you may see called “Bobs Bakery”."),
        ("Ann Ray", "There is no account that you may see called “Ann Ray”."),
    ],
)
def test_what_is_not_clear_is_told_and_nothing_is_lost(
    calendar: Calendar, alice: Client, typed: str, words: str
) -> None:
    answer = entered(alice, calendar, account_name=typed, job_title="Director")
    assert answer.status_code == 422
    page = answer.content.decode()
    assert words in page
    assert 'value="Director"' in page
    assert account_of(calendar) == ""


def test_one_that_she_may_not_see_stays(calendar: Calendar, alice: Client) -> None:
    Contact.objects.filter(pk=calendar.ann.pk).update(parent_customer=Account.objects.get(name="Bobs Bakery"))
    assert entered(alice, calendar, account="keep", account_name="Bobs Bakery").status_code == 302
    assert account_of(calendar) == "Bobs Bakery"
    assert entered(alice, calendar, account="keep", account_name="Harbour Optics").status_code == 302
    assert account_of(calendar) == "Harbour Optics"


def test_the_search_of_the_field_names_accounts_only(calendar: Calendar, alice: Client) -> None:
    Contact.objects.create(owner=calendar.alices.regarding_user, full_name="Harbour Master")
    answer = alice.get(reverse("compose:records"), {"kind": "account", "q": "har"})
    assert [one["value"] for one in answer.json()["found"]] == ["Harbour Freight", "Harbour Optics"]
    assert "Bobs Bakery" not in alice.get(reverse("compose:records"), {"kind": "account", "q": "bak"}).content.decode()
