"""Five questions that people ask, each answered by one click from the search on the home page, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from mailboxes.models import Mailbox
from tests.letters import letter
from tests.serversync.console.people import kept, mailbox, profile, row
from tests.serversync.console.test_browser import Visit, browser
from tracking.decide.verdicts import Reason
from tracking.models import LedgerState

__all__ = ["browser"]
pytestmark = [pytest.mark.debian, pytest.mark.django_db(transaction=True)]


def asked(name: str, takes: int, reason: Reason, accepted: bool = False, **more: Any) -> dict[str, Any]:
    """The evidence of a decision for which one person was asked."""
    told = {"name": name, "kind": "systemuser", "filter": takes, "accepted": accepted, "reason": int(reason)}
    return {"candidate": name, "filter": takes, **more, "candidates": [told]}


DECISIONS: list[tuple[LedgerState, Reason, str, str, dict[str, Any]]] = [
    (
        LedgerState.IGNORED,
        Reason.NO_CORRELATION_MATCH,
        "<answer@acme.test>",
        "ann@acme.test",
        asked("Bob", 1, Reason.NO_CORRELATION_MATCH, looked_for=["<earlier@us.test>"]),
    ),
    (
        LedgerState.IGNORED,
        Reason.NO_SENDER_MATCH,
        "<offer@shop.test>",
        "sales@shop.test",
        asked("Bob", 2, Reason.NO_SENDER_MATCH, sender="sales@shop.test"),
    ),
    (
        LedgerState.IGNORED,
        Reason.EXCLUDED,
        "<news@letters.test>",
        "news@letters.test",
        asked("Bob", 0, Reason.EXCLUDED, excluded="domain", value="letters.test"),
    ),
    (
        LedgerState.IGNORED,
        Reason.BEFORE_START_DATE,
        "<old@acme.test>",
        "old@acme.test",
        {"received": "2025-12-24T08:00:00+00:00", "start": "2026-01-01T00:00:00+00:00"},
    ),
]
QUESTIONS = [
    ("<answer@acme.test>", "", "Bob’s filter were “All email messages”"),
    (
        "sales@shop.test",
        "The sender is no record that the filter takes.",
        "sales@shop.test were a contact, lead or account",
    ),
    ("letters.test", "", "“never track” for the domain letters.test were removed"),
    ("old@acme.test", "It is older than the start date", "were before 2025-12-24 08:00 UTC"),
    ("<kept@them.test>", "", "It would not be tracked if Bob’s filter were “No email messages”."),
]
"""What is typed, what is clicked on in the list if a list comes, and what the answer says."""


@pytest.fixture
def bobs(transactional_db: None) -> Mailbox:
    """Bob's mailbox with five decisions."""
    found = mailbox("Bob", profile())
    for state, reason, message_id, sender, evidence in DECISIONS:
        row(found, state, reason=int(reason), message_id=message_id, sender=sender, evidence=evidence)
    email = kept(found, letter("dora@them.test", "bob@us.test", "Kept", "plain", message_id="<kept@them.test>"))
    row(
        found,
        LedgerState.TRACKED,
        reason=int(Reason.ACCEPT_ALL),
        email=email,
        message_id=email.message_id,
        sender="dora@them.test",
        evidence=asked("Bob", 0, Reason.ACCEPT_ALL, accepted=True),
    )
    return found


def test_a_question_is_answered_by_one_click(browser: Browser, live_server: Any, bobs: Mailbox) -> None:
    visit = Visit(browser, live_server)
    for words, link, answer in QUESTIONS:
        visit.open(live_server.url + "/")
        box = visit.page.get_by_role("searchbox", name="Why was this mail tracked")
        box.fill(words)
        box.press("Enter")
        if link:
            visit.page.locator("#found ~ ul").get_by_role("link", name=link).click()
        visit.page.get_by_text(answer).first.wait_for()
        assert visit.troubles == [], words
    visit.context.close()


def test_the_pages_fit_every_screen(browser: Browser, live_server: Any, bobs: Mailbox) -> None:
    newest = bobs.ledger.order_by("pk")[0].pk
    owner, ada = Visit(browser, live_server, user=bobs.regarding_user), Visit(browser, live_server)
    own = f"/mailbox/mine/{bobs.pk}"
    pages = [
        *((ada, address) for address in ("/", "/why/?q=nothing@here.test", "/decisions/", f"/why/{newest}/")),
        *((owner, address) for address in (f"{own}/decisions/", f"{own}/why/{newest}/")),
    ]
    for visit, address in pages:
        visit.open(live_server.url + address)
        visit.assert_fine(address)
    owner.context.close()
    ada.context.close()
