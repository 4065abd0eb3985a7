"""Work in a queue in a real browser: picked, routed and converted by keyboard; on a phone; in both themes."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser

from mailboxes.models import Mailbox, Queue, QueueItem, QueueMember
from tests.letters import letter
from tests.serversync.console.people import kept, mailbox
from tests.serversync.console.test_browser import PHONE, Visit, browser
from tests.serversync.console.test_owner_browser import tab_to
from tracking.crm.models import Case, Email

__all__ = ["browser"]
pytestmark = [pytest.mark.debian, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def support(transactional_db: None) -> Queue:
    """Support with three letters; Alice and Bob work there, and Bob has picked the last."""
    queue, _ = (Queue.objects.create(name=name) for name in ("Support", "Sales"))
    people = [mailbox(name).regarding_user for name in ("Alice", "Bob")]
    for person in people:
        QueueMember.objects.create(queue=queue, user=person)
    subjects = ("The printer burns", "A quote, please", "A long story " * 8)
    for number, subject in enumerate(subjects):
        raw = letter("ann@acme.test", "support@us.test", subject, "Can you help?")
        QueueItem.objects.create(
            queue=queue,
            object=kept(queue.mailbox, raw),
            entered_on=timezone.now(),
            worker=people[1] if number == 2 else None,
        )
    return queue


def alice() -> Any:
    return Mailbox.objects.get(regarding_user__username="alice").regarding_user


def test_alice_looks_at_what_waits(browser: Browser, live_server: Any, support: Queue) -> None:
    visit = Visit(browser, live_server, user=alice())
    email = Email.objects.get(subject="The printer burns")
    for address in (
        "/queue/",
        f"/queue/{support.pk}/",
        f"/queue/{support.pk}/?show=closed",
        f"/mailbox/email/{email.pk}/",
    ):
        visit.open(live_server.url + address)
        visit.assert_fine(address)
    visit.context.close()


def test_alice_picks_routes_and_converts_without_a_mouse(browser: Browser, live_server: Any, support: Queue) -> None:
    visit = Visit(browser, live_server, PHONE, user=alice())
    page, keys = visit.page, visit.page.keyboard
    visit.open(live_server.url + "/queue/")
    tab_to(page, f"a[href='/queue/{support.pk}/']")
    keys.press("Enter")
    page.get_by_role("heading", name="Work in Support").wait_for()

    tab_to(page, "button[value^='pick ']")
    keys.press("Enter")
    page.get_by_text("You work on 1 item now.").wait_for()
    assert QueueItem.objects.filter(worker=alice()).count() == 1

    page.get_by_role("checkbox", name="The printer burns").focus()
    keys.press("Space")
    page.get_by_role("button", name="Convert to a case").focus()
    keys.press("Enter")
    page.get_by_text("Converted to a case: 1 item.").wait_for()
    assert Case.objects.get().title == "The printer burns"

    page.get_by_role("checkbox", name="A quote, please").focus()
    keys.press("Space")
    page.get_by_label("Route to the queue").focus()
    keys.type("Sales")
    keys.press("Tab")
    assert page.evaluate("document.activeElement.value") == "route"
    keys.press("Enter")
    page.get_by_text("Routed to Sales: 1 item.").wait_for()
    routed = QueueItem.objects.get(queue__name="Sales")
    assert routed.object_id == str(Email.objects.get(subject="A quote, please").pk)
    assert visit.troubles == []
    visit.context.close()


def test_all_on_the_page_are_ticked_at_once_and_the_enter_key_in_a_field_does_nothing(
    browser: Browser, live_server: Any, support: Queue
) -> None:
    visit = Visit(browser, live_server, user=alice())
    page = visit.page
    visit.open(f"{live_server.url}/queue/{support.pk}/")
    page.get_by_label("All", exact=True).check()
    assert page.locator("input[name=item]:checked").count() == 3
    page.get_by_label("Hand to the person").fill("bob")
    page.keyboard.press("Enter")
    assert QueueItem.objects.filter(worker__isnull=True).count() == 2
    page.get_by_role("button", name="Pick", exact=True).click()
    page.get_by_text("You work on 2 items now.").wait_for()
    page.get_by_text("Bob was faster and works on it already.").wait_for()
    assert QueueItem.objects.filter(worker=alice()).count() == 2
    assert visit.troubles == []
    visit.context.close()
