"""An address that another mailbox serves is taken over only after a question that names that mailbox (1.3)."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from mailboxes.models import Approval, Mailbox, Queue
from tests.serversync.console.people import mailbox, profile
from tests.serversync.console.roles import browser
from tests.serversync.console.test_bulk_settings import form_of

QUEUE = {
    "name": "Support",
    "incoming_email_filtering_method": "0",
    "queue_view_type": "0",
    "state_code": "0",
    "queuemember_set-TOTAL_FORMS": "0",
    "queuemember_set-INITIAL_FORMS": "0",
}
USER = {"username": "carol", "usable_password": "false", "password1": "", "password2": ""}
FORWARD = {
    "name": "Forward",
    "is_forward_mailbox": "on",
    "state_code": "0",
    "incoming_email_delivery_method": "2",
    "outgoing_email_delivery_method": "0",
    "act_delivery_method": "2",
    "legs-TOTAL_FORMS": "0",
    "legs-INITIAL_FORMS": "0",
}
MAKING = [
    ("admin:mailboxes_queue_add", QUEUE, "email_address"),
    ("admin:auth_user_add", USER, "email"),
    ("admin:mailboxes_mailbox_add", FORWARD, "email_address"),
]


@pytest.fixture
def bobs(db: None) -> Mailbox:
    return mailbox("Bob", profile())


def again(of: Mailbox) -> Mailbox:
    return Mailbox.objects.get(pk=of.pk)


def lost(of: Mailbox) -> bool:
    """Whether the mailbox has lost its address, its owner too, and nothing of it runs."""
    found = again(of)
    return (found.email_address, found.regarding_user.email, found.legs.filter(enabled=True).exists()) == (
        "",
        "",
        False,
    )


@pytest.mark.parametrize(("view", "filled", "field"), MAKING)
def test_making_something_with_a_taken_address_asks_and_changes_nothing(
    alice: Client, bobs: Mailbox, view: str, filled: dict[str, str], field: str
) -> None:
    count = Mailbox.objects.count()
    page = alice.post(reverse(view), {**filled, field: "BOB@us.test"}).content.decode()
    assert "This address belongs to the mailbox “Bob” of the user bob." in page
    assert f'<input type="checkbox" name="take_over" value="{bobs.pk}">' in page
    assert Mailbox.objects.count() == count
    assert again(bobs).email_address == "bob@us.test"


@pytest.mark.parametrize(("view", "filled", "field"), MAKING)
def test_answered_with_yes_the_address_moves(
    alice: Client, bobs: Mailbox, view: str, filled: dict[str, str], field: str
) -> None:
    answer = alice.post(reverse(view), {**filled, field: "bob@us.test", "take_over": str(bobs.pk)})
    assert answer.status_code == 302
    assert lost(bobs)
    taker = Mailbox.objects.get(email_address="bob@us.test")
    assert taker.pk != bobs.pk
    assert taker.email_router_access_approval == Approval.PENDING
    assert again(bobs).email_router_access_approval != Approval.APPROVED


def test_an_existing_mailbox_queue_or_user_asks_too(alice: Client, bobs: Mailbox) -> None:
    charlies = mailbox("Charlie", profile("Branch"))
    queue = Queue.objects.create(name="Support", email_address="support@us.test")
    for view, row, field in (
        ("admin:mailboxes_mailbox_change", charlies, "email_address"),
        ("admin:mailboxes_queue_change", queue, "email_address"),
        ("admin:auth_user_change", charlies.regarding_user, "email"),
    ):
        address = reverse(view, args=[row.pk])
        sent: dict[str, Any] = {**form_of(alice, address), field: "bob@us.test"}
        assert "take it over" in alice.post(address, sent).content.decode(), view
        assert again(bobs).email_address == "bob@us.test"
    assert alice.post(address, {**sent, "take_over": str(bobs.pk)}).status_code == 302
    assert lost(bobs)
    assert again(charlies).email_address == "bob@us.test"
    assert get_user_model().objects.get(pk=charlies.regarding_user_id).email == "bob@us.test"


def test_a_yes_to_one_mailbox_is_none_to_another(alice: Client, bobs: Mailbox) -> None:
    charlies = mailbox("Charlie", profile("Branch"))
    page = alice.post(
        reverse("admin:mailboxes_queue_add"), {**QUEUE, "email_address": "bob@us.test", "take_over": str(charlies.pk)}
    )
    assert "belongs to the mailbox “Bob”" in page.content.decode()
    assert again(bobs).email_address == "bob@us.test"


def test_who_may_not_change_mailboxes_is_not_offered_it(bobs: Mailbox) -> None:
    clerk = get_user_model().objects.create_user("clerk", "clerk@us.test", "x", is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=("add_user", "view_user", "change_user")))
    sent = {**USER, "email": "bob@us.test", "take_over": str(bobs.pk)}
    page = browser(clerk).post(reverse("admin:auth_user_add"), sent).content.decode()
    assert "This address belongs to the mailbox “Bob” of the user bob. Use another one." in page
    assert 'name="take_over"' not in page
    assert again(bobs).email_address == "bob@us.test"


def test_saving_without_changing_the_address_asks_nothing(alice: Client, bobs: Mailbox) -> None:
    twin = get_user_model().objects.create_user("twin", "bob@us.test")  # its mailbox has no address (1.3)
    address = reverse("admin:auth_user_change", args=[twin.pk])
    assert alice.post(address, {**form_of(alice, address), "first_name": "Twin"}).status_code == 302
    assert again(bobs).email_address == "bob@us.test"
