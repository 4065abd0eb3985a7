"""The pages of the owner's word in a real browser: on a phone and a desktop, in both themes."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser

from mailboxes.models import Mailbox
from tests.serversync.console.people import kept, mailbox, plain_letter, profile, row
from tests.serversync.console.test_browser import PHONE, Visit, browser
from tracking.crm.models import Email
from tracking.keep import exclusions
from tracking.models import LedgerState
from tracking.models.exclusions import ExclusionKind

__all__ = ["browser"]
pytestmark = [pytest.mark.debian, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def alices(transactional_db: None) -> Mailbox:
    """Alice's mailbox with one tracked email, one that was left out, and exclusions."""
    found = mailbox("Alice", profile())
    email = kept(found, plain_letter())
    row(found, LedgerState.TRACKED, reason=6, email=email, message_id=email.message_id)
    row(found, LedgerState.IGNORED, reason=1, message_id="<left.out@them.test>")
    exclusions.add(found, ExclusionKind.DOMAIN, "a-very-long-name-of-a-domain." * 4 + "test", None, timezone.now())
    return found


def test_alice_says_what_is_never_tracked_and_untracks_what_was(
    browser: Browser, live_server: Any, alices: Mailbox
) -> None:
    visit = Visit(browser, live_server, PHONE, user=alices.regarding_user)
    page = visit.page
    visit.open(live_server.url + f"/mailbox/email/{Email.objects.get().pk}/")
    page.get_by_role("link", name="Untrack…").click()
    visit.assert_fine("word untrack")
    page.get_by_role("button", name="Never this sender’s domain").click()
    visit.assert_fine("word excluded")
    page.get_by_role("link", name="Leave it tracked").click()
    visit.assert_fine("word mailbox")
    page.get_by_label("Received since").fill("2020-01-01")
    page.get_by_role("button", name="Count them").click()
    visit.assert_fine("word since")
    page.get_by_role("button", name="Untrack 1 message").click()
    assert "1 message was untracked" in page.content()
    assert not Email.objects.exists()
    visit.context.close()
