"""A run that finds nothing changed writes nothing, here or on the server, and asks once for each folder (10.1)."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from mailboxes.models import ActDeliveryMethod, Mailbox
from profiles.act_items import Frequency, ItemKind, Recurrence
from tests.company import Company
from tests.profiles.exchange import requests
from tests.synchronizing import ALICE, CATEGORY, alice_on, appointment, contact, soon, synchronize, syncing, task
from tracking.crm.models import Fax, Letter, PhoneCall
from tracking.decide.merge import Side
from tracking.decide.occurrences import OccurrenceStep
from tracking.keep.act.appointments import apply_occurrence
from tracking.models import ExchangeSyncIdMapping

BOB = "bob@us.test"
DAILY = Recurrence(Frequency.DAILY, soon().date(), count=6)
BOOKKEEPING = {"mailboxes_mailboxleg", "tracking_synccursor", "tracking_syncprogress"}
"""How far each side was read, and who is at work: the same few rows however much is linked."""
WRITE = re.compile(r'(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"')
pytestmark = pytest.mark.django_db(transaction=True)


class Changed:
    """How many rows of which tables were written."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if found := WRITE.match(sql):
            self.rows += Counter({found[1]: context["cursor"].rowcount})
        return result


def everything_linked(company: Company) -> list[str]:
    """Alice and Bob with items of all kinds from both sides; returns the names of the kinds."""
    alice = alice_on(company)
    method = ActDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION
    bob = company.user("Bob", company.exchange_profile(), act_delivery_method=method)
    for model in (PhoneCall, Letter, Fax):
        told = {"owner": alice.regarding_user, "created_on": timezone.now(), "scheduled_end": soon()}
        model.objects.create(subject=f"{model.__name__} to Acme", **told)
    task(alice)
    contact(alice, "Ann Smith", last_name="Smith")
    appointment(alice, "Lunch")
    appointment(alice, "Offer", invited=f"{BOB} zoe@them.test")
    series = appointment(alice, "Standup", recurrence=DAILY, time_zone="UTC")
    for number, fields in ((1, {"location": "Room 7"}), (2, {})):
        step = OccurrenceStep(Side.CRM, soon() + timedelta(days=number), fields, removes=not fields)
        apply_occurrence(series, step, syncing(alice))  # type: ignore[arg-type]
    there = {"subject": "Dinner", "start": soon().isoformat(), "end": (soon() + timedelta(hours=1)).isoformat()}
    company.sandbox.put_act_item(ALICE, ItemKind.APPOINTMENT, {**there, "time_zone": "UTC"}, categories=[CATEGORY])
    company.sandbox.put_act_item(ALICE, ItemKind.TASK, {"subject": "Read the contract"}, categories=[CATEGORY])
    company.sandbox.put_act_item(
        ALICE, ItemKind.CONTACT, {"full_name": "Theo", "last_name": "T"}, categories=[CATEGORY]
    )
    for mailbox in (alice, bob) * 3:
        synchronize(mailbox)
    return sorted(row.object_type.model for row in ExchangeSyncIdMapping.objects.exclude(exchange_entry_id=""))


def test_a_run_without_changes_writes_nothing_and_asks_once_for_each_folder(company: Company) -> None:
    linked = Counter(everything_linked(company))
    assert linked == {
        "appointment": 4,  # the meeting is in Bob's calendar as well
        "recurringappointmentmaster": 1,
        "contact": 2,
        "task": 2,
        "phonecall": 1,
        "letter": 1,
        "fax": 1,
    }
    before = list(ExchangeSyncIdMapping.objects.order_by("pk").values())
    mails = company.sandbox.meeting_mails()
    for mailbox in Mailbox.objects.order_by("created_on"):
        company.sandbox.clear_log()
        with connection.execute_wrapper(changed := Changed()):
            ended = synchronize(mailbox)
        assert (ended.report.seen, ended.report.sent, ended.report.tracked) == (0, 0, 0)
        assert requests(company.sandbox) == {"SyncFolderItems": 3}
        assert set(changed.rows) <= BOOKKEEPING, changed.rows
    assert list(ExchangeSyncIdMapping.objects.order_by("pk").values()) == before
    assert company.sandbox.meeting_mails() == mails
