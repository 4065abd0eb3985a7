"""Outlook reminds Alice of what was planned here; what she does to her reminders is hers (10.2.1, 10.7)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from profiles.act_items import ItemKind
from tests.company import Company
from tests.synchronizing import ALICE, alice_on, appointment, change, held, soon, synchronize, task

CALENDAR, TASKS = ItemKind.APPOINTMENT, ItemKind.TASK
pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_planned_here_reminds_alice_in_outlook(company: Company) -> None:  # 10.2.1, 10.7
    alice = alice_on(company)
    first = soon().date()
    appointment(alice, "Lunch")
    appointment(alice, "Fair", start=first, end=first + timedelta(days=1), is_all_day=True)
    appointment(alice, "Blocker", show_as="free")
    task(alice, "Call Acme", scheduled_end=soon(5))
    task(alice, "Some day", scheduled_end=None)
    synchronize(alice)
    calendar, tasks = held(company, CALENDAR), held(company, TASKS)
    assert {name: item["reminder"] for name, item in calendar.items()} == {"Lunch": 15, "Fair": 1080, "Blocker": None}
    morning = f"{soon(5):%Y-%m-%d}T08:00:00Z"
    assert {name: item["reminder"] for name, item in tasks.items()} == {"Call Acme": morning, "Some day": None}


def test_a_reminder_that_alice_has_turned_off_stays_off_until_we_move_the_appointment(company: Company) -> None:
    alice = alice_on(company)
    ours = appointment(alice)
    synchronize(alice)
    company.sandbox.patch_act_item(ALICE, CALENDAR, held(company, CALENDAR)["Lunch"]["id"], reminder=None)
    synchronize(alice)
    change(alice, ours, location="Room 6")
    ended = synchronize(alice)
    item = held(company, CALENDAR)["Lunch"]
    assert (ended.report.sent, item["fields"]["location"], item["reminder"]) == (1, "Room 6", None)
    start = soon(4)
    change(alice, ours, start=start, end=start + timedelta(hours=1))
    synchronize(alice)
    assert held(company, CALENDAR)["Lunch"]["reminder"] == 15
    assert synchronize(alice).report.sent == 0
