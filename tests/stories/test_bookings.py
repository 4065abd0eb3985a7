"""What comes in from Exchange at a time that Alice has given away here waits until she has said so (10.3.3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mailboxes.models import Mailbox, TraceLog
from profiles.act_items import Frequency, ItemKind, Recurrence
from tests.company import Company, decide
from tests.synchronizing import ALICE, CATEGORY, alice_on, appointment, change, held, service, soon, synchronize
from tracking.crm.models import Appointment, RecurringAppointmentMaster
from tracking.crm.models.states import ActivityState, AppointmentStatus
from tracking.keep.calendar import deciding
from tracking.models import ExchangeSyncIdMapping, SyncQuestion, UserDecision

CALENDAR = ItemKind.APPOINTMENT
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice(company: Company) -> Mailbox:
    decide(validate_bookings_from_exchange=True)
    return alice_on(company)


def put(company: Company, subject: str = "Dentist", hour: float = 9, **fields: Any) -> dict[str, Any]:
    """Alice makes a tracked appointment of an hour in her own calendar."""
    start = soon() + timedelta(hours=hour - 9)
    told = {"subject": subject, "start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
    return company.sandbox.put_act_item(ALICE, CALENDAR, {**told, "time_zone": "UTC", **fields}, categories=[CATEGORY])


def move(company: Company, item: dict[str, Any], hour: float) -> None:
    start = soon() + timedelta(hours=hour - 9)
    fields = {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
    company.sandbox.patch_act_item(ALICE, CALENDAR, item["id"], fields=fields)


def question() -> ExchangeSyncIdMapping | None:
    """What is asked and not answered."""
    rows = ExchangeSyncIdMapping.objects.filter(question=SyncQuestion.SCHEDULING_CONFLICT)
    return rows.filter(user_decision=UserDecision.NONE).first()


def answer(alice: Mailbox, decision: UserDecision) -> None:
    row = question()
    assert row is not None
    assert deciding.answer(row, decision, alice.regarding_user, timezone.now())


def taken_in() -> list[str]:
    return sorted(Appointment.objects.values_list("subject", flat=True))


def is_told() -> bool:
    return TraceLog.objects.filter(cause="scheduling conflict", closed_on=None).exists()


def test_what_overlaps_waits_and_names_what_is_there(company: Company, alice: Mailbox) -> None:  # 10.3.3, 4.13
    lunch = appointment(alice, "Lunch", soon())
    synchronize(alice)
    put(company, hour=9.5)
    put(company, "Walk", hour=10)  # right after lunch, and over the dentist, who is not here yet
    synchronize(alice)
    assert taken_in() == ["Lunch", "Walk"]
    asked = question()
    assert asked is not None
    assert asked.question_facts["subject"] == "Dentist"
    assert str(lunch.pk) in [one[1] for one in asked.question_facts["overlaps"]]
    assert is_told()
    synchronize(alice)
    assert TraceLog.objects.get(cause="scheduling conflict").occurrences == 1  # asked once


def test_yes_takes_it_in(company: Company, alice: Mailbox) -> None:  # 10.3.3, 4.13
    appointment(alice, "Lunch", soon())
    put(company)
    synchronize(alice)
    answer(alice, UserDecision.YES)
    synchronize(alice)
    assert taken_in() == ["Dentist", "Lunch"]
    assert question() is None
    assert not is_told()
    synchronize(alice)
    assert not ExchangeSyncIdMapping.objects.exclude(question=SyncQuestion.NONE).exists()


def test_no_leaves_it_out_until_it_is_at_another_time(company: Company, alice: Mailbox) -> None:  # 10.3.3
    appointment(alice, "Lunch", soon())
    item = put(company)
    synchronize(alice)
    answer(alice, UserDecision.NO)
    synchronize(alice)
    company.sandbox.patch_act_item(ALICE, CALENDAR, item["id"], fields={"subject": "Root canal"})
    synchronize(alice)
    assert (taken_in(), question()) == (["Lunch"], None)
    move(company, item, 9.5)  # it still overlaps, but it is another time
    synchronize(alice)
    assert (taken_in(), question() is None) == (["Lunch"], False)
    move(company, item, 14)  # now it does not, and nobody has to answer any more
    synchronize(alice)
    assert (taken_in(), question()) == (["Lunch", "Root canal"], None)
    assert not is_told()
    assert len(company.sandbox.act_items(ALICE, CALENDAR)) == 2  # nothing was written there for it


@pytest.mark.parametrize(("decision", "hour"), [(UserDecision.YES, 9), (UserDecision.NO, 14)])
def test_a_change_of_time_waits_as_well(  # 10.3.3
    company: Company, alice: Mailbox, decision: UserDecision, hour: int
) -> None:
    appointment(alice, "Lunch", soon())
    item = put(company, hour=14)
    synchronize(alice)
    assert taken_in() == ["Dentist", "Lunch"]
    move(company, item, 9)
    synchronize(alice)
    assert Appointment.objects.get(subject="Dentist").scheduled_start == soon(hour=14)
    answer(alice, decision)
    synchronize(alice)
    assert Appointment.objects.get(subject="Dentist").scheduled_start == soon(hour=hour)
    assert question() is None


def test_what_is_free_over_or_closed_takes_no_time(company: Company, alice: Mailbox) -> None:  # 10.3.3
    lunch = appointment(alice, "Lunch", soon())
    lunch.status_code, lunch.state_code = AppointmentStatus.CANCELED, ActivityState.CANCELED
    lunch.save()
    appointment(alice, "Holiday of others", soon(), show_as="free")
    appointment(alice, "Yesterday", soon(-1))
    put(company)
    start = soon(-1)
    put(company, "Late", start=start.isoformat(), end=(start + timedelta(hours=1)).isoformat())
    put(company, "Reminder", show_as="free")
    synchronize(alice)
    assert question() is None
    assert {"Dentist", "Late", "Reminder"} <= set(taken_in())


@pytest.mark.parametrize("there", ["series", "service", "all day"])
def test_series_services_and_whole_days_take_time(company: Company, alice: Mailbox, there: str) -> None:  # 10.3.3
    start = soon() - timedelta(days=2)
    if there == "series":
        daily = Recurrence(Frequency.DAILY, first=start.date(), count=9)
        appointment(alice, "Standup", start, time_zone="UTC", recurrence=daily)
    elif there == "all day":
        first = soon().date()
        appointment(alice, "Fair", start=first, end=first + timedelta(days=1), is_all_day=True, time_zone="UTC")
    else:
        service(alice, alice)
    put(company)
    synchronize(alice)
    assert question() is not None
    assert not Appointment.objects.filter(subject="Dentist").exists()


def test_a_series_that_comes_in_is_looked_at_occurrence_by_occurrence(  # 10.3.3
    company: Company, alice: Mailbox
) -> None:
    appointment(alice, "Lunch", soon(10))
    weekly = {"frequency": "daily", "first": soon().date().isoformat(), "count": 20}
    put(company, "Course", recurrence=weekly)
    synchronize(alice)
    asked = question()
    assert asked is not None
    assert asked.question_facts["coming"][0] == {"time": soon(10).isoformat()}
    answer(alice, UserDecision.YES)
    synchronize(alice)
    assert RecurringAppointmentMaster.objects.get().subject == "Course"
    assert question() is None


def test_what_others_do_takes_none_of_her_time(company: Company, alice: Mailbox) -> None:  # 10.3.3
    bob = company.user("Bob", alice.email_server_profile)
    theirs = appointment(bob, "Bob’s own", soon())
    theirs.owner = alice.regarding_user  # she has written it for him
    theirs.save()
    put(company)
    synchronize(alice)
    assert question() is None
    assert taken_in() == ["Bob’s own", "Dentist"]


def test_what_goes_to_exchange_is_never_checked(company: Company, alice: Mailbox) -> None:  # 10.2.3
    put(company)
    synchronize(alice)
    ours = appointment(alice, "Lunch", soon())
    synchronize(alice)
    assert sorted(held(company, CALENDAR)) == ["Dentist", "Lunch"]
    change(alice, ours, start=soon(hour=8), end=soon(hour=10))
    synchronize(alice)
    assert question() is None
    assert held(company, CALENDAR)["Lunch"]["fields"]["start"] == soon(hour=8).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_without_the_setting_nobody_is_asked(company: Company) -> None:  # 10.3.3
    alice = alice_on(company)
    appointment(alice, "Lunch", soon())
    put(company)
    synchronize(alice)
    assert (taken_in(), question()) == (["Dentist", "Lunch"], None)
