"""The first day, by clicking alone: sign in, describe a server, add Bob, approve, test, and ask why a mail was tracked.

Console and worker are processes of their own, as in production, on an empty database; the mail server is the sandbox.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.company import PASSWORD, SERVICE
from tests.letters import letter
from tests.serversync.console.test_browser import DESKTOP, browser
from tests.worker import Worker, until
from tests.world import SandboxProcess

__all__ = ["browser"]
pytestmark = [pytest.mark.debian, pytest.mark.own_database, pytest.mark.timeout(300)]
ADA = """
from django.contrib.auth import get_user_model
get_user_model().objects.create_superuser("ada", "ada@us.test", "the first password")
"""
PEOPLE = 200
MANY = """
from django.contrib.auth import get_user_model
from mailboxes.models import Approval, Mailbox
from tests.company import Company
from tests.world import SandboxProcess
class Far(SandboxProcess):
    def __init__(self, ports): self.ports = ports
profile = Company(Far({ports!r})).exchange_profile(max_concurrent_connections=20)
get_user_model().objects.create_superuser("ada", "ada@us.test", "the first password")
for number in range(200):
    get_user_model().objects.create_user(f"person-{{number:03}}", f"person-{{number:03}}@us.test")
Mailbox.objects.filter(name__startswith="person-").update(
    email_server_profile=profile, incoming_email_delivery_method=2, outgoing_email_delivery_method=2,
    email_router_access_approval=Approval.APPROVED,
)
"""


class Console:
    """The web server beside a worker, on its database."""

    def __init__(self, worker: Worker) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "runserver", f"127.0.0.1:{port}", "--noreload"],
            cwd=worker.root,
            env={**worker.environment, "DEBUG": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._answers)

    def _answers(self) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(self.url + "/healthz", timeout=5):
                return True
        except urllib.error.URLError:
            return False

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(timeout=20)


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path, sandbox: SandboxProcess) -> Iterator[tuple[Worker, Console]]:
    """Worker and console on a new database that `request.param` sets up."""
    sandbox.account(SERVICE, PASSWORD, impersonate=True)
    worker = Worker(tmp_path, sandbox, request.param)
    try:
        console = Console(worker)
        yield worker, console
        console.close()
    finally:
        worker.close()


def sign_in(browser: Browser, console: Console) -> Page:
    """Ada opens the console for the first time."""
    page = browser.new_page(viewport={"width": DESKTOP, "height": 900})
    page.goto(console.url)
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("the first password")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="First steps").wait_for()
    return page


def describe_the_server(page: Page, sandbox: SandboxProcess) -> None:
    """The profile: Exchange, one service account for everybody."""
    page.get_by_role("link", name="Describe your mail server").click()
    page.locator("#id_name").fill("Headquarters")
    page.locator("#id_server_type").select_option(label="Exchange Server")
    page.get_by_text("Receiving", exact=True).first.click()
    page.locator("#id_incoming_server_location").fill(sandbox.ews_url)
    page.locator("#id_incoming_tls").select_option("none")
    page.locator("#id_incoming_credential_retrieval").select_option("1")
    page.locator("#id_incoming_username").fill(SERVICE)
    page.locator("#id_new_incoming_password").fill(PASSWORD)
    page.locator("#id_incoming_use_impersonation").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("was added successfully").wait_for()


def add_bob(page: Page) -> None:
    """A user, who takes every message."""
    page.get_by_role("link", name="Users", exact=True).first.click()
    page.get_by_role("link", name=re.compile("Add user")).first.click()
    page.locator("#id_username").fill("bob")
    page.locator("#id_email").fill("bob@us.test")
    page.locator("#id_password1").fill("a long enough password")
    page.locator("#id_password2").fill("a long enough password")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("was added successfully").wait_for()
    page.get_by_role("link", name="User settings", exact=True).first.click()
    page.get_by_role("link", name="bob").first.click()
    page.locator("#id_incoming_email_filtering_method").select_option(label="All email messages")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("was changed successfully").wait_for()


def give_bob_the_profile(page: Page) -> None:
    """The mailbox that was made for him gets the server and the methods."""
    page.get_by_role("link", name="Mailboxes", exact=True).first.click()
    page.get_by_role("link", name=re.compile("^bob")).click()
    page.get_by_role("link", name="Edit", exact=True).click()
    page.locator("#select2-id_email_server_profile-container").click()
    page.get_by_role("option", name="Headquarters").click()
    page.locator("#id_incoming_email_delivery_method").select_option("2")
    page.locator("#id_outgoing_email_delivery_method").select_option("2")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("was changed successfully").wait_for()


def choose_for(page: Page, action: str) -> None:
    """Choose an action for the ticked mailboxes and run it."""
    page.locator("select[name=action]").first.select_option(action)
    page.get_by_role("button", name="Run").first.click()


@pytest.mark.parametrize("house", [ADA], indirect=True)
def test_from_the_first_login_to_why(browser: Browser, house: tuple[Worker, Console], sandbox: SandboxProcess) -> None:
    _, console = house
    sandbox.account("bob@us.test", PASSWORD)
    page = sign_in(browser, console)
    describe_the_server(page, sandbox)
    add_bob(page)
    give_bob_the_profile(page)

    page.get_by_role("row", name=re.compile("bob")).get_by_role("checkbox").check()
    choose_for(page, "approve")
    page.get_by_text("1 addresses were approved.").wait_for()

    page.get_by_role("link", name=re.compile("^bob")).click()
    page.get_by_role("button", name="Test and enable").click()
    page.get_by_text("testing…").wait_for()
    tests = page.locator("#tests")
    tests.get_by_role("button", name="Test and enable").wait_for(timeout=60_000)
    assert tests.get_by_text("passed", exact=True).count() == 2, tests.inner_text()

    raw = letter("dora@them.test", "bob@us.test", "The plan", "See there", message_id="<plan@them.test>")
    sandbox.deliver("bob@us.test", raw)
    page.get_by_role("button", name="Sync now").click()
    page.get_by_text("legs were asked to run now").wait_for()

    def is_decided() -> bool:
        page.reload()
        return (
            page.get_by_role("heading", name="Recent decisions").locator("xpath=../..").get_by_text("Tracked").count()
            > 0
        )

    until(is_decided)
    page.get_by_role("link", name="Why?").click()
    page.get_by_label("Why was this mail tracked, or not?").fill("plan@them.test")
    page.get_by_role("button", name="Explain").click()
    page.get_by_text("The filter takes all messages.", exact=True).wait_for()
    page.get_by_role("link", name="Open the email").click()
    page.get_by_text("The plan").first.wait_for()
    page.close()


@pytest.mark.parametrize("house", [MANY], indirect=True)
def test_two_hundred_mailboxes_are_tested_and_enabled_at_once(
    browser: Browser, house: tuple[Worker, Console], sandbox: SandboxProcess
) -> None:
    worker, console = house
    for number in range(PEOPLE):
        sandbox.account(f"person-{number:03}@us.test", PASSWORD)
    page = sign_in(browser, console)
    page.get_by_role("link", name="Mailboxes", exact=True).first.click()
    page.locator("[name=q]").first.fill("person-")
    page.keyboard.press("Enter")
    page.get_by_text("person-000@us.test").wait_for()
    page.locator("#action-toggle").check()
    page.get_by_role("link", name=f"Select all {PEOPLE} mailboxes").click()
    choose_for(page, "test_and_enable")

    bar = page.get_by_role("progressbar").first
    seen = set()

    def is_done() -> bool:
        seen.add(int(bar.get_attribute("value") or 0))  # the page shows it anew by itself
        return max(seen) == 2 * PEOPLE

    until(is_done, 240)
    assert len(seen) > 3, f"progress was not visible: {sorted(seen)}"
    page.get_by_role("row", name=re.compile("ada")).wait_for()
    assert worker.query("select succeeded, count(*) from mailboxes_trial group by 1") == [(1, 2 * PEOPLE)]
    enabled = "select count(*) from mailboxes_mailboxleg where enabled and leg < 2"
    assert worker.query(enabled) == [(2 * PEOPLE,)]
    page.close()
