"""Alice keeps appointments in calendars below her own: they are synchronized there as in the main one (10.1 d)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mailboxes.models import Leg
from profiles.act_items import ItemKind
from profiles.connectors.ews.act import listing
from tests.company import Company, decide, run
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
from tracking.crm.models import Appointment
from tracking.models import ExchangeSyncIdMapping, RecycledItem, SyncQuestion

CALENDAR = ItemKind.APPOINTMENT
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def looked_for_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new calendar is noticed at once, not only after a quarter of an hour."""
    monkeypatch.setattr(listing, "LOOK_EVERY", 0)


def team_calendar(company: Company, name: str = "Team", parent: str = "calendar") -> str:
    return company.sandbox.folder(ALICE, name, parent, "IPF.Appointment")


def put(company: Company, subject: str, folder: str, categories: tuple[str, ...] = (CATEGORY,)) -> dict[str, Any]:
    start = soon()
    told = {"subject": subject, "start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
    return company.sandbox.put_act_item(
        ALICE, CALENDAR, told | {"time_zone": "UTC"}, folder=folder, categories=list(categories)
    )


def nobody_is_asked() -> bool:
    return not ExchangeSyncIdMapping.objects.exclude(question=SyncQuestion.NONE).exists()


def test_what_is_tracked_in_a_calendar_below_comes_in_and_goes_both_ways(company: Company) -> None:
    alice = alice_on(company)
    deep = team_calendar(company, "Sales", team_calendar(company))
    put(company, "Fair", deep)
    put(company, "Mine alone", deep, categories=())
    synchronize(alice)
    [fair] = Appointment.objects.all()
    assert fair.subject == "Fair"
    change(alice, fair, location="Hall 3")
    synchronize(alice)
    there = held(company, CALENDAR)["Fair"]
    assert (there["fields"]["location"], there["folder"]) == ("Hall 3", "Calendar/Team/Sales")
    company.sandbox.patch_act_item(ALICE, CALENDAR, there["id"], fields={"location": "Hall 4"})
    synchronize(alice)
    fair.refresh_from_db()
    assert fair.location == "Hall 4"


def test_what_is_ours_goes_to_the_main_calendar_and_stays_linked_wherever_alice_puts_it(company: Company) -> None:
    alice = alice_on(company)
    ours = appointment(alice, "Offer", invited="zoe@them.test")
    synchronize(alice)
    mails = mails_about_meetings(company)
    assert held(company, CALENDAR)["Offer"]["folder"] == "calendar"
    team = team_calendar(company)
    for folder in (team, "calendar", team_calendar(company, "Other")):
        company.sandbox.move(ALICE, held(company, CALENDAR)["Offer"]["id"], folder)
        synchronize(alice)
        assert nobody_is_asked()
    change(alice, ours, subject="Better offer")
    synchronize(alice)
    assert [*held(company, CALENDAR)] == ["Better offer"]
    assert held(company, CALENDAR)["Better offer"]["folder"] == "Calendar/Other"
    assert Appointment.objects.count() == ExchangeSyncIdMapping.objects.count() == 1
    assert [kind for _, kind in mails_about_meetings(company)[len(mails) :]] == ["update"]  # of the new subject alone


def test_what_was_tracked_in_outlook_stays_one_when_it_is_moved(company: Company) -> None:
    alice = alice_on(company)
    item = put(company, "Fair", "calendar")
    synchronize(alice)
    company.sandbox.move(ALICE, item["id"], team_calendar(company))
    synchronize(alice)
    synchronize(alice)
    assert Appointment.objects.count() == ExchangeSyncIdMapping.objects.count() == 1
    assert ExchangeSyncIdMapping.objects.get().exchange_entry_id == held(company, CALENDAR)["Fair"]["id"]
    assert nobody_is_asked()


@pytest.mark.parametrize("to_bin", [True, False])
def test_a_calendar_that_is_thrown_away_takes_along_only_what_was_in_it(company: Company, to_bin: bool) -> None:
    decide(deletions_at_once_percent=100)
    alice = alice_on(company)
    team = team_calendar(company)
    for subject in ("Stays", "Rescued", "Lost"):
        appointment(alice, subject)
    synchronize(alice)
    for subject in ("Rescued", "Lost"):
        company.sandbox.move(ALICE, held(company, CALENDAR)[subject]["id"], team)
    synchronize(alice)
    company.sandbox.move(ALICE, held(company, CALENDAR)["Rescued"]["id"], "calendar")
    company.sandbox.delete_folder(ALICE, team, to_bin=to_bin)
    synchronize(alice)
    synchronize(alice)
    assert sorted(Appointment.objects.values_list("subject", flat=True)) == ["Rescued", "Stays"]
    assert RecycledItem.objects.get().snapshot["fields"]["subject"] == "Lost"
    assert ExchangeSyncIdMapping.objects.filter(is_unlinked_in_crm=False).count() == 2


def test_a_calendar_that_is_gone_before_anybody_looks_again_stops_nothing(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:  # law 5
    decide(deletions_at_once_percent=100)
    alice = alice_on(company)
    team = team_calendar(company)
    put(company, "Fair", team)
    put(company, "Lunch", "calendar")
    synchronize(alice)
    monkeypatch.setattr(listing, "LOOK_EVERY", 900)
    company.sandbox.delete_folder(ALICE, team)
    synchronize(alice)
    synchronize(alice)
    assert [one.subject for one in Appointment.objects.all()] == ["Lunch"]


def test_a_calendar_full_of_appointments_that_is_thrown_away_is_asked_about(company: Company) -> None:  # law 9
    decide(deletions_at_once_number=3)
    alice = alice_on(company)
    team = team_calendar(company)
    for number in range(5):
        put(company, f"Fair {number}", team)
    synchronize(alice)
    company.sandbox.delete_folder(ALICE, team, to_bin=True)
    synchronize(alice)
    assert Appointment.objects.count() == 5


def test_whole_calendars_by_setting_are_only_the_main_one(company: Company) -> None:  # 10.1 d
    decide(track_all_appointments_from_exchange=True)
    alice = alice_on(company)
    put(company, "Lunch", "calendar", categories=())
    put(company, "Parents’ evening", team_calendar(company, "Family"), categories=())
    synchronize(alice)
    assert [one.subject for one in Appointment.objects.all()] == ["Lunch"]


def test_a_new_calendar_is_looked_for_when_something_has_left_the_main_one(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = alice_on(company)
    appointment(alice, "Offer")
    synchronize(alice)
    monkeypatch.undo()
    company.sandbox.move(ALICE, held(company, CALENDAR)["Offer"]["id"], team_calendar(company))
    synchronize(alice)
    assert ExchangeSyncIdMapping.objects.get().exchange_entry_id == held(company, CALENDAR)["Offer"]["id"]
    assert Appointment.objects.count() == 1


def test_what_was_moved_before_anybody_knew_that_it_was_made_is_not_made_twice(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:  # law 7
    monkeypatch.setattr(listing, "LOOK_EVERY", 900)
    alice = alice_on(company)
    synchronize(alice)
    appointment(alice, "Offer")
    company.sandbox.fault(face="ews", operation="CreateItem", effect="drop", after_effect=True, times=1)
    run(alice, Leg.ACT)
    company.sandbox.move(ALICE, held(company, CALENDAR)["Offer"]["id"], team_calendar(company))
    ExchangeSyncIdMapping.objects.update(next_attempt_on=timezone.now(), last_sync_error="")
    synchronize(alice)
    assert len(company.sandbox.act_items(ALICE, CALENDAR)) == 1
    assert ExchangeSyncIdMapping.objects.get().agreed_on
