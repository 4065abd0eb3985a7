"""Meetings: one record in several calendars, and no mail that no rule calls for, over real sockets (10.2, 10.3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mailboxes.models import ActDeliveryMethod, Mailbox, TraceLog
from mailboxes.models.settings import current_policy
from profiles.act_items import Attendee, ItemKind
from serversync.meeting_mails import foresee_mails
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
)
from tracking.crm.models import Appointment
from tracking.keep.calendar import deciding
from tracking.models import ExchangeSyncIdMapping, HeldWrite, SyncConflict
from tracking.models.reversible import Decision

CALENDAR = ItemKind.APPOINTMENT
BOB, ZOE = "bob@us.test", "zoe@them.test"
pytestmark = pytest.mark.django_db(transaction=True)


def bob_on(company: Company, **columns: Any) -> Mailbox:
    method = ActDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION
    return company.user("Bob", company.exchange_profile(), act_delivery_method=method, **columns)


def put(company: Company, address: str, *invited: str, notify: str = "SendToAllAndSaveCopy") -> dict[str, Any]:
    """Somebody calls a meeting in Outlook; what is tracked bears the category in that calendar."""
    start = soon()
    told = {"subject": "Offer", "start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
    people = [{"address": one, "name": ""} for one in invited]
    return company.sandbox.put_act_item(
        address, CALENDAR, {**told, "time_zone": "UTC", "required": people}, categories=[CATEGORY], notify=notify
    )


def test_the_organizers_mailbox_invites_and_the_others_write_nothing(company: Company) -> None:  # 10.2.2, 10.2.4
    alice, bob = alice_on(company), bob_on(company)
    appointment(alice, "Offer", invited=f"{BOB} {ZOE}")
    synchronize(bob)
    assert held(company, CALENDAR, BOB) == {}
    synchronize(alice)
    assert sorted(mails_about_meetings(company)) == [(BOB, "request"), (ZOE, "request")]
    for mailbox in (bob, alice, bob, alice):
        synchronize(mailbox)
    assert [len(company.sandbox.act_items(one, CALENDAR)) for one in (ALICE, BOB)] == [1, 1]
    assert Appointment.objects.count() == 1
    linked = ExchangeSyncIdMapping.objects.exclude(agreed_on=None).exclude(uid="")
    assert {row.owner for row in linked} == {alice.regarding_user, bob.regarding_user}
    assert len(mails_about_meetings(company)) == 2


def test_a_meeting_tracked_in_two_calendars_is_one_record(company: Company) -> None:  # 10.3.5, 10.1 e
    alice, bob = alice_on(company), bob_on(company)
    put(company, ALICE, BOB)
    company.sandbox.patch_act_item(BOB, CALENDAR, held(company, CALENDAR, BOB)["Offer"]["id"], categories=[CATEGORY])
    synchronize(bob)
    made = Appointment.objects.get()
    assert made.owner == alice.regarding_user
    company.sandbox.clear_meeting_mails()
    synchronize(alice)
    synchronize(bob)
    assert (Appointment.objects.count(), ExchangeSyncIdMapping.objects.count()) == (1, 2)
    assert {row.object for row in ExchangeSyncIdMapping.objects.all()} == {made}
    assert mails_about_meetings(company) == []


def test_what_bob_changes_here_reaches_him_by_alices_calendar(company: Company) -> None:  # 10.2.4
    alice, bob = alice_on(company), bob_on(company)
    ours = appointment(alice, "Offer", invited=BOB)
    for mailbox in (alice, bob):
        synchronize(mailbox)
    company.sandbox.clear_meeting_mails()
    change(bob, ours, location="Room 6")
    for mailbox in (bob, alice, bob):
        synchronize(mailbox)
    assert mails_about_meetings(company) == [(BOB, "update")]
    assert held(company, CALENDAR, BOB)["Offer"]["fields"]["location"] == "Room 6"
    assert not SyncConflict.objects.exists()


def test_bobs_answer_changes_neither_the_record_nor_alices_calendar(company: Company) -> None:  # 10.2.4, 10.3.1
    alice, bob = alice_on(company), bob_on(company)
    ours = appointment(alice, "Offer", invited=BOB)
    for mailbox in (alice, bob):
        synchronize(mailbox)
    uid = held(company, CALENDAR)["Offer"]["uid"]
    company.sandbox.respond(BOB, uid, "tentative")
    for mailbox in (bob, alice, bob):
        synchronize(mailbox)
    company.sandbox.respond(BOB, uid, "decline")
    for mailbox in (bob, alice, bob):
        synchronize(mailbox)
    ours.refresh_from_db()
    assert (ours.subject, held(company, CALENDAR)["Offer"]["fields"]["show_as"]) == ("Offer", "busy")
    assert mails_about_meetings(company) == [(BOB, "request")]


def test_a_strangers_meeting_comes_in_and_is_never_written(company: Company) -> None:  # 10.2.4, 10.3.5, 10.3.6
    alice = alice_on(company)
    company.sandbox.account(ZOE, "secret")
    put(company, ZOE, ALICE)
    item = held(company, CALENDAR)["Offer"]
    company.sandbox.patch_act_item(ALICE, CALENDAR, item["id"], categories=[CATEGORY])
    synchronize(alice)
    made = Appointment.objects.get()
    assert made.owner == alice.regarding_user
    change(alice, made, subject="Mine")
    synchronize(alice)
    assert set(held(company, CALENDAR)) == {"Offer"}
    made.delete()
    synchronize(alice)
    assert set(held(company, CALENDAR)) == {"Offer"}
    assert mails_about_meetings(company) == []


def test_by_setting_only_what_one_has_called_is_tracked(company: Company) -> None:  # 10.3.6
    decide(track_appointments_from_non_organizer=False)
    bob = bob_on(company)
    alice_on(company)
    put(company, ALICE, BOB)
    company.sandbox.patch_act_item(BOB, CALENDAR, held(company, CALENDAR, BOB)["Offer"]["id"], categories=[CATEGORY])
    synchronize(bob)
    assert not Appointment.objects.exists()


def test_only_what_matters_is_told_and_only_to_whom_it_concerns(company: Company) -> None:  # 10.2.2
    alice = alice_on(company)
    ours = appointment(alice, "Offer", invited=ZOE)
    synchronize(alice)
    company.sandbox.clear_meeting_mails()
    change(alice, ours, is_private=True)
    synchronize(alice)
    assert mails_about_meetings(company) == []
    change(alice, ours, optional=(Attendee("carol@them.test"),))
    synchronize(alice)
    assert mails_about_meetings(company) == [("carol@them.test", "request")]
    change(alice, ours, subject="Last offer")
    synchronize(alice)
    assert sorted(mails_about_meetings(company)[1:]) == [("carol@them.test", "update"), (ZOE, "update")]


@pytest.mark.parametrize(("days", "mails"), [(3, [(ZOE, "request"), (ZOE, "cancellation")]), (-3, [])])
def test_nobody_is_mailed_about_the_past(  # 10.2.2, 10.2.5
    company: Company, days: int, mails: list[tuple[str, str]]
) -> None:
    alice = alice_on(company)
    ours = appointment(alice, "Offer", soon(days), invited=ZOE)
    synchronize(alice)
    ours.delete()
    synchronize(alice)
    assert mails_about_meetings(company) == mails
    assert len(held(company, CALENDAR)) == (0 if mails else 1)


def test_edits_of_past_meetings_are_told_by_setting(company: Company) -> None:  # 10.2.7
    alice = alice_on(company)
    ours = appointment(alice, "Offer", soon(-3), invited=ZOE)
    synchronize(alice)
    change(alice, ours, subject="Old offer")
    synchronize(alice)
    assert mails_about_meetings(company) == []
    decide(sss_update_past_meetings_in_non_draft_mode=True)
    change(alice, ours, subject="Very old offer")
    synchronize(alice)
    assert [to for to, _ in mails_about_meetings(company)] == [ZOE]


def test_a_deleted_copy_of_somebody_elses_meeting_deletes_nothing(company: Company) -> None:  # 10.3.4
    alice, bob = alice_on(company), bob_on(company)
    ours = appointment(alice, "Offer", invited=BOB)
    for mailbox in (alice, bob):
        synchronize(mailbox)
    company.sandbox.delete_act_item(BOB, CALENDAR, held(company, CALENDAR, BOB)["Offer"]["id"])
    for mailbox in (bob, alice):
        synchronize(mailbox)
    assert Appointment.objects.get() == ours
    assert set(held(company, CALENDAR)) == {"Offer"}


def test_more_mail_than_allowed_waits_until_somebody_approves_it(company: Company) -> None:  # 10.2, law 9
    decide(meeting_mails_per_run=2)
    alice = alice_on(company)
    appointment(alice, "Small", invited=ZOE)
    ours = appointment(alice, "Large", invited="a@them.test b@them.test c@them.test")
    refused = appointment(alice, "Unwanted", invited="d@them.test e@them.test f@them.test")
    synchronize(alice)
    synchronize(alice)
    assert mails_about_meetings(company) == [(ZOE, "request")]
    assert {len(one.addresses) for one in HeldWrite.objects.all()} == {3}
    assert TraceLog.objects.filter(cause="meeting mail held", closed_on=None).count() == 1
    by, now = alice.regarding_user, timezone.now()
    rows = HeldWrite.objects.filter(mapping__object_id=str(ours.pk))
    assert deciding.decide_writes(rows, Decision.APPROVED, by, now) == 1
    rows = HeldWrite.objects.filter(mapping__object_id=str(refused.pk))
    assert deciding.decide_writes(rows, Decision.REFUSED, by, now) == 1
    synchronize(alice)
    synchronize(alice)
    assert set(held(company, CALENDAR)) == {"Small", "Large"}
    assert len(mails_about_meetings(company)) == 4
    assert not TraceLog.objects.filter(cause="meeting mail held", closed_on=None).exists()


def test_the_mails_that_are_foreseen_are_those_that_leave(company: Company) -> None:  # 10.2, peers 27
    alice = alice_on(company)
    kept = appointment(alice, "Offer", invited=f"{ZOE} a@them.test")
    gone = appointment(alice, "Lunch", invited=ZOE)
    appointment(alice, "Old", soon(-3), invited=ZOE)
    appointment(alice, "Alone")
    for subject in ("Best offer", "Last offer"):
        foreseen = foresee_mails(alice, current_policy(), timezone.now())
        company.sandbox.clear_meeting_mails()
        synchronize(alice)
        left = sorted(to for to, _ in mails_about_meetings(company))
        assert sorted(to for one in foreseen for to in one.addresses) == left != []
        change(alice, kept, subject=subject)
        type(gone).objects.filter(pk=gone.pk).delete()
    assert len(foresee_mails(alice, current_policy(), timezone.now())) == 1


def test_a_held_update_keeps_what_comes_in_and_is_asked_anew_when_it_changes(company: Company) -> None:  # 10.2
    alice = alice_on(company)
    ours = appointment(alice, "Offer", invited=f"{ZOE} a@them.test")
    synchronize(alice)
    decide(meeting_mails_per_run=1)
    change(alice, ours, subject="New offer")
    company.sandbox.patch_act_item(
        ALICE, CALENDAR, held(company, CALENDAR)["Offer"]["id"], fields={"importance": "high"}
    )
    synchronize(alice)
    ours.refresh_from_db()
    assert (ours.subject, ours.priority_code, set(held(company, CALENDAR))) == ("New offer", 2, {"Offer"})
    [first] = HeldWrite.objects.all()
    change(alice, ours, subject="Best offer")
    synchronize(alice)
    [second] = HeldWrite.objects.all()
    assert second.fingerprint != first.fingerprint
    deciding.decide_writes(HeldWrite.objects.all(), Decision.APPROVED, alice.regarding_user, timezone.now())
    synchronize(alice)
    assert set(held(company, CALENDAR)) == {"Best offer"}
    assert len(mails_about_meetings(company)) == 4
    assert not HeldWrite.objects.exists()


def test_what_waits_for_approval_does_not_leave_with_a_later_run(company: Company) -> None:  # law 9
    decide(meeting_mails_per_run=1)
    alice = alice_on(company)
    for name in ("First", "Second", "Third"):
        appointment(alice, name, invited=ZOE)
    for _ in range(4):
        synchronize(alice)
    assert len(mails_about_meetings(company)) == 1
    assert HeldWrite.objects.filter(decision=Decision.OPEN).count() == 2


def test_nobody_is_invited_to_what_is_canceled_already(company: Company) -> None:  # 10.2.2
    alice = alice_on(company)
    off = appointment(alice, "Off", invited=ZOE)
    Appointment.objects.filter(pk=off.pk).update(state_code=2, status_code=4)
    synchronize(alice)
    assert mails_about_meetings(company) == []
