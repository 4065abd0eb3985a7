"""Passwords are set, replaced, cleared and kept; they are never shown."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from mailboxes.models import Approval, Leg, Mailbox, MailboxLeg
from profiles.forms import EmailServerProfileForm
from profiles.models import EmailServerProfile
from tests.serversync.console.people import PASSWORD, mailbox, profile


def filled(client: Client, address: str) -> dict[str, Any]:
    """What a browser would send back after opening a form and changing nothing."""
    form = client.get(address).context["adminform"].form
    values: dict[str, Any] = {}
    for bound in form:
        value = bound.value()
        if isinstance(value, bool):
            values |= {bound.html_name: "on"} if value else {}
        elif hasattr(bound.field, "fields"):
            parts = bound.field.widget.decompress(value)
            values |= {f"{bound.html_name}_{number}": part or "" for number, part in enumerate(parts)}
        else:
            values[bound.html_name] = "" if value is None else value
    return values | {"legs-TOTAL_FORMS": "0", "legs-INITIAL_FORMS": "0"}


CHANGES = [
    ({}, PASSWORD),
    ({"new_incoming_password": "another"}, "another"),
    ({"new_incoming_password": " with blanks "}, " with blanks "),
    ({"clear_incoming_password": "on"}, ""),
]


@pytest.mark.parametrize(("change", "stored"), CHANGES, ids=["kept", "replaced", "blanks count", "cleared"])
def test_alice_changes_the_password_of_a_profile(alice: Client, change: dict[str, str], stored: str) -> None:
    headquarters = profile()
    address = reverse("admin:profiles_emailserverprofile_change", args=[headquarters.pk])
    answer = alice.post(address, filled(alice, address) | change)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    headquarters.refresh_from_db()
    assert headquarters.incoming_password.reveal() == stored
    assert headquarters.outgoing_password.reveal() == PASSWORD


def test_setting_and_clearing_at_once_is_refused_and_the_typed_password_is_not_sent_back(alice: Client) -> None:
    headquarters = profile()
    address = reverse("admin:profiles_emailserverprofile_change", args=[headquarters.pk])
    change = {"new_incoming_password": "typed just now", "clear_incoming_password": "on"}
    answer = alice.post(address, filled(alice, address) | change)
    assert "not both" in answer.content.decode()
    assert "typed just now" not in answer.content.decode()
    headquarters.refresh_from_db()
    assert headquarters.incoming_password.reveal() == PASSWORD


def test_the_form_tells_whether_a_password_is_set_and_by_which_key(alice: Client) -> None:
    headquarters = profile()
    address = reverse("admin:profiles_emailserverprofile_change", args=[headquarters.pk])
    assert "sealed with the key “tests”" in alice.get(address).content.decode()
    EmailServerProfile.objects.update(incoming_password="", outgoing_password="")
    assert "No password is set." in alice.get(address).content.decode()


def test_without_a_key_the_form_says_what_is_missing(db: None, settings: Any) -> None:
    settings.FIELD_KEYS = []
    form = EmailServerProfileForm({"name": "x", "new_incoming_password": "y"})
    assert "FIELD_KEYS" in str(form.errors["new_incoming_password"])


def engine_columns(of: Mailbox) -> list[dict[str, Any]]:
    return list(MailboxLeg.objects.filter(mailbox=of).order_by("leg").values())


def test_saving_the_form_of_a_mailbox_leaves_its_legs_alone(alice: Client) -> None:
    alices = mailbox("Alice", profile())
    alices.legs.update(fence=7, failures=2, last_error="It did not answer.")
    before = engine_columns(alices)
    address = reverse("admin:mailboxes_mailbox_change", args=[alices.pk])
    change = {"name": "Alice Adams", "legs-0-fence": "0", "legs-0-enabled": ""}
    answer = alice.post(address, filled(alice, address) | change)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    alices.refresh_from_db()
    assert alices.name == "Alice Adams"
    assert alices.email_router_access_approval == Approval.APPROVED
    assert engine_columns(alices) == before


def test_a_new_password_has_to_be_tested_again_and_moves_no_fence(alice: Client) -> None:
    alices = mailbox("Alice", profile())
    alices.legs.update(fence=7)
    address = reverse("admin:mailboxes_mailbox_change", args=[alices.pk])
    alice.post(address, filled(alice, address) | {"new_password": "another"})
    alices.refresh_from_db()
    assert alices.password.reveal() == "another"
    assert not alices.legs.filter(enabled=True, leg__in=[Leg.INCOMING, Leg.OUTGOING]).exists()  # 3.8
    assert set(alices.legs.values_list("fence", flat=True)) == {7}


def test_a_new_address_has_to_be_approved_again(alice: Client) -> None:
    alices = mailbox("Alice", profile())
    alices.legs.update(fence=7)
    address = reverse("admin:mailboxes_mailbox_change", args=[alices.pk])
    alice.post(address, filled(alice, address) | {"email_address": "alice.adams@us.test"})
    alices.refresh_from_db()
    assert alices.email_address == "alice.adams@us.test"
    assert alices.email_router_access_approval == Approval.PENDING  # 3.8
    assert alices.regarding_user.email == "alice.adams@us.test"  # 3.1
    assert [(leg.enabled, leg.fence) for leg in alices.legs.all()] == [(False, 7)] * 3


def test_a_forward_mailbox_added_by_hand_gets_its_legs(alice: Client) -> None:
    address = reverse("admin:mailboxes_mailbox_add")
    change = {"name": "Forward", "email_address": "forward@us.test", "is_forward_mailbox": "on"}
    answer = alice.post(address, filled(alice, address) | change)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert Mailbox.objects.get(name="Forward").legs.count() == 3
