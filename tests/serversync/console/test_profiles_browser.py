"""The page of a profile in a real browser: only what applies is shown, and the connection is tested in place."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from playwright.sync_api import Browser, expect

from tests.company import Company
from tests.serversync.console import test_browser
from tests.serversync.console.test_browser import PHONE, Visit
from tests.world import SandboxProcess

pytestmark = [pytest.mark.debian, pytest.mark.django_db(transaction=True)]
browser = test_browser.browser
PAGE = "/profiles/emailserverprofile/"


@pytest.fixture
def company(sandbox: SandboxProcess, transactional_db: None) -> Company:
    return Company(sandbox)


def test_alice_tests_the_connection(browser: Browser, live_server: Any, company: Company) -> None:
    saved = company.pop3_profile()
    company.user("Alice", saved)
    visit = Visit(browser, live_server, PHONE)
    visit.open(f"{live_server.url}{PAGE}{saved.pk}/change/")
    visit.page.get_by_label("Sign in with the credentials of").fill("alice@us.test")
    visit.page.get_by_role("button", name="Test connection").click()
    expect(visit.page.get_by_text("alice@us.test is signed in.")).to_have_count(2)
    visit.assert_fine("profile tested")
    visit.context.close()


def test_only_what_applies_to_the_server_type_is_shown(browser: Browser, live_server: Any, company: Company) -> None:
    visit = Visit(browser, live_server)
    visit.open(f"{live_server.url}{PAGE}add/?preset=gmail")
    port, impersonation = (visit.page.locator(f"#id_incoming_{name}") for name in ("port_number", "use_impersonation"))
    expect(port).to_have_value("995")
    expect(impersonation).to_be_hidden()
    visit.page.locator("#id_server_type").select_option("0")
    expect(port).to_be_hidden()
    visit.page.locator("#id_incoming_credential_retrieval").select_option("1")
    expect(impersonation).to_be_visible()
    assert visit.troubles == []
    visit.context.close()


def test_who_may_only_look_sees_everything(browser: Browser, live_server: Any, company: Company) -> None:
    saved = company.pop3_profile()
    viewer = get_user_model().objects.create_user("vera", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_emailserverprofile"))
    visit = Visit(browser, live_server, user=viewer)
    visit.open(f"{live_server.url}{PAGE}{saved.pk}/change/")
    expect(visit.page.get_by_text("Incoming port")).to_be_visible()
    expect(visit.page.get_by_role("button", name="Test connection")).to_have_count(0)
    assert visit.troubles == []
    visit.context.close()
