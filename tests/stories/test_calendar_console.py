"""What Alice does on her calendar pages reaches Exchange, and what Exchange says stands on her pages (10, 12.1)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from mailboxes.models import Mailbox
from profiles.act_items import ItemKind
from tests.company import Company, decide
from tests.synchronizing import ALICE, CATEGORY, alice_on, held, mails_about_meetings, soon, synchronize
from tracking.crm.models import Appointment, RecurringAppointmentMaster, Task
from tracking.models import ExchangeSyncIdMapping, HeldDeletion, RecycledItem, SyncConflict

pytestmark = pytest.mark.django_db(transaction=True)
CALENDAR, TASK = ItemKind.APPOINTMENT, ItemKind.TASK


def pages(mailbox: Mailbox) -> Client:
    """The owner's browser."""
    client = Client()
    client.force_login(mailbox.regarding_user)  # type: ignore[arg-type]
    return client


def press(client: Client, name: str, *args: Any, **data: Any) -> str:
    answer = client.post(reverse(f"calendar:{name}", args=args), data, follow=True)
    assert answer.status_code == 200, answer.status_code
    return " ".join(answer.content.decode().split())


def page(client: Client, name: str, *args: Any) -> str:
    return " ".join(client.get(reverse(f"calendar:{name}", args=args)).content.decode().split())


def plan(client: Client, **changes: Any) -> Appointment:
    """Alice writes an appointment of an hour."""
    day = soon().date().isoformat()
    typed = {"subject": "Offer", "start_day": day, "start_time": "09:00", "end_day": day, "end_time": "10:00"}
    usual = {"zone": "UTC", "show_as": "busy", "priority": "1", "interval": "1", "ends": "never", "location": "Room 1"}
    press(client, "new", "appointment", **typed | usual | changes)
    return Appointment.objects.order_by("-created_on").first()  # type: ignore[return-value]


def test_what_alice_plans_arrives_in_exchange_and_is_linked(company: Company) -> None:
    alice = alice_on(company)
    client = pages(alice)
    made = plan(client, required="zoe@them.test")
    synchronize(alice)
    item = held(company, CALENDAR)["Offer"]["fields"]
    assert (item["location"], item["required"][0]["address"]) == ("Room 1", "zoe@them.test")
    assert mails_about_meetings(company) == [("zoe@them.test", "request")]
    assert "Linked" in page(client, "item", "appointment", made.pk)


def test_a_meeting_mail_is_held_seen_approved_and_leaves(company: Company) -> None:  # 10.2
    decide(meeting_mails_per_run=1)
    alice = alice_on(company)
    client = pages(alice)
    plan(client, required="zoe@them.test, yan@them.test")
    synchronize(alice)
    assert mails_about_meetings(company) == []
    waits = page(client, "waiting")
    assert "yan@them.test, zoe@them.test" in waits
    [row] = ExchangeSyncIdMapping.objects.exclude(held_writes=None)
    assert "Approved" in press(client, "decide_writes", one=f"approve {row.held_writes.get().pk}")
    synchronize(alice)
    assert sorted(mails_about_meetings(company)) == [("yan@them.test", "request"), ("zoe@them.test", "request")]
    assert "Nothing waits for an answer." in page(client, "waiting")


def test_a_conflict_is_shown_undone_and_reaches_exchange(company: Company) -> None:  # 10.1 h
    alice = alice_on(company)
    client = pages(alice)
    made = plan(client)
    synchronize(alice)
    item = held(company, CALENDAR)["Offer"]
    made.refresh_from_db()
    made.location = "Room 2"
    made.save()
    company.sandbox.patch_act_item(ALICE, CALENDAR, item["id"], fields={"location": "Room 3"})
    synchronize(alice)
    conflict = SyncConflict.objects.get()
    shown = page(client, "item", "appointment", made.pk)
    assert all(words in shown for words in ("Room 1", "Room 2", "Room 3", "Undo"))
    lost = {"crm": "Room 3", "exchange": "Room 2"}[conflict.taken]
    press(client, "undo", conflict.pk)
    synchronize(alice)
    assert held(company, CALENDAR)["Offer"]["fields"]["location"] == lost
    assert Appointment.objects.get().location == lost
    assert SyncConflict.objects.count() == 1


def test_what_was_deleted_in_exchange_is_asked_deleted_and_restored(company: Company) -> None:  # 10.7, law 9
    alice = alice_on(company)
    client = pages(alice)
    press(client, "new", "task", subject="Call Acme", status="2", priority="1")
    synchronize(alice)
    company.sandbox.delete_act_item(ALICE, TASK, held(company, TASK)["Call Acme"]["id"])
    synchronize(alice)
    assert "It was deleted in Exchange. Delete it here as well?" in page(client, "waiting")
    press(client, "settle", ExchangeSyncIdMapping.objects.get().pk, do="yes")
    synchronize(alice)
    assert not Task.objects.exists()
    press(client, "restore", RecycledItem.objects.get().pk)
    synchronize(alice)
    assert Task.objects.get().subject == "Call Acme"
    assert list(held(company, TASK)) == ["Call Acme"]


def test_one_occurrence_is_changed_and_one_taken_out_of_a_series(company: Company) -> None:  # 10.4
    alice = alice_on(company)
    client = pages(alice)
    plan(client, repeats="daily", ends="count", count="5")
    series = RecurringAppointmentMaster.objects.get()
    synchronize(alice)
    second, third = (series.effective_start_date + timedelta(days=number) for number in (1, 2))
    day = second.date().isoformat()
    typed = {"subject": "Kick-off", "start_day": day, "start_time": "11:00", "end_day": day, "end_time": "12:00"}
    press(client, "occurrence", series.pk, f"{second:%Y%m%dT%H%M%SZ}", **typed)
    press(client, "act", "series", series.pk, do="take-out", occurrence=f"{third:%Y%m%dT%H%M%SZ}")
    synchronize(alice)
    item = held(company, CALENDAR)["Offer"]
    [changed] = item["changed"]
    assert changed["fields"]["subject"] == "Kick-off"
    assert len(item["removed"]) == 1


def test_what_is_tracked_in_exchange_stands_on_the_pages(company: Company) -> None:  # 10.1 d
    alice = alice_on(company)
    start = soon()
    fields = {"subject": "Fair", "start": start.isoformat(), "end": (start + timedelta(hours=2)).isoformat()}
    company.sandbox.put_act_item(ALICE, CALENDAR, {**fields, "time_zone": "UTC"}, categories=[CATEGORY])
    synchronize(alice)
    assert "Fair" in page(pages(alice), "agenda")


@pytest.mark.parametrize(("do", "left"), [("approve", 0), ("refuse", 6)])
def test_a_mass_deletion_waits_for_alice_and_her_word_settles_it(company: Company, do: str, left: int) -> None:  # law 9
    decide(deletions_at_once_number=3)
    alice = alice_on(company)
    client = pages(alice)
    for number in range(6):
        press(client, "new", "task", subject=f"Task {number}", status="2", priority="1")
    synchronize(alice)
    for item in held(company, TASK).values():
        company.sandbox.delete_act_item(ALICE, TASK, item["id"])
    synchronize(alice)
    assert "6 of 6 tasks would be deleted here" in page(client, "waiting")
    assert Task.objects.count() == 6
    press(client, "decide_deletion", HeldDeletion.objects.get().pk, do=do)
    synchronize(alice)
    assert Task.objects.count() == left
    assert "Nothing waits for an answer." in page(client, "waiting")
    assert RecycledItem.objects.count() == 6 - left
