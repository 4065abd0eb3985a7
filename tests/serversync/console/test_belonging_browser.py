"""The page "Belongs to…" in a real browser: both frames, both themes, desktop and phone, without scripts."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from playwright.sync_api import Browser

from mailboxes.models import Mailbox
from tests.letters import letter
from tests.serversync.console.people import kept, mailbox, profile
from tests.serversync.console.test_browser import PHONE, Visit, browser
from tracking.crm.models import Account, Email

__all__ = ["browser"]
pytestmark = [pytest.mark.debian, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def alices(transactional_db: None) -> Mailbox:
    """Alice, who is staff as well, with a conversation of two emails and some accounts with long names."""
    found = mailbox("Alice", profile())
    found.regarding_user.is_staff = found.regarding_user.is_superuser = True
    found.regarding_user.save()
    for number in range(2):
        kept(found, letter("dora@them.test", "alice@us.test", "The long story of our plan " * 6, str(number)))
    first = Email.objects.order_by("id").first()
    Email.objects.update(conversation_tracking_id=first.pk, owner=found.regarding_user)
    for name in ("Acme", "Acme Pumps and Very Long Names Incorporated of North Holland and Beyond"):
        Account.objects.create(name=name, email_address_1="office@acme.test")
    return found


def test_alice_files_a_conversation(browser: Browser, live_server: Any, alices: Mailbox) -> None:
    visit = Visit(browser, live_server, PHONE, user=alices.regarding_user)
    email = Email.objects.order_by("id").first()
    kind = ContentType.objects.get_for_model(Account).pk
    for frame in ("/email/", "/mailbox/email/"):
        page = f"{live_server.url}{frame}{email.pk}/"
        visit.open(page)
        visit.page.get_by_role("link", name="Belongs to…").click()
        visit.page.get_by_label("Kind of record").select_option(str(kind))
        visit.page.get_by_label("Name or address").fill("pumps acme")
        visit.page.get_by_role("button", name="Search").click()
        visit.page.get_by_role("radio", name="Acme Pumps").check()
        visit.assert_fine(page)
        visit.page.get_by_role("button", name="File", exact=True).click()
        visit.page.get_by_text("2 emails of the conversation now belong to Acme Pumps").wait_for()
        assert visit.troubles == [], page
    assert {one.regarding_name[:10] for one in Email.objects.all()} == {"Acme Pumps"}
    visit.context.close()
