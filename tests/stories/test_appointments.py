"""Alice’s appointments are the same here and on Exchange, over real sockets (10.2, 10.3)."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from mailboxes.models import Leg
from profiles.act_items import ItemKind
from tests.company import Company, decide, run
from tests.profiles.exchange import requests
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
)
from tracking.crm.models import ActivityParty, Appointment, RecurringAppointmentMaster
from tracking.crm.models.states import ActivityState, AppointmentStatus
from tracking.models import ExchangeSyncIdMapping, RecycledItem

CALENDAR = ItemKind.APPOINTMENT
pytestmark = pytest.mark.django_db(transaction=True)


def put(company: Company, subject: str = "Lunch", days: int = 3, **fields: object) -> dict:
    """Alice makes a tracked appointment in her own calendar."""
    start = soon(days)
    told = {"subject": subject, "start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
    return company.sandbox.put_act_item(
        ALICE, CALENDAR, {**told, "time_zone": "Europe/Berlin", **fields}, categories=[CATEGORY]
    )


def patch(company: Company, item: dict, **fields: object) -> None:
    company.sandbox.patch_act_item(ALICE, CALENDAR, item["id"], fields=fields)


def test_an_appointment_written_here_appears_in_the_calendar_once(company: Company) -> None:  # 10.1 b, 10.8
    alice = alice_on(company)
    start = soon()
    appointment(alice, "Lunch", start, location="Room 5", body="Bring the figures", importance="high")
    synchronize(alice)
    synchronize(alice)
    [item] = company.sandbox.act_items(ALICE, CALENDAR)
    there = item["fields"]
    assert (there["subject"], there["location"], there["body"], there["importance"], there["show_as"]) == (
        "Lunch",
        "Room 5",
        "Bring the figures",
        "high",
        "busy",
    )
    assert (there["start"], there["time_zone"]) == (start.strftime("%Y-%m-%dT%H:%M:%SZ"), "Europe/Berlin")


def test_a_second_run_writes_nothing_and_asks_once_for_the_calendar(company: Company) -> None:
    alice = alice_on(company)
    appointment(alice)
    synchronize(alice)
    synchronize(alice)
    company.sandbox.clear_log()
    ended = synchronize(alice)
    assert (ended.report.sent, ended.report.tracked) == (0, 0)
    assert set(requests(company.sandbox)) == {"SyncFolderItems"}


def test_both_sides_change_different_fields_and_both_are_kept(company: Company) -> None:  # 10.1 h
    alice = alice_on(company)
    ours = appointment(alice)
    synchronize(alice)
    patch(company, held(company, CALENDAR)["Lunch"], location="Room 6")
    change(alice, ours, subject="Late lunch")
    synchronize(alice)
    ours.refresh_from_db()
    assert ours.location == "Room 6"
    assert held(company, CALENDAR)["Late lunch"]["fields"]["location"] == "Room 6"


def test_whole_days_are_the_same_days_on_both_sides(company: Company) -> None:  # peers 28
    alice = alice_on(company)
    first = soon().date()
    ours = appointment(alice, "Fair", start=first, end=first + timedelta(days=2), is_all_day=True)
    synchronize(alice)
    item = held(company, CALENDAR)["Fair"]
    told = {name: item["fields"][name] for name in ("start", "end", "is_all_day")}
    assert told == {
        "start": first.isoformat(),
        "end": (first + timedelta(days=2)).isoformat(),
        "is_all_day": True,
    }
    later = first + timedelta(days=7)
    patch(company, item, start=later.isoformat(), end=(later + timedelta(days=1)).isoformat())
    synchronize(alice)
    ours.refresh_from_db()
    assert (ours.start_date, ours.end_date) == (later, later + timedelta(days=1))


@pytest.mark.parametrize(
    ("status", "state", "shown"),
    [
        (AppointmentStatus.FREE, ActivityState.OPEN, "free"),
        (AppointmentStatus.TENTATIVE, ActivityState.OPEN, "tentative"),
        (AppointmentStatus.OUT_OF_OFFICE, ActivityState.SCHEDULED, "out-of-office"),
        (AppointmentStatus.COMPLETED, ActivityState.COMPLETED, "free"),
        (AppointmentStatus.CANCELED, ActivityState.CANCELED, "free"),
    ],
)
def test_the_status_is_shown_in_the_calendar(  # 10.2.1, 10.2.6
    company: Company, status: int, state: int, shown: str
) -> None:
    alice = alice_on(company)
    ours = appointment(alice)
    synchronize(alice)
    ours.status_code, ours.state_code = status, state
    ours.save()
    synchronize(alice)
    assert held(company, CALENDAR)["Lunch"]["fields"]["show_as"] == shown


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        ("free", AppointmentStatus.FREE),
        ("elsewhere", AppointmentStatus.FREE),
        ("tentative", AppointmentStatus.TENTATIVE),
        ("out-of-office", AppointmentStatus.OUT_OF_OFFICE),
    ],
)
def test_how_it_is_shown_becomes_the_status(company: Company, shown: str, status: int) -> None:  # 10.3.1
    alice = alice_on(company)
    item = put(company)
    synchronize(alice)
    patch(company, item, show_as=shown)
    synchronize(alice)
    synchronize(alice)
    assert Appointment.objects.get().status_code == status
    assert held(company, CALENDAR)["Lunch"]["fields"]["show_as"] == shown


def test_what_is_completed_here_is_no_longer_changed_by_exchange(company: Company) -> None:  # 10.3.2
    alice = alice_on(company)
    ours = appointment(alice)
    synchronize(alice)
    ours.status_code, ours.state_code = AppointmentStatus.COMPLETED, ActivityState.COMPLETED
    ours.save()
    synchronize(alice)
    patch(company, held(company, CALENDAR)["Lunch"], subject="Breakfast", show_as="busy")
    synchronize(alice)
    ours.refresh_from_db()
    assert (ours.subject, ours.status_code) == ("Lunch", AppointmentStatus.COMPLETED)


def test_a_tracked_appointment_comes_in_with_its_people_and_a_private_one_is_not_marked(  # 10.1 d, 10.3.5, 10.3.7, 10.3.8
    company: Company,
) -> None:
    alice = alice_on(company)
    bob = company.user("Bob", company.exchange_profile())
    people = [{"address": "bob@us.test", "name": "Bob"}, {"address": "stranger@them.test", "name": "Zoe"}]
    put(company, "Offer", required=people, is_private=True)
    synchronize(alice)
    made = Appointment.objects.get()
    parties = {
        one.address_used: one.party_id
        for one in ActivityParty.objects.filter(activity_id=made.pk)
        if one.participation_type_mask == 5
    }
    assert parties == {"bob@us.test": str(bob.regarding_user.pk), "stranger@them.test": ""}
    assert (made.owner, made.is_mapi_private, made.global_object_id != "") == (alice.regarding_user, False, True)


def test_by_setting_the_whole_calendar_comes_in_but_for_what_is_private(company: Company) -> None:  # 10.1 d
    decide(track_all_appointments_from_exchange=True)
    alice = alice_on(company)
    start = soon()
    times = {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat(), "time_zone": "UTC"}
    company.sandbox.put_act_item(ALICE, CALENDAR, {"subject": "Offer", **times})
    company.sandbox.put_act_item(ALICE, CALENDAR, {"subject": "Doctor", "is_private": True, **times})
    synchronize(alice)
    assert [one.subject for one in Appointment.objects.all()] == ["Offer"]


def test_what_goes_in_the_future_goes_on_the_other_side(company: Company) -> None:  # 10.2.5
    alice = alice_on(company)
    ours = appointment(alice)
    synchronize(alice)
    ours.delete()
    synchronize(alice)
    assert held(company, CALENDAR) == {}
    assert RecycledItem.objects.get().deleted_on_side == "exchange"


def test_what_is_over_stays_in_the_calendar_and_here(company: Company) -> None:  # 10.2.5, 10.3.4
    alice = alice_on(company)
    appointment(alice, "Yesterday", soon(-1))
    appointment(alice, "The day before", soon(-2))
    synchronize(alice)
    Appointment.objects.get(subject="Yesterday").delete()
    company.sandbox.delete_act_item(ALICE, CALENDAR, held(company, CALENDAR)["The day before"]["id"])
    synchronize(alice)
    assert [one.subject for one in Appointment.objects.all()] == ["The day before"]
    assert set(held(company, CALENDAR)) == {"Yesterday"}


def test_what_is_deleted_in_the_calendar_is_deleted_here_and_can_be_restored(company: Company) -> None:  # 10.3.4, law 9
    alice = alice_on(company)
    appointment(alice)
    synchronize(alice)
    company.sandbox.delete_act_item(ALICE, CALENDAR, held(company, CALENDAR)["Lunch"]["id"])
    synchronize(alice)
    assert not Appointment.objects.exists()
    assert RecycledItem.objects.get().snapshot["fields"]["subject"] == "Lunch"


@pytest.mark.parametrize(("setting", "there"), [(False, {"Lunch"}), (True, set())])
def test_canceling_here_deletes_there_only_by_setting(  # 10.2.6
    company: Company, setting: bool, there: set[str]
) -> None:
    decide(sss_propagate_appointment_cancellations_to_exchange=setting)
    alice = alice_on(company)
    ours = appointment(alice)
    synchronize(alice)
    ours.status_code, ours.state_code = AppointmentStatus.CANCELED, ActivityState.CANCELED
    ours.save()
    synchronize(alice)
    synchronize(alice)
    assert set(held(company, CALENDAR)) == there
    assert Appointment.objects.count() == 1


def test_a_single_appointment_becomes_a_series_and_single_again(company: Company) -> None:  # 10.4
    alice = alice_on(company)
    item = put(company, "Standup")
    synchronize(alice)
    first = soon().date().isoformat()
    patch(company, item, recurrence={"frequency": "daily", "interval": 1, "first": first, "count": 5})
    synchronize(alice)
    series = RecurringAppointmentMaster.objects.get()
    assert (series.occurrences, Appointment.objects.count()) == (5, 0)
    assert ExchangeSyncIdMapping.objects.get().object == series
    single = change(alice, series, recurrence=None)
    synchronize(alice)
    synchronize(alice)
    assert held(company, CALENDAR)["Standup"]["fields"]["recurrence"] is None
    assert (RecurringAppointmentMaster.objects.count(), Appointment.objects.get()) == (0, single)


def test_lost_synchronization_state_doubles_and_deletes_nothing(company: Company) -> None:  # 10.1 f
    alice = alice_on(company)
    appointment(alice)
    put(company, "Tracked")
    synchronize(alice)
    company.sandbox.lose_sync_state(ALICE)
    synchronize(alice)
    synchronize(alice)
    assert (Appointment.objects.count(), len(company.sandbox.act_items(ALICE, CALENDAR))) == (2, 2)


def test_one_pass_by_hand_says_what_it_has_done(company: Company) -> None:
    alice = alice_on(company)
    appointment(alice)
    put(company, "Tracked")
    said = StringIO()
    call_command("sync", "--mailbox", ALICE, "--leg", "act", "--json", stdout=said)
    told = json.loads(said.getvalue().splitlines()[-1])
    assert (told["leg"], told["sent"], told["tracked"], told["failed"], told["error"]) == ("act", 1, 1, 0, None)
    assert set(held(company, CALENDAR)) == {"Lunch", "Tracked"}


def test_an_answer_that_got_lost_makes_no_second_appointment(company: Company) -> None:  # law 7
    alice = alice_on(company)
    appointment(alice, invited="zoe@them.test")
    company.sandbox.fault(face="ews", operation="CreateItem", effect="drop", after_effect=True, times=1)
    run(alice, Leg.ACT)
    ExchangeSyncIdMapping.objects.update(next_attempt_on=timezone.now())
    synchronize(alice)
    synchronize(alice)
    assert len(company.sandbox.act_items(ALICE, CALENDAR)) == 1
    assert mails_about_meetings(company) == [("zoe@them.test", "request")]
