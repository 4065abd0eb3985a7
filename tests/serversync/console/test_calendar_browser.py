"""Alice plans, changes, answers and takes back in a real browser; on a phone and a desktop, in both themes."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser

from profiles.models import EmailServerProfile, ServerType
from serversync.cycles.act_counting import HERE, THERE
from tests.serversync.console.calendar_rows import Calendar, at, open_calendar
from tests.serversync.console.test_axe import axe, faults
from tests.serversync.console.test_browser import Visit, browser
from tracking.crm.models import Account, Appointment, Contact, Task
from tracking.models import SyncFilter, SyncProgress

__all__ = ["axe", "browser"]
pytestmark = [pytest.mark.debian, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def calendar(transactional_db: None) -> Calendar:
    return open_calendar()


def look(visit: Visit, axe: str, name: str) -> None:
    """The open page is fine in every width and theme."""
    for how in visit.looks():
        if folder := os.environ.get("SCREENSHOTS"):
            visit.page.screenshot(path=f"{folder}/calendar-{name}-{how.replace(' ', '-')}.png", full_page=True)
        assert not visit.sticks_out(), f"{name}, {how}"
    assert [one for one in visit.troubles if "422" not in one] == [], name
    assert faults(visit, axe) == [], name


def test_alice_plans(browser: Browser, live_server: Any, calendar: Calendar, axe: str) -> None:
    visit = Visit(browser, live_server, user=calendar.alices.regarding_user)
    page = visit.page
    visit.open(f"{live_server.url}/calendar/?view=week&day={calendar.monday}")
    look(visit, axe, "week")
    page.get_by_role("link", name="List", exact=True).click()
    page.get_by_role("heading", name="today").wait_for()
    look(visit, axe, "agenda")
    page.get_by_role("link", name="New appointment").click()
    page.get_by_label("Subject").fill("Review")
    page.get_by_label("Required").press_sequentially("ann")
    page.get_by_role("option", name="Ann Ray").click()
    friday = (calendar.monday + timedelta(days=4)).isoformat()
    for day, time in (("start_day", "start_time"), ("end_day", "end_time")):
        page.locator(f"#id_{day}").fill(friday)
        page.locator(f"#id_{time}").fill("14:00" if day == "start_day" else "15:00")
    page.get_by_text("Recurrence").click()
    page.get_by_label("Repeats").select_option("weekly")
    page.get_by_label("Ends").select_option("count")
    look(visit, axe, "form")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Enter how many times it takes place.").first.wait_for()
    look(visit, axe, "mistake")
    page.get_by_label("Repeats").select_option("")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved. The next run").wait_for()
    look(visit, axe, "saved")
    page.get_by_role("button", name="Cancel it").click()
    page.get_by_text("It is canceled. The next run").wait_for()
    assert Appointment.objects.get(subject="Review").state_code == 2
    visit.context.close()


def test_alice_answers_and_takes_back(browser: Browser, live_server: Any, calendar: Calendar, axe: str) -> None:
    visit = Visit(browser, live_server, user=calendar.alices.regarding_user)
    page = visit.page
    page.goto(f"{live_server.url}/calendar/item/appointment/{calendar.talk.pk}/")
    look(visit, axe, "item")
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("The other value stands here again").wait_for()
    assert Appointment.objects.get(pk=calendar.talk.pk).location == "Room 2"
    page.get_by_role("link", name="Questions").click()
    look(visit, axe, "questions")
    page.get_by_role("button", name="Send the invitation").click()
    page.get_by_text("Approved:").wait_for()
    page.get_by_role("button", name="Keep them all").click()
    page.get_by_text("Nothing is deleted.").wait_for()
    page.get_by_role("button", name="Keep it").click()
    page.get_by_text("Nothing waits for an answer.").wait_for()
    page.get_by_role("link", name="Problems").click()
    look(visit, axe, "problems")
    page.get_by_role("button", name="Try all again").click()
    page.get_by_text("1 item is tried again").wait_for()
    page.get_by_role("link", name="Recycle bin").click()
    look(visit, axe, "bin")
    page.get_by_role("button", name="Restore An old task").click()
    page.get_by_text("It is here again.").wait_for()
    for name in ("Tasks", "Contacts", "Progress", "Filters"):
        page.get_by_role("link", name=name, exact=True).click()
        look(visit, axe, name.lower())
    page.get_by_role("link", name="Change My open tasks").click()
    page.get_by_role("combobox", name="Field of condition 2").select_option("due")
    page.get_by_role("combobox", name="How condition 2 is asked").select_option("is_set")
    page.get_by_text("owner is me and due day is filled in").wait_for()
    look(visit, axe, "filter")
    page.get_by_role("button", name="Save the filter").click()
    page.get_by_text("Owner is me and due day is filled in").wait_for()
    Account.objects.create(name="Harbour Optics", owner=calendar.alices.regarding_user)
    page.goto(f"{live_server.url}/calendar/item/contact/{calendar.ann.pk}/edit/")
    page.get_by_label("Account").press_sequentially("harb")
    page.get_by_role("option", name="Harbour Optics Account").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.get_by_label("Account").input_value() == "Harbour Optics"
    look(visit, axe, "contact")
    visit.context.close()
    assert len(SyncFilter.objects.get(owner=calendar.alices.regarding_user).conditions["all"]) == 2
    assert Task.objects.count() == 2
    assert Contact.objects.count() == 2


def test_alice_sees_how_far_the_first_synchronization_is(
    browser: Browser, live_server: Any, calendar: Calendar, axe: str
) -> None:  # 10.1 f
    EmailServerProfile.objects.update(server_type=ServerType.EXCHANGE_SERVER)
    alices = {"mailbox": calendar.alices, "started_on": timezone.now()}
    numbers = {
        **dict.fromkeys([*THERE, *HERE], 0),
        "there": 812,
        "tracked": 40,
        "stays": 772,
        "wanted": 31,
        "made": 29,
        "mails": 3,
    }
    SyncProgress.objects.create(
        **alices, kind="appointment", total=300, done=120, previewed_on=timezone.now(), preview={"numbers": numbers}
    )
    SyncProgress.objects.create(**alices, kind="task", total=80, done=80, finished_on=timezone.now())
    visit = Visit(browser, live_server, user=calendar.alices.regarding_user)
    page = visit.page
    visit.open(f"{live_server.url}/calendar/progress/")
    page.get_by_text("Appointments: 120 of 300 done").wait_for()
    look(visit, axe, "first-run")
    SyncProgress.objects.filter(kind="appointment").update(done=180)
    page.get_by_text("Appointments: 180 of 300 done").wait_for()  # by itself
    page.get_by_role("button", name="Count again").click()
    page.get_by_text("It is being counted…").wait_for()
    look(visit, axe, "counting")
    visit.context.close()


def test_an_administrator_looks_after_it(browser: Browser, live_server: Any, calendar: Calendar, axe: str) -> None:
    visit = Visit(browser, live_server)
    of = f"/calendars/{calendar.alices.pk}"
    for address in (
        f"{of}/?view=week",
        f"{of}/item/series/{calendar.weekly.pk}/?occurrence={at(calendar.monday, 9):%Y%m%dT%H%M%SZ}",
        f"{of}/progress/",
        "/synchronizing/fields/?kind=contact",
        "/synchronizing/filters/new/?kind=series",
    ):
        visit.open(live_server.url + address)
        visit.assert_fine(address)
        assert faults(visit, axe) == [], address
    visit.context.close()
