"""What people change on either side while we write to the server is a change of its own, in memory (10.1 h)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from profiles.act_items import Frequency, ItemKind, Recurrence
from profiles.connectors.memory_items import MemoryItemStore
from tests.company import decide
from tests.synchronizing import appointment, contact, soon, syncing, task
from tests.tracking.act_offices import MemoryOffice, come_to_rest, cycle
from tracking.crm.models import RecurringAppointmentMaster
from tracking.decide.merge import Side
from tracking.decide.occurrences import OccurrenceStep
from tracking.facts.act.reading import values_of
from tracking.keep.act.appointments import apply_occurrence
from tracking.keep.act.writing import set_fields
from tracking.models import SyncConflict

ZOE = "zoe@them.test"
DAILY = Recurrence(Frequency.DAILY, soon().date(), count=5)
pytestmark = pytest.mark.django_db
# What is written, by field, then corrected here while the server is written to.
EDITS: dict[str, tuple[Callable[[Any], Any], str, Any, Any]] = {
    "a task": (task, "body", "Page 3", "Page 4"),
    "a contact": (contact, "job_title", "Buyer", "Chief"),
    "a meeting": (lambda alice: appointment(alice, invited=ZOE), "location", "Room 7", "Room 8"),
    "a series": (lambda alice: appointment(alice, recurrence=DAILY), "location", "Room 7", "Room 8"),
}


@pytest.fixture
def office() -> MemoryOffice:
    decide(deletions_at_once_percent=100, deletions_at_once_number=0)
    return MemoryOffice()


def while_the_server_answers(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object], step: str) -> None:
    """This happens once, after the server has done what it was asked for and before we learn of it."""
    real, left = getattr(MemoryItemStore, step), [work]

    def answered(*args: Any, **named: Any) -> Any:
        written = real(*args, **named)
        while left:
            left.pop()()
        return written

    monkeypatch.setattr(MemoryItemStore, step, answered)


def edit(office: MemoryOffice, made: Any, **fields: Any) -> None:
    found = type(made).objects.get(pk=made.pk)
    set_fields(found, fields, syncing(office.alice))


def on_both_sides(office: MemoryOffice, made: Any, name: str) -> tuple[Any, Any]:
    [item] = office.items.held.values()
    return values_of(type(made).objects.get(pk=made.pk), syncing(office.alice))[name], item.fields.get(name)


@pytest.mark.parametrize("kind", EDITS)
@pytest.mark.parametrize("is_new", [True, False])
def test_a_correction_here_while_the_first_edit_is_written_is_not_overwritten_by_it(  # 10.1 h
    office: MemoryOffice, monkeypatch: pytest.MonkeyPatch, kind: str, is_new: bool
) -> None:
    make, name, first, then = EDITS[kind]
    made = make(office.alice)
    if not is_new:
        come_to_rest(office)
    edit(office, made, **{name: first})
    step = "create" if is_new else "update"
    while_the_server_answers(monkeypatch, lambda: edit(office, made, **{name: then}), step)
    cycle(office)
    assert on_both_sides(office, made, name) == (then, first)
    come_to_rest(office)
    assert on_both_sides(office, made, name) == (then, then)
    assert not SyncConflict.objects.exists()


def test_a_correction_of_one_occurrence_while_the_first_edit_is_written_is_not_overwritten_by_it(  # 10.1 h, 10.4
    office: MemoryOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    appointment(office.alice, recurrence=DAILY)
    come_to_rest(office)

    def place(name: str) -> None:
        step = OccurrenceStep(Side.CRM, soon(4), {"location": name})
        found = RecurringAppointmentMaster.objects.get()
        apply_occurrence(found, step, syncing(office.alice))
        found.save()

    place("Room 7")
    while_the_server_answers(monkeypatch, lambda: place("Room 8"), "update_occurrence")
    cycle(office)
    come_to_rest(office)
    [item] = office.items.held.values()
    assert [one.fields["location"] for one in item.changed] == ["Room 8"]
    assert RecurringAppointmentMaster.objects.get().exceptions.get().location == "Room 8"
    assert not SyncConflict.objects.exists()


@pytest.mark.parametrize("ours", ["create", "update", "update_occurrence"])
def test_what_somebody_changes_in_a_series_right_after_our_write_comes_in(  # 10.1 h, 10.4
    office: MemoryOffice, monkeypatch: pytest.MonkeyPatch, ours: str
) -> None:
    made: Any = appointment(office.alice, recurrence=DAILY)
    step = OccurrenceStep(Side.CRM, soon(4), {"location": "Room 9"})
    if ours == "update_occurrence":
        come_to_rest(office)
    apply_occurrence(made, step, syncing(office.alice))
    made.save()
    if ours == "update":
        come_to_rest(office)
        edit(office, made, location="Room 7")

    def in_outlook() -> None:
        [key] = office.items.held
        office.change(ItemKind.APPOINTMENT, key, {"subject": "Standup"})

    while_the_server_answers(monkeypatch, in_outlook, ours)
    cycle(office)
    come_to_rest(office)
    assert on_both_sides(office, made, "subject") == ("Standup", "Standup")
    [item] = office.items.held.values()
    assert [one.fields["location"] for one in item.changed] == ["Room 9"]


def test_what_somebody_changes_in_a_series_while_one_occurrence_is_written_comes_in(  # 10.1 h, 10.4
    office: MemoryOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Any = appointment(office.alice, recurrence=DAILY)
    come_to_rest(office)
    for day, name in ((4, "Room 7"), (5, "Room 8")):
        apply_occurrence(made, OccurrenceStep(Side.CRM, soon(day), {"location": name}), syncing(office.alice))
    made.save()
    [key] = office.items.held
    in_outlook = partial(office.change, ItemKind.APPOINTMENT, key, {"subject": "Standup"})
    while_the_server_answers(monkeypatch, in_outlook, "update_occurrence")  # the second is still to be written
    cycle(office)
    come_to_rest(office)
    assert on_both_sides(office, made, "subject") == ("Standup", "Standup")
    assert [one.fields["location"] for one in office.items.held[key].changed] == ["Room 7", "Room 8"]
