"""Alice plans a service activity in a real browser, and answers what overlaps with it (10.5, 10.3.3)."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.serversync.console.calendar_rows import Calendar, open_calendar
from tests.serversync.console.people import mailbox
from tests.serversync.console.test_axe import axe
from tests.serversync.console.test_browser import Visit, browser
from tests.serversync.console.test_calendar_browser import look
from tests.serversync.console.test_overlap_questions import asked
from tests.serversync.console.test_service_pages import contoso
from tracking.crm.models import Participation, ServiceAppointment
from tracking.facts.act.service_activities import names_in
from tracking.models import ExchangeSyncIdMapping, UserDecision

__all__ = ["axe", "browser"]
pytestmark = [pytest.mark.debian, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def calendar(transactional_db: None) -> Calendar:
    return open_calendar()


def test_alice_plans_a_service_activity_and_answers_what_overlaps(
    browser: Browser, live_server: Any, calendar: Calendar, axe: str
) -> None:
    alice: Any = calendar.alices.regarding_user
    mailbox("Bob", calendar.alices.email_server_profile)
    contoso(alice)
    visit = Visit(browser, live_server, user=alice)
    page = visit.page
    visit.open(f"{live_server.url}/calendar/?day={calendar.monday}")
    page.get_by_role("link", name="New service activity").click()
    page.get_by_label("Subject").fill("Maintenance")
    page.get_by_label("Rendered by").press("End")
    page.get_by_label("Rendered by").press_sequentially(", bob")
    page.get_by_role("option", name="Bob").click()
    page.get_by_label("For", exact=True).press_sequentially("conto")
    page.get_by_role("option", name="Contoso").click()
    for name, value in (("start_day", calendar.monday), ("end_day", calendar.monday)):
        page.locator(f"#id_{name}").fill(value.isoformat())
    page.locator("#id_start_time").fill("11:00")
    page.locator("#id_end_time").fill("10:00")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("It ends before it begins. Choose a later time.").first.wait_for()
    look(visit, axe, "service-mistake")
    page.locator("#id_end_time").fill("12:30")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved. The next run").wait_for()
    look(visit, axe, "service")
    found = ServiceAppointment.objects.get()
    assert "Bob" in " ".join(names_in(found.parties.all(), Participation.RESOURCE))
    assert names_in(found.parties.all(), Participation.CUSTOMER) == ["Contoso"]
    visit.open(f"{live_server.url}/calendar/?view=week&day={calendar.monday}")
    look(visit, axe, "service-week")
    visit.open(f"{live_server.url}/calendar/?day={calendar.monday}")
    look(visit, axe, "service-agenda")
    row = asked(calendar, str(calendar.talk.pk))
    page.get_by_role("link", name="Questions").click()
    look(visit, axe, "overlap")
    page.get_by_role("button", name="Take it in").click()
    page.get_by_text("Noted. The next run does it.").wait_for()
    assert ExchangeSyncIdMapping.objects.get(pk=row.pk).user_decision == UserDecision.YES
    visit.context.close()
