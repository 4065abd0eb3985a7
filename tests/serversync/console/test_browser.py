"""The console in a real browser: nothing breaks, nothing is loaded from elsewhere, nothing sticks out on a phone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

from mailboxes.models import Leg, Mailbox, MailboxLeg
from tests.letters import letter
from tests.serversync.console.people import kept, mailbox, profile, row
from tracking.models import LedgerState

pytestmark = [pytest.mark.debian, pytest.mark.django_db(transaction=True)]
DESKTOP, PHONE = 1280, 390
THEMES = ("light", "dark")
SWITCH = """async theme => {
    const element = document.documentElement;
    Alpine.$data(element).switchTheme(theme);
    await Alpine.nextTick();
    for (let frame = 0; frame < 4; frame++) await new Promise(requestAnimationFrame);  // charts follow the width
    document.getAnimations().filter(one => one instanceof CSSTransition).forEach(one => one.finish());
    return element.classList.contains("dark") === (theme === "dark");
}"""
HTML = (
    '<p>Good news</p><script>alert(1)</script><img src="https://evil.test/pixel.gif"><p style="width:3000px">wide</p>'
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Chromium is not installed")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        # The driver runs an event loop in this thread; the database is used from here as well.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        chromium = playwright.chromium.launch(executable_path=path, args=options)
        yield chromium
        chromium.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def bobs(transactional_db: None) -> Mailbox:
    """Bob's mailbox with one email in it."""
    found = mailbox("Bob", profile())
    email = kept(found, letter("dora@them.test", "bob@us.test", "A subject " * 12, "plain", html=HTML))
    row(found, LedgerState.TRACKED, reason=6, email=email, message_id=email.message_id)
    return found


class Visit:
    """A browser window, Ada's who administers or that of `user`, and what went wrong in it."""

    def __init__(
        self, browser: Browser, server: Any, width: int = DESKTOP, theme: str = "light", user: Any = None
    ) -> None:
        self.troubles: list[str] = []
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
        signed_in = Client()
        signed_in.force_login(
            user or get_user_model().objects.get_or_create(username="ada", is_staff=True, is_superuser=True)[0]
        )
        session = signed_in.cookies[settings.SESSION_COOKIE_NAME].value
        self.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": server.url}])
        self.page: Page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on("console", lambda said: self._hear(said.type, said.text))
        self.page.on("request", lambda request: self._see(request.url, server.url))

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error":
            self.troubles.append(f"console: {text}")

    def _see(self, url: str, own: str) -> None:
        if not url.startswith((own, "data:", "about:")):
            self.troubles.append(f"loaded from elsewhere: {url}")

    def open(self, address: str) -> None:
        self.page.goto(address)
        self.page.wait_for_load_state("networkidle")

    def sticks_out(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))

    def looks(self, *widths: int) -> Iterator[str]:
        """The open page in each width and both themes; afterwards it is as wide as it was, and light."""
        was = self.page.viewport_size
        assert was is not None
        self.page.wait_for_load_state()
        self.page.wait_for_function(
            "Boolean(window.Alpine)"
        )  # a click on a link returns before the new page's scripts ran
        for width in widths or (DESKTOP, PHONE):
            self.page.set_viewport_size({"width": width, "height": 900})
            for theme in THEMES:
                assert self.page.evaluate(SWITCH, theme), f"The page does not turn {theme}."
                yield f"{width} {theme}"
        self.page.set_viewport_size(was)
        self.page.evaluate(SWITCH, "light")

    def assert_fits(self, name: str) -> None:
        """Nothing sticks out of the open page on any screen in any theme."""
        for look in self.looks():
            if folder := os.environ.get("SCREENSHOTS"):
                self.page.screenshot(path=f"{folder}/{name.strip('/').replace('/', '-')}-{look}.png", full_page=True)
            assert not self.sticks_out(), f"{name}, {look}"

    def assert_fine(self, name: str) -> None:
        """The open page fits every screen, and nothing has gone wrong so far."""
        self.assert_fits(name)
        assert self.troubles == [], name


