"""The calendar through the EWS face, with exchangelib over real sockets: appointments, series and their exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from exchangelib import (
    Account,
    CalendarItem,
    EWSDate,
    EWSDateTime,
    EWSTimeZone,
    ExtendedProperty,
)
from exchangelib.errors import (
    ErrorCalendarEndDateIsEarlierThanStartDate,
    ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange,
    ErrorCalendarOccurrenceIsDeletedFromRecurrence,
    ErrorCalendarViewRangeTooBig,
    ErrorIrresolvableConflict,
    ErrorItemNotFound,
    ErrorOccurrenceCrossingBoundary,
)
from exchangelib.properties import OccurrenceItemId
from exchangelib.protocol import close_connections
from exchangelib.recurrence import (
    AbsoluteMonthlyPattern,
    AbsoluteYearlyPattern,
    DailyPattern,
    NoEndPattern,
    Recurrence,
    RelativeMonthlyPattern,
    RelativeYearlyPattern,
    WeeklyPattern,
)
from exchangelib.services import CreateItem

from tests.sandbox.ews_client import account, sync
from tests.world import SandboxProcess

ALICE = "alice@us.test"
PARIS, NEW_YORK, UTC_ZONE = (EWSTimeZone(name) for name in ("Europe/Paris", "America/New_York", "UTC"))


class Mark(ExtendedProperty):
    """The product's own mark on an item."""

    property_set_id = "c11ff724-aa03-4555-9952-8fa248a11c3e"
    property_name = "CrmId"
    property_type = "String"


class GlobalObjectId(ExtendedProperty):
    """PidLidCleanGlobalObjectId."""

    distinguished_property_set_id = "Meeting"
    property_id = 35
    property_type = "Binary"


@pytest.fixture(scope="module", autouse=True)
def registered_properties() -> Iterator[None]:
    CalendarItem.register("mark", Mark)
    CalendarItem.register("goid", GlobalObjectId)
    yield
    close_connections()
    CalendarItem.deregister("mark")
    CalendarItem.deregister("goid")


@pytest.fixture
def alice(sandbox: SandboxProcess) -> Account:
    sandbox.account(ALICE)
    return account(sandbox.ews_url, ALICE, ALICE, impersonate=False)


def at(day: int, hour: int, month: int = 3, zone: EWSTimeZone = PARIS) -> EWSDateTime:
    return EWSDateTime(2026, month, day, hour, 0, tzinfo=zone)


def made(owner: Account, subject: str = "Stand-up", **fields: Any) -> CalendarItem:
    """An appointment of an hour on Monday, 2 March 2026, at nine in Paris."""
    values = {"start": at(2, 9), "end": at(2, 10)} | fields
    item = CalendarItem(account=owner, folder=owner.calendar, subject=subject, **values).save()
    return read(owner, item.id)


def read(owner: Account, item_id: Any) -> CalendarItem:
    [item] = owner.fetch([item_id if isinstance(item_id, CalendarItem) else CalendarItem(id=item_id)])
    if isinstance(item, Exception):
        raise item
    item.folder = owner.calendar
    return item


def daily(count: int = 5) -> Recurrence:
    return Recurrence(pattern=DailyPattern(interval=1), start=EWSDate(2026, 3, 2), number=count)


def seen(owner: Account, start: EWSDateTime, end: EWSDateTime) -> list[CalendarItem]:
    return list(owner.calendar.view(start=start, end=end))


def stamps(items: list[Any], name: str = "start") -> list[str]:
    return [getattr(item, name).astimezone(UTC_ZONE).strftime("%d %H") for item in items]


# Single appointments


def test_times_come_back_in_utc_with_the_zone_they_were_meant_in(alice: Account) -> None:
    item = made(alice)
    assert (item.start.isoformat(), item.end.isoformat()) == ("2026-03-02T08:00:00+00:00", "2026-03-02T09:00:00+00:00")
    assert (item._start_timezone.key, item._end_timezone.key) == ("Europe/Paris", "Europe/Paris")
    assert (item.type, item.is_meeting, item.my_response_type, item.duration) == ("Single", False, "Organizer", "PT1H")
    assert item.uid.startswith("040000008200E00074C5B7101A82E008")
    assert item.goid.hex().upper() == item.uid


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "Europe/Paris", "America/Los_Angeles", "UTC"])
def test_a_whole_day_is_midnight_to_midnight_in_its_own_zone(
    sandbox: SandboxProcess, alice: Account, zone: str
) -> None:
    where = EWSTimeZone(zone)
    made(alice, start=at(29, 9, zone=where), end=at(29, 17, zone=where), is_all_day=True)
    [shown] = sandbox.act_items(ALICE, "appointment")
    assert (shown["fields"]["start"], shown["fields"]["end"]) == ("2026-03-29", "2026-03-30")
    [view] = seen(alice, at(29, 12, zone=where), at(29, 13, zone=where))
    assert view.start == EWSDate(2026, 3, 29)


