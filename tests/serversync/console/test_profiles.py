"""Profiles in the console: presets, the connection test before and after saving, the error catalogue (2, 12.2)."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes.alarms import raise_alert
from mailboxes.catalogue import ENTRIES
from mailboxes.models import TraceLevel, TraceLog
from profiles.models import EmailServerProfile
from profiles.presets import PRESETS
from profiles.probing import TestResult
from profiles.secrets import Sealed
from tests.company import Company
from tests.serversync.console.people import mailbox, profile
from tests.serversync.console.test_passwords import filled

ADD = "/profiles/emailserverprofile/add/"


def change_page(of: EmailServerProfile) -> str:
    return reverse("admin:profiles_emailserverprofile_change", args=[of.pk])


def test_address(of: EmailServerProfile) -> str:
    return reverse("console:test_profile", args=[of.pk])


test_address.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.key)
def test_alice_starts_from_a_well_known_server(alice: Client, preset: Any) -> None:
    page = alice.get(ADD, {"preset": preset.key})
    text = page.content.decode()
    assert (preset.refused in text) if preset.refused else (preset.note.split("“")[0] in text)
    values = filled(alice, f"{ADD}?preset={preset.key}")
    assert values["name"] == preset.name
    if preset.receiving:
        assert values["incoming_server_location"] == preset.receiving.host
        answer = alice.post(ADD, values)
        assert answer.status_code == 302, answer.context["adminform"].form.errors
        saved = EmailServerProfile.objects.get()
        assert saved.outgoing_port_number == preset.sending.port


def test_alice_tests_a_saved_profile_and_the_result_is_kept(alice: Client, company: Company) -> None:
    saved = company.pop3_profile()
    company.user("Alice", saved)
    values = filled(alice, change_page(saved)) | {"test_mailbox": "ALICE@us.test"}

    answer = alice.post(test_address(saved), values, headers={"X-Fragment": "1"})

    text = answer.content.decode()
    assert "<html" not in text
    assert "alice@us.test is signed in." in text
    assert "Nothing was sent." in text
    saved.refresh_from_db()
    assert saved.last_test_execution_status == TestResult.SUCCESS
    assert saved.last_test_start_time is not None
    assert [one["direction"] for one in saved.last_test_trace] == ["Incoming", "Outgoing"]
    assert "secret" not in json.dumps(saved.last_test_trace) + text
    assert "alice@us.test is signed in." in alice.get(change_page(saved)).content.decode()


def test_a_changed_form_is_tested_as_it_stands_and_nothing_is_saved(alice: Client, company: Company) -> None:
    saved = company.pop3_profile(incoming_username="alice@us.test", incoming_credential_retrieval=1)
    company.sandbox.account("alice@us.test", "new secret")
    before = EmailServerProfile.objects.values().get()
    values = filled(alice, change_page(saved)) | {"new_incoming_password": "new secret"}
    assert "alice@us.test is signed in." in alice.post(test_address(saved), values).content.decode()
    wrong = alice.post(test_address(saved), values | {"new_incoming_password": "an old one"}).content.decode()
    assert "refused the user name or the password" in wrong
    assert "an old one" not in wrong
    assert reverse("console:errors") + "#credentials" in wrong
    assert EmailServerProfile.objects.values().get() == before


def test_a_new_profile_is_tested_before_it_is_saved(alice: Client, company: Company) -> None:
    company.user("Alice", company.exchange_profile())
    values = filled(alice, ADD) | {
        "name": "New",
        "server_type": "1",
        "incoming_server_location": "127.0.0.1",
        "incoming_port_number": company.sandbox.pop3_port,
        "incoming_tls": "none",
        "outgoing_server_location": "127.0.0.1",
        "outgoing_port_number": company.sandbox.smtp_port,
        "outgoing_tls": "none",
    }
    values.pop("use_same_settings_for_outgoing_connections")
    text = alice.post(reverse("console:test_new_profile"), values).content.decode()
    assert "Choose a mailbox" in text
    assert "Works, with a warning" in text
    text = alice.post(reverse("console:test_new_profile"), values | {"test_mailbox": "alice@us.test"}).content.decode()
    assert text.count("alice@us.test is signed in.") == 2
    assert not EmailServerProfile.objects.filter(name="New").exists()


def test_a_form_that_does_not_fit_is_corrected_before_anything_is_tried(alice: Client, company: Company) -> None:
    saved = company.pop3_profile()
    company.sandbox.clear_log()
    values = filled(alice, change_page(saved)) | {"incoming_server_location": "pop.us.test:995"}
    assert "the port has its own field" in alice.post(test_address(saved), values).content.decode()
    values = filled(alice, change_page(saved)) | {"test_mailbox": "nobody@us.test"}
    assert "There is no mailbox with the address" in alice.post(test_address(saved), values).content.decode()
    assert company.sandbox.log()["requests"] == []


def test_an_encryption_that_the_port_surely_does_not_speak_is_saved_with_a_warning(alice: Client) -> None:  # 2.6
    headquarters = profile()
    values = filled(alice, change_page(headquarters)) | {"incoming_tls": "starttls", "incoming_port_number": "995"}

    told = alice.post(change_page(headquarters), values, follow=True).content.decode()

    assert "Port 995 begins with TLS at every usual server." in told
    headquarters.refresh_from_db()
    assert (headquarters.incoming_tls, headquarters.incoming_port_number) == ("starttls", 995)


def test_the_connection_test_warns_of_it_and_names_the_encryption_that_answers(alice: Client, company: Company) -> None:
    saved = company.pop3_profile()
    values = filled(alice, change_page(saved)) | {"incoming_tls": "starttls", "outgoing_port_number": "465"}
    told = alice.post(test_address(saved), values).content.decode()
    assert "Port 465 begins with TLS at every usual server." in told
    assert "Tried with STARTTLS" in told
    assert "answers to unencrypted connections only." in told
    assert reverse("console:errors") + "#tls" in told


def test_only_who_may_change_profiles_has_hosts_connected_to(bob: Client, db: None) -> None:  # law 10
    headquarters = profile()
    assert bob.post(test_address(headquarters)).status_code == 403
    person = get_user_model().objects.get(username="bo")
    person.user_permissions.add(Permission.objects.get(codename="view_emailserverprofile"))
    assert bob.get(change_page(headquarters)).status_code == 200
    assert bob.post(test_address(headquarters)).status_code == 403
    assert bob.post(reverse("console:test_new_profile")).status_code == 403
    assert "Test connection" not in bob.get(change_page(headquarters)).content.decode()


def test_the_page_of_a_profile_shows_what_is_wrong_with_its_server(alice: Client) -> None:  # 4.9
    headquarters = profile()
    text = "Incoming email: the server of Headquarters answered no mailbox lately."
    raise_alert(headquarters, TraceLevel.WARNING, "incoming server silent", text, timezone.now())
    page = alice.get(change_page(headquarters)).content.decode()
    assert text in page
    assert reverse("console:errors") + "#server-silent" in page


# The error catalogue


def test_everybody_who_is_signed_in_may_read_what_errors_mean(alice: Client, charlie: Client, db: None) -> None:
    for client in (alice, charlie):
        page = client.get(reverse("console:errors"))
        assert page.status_code == 200
        assert all(f'id="{entry.code}"' in page.content.decode() for entry in ENTRIES)
    assert Client().get(reverse("console:errors")).status_code == 302


def test_errors_are_found_by_code_and_by_words(alice: Client) -> None:
    found = alice.get(reverse("console:errors"), {"q": "535"}).context["entries"]
    assert [entry.code for entry in found] == ["credentials"]
    assert "Nothing fits" in alice.get(reverse("console:errors"), {"q": "nothing like it"}).content.decode()
    assert "&lt;b&gt;" in alice.get(reverse("console:errors"), {"q": "<b>"}).content.decode()


def test_an_alert_and_a_failed_leg_lead_to_their_entry(alice: Client) -> None:
    alices = mailbox("Alice", profile())
    said = "mail.us.test:995 could not be reached within 30 s."
    alices.legs.filter(leg=0).update(status=2, last_error=said)
    raise_alert(alices, TraceLevel.WARNING, "incoming failed", f"Incoming email: {said}", timezone.now())
    page = alice.get(reverse("console:mailbox", args=[alices.pk])).content.decode()
    assert page.count(reverse("console:errors") + "#connect-failure") == 2
    TraceLog.objects.update(level=TraceLevel.INFORMATION)
    page = alice.get(reverse("console:mailbox", args=[alices.pk])).content.decode()
    assert page.count(reverse("console:errors") + "#connect-failure") == 1


# The command


def command(*words: str) -> tuple[int, str]:
    """Exit status and output."""
    out = StringIO()
    try:
        call_command("test_profile", *words, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    except CommandError as error:
        return error.returncode, str(error)
    return 0, out.getvalue()


def test_the_command_tells_each_step_and_keeps_the_result(company: Company) -> None:
    saved = company.pop3_profile()
    alices = company.user("Alice", saved)
    status, text = command("POP3", "--mailbox", "alice@us.test")
    assert (status, text.splitlines()[-1]) == (0, "Works.")
    assert "ok       Sign in: alice@us.test is signed in." in text

    alices.password = Sealed.of("wrong")
    alices.save()
    status, text = command("POP3", "--mailbox", "alice@us.test", "--json")
    told = json.loads(text)
    assert (status, told["result"]) == (1, "failure")
    assert told["directions"][0]["steps"][-1]["remedy"]
    saved.refresh_from_db()
    assert saved.last_test_execution_status == TestResult.FAILURE

    assert command("Nowhere") == (2, "There is no email server profile “Nowhere”.")
    assert command("POP3", "--mailbox", "x@us.test")[0] == 2


def test_exchange_is_tested_with_the_account_of_the_profile(company: Company) -> None:
    company.exchange_profile()
    status, text = command("Exchange")
    assert status == 0, text
    assert "service@us.test is signed in and acts as service@us.test." in text
