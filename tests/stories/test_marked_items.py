"""What Alice has tracked in Exchange bears our mark, and is known by it when its key changes, over real sockets (law 7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mailboxes.models import Leg
from profiles.act_items import ItemKind
from tests.company import Company, run
from tests.synchronizing import ALICE, CATEGORY, alice_on, change, contact, held, soon, synchronize, task
from tracking.crm.models import Appointment, Contact, RecurringAppointmentMaster, Task
from tracking.models import ExchangeSyncIdMapping, RecycledItem

APPOINTMENTS, CONTACTS, TASKS = ItemKind.APPOINTMENT, ItemKind.CONTACT, ItemKind.TASK
pytestmark = pytest.mark.django_db(transaction=True)


def put(company: Company, kind: ItemKind, name: str, *, is_tracked: bool = True, **fields: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"full_name": name, "last_name": name} if kind is CONTACTS else {"subject": name}
    if kind is APPOINTMENTS:
        start = soon()
        told |= {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat(), "time_zone": "UTC"}
    return company.sandbox.put_act_item(ALICE, kind, told | fields, categories=[CATEGORY] if is_tracked else [])


def put_one_of_each(company: Company) -> None:
    put(company, TASKS, "Read the contract")
    put(company, CONTACTS, "Moss")
    put(company, APPOINTMENTS, "Dinner")
    daily = {"frequency": "daily", "interval": 1, "first": soon().date().isoformat(), "count": 5}
    put(company, APPOINTMENTS, "Standup", recurrence=daily)


def records() -> tuple[int, ...]:
    models = (Task, Contact, RecurringAppointmentMaster)
    return (*(model.objects.count() for model in models), Appointment.objects.filter(series=None).count())


def items(company: Company) -> int:
    return sum(len(company.sandbox.act_items(ALICE, kind)) for kind in ItemKind)


def updates(company: Company) -> int:
    return int(company.sandbox.log()["counters"]["ews"].get("UpdateItem", 0))


def test_a_mailbox_that_was_migrated_doubles_and_deletes_nothing(company: Company) -> None:  # law 7, 10.1 f
    alice = alice_on(company)
    put_one_of_each(company)
    synchronize(alice)
    assert (records(), items(company)) == ((1, 1, 1, 1), 4)
    before = dict(ExchangeSyncIdMapping.objects.values_list("object_id", "exchange_entry_id"))
    company.sandbox.restore(ALICE)
    synchronize(alice)
    synchronize(alice)
    after = dict(ExchangeSyncIdMapping.objects.values_list("object_id", "exchange_entry_id"))
    assert (records(), items(company)) == ((1, 1, 1, 1), 4)
    assert set(after) == set(before)
    assert not set(after.values()) & set(before.values())
    assert not RecycledItem.objects.exists()
    assert not ExchangeSyncIdMapping.objects.exclude(question=0).exists()
    there = held(company, TASKS)["Read the contract"]
    company.sandbox.patch_act_item(ALICE, TASKS, there["id"], fields={"subject": "Sign the contract"})
    Contact.objects.update(job_title="Buyer", modified_on=timezone.now())
    change(alice, RecurringAppointmentMaster.objects.get(), location="Room 7")
    synchronize(alice)
    assert Task.objects.get().subject == "Sign the contract"
    assert held(company, CONTACTS)["Moss"]["fields"]["job_title"] == "Buyer"
    assert held(company, APPOINTMENTS)["Standup"]["fields"]["location"] == "Room 7"
    assert company.sandbox.meeting_mails() == []


def test_what_was_tracked_is_marked_once(company: Company) -> None:  # law 7
    alice = alice_on(company)
    put_one_of_each(company)
    company.sandbox.clear_log()
    synchronize(alice)
    assert updates(company) == 4
    ended = synchronize(alice)
    assert (ended.report.sent, ended.report.tracked, updates(company)) == (0, 0, 4)
    assert not ExchangeSyncIdMapping.objects.filter(next_attempt_on__isnull=False).exists()


@pytest.mark.parametrize("kind", ItemKind)
def test_a_copy_of_what_was_tracked_stays_a_copy(company: Company, kind: ItemKind) -> None:  # 10.1 j
    alice = alice_on(company)
    there = put(company, kind, "Moss")
    synchronize(alice)
    company.sandbox.copy_act_item(ALICE, kind, there["id"])
    synchronize(alice)
    assert sum(records()) == 1
    assert ExchangeSyncIdMapping.objects.get().exchange_entry_id == there["id"]
    company.sandbox.delete_act_item(ALICE, kind, there["id"])
    synchronize(alice)
    assert sum(records()) == 1  # the copy takes the place of the original
    assert not ExchangeSyncIdMapping.objects.exclude(question=0).exists()


def test_what_is_here_already_is_marked_when_it_is_linked(company: Company) -> None:  # 10.1 f
    alice = alice_on(company)
    contact(alice, "Ann Smith", first_name="Ann", last_name="Smith", email_address_1="ann@acme.test")
    told = {"first_name": "Ann", "last_name": "Smith", "email_1": "ann@acme.test"}
    put(company, CONTACTS, "Ann Smith", **told)
    synchronize(alice)
    company.sandbox.restore(ALICE)
    Contact.objects.update(email_address_1="")  # nobody would know her by it any more
    synchronize(alice)
    assert (Contact.objects.count(), len(company.sandbox.act_items(ALICE, CONTACTS))) == (1, 1)


@pytest.mark.parametrize("code", ["ErrorIrresolvableConflict", "ErrorAccessDenied"])
def test_what_was_linked_without_a_mark_gets_it_when_it_is_next_worked_on(company: Company, code: str) -> None:
    alice = alice_on(company)
    there = put(company, TASKS, "Read the contract")
    refused = {"effect": "response", "code": code}
    company.sandbox.fault(face="ews", operation="UpdateItem", times=1, **refused)
    synchronize(alice)
    company.sandbox.clear_log()
    synchronize(alice)
    assert updates(company) == 0  # it is nobody's work
    company.sandbox.patch_act_item(ALICE, TASKS, there["id"], fields={"body": "Page 3"})
    synchronize(alice)
    assert updates(company) == 1
    company.sandbox.restore(ALICE)
    synchronize(alice)
    assert (Task.objects.count(), ExchangeSyncIdMapping.objects.count()) == (1, 1)


def test_an_answer_that_got_lost_leaves_the_mark_and_no_work(company: Company) -> None:  # law 7
    alice = alice_on(company)
    put(company, TASKS, "Read the contract")
    company.sandbox.fault(face="ews", operation="UpdateItem", effect="drop", after_effect=True, times=1)
    run(alice, Leg.ACT)
    synchronize(alice)
    company.sandbox.clear_log()
    ExchangeSyncIdMapping.objects.update(next_attempt_on=timezone.now())
    synchronize(alice)
    assert (Task.objects.count(), updates(company)) == (1, 0)
    company.sandbox.restore(ALICE)
    synchronize(alice)
    assert (Task.objects.count(), ExchangeSyncIdMapping.objects.count()) == (1, 1)


@pytest.mark.parametrize(("is_known", "number"), [(False, 1), (True, 0)])
def test_a_mark_that_nobody_here_has_given_says_nothing(
    company: Company, is_known: bool, number: int
) -> None:  # 10.1 j
    alice, bob = alice_on(company), company.user("Bob", company.exchange_profile())
    mark = "0" * 32
    if is_known:  # Alice has copied it from Bob's folder
        row = ExchangeSyncIdMapping(owner=bob.regarding_user, mailbox=bob, kind=TASKS)
        row.mark = row.pk.hex
        row.save()
        mark = row.mark
    [made] = [task(alice, "Ours")]
    synchronize(alice)
    [name] = held(company, TASKS)["Ours"]["extended"]
    company.sandbox.put_act_item(
        ALICE, TASKS, {"subject": "Read the contract"}, categories=[CATEGORY], extended={name: mark}
    )
    synchronize(alice)
    assert Task.objects.exclude(pk=made.pk).count() == number
