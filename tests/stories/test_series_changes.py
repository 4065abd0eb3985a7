"""Series that change their nature, their end or their pattern while some occurrences differ: both sides end up the same, and
the next run writes nothing (10.4)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mailboxes.models import Leg, Mailbox
from profiles.act_items import Fields, Frequency, Item, ItemKind, Recurrence
from profiles.connectors import open_item_store
from tests.company import PASSWORD, SERVICE, Company, run
from tests.profiles.exchange import access
from tests.synchronizing import ALICE, alice_on, appointment, held, soon, synchronize, syncing
from tests.tracking.act_offices import _as_json as as_json
from tracking.crm.models import RecurringAppointmentMaster
from tracking.decide.merge import Side
from tracking.decide.occurrences import Exceptions, OccurrenceStep, SeriesState, differing
from tracking.decide.recurrence import same_series
from tracking.facts.act.appointments import appointment_values, exceptions_of
from tracking.facts.act.reading import records_of
from tracking.keep.act.appointments import apply_occurrence
from tracking.keep.act.writing import set_fields
from tracking.models import ExchangeSyncIdMapping

CALENDAR = ItemKind.APPOINTMENT
FIRST, DAY, HOUR = soon(), timedelta(days=1), timedelta(hours=1)
DAILY = Recurrence(Frequency.DAILY, FIRST.date(), count=8)
pytestmark = pytest.mark.django_db(transaction=True)


class Desk(ABC):
    """The series as Alice sees it on one side."""

    def __init__(self, company: Company, alice: Mailbox) -> None:
        self.company, self.alice = company, alice

    @abstractmethod
    def write(self, **fields: Any) -> None:
        """Change it as a whole."""

    @abstractmethod
    def occurrence(self, number: int, **fields: Any) -> None:
        """Change one occurrence; without fields take it out."""


class Here(Desk):
    def write(self, **fields: Any) -> None:
        set_fields(our_record(), fields, syncing(self.alice))

    def occurrence(self, number: int, **fields: Any) -> None:
        step = OccurrenceStep(Side.CRM, FIRST + number * DAY, fields, removes=not fields)
        apply_occurrence(our_record(), step, syncing(self.alice))


class There(Desk):
    def write(self, **fields: Any) -> None:
        [item] = self.company.sandbox.act_items(ALICE, CALENDAR)
        self.company.sandbox.patch_act_item(ALICE, CALENDAR, item["id"], fields=as_json(fields))

    def occurrence(self, number: int, **fields: Any) -> None:
        [item] = self.company.sandbox.act_items(ALICE, CALENDAR)
        which: dict[str, Any] = {"original_start": (FIRST + number * DAY).isoformat()}
        if fields:
            self.company.sandbox.patch_act_item(ALICE, CALENDAR, item["id"], fields=as_json(fields), **which)
        else:
            self.company.sandbox.delete_act_item(ALICE, CALENDAR, item["id"], **which)


def our_record() -> Any:
    [record] = records_of(ExchangeSyncIdMapping.objects.all()).values()
    return record


def both_sides(company: Company) -> tuple[Fields, Fields]:
    """What is here and there, once it is certain that they are the same: the pattern, and the exceptions by day."""
    record = our_record()
    [key] = ExchangeSyncIdMapping.objects.values_list("exchange_entry_id", flat=True)
    with closing(open_item_store(access(company.sandbox.ews_url, ALICE, username=SERVICE, password=PASSWORD))) as store:
        [item] = store.fetch(CALENDAR, [key])
    assert isinstance(item, Item)
    values = appointment_values(record)
    assert {name: values[name] for name in ("start", "end", "time_zone", "subject")} == {
        name: item.fields[name] for name in ("start", "end", "time_zone", "subject")
    }
    assert same_series(values["recurrence"], item.fields["recurrence"])  # type: ignore[arg-type]
    ours = exceptions_of(record) if isinstance(record, RecurringAppointmentMaster) else Exceptions()
    theirs, state = Exceptions.of(item.changed, item.removed), SeriesState(item.fields)
    told = {original: differing(original, own, state) for original, own in theirs.changed.items()}
    there = Exceptions({original: own for original, own in told.items() if own}, theirs.removed)
    assert ours == there
    found: dict[str, Any] = {str((one - FIRST) // DAY): dict(own) for one, own in ours.changed.items()}
    return values, found | {str((one - FIRST) // DAY): "gone" for one in ours.removed}


LATER = {"start": FIRST + 3 * DAY + HOUR, "end": FIRST + 3 * DAY + 2 * HOUR}
ROOM = {"location": "Room 7"}
Step = Callable[[Desk], None]


def with_exceptions(desk: Desk) -> None:
    desk.occurrence(1, **ROOM)
    desk.occurrence(3, **LATER)
    desk.occurrence(5)


SHORTER, LONGER = replace(DAILY, count=4), replace(DAILY, count=None, until=FIRST.date() + 20 * DAY)
THIRD = replace(DAILY, interval=3, count=4)
HISTORIES: dict[str, tuple[list[Step], dict[str, Any]]] = {
    "single and back": ([lambda d: d.write(recurrence=None), lambda d: d.write(recurrence=DAILY)], {}),
    "a single one with exceptions before": ([with_exceptions, lambda d: d.write(recurrence=None)], {}),
    "shorter": ([with_exceptions, lambda d: d.write(recurrence=SHORTER)], {"1": ROOM, "3": LATER}),
    "shorter and longer": (
        [with_exceptions, lambda d: d.write(recurrence=SHORTER), lambda d: d.write(recurrence=LONGER)],
        {"1": ROOM, "3": LATER},
    ),
    "longer": ([with_exceptions, lambda d: d.write(recurrence=LONGER)], {"1": ROOM, "3": LATER, "5": "gone"}),
    "another pattern": ([with_exceptions, lambda d: d.write(recurrence=THIRD)], {"3": LATER}),
    "moved, then taken out": ([lambda d: d.occurrence(3, **LATER), lambda d: d.occurrence(3)], {"3": "gone"}),
    "changed, then as ever": (
        [
            lambda d: d.occurrence(3, **LATER, **ROOM),
            lambda d: d.occurrence(3, start=FIRST + 3 * DAY, end=FIRST + 3 * DAY + HOUR, location=""),
        ],
        {},
    ),
    "the first one taken out": ([lambda d: d.occurrence(0)], {"0": "gone"}),
    "the first one moved, then the series renamed": (
        [lambda d: d.occurrence(0, **ROOM), lambda d: d.write(subject="Daily")],
        {"0": ROOM},
    ),
}


@pytest.mark.parametrize("side", [Here, There])
@pytest.mark.parametrize("history", HISTORIES)
def test_whatever_happens_to_a_series_both_sides_are_the_same(  # 10.4
    company: Company, side: type[Desk], history: str
) -> None:
    alice = alice_on(company)
    appointment(alice, "Standup", FIRST, recurrence=DAILY, time_zone="UTC")
    synchronize(alice)
    steps, left = HISTORIES[history]
    for step in steps:
        step(side(company, alice))
        synchronize(alice)
        ended = synchronize(alice)
        assert (ended.report.sent, ended.report.tracked) == (0, 0)
        both_sides(company)
    _, found = both_sides(company)
    if side is Here or history not in DROPPED_THERE:
        assert found == left


DROPPED_THERE = {"shorter", "shorter and longer", "longer", "another pattern"}
"""Exchange itself forgets all exceptions of a series that is given another pattern or end; so they are forgotten here."""


def test_what_was_put_back_here_is_taken_out_again_as_no_server_puts_it_back(company: Company) -> None:  # 10.4
    alice = alice_on(company)
    appointment(alice, "Standup", FIRST, recurrence=DAILY, time_zone="UTC")
    synchronize(alice)
    Here(company, alice).occurrence(2)
    synchronize(alice)
    apply_occurrence(our_record(), OccurrenceStep(Side.CRM, FIRST + 2 * DAY, restores=True), syncing(alice))
    synchronize(alice)
    synchronize(alice)
    assert both_sides(company)[1] == {"2": "gone"}


def test_a_zone_that_exchange_has_no_name_for_is_told_and_nothing_is_lost(company: Company) -> None:  # 10.9
    alice = alice_on(company)
    appointment(alice, "Standup", FIRST, recurrence=DAILY, time_zone="Antarctica/Troll")
    assert run(alice, Leg.ACT).report.failed == 1
    assert "time_zone" in ExchangeSyncIdMapping.objects.get().last_sync_error
    assert "Antarctica/Troll" in ExchangeSyncIdMapping.objects.get().last_sync_error
    series = RecurringAppointmentMaster.objects.get()
    set_fields(series, {"time_zone": "Europe/Oslo"}, syncing(alice))
    ExchangeSyncIdMapping.objects.update(next_attempt_on=FIRST - 9 * DAY, last_sync_error="")
    synchronize(alice)
    assert held(company, CALENDAR)["Standup"]["fields"]["time_zone"] == "Europe/Berlin"  # which goes alike
    assert RecurringAppointmentMaster.objects.get().iana_time_zone == "Europe/Oslo"
    assert (synchronize(alice).report.sent, RecurringAppointmentMaster.objects.count()) == (0, 1)


@pytest.mark.parametrize("days", [1, 3])
def test_a_series_that_begins_before_its_first_occurrence_begins_with_it(company: Company, days: int) -> None:  # 10.4
    alice = alice_on(company)
    wanted = (FIRST + days * DAY).weekday()
    rule = Recurrence(Frequency.WEEKLY, FIRST.date(), weekdays=(wanted,), count=3)
    appointment(alice, "Standup", FIRST, recurrence=rule, time_zone="UTC")
    synchronize(alice)
    synchronize(alice)
    ended = synchronize(alice)
    assert (ended.report.sent, ended.report.tracked) == (0, 0)
    values, _ = both_sides(company)
    assert values["start"] == FIRST + days * DAY
