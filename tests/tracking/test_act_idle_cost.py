"""What a cycle asks of the database when nothing is to be done: the same few questions, however much there is (issue 7)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from mailboxes.models import Mailbox
from profiles.act_items import Frequency, ItemKind, Recurrence
from tests.company import decide
from tests.synchronizing import appointment, contact, service, soon, syncing, task
from tests.tracking.act_offices import MemoryOffice, come_to_rest, cycle
from tracking.crm.models import Appointment, Contact, RecurringAppointmentMaster, ServiceAppointment, Task
from tracking.decide.merge import Side
from tracking.decide.occurrences import OccurrenceStep
from tracking.keep.act.appointments import apply_occurrence
from tracking.models import ExchangeSyncIdMapping

pytestmark = pytest.mark.django_db
MODELS = (Task, Contact, Appointment, RecurringAppointmentMaster, ServiceAppointment)


@pytest.fixture
def office() -> MemoryOffice:
    decide(deletions_at_once_percent=100)
    return MemoryOffice()


def of_each_kind(mailbox: Mailbox, number: int) -> None:
    for one in range(number):
        task(mailbox, f"Task {one}")
        contact(mailbox, f"Ann {one}")
        appointment(mailbox, f"Lunch {one}")
        service(mailbox, mailbox, subject=f"Service {one}")
    appointment(mailbox, "Daily", recurrence=Recurrence(Frequency.DAILY, soon().date(), count=3))


def an_hour_passes() -> None:
    """What changed within ten minutes is looked at once more, and that is no idle cycle."""
    for model in MODELS:
        model.objects.update(modified_on=F("modified_on") - timedelta(hours=1))
    ExchangeSyncIdMapping.objects.update(crm_modified_on=F("crm_modified_on") - timedelta(hours=1))


def idle_cycle(office: MemoryOffice) -> list[dict[str, Any]]:
    with CaptureQueriesContext(
        connection,
    ) as heard:
        assert cycle(office) == 0
    return heard.captured_queries


def test_an_idle_cycle_asks_the_same_however_much_is_linked_and_others_change(office: MemoryOffice) -> None:
    of_each_kind(office.alice, 2)
    come_to_rest(office)
    an_hour_passes()
    before = len(idle_cycle(office))
    of_each_kind(office.alice, 12)
    come_to_rest(office)
    an_hour_passes()
    bob = get_user_model().objects.create_user("bob", "bob@us.test")
    for number in range(20):  # colleagues work; it is nothing to Alice
        task(bob.mailbox, f"Bob’s {number}")
        contact(bob.mailbox, f"Bert {number}")
    assert len(idle_cycle(office)) == before


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is SQLite’s")
def test_an_idle_cycle_looks_only_at_what_has_changed_or_waits(office: MemoryOffice) -> None:
    of_each_kind(office.alice, 2)
    come_to_rest(office)
    an_hour_passes()
    tables = [model._meta.db_table for model in (*MODELS, ExchangeSyncIdMapping)]
    plans = []
    for query in idle_cycle(office):
        if query["sql"].startswith("SELECT") and any(f'"{table}"' in query["sql"] for table in tables):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
                plans += [(row[3], query["sql"]) for row in cursor.fetchall()]
    narrow = re.compile(
        r"SEARCH \w+ USING INDEX (\w+_modified \(modified_on>|mapping_to_retry|mapping_asked"
        r"|(mapping_of_object|party_of_activity) .*_id=\?\)$)"
    )
    wide = [(step, sql) for step, sql in plans if step.startswith(("SCAN", "SEARCH")) and not narrow.match(step)]
    assert plans
    assert not wide, wide


def test_one_change_among_many_is_found_by_the_indexes(office: MemoryOffice) -> None:
    of_each_kind(office.alice, 3)
    come_to_rest(office)
    an_hour_passes()
    series = RecurringAppointmentMaster.objects.get()
    step = OccurrenceStep(Side.CRM, soon(4), {"location": "Room 7"})
    apply_occurrence(series, step, syncing(office.alice))
    changed = Task.objects.get(subject="Task 1")
    changed.subject = "Task one"
    changed.save()
    assert cycle(office) == 2
    items = office.items.held.values()
    assert "Task one" in {one.fields.get("subject") for one in items}
    [daily] = [one for one in items if one.fields.get("subject") == "Daily"]
    assert [one.original_start for one in daily.changed] == [soon(4)]
    assert {one.kind for one in items} == set(ItemKind)
