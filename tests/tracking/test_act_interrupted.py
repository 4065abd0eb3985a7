"""Answers that get lost and work that is interrupted between the server and our commit, in memory (laws 1, 7 and 9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from profiles.act_items import Attendee, Frequency, ItemKind, Recurrence
from profiles.connectors.base import OutcomeUnknown
from serversync.cycles import act_pairs
from tests.company import decide
from tests.synchronizing import ALICE, appointment, change, contact, soon, syncing, task
from tests.tracking.act_offices import MemoryOffice, come_to_rest, cycle, time_passes
from tracking.crm.models import RecurringAppointmentMaster, Task
from tracking.crm.models.states import ActivityState, AppointmentStatus
from tracking.decide.merge import Side
from tracking.decide.occurrences import OccurrenceStep
from tracking.facts.calendar.pairs import held_deletions
from tracking.keep.act.appointments import apply_occurrence
from tracking.models import ChangeType, ExchangeSyncIdMapping, RecycledItem, SyncFilter

ZOE = "zoe@them.test"
pytestmark = pytest.mark.django_db
MAKE = {ItemKind.TASK: task, ItemKind.CONTACT: contact, ItemKind.APPOINTMENT: appointment}


@pytest.fixture
def office() -> MemoryOffice:
    decide(deletions_at_once_percent=100, deletions_at_once_number=0)
    return MemoryOffice()


def lose_the_answer(office: MemoryOffice) -> None:
    office.server.trouble("items answer", OutcomeUnknown("The line broke."), 0)
    assert cycle(office) == -1
    office.calm_down()


def series_with_exception(office: MemoryOffice) -> Any:
    rule = Recurrence(Frequency.DAILY, soon().date(), count=5)
    series = appointment(office.alice, "Daily", recurrence=rule)
    step = OccurrenceStep(Side.CRM, soon(4), {"location": "Room 7"})
    apply_occurrence(series, step, syncing(office.alice))
    come_to_rest(office)
    return series


def the_series(office: MemoryOffice) -> Any:
    [item] = office.items.held.values()
    return item


@pytest.mark.parametrize("broken", ["answer", *range(1, 9)])
def test_a_series_that_ends_later_keeps_its_exceptions_whatever_breaks(  # 10.4, law 7
    office: MemoryOffice, broken: str | int
) -> None:
    series = series_with_exception(office)
    change(office.alice, series, recurrence=Recurrence(Frequency.DAILY, soon().date(), count=8))
    if broken == "answer":
        lose_the_answer(office)
    else:
        cycle(office, int(broken))
    come_to_rest(office)
    series = RecurringAppointmentMaster.objects.get()
    assert series.exceptions.get().location == "Room 7"
    item = the_series(office)
    assert [(one.original_start, one.fields.get("location")) for one in item.changed] == [(soon(4), "Room 7")]
    assert item.fields["recurrence"].count == 8


@pytest.mark.parametrize("removes", [False, True])
def test_a_lost_answer_about_one_occurrence_doubles_and_loses_nothing(office: MemoryOffice, removes: bool) -> None:
    series = series_with_exception(office)
    series.refresh_from_db()
    step = OccurrenceStep(Side.CRM, soon(5), {} if removes else {"location": "Room 8"}, removes=removes)
    apply_occurrence(series, step, syncing(office.alice))
    RecurringAppointmentMaster.objects.get().save()
    lose_the_answer(office)
    come_to_rest(office)
    item = the_series(office)
    assert item.removed == ((soon(5),) if removes else ())
    places = {one.original_start: one.fields["location"] for one in item.changed}
    assert places == {soon(4): "Room 7"} | ({} if removes else {soon(5): "Room 8"})


@pytest.mark.parametrize("kind", ItemKind)
def test_what_was_deleted_there_though_the_answer_got_lost_is_in_the_recycle_bin(  # law 9
    office: MemoryOffice, kind: ItemKind
) -> None:
    made = MAKE[kind](office.alice)
    come_to_rest(office)
    if kind is ItemKind.CONTACT:  # one’s own is only unlinked (10.6)
        decide(deletions_at_once_percent=100, distinct_physical_and_logical_deletes_for_exchange_sync=False)
        made.owner = None
        made.owner_id = _somebody().pk
        made.save()
    else:
        made.delete()
    lose_the_answer(office)
    come_to_rest(office)
    assert office.items.held == {}
    kept = RecycledItem.objects.get()
    assert (kept.deleted_on_side, kept.object_id) == ("exchange", str(kept.object_id))
    assert set(kept.snapshot["fields"]) & {"subject", "full_name"}
    assert not ExchangeSyncIdMapping.objects.exists()


def _somebody() -> Any:
    return get_user_model().objects.create_user("bob", "bob@us.test")


@pytest.mark.parametrize("kind", [ItemKind.TASK, ItemKind.APPOINTMENT])
def test_what_is_deleted_here_before_anybody_knew_that_it_was_made_there_stays_deleted(  # law 12
    office: MemoryOffice, kind: ItemKind
) -> None:
    made = appointment(office.alice, invited=ZOE) if kind is ItemKind.APPOINTMENT else task(office.alice)
    lose_the_answer(office)
    assert len(office.items.held) == 1
    made.delete()
    come_to_rest(office)
    assert office.items.held == {}
    assert type(made).objects.count() == 0
    mails = [(one.address, one.about) for one in office.items.mailed]
    assert mails == ([(ZOE, "request"), (ZOE, "cancellation")] if kind is ItemKind.APPOINTMENT else [])


def test_a_meeting_that_is_reopened_before_anybody_knew_that_its_item_is_gone_is_called_anew(  # 10.2.6, law 7
    office: MemoryOffice,
) -> None:
    decide(deletions_at_once_percent=100, sss_propagate_appointment_cancellations_to_exchange=True)
    made = appointment(office.alice, invited=ZOE)
    come_to_rest(office)
    made.refresh_from_db()
    made.state_code, made.status_code = ActivityState.CANCELED, AppointmentStatus.CANCELED
    made.save()
    lose_the_answer(office)
    assert office.items.held == {}
    made.refresh_from_db()
    made.state_code, made.status_code = ActivityState.SCHEDULED, AppointmentStatus.BUSY
    made.save()
    come_to_rest(office)
    [item] = office.items.held.values()
    assert ExchangeSyncIdMapping.objects.get().exchange_entry_id == item.key
    assert [one.about for one in office.items.mailed] == ["request", "cancellation", "request"]


@pytest.mark.parametrize("canceled", [False, True])
def test_deletions_that_wait_are_none_any_more_once_the_mistaken_filter_is_put_right(  # 10.1 b, law 9
    office: MemoryOffice, canceled: bool
) -> None:
    decide(
        deletions_at_once_percent=20,
        deletions_at_once_number=1,
        distinct_physical_and_logical_deletes_for_exchange_sync=False,
        sss_propagate_appointment_cancellations_to_exchange=True,
    )
    some = [appointment(office.alice, f"Meeting {number}") for number in range(6)]
    come_to_rest(office)
    filters = SyncFilter.objects.filter(owner=office.alice.regarding_user)
    filters.update(is_active=False)
    cycle(office)
    assert held_deletions(office.alice).get().number == 6
    if canceled:
        for one in some:
            one.refresh_from_db()
            one.state_code, one.status_code = ActivityState.CANCELED, AppointmentStatus.CANCELED
            one.save()
    filters.update(is_active=True)
    cycle(office)
    time_passes()
    cycle(office)
    assert held_deletions(office.alice).exists() is canceled
    assert len(office.items.held) == 6
    linked = ExchangeSyncIdMapping.objects.filter(is_unlinked_in_crm=False, from_crm_change_type=ChangeType.NONE)
    assert linked.count() == (0 if canceled else 6)


@pytest.mark.parametrize("kind", ItemKind)
def test_a_change_whose_answer_got_lost_is_told_once(office: MemoryOffice, kind: ItemKind) -> None:  # law 7
    made = appointment(office.alice, invited=ZOE) if kind is ItemKind.APPOINTMENT else MAKE[kind](office.alice)
    come_to_rest(office)
    before = len(office.items.mailed)
    if kind is ItemKind.APPOINTMENT:
        change(office.alice, made, location="Room 7", optional=(Attendee("bob@us.test"),))
    else:
        made.description = "More"
        made.save()
    lose_the_answer(office)
    written = len(office.items.journal)
    come_to_rest(office)
    assert len(office.items.journal) == written
    assert len(office.items.mailed) - before == (2 if kind is ItemKind.APPOINTMENT else 0)


def meanwhile(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    """This happens once, between the reading of a pair and what is made of it."""
    real, left = act_pairs.item_step, [work]

    def step(*presences: Any, **known: Any) -> Any:
        while left:
            left.pop()()
        return real(*presences, **known)

    monkeypatch.setattr(act_pairs, "item_step", step)


@pytest.mark.parametrize("kind", [ItemKind.TASK, ItemKind.APPOINTMENT])
def test_what_is_deleted_while_its_pair_is_found_to_be_fine_is_deleted_there_too(  # 10.1 i
    office: MemoryOffice, monkeypatch: pytest.MonkeyPatch, kind: ItemKind
) -> None:
    made = MAKE[kind](office.alice)
    come_to_rest(office)
    ExchangeSyncIdMapping.objects.update(next_attempt_on=made.created_on)  # somebody has pressed “Try again”
    meanwhile(monkeypatch, made.delete)
    cycle(office)
    come_to_rest(office)
    assert office.items.held == {}


def test_a_meeting_that_becomes_known_while_its_pair_begins_to_wait_is_found(  # 10.2.4
    office: MemoryOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = appointment(office.alice, organizer=(Attendee(ZOE),), required=(Attendee(ALICE),))
    rows = ExchangeSyncIdMapping.objects.filter(object_id=str(made.pk))

    def becomes_known() -> None:
        type(made).objects.update(global_object_id="zoes")
        rows.update(uid="zoes", next_attempt_on=made.created_on, retries=0)

    meanwhile(monkeypatch, becomes_known)
    cycle(office)
    fields = {"subject": "Lunch", "start": soon(), "end": soon(hour=10), "organizer": (Attendee(ZOE),)}
    item = office.items.put(ItemKind.APPOINTMENT, fields, uid="zoes", is_organizer=False)
    come_to_rest(office)
    row = rows.get()
    assert (row.exchange_entry_id, row.agreed_on is not None) == (item.key, True)


def test_an_item_that_a_server_is_slow_to_show_is_not_gone(
    office: MemoryOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    task(office.alice)
    monkeypatch.setattr(type(office.items), "keep", _silently)
    cycle(office)
    monkeypatch.undo()
    time_passes()
    come_to_rest(office)
    assert (Task.objects.count(), len(office.items.held)) == (1, 1)


def _silently(items: Any, item: Any) -> Any:
    """It is there, and no list of changes has it."""
    items.held[item.key] = item
    return item
