"""Whose calendar a meeting belongs to: found where it is, forced to its organizer, handed over to another (10.2.4, 10.3.6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mailboxes.models import ActDeliveryMethod, Leg, Mailbox, MailboxLeg
from mailboxes.models.settings import current_policy
from profiles.act_items import Attendee, ItemKind
from serversync.meeting_mails import foresee_mails
from tests.company import Company, decide, run
from tests.profiles.exchange import requests
from tests.synchronizing import ALICE, CATEGORY, alice_on, appointment, change, held, soon, synchronize
from tracking.crm.models import Appointment
from tracking.decide.invitations import MeetingWrite
from tracking.facts.calendar.bin import living_on
from tracking.keep.calendar import deciding
from tracking.keep.calendar.deciding import NotPossible
from tracking.keep.calendar.restoring import restore
from tracking.models import ExchangeSyncIdMapping, HeldDeletion, RecycledItem, SyncFilter
from tracking.models.reversible import Decision

CALENDAR = ItemKind.APPOINTMENT
BOB, ZOE = "bob@us.test", "zoe@them.test"
pytestmark = pytest.mark.django_db(transaction=True)


def bob_on(company: Company) -> Mailbox:
    method = ActDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION
    return company.user("Bob", company.exchange_profile(), act_delivery_method=method)


def alice_calls(company: Company, *invited: str) -> dict[str, Any]:
    """In Outlook; nobody tracks it yet."""
    start = soon()
    fields = {"subject": "Offer", "start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
    people = [{"address": one, "name": ""} for one in invited]
    return company.sandbox.put_act_item(
        ALICE, CALENDAR, {**fields, "time_zone": "UTC", "required": people}, notify="SendToAllAndSaveCopy"
    )


def track(company: Company, address: str) -> None:
    company.sandbox.patch_act_item(
        address, CALENDAR, held(company, CALENDAR, address)["Offer"]["id"], categories=[CATEGORY]
    )


def wants_no_meetings(mailbox: Mailbox) -> None:
    synchronize(mailbox)
    SyncFilter.objects.filter(owner=mailbox.regarding_user).update(is_active=False)


def mails(company: Company) -> list[tuple[str, str, str]]:
    return [(mail["from"], mail["to"], mail["kind"]) for mail in company.sandbox.meeting_mails()]


def row_of(mailbox: Mailbox) -> ExchangeSyncIdMapping:
    return ExchangeSyncIdMapping.objects.get(mailbox=mailbox)


def test_a_meeting_that_is_in_the_calendar_already_is_searched_for_once(company: Company) -> None:  # 10.2.4
    alice, bob = alice_on(company), bob_on(company)
    alice_calls(company, BOB)
    synchronize(bob)  # it is nothing to him: nobody has tracked it
    track(company, ALICE)
    synchronize(alice)
    company.sandbox.clear_log()
    synchronize(bob)
    asked = requests(company.sandbox)
    assert (asked["FindItem"], asked["SyncFolderItems"]) == (1, len(ItemKind))
    assert row_of(bob).exchange_entry_id == held(company, CALENDAR, BOB)["Offer"]["id"]
    assert Appointment.objects.count() == 1


@pytest.mark.parametrize("forced", [False, True])
def test_what_bob_tracks_goes_through_alices_calendar_by_setting(company: Company, forced: bool) -> None:  # 10.3.6
    decide(force_organizer_sync_for_attendee_tracked_appointment=forced)
    alice, bob = alice_on(company), bob_on(company)
    wants_no_meetings(alice)
    alice_calls(company, BOB)
    track(company, BOB)
    company.sandbox.clear_meeting_mails()
    for mailbox in (bob, alice, bob):
        synchronize(mailbox)
    linked = {row.mailbox_id for row in ExchangeSyncIdMapping.objects.exclude(agreed_on=None)}
    assert linked == ({alice.pk, bob.pk} if forced else {bob.pk})
    ours = Appointment.objects.get()
    # Bob’s copy says what Bob does; where the meeting belongs to Alice here, her calendar alone says what it is.
    company.sandbox.patch_act_item(BOB, CALENDAR, row_of(bob).exchange_entry_id, fields={"location": "Bob’s desk"})
    for mailbox in (bob, alice, bob):
        synchronize(mailbox)
    ours.refresh_from_db()
    assert ours.location == ("" if forced else "Bob’s desk")
    if forced:
        company.sandbox.patch_act_item(
            ALICE, CALENDAR, row_of(alice).exchange_entry_id, fields={"location": "Alice’s desk"}
        )
        synchronize(alice)
        ours.refresh_from_db()
        assert ours.location == "Alice’s desk"
    assert mails(company) == []


def test_nothing_is_forced_on_an_organizer_who_is_not_synchronized(company: Company) -> None:  # 10.3.6
    decide(force_organizer_sync_for_attendee_tracked_appointment=True)
    alice, bob = alice_on(company), bob_on(company)
    MailboxLeg.objects.filter(mailbox=alice, leg=Leg.ACT).update(enabled=False)
    alice_calls(company, BOB)
    track(company, BOB)
    synchronize(bob)
    assert row_of(bob).agreed_on is not None
    assert ExchangeSyncIdMapping.objects.count() == 1


def bob_takes_over(alice: Mailbox, ours: Any) -> None:
    change(alice, ours, organizer=(Attendee(BOB),), required=(Attendee(ALICE), Attendee(ZOE)))


@pytest.mark.parametrize(
    ("invited", "bob_first"),
    [(ZOE, False), (f"{BOB} {ZOE}", False), (f"{BOB} {ZOE}", True)],
    ids=["Bob was not invited", "Bob was invited", "Bob was invited, and his cycle is first"],
)
def test_a_meeting_that_is_handed_over_is_canceled_and_called_anew(  # 10.2.4
    company: Company, invited: str, bob_first: bool
) -> None:
    alice, bob = alice_on(company), bob_on(company)
    ours = appointment(alice, "Offer", invited=invited)
    for mailbox in (alice, bob):
        synchronize(mailbox)
    company.sandbox.clear_meeting_mails()
    bob_takes_over(alice, ours)
    for mailbox in (bob, alice, bob, alice) if bob_first else (alice, bob, alice, bob):
        synchronize(mailbox)
    assert sorted(mails(company)) == sorted(
        [(ALICE, one, "cancellation") for one in invited.split()] + [(BOB, one, "request") for one in (ALICE, ZOE)]
    )
    there = [one for one in company.sandbox.act_items(ALICE, CALENDAR) if not one["is_cancelled"]]
    his = [one for one in company.sandbox.act_items(BOB, CALENDAR) if not one["is_cancelled"]]
    assert {one["uid"] for one in (*there, *his)} == {Appointment.objects.get().global_object_id}
    assert (len(there), len(his), his[0]["is_organizer"], there[0]["is_organizer"]) == (1, 1, True, False)
    assert RecycledItem.objects.get().reason == "handed-over"
    before = len(mails(company))
    for mailbox in (alice, bob):
        ended = synchronize(mailbox)
        assert (ended.report.sent, ended.report.tracked) == (0, 0)
    assert len(mails(company)) == before


@pytest.mark.parametrize("wanted", [True, False], ids=["his filter wants it", "no filter of his wants it"])
def test_a_meeting_is_called_anew_by_who_had_thrown_their_copy_away(company: Company, wanted: bool) -> None:  # 10.2.4
    alice, bob = alice_on(company), bob_on(company)
    ours = appointment(alice, "Offer", invited=f"{BOB} {ZOE}")
    for mailbox in (alice, bob):
        synchronize(mailbox)
    company.sandbox.delete_act_item(BOB, CALENDAR, held(company, CALENDAR, BOB)["Offer"]["id"])
    synchronize(bob)
    assert row_of(bob).is_unlinked_in_crm
    if not wanted:
        wants_no_meetings(bob)
    company.sandbox.clear_meeting_mails()
    bob_takes_over(alice, ours)
    for mailbox in (alice, bob, alice, bob):
        synchronize(mailbox)
    assert held(company, CALENDAR, BOB)["Offer"]["is_organizer"]
    assert sorted(mails(company)) == [
        (ALICE, BOB, "cancellation"),
        (ALICE, ZOE, "cancellation"),
        (BOB, ALICE, "request"),
        (BOB, ZOE, "request"),
    ]


def test_what_was_handed_over_and_called_anew_is_not_restored_a_second_time(company: Company) -> None:  # law 9
    alice, bob = alice_on(company), bob_on(company)
    ours = appointment(alice, "Offer", invited=f"{BOB} {ZOE}")
    for mailbox in (alice, bob):
        synchronize(mailbox)
    bob_takes_over(alice, ours)
    for mailbox in (alice, bob, alice, bob):
        synchronize(mailbox)
    before = mails(company)
    gone = RecycledItem.objects.get()
    assert living_on([gone], timezone.now()) == {gone.pk}
    with pytest.raises(NotPossible, match="an item already"):
        restore(gone, alice.regarding_user, timezone.now())
    for mailbox in (alice, bob):
        synchronize(mailbox)
    live = [one for one in company.sandbox.act_items(BOB, CALENDAR) if not one["is_cancelled"]]
    assert (len(live), mails(company)) == (1, before)
    gone.refresh_from_db()
    assert gone.restored_on is None


def test_a_hand_over_whose_answer_gets_lost_is_completed_and_mails_nobody_twice(company: Company) -> None:  # law 7
    alice, bob = alice_on(company), bob_on(company)
    ours = appointment(alice, "Offer", invited=ZOE)
    for mailbox in (alice, bob):
        synchronize(mailbox)
    company.sandbox.clear_meeting_mails()
    bob_takes_over(alice, ours)
    [foreseen] = foresee_mails(alice, current_policy(), timezone.now())
    assert (foreseen.write, foreseen.addresses) == (MeetingWrite.CANCEL, {ZOE})
    company.sandbox.fault(face="ews", operation="DeleteItem", effect="drop", after_effect=True, times=1)
    run(alice, Leg.ACT)
    ExchangeSyncIdMapping.objects.filter(next_attempt_on__isnull=False).update(next_attempt_on=soon(0, 0))
    for mailbox in (alice, bob, alice):
        synchronize(mailbox)
    assert sorted(mails(company)) == [(ALICE, ZOE, "cancellation"), (BOB, ALICE, "request"), (BOB, ZOE, "request")]
    assert RecycledItem.objects.count() == 1


def test_what_is_over_is_handed_over_here_only(company: Company) -> None:  # 10.2.5
    alice, bob = alice_on(company), bob_on(company)
    ours = appointment(alice, "Offer", soon(-3), invited=ZOE)
    for mailbox in (alice, bob):
        synchronize(mailbox)
    bob_takes_over(alice, ours)
    for mailbox in (alice, bob, alice):
        synchronize(mailbox)
    assert mails(company) == []
    assert len(company.sandbox.act_items(ALICE, CALENDAR)) == 1


def test_many_cancellations_at_once_wait_and_can_be_taken_back(company: Company) -> None:  # 10.2.6, law 9
    decide(sss_propagate_appointment_cancellations_to_exchange=True, deletions_at_once_percent=20)
    alice = alice_on(company)
    some = [appointment(alice, f"Meeting {number}") for number in range(6)]
    synchronize(alice)
    for one in some:
        one.refresh_from_db()
        one.state_code, one.status_code = 2, 4
        one.save()
    synchronize(alice)
    synchronize(alice)
    assert len(held(company, CALENDAR)) == 6
    [asked] = HeldDeletion.objects.all()
    assert (asked.number, asked.out_of, asked.on_side) == (6, 6, "exchange")
    assert deciding.decide_deletion(asked, Decision.APPROVED, alice.regarding_user, timezone.now())
    synchronize(alice)
    synchronize(alice)
    assert held(company, CALENDAR) == {}
    assert (Appointment.objects.count(), RecycledItem.objects.count()) == (6, 6)
    restore(RecycledItem.objects.order_by("pk").first(), alice.regarding_user, timezone.now())
    synchronize(alice)
    assert len(held(company, CALENDAR)) == 1
    assert mails(company) == []
