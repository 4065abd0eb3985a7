"""Alice writes in a real browser, sends, and watches it leave; with the keyboard, on a phone and a desktop, in both themes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser

from mailboxes.models import Mailbox
from profiles.connectors import mime
from profiles.connectors.mime import Address
from tests.company import Company, receive, send
from tests.letters import letter
from tests.serversync.console.test_browser import DESKTOP, PHONE, Visit, browser
from tracking.crm.models import Case, Contact, Email
from tracking.crm.models.states import EmailStatus
from tracking.crm.writing import NewEmail, write_and_send, write_draft

__all__ = ["browser"]
pytestmark = [pytest.mark.debian, pytest.mark.django_db(transaction=True)]
HTML = '<p>How much is it?</p><p><img src="https://acme.test/pixel.gif" alt="logo"></p>'


@pytest.fixture
def alices(sandbox: Any, transactional_db: None) -> Mailbox:
    """Alice's mailbox on a real server; Ann has asked for a quote. She has mail in every box."""
    company = Company(sandbox)
    found = company.user("Alice", company.pop3_profile())
    owner, now = found.regarding_user, timezone.now()
    Contact.objects.create(full_name="Ann Acme", email_address_1="ann@acme.test", owner=owner)
    Contact.objects.create(full_name="Anna Other", email_address_1="anna@acme.test", owner=owner)
    Case.objects.create(title="Ten chairs", owner=owner)
    raw = letter("Ann <ann@acme.test>", "alice@us.test", "Quote?", "How much is it?", html=HTML)
    sandbox.deliver("alice@us.test", raw)
    receive(found)
    write_and_send(NewEmail(found, [Address("", "permerror@acme.test")], "To nobody", text="x"), now)
    send(found)
    write_draft(NewEmail(found, [Address("", "carl@acme.test")], "An idea", text="Not yet ready"), now)
    later = NewEmail(found, [Address("", "carl@acme.test")], "News", text="x", not_before=now + timedelta(days=1))
    write_and_send(later, now)
    return found


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_alice_writes_sends_and_sees_it_leave(
    browser: Browser, live_server: Any, sandbox: Any, alices: Mailbox, tmp_path: Path, width: int
) -> None:
    visit = Visit(browser, live_server, width, user=alices.regarding_user)
    page = visit.page

    asked = Email.objects.get(direction_code=False)
    visit.open(f"{live_server.url}/mailbox/email/{asked.pk}/")
    visit.assert_fine("compose question")
    page.get_by_role("link", name="Reply to all").click()
    page.get_by_label("Cc", exact=True).press_sequentially("anna")
    page.get_by_role("option", name="Anna Other").wait_for()
    assert not visit.sticks_out()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.get_by_label("Cc", exact=True).input_value() == "Anna Other <anna@acme.test>, "
    page.get_by_label("Regarding").press_sequentially("ten")
    page.get_by_role("option", name="Ten chairs").click()
    letter_box = page.get_by_role("textbox", name="Message")
    letter_box.click()
    page.keyboard.press("Control+Home")
    page.get_by_role("button", name="Bold").click()
    page.keyboard.type("Ten euros.")
    (tmp_path / "prices.txt").write_text("10")
    page.get_by_label("Add files").set_input_files(tmp_path / "prices.txt")
    visit.assert_fine("compose written")
    page.get_by_role("button", name="Save draft").click()
    page.get_by_text("Saved as a draft").wait_for()
    visit.assert_fine("compose draft")
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("It leaves at the next run.").first.wait_for()
    visit.assert_fine("compose waiting")
    send(alices)
    page.reload()
    page.get_by_text("Accepted by the server").first.wait_for()
    visit.assert_fine("compose sent")
    for box in ("Drafts", "Outbox", "Failed", "Sent"):
        page.goto(f"{live_server.url}/mail/?show={box.lower()}")
        visit.assert_fine(f"mail {box.lower()}")
    visit.context.close()

    email = Email.objects.get(subject="Re: Quote?")
    assert (email.status_code, email.regarding_name) == (EmailStatus.SENT, "Ten chairs")
    (item,) = sandbox.inbox("anna@acme.test")
    message = mime.message(sandbox.raw("anna@acme.test", item["id"]))
    assert message.html.startswith(("<p><b>Ten euros.</b>", '<p><span style="font-weight'))
    assert 'src="https://acme.test/pixel.gif"' in message.html
    assert [one.file_name for one in message.attachments] == ["prices.txt"]


def test_a_mistake_is_told_and_plain_text_stays_plain(browser: Browser, live_server: Any, alices: Mailbox) -> None:
    visit = Visit(browser, live_server, user=alices.regarding_user)
    page = visit.page
    visit.open(f"{live_server.url}/mail/new/")
    page.get_by_label("To", exact=True).fill("Ann")
    page.get_by_label("Subject").fill("Offer")
    page.get_by_label("Subject").press("Enter")  # sends nothing
    page.get_by_role("textbox", name="Message").fill("One\nTwo")
    page.get_by_role("button", name="Write plain text").click()
    assert page.get_by_role("textbox", name="Message").input_value().split() == ["One", "Two"]
    page.get_by_role("button", name="Send", exact=True).click()
    assert "“Ann” may be Ann Acme <ann@acme.test>; Anna Other" in page.get_by_role("alert").inner_text()
    visit.assert_fits("compose mistake")
    page.get_by_label("To", exact=True).fill("ann@acme.test")
    page.get_by_role("button", name="Save draft").click()
    page.get_by_text("Saved as a draft").wait_for()
    visit.context.close()
    assert Email.objects.get(subject="Offer").mime_type == "text/plain"
