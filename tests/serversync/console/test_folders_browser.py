"""Choosing a folder in a real browser: by mouse and by keyboard, on a desktop and a phone, in both themes; axe looks on."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page

from mailboxes.models import IncomingFilter, Mailbox
from serversync.cycles import hierarchy
from tests.company import Company, receive
from tests.letters import letter
from tests.serversync.console.test_axe import axe, faults
from tests.serversync.console.test_browser import DESKTOP, PHONE, Visit, browser
from tests.world import SandboxProcess
from tracking.crm.models import Account, Email
from tracking.models import FolderOnboardingStatus, MailboxTrackingFolder

__all__ = ["axe", "browser"]
pytestmark = [pytest.mark.debian, pytest.mark.django_db(transaction=True)]
ALICE = "alice@us.test"


@pytest.fixture
def alice(transactional_db: None, sandbox: SandboxProcess) -> Mailbox:
    """Alice on Exchange with folders of her customers, one with a long name, and two messages of Acme."""
    company = Company(sandbox)
    found = company.user("Alice", company.exchange_profile(), takes=IncomingFilter.NO_MESSAGES)
    found.regarding_user.is_staff = found.regarding_user.is_superuser = True
    found.regarding_user.save()
    sandbox.folder(ALICE, "Customers", "inbox")
    sandbox.folder(ALICE, "Acme", "Inbox/Customers")
    sandbox.folder(ALICE, "A folder with a name that is much too long to fit on a phone " * 2, "Inbox/Customers/Acme")
    for number in range(2):
        sandbox.deliver(
            ALICE, letter("dora@acme.test", ALICE, f"Offer {number}", "Dear Alice"), None, "Inbox/Customers/Acme"
        )
    Account.objects.create(name="Acme Pumps", owner=found.regarding_user)
    return found


def press(page: Page, name: str, by_keyboard: bool, role: Any = "button") -> None:
    """Use a button or link, by mouse or by the keyboard alone."""
    found = page.get_by_role(role, name=name).first
    if not by_keyboard:
        found.click()
        return
    for _ in range(200):
        page.keyboard.press("Tab")
        if found.evaluate("one => one === document.activeElement"):
            page.keyboard.press("Enter")
            return
    pytest.fail(f"The keyboard does not reach {name}")


@pytest.mark.parametrize(
    ("width", "frame", "by_keyboard"), [(DESKTOP, "owner", True), (DESKTOP, "console", False), (PHONE, "owner", False)]
)
def test_alice_picks_a_folder_and_its_mail_is_tracked(
    browser: Browser, live_server: Any, alice: Mailbox, axe: str, width: int, frame: str, by_keyboard: bool
) -> None:
    visit = Visit(browser, live_server, width, user=alice.regarding_user)
    page = visit.page

    def look(name: str) -> None:
        page.wait_for_load_state("networkidle")
        visit.assert_fine(f"folders {name} {frame}")
        assert faults(visit, axe, width) == [], name

    visit.open(live_server.url + ("/mailbox/folders/" if frame == "owner" else f"/mailbox/{alice.pk}/folders/"))
    press(page, "Fetch the folders", by_keyboard)
    page.get_by_text("The server is being asked").wait_for()
    assert hierarchy.fetch_next(timezone.now)
    page.get_by_text("As the server told them").wait_for()
    look("tree")
    press(page, "Track this folder… Inbox/Customers/Acme", by_keyboard, "link")
    page.get_by_label("Kind of record").wait_for()
    page.get_by_label("Kind of record").select_option(label="Account")
    page.get_by_label("Name or address").fill("acme")
    press(page, "Search", by_keyboard)
    page.get_by_role("radio", name="Acme Pumps").wait_for()
    look("form")
    press(page, "See what it would do", by_keyboard)
    page.get_by_text("Newly tracked").wait_for()
    look("preview")
    press(page, "Track this folder", by_keyboard)
    page.get_by_text("What lies in it is taken in at the next run").wait_for()
    receive(alice)
    assert [email.regarding_name for email in Email.objects.all()] == ["Acme Pumps"] * 2
    half = {"folder_onboarding_status": FolderOnboardingStatus.GOING_ON, "onboarding_total": 40, "onboarding_done": 12}
    MailboxTrackingFolder.objects.update(**half)
    page.reload()
    page.get_by_text("12 of 40 messages taken in").wait_for()
    look("tracked")
    press(page, "Change… the rule of Inbox/Customers/Acme", by_keyboard, "link")
    page.get_by_role("button", name="Stop tracking it").wait_for()
    look("rule")
    press(page, "Stop tracking it", by_keyboard)
    page.get_by_text("What was tracked from it stays.").wait_for()
    assert not MailboxTrackingFolder.objects.exists()
    assert Email.objects.count() == 2
    visit.context.close()
