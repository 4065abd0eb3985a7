"""What comes back under another key, and what cannot be read, on a server in this process (10.1 d, 10.1 f, law 5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from profiles.act_items import Item, ItemKind
from tests.company import decide
from tests.synchronizing import CATEGORY, appointment, contact, soon, task
from tests.tracking.act_offices import MemoryOffice, come_to_rest, cycle
from tracking.crm.models import Appointment, Task
from tracking.models import ExchangeSyncIdMapping, SyncQuestion

TASKS, CONTACTS, CALENDAR = ItemKind.TASK, ItemKind.CONTACT, ItemKind.APPOINTMENT
pytestmark = pytest.mark.django_db


@pytest.fixture
def office() -> MemoryOffice:
    decide(ask_before_deleting_in_crm=False, deletions_at_once_percent=100)
    return MemoryOffice()


def ours(office: MemoryOffice, kind: ItemKind) -> Any:
    made = {TASKS: task, CONTACTS: contact, CALENDAR: appointment}[kind](office.alice)
    assert cycle(office) == 1
    return made


def the_item(office: MemoryOffice) -> Item:
    [item] = office.items.held.values()
    return item


def come_back(office: MemoryOffice, item: Item) -> Item:
    """It is there under another key, as after a restore, a migration, or a move to another folder and back."""
    return office.items.keep(replace(item, key=f"{item.key} again"))


ORDERS = ("gone first", "back first", "gone a cycle later", "gone a cycle before")


@pytest.mark.parametrize(
    ("kind", "order"),
    # An appointment that is gone is gone here as well, before it is back.
    [(kind, order) for kind in ItemKind for order in ORDERS if (kind, order) != (CALENDAR, ORDERS[-1])],
)
def test_what_comes_back_under_another_key_stays_linked(
    office: MemoryOffice, kind: ItemKind, order: str
) -> None:  # 10.1 f
    made, item = ours(office, kind), the_item(office)
    if order == "gone first":
        office.items.remove(item.key)
    if order == "gone a cycle before":  # then somebody is asked until the item is back
        decide(ask_before_deleting_in_crm=True)
        office.items.remove(item.key)
        cycle(office)
    back = come_back(office, item)
    if order == "gone a cycle later":
        cycle(office)
    if order in ("back first", "gone a cycle later"):
        office.items.remove(item.key)
    come_to_rest(office)
    row = ExchangeSyncIdMapping.objects.get()
    assert (row.object_id, row.exchange_entry_id, row.is_deleted_in_exchange) == (str(made.pk), back.key, False)
    assert type(made).objects.count() == len(office.items.held) == 1


def test_a_tracked_meeting_that_is_moved_keeps_its_record_by_its_own_id(office: MemoryOffice) -> None:  # 10.1 f
    start = soon()
    fields = {"subject": "Offer", "start": start, "end": start + timedelta(hours=1), "time_zone": "UTC"}
    item = office.items.put(CALENDAR, fields, categories=(CATEGORY,))
    cycle(office)
    made = Appointment.objects.get()
    back = come_back(office, item)
    cycle(office)
    office.items.remove(item.key)
    come_to_rest(office)
    assert ExchangeSyncIdMapping.objects.get().exchange_entry_id == back.key
    assert Appointment.objects.get() == made


@pytest.mark.parametrize("kind", ItemKind)
def test_a_copy_beside_its_original_is_nobodys_business(office: MemoryOffice, kind: ItemKind) -> None:  # 10.1 j
    made, item = ours(office, kind), the_item(office)
    come_back(office, item)
    come_to_rest(office)
    assert ExchangeSyncIdMapping.objects.get().exchange_entry_id == item.key
    assert type(made).objects.count() == 1


def test_what_cannot_be_read_is_shown_as_failed_and_taken_in_when_it_can(office: MemoryOffice) -> None:  # law 5, 12.1
    item = office.items.put(TASKS, {"subject": "For all"}, categories=(CATEGORY,))
    office.items.unreadable.add(item.key)
    cycle(office)
    row = ExchangeSyncIdMapping.objects.get()
    assert (row.last_sync_error, row.retries, Task.objects.count()) == ("The item is corrupt.", 1, 0)
    assert row.next_attempt_on > timezone.now()
    office.items.unreadable.clear()
    come_to_rest(office)
    row.refresh_from_db()
    assert (Task.objects.get().subject, row.last_sync_error, row.question_facts) == ("For all", "", {})


def test_alice_sees_what_could_not_be_read_and_can_try_again(office: MemoryOffice, client: Client) -> None:  # 12.1
    item = office.items.put(TASKS, {"subject": "For all"}, categories=(CATEGORY,))
    office.items.unreadable.add(item.key)
    cycle(office)
    client.force_login(office.alice.regarding_user)
    row = ExchangeSyncIdMapping.objects.get()
    page = client.get(reverse("calendar:problems")).content.decode()
    assert "The item is corrupt." in page
    assert client.get(reverse("calendar:pair", args=[row.pk])).status_code == 200
    office.items.unreadable.clear()
    client.post(reverse("calendar:settle", args=[row.pk]), {"do": "retry"})
    cycle(office)
    assert Task.objects.get().subject == "For all"


def test_what_can_be_read_at_last_and_is_not_wanted_leaves_no_trace(office: MemoryOffice) -> None:
    for number in range(2):
        office.items.unreadable.add(office.items.put(TASKS, {"subject": f"Mine alone {number}"}).key)
    cycle(office)
    assert ExchangeSyncIdMapping.objects.count() == 2
    office.items.remove(office.items.unreadable.pop())
    office.items.unreadable.clear()
    come_to_rest(office)
    assert not ExchangeSyncIdMapping.objects.exists()
    assert not Task.objects.exists()


@pytest.mark.parametrize("kind", ItemKind)
def test_what_comes_back_and_cannot_be_read_yet_stays_linked_too(
    office: MemoryOffice, kind: ItemKind
) -> None:  # 10.1 f
    decide(ask_before_deleting_in_crm=True, deletions_at_once_percent=100)
    made, item = ours(office, kind), the_item(office)
    back = come_back(office, item)
    office.items.unreadable.add(back.key)
    cycle(office)
    office.items.remove(item.key)
    office.items.unreadable.clear()
    come_to_rest(office)
    row = ExchangeSyncIdMapping.objects.get()
    assert (row.object_id, row.exchange_entry_id) == (str(made.pk), back.key)
    assert type(made).objects.count() == 1
    assert row.question == SyncQuestion.NONE
