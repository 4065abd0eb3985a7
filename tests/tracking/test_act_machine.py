"""Alice’s tasks, contacts, appointments and series, edited and deleted on both sides at random, with lost answers, lost
cursors, lost leases and busy servers, items moved away and back, and decisions taken back: in the end both sides are the
same, and nothing is doubled, lost or mailed about (10.1, 10.4). Once on a server in this process, once on the sandbox over
sockets; ACT_EXAMPLES says how many lives are tried."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from mailboxes.models.settings import current_policy
from profiles.act_items import Attendee, Frequency, Item, ItemKind, Notify, Recurrence, Value
from profiles.connectors import open_item_store
from serversync.cycles.act_pair import complete
from tests.company import decide
from tests.synchronizing import ALICE, soon, syncing
from tests.tracking.act_offices import (
    ExchangeOffice,
    MemoryOffice,
    Office,
    approve_mail,
    come_to_rest,
    cycle,
    item_at,
    name_of,
    time_passes,
)
from tests.world import SandboxProcess
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
from tracking.keep.calendar.deciding import NotPossible, undo_conflict
from tracking.keep.calendar.restoring import restore
from tracking.models import ExchangeSyncIdMapping, HeldWrite, RecycledItem, SyncConflict
from tracking.models.reversible import Decision

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
REPEATS, INVITES = 7, 9  # of the edits of appointments
OF_ONE: list[dict[str, Value]] = [{}, {"location": "Room 7"}, {"location": "Room 8"}, {"body": "Bring cake"}]
PATIENCE = 7200 if "ACT_EXAMPLES" in os.environ else 120
kinds = st.sampled_from(ItemKind)
numbers = st.integers(0, 50)
sides = st.sampled_from(Side)


class People(RuleBasedStateMachine):
    """What Alice does on both sides. Each thing has a name that nobody changes."""

    def __init__(self, open_office: Callable[[], Office]) -> None:
        super().__init__()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        self.office = open_office()
        self.things: list[tuple[ItemKind, str]] = []
        self.deleted: set[str] = set()
        self.meetings: Counter[str] = Counter()

    def teardown(self) -> None:
        try:
            come_to_rest(self.office)
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
        return item_at(self.office, kind, name)

    def key(self, kind: ItemKind, name: str) -> str:
        return next(iter(self.office.keys().get((kind, name), [])), "")

    def pick(self, number: int) -> tuple[ItemKind, str] | None:
        return self.things[number % len(self.things)] if self.things else None

    # What people do

    @initialize(of=st.tuples(*[sides] * 6), mails=st.integers(0, 1))
    def it_begins(self, of: tuple[Side, ...], mails: int) -> None:
        """A task, a contact, a series with an exception, and two meetings; with `mails` only one may leave in a run."""
        decide(deletions_at_once_percent=100, deletions_at_once_number=0, meeting_mails_per_run=mails)
        made = (ItemKind.TASK, ItemKind.CONTACT, *[ItemKind.APPOINTMENT] * 4)
        for kind, side in zip(made, of, strict=True):
            self.something_is_made(kind, side)
        self.something_is_changed(2, REPEATS, of[2])
        for number in (3, 4):
            self.something_is_changed(number, INVITES, of[number])
        cycle(self.office)
        self.one_occurrence_is_changed(0, 1, 1, of[5])

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
            self.office.put(kind, fields)

    @rule(number=numbers, edit=numbers, side=sides)
    def something_is_changed(self, number: int, edit: int, side: Side) -> None:
        found = self.pick(number)
        if found is None:
            return
        kind, name = found
        fields = EDITS[kind][edit % len(EDITS[kind])]
        if "required" in fields:
            self.meetings[name] += 1
        if side is Side.CRM:
            record = self.record(kind, name)
            if record is not None:
                set_fields(record, fields, syncing(self.office.alice))
        elif key := self.key(kind, name):
            self.office.change(kind, key, fields)

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
        record, key = self.record(*found), self.key(*found)
        if side is Side.CRM and record is not None:
            record.delete()
            self.deleted.add(found[1])
        elif side is Side.EXCHANGE and key:
            self.office.remove(found[0], key)
            self.deleted.add(found[1])

    @rule(number=numbers, is_noticed=st.booleans())
    def something_is_moved_away_and_back(self, number: int, is_noticed: bool) -> None:
        """10.1 f: it comes back under another key. An appointment that was missed meanwhile is gone here."""
        found = self.pick(number)
        key = self.key(*found) if found else ""
        if found is None or not key:
            return
        self.office.move_away_and_back(found[0], key, self.a_cycle if is_noticed else lambda: None)
        if is_noticed:
            self.deleted.add(found[1])

    @rule(number=numbers, below=st.booleans())
    def something_is_moved_to_another_calendar(self, number: int, below: bool) -> None:
        """10.1 d: there it has another key."""
        found = self.pick(number)
        key = self.key(*found) if found and found[0] is ItemKind.APPOINTMENT else ""
        if key:
            self.office.move_between_calendars(key, below=below)

    @rule(number=numbers, one=numbers, other=numbers)
    def both_sides_change_the_same(self, number: int, one: int, other: int) -> None:
        """10.1 h"""
        self.something_is_changed(number, one, Side.EXCHANGE)
        self.something_is_changed(number, other, Side.CRM)

    @precondition(lambda self: RecycledItem.objects.filter(restored_on=None).exists())
    @rule(number=numbers)
    def something_is_restored(self, number: int) -> None:
        """What synchronization has deleted comes back from the recycle bin (law 9), unless somebody brought it back."""
        bin_now = RecycledItem.objects.filter(restored_on=None).order_by("pk")
        names = [(one, ItemKind(one.kind), one.snapshot["fields"][name_of(ItemKind(one.kind))]) for one in bin_now]
        rows = [one for one, *thing in names if self.record(*thing) is None and not self.key(*thing)]
        if not rows:
            return
        record = restore(rows[number % len(rows)], self.office.alice.regarding_user, timezone.now())
        name = getattr(record, "last_name", "") or getattr(record, "subject", "")
        self.deleted.discard(name)
        self.meetings += Counter({name: 1} if name in self.meetings else {})  # who was invited to it is invited anew

    @precondition(lambda self: SyncConflict.objects.filter(undone_on=None).exists())
    @rule(number=numbers)
    def a_conflict_is_undone(self, number: int) -> None:
        """10.1 h"""
        rows = list(SyncConflict.objects.filter(undone_on=None).order_by("pk"))
        with suppress(NotPossible):
            undo_conflict(rows[number % len(rows)], self.office.alice.regarding_user, timezone.now())

    @precondition(lambda self: HeldWrite.objects.filter(decision=Decision.OPEN).exists())
    @rule()
    def mail_is_approved(self) -> None:
        """10.2"""
        approve_mail(self.office)

    # What happens

    @rule()
    def a_cycle(self) -> None:
        time_passes()
        cycle(self.office)

    @rule(skip=st.integers(0, 2), what=numbers, number=numbers, edit=numbers)
    def an_answer_gets_lost(self, skip: int, what: int, number: int, edit: int) -> None:
        """law 7"""
        self.something_is_changed(number, edit, Side.CRM)
        self.office.lose_an_answer(skip, what)
        self.a_cycle()
        self.office.calm_down()

    @rule(skip=st.integers(0, 8), number=numbers, edit=numbers, side=sides)
    def the_server_is_busy(self, skip: int, number: int, edit: int, side: Side) -> None:
        self.something_is_changed(number, edit, side)
        self.office.be_busy(skip)
        self.a_cycle()
        self.office.calm_down()

    @rule(commits=st.integers(3, 20), number=numbers, edit=numbers, side=sides)
    def a_lease_is_lost(self, commits: int, number: int, edit: int, side: Side) -> None:
        """law 6"""
        self.something_is_changed(number, edit, side)
        time_passes()
        cycle(self.office, commits)

    @rule()
    def cursors_are_lost(self) -> None:
        self.office.lose_cursors()

    # In the end

    def check(self) -> None:
        doubled = {name: keys for name, keys in self.office.keys().items() if len(keys) > 1}
        assert not doubled, f"doubled on the server: {doubled}"
        for kind, name in self.things:
            record = self.record(kind, name)
            if name not in self.deleted and not self.is_over(kind, record):
                item = self.item(kind, name)
                assert record is not None, f"{name} is lost here"
                assert item is not None, f"{name} is lost on the server"
                self.the_same(record, item)
        single = Appointment.objects.filter(series=None)
        here = Counter(Task.objects.values_list("subject", flat=True))
        here += Counter(Contact.objects.values_list("last_name", flat=True))
        here += Counter(RecurringAppointmentMaster.objects.values_list("subject", flat=True))
        here += Counter(single.values_list("subject", flat=True))
        assert set(here.values()) <= {1}, f"doubled here: {here}"
        failed = list(
            ExchangeSyncIdMapping.objects.exclude(last_sync_error="").values_list("last_sync_error", flat=True)
        )
        assert not failed, failed
        before = self.office.state()
        assert cycle(self.office) == 0
        assert self.office.state() == before, "it is not quiet"
        assert self.office.mailed_about() <= set(self.meetings), "mail about what is no meeting"
        invited = self.office.invitations()
        assert not invited - self.meetings, f"invited more than once: {invited - self.meetings}"

    @staticmethod
    def is_over(kind: ItemKind, record: Any) -> bool:
        """A completed task leaves the filter for open ones: from then on both sides are for themselves."""
        if kind is not ItemKind.TASK or record is None:
            return False
        rows = ExchangeSyncIdMapping.objects.filter(object_id=str(record.pk))
        return rows.filter(is_unlinked_in_crm=True).exists() or (record.state_code != 0 and not rows.exists())

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


def live(open_office: Callable[[], Office], examples: int) -> None:
    run_state_machine_as_test(
        lambda: People(open_office),
        settings=settings(
            max_examples=int(os.environ.get("ACT_EXAMPLES", examples)),
            stateful_step_count=14,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.django_db
@pytest.mark.timeout(PATIENCE)
def test_both_sides_are_the_same_in_the_end_whatever_happens() -> None:
    live(MemoryOffice, 8)


@pytest.mark.django_db
@pytest.mark.timeout(PATIENCE)
def test_and_so_they_are_on_exchange(sandbox: SandboxProcess) -> None:
    live(lambda: ExchangeOffice(sandbox), 4)
