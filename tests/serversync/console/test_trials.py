"""The button "Test and enable", its steps, counting, and many mailboxes at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes.models import Leg, Mailbox, Trial
from tests.serversync.console.people import mailbox, profile

FOLLOWS = 'hx-trigger="every 2s"'
PASSED = [{"name": "Log in", "ok": True, "words": "As bob@us.test.", "remedy": ""}]
FAILED = [
    *PASSED,
    {"name": "Open the Inbox", "ok": False, "words": "It may not <b>be</b> opened.", "remedy": "Give the right."},
]


@pytest.fixture
def bobs(db: None) -> Mailbox:
    return mailbox("Bob", profile())


def finish(steps: list[dict[str, Any]], succeeded: bool) -> None:
    Trial.objects.update(finished_on=timezone.now(), succeeded=succeeded, steps=steps)


def page_of(client: Client, of: Mailbox) -> str:
    return client.get(reverse("console:mailbox", args=[of.pk])).content.decode()


def test_one_click_asks_for_a_test_of_each_direction(alice: Client, bobs: Mailbox) -> None:
    answer = alice.post(reverse("console:test", args=[bobs.pk]))
    assert answer.headers["Location"] == f"/mailbox/{bobs.pk}/#tests"
    assert set(Trial.objects.values_list("leg", "enables", "requested_by__username")) == {
        (Leg.INCOMING, True, "ada"),
        (Leg.OUTGOING, True, "ada"),
    }


def test_the_page_follows_a_test_until_it_has_ended(alice: Client, bobs: Mailbox) -> None:
    assert FOLLOWS not in page_of(alice, bobs)
    alice.post(reverse("console:test", args=[bobs.pk]))
    page = page_of(alice, bobs)
    assert f'hx-get="/mailbox/{bobs.pk}/trials/" hx-trigger="every 2s"' in page
    assert "A worker begins within two seconds." in page
    assert ">Test and enable</button>" not in page
    panel = alice.get(reverse("console:trials", args=[bobs.pk]))
    assert "HX-Refresh" not in panel.headers

    finish(FAILED, succeeded=False)
    panel = alice.get(reverse("console:trials", args=[bobs.pk]))
    assert panel.headers["HX-Refresh"] == "true"
    said = panel.content.decode()
    assert FOLLOWS not in said
    for words in ("failed", "As bob@us.test.", "It may not &lt;b&gt;be&lt;/b&gt; opened.", "Give the right.", "by ada"):
        assert words in said
    assert "Calendar" not in said
    assert "Appointments, contacts and tasks: Not tested: the delivery method is None" in said


def test_nothing_to_test_is_said(alice: Client, bobs: Mailbox) -> None:
    Mailbox.objects.update(incoming_email_delivery_method=0, outgoing_email_delivery_method=0)
    page = alice.post(reverse("console:test", args=[bobs.pk]), follow=True).content.decode()
    assert "Choose the delivery methods first." in page
    assert not Trial.objects.exists()


def test_counting_is_asked_for_with_a_date(alice: Client, bobs: Mailbox) -> None:
    url = reverse("console:count", args=[bobs.pk])
    assert "Enter a date" in alice.post(url, {"since": "2026-13-99"}, follow=True).content.decode()
    assert not Trial.objects.exists()
    alice.post(url, {"since": "2026-03-01"})
    asked = Trial.objects.get()
    assert (asked.leg, asked.enables, asked.steps[0]["words"]) == (Leg.INCOMING, False, "2026-03-01")
    assert "A test is running" in alice.post(url, {"since": "2026-03-01"}, follow=True).content.decode()


def test_only_who_may_test_sees_the_button_and_can_use_it(bob: Client, bobs: Mailbox) -> None:
    person = get_user_model().objects.get(username="bo")
    person.user_permissions.add(Permission.objects.get(codename="view_mailbox"))
    assert ">Test and enable</button>" not in page_of(bob, bobs)
    for name in ("console:test", "console:count"):
        assert bob.post(reverse(name, args=[bobs.pk])).status_code == 403
    person.user_permissions.add(Permission.objects.get(codename="test_mailbox"))
    assert ">Test and enable</button>" in page_of(bob, bobs)
    assert bob.post(reverse("console:test", args=[bobs.pk])).status_code == 302
    assert alice_only_posts(bob, bobs) == [405, 405]


def alice_only_posts(client: Client, of: Mailbox) -> list[int]:
    return [client.get(reverse(name, args=[of.pk])).status_code for name in ("console:test", "console:count")]


def test_two_hundred_mailboxes_are_tested_with_one_action(
    alice: Client, bobs: Mailbox, django_assert_max_num_queries: Any
) -> None:
    used = bobs.email_server_profile
    users = [get_user_model()(username=f"u{number}", email=f"u{number}@us.test") for number in range(198)]
    for user in users:
        user.save()
    Mailbox.objects.update(
        email_server_profile=used, incoming_email_delivery_method=2, outgoing_email_delivery_method=2
    )
    ticked = {"action": "test_and_enable", "select_across": "1", "_selected_action": [str(bobs.pk)]}
    with django_assert_max_num_queries(45):
        answer = alice.post("/mailboxes/mailbox/", ticked)
    assert answer.headers["Location"] == "/tests/"
    assert Trial.objects.filter(finished_on__isnull=True).count() == 400

    some = list(Trial.objects.order_by("pk").values_list("pk", flat=True)[:30])
    Trial.objects.filter(pk__in=some[:20]).update(finished_on=timezone.now(), succeeded=True, steps=PASSED)
    Trial.objects.filter(pk__in=some[20:]).update(finished_on=timezone.now(), succeeded=False, steps=FAILED)
    with django_assert_max_num_queries(20):
        page = alice.get("/tests/").content.decode()
    assert 'aria-label="30 of 400 tests have ended"' in page
    assert FOLLOWS in page
    assert page.count("Give the right.") == 10
    fragment = alice.get("/tests/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment


def test_a_failure_that_was_tested_again_is_no_longer_listed(alice: Client, bobs: Mailbox) -> None:
    alice.post(reverse("console:test", args=[bobs.pk]))
    finish(FAILED, succeeded=False)
    Trial.objects.update(requested_on=timezone.now() - timedelta(hours=1))
    assert "Give the right." in alice.get("/tests/").content.decode()
    alice.post(reverse("console:test", args=[bobs.pk]))
    Trial.objects.filter(finished_on=None).update(finished_on=timezone.now(), succeeded=True, steps=PASSED)
    assert "Give the right." not in alice.get("/tests/").content.decode()
