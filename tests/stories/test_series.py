"""Series and what differs from them are the same here and on Exchange, over real sockets (10.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from mailboxes.models import Mailbox
from profiles.act_items import Fields, Frequency, ItemKind, Recurrence
from tests.company import Company, decide
from tests.synchronizing import (
    ALICE,
    CATEGORY,
    alice_on,
    appointment,
    change,
    held,
    mails_about_meetings,
    soon,
    synchronize,
    syncing,
)
from tracking.crm.models import RecurringAppointmentMaster
from tracking.decide.merge import Side
from tracking.decide.occurrences import OccurrenceStep
from tracking.facts.act.appointments import exceptions_of
from tracking.keep.act.appointments import apply_occurrence
from tracking.keep.calendar import deciding
from tracking.models import ExchangeSyncIdMapping, HeldWrite
from tracking.models.reversible import Decision

CALENDAR = ItemKind.APPOINTMENT
FIRST = soon()
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DAILY = Recurrence(Frequency.DAILY, FIRST.date(), count=6)
pytestmark = pytest.mark.django_db(transaction=True)


def standup(alice: Mailbox, rule: Recurrence = DAILY, **fields: Any) -> RecurringAppointmentMaster:
    """A meeting each day at nine UTC, written here."""
    found = appointment(alice, "Standup", FIRST, recurrence=rule, time_zone="UTC", **fields)
    assert isinstance(found, RecurringAppointmentMaster)
    return found


def differs(alice: Mailbox, series: RecurringAppointmentMaster, number: int, **fields: Any) -> None:
    """A person here changes one occurrence; without fields takes it out."""
    series.refresh_from_db()
    step = OccurrenceStep(Side.CRM, FIRST + number * DAY, fields, removes=not fields)
    apply_occurrence(series, step, syncing(alice))


def there(company: Company) -> dict[str, Any]:
    return held(company, CALENDAR)["Standup"]


def patch(company: Company, original: datetime | None = None, **fields: Any) -> None:
    told = {"original_start": original.isoformat()} if original else {}
    company.sandbox.patch_act_item(ALICE, CALENDAR, there(company)["id"], fields=fields, **told)


def changed_there(company: Company, *names: str) -> dict[str, list[Any]]:
    return {
        one["original_start"][:10]: [one["fields"].get(name) for name in names] for one in there(company)["changed"]
    }


def day(number: int) -> str:
    return (FIRST + number * DAY).date().isoformat()


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
def test_a_series_keeps_its_pattern_its_hour_and_its_zone(company: Company, zone: str) -> None:  # 10.9
    alice = alice_on(company)
    start = datetime(2027, 3, 22, 9, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    rules: Sequence[Recurrence] = (
        Recurrence(Frequency.WEEKLY, date(2027, 3, 22), interval=2, weekdays=(0, 2), count=8),
        Recurrence(Frequency.MONTHLY, date(2027, 3, 22), day=22, until=date(2027, 12, 31)),
        Recurrence(Frequency.RELATIVE_YEARLY, date(2027, 3, 22), weekdays=(0,), week=4, month=3),
    )
    for number, rule in enumerate(rules):
        appointment(alice, f"Series {number}", start, recurrence=rule, time_zone=zone)
    synchronize(alice)
    company.sandbox.lose_sync_state(ALICE)
    synchronize(alice)
    found = held(company, CALENDAR)
    assert [found[f"Series {number}"]["fields"]["recurrence"]["frequency"] for number in range(3)] == [
        "weekly",
        "monthly",
        "relative-yearly",
    ]
    assert {one["fields"]["time_zone"] for one in found.values()} == {zone}
    assert {one["fields"]["start"] for one in found.values()} == {start.strftime("%Y-%m-%dT%H:%M:%SZ")}
    ended = synchronize(alice)
    assert (ended.report.sent, ended.report.tracked) == (0, 0)


def test_what_differs_here_differs_there(company: Company) -> None:
    alice = alice_on(company)
    series = standup(alice)
    differs(alice, series, 1, location="Room 7")
    synchronize(alice)
    assert changed_there(company, "location") == {day(1): ["Room 7"]}
    moved = FIRST + 2 * DAY + HOUR
    differs(alice, series, 2, start=moved, end=moved + HOUR)
    differs(alice, series, 3)
    synchronize(alice)
    synchronize(alice)
    assert changed_there(company, "start")[day(2)] == [moved.strftime("%Y-%m-%dT%H:%M:%SZ")]
    assert [one[:10] for one in there(company)["removed"]] == [day(3)]


def test_what_differs_there_differs_here(company: Company) -> None:
    alice = alice_on(company)
    series = standup(alice)
    synchronize(alice)
    moved = FIRST + 2 * DAY + HOUR
    patch(company, FIRST + DAY, subject="Retrospective")
    patch(company, FIRST + 2 * DAY, start=moved.isoformat(), end=(moved + HOUR).isoformat())
    company.sandbox.delete_act_item(ALICE, CALENDAR, there(company)["id"], original_start=(FIRST + 3 * DAY).isoformat())
    synchronize(alice)
    series.refresh_from_db()
    found = exceptions_of(series)
    assert {key.date().isoformat(): dict(own) for key, own in found.changed.items()} == {
        day(1): {"subject": "Retrospective"},
        day(2): {"start": moved, "end": moved + HOUR},
    }
    assert {one.date().isoformat() for one in found.removed} == {day(3)}
    assert [one.subject for one in series.exceptions.order_by("original_start_date")] == ["Retrospective", "Standup"]
    ended = synchronize(alice)
    assert (ended.report.sent, ended.report.tracked) == (0, 0)


def test_a_tracked_series_comes_in_with_what_differs_from_it(company: Company) -> None:  # 10.1 d
    alice = alice_on(company)
    told = {"frequency": "daily", "interval": 1, "first": FIRST.date().isoformat(), "count": 6}
    times = {"start": FIRST.isoformat(), "end": (FIRST + HOUR).isoformat(), "time_zone": "UTC"}
    item = company.sandbox.put_act_item(ALICE, CALENDAR, {"subject": "Standup", "recurrence": told, **times})
    patch(company, FIRST + DAY, location="Room 7")
    company.sandbox.patch_act_item(ALICE, CALENDAR, item["id"], categories=[CATEGORY])
    synchronize(alice)
    series = RecurringAppointmentMaster.objects.get()
    assert (series.occurrences, [one.location for one in series.exceptions.all()]) == (6, ["Room 7"])
    patch(company, FIRST + DAY, location="")
    synchronize(alice)
    series.refresh_from_db()
    assert not exceptions_of(series).changed


def test_both_change_another_occurrence_and_both_are_kept(company: Company) -> None:  # 10.1 h
    alice = alice_on(company)
    series = standup(alice)
    synchronize(alice)
    patch(company, FIRST + DAY, location="Room 7")
    differs(alice, series, 2, location="Room 8")
    synchronize(alice)
    series.refresh_from_db()
    assert changed_there(company, "location") == {day(1): ["Room 7"], day(2): ["Room 8"]}
    assert [one.location for one in series.exceptions.order_by("original_start_date")] == ["Room 7", "Room 8"]


def test_a_series_that_ends_later_keeps_what_differs_from_it(company: Company) -> None:
    alice = alice_on(company)
    series = standup(alice)
    differs(alice, series, 1, location="Room 7")
    differs(alice, series, 2)
    synchronize(alice)
    change(alice, series, recurrence=replace(DAILY, count=9))
    synchronize(alice)
    synchronize(alice)
    assert there(company)["fields"]["recurrence"]["count"] == 9
    assert changed_there(company, "location") == {day(1): ["Room 7"]}
    assert [one[:10] for one in there(company)["removed"]] == [day(2)]


def test_another_subject_of_the_series_is_that_of_its_exceptions_too(company: Company) -> None:
    alice = alice_on(company)
    series = standup(alice)
    differs(alice, series, 1, location="Room 7")
    synchronize(alice)
    change(alice, series, subject="Daily")
    synchronize(alice)
    synchronize(alice)
    series.refresh_from_db()
    [exception] = series.exceptions.all()
    assert (exception.subject, exception.location) == ("Daily", "Room 7")
    [told] = held(company, CALENDAR)["Daily"]["changed"]
    assert told["fields"] == {"location": "Room 7"}


def test_a_pattern_changed_in_exchange_drops_the_exceptions_that_it_no_longer_has(company: Company) -> None:
    alice = alice_on(company)
    series = standup(alice)
    differs(alice, series, 1, location="Room 7")
    synchronize(alice)
    told = {"frequency": "daily", "interval": 2, "first": FIRST.date().isoformat(), "count": 3}
    patch(company, recurrence=told)
    synchronize(alice)
    synchronize(alice)
    series.refresh_from_db()
    assert (series.interval, series.exceptions.count()) == (2, 0)


def test_attendees_are_told_about_one_occurrence_and_only_once(company: Company) -> None:  # 10.2.2, 10.2.5
    alice = alice_on(company)
    series = standup(alice, invited="zoe@them.test")
    synchronize(alice)
    differs(alice, series, 1, location="Room 7")
    synchronize(alice)
    differs(alice, series, 2)
    synchronize(alice)
    synchronize(alice)
    mails = mails_about_meetings(company)
    assert [to for to, _ in mails] == ["zoe@them.test"] * 3
    assert [kind for _, kind in mails][::2] == ["request", "cancellation"]


def test_a_change_of_one_occurrence_waits_for_approval(company: Company) -> None:  # 10.2, law 9
    alice = alice_on(company)
    series = standup(alice, invited="zoe@them.test a@them.test")
    synchronize(alice)
    decide(meeting_mails_per_run=1)
    differs(alice, series, 1, location="Room 7")
    synchronize(alice)
    assert (there(company)["changed"], HeldWrite.objects.get().original_start) == ([], FIRST + DAY)
    deciding.decide_writes(HeldWrite.objects.all(), Decision.APPROVED, alice.regarding_user, timezone.now())
    synchronize(alice)
    synchronize(alice)
    assert changed_there(company, "location") == {day(1): ["Room 7"]}
    assert (len(mails_about_meetings(company)), HeldWrite.objects.count()) == (4, 0)


def test_lost_synchronization_state_loses_no_exception(company: Company) -> None:  # 10.1 f
    alice = alice_on(company)
    series = standup(alice)
    differs(alice, series, 1, location="Room 7")
    differs(alice, series, 2)
    synchronize(alice)
    company.sandbox.lose_sync_state(ALICE)
    synchronize(alice)
    synchronize(alice)
    assert changed_there(company, "location") == {day(1): ["Room 7"]}
    fields: Fields = {"location": "Room 7"}
    found = exceptions_of(RecurringAppointmentMaster.objects.get())
    assert (list(found.changed.values()), len(found.removed)) == ([fields], 1)
    assert ExchangeSyncIdMapping.objects.count() == 1
