"""The line breaks after Exchange has done what we asked: the next run finds out, and nothing is forgotten, done or mailed
twice (law 7, 10.1 h, law 9)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mailboxes.models import Leg, Mailbox
from profiles.act_items import ItemKind
from tests.company import Company, run
from tests.synchronizing import (
    ALICE,
    alice_on,
    appointment,
    change,
    held,
    mails_about_meetings,
    synchronize,
    task,
)
from tracking.crm.models import Appointment, Task
from tracking.keep.calendar import deciding
from tracking.models import ExchangeSyncIdMapping, RecycledItem, SyncConflict

TASKS, CALENDAR = ItemKind.TASK, ItemKind.APPOINTMENT
ZOE = "zoe@them.test"
pytestmark = pytest.mark.django_db(transaction=True)


def lose_the_answer(company: Company, alice: Mailbox, operation: str) -> None:
    """One run whose write is done though its answer is lost, then one that succeeds, and one more."""
    company.sandbox.fault(face="ews", operation=operation, effect="drop", after_effect=True, times=1)
    run(alice, Leg.ACT)
    assert company.sandbox.faults() == []
    soon = timezone.now() - timedelta(minutes=1)
    ExchangeSyncIdMapping.objects.update(last_sync_error="")  # what went wrong then is no news
    ExchangeSyncIdMapping.objects.exclude(next_attempt_on=None).update(next_attempt_on=soon)
    synchronize(alice)
    synchronize(alice)


def test_a_conflict_is_known_once_and_can_be_undone(company: Company) -> None:  # 10.1 h
    alice = alice_on(company)
    ours = task(alice)
    synchronize(alice)
    company.sandbox.patch_act_item(ALICE, TASKS, held(company, TASKS)["Call Acme"]["id"], fields={"body": "Theirs"})
    Task.objects.filter(pk=ours.pk).update(description="Ours", modified_on=timezone.now() + timedelta(seconds=2))
    lose_the_answer(company, alice, "UpdateItem")
    conflict = SyncConflict.objects.get()
    assert (conflict.field, conflict.ours, conflict.theirs, conflict.taken) == ("body", "Ours", "Theirs", "crm")
    deciding.undo_conflict(conflict, alice.regarding_user, timezone.now())
    synchronize(alice)
    assert held(company, TASKS)["Call Acme"]["fields"]["body"] == "Theirs"


def test_nobody_is_invited_or_told_twice(company: Company) -> None:  # 10.2.2
    alice = alice_on(company)
    ours = appointment(alice, "Offer", invited=ZOE)
    lose_the_answer(company, alice, "CreateItem")
    assert mails_about_meetings(company) == [(ZOE, "request")]
    assert ExchangeSyncIdMapping.objects.get().uid == held(company, CALENDAR)["Offer"]["uid"]
    change(alice, ours, location="Room 5")
    lose_the_answer(company, alice, "UpdateItem")
    assert mails_about_meetings(company) == [(ZOE, "request"), (ZOE, "update")]
    Appointment.objects.get().delete()
    lose_the_answer(company, alice, "DeleteItem")
    assert mails_about_meetings(company) == [(ZOE, "request"), (ZOE, "update"), (ZOE, "cancellation")]


def test_what_was_deleted_there_is_in_the_recycle_bin_once(company: Company) -> None:  # law 9
    alice = alice_on(company)
    ours = task(alice)
    synchronize(alice)
    ours.delete()
    lose_the_answer(company, alice, "DeleteItem")
    assert held(company, TASKS) == {}
    gone = RecycledItem.objects.get()
    assert (gone.snapshot["fields"]["subject"], gone.deleted_on_side) == ("Call Acme", "exchange")
    assert not ExchangeSyncIdMapping.objects.exists()
