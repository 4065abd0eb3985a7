"""Alice’s contacts that are on both sides already, and what was linked before, over real sockets (10.1 f, 10.1 k)."""

from __future__ import annotations

import pytest
from django.utils import timezone

from mailboxes.models import Mailbox
from profiles.act_items import ItemKind
from tests.company import Company
from tests.synchronizing import ALICE, CATEGORY, alice_on, contact, held, synchronize, task
from tracking.crm.models import Contact, Task
from tracking.keep.calendar import deciding
from tracking.models import ExchangeSyncIdMapping, SyncFilter, SyncProgress, SyncQuestion, UserDecision

TASKS, CONTACTS = ItemKind.TASK, ItemKind.CONTACT
pytestmark = pytest.mark.django_db(transaction=True)


def put(company: Company, name: str = "Ann Smith", **fields: str) -> None:
    first, _, last = name.partition(" ")
    told = {"full_name": name, "first_name": first, "last_name": last, **fields}
    company.sandbox.put_act_item(ALICE, CONTACTS, told, categories=[CATEGORY])


def answer(alice: Mailbox, question: SyncQuestion, decision: UserDecision) -> None:
    """Alice answers the one question there is."""
    row = ExchangeSyncIdMapping.objects.get(question=question, user_decision=UserDecision.NONE)
    assert deciding.answer(row, decision, alice.regarding_user, timezone.now())


def test_the_same_person_is_linked_and_not_doubled(company: Company) -> None:  # 10.1 f
    alice = alice_on(company)
    contact(alice, "Ann Smith", first_name="Ann", last_name="Smith", email_address_1="ann@acme.test")
    put(company, email_1="ann@acme.test", job_title="Buyer")
    synchronize(alice)
    synchronize(alice)
    assert Contact.objects.get().job_title == "Buyer"
    assert len(company.sandbox.act_items(ALICE, CONTACTS)) == 1
    assert ExchangeSyncIdMapping.objects.get().agreed_on


@pytest.mark.parametrize(("decision", "number"), [(UserDecision.YES, 1), (UserDecision.NO, 2)])
def test_somebody_is_asked_about_a_person_who_may_be_the_same(  # 10.1 k
    company: Company, decision: UserDecision, number: int
) -> None:
    alice = alice_on(company)
    put(company, "Ann Smith", email_1="info@acme.test")
    bert = contact(alice, "Bert Jones", email_address_1="info@acme.test")
    synchronize(alice)
    row = ExchangeSyncIdMapping.objects.get(question=SyncQuestion.SAME_RECORD)
    assert row.question_facts["record"] == str(bert.pk)
    synchronize(alice)
    assert Contact.objects.count() == 1
    answer(alice, SyncQuestion.SAME_RECORD, decision)
    ExchangeSyncIdMapping.objects.exclude(next_attempt_on=None).update(next_attempt_on=timezone.now())
    synchronize(alice)
    synchronize(alice)
    assert Contact.objects.count() == len(company.sandbox.act_items(ALICE, CONTACTS)) == number
    assert not ExchangeSyncIdMapping.objects.exclude(question=SyncQuestion.NONE).exists()


def test_a_colleagues_contact_is_never_proposed(company: Company) -> None:  # 10.1 b
    alice = alice_on(company)
    bob = company.user("Bob", company.exchange_profile())
    contact(bob, "Ann Smith", email_address_1="ann@acme.test")
    put(company, email_1="ann@acme.test")
    synchronize(alice)
    assert Contact.objects.filter(owner=alice.regarding_user).count() == 1
    assert not ExchangeSyncIdMapping.objects.exclude(question=SyncQuestion.NONE).exists()


def narrow(alice: Mailbox, *, is_active: bool) -> None:
    SyncFilter.objects.filter(owner=alice.regarding_user).update(is_active=is_active)


def test_a_filter_that_is_wide_again_links_what_nobody_has_changed(company: Company) -> None:  # 10.1 b, f
    alice = alice_on(company)
    ours = task(alice)
    synchronize(alice)
    narrow(alice, is_active=False)
    synchronize(alice)
    narrow(alice, is_active=True)
    synchronize(alice)
    ours.description = "Told again"
    ours.save()
    synchronize(alice)
    assert held(company, TASKS)["Call Acme"]["fields"]["body"] == "Told again"
    assert len(company.sandbox.act_items(ALICE, TASKS)) == 1


@pytest.mark.parametrize(("decision", "body"), [(UserDecision.YES, "Ours"), (UserDecision.NO, None)])
def test_what_was_linked_before_and_has_changed_is_asked_about(  # 10.1 f
    company: Company, decision: UserDecision, body: str | None
) -> None:
    alice = alice_on(company)
    ours = task(alice)
    synchronize(alice)
    narrow(alice, is_active=False)
    synchronize(alice)
    ours.description = "Ours"
    ours.save()
    company.sandbox.patch_act_item(ALICE, TASKS, held(company, TASKS)["Call Acme"]["id"], fields={"importance": "high"})
    narrow(alice, is_active=True)
    synchronize(alice)
    answer(alice, SyncQuestion.PREVIOUSLY_LINKED, decision)
    for _ in range(3):
        synchronize(alice)
    assert held(company, TASKS)["Call Acme"]["fields"].get("body") == (body or "")
    assert not ExchangeSyncIdMapping.objects.exclude(question=SyncQuestion.NONE).exists()


def test_what_alice_puts_back_in_outlook_is_asked_about(company: Company) -> None:  # 10.1 f, 10.7
    alice = alice_on(company)
    task(alice)
    synchronize(alice)
    item = held(company, TASKS)["Call Acme"]
    company.sandbox.delete_act_item(ALICE, TASKS, item["id"])
    synchronize(alice)
    answer(alice, SyncQuestion.DELETE_IN_CRM, UserDecision.NO)
    synchronize(alice)
    [thrown_away] = company.sandbox.inbox(ALICE, "deleteditems")
    company.sandbox.move(ALICE, thrown_away["id"], "tasks")
    synchronize(alice)
    answer(alice, SyncQuestion.PREVIOUSLY_LINKED, UserDecision.YES)
    synchronize(alice)
    assert (Task.objects.count(), len(company.sandbox.act_items(ALICE, TASKS))) == (1, 1)
    assert not ExchangeSyncIdMapping.objects.get().is_unlinked_in_crm


def test_the_first_synchronization_tells_how_far_it_is(company: Company) -> None:  # 10.1 f
    alice = alice_on(company)
    for number in range(3):
        task(alice, f"Task {number}")
    synchronize(alice)
    progress = SyncProgress.objects.get(kind=TASKS)
    assert (progress.total, progress.done, progress.finished_on is not None) == (3, 3, True)
