"""Alice and Bob, whose calendars, contacts and tasks were the same on both sides until people changed much of them here and
there: all that a run has to carry over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from mailboxes.models import ActDeliveryMethod, Leg, Mailbox
from profiles.act_items import Frequency, ItemKind, Recurrence
from tests.company import Company, decide, run
from tests.synchronizing import ALICE, CATEGORY, appointment, change, contact, held, soon, syncing, task
from tracking.crm.models import Contact, Task
from tracking.crm.models.states import TaskStatus
from tracking.decide.merge import Side
from tracking.decide.occurrences import OccurrenceStep
from tracking.keep.act.appointments import apply_occurrence
from tracking.keep.calendar import deciding, records
from tracking.models import ExchangeSyncIdMapping, SyncQuestion, UserDecision

BOB, ZOE = "bob@us.test", "zoe@them.test"
TASKS, CONTACTS, CALENDAR = ItemKind.TASK, ItemKind.CONTACT, ItemKind.APPOINTMENT
FIRST, HOUR, DAY = soon(), timedelta(hours=1), timedelta(days=1)
DAILY = Recurrence(Frequency.DAILY, FIRST.date(), count=6)


def both_sides(company: Company) -> None:
    """Alice and Bob have been synchronized; then people went on, on both sides."""
    decide(track_categorized_items=False)
    method = ActDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION
    profile = company.exchange_profile()
    alice, bob = (company.user(name, profile, act_delivery_method=method) for name in ("Alice", "Bob"))
    known = _linked(company, alice)
    for mailbox in (alice, bob) * 2:
        ended = run(mailbox, Leg.ACT, timezone.now() - timedelta(minutes=40))
        assert ended.error is None, ended.error
    company.sandbox.clear_meeting_mails()
    _answer(alice)
    _tasks(company, alice, known)
    _contacts(company, alice, known)
    _appointments(company, alice, known)
    _series(company, alice, known)


def _linked(company: Company, alice: Mailbox) -> dict[str, Any]:
    """What is on both sides, by name."""
    names = ("Changed here", "Changed there", "Changed on both", "Completed here", "Deleted here", "Deleted there")
    known: dict[str, Any] = {name: task(alice, name) for name in names}
    known |= {name: contact(alice, name, last_name=name) for name in ("Ann Here", "Carl There")}
    contact(alice, "Bert Jones", last_name="Jones", email_address_1="info@acme.test")
    _put(company, CONTACTS, full_name="Albert Jonas", last_name="Jonas", email_1="info@acme.test")
    for name in ("Lunch", "Dinner", "Breakfast", "Gone there"):
        known[name] = appointment(alice, name)
    for name in ("Offer", "Gone here", "Moved"):
        known[name] = appointment(alice, name, invited=f"{BOB} {ZOE}")
    for name in ("Standup", "Review"):
        known[name] = appointment(alice, name, FIRST, recurrence=DAILY, time_zone="UTC")
        _differs(alice, known[name], 1, location="Room 7")
        _differs(alice, known[name], 2)
    return known


def _answer(alice: Mailbox) -> None:
    row = ExchangeSyncIdMapping.objects.get(question=SyncQuestion.SAME_RECORD)
    assert deciding.answer(row, UserDecision.YES, alice.regarding_user, timezone.now())


def _tasks(company: Company, alice: Mailbox, known: dict[str, Any]) -> None:
    now = timezone.now()
    Task.objects.get(pk=known["Deleted here"].pk).delete()
    _delete(company, TASKS, "Deleted there")
    _patch(company, TASKS, "Changed there", body="Theirs")
    _patch(company, TASKS, "Changed on both", body="Theirs", importance="high")
    for name, text in (("Changed here", "Ours"), ("Changed on both", "Ours")):
        records.save_task(Task.objects.get(pk=known[name].pk), {"description": text}, now)
    records.set_status(Task.objects.get(pk=known["Completed here"].pk), TaskStatus.COMPLETED, now)
    task(alice, "New here")
    _put(company, TASKS, subject="New there")


def _contacts(company: Company, alice: Mailbox, known: dict[str, Any]) -> None:
    ann = Contact.objects.get(pk=known["Ann Here"].pk)
    ann.job_title = "Buyer"
    records.save_contact(ann, timezone.now())
    _patch(company, CONTACTS, "Carl There", job_title="Chief")
    contact(alice, "Nora Here", last_name="Nora", email_address_1="nora@acme.test")
    _put(company, CONTACTS, full_name="Theo There", last_name="Theo", email_1="theo@acme.test")
    contact(alice, "Dora Dent", last_name="Dent", email_address_1="office@acme.test")
    _put(company, CONTACTS, full_name="Theodora Bent", last_name="Bent", email_1="office@acme.test")


def _appointments(company: Company, alice: Mailbox, known: dict[str, Any]) -> None:
    change(alice, known["Lunch"], location="Room 1")
    _patch(company, CALENDAR, "Dinner", location="Room 2")
    _patch(company, CALENDAR, "Breakfast", location="Room 3")
    change(alice, known["Breakfast"], location="Room 4", body="Ours")
    change(alice, known["Offer"], location="Room 5")
    change(alice, known["Moved"], start=FIRST + HOUR, end=FIRST + 2 * HOUR)
    _delete(company, CALENDAR, "Gone there")
    records.delete_record(known["Gone here"], timezone.now())
    appointment(alice, "New here", invited=f"{BOB} {ZOE}")
    start, end = FIRST.isoformat(), (FIRST + HOUR).isoformat()
    _put(company, CALENDAR, subject="New there", start=start, end=end, time_zone="UTC")


def _series(company: Company, alice: Mailbox, known: dict[str, Any]) -> None:
    """One whose occurrences changed on both sides, one whose hour changed here, and a new one."""
    _differs(alice, known["Standup"], 3, body="Bring cake")
    _differs(alice, known["Standup"], 4)
    original = FIRST.isoformat()
    _patch(company, CALENDAR, "Standup", original_start=original, location="Room 8")
    _patch(company, CALENDAR, "Standup", original_start=(FIRST + DAY).isoformat(), location="Room 10")
    _differs(alice, known["Standup"], 1, location="Room 11")
    change(alice, known["Review"], start=FIRST + HOUR, end=FIRST + 2 * HOUR)
    new = appointment(alice, "Weekly", FIRST, recurrence=DAILY, time_zone="UTC", invited=ZOE)
    _differs(alice, new, 1, location="Room 9")
    _differs(alice, new, 2)


def _differs(alice: Mailbox, series: Any, number: int, **fields: Any) -> None:
    series.refresh_from_db()
    step = OccurrenceStep(Side.CRM, FIRST + number * DAY, fields, removes=not fields)
    apply_occurrence(series, step, syncing(alice))


def _put(company: Company, kind: ItemKind, **fields: Any) -> None:
    company.sandbox.put_act_item(ALICE, kind, fields, categories=[CATEGORY])


def _patch(company: Company, kind: ItemKind, name: str, original_start: str | None = None, **fields: Any) -> None:
    of_one = {"original_start": original_start} if original_start else {}
    company.sandbox.patch_act_item(ALICE, kind, held(company, kind)[name]["id"], fields=fields, **of_one)


def _delete(company: Company, kind: ItemKind, name: str) -> None:
    company.sandbox.delete_act_item(ALICE, kind, held(company, kind)[name]["id"])
