"""A message above the limit: its header is kept, the rest on request, and nothing of it is downloaded before (5.19)."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from mailboxes.models import IncomingFilter, Organization
from tests.company import Company, assert_balanced, receive
from tests.letters import letter
from tracking.crm.models import Email
from tracking.crm.models.states import Notifications
from tracking.crm.storage import read
from tracking.decide.verdicts import Reason
from tracking.models import Explicit, LedgerRow, LedgerState

LIMIT = 20_000
FILM = letter(
    "Ann <ann@acme.test>",
    "alice@us.test",
    "The film",
    "See below",
    attachments=[("film.bin", "application/x-film", bytes(range(256)) * 400)],
)


@pytest.fixture(params=["pop3", "exchange"])
def profile(request, company):
    Organization.objects.update_or_create(pk=1, defaults={"overrides": {"maximum_message_size": LIMIT}})
    return company.pop3_profile() if request.param == "pop3" else company.exchange_profile()


def test_only_the_header_of_a_large_message_is_kept(company: Company, profile) -> None:
    alice = company.user("Alice", profile)
    company.sandbox.deliver("alice@us.test", FILM)
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "Small", "x"))
    receive(alice)
    film, small = Email.objects.order_by("subject").reverse()
    assert (film.subject, film.sender, film.original, film.notifications) == (
        "The film",
        "ann@acme.test",
        None,
        Notifications.TRUNCATED_BODY,
    )
    assert "Only the header of this message is kept" in film.description
    assert film.attachment_count == film.attachments.count() == 0
    assert small.original is not None
    assert_balanced(alice)


def test_alice_has_the_rest_fetched_and_it_is_the_same_email(company: Company, profile, client: Client) -> None:
    alice = company.user("Alice", profile)
    company.sandbox.deliver("alice@us.test", FILM)
    receive(alice)
    film = Email.objects.get()
    client.force_login(alice.regarding_user)
    page = client.get(reverse("owner:email", args=[film.pk])).content.decode()
    assert "Fetch the whole message" in page

    client.post(reverse("owner:fetch_whole", args=[film.pk]))
    row = LedgerRow.objects.get()
    assert (row.state, row.explicit, row.explicit_by) == (LedgerState.PENDING, Explicit.PERSON, alice.regarding_user)
    receive(alice)

    whole = Email.objects.get()
    assert whole.pk == film.pk
    assert (whole.description.strip(), whole.preview, whole.notifications) == (
        "See below",
        "See below",
        Notifications.NONE,
    )
    assert read(whole.original_id) == FILM
    assert [one.file_name for one in whole.attachments.all()] == ["film.bin"]
    assert LedgerRow.objects.get().state == LedgerState.TRACKED
    assert "Fetch the whole message" not in client.get(reverse("owner:email", args=[film.pk])).content.decode()
    assert_balanced(alice)


def test_the_list_shows_the_beginning_of_what_may_be_read(
    company: Company, admin_client: Client, client: Client
) -> None:
    alice = company.user("Alice", company.pop3_profile())
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "Lunch", "Noon at Luigi's?"))
    receive(alice)
    assert "Noon at Luigi&#x27;s?" in admin_client.get("/crm/email/").content.decode()
    bob = company.user("Bob", company.pop3_profile()).regarding_user
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(Permission.objects.get(codename="view_email"))
    client.force_login(bob)
    page = client.get("/crm/email/").content.decode()
    assert "/email/" in page
    assert "Luigi" not in page


def test_what_alice_changed_meanwhile_stays(company: Company, profile, client: Client) -> None:
    alice = company.user("Alice", profile)
    company.sandbox.deliver("alice@us.test", FILM)
    receive(alice)
    Email.objects.update(description="Her own words", edited_fields=["description"])
    client.force_login(alice.regarding_user)
    client.post(reverse("owner:fetch_whole", args=[Email.objects.get().pk]))
    receive(alice)
    assert Email.objects.get().description == "Her own words"
    assert Email.objects.get().original is not None


def test_a_large_message_that_no_filter_takes_is_not_kept(company: Company, profile) -> None:
    alice = company.user("Alice", profile, IncomingFilter.RESPONSES_TO_OUR_MAIL)
    company.sandbox.deliver("alice@us.test", FILM)
    receive(alice)
    assert not Email.objects.exists()
    assert LedgerRow.objects.get().reason == Reason.NO_CORRELATION_MATCH


def test_pop3_is_asked_for_the_header_alone(company: Company) -> None:
    Organization.objects.update_or_create(pk=1, defaults={"overrides": {"maximum_message_size": LIMIT}})
    alice = company.user("Alice", company.pop3_profile())
    company.sandbox.deliver("alice@us.test", FILM)
    company.sandbox.clear_log()
    receive(alice)
    counted = company.sandbox.log()["counters"]["pop3"]
    assert (counted.get("TOP"), counted.get("RETR")) == (1, None)


def test_what_is_not_kept_whole_is_never_deleted_on_the_server(company: Company) -> None:  # 5.24
    Organization.objects.update_or_create(pk=1, defaults={"overrides": {"maximum_message_size": LIMIT}})
    support = company.queue("Support", company.pop3_profile(), process_and_delete_emails=True)
    company.sandbox.deliver("support@us.test", FILM)
    receive(support)
    assert Email.objects.get().notifications == Notifications.TRUNCATED_BODY
    assert len(company.sandbox.inbox("support@us.test")) == 1


def test_once_the_server_has_it_no_more_nobody_is_offered_the_rest(company: Company, profile, client: Client) -> None:
    alice = company.user("Alice", profile)
    [item] = company.sandbox.deliver("alice@us.test", FILM)
    receive(alice)
    company.sandbox.delete("alice@us.test", item)
    receive(alice)
    client.force_login(alice.regarding_user)
    address = reverse("owner:email", args=[Email.objects.get().pk])
    assert "Fetch the whole message" not in client.get(address).content.decode()
    client.post(reverse("owner:fetch_whole", args=[Email.objects.get().pk]))
    assert LedgerRow.objects.get().state == LedgerState.TRACKED
