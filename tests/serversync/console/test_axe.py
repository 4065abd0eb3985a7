"""axe-core looks at the main pages: nothing that shuts people out, in either theme, on a desktop and on a phone."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from playwright.sync_api import Browser

from mailboxes.models import (
    LegStatus,
    Mailbox,
    MailboxStatistics,
    Organization,
    Queue,
    QueueItem,
    TraceLevel,
    TraceLog,
    Trial,
)
from tests.letters import letter
from tests.npm import node_modules
from tests.serversync.console.people import kept, mailbox, profile, row
from tests.serversync.console.test_browser import Visit, browser
from tests.world import ROOT
from tracking.crm.models import Account
from tracking.crm.writing import NewEmail, write_draft
from tracking.models import LedgerRow, LedgerState, MailboxTrackingFolder

__all__ = ["browser"]
pytestmark = [pytest.mark.debian, pytest.mark.django_db(transaction=True)]
RUN = """async options => (await axe.run(document, {resultTypes: ["violations"], ...options})).violations
    .filter(one => ["serious", "critical"].includes(one.impact))
    .map(one => [one.id, one.nodes.map(node => node.html + " :: " + node.failureSummary.replace(/\\s+/g, " ")).slice(0, 4)])
"""


@pytest.fixture(scope="session")
def axe() -> str:
    """The script; where CI is set it must be there."""
    folder: Path = node_modules(ROOT / "tests" / "axe")
    return (folder / "axe-core" / "axe.min.js").read_text()


@pytest.fixture
def alices(transactional_db: None) -> Mailbox:
    """Alice's mailbox, with one of everything that a page may show: mail, cycles, errors, alerts, tests, folder rules."""
    found, now = mailbox("Alice", profile()), timezone.now()
    email = kept(found, letter("dora@them.test", "alice@us.test", "The plan", "See there", html="<p>See there</p>"))
    row(found, LedgerState.TRACKED, reason=6, email=email, message_id=email.message_id)
    row(found, LedgerState.IGNORED, reason=1, message_id="<news@them.test>")
    row(found, LedgerState.QUARANTINED, attempts=5, error="A header could not be read.", message_id="<bad@them.test>")
    found.legs.filter(leg=1).update(
        status=LegStatus.FAILURE, failures=2, last_error="The server refused.", last_remedy="Enter the right password."
    )
    for level in TraceLevel:
        TraceLog.objects.create(
            mailbox=found, level=level, cause=str(level), text="It fails.", created_on=now, last_occurred_on=now
        )
    for failed in (0, 1):
        MailboxStatistics.objects.create(
            mailbox=found,
            operation_type=failed,
            mailbox_process_scheduled_on=now - timedelta(hours=3),
            mailbox_process_started_on=now - timedelta(hours=2),
            mailbox_process_completed_on=now - timedelta(hours=2),
            process_result=not failed,
            items_tracked=1 - failed,
            error="The server refused." if failed else "",
        )
    steps = [
        {"name": "Sign in", "ok": True, "words": "The server let us in.", "remedy": ""},
        {"name": "Send", "ok": False, "words": "The server refused it.", "remedy": "Ask for the right to send."},
    ]
    Trial.objects.create(mailbox=found, leg=1, requested_on=now, finished_on=now, succeeded=False, steps=steps)
    Queue.objects.create(name="Support", email_address="support@us.test", owner=found.regarding_user)
    Organization.objects.get_or_create(pk=1)
    account = Account.objects.create(name="Them")
    MailboxTrackingFolder.objects.create(
        mailbox=found,
        exchange_folder_id="f",
        exchange_folder_name="Deals",
        regarding_type=ContentType.objects.get_for_model(Account),
        regarding_id=str(account.pk),
    )
    return found


def administrators_pages(alices: Mailbox) -> list[str]:
    """What an administrator opens every day."""
    queue, email, decision = Queue.objects.get(), alices.received_emails.get(), LedgerRow.objects.first()
    assert decision is not None
    assert alices.email_server_profile is not None
    return [
        "/",
        "/mailboxes/mailbox/",
        f"/mailbox/{alices.pk}/",
        f"/mailboxes/mailbox/{alices.pk}/change/",
        "/profiles/emailserverprofile/",
        "/profiles/emailserverprofile/add/",
        f"/profiles/emailserverprofile/{alices.email_server_profile.pk}/change/",
        "/mailboxes/queue/",
        f"/mailboxes/queue/{queue.pk}/change/",
        "/mailboxes/tracelog/",
        "/tracking/ledgerrow/",
        f"/tracking/ledgerrow/{decision.pk}/change/",
        "/why/?message_id=them.test",
        "/decisions/",
        "/crm/email/",
        f"/email/{email.pk}/",
        "/tests/",
        "/health/",
        "/mailboxes/organization/1/change/",
        "/auth/user/add/",
        f"/brake/pause/?mailbox={alices.pk}",
        "/help/errors/",
    ]


COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}
"""All in which a theme differs from the other."""


def faults(visit: Visit, axe: str, *widths: int) -> list[Any]:
    """What axe finds serious or critical on the open page, with every folded part open, in each width and theme."""
    visit.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    visit.page.evaluate(axe)
    looks = visit.looks(*widths)
    return [(look, *one) for look in looks for one in visit.page.evaluate(RUN, COLOURS if "dark" in look else {})]


def look(visit: Visit, base: str, pages: list[str], axe: str) -> dict[str, Any]:
    """The faults of each page that has some."""
    found = {}
    for address in pages:
        visit.page.goto(base + address)
        if wrong := faults(visit, axe):
            found[address] = wrong
    return found


def test_nothing_shuts_an_administrator_out(browser: Browser, live_server: Any, alices: Mailbox, axe: str) -> None:
    visit = Visit(browser, live_server)
    found = look(visit, live_server.url, administrators_pages(alices), axe)
    visit.context.close()
    assert found == {}, json.dumps(found, indent=1)


def test_nothing_shuts_an_owner_out(browser: Browser, live_server: Any, alices: Mailbox, axe: str) -> None:
    visit = Visit(browser, live_server, user=alices.regarding_user)
    email = alices.received_emails.get()
    queue = Queue.objects.get()
    QueueItem.objects.create(queue=queue, object=email, entered_on=timezone.now())
    files = [("plan.txt", "text/plain", b"The plan")]
    draft = write_draft(NewEmail(alices, [], "Offer", html="<p>Dear</p>", attachments=files), timezone.now())
    pages = [
        "/mailbox/",
        f"/mailbox/queue/{queue.pk}/",
        f"/mailbox/email/{email.pk}/",
        "/queue/",
        f"/queue/{queue.pk}/",
        "/mail/?show=drafts",
        f"/mail/{email.pk}/reply-all/",
        f"/mail/{draft.pk}/edit/",
    ]
    found = look(visit, live_server.url, pages, axe)
    visit.context.clear_cookies()
    found |= look(visit, live_server.url, ["/login/"], axe)
    visit.context.close()
    assert found == {}, json.dumps(found, indent=1)
