"""The owner's page in a real browser: on a phone, with the keyboard alone, in both themes."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page

from mailboxes.models import IncomingFilter, LegStatus, Mailbox, Queue, TraceLevel, TraceLog, Trial, UserSettings
from tests.letters import letter
from tests.serversync.console.people import kept, mailbox, profile, row
from tests.serversync.console.test_browser import PHONE, Visit, browser
from tracking.models import LedgerState

__all__ = ["browser"]
pytestmark = [pytest.mark.debian, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def alices(transactional_db: None) -> Mailbox:
    """Alice's mailbox in trouble, with one email that is kept and two messages that are not."""
    found, now = mailbox("Alice", profile()), timezone.now()
    email = kept(found, letter("dora@them.test", "alice@us.test", "The long story of our plan " * 6, "See there"))
    row(found, LedgerState.TRACKED, reason=6, email=email, message_id=email.message_id)
    row(found, LedgerState.IGNORED, reason=1, message_id=f"<{'x' * 150}@them.test>")
    row(found, LedgerState.QUARANTINED, attempts=5, error="A header could not be read.", message_id="<bad@them.test>")
    found.legs.filter(leg=1).update(
        status=LegStatus.FAILURE, failures=2, last_error="The server refused.", last_remedy="Enter the right password."
    )
    TraceLog.objects.create(
        mailbox=found, level=TraceLevel.ERROR, cause="x", text="It fails.", created_on=now, last_occurred_on=now
    )
    steps = [
        {"name": "Sign in", "ok": True, "words": "The server let us in.", "remedy": ""},
        {"name": "Send", "ok": False, "words": "The server refused it.", "remedy": "Ask for the right to send."},
    ]
    Trial.objects.create(mailbox=found, leg=1, requested_on=now, finished_on=now, succeeded=False, steps=steps)
    Queue.objects.create(name="Support", email_address="support@us.test", owner=found.regarding_user)
    return found


def test_alice_looks_at_her_mailbox(browser: Browser, live_server: Any, alices: Mailbox) -> None:
    visit = Visit(browser, live_server, user=alices.regarding_user)
    queue = Queue.objects.get()
    for address in ("/mailbox/", f"/mailbox/queue/{queue.pk}/", f"/mailbox/email/{alices.received_emails.get().pk}/"):
        visit.open(live_server.url + address)
        visit.assert_fine(address)
    visit.context.close()


def tab_to(page: Page, what: str, most: int = 60) -> None:
    """Press Tab until the element is focused, as somebody without a mouse does; every stop must be visible."""
    for _ in range(most):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.getClientRects().length > 0"), "the focus is on nothing visible"
        if page.evaluate("selector => document.activeElement.matches(selector)", what):
            return
    raise AssertionError(f"{what} is not reached by the keyboard")


def test_alice_changes_the_filter_on_her_phone_by_keyboard_alone(
    browser: Browser, live_server: Any, alices: Mailbox
) -> None:
    visit = Visit(browser, live_server, PHONE, user=alices.regarding_user)
    visit.open(live_server.url + "/mailbox/")
    tab_to(visit.page, "input[name=takes]")
    visit.page.keyboard.press("ArrowDown")
    tab_to(visit.page, "form[action$='/filter/'] button")
    visit.page.keyboard.press("Enter")
    visit.page.get_by_text("Mail that arrives from now on is kept by this rule.").wait_for()
    stored = UserSettings.objects.get(user=alices.regarding_user)
    assert stored.incoming_email_filtering_method == IncomingFilter.FROM_LEADS_CONTACTS_ACCOUNTS
    assert visit.troubles == []
    visit.context.close()


def test_alice_signs_in_by_keyboard(browser: Browser, live_server: Any, alices: Mailbox) -> None:
    alices.regarding_user.set_password("right")
    alices.regarding_user.save()
    visit = Visit(browser, live_server, PHONE, user=alices.regarding_user)
    visit.context.clear_cookies()
    visit.open(live_server.url + "/mailbox/")
    visit.assert_fine("login")
    visit.page.get_by_label("Username").fill("alice")
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.type("right")
    visit.page.keyboard.press("Enter")
    visit.page.get_by_role("heading", name="How it is doing").wait_for()
    assert not visit.sticks_out()
    assert visit.troubles == []
    visit.context.close()
