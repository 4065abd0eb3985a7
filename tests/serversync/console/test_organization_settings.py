"""The organization's settings as a form and as a help page: every setting explained, only differences stored (11)."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from mailboxes.models import Organization
from mailboxes.settings_catalogue import GROUPS, SETTINGS
from tests.serversync.console.roles import browser
from tests.serversync.console.test_bulk_settings import form_of


@pytest.fixture
def row(db: None) -> Organization:
    return Organization.objects.create()


def address() -> str:
    return reverse("admin:mailboxes_organization_change", args=[1])


def save(client: Client, **values: Any) -> Any:
    """Open the form, change these fields, press Save."""
    return client.post(address(), {**form_of(client, address()), **values})


def stored() -> dict[str, Any]:
    return Organization.objects.get().overrides


def help_of(client: Client, name: str) -> str:
    form = client.get(address()).context["adminform"].form
    return re.sub(r"<[^>]+>", "", unescape(str(form.fields[name].help_text)))


def test_the_form_has_every_setting_in_its_group(alice: Client, row: Organization) -> None:
    page = alice.get(address())
    titles = [fieldset.name for fieldset in page.context["adminform"]]
    assert titles == [None, *(group.title for group in GROUPS)]
    assert set(SETTINGS) <= set(page.context["adminform"].form.fields)
    assert '<textarea name="overrides"' not in page.content.decode()


def test_saving_without_a_change_stores_nothing(alice: Client, row: Organization) -> None:
    assert save(alice).status_code == 302
    assert stored() == {}


def test_only_what_differs_is_stored(alice: Client, row: Organization) -> None:
    changed = {
        "self_approval": "on",
        "item_attempts": "7",
        "tracking_prefix": "CASE:",
        "tracking_token_form": "classic",
    }
    same = {"hide_track_all_option": "off", "smart_matching_days": "90", "tracked_category": "Tracked to CRM"}
    assert save(alice, **changed, **same).status_code == 302
    assert stored() == {
        "self_approval": True,
        "item_attempts": 7,
        "tracking_prefix": "CASE:",
        "tracking_token_form": "classic",
    }
    assert save(alice).status_code == 302
    assert len(stored()) == 4  # what is shown again is what was stored


def test_emptying_a_field_is_back_to_the_default(alice: Client, row: Organization) -> None:
    Organization.objects.update(overrides={"self_approval": True, "item_attempts": 7, "tracking_prefix": "CASE:"})
    save(alice, self_approval="", item_attempts="", tracking_prefix="")
    assert stored() == {}


def test_a_list_may_be_emptied_and_a_box_brings_the_default_back(alice: Client, row: Organization) -> None:
    save(alice, blocked_attachments="")
    assert stored() == {"blocked_attachments": ""}
    save(alice, item_attempts="6")
    assert stored() == {"blocked_attachments": "", "item_attempts": 6}
    save(alice, default_blocked_attachments="on")
    assert stored() == {"item_attempts": 6}


def test_with_the_preset_only_what_differs_from_it_is_stored(alice: Client, row: Organization) -> None:
    save(alice, compatibility="dynamics", self_approval="on", notify_mailbox_owner="on")
    assert stored() == {"compatibility": "dynamics", "notify_mailbox_owner": True}
    policy = Organization.objects.get().policy()
    assert (policy.self_approval, policy.notify_mailbox_owner, policy.tracking_token_form) == (True, True, "classic")


def test_each_setting_says_whether_it_was_changed(alice: Client, row: Organization) -> None:
    assert help_of(alice, "item_attempts").startswith("Default After so many failures")
    Organization.objects.update(overrides={"compatibility": "dynamics", "item_attempts": 7})
    assert help_of(alice, "item_attempts").startswith("Changed")
    assert "Default: 5." in help_of(alice, "item_attempts")
    assert "Rule 5.22." in help_of(alice, "item_attempts")
    assert help_of(alice, "max_upload_file_size").startswith("As Dynamics 365")
    assert "Default: 25 MB. Here, as Dynamics 365: 5 MB." in help_of(alice, "max_upload_file_size")
    titles = [fieldset.name for fieldset in alice.get(address()).context["adminform"]]
    assert "Categories (1 changed)" in titles


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("hash_filter_keywords", "(", "Must be a regular expression"),
        ("tracking_number_digits", "10", "Must be from 1 to 9."),
        ("tracking_prefix", "x" * 21, "Must be 1 to 20 characters"),
        ("item_attempts", "many", "Enter a whole number."),
        ("tracking_token_form", "short", "Select a valid choice"),
    ],
)
def test_what_cannot_be_is_refused_at_the_field_and_nothing_is_stored(
    alice: Client, row: Organization, name: str, value: str, words: str
) -> None:
    Organization.objects.update(overrides={"alert_retention_in_days": 3})
    answer = save(alice, **{name: value})
    assert words in str(answer.context["adminform"].form.errors[name])
    assert stored() == {"alert_retention_in_days": 3}


def test_who_may_only_look_reads_every_setting(row: Organization) -> None:
    Organization.objects.update(overrides={"item_attempts": 7})
    person = get_user_model().objects.create_user("reader", "r@us.test", "x", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_organization"))
    page = browser(person).get(address()).content.decode()
    assert "Attempts to track one message: 7" in page
    assert all(setting.label in unescape(page) for setting in SETTINGS.values())
    assert browser(person).post(address(), {"item_attempts": "9"}).status_code == 403


def test_the_help_explains_every_setting_to_everybody(charlie: Client) -> None:
    page = unescape(charlie.get(reverse("console:settings_help")).content.decode())
    for setting in SETTINGS.values():
        assert f'id="{setting.name}"' in page
        assert setting.help in page
    assert "Change the settings" not in page


def test_the_help_finds_words_and_rule_numbers(charlie: Client) -> None:
    page = charlie.get(reverse("console:settings_help"), {"q": "5.11"}).content.decode()
    assert 'id="track_mail_between_users_as_two_activities"' in page
    assert 'id="item_attempts"' not in page
    assert "Nothing fits" in charlie.get(reverse("console:settings_help"), {"q": "zzz"}).content.decode()
