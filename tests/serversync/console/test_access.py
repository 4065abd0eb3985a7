"""Every page of the console is for staff with the permission to see its rows, and is told so by its headers."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes.models import MailboxStatistics, Organization, Queue, TraceLevel, TraceLog
from serversync.console.navigation import GROUPS
from tests.letters import letter
from tests.serversync.console.people import kept, mailbox, plain_letter, profile, row
from tracking.crm.models import Account, Case, Contact, Lead
from tracking.models import LedgerState

LISTS = [
    f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist" for model in admin.site._registry if model
]


@pytest.fixture
def addresses(db: None) -> list[str]:
    """The address of every page, with something to see on each."""
    headquarters = profile()
    alices = mailbox("Alice", headquarters)
    email = kept(
        alices, letter("dora@them.test", "alice@us.test", "Plan", "See it", attachments=[("a.txt", "text/plain", b"x")])
    )
    ledger_row = row(alices, LedgerState.TRACKED, reason=6, email=email, message_id=email.message_id)
    queue = Queue.objects.create(name="Support", email_address="support@us.test")
    organization = Organization.objects.create()
    now = timezone.now()
    alert = TraceLog.objects.create(
        mailbox=alices, level=TraceLevel.ERROR, cause="x", text="It stopped.", created_on=now, last_occurred_on=now
    )
    MailboxStatistics.objects.create(
        mailbox=alices,
        operation_type=0,
        mailbox_process_started_on=now,
        mailbox_process_completed_on=now,
        process_result=True,
    )
    records = [
        Account.objects.create(name="Them"),
        Contact.objects.create(full_name="Dora"),
        Lead.objects.create(full_name="Leo"),
        Case.objects.create(title="Broken"),
    ]
    forms = [headquarters, alices, queue, organization, alert, ledger_row, alices.regarding_user, *records]
    return [
        reverse("admin:index"),
        *(reverse(name) for name in LISTS),
        *(reverse(f"admin:{one._meta.app_label}_{one._meta.model_name}_change", args=[one.pk]) for one in forms),
        reverse("admin:mailboxes_mailbox_add"),
        reverse("admin:auth_user_add"),
        reverse("console:email", args=[email.pk]),
        reverse("console:body", args=[email.pk]),
        reverse("console:original", args=[email.pk]),
        reverse("console:attachment", args=[email.pk, email.attachments.get().attachment_number]),
        reverse("console:mailbox", args=[alices.pk]),
        reverse("console:why") + "?message_id=" + email.message_id.strip("<>"),
    ]


def test_alice_opens_every_page_and_no_page_shows_a_password(alice: Client, addresses: list[str]) -> None:
    for address in addresses:
        answer = alice.get(address)
        assert answer.status_code == 200, address
        assert b"a stored secret" not in answer.content, address
        assert b"f1:" not in answer.content, address


def test_bob_of_the_staff_sees_only_what_he_was_permitted(bob: Client, addresses: list[str]) -> None:
    home, *others = addresses
    assert "nothing has been opened to you yet" in bob.get(home).content.decode()
    for address in others:
        assert bob.get(address).status_code == 403, address


def test_charlie_is_sent_to_the_login_page_by_every_page(charlie: Client, addresses: list[str]) -> None:
    for address in addresses:
        answer = charlie.get(address)
        assert answer.status_code == 302, address
        assert answer.headers["Location"].startswith("/login/"), address


def test_a_stranger_is_sent_to_the_login_page_by_every_page(addresses: list[str]) -> None:
    for address in addresses:
        assert Client().get(address).headers["Location"].startswith("/login/"), address


@pytest.mark.parametrize("name", ["console:sync", "console:enable", "console:settle_delivery"])
def test_what_changes_something_is_only_posted(alice: Client, name: str) -> None:
    alices = mailbox("Alice", profile())
    arguments = {
        "console:sync": [alices.pk],
        "console:enable": [alices.pk, 0],
        "console:settle_delivery": [kept(alices, plain_letter()).pk],
    }
    assert alice.get(reverse(name, args=arguments[name])).status_code == 405


def test_every_page_loads_only_from_here(alice: Client) -> None:
    policy = alice.get("/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "object-src 'none'" in policy
    assert "http" not in policy


def test_the_navigation_leads_somewhere(alice: Client) -> None:
    page = alice.get("/").content.decode()
    for items in GROUPS.values():
        for title, _, _, name, _ in items:
            assert f'href="{reverse(name)}"' in page, title


def test_schedules_are_never_edited() -> None:
    names = {model.__name__ for model in admin.site._registry}
    assert "Failure" in names
    assert not names & {"Schedule", "OrmQ"}
