"""Test and enable in a real browser: the steps appear by themselves, on a phone and by keyboard as well."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser

from mailboxes.models import Leg, Mailbox, Trial
from tests.serversync.console.people import mailbox, profile
from tests.serversync.console.test_browser import PHONE, Visit, browser

__all__ = ["browser"]  # a fixture
pytestmark = [pytest.mark.debian, pytest.mark.django_db(transaction=True)]

PASSED = [
    {"name": "Allowed here", "ok": True, "words": "Mailbox, address and server profile may be used.", "remedy": ""},
    {"name": "Log in", "ok": True, "words": "As bob@us.test.", "remedy": ""},
    {"name": "Find that message in the Inbox", "ok": None, "words": "Not looked for.", "remedy": ""},
]
REMEDY = "Give the role: New-ManagementRoleAssignment -Role ApplicationImpersonation -User service@us.test " * 2
FAILED = [
    *PASSED[:2],
    {"name": "Open the Inbox", "ok": False, "words": "It may not act as bob@us.test.", "remedy": REMEDY},
]


@pytest.fixture
def bobs(transactional_db: None) -> Mailbox:
    return mailbox("Bob", profile())


def finish() -> None:
    """What a worker writes."""
    now = timezone.now()
    Trial.objects.filter(leg=Leg.OUTGOING).update(finished_on=now, succeeded=True, steps=PASSED)
    Trial.objects.filter(leg=Leg.INCOMING).update(finished_on=now, succeeded=False, steps=FAILED)


def test_alice_tests_bobs_mailbox_by_keyboard(browser: Browser, live_server: Any, bobs: Mailbox) -> None:
    visit = Visit(browser, live_server, PHONE)
    visit.open(f"{live_server.url}/mailbox/{bobs.pk}/")
    visit.page.get_by_role("button", name="Test and enable").focus()
    visit.page.keyboard.press("Enter")
    visit.page.get_by_text("testing…").wait_for()
    visit.assert_fine("testing")

    finish()
    visit.page.get_by_text("It may not act as bob@us.test.").first.wait_for(timeout=15_000)

    visit.page.get_by_role("button", name="Test and enable").wait_for()
    visit.assert_fine("tested")
    visit.open(f"{live_server.url}/tests/")
    visit.page.get_by_text("It may not act as bob@us.test.").wait_for()
    visit.assert_fine("tests")
    visit.context.close()
