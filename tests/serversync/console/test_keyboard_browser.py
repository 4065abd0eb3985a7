"""Without a mouse: Alice, who administers, signs in, runs Bob's mailbox from the list, and changes her own filter."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from mailboxes.models import IncomingFilter, Leg, Mailbox, MailboxLeg, UserSettings
from tests.serversync.console.people import mailbox, profile
from tests.serversync.console.test_browser import DESKTOP, PHONE, Visit, browser
from tests.serversync.console.test_owner_browser import tab_to

__all__ = ["browser"]
pytestmark = [pytest.mark.debian, pytest.mark.django_db(transaction=True)]
MOST = 120  # stops on a page with navigation, filters and a list


@pytest.fixture
def alices(transactional_db: None) -> Mailbox:
    """Alice administers, and has a mailbox as everybody has."""
    found = mailbox("Alice", profile())
    person = found.regarding_user
    assert person is not None
    person.is_staff = person.is_superuser = True
    person.set_password("right")
    person.save()
    return found


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_alice_works_without_a_mouse(browser: Browser, live_server: Any, alices: Mailbox, width: int) -> None:
    bobs = mailbox("Bob")
    visit = Visit(browser, live_server, width, "light", alices.regarding_user)
    visit.context.clear_cookies()
    page, keys = visit.page, visit.page.keyboard
    visit.open(live_server.url + "/mailboxes/mailbox/")
    tab_to(page, "input[name=username]")
    keys.type("alice")
    tab_to(page, "input[name=password]")
    keys.type("right")
    keys.press("Enter")
    page.get_by_text("bob@us.test").wait_for()

    tab_to(page, "a.ss-skip")
    keys.press("Enter")
    tab_to(page, f"a[href='/mailbox/{bobs.pk}/']", MOST)
    keys.press("Enter")
    page.get_by_role("heading", name="Directions").wait_for()
    tab_to(page, "a.ss-skip")
    keys.press("Enter")
    tab_to(page, f"form[action='/mailbox/{bobs.pk}/sync/'] button")
    keys.press("Enter")
    page.get_by_text("legs were asked to run now").wait_for()
    assert MailboxLeg.objects.get(mailbox=bobs, leg=Leg.INCOMING).requested_on is not None

    if width == DESKTOP:  # on a phone the navigation is folded away
        tab_to(page, "a[href='/mailbox/']", MOST)
        keys.press("Enter")
    else:
        page.goto(live_server.url + "/mailbox/")
    page.get_by_role("heading", name="Which mail is kept").wait_for()
    tab_to(page, "input[name=takes]")
    keys.press("ArrowDown")
    tab_to(page, "form[action$='/filter/'] button")
    keys.press("Enter")
    page.get_by_text("Mail that arrives from now on is kept by this rule.").wait_for()
    stored = UserSettings.objects.get(user=alices.regarding_user)
    assert stored.incoming_email_filtering_method == IncomingFilter.FROM_LEADS_CONTACTS_ACCOUNTS
    assert visit.troubles == []
    visit.context.close()