def test_an_appointment_cannot_end_before_it_starts(alice: Account) -> None:
    item = made(alice)
    item.end = at(2, 10)
    item.start = at(2, 8)
    item.save(update_fields=["start", "end"])
    item.start = None
    item.end = at(1, 9)
    with pytest.raises(ErrorCalendarEndDateIsEarlierThanStartDate):
        item.save(update_fields=["end"])


def test_each_write_gives_a_new_change_key_and_a_stale_one_is_a_conflict(alice: Account) -> None:
    item = made(alice)
    stale, key = read(alice, item.id), item.changekey
    item.location = "Room 1"
    item.save(update_fields=["location"])
    assert item.changekey != key
    stale.subject = "Sit-down"
    with pytest.raises(ErrorIrresolvableConflict):
        stale.save(update_fields=["subject"], conflict_resolution="NeverOverwrite")
    stale.save(update_fields=["subject"], conflict_resolution="AutoResolve")
    again = read(alice, item.id)
    assert (again.subject, again.location) == ("Sit-down", "Room 1")


def test_a_copy_has_an_id_of_its_own_but_the_uid_and_our_mark(alice: Account) -> None:
    item = made(alice, mark="appointment-1")
    copy_id, _ = item.copy(alice.calendar)
    copy = read(alice, copy_id)
    assert copy.id != item.id
    assert (copy.uid, copy.mark, copy.subject) == (item.uid, "appointment-1", "Stand-up")
    assert {found.id for found in alice.calendar.filter(mark="appointment-1").only("id")} == {item.id, copy.id}


def test_deleting_moves_to_deleted_items_under_another_id(alice: Account) -> None:
    item = made(alice, mark="appointment-1")
    old_id = item.id
    item.move_to_trash()
    with pytest.raises(ErrorItemNotFound):
        read(alice, old_id)
    assert [found.mark for found in alice.trash.all()] == ["appointment-1"]


def test_listings_show_neither_attendees_nor_recurrence(alice: Account) -> None:
    made(alice, recurrence=daily(), required_attendees=["ann@acme.test"], body="Agenda")
    only = [
        CalendarItem.get_field_by_fieldname(name) for name in ("subject", "recurrence", "required_attendees", "body")
    ]
    [item] = list(alice.calendar.sync_items(only_fields=[field.name for field in only]))
    assert (item[1].subject, item[1].recurrence, item[1].required_attendees, item[1].body) == (
        "Stand-up",
        None,
        None,
        None,
    )


# Series

