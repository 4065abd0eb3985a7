"""Tasks and contacts are the same here and on Exchange, over real sockets (10.1, 10.6, 10.7)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from django.utils import timezone

from mailboxes.models import Leg, MailboxLeg, TraceLog
from profiles.act_items import ItemKind
from serversync.cycles import act_pairs, engine
from tests.company import Company, decide, run
from tests.profiles.exchange import requests
from tests.synchronizing import ALICE, CATEGORY, alice_on, contact, held, synchronize, task
from tracking.crm.models import Contact, Task
from tracking.crm.models.states import TaskStatus
from tracking.keep.calendar import deciding
from tracking.models import ExchangeSyncIdMapping, HeldDeletion, RecycledItem, SyncConflict, SyncFilter
from tracking.models.reversible import Decision

TASKS, CONTACTS = ItemKind.TASK, ItemKind.CONTACT
pytestmark = pytest.mark.django_db(transaction=True)


def test_alices_task_appears_on_exchange_once(company: Company) -> None:  # 10.1 b
    alice = alice_on(company)
    task(alice, description="About the offer", priority_code=2)
    synchronize(alice)
    synchronize(alice)
    there = held(company, TASKS)["Call Acme"]["fields"]
    assert len(company.sandbox.act_items(ALICE, TASKS)) == 1
    assert (there["body"], there["importance"], there["due"]) == ("About the offer", "high", "2026-12-01")


def test_a_second_run_writes_nothing_and_asks_once_for_each_folder(company: Company) -> None:
    alice = alice_on(company)
    task(alice)
    contact(alice)
    synchronize(alice)
    synchronize(alice)
    company.sandbox.clear_log()
    ended = synchronize(alice)
    assert (ended.report.sent, ended.report.tracked) == (0, 0)
    assert set(requests(company.sandbox)) == {"SyncFolderItems"}


def test_what_changes_on_one_side_changes_on_the_other(company: Company) -> None:
    alice = alice_on(company)
    ours = task(alice)
    synchronize(alice)
    item = held(company, TASKS)["Call Acme"]
    company.sandbox.patch_act_item(ALICE, TASKS, item["id"], fields={"subject": "Call Acme again"})
    ours.description = "Bring the figures"
    ours.save()
    synchronize(alice)
    ours.refresh_from_db()
    assert ours.subject == "Call Acme again"
    assert held(company, TASKS)["Call Acme again"]["fields"]["body"] == "Bring the figures"
    assert not SyncConflict.objects.exists()


def test_a_completed_task_is_completed_on_the_other_side(company: Company) -> None:  # 10.7
    alice = alice_on(company)
    ours = task(alice)
    synchronize(alice)
    item = held(company, TASKS)["Call Acme"]
    company.sandbox.patch_act_item(ALICE, TASKS, item["id"], fields={"status": "completed"})
    synchronize(alice)
    ours.refresh_from_db()
    assert (ours.status_code, ours.percent_complete) == (TaskStatus.COMPLETED, 100)
    assert ours.actual_end is not None


def test_a_task_completed_here_is_completed_there_although_it_leaves_the_filter(company: Company) -> None:  # 10.7
    alice = alice_on(company)
    ours = task(alice)
    synchronize(alice)
    for state, status, there in ((1, TaskStatus.COMPLETED, "completed"), (0, TaskStatus.IN_PROGRESS, "in-progress")):
        ours.state_code, ours.status_code = state, status
        ours.save()
        synchronize(alice)
        synchronize(alice)
        assert held(company, TASKS)["Call Acme"]["fields"]["status"] == there


def test_both_change_the_same_field_and_the_newer_one_stays(company: Company) -> None:  # 10.1 h
    alice = alice_on(company)
    ours = task(alice)
    synchronize(alice)
    item = held(company, TASKS)["Call Acme"]
    company.sandbox.patch_act_item(ALICE, TASKS, item["id"], fields={"subject": "Theirs"})
    ours.subject = "Ours"
    ours.save()
    synchronize(alice)
    ours.refresh_from_db()
    conflict = SyncConflict.objects.get()
    assert {ours.subject} == set(held(company, TASKS))
    assert (conflict.field, conflict.before, conflict.ours, conflict.theirs) == (
        "subject",
        "Call Acme",
        "Ours",
        "Theirs",
    )


def test_what_bears_the_category_comes_in_and_what_does_not_stays_out(company: Company) -> None:  # 10.1 d
    alice = alice_on(company)
    company.sandbox.put_act_item(ALICE, TASKS, {"subject": "Mine alone"})
    item = company.sandbox.put_act_item(ALICE, TASKS, {"subject": "For all", "due": "2026-12-24"})
    synchronize(alice)
    assert not Task.objects.exists()
    company.sandbox.patch_act_item(ALICE, TASKS, item["id"], categories=[CATEGORY])
    synchronize(alice)
    made = Task.objects.get()
    assert (made.subject, made.owner, made.scheduled_end.date()) == (
        "For all",
        alice.regarding_user,
        date(2026, 12, 24),
    )


def test_a_contact_has_the_same_fields_on_both_sides(company: Company) -> None:  # 10.8
    alice = alice_on(company)
    contact(
        alice, "", first_name="Ann", last_name="Smith", job_title="Buyer", address_1_city="Springfield", telephone_1="1"
    )
    synchronize(alice)
    [item] = company.sandbox.act_items(ALICE, CONTACTS)
    told = item["fields"]
    assert (told["job_title"], told["business_address"]["city"], told["business_phone"]) == (
        "Buyer",
        "Springfield",
        "1",
    )
    company.sandbox.patch_act_item(ALICE, CONTACTS, item["id"], fields={"email_1": "ann@acme.test", "spouse": "Sam"})
    synchronize(alice)
    ann = Contact.objects.get()
    assert (ann.email_address_1, ann.spouses_name, ann.job_title) == ("ann@acme.test", "Sam", "Buyer")


def test_an_answer_that_got_lost_makes_no_second_task(company: Company) -> None:  # law 7
    alice = alice_on(company)
    task(alice)
    company.sandbox.fault(face="ews", operation="CreateItem", effect="drop", after_effect=True, times=1)
    run(alice, Leg.ACT)
    ExchangeSyncIdMapping.objects.update(next_attempt_on=None)
    ExchangeSyncIdMapping.objects.update(next_attempt_on=ExchangeSyncIdMapping.objects.get().created_on)
    synchronize(alice)
    synchronize(alice)
    assert len(company.sandbox.act_items(ALICE, TASKS)) == 1
    assert ExchangeSyncIdMapping.objects.get().exchange_entry_id


def test_lost_synchronization_state_doubles_and_deletes_nothing(company: Company) -> None:  # 10.1 f
    alice = alice_on(company)
    task(alice)
    contact(alice)
    synchronize(alice)
    company.sandbox.lose_sync_state(ALICE)
    synchronize(alice)
    synchronize(alice)
    assert (Task.objects.count(), Contact.objects.count()) == (1, 1)
    assert [len(company.sandbox.act_items(ALICE, kind)) for kind in (TASKS, CONTACTS)] == [1, 1]


def test_a_task_deleted_in_exchange_is_asked_about(company: Company) -> None:  # 10.7, design.md
    alice = alice_on(company)
    task(alice)
    synchronize(alice)
    company.sandbox.delete_act_item(ALICE, TASKS, held(company, TASKS)["Call Acme"]["id"])
    synchronize(alice)
    row = ExchangeSyncIdMapping.objects.get()
    assert (Task.objects.count(), row.question) == (1, 1)
    row.user_decision = 1
    row.save()
    synchronize(alice)
    assert not Task.objects.exists()
    assert RecycledItem.objects.get().snapshot["fields"]["subject"] == "Call Acme"


def test_a_task_deleted_here_is_deleted_there(company: Company) -> None:  # 10.7
    alice = alice_on(company)
    task(alice).delete()
    ours = task(alice)
    synchronize(alice)
    ours.delete()
    synchronize(alice)
    assert held(company, TASKS) == {}
    assert RecycledItem.objects.get().deleted_on_side == "exchange"


def test_a_narrower_filter_only_unlinks(company: Company) -> None:  # 10.1 b, i
    alice = alice_on(company)
    ours = task(alice)
    synchronize(alice)
    SyncFilter.objects.filter(owner=alice.regarding_user).update(is_active=False)
    synchronize(alice)
    assert set(held(company, TASKS)) == {"Call Acme"}
    ours.subject = "No longer told"
    ours.save()
    synchronize(alice)
    assert set(held(company, TASKS)) == {"Call Acme"}


@pytest.mark.parametrize(("decision", "left"), [(Decision.APPROVED, 0), (Decision.REFUSED, 6)])
def test_many_deletions_at_once_wait_for_a_person(company: Company, decision: Decision, left: int) -> None:  # law 9
    decide(ask_before_deleting_in_crm=False, deletions_at_once_percent=20)
    alice = alice_on(company)
    for number in range(6):
        task(alice, f"Task {number}")
    synchronize(alice)
    for item in company.sandbox.act_items(ALICE, TASKS):
        company.sandbox.delete_act_item(ALICE, TASKS, item["id"])
    synchronize(alice)
    assert Task.objects.count() == 6
    assert TraceLog.objects.filter(cause="deletions held task crm", closed_on=None).exists()
    assert deciding.decide_deletion(HeldDeletion.objects.get(), decision, alice.regarding_user, timezone.now())
    synchronize(alice)
    synchronize(alice)
    assert Task.objects.count() == left
    assert RecycledItem.objects.count() == 6 - left
    assert HeldDeletion.objects.count() == 1  # what was decided is not asked again
    assert not TraceLog.objects.filter(cause="deletions held task crm", closed_on=None).exists()


def meanwhile(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    """Somebody does this here, once, while a pair is being worked on."""
    real = act_pairs.merge
    left = [work]

    def merge(*args: object) -> object:
        plan = real(*args)  # type: ignore[arg-type]
        if left:
            left.pop()()
        return plan

    monkeypatch.setattr(act_pairs, "merge", merge)


def test_what_is_written_here_while_a_pair_is_settled_is_kept(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:  # law 1
    alice = alice_on(company)
    ours = task(alice)
    synchronize(alice)
    company.sandbox.patch_act_item(ALICE, TASKS, held(company, TASKS)["Call Acme"]["id"], fields={"subject": "Theirs"})

    def edit() -> None:
        again = Task.objects.get(pk=ours.pk)
        again.description = "Written meanwhile"
        again.save()

    meanwhile(monkeypatch, edit)
    synchronize(alice)
    synchronize(alice)
    ours.refresh_from_db()
    assert (ours.subject, ours.description) == ("Theirs", "Written meanwhile")
    assert held(company, TASKS)["Theirs"]["fields"]["body"] == "Written meanwhile"


def test_what_is_deleted_here_while_a_pair_is_settled_stays_deleted(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = alice_on(company)
    ours = task(alice)
    synchronize(alice)
    company.sandbox.patch_act_item(ALICE, TASKS, held(company, TASKS)["Call Acme"]["id"], fields={"subject": "Theirs"})
    meanwhile(monkeypatch, ours.delete)
    MailboxLeg.objects.filter(mailbox=alice, leg=Leg.ACT).request(timezone.now())
    engine.drain(timezone.now, 60)
    synchronize(alice)
    assert not Task.objects.exists()