def test_alice_looks_around(browser: Browser, live_server: Any, bobs: Mailbox) -> None:
    visit = Visit(browser, live_server)
    email = bobs.received_emails.get()
    for address in (
        "/",
        "/mailboxes/mailbox/",
        f"/mailbox/{bobs.pk}/",
        f"/mailboxes/mailbox/{bobs.pk}/change/",
        "/crm/email/",
        f"/email/{email.pk}/",
        "/why/?message_id=them.test",
        f"/brake/pause/?mailbox={bobs.pk}",
        "/health/",
        "/instance/",
        "/help/settings/",
        "/auditlog/logentry/",
        f"/mailboxes/mailbox/{bobs.pk}/history/",
    ):
        visit.open(live_server.url + address)
        visit.assert_fine(address)
    visit.context.close()


@pytest.mark.parametrize("theme", THEMES)
def test_a_page_looks_as_the_system_of_its_reader_does(
    browser: Browser, live_server: Any, bobs: Mailbox, theme: str
) -> None:
    visit = Visit(browser, live_server, theme=theme)
    for page in (visit, Visit(browser, live_server, theme=theme, user=bobs.regarding_user)):
        page.open(live_server.url + ("/" if page is visit else "/mailbox/"))
        is_dark = page.page.evaluate("document.documentElement.classList.contains('dark')")
        assert is_dark == (theme == "dark")
        page.context.close()


def test_the_body_is_shown_and_can_do_nothing(browser: Browser, live_server: Any, bobs: Mailbox) -> None:
    visit = Visit(browser, live_server)
    visit.open(f"{live_server.url}/email/{bobs.received_emails.get().pk}/")
    frame = visit.page.frame_locator("iframe")
    assert frame.locator("p").first.inner_text() == "Good news"
    assert frame.locator("script").count() == 0
    assert frame.locator("img").get_attribute("src", timeout=5000).startswith("data:")  # type: ignore[union-attr]
    assert visit.troubles == []
    visit.context.close()


def test_alice_presses_sync_now(browser: Browser, live_server: Any, bobs: Mailbox) -> None:
    visit = Visit(browser, live_server, PHONE)
    visit.open(live_server.url + "/mailboxes/mailbox/?q=bob")
    visit.page.get_by_role("button", name="Sync now Bob").click()
    visit.page.get_by_text("legs were asked to run now").wait_for()
    assert visit.page.url.endswith("/mailboxes/mailbox/?q=bob")
    assert MailboxLeg.objects.get(mailbox=bobs, leg=Leg.INCOMING).requested_on is not None
    assert visit.troubles == []
    visit.context.close()


def test_alice_pulls_the_brake_with_two_clicks(browser: Browser, live_server: Any, bobs: Mailbox) -> None:
    visit = Visit(browser, live_server, PHONE)
    visit.open(live_server.url + "/")
    visit.page.get_by_role("link", name="Pause…").click()
    visit.page.locator("[name=reason]").fill("The mail server moves house.")
    visit.page.get_by_role("button", name="Pause now").click()
    visit.page.get_by_text("Synchronization is paused for the whole organization.").wait_for()
    assert "The mail server moves house." in MailboxLeg.objects.get(mailbox=bobs, leg=Leg.INCOMING).skip_reason
    visit.assert_fine("paused")
    visit.page.get_by_role("button", name="Resume").click()
    visit.page.get_by_text("Resumed: the organization.").wait_for()
    assert MailboxLeg.objects.get(mailbox=bobs, leg=Leg.INCOMING).requested_on is not None
    assert visit.troubles == []
    visit.context.close()


def test_alice_sets_a_profile_for_a_ticked_mailbox(browser: Browser, live_server: Any, bobs: Mailbox) -> None:
    branch, visit = profile("Branch"), Visit(browser, live_server, PHONE)
    visit.open(live_server.url + "/mailboxes/mailbox/?q=bob")
    visit.page.locator(f"input[name=_selected_action][value='{bobs.pk}']").check()
    visit.page.locator("select[name=action]").select_option("set_profile")
    visit.page.locator("button[name=index]").click()
    visit.page.get_by_role("heading", name="Set the profile of 1 mailbox?").wait_for()
    visit.assert_fine("set the profile")
    visit.page.locator("select[name=profile]").select_option("Branch")
    visit.page.get_by_role("button", name="Set the profile").click()
    visit.page.get_by_text("1 mailboxes were changed").wait_for()
    assert visit.page.url.endswith("/mailboxes/mailbox/?q=bob")
    assert Mailbox.objects.get(pk=bobs.pk).email_server_profile == branch
    assert visit.troubles == []
    visit.context.close()