PATTERNS = {
    "daily": (DailyPattern(interval=3), [2, 5, 8]),
    "weekly": (WeeklyPattern(interval=2, weekdays=["Monday", "Friday"], first_day_of_week="Monday"), [2, 6, 16]),
    "monthly": (AbsoluteMonthlyPattern(interval=1, day_of_month=31), [31, 30, 31]),
    "second Tuesday": (RelativeMonthlyPattern(interval=1, weekday="Tuesday", week_number="Second"), [10, 14, 12]),
    "last weekday": (RelativeMonthlyPattern(interval=1, weekday="Weekday", week_number="Last"), [31, 30, 29]),
    "yearly": (AbsoluteYearlyPattern(day_of_month=29, month="March"), [29, 29, 29]),
    "last Sunday of March": (RelativeYearlyPattern(weekday="Sunday", week_number="Last", month="March"), [29, 28, 26]),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_a_series_of_every_kind_begins_with_its_first_occurrence(alice: Account, name: str) -> None:
    pattern, days = PATTERNS[name]
    recurrence = Recurrence(pattern=pattern, start=EWSDate(2026, 3, 2), number=3)
    master = made(alice, recurrence=recurrence)
    assert (master.type, master.recurrence.pattern) == ("RecurringMaster", pattern)
    assert master.recurrence.boundary.start == EWSDate(2026, 3, days[0])
    assert master.start == master.first_occurrence.start
    occurrences = [read(alice, master.occurrence(number)) for number in (1, 2, 3)]
    assert [item.start.astimezone(PARIS).day for item in occurrences] == days
    assert {item.start.astimezone(PARIS).hour for item in occurrences} == {9}
    assert master.last_occurrence.start == occurrences[-1].start


def test_a_view_expands_a_series_and_other_listings_do_not(alice: Account) -> None:
    master = made(
        alice, recurrence=Recurrence(pattern=DailyPattern(interval=1), boundary=NoEndPattern(start=EWSDate(2026, 3, 2)))
    )
    made(alice, "Lunch", start=at(28, 12), end=at(28, 13))
    shown = seen(alice, at(28, 0), at(31, 0))
    assert [(item.subject, item.type) for item in shown] == [
        ("Stand-up", "Occurrence"),
        ("Lunch", "Single"),
        ("Stand-up", "Occurrence"),
        ("Stand-up", "Occurrence"),
    ]
    assert stamps(shown) == ["28 08", "28 11", "29 07", "30 07"]  # clocks go forward in the night to the 29th
    assert [item.subject for item in alice.calendar.all().order_by("subject")] == ["Lunch", "Stand-up"]
    assert {change[1].id for change in alice.calendar.sync_items()} >= {master.id}
    assert master.last_occurrence is None
    with pytest.raises(ErrorCalendarViewRangeTooBig):
        seen(alice, at(1, 0), at(1, 0) + timedelta(days=800))


def test_an_occurrence_that_changes_is_an_exception_of_its_series(alice: Account) -> None:
    master = made(alice, recurrence=daily(), mark="series-1")
    state = sync(alice, alice.calendar).state
    third = read(alice, master.occurrence(3))
    assert (third.type, third.mark, third.uid, third.recurrence) == ("Occurrence", "series-1", master.uid, None)
    third.start, third.end, third.subject = at(4, 15), at(4, 16), "Late stand-up"
    third.save(update_fields=["start", "end", "subject"])
    again = read(alice, third.id)
    assert (again.type, again.subject, again.original_start) == ("Exception", "Late stand-up", at(4, 9))
    master = read(alice, master.id)
    [kept] = master.modified_occurrences
    assert (kept.id, kept.start, kept.original_start) == (third.id, at(4, 15), at(4, 9))
    [(change, shown)] = sync(alice, alice.calendar, state).changes
    assert (change, shown.id, shown.changekey) == ("update", master.id, master.changekey)
    assert stamps(seen(alice, at(2, 0), at(7, 0))) == ["02 08", "03 08", "04 14", "05 08", "06 08"]
    assert read(alice, again.recurring_master()).id == master.id


def test_an_occurrence_follows_its_series_in_what_it_does_not_change_itself(alice: Account) -> None:
    master = made(alice, recurrence=daily(), location="Room 1")
    second = read(alice, master.occurrence(2))
    second.subject = "With Bob"
    second.save(update_fields=["subject"])
    master = read(alice, master.id)
    master.location, master.subject = "Room 2", "Daily"
    master.save(update_fields=["location", "subject"])
    shown = [(item.subject, item.location) for item in seen(alice, at(2, 0), at(4, 0))]
    assert shown == [("Daily", "Room 2"), ("With Bob", "Room 2")]


def test_a_deleted_occurrence_stays_deleted(alice: Account) -> None:
    master = made(alice, recurrence=daily(3))
    second = read(alice, master.occurrence(2))
    second_id = second.id
    second.delete()
    master = read(alice, master.id)
    assert [gone.start for gone in master.deleted_occurrences] == [at(3, 9)]
    assert stamps(seen(alice, at(2, 0), at(9, 0))) == ["02 08", "04 08"]
    with pytest.raises(ErrorItemNotFound):
        read(alice, second_id)
    with pytest.raises(ErrorCalendarOccurrenceIsDeletedFromRecurrence):
        read(alice, master.occurrence(2))
    with pytest.raises(ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange):
        read(alice, master.occurrence(4))


def test_an_occurrence_cannot_pass_its_neighbour(alice: Account) -> None:
    master = made(alice, recurrence=daily())
    second = read(alice, master.occurrence(2))
    second.start, second.end = at(4, 7), at(4, 8)
    with pytest.raises(ErrorOccurrenceCrossingBoundary):
        second.save(update_fields=["start", "end"])
    assert read(alice, master.id).modified_occurrences is None


def test_another_pattern_or_time_drops_the_exceptions(alice: Account) -> None:
    master = made(alice, recurrence=daily())
    second = read(alice, master.occurrence(2))
    second.subject = "With Bob"
    second.save(update_fields=["subject"])
    read(alice, master.occurrence(3)).delete()
    master = read(alice, master.id)
    master.recurrence = daily()
    master.save(update_fields=["recurrence"])
    assert read(alice, master.id).modified_occurrences, "the same pattern is no change"
    master.recurrence = daily(4)
    master.save(update_fields=["recurrence"])
    again = read(alice, master.id)
    assert (again.modified_occurrences, again.deleted_occurrences) == (None, None)
    assert len(seen(alice, at(2, 0), at(9, 0))) == 4


def test_an_appointment_becomes_a_series_and_a_series_an_appointment(alice: Account) -> None:
    item = made(alice)
    item.recurrence = daily(2)
    item.save(update_fields=["recurrence"])
    assert read(alice, item.id).type == "RecurringMaster"
    assert len(seen(alice, at(2, 0), at(9, 0))) == 2
    item.recurrence = None
    item.save(update_fields=["recurrence"])
    again = read(alice, item.id)
    assert (again.type, again.start, again.first_occurrence) == ("Single", at(2, 9), None)


def test_a_series_keeps_its_wall_clock_in_new_york(alice: Account) -> None:
    start = datetime(2026, 10, 30, 9, tzinfo=NEW_YORK)
    times = {"start": EWSDateTime.from_datetime(start), "end": EWSDateTime.from_datetime(start + timedelta(hours=1))}
    weekly = Recurrence(pattern=DailyPattern(interval=1), start=EWSDate(2026, 10, 30), end=EWSDate(2026, 11, 3))
    made(alice, recurrence=weekly, **times)
    shown = seen(alice, at(1, 0, 10), at(30, 0, 11))
    assert stamps(shown) == ["30 13", "31 13", "01 14", "02 14", "03 14"]
    assert {item._start_timezone.key for item in shown} == {"America/New_York"}


def test_references_that_mean_nothing_are_refused(alice: Account) -> None:
    item = made(alice)
    with pytest.raises(Exception, match="recurring master"):
        read(alice, CalendarItem(_id=OccurrenceItemId(id=item.id, instance_index=1)))
    with pytest.raises(Exception, match="occurrence"):
        read(alice, item.recurring_master())


# Trouble


def test_a_create_whose_answer_was_lost_was_done_all_the_same(sandbox: SandboxProcess, alice: Account) -> None:
    calendar = alice.calendar
    sandbox.fault(effect="drop", face="ews", operation="CreateItem", times=1, after_effect=True)
    item = CalendarItem(subject="Demo", start=at(2, 9), end=at(2, 10), mark="appointment-1")
    item.account = alice
    service = CreateItem(account=alice)
    with pytest.raises(Exception, match=r"(?i)connection|remote|closed"):
        list(service.call([item], calendar, "SaveOnly", "SendToNone"))
    assert [found.subject for found in calendar.filter(mark="appointment-1")] == ["Demo"]


def test_a_throttled_write_is_not_done(sandbox: SandboxProcess, alice: Account) -> None:
    item = made(alice)
    sandbox.fault(effect="throttle", face="ews", operation="UpdateItem", times=1, delay_seconds=3)
    item.subject = "Sit-down"
    with pytest.raises(Exception, match=r"busy|later|service"):
        item.save(update_fields=["subject"])
    assert read(alice, item.id).subject == "Stand-up"


def test_a_lost_sync_state_is_told_for_the_calendar_too(sandbox: SandboxProcess, alice: Account) -> None:
    made(alice)
    state = sync(alice, alice.calendar).state
    sandbox.lose_sync_state(ALICE)
    with pytest.raises(Exception, match="Synchronization state data"):
        sync(alice, alice.calendar, state)
    assert [change for change, _ in sync(alice, alice.calendar).changes] == ["create"]
