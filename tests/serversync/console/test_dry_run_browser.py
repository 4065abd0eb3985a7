"""“See what would change” pressed in a real browser: wide and on a phone, in both themes."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from mailboxes.models import Mailbox, Organization
from tests.company import Company, receive
from tests.letters import letter
from tests.serversync.console.test_browser import PHONE, Visit, browser
from tests.world import SandboxProcess
from tracking.crm.models import Email

__all__ = ["browser"]
pytestmark = [pytest.mark.debian, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def alices(sandbox: SandboxProcess, transactional_db: None) -> Mailbox:
    company = Company(sandbox)
    Organization.objects.get_or_create(pk=1)
    alices = company.user("Alice", company.pop3_profile())
    for number in range(4):
        words = f"Our plan for the quarter, part {number}"
        sandbox.deliver("alice@us.test", letter(f"ann{number}@acme.test", "alice@us.test", words, "x"))
    receive(alices)
    return alices


def test_the_button_beside_save_shows_what_would_change(browser: Browser, live_server: Any, alices: Mailbox) -> None:
    visit = Visit(browser, live_server, PHONE, user=alices.regarding_user)
    visit.open(live_server.url + "/mailbox/")
    visit.page.get_by_label("Email messages in response to our email").check()
    visit.page.get_by_role("button", name="See what would change").click()
    visit.page.get_by_text("What would change for").wait_for()
    assert visit.page.locator("table.ss-table tbody tr").count() == 4
    visit.assert_fine("what would change")
    visit.page.get_by_role("button", name="Save this filter").click()
    visit.page.get_by_text("Saved.").first.wait_for()
    alices.regarding_user.sync_settings.refresh_from_db()
    assert alices.regarding_user.sync_settings.incoming_email_filtering_method == 1
    assert visit.troubles == []
    visit.context.close()


def test_settings_are_tried_and_saved_from_there(browser: Browser, live_server: Any, alices: Mailbox) -> None:
    visit = Visit(browser, live_server, PHONE)
    visit.open(live_server.url + "/mailboxes/organization/1/change/")
    visit.page.locator("[name=maximum_message_size]").evaluate("field => { field.value = 1000000 }")
    visit.page.locator("[name=sss_force_filtering_method_for_user_mailboxes]").evaluate(
        "field => { field.value = '4' }"
    )
    visit.page.get_by_role("button", name="See what would change").click()
    visit.page.get_by_label("Address of the mailbox").fill("alice@us.test")
    visit.page.get_by_role("button", name="See what would change").click()
    visit.page.get_by_text("What would change for").wait_for()
    visit.assert_fine("what settings would change")
    visit.page.get_by_role("button", name="Save the form").click()
    visit.page.wait_for_url("**/mailboxes/organization/**")
    assert Organization.objects.get().overrides == {
        "maximum_message_size": 1_000_000,
        "sss_force_filtering_method_for_user_mailboxes": 4,
    }
    assert visit.troubles == []
    visit.context.close()


def test_the_page_before_rebuilding_fits(browser: Browser, live_server: Any, alices: Mailbox) -> None:
    user = alices.regarding_user
    user.is_staff = user.is_superuser = True
    user.save()
    Email.objects.update(subject="?" * 200)
    visit = Visit(browser, live_server, PHONE, "light", user)
    visit.open(live_server.url + "/crm/email/")
    visit.page.locator("input.action-select").first.evaluate(
        """box => {
            const form = box.form; box.checked = true;
            const field = document.createElement("input"); field.name = "action"; field.value = "rebuild";
            form.querySelectorAll("[name=action]").forEach(one => one.remove());
            form.append(field); form.submit();
        }"""
    )
    visit.page.get_by_role("button", name="Rebuild 1 email").wait_for()
    visit.assert_fine("before rebuilding")
    visit.page.get_by_role("button", name="Rebuild 1 email").click()
    visit.page.get_by_text("Rebuilt: 1.").first.wait_for()
    assert visit.troubles == []
    visit.context.close()
