"""Alice’s tasks, contacts, appointments and series, edited and deleted on both sides at random, with lost answers, lost
cursors and lost leases: in the end both sides are the same, and nothing is doubled, lost or mailed about (10.1, 10.4)."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from mailboxes.models import ActDeliveryMethod, Leg, Mailbox, MailboxLeg
from mailboxes.models.leg import LeaseLost
from mailboxes.models.settings import current_policy
from profiles.act_items import Attendee, Frequency, Item, ItemKind, Notify, Recurrence, Value
from profiles.connectors import open_item_store
from profiles.connectors.base import ConnectorError, OutcomeUnknown
from profiles.connectors.memory import MemoryServer
from profiles.connectors.memory_items import MemoryItems
from profiles.items import Access, Transport
from serversync.cycles.act import Act
from serversync.cycles.act_pair import complete
from tests.company import PASSWORD, Company, decide
from tests.synchronizing import ALICE, CATEGORY, soon, syncing
from tests.tracking.filing_office import Brittle
from tracking.crm.models import Appointment, Contact, RecurringAppointmentMaster, Task
from tracking.decide.act_values import same
from tracking.decide.field_maps import RecordKind
from tracking.decide.merge import Direction, Side
from tracking.decide.occurrences import Exceptions, OccurrenceStep, SeriesState
from tracking.decide.occurrences import differing as differing_of
from tracking.facts.act.appointments import exceptions_of, kept_exceptions
from tracking.facts.act.reading import chosen_directions, values_of
from tracking.keep.act.appointments import apply_occurrence
from tracking.keep.act.writing import MADE_FROM, make_record, set_fields
from tracking.models import ExchangeSyncIdMapping, SyncQuestion, UserDecision

HOST = "calendar.us.test"
FIRST, HOUR, DAY = soon(), timedelta(hours=1), timedelta(days=1)
DAILY = Recurrence(Frequency.DAILY, FIRST.date(), count=5)
ZOE = (Attendee("zoe@them.test"),)
NEW: dict[ItemKind, dict[str, Value]] = {
    ItemKind.TASK: {"status": "not-started", "percent_complete": 0, "importance": "normal"},
    ItemKind.CONTACT: {"first_name": "Ann"},
    ItemKind.APPOINTMENT: {
        "start": FIRST,
        "end": FIRST + HOUR,
        "is_all_day": False,
        "time_zone": "UTC",
        "show_as": "busy",
        "is_private": False,
        "importance": "normal",
        "organizer": (Attendee(ALICE),),
    },
}
EDITS: dict[ItemKind, list[dict[str, Value]]] = {
    ItemKind.TASK: [
        {"body": "One"},
        {"body": "Two"},
        {"importance": "high"},
        {"due": date(2030, 1, 2)},
        {"due": None},
        {"status": "completed", "percent_complete": 100, "completed": soon(0).date()},
        {"status": "in-progress", "percent_complete": 40, "completed": None},
    ],
    ItemKind.CONTACT: [
        {"job_title": "Buyer"},
        {"job_title": "Chief"},
        {"job_title": None},
        {"birthday": date(1990, 1, 2)},
    ],
    ItemKind.APPOINTMENT: [
        {"location": "Room 1"},
        {"location": None},
        {"body": "One"},
        {"start": FIRST + HOUR, "end": FIRST + 2 * HOUR},
        {"start": FIRST, "end": FIRST + HOUR},
        {"show_as": "tentative"},
        {"importance": "high"},
        {"recurrence": DAILY},
        {"recurrence": None},
        {"required": ZOE},
        {"required": ()},
    ],
}
OF_ONE: list[dict[str, Value]] = [{}, {"location": "Room 7"}, {"location": "Room 8"}, {"body": "Bring cake"}]
kinds = st.sampled_from(ItemKind)
numbers = st.integers(0, 50)
sides = st.sampled_from(Side)


class Office:
    """Alice’s mailbox on a server in this process."""

    def __init__(self) -> None:
        self.server = MemoryServer(HOST)
        MemoryItems.of.pop((id(self.server), ALICE), None)
        faces = SimpleNamespace(
            account=lambda address, password, **_: self.server.account(address, password), ews_url="https://x.test/"
        )
        method = ActDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION
        company = Company(faces)  # type: ignore[arg-type]
        self.alice = company.user("Alice", company.exchange_profile(), act_delivery_method=method)
        self.items = MemoryItems.at(self.server, ALICE)

    @property
    def access(self) -> Access:
        return Access(Transport.MEMORY, ALICE, HOST, username=ALICE, password=PASSWORD)

    def cycle(self, commits: int = 0) -> int:
        """Returns how much was written; -1 if the cycle broke off."""
        now = timezone.now()
        claim = MailboxLeg.objects.claim(MailboxLeg.objects.get(mailbox=self.alice, leg=Leg.ACT), now, "tests")
        assert claim is not None
        fresh = Mailbox.objects.select_related("regarding_user__sync_settings").get(pk=self.alice.pk)
        try:
            with closing(open_item_store(self.access)) as store:
                report = Act(fresh, store, Brittle(claim, now, commits), current_policy(), now).run()
            return report.sent + report.tracked
        except (ConnectorError, LeaseLost):
            return -1
        finally:
            MailboxLeg.objects.release(claim)

    def time_passes(self) -> None:
        """What is to be tried later is tried now."""
        rows = ExchangeSyncIdMapping.objects.filter(next_attempt_on__isnull=False)
        rows.update(next_attempt_on=timezone.now() - HOUR)

    def come_to_rest(self) -> None:
        """Somebody says yes to every question, and cycles run until nothing is to be done."""
        for _ in range(12):
            self.time_passes()
            ExchangeSyncIdMapping.objects.exclude(question=SyncQuestion.NONE).update(
                user_decision=UserDecision.YES, next_attempt_on=timezone.now() - HOUR
            )
            waiting = ExchangeSyncIdMapping.objects.filter(next_attempt_on__isnull=False).exists()
            if self.cycle() == 0 and not waiting:
                return
        rows = list(ExchangeSyncIdMapping.objects.filter(next_attempt_on__isnull=False).values())
        raise AssertionError(f"no rest: {rows}")


def name_of(kind: ItemKind) -> str:
    return "last_name" if kind is ItemKind.CONTACT else "subject"


class People(RuleBasedStateMachine):
    """What Alice does on both sides. Each thing has a name that nobody changes."""

    def __init__(self) -> None:
        super().__init__()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        decide(deletions_at_once_percent=100, deletions_at_once_number=0, meeting_mails_per_run=0)
        self.office = Office()
        self.things: list[tuple[ItemKind, str]] = []
        self.deleted: set[str] = set()
        self.meetings: set[str] = set()

    def teardown(self) -> None:
        try:
            self.office.come_to_rest()
            self.check()
        finally:
            transaction.set_rollback(True)
            self.undone.__exit__(None, None, None)

    # Looking

    def record(self, kind: ItemKind, name: str) -> Any:
        if kind is ItemKind.TASK:
            return Task.objects.filter(subject=name).first()
        if kind is ItemKind.CONTACT:
            return Contact.objects.filter(last_name=name).first()
        series = RecurringAppointmentMaster.objects.filter(subject=name).first()
        return series or Appointment.objects.filter(subject=name, series=None).first()

    def item(self, kind: ItemKind, name: str) -> Item | None:
        held = self.office.items.held.values()
        return next((one for one in held if one.kind is kind and one.fields.get(name_of(kind)) == name), None)

    def pick(self, number: int) -> tuple[ItemKind, str] | None:
        return self.things[number % len(self.things)] if self.things else None

    # What people do

    @initialize(some=st.lists(st.tuples(kinds, sides), min_size=2, max_size=4))
    def it_begins(self, some: list[tuple[ItemKind, Side]]) -> None:
        for kind, side in some:
            self.something_is_made(kind, side)
        self.office.cycle()

    @rule(kind=kinds, side=sides)
    def something_is_made(self, kind: ItemKind, side: Side) -> None:
        name = f"Thing {len(self.things)}"
        self.things.append((kind, name))
        fields = {**NEW[kind], name_of(kind): name}
        if kind is ItemKind.CONTACT:
            fields["full_name"] = f"Ann {name}"
        if side is Side.CRM:
            make_record(MADE_FROM[kind], fields, syncing(self.office.alice))
        else:
            self.office.items.put(kind, fields, categories=(CATEGORY,))

    @rule(number=numbers, edit=numbers, side=sides)
    def something_is_changed(self, number: int, edit: int, side: Side) -> None:
        found = self.pick(number)
        if found is None:
            return
        kind, name = found
        fields = EDITS[kind][edit % len(EDITS[kind])]
        if "required" in fields:
            self.meetings.add(name)
        if side is Side.CRM:
            record = self.record(kind, name)
            if record is not None:
                set_fields(record, fields, syncing(self.office.alice))
        else:
            item = self.item(kind, name)
            if item is not None:
                self.office.items.change(item.key, fields, modified_on=timezone.now())

    @rule(number=numbers, day=st.integers(1, 3), edit=numbers, side=sides)
    def one_occurrence_is_changed(self, number: int, day: int, edit: int, side: Side) -> None:
        series = [one for one in self.things if isinstance(self.record(*one), RecurringAppointmentMaster)]
        if not series:
            return
        name = series[number % len(series)]
        fields, record = OF_ONE[edit % len(OF_ONE)], self.record(*name)
        original = record.effective_start_date + day * DAY
        if side is Side.CRM:
            step = OccurrenceStep(Side.CRM, original, fields, removes=not fields)
            if original not in exceptions_of(record).removed:
                apply_occurrence(record, step, syncing(self.office.alice))
            return
        item = self.item(*name)
        if item is None or item.fields.get("recurrence") is None or item.fields["start"] + day * DAY != original:
            return
        if original in item.removed:
            return
        with closing(open_item_store(self.office.access)) as store:
            if fields:
                store.update_occurrence(item.key, original, fields, Notify.NOBODY)
            else:
                store.delete_occurrence(item.key, original, Notify.NOBODY)

    @rule(number=numbers, side=sides)
    def something_is_deleted(self, number: int, side: Side) -> None:
        found = self.pick(number)
        if found is None:
            return
        record, item = self.record(*found), self.item(*found)
        if side is Side.CRM and record is not None:
            record.delete()
            self.deleted.add(found[1])
        elif side is Side.EXCHANGE and item is not None:
            self.office.items.remove(item.key)
            self.deleted.add(found[1])

    # What happens

    @rule()
    def a_cycle(self) -> None:
        self.office.time_passes()
        self.office.cycle()

    @rule(skip=st.integers(0, 3))
    def an_answer_gets_lost(self, skip: int) -> None:
        self.office.server.trouble("items answer", OutcomeUnknown("The line broke."), skip)
        self.office.time_passes()
        self.office.cycle()
        self.office.server._troubles.clear()

    @rule(commits=st.integers(1, 12))
    def a_lease_is_lost(self, commits: int) -> None:
        self.office.time_passes()
        self.office.cycle(commits)

    @rule()
    def cursors_are_lost(self) -> None:
        self.office.items.lose_cursors()

    # In the end

    def check(self) -> None:
        there = Counter(str(one.fields.get(name_of(one.kind))) for one in self.office.items.held.values())
        assert set(there.values()) <= {1}, f"doubled on the server: {there}"
        for kind, name in self.things:
            record, item = self.record(kind, name), self.item(kind, name)
            if name not in self.deleted:
                assert record is not None, f"{name} is lost here"
                assert item is not None, f"{name} is lost on the server"
                if not self.is_over(kind, record):
                    self.the_same(record, item)
        here = Task.objects.count() + Contact.objects.count() + RecurringAppointmentMaster.objects.count()
        here += Appointment.objects.filter(series=None).count()
        assert here <= len(self.things), "doubled here"
        failed = list(
            ExchangeSyncIdMapping.objects.exclude(last_sync_error="").values_list("last_sync_error", flat=True)
        )
        assert not failed, failed
        before = len(self.office.items.mailed), len(self.office.items.journal)
        assert self.office.cycle() == 0
        assert (len(self.office.items.mailed), len(self.office.items.journal)) == before, "it is not quiet"
        mailed = {one.key for one in self.office.items.mailed}
        invited = {item.key for kind, name in self.things if (item := self.item(kind, name)) and name in self.meetings}
        assert mailed <= invited | {key for key in mailed if key not in self.office.items.held}

    @staticmethod
    def is_over(kind: ItemKind, record: Any) -> bool:
        """A completed task leaves the filter for open ones: from then on both sides are for themselves."""
        rows = ExchangeSyncIdMapping.objects.filter(object_id=str(record.pk), is_unlinked_in_crm=True)
        return kind is ItemKind.TASK and rows.exists()

    def the_same(self, record: Any, item: Item) -> None:
        who = syncing(self.office.alice)
        record = type(record).objects.get(pk=record.pk)
        ours = values_of(record, who)
        theirs = complete(item.fields, ours)
        kind = RecordKind.SERIES if isinstance(record, RecurringAppointmentMaster) else MADE_FROM[item.kind]
        ways = chosen_directions(kind, current_policy())
        names = [name for name in ours if ways.get(name, Direction.NONE) is Direction.BOTH]
        differing = {name: (ours[name], theirs[name]) for name in names if not same(ours[name], theirs[name])}
        assert not differing, (item.fields, differing)
        if isinstance(record, RecurringAppointmentMaster):
            found = kept_exceptions(Exceptions.of(item.changed, item.removed), ours, record)
            mine = exceptions_of(record)
            assert found.removed == mine.removed
            told = {key: dict(differing_of(key, own, SeriesState(ours))) for key, own in found.changed.items()}
            assert {key: own for key, own in told.items() if own} == mine.changed


@pytest.mark.django_db
def test_both_sides_are_the_same_in_the_end_whatever_happens() -> None:
    run_state_machine_as_test(
        People,
        settings=settings(
            max_examples=15,
            stateful_step_count=14,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
