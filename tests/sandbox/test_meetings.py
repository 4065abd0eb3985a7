"""Meetings: which mails leave, what they do to the calendars they reach, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from exchangelib import Account, CalendarItem, EWSDate, EWSDateTime, EWSTimeZone
from exchangelib.errors import ErrorCalendarIsOrganizerForAccept, ErrorItemNotFound
from exchangelib.items import AcceptItem, MeetingCancellation, MeetingRequest, MeetingResponse
from exchangelib.properties import ReferenceItemId
from exchangelib.protocol import close_connections
from exchangelib.recurrence import DailyPattern, Recurrence

from tests.sandbox.ews_client import account
from tests.world import Refused, SandboxProcess

ALICE, BOB, ANN = "alice@us.test", "bob@us.test", "ann@acme.test"
PARIS = EWSTimeZone("Europe/Paris")
APPOINTMENT = "appointment"


@pytest.fixture(scope="module", autouse=True)
def connections_are_closed() -> Iterator[None]:
    yield
    close_connections()


@pytest.fixture
def world(sandbox: SandboxProcess) -> SandboxProcess:
    sandbox.account(ALICE)
    sandbox.account(BOB)
    return sandbox


@pytest.fixture
def alice(world: SandboxProcess) -> Account:
    return account(world.ews_url, ALICE, ALICE, impersonate=False)


@pytest.fixture
def bob(world: SandboxProcess) -> Account:
    return account(world.ews_url, BOB, BOB, impersonate=False)


def at(day: int, hour: int) -> EWSDateTime:
    return EWSDateTime(2026, 3, day, hour, 0, tzinfo=PARIS)


def called(owner: Account, mode: str = "SendToAllAndSaveCopy", **fields: Any) -> CalendarItem:
    """A meeting of an hour with Bob and Ann on Monday, 2 March 2026, at nine in Paris."""
    values = {"start": at(2, 9), "end": at(2, 10), "required_attendees": [BOB, ANN], "location": "Room 1"} | fields
    item = CalendarItem(account=owner, folder=owner.calendar, subject="Demo", **values)
    return read(owner, item.save(send_meeting_invitations=mode))


def read(owner: Account, item: CalendarItem) -> CalendarItem:
    [found] = owner.fetch([item])
    if isinstance(found, Exception):
        raise found
    found.folder = owner.calendar
    return found


def left(world: SandboxProcess) -> list[tuple[str, str]]:
    """(kind, to whom) of the meeting mails since the last look."""
    mails = [(mail["kind"], mail["to"]) for mail in world.meeting_mails()]
    world.clear_meeting_mails()
    return mails


def only(world: SandboxProcess, address: str) -> dict[str, Any]:
    [item] = world.act_items(address, APPOINTMENT)
    return item


# Inviting


def test_an_invitation_reaches_the_inbox_and_the_calendar(world: SandboxProcess, alice: Account, bob: Account) -> None:
    meeting = called(alice)
    assert left(world) == [("request", ANN), ("request", BOB)]
    assert (meeting.is_meeting, meeting.meeting_request_was_sent, meeting.my_response_type) == (True, True, "Organizer")
    [request] = bob.inbox.all()
    [entry] = bob.calendar.all()
    entry = read(bob, entry)
    assert isinstance(request, MeetingRequest)
    assert (request.meeting_request_type, request.start) == ("NewMeetingRequest", at(2, 9))
    assert request.associated_calendar_item_id.id == entry.id
    assert (entry.uid, entry.id != meeting.id, entry.location) == (meeting.uid, True, "Room 1")
    assert (entry.my_response_type, entry.legacy_free_busy_status) == ("NoResponseReceived", "Tentative")
    assert (entry.organizer.email_address, entry.is_meeting) == (ALICE, True)
    assert only(world, BOB)["is_organizer"] is False
    [letter] = world.inbox(ANN)
    raw = world.raw(ANN, letter["id"])
    assert b"method=REQUEST" in raw.replace(b'"', b"") or b"METHOD:REQUEST" in raw
    assert meeting.uid[:40].encode() in raw
    assert [item["subject"] for item in world.inbox(ALICE, "sentitems")] == ["Demo"]


def test_nobody_is_told_who_should_not_be(world: SandboxProcess, alice: Account) -> None:
    meeting = called(alice, "SendToNone")
    meeting.subject = "Big demo"
    meeting.save(update_fields=["subject"], send_meeting_invitations="SendToNone")
    meeting.delete(send_meeting_cancellations="SendToNone")
    assert left(world) == []
    assert world.act_items(BOB, APPOINTMENT) == []


@pytest.mark.parametrize(
    ("mode", "mails", "copies"),
    [
        ("SendOnlyToAll", [("update", ANN), ("update", BOB)], 0),
        ("SendToAllAndSaveCopy", [("update", ANN), ("update", BOB)], 1),
        ("SendOnlyToChanged", [("update", ANN), ("update", BOB)], 0),
        ("SendToNone", [], 0),
    ],
)
def test_an_update_goes_to_everybody(
    world: SandboxProcess, alice: Account, mode: str, mails: list[tuple[str, str]], copies: int
) -> None:
    meeting = called(alice, "SendOnlyToAll")
    left(world)
    meeting.location = "Room 2"
    meeting.save(update_fields=["location"], send_meeting_invitations=mode)
    assert left(world) == mails
    assert len(world.inbox(ALICE, "sentitems")) == copies
    assert only(world, BOB)["fields"]["location"] == ("Room 2" if mails else "Room 1")


@pytest.mark.parametrize(
    ("mode", "mails"),
    [
        ("SendOnlyToChanged", [("cancellation", ANN), ("request", "charlie@us.test")]),
        ("SendOnlyToAll", [("cancellation", ANN), ("request", "charlie@us.test"), ("update", BOB)]),
    ],
)
def test_a_changed_list_tells_who_came_and_who_went(
    world: SandboxProcess, alice: Account, mode: str, mails: list[tuple[str, str]]
) -> None:
    meeting = called(alice)
    left(world)
    meeting.required_attendees = [BOB, "charlie@us.test"]
    meeting.save(update_fields=["required_attendees"], send_meeting_invitations=mode)
    assert left(world) == mails


def test_a_meeting_first_kept_quiet_is_a_new_request_when_it_is_sent(world: SandboxProcess, alice: Account) -> None:
    meeting = called(alice, "SendToNone")
    meeting.location = "Room 2"
    meeting.save(update_fields=["location"], send_meeting_invitations="SendOnlyToAll")
    assert left(world) == [("request", ANN), ("request", BOB)]


def test_a_meeting_that_is_called_off_stays_in_the_calendar_as_such(
    world: SandboxProcess, alice: Account, bob: Account
) -> None:
    meeting = called(alice)
    left(world)
    meeting.move_to_trash(send_meeting_cancellations="SendToAllAndSaveCopy")
    assert left(world) == [("cancellation", ANN), ("cancellation", BOB)]
    entry = only(world, BOB)
    assert (entry["is_cancelled"], entry["fields"]["subject"]) == (True, "Canceled: Demo")
    assert entry["fields"]["show_as"] == "free"
    kinds = [type(item) for item in bob.inbox.all().order_by("datetime_received")]
    assert sorted(kind.__name__ for kind in kinds) == [MeetingCancellation.__name__, MeetingRequest.__name__]


def test_the_organizer_can_call_a_meeting_off_with_a_reply_object(world: SandboxProcess, alice: Account) -> None:
    meeting = called(alice)
    left(world)
    meeting.cancel(new_body="Sorry")
    assert left(world) == [("cancellation", ANN), ("cancellation", BOB)]
    assert world.act_items(ALICE, APPOINTMENT) == []


# Answers


@pytest.mark.parametrize(
    ("answer", "response", "busy"),
    [("accept", "Accept", "busy"), ("tentatively_accept", "Tentative", "tentative"), ("decline", "Decline", None)],
)
def test_an_answer_reaches_the_organizer(
    world: SandboxProcess, alice: Account, bob: Account, answer: str, response: str, busy: str | None
) -> None:
    meeting = called(alice)
    left(world)
    [request] = bob.inbox.all()
    getattr(request, answer)()
    assert left(world) == [("response", ALICE)]
    meeting, before = read(alice, meeting), meeting.changekey
    answers = {guest.mailbox.email_address: guest.response_type for guest in meeting.required_attendees}
    assert answers == {BOB: response, ANN: "Unknown"}
    assert meeting.changekey != before
    assert [item["fields"]["show_as"] for item in world.act_items(BOB, APPOINTMENT)] == ([busy] if busy else [])
    assert world.inbox(BOB) == []
    [letter] = alice.inbox.all()
    assert (type(letter), letter.response_type) == (MeetingResponse, response)


def test_an_answer_can_stay_at_home(world: SandboxProcess, alice: Account, bob: Account) -> None:
    called(alice)
    left(world)
    [entry] = bob.calendar.all()
    reference = ReferenceItemId(id=entry.id, changekey=entry.changekey)
    AcceptItem(account=bob, folder=bob.calendar, reference_item_id=reference).send("SaveOnly")
    assert (left(world), only(world, BOB)["my_response"]) == ([], "Accept")
    assert only(world, ALICE)["responses"][BOB] == "Unknown"


def test_the_organizer_cannot_accept(alice: Account) -> None:
    meeting = called(alice)
    with pytest.raises(ErrorCalendarIsOrganizerForAccept):
        meeting.accept()


def test_a_stranger_answers_too(world: SandboxProcess, alice: Account) -> None:
    meeting = called(alice)
    world.respond(ANN, meeting.uid, "accept", organizer=ALICE)
    assert only(world, ALICE)["responses"][ANN] == "Accept"
    with pytest.raises(Refused, match="no meeting with this UID"):
        world.respond(ANN, "nothing", "accept", organizer=ALICE)


def test_another_time_asks_everybody_again_and_another_room_does_not(world: SandboxProcess, alice: Account) -> None:
    meeting = called(alice)
    world.respond(BOB, meeting.uid, "accept")
    meeting = read(alice, meeting)
    meeting.location = "Room 2"
    meeting.save(update_fields=["location"], send_meeting_invitations="SendOnlyToAll")
    assert (only(world, BOB)["my_response"], only(world, ALICE)["responses"][BOB]) == ("Accept", "Accept")
    meeting.start, meeting.end = at(2, 11), at(2, 12)
    meeting.save(update_fields=["start", "end"], send_meeting_invitations="SendOnlyToAll")
    assert (only(world, BOB)["my_response"], only(world, ALICE)["responses"][BOB]) == ("NoResponseReceived", "Unknown")
    assert only(world, BOB)["fields"]["start"] == "2026-03-02T10:00:00Z"


def test_bob_deleting_his_copy_declines_only_if_he_says_so(world: SandboxProcess, alice: Account, bob: Account) -> None:
    called(alice)
    left(world)
    [entry] = bob.calendar.all()
    entry.delete(send_meeting_cancellations="SendToNone")
    assert left(world) == []
    world.put_act_item(BOB, APPOINTMENT, {"subject": "Lunch", "start": "2026-03-02T11:00:00Z", "end": "2026-03-02T12:00:00Z",
                                          "organizer": [{"address": ALICE, "name": "Alice"}]})  # fmt: skip
    [entry] = bob.calendar.all()
    entry.delete(send_meeting_cancellations="SendOnlyToAll")
    assert left(world) == [("response", ALICE)]


def test_what_bob_changes_in_his_copy_is_told_to_nobody(world: SandboxProcess, alice: Account, bob: Account) -> None:
    called(alice)
    left(world)
    [entry] = bob.calendar.all()
    entry = read(bob, entry)
    entry.subject = "Boring demo"
    entry.save(update_fields=["subject"], send_meeting_invitations="SendToAllAndSaveCopy")
    assert (left(world), only(world, ALICE)["fields"]["subject"]) == ([], "Demo")


# Series


def series(alice: Account) -> CalendarItem:
    recurrence = Recurrence(pattern=DailyPattern(interval=1), start=EWSDate(2026, 3, 2), number=4)
    return called(alice, recurrence=recurrence)


def test_a_series_arrives_as_a_series(world: SandboxProcess, alice: Account, bob: Account) -> None:
    master = series(alice)
    assert left(world) == [("request", ANN), ("request", BOB)]
    [entry] = bob.calendar.all()
    entry = read(bob, entry)
    assert (entry.type, entry.uid, entry.is_recurring) == ("RecurringMaster", master.uid, True)
    assert len(list(bob.calendar.view(start=at(1, 0), end=at(9, 0)))) == 4


def test_a_moved_and_a_cancelled_occurrence_reach_bob_alone_in_his_series(
    world: SandboxProcess, alice: Account, bob: Account
) -> None:
    master = series(alice)
    left(world)
    second = read(alice, master.occurrence(2))
    second.start, second.end = at(3, 15), at(3, 16)
    second.save(update_fields=["start", "end"], send_meeting_invitations="SendOnlyToAll")
    assert [(mail["kind"], mail["original_start"]) for mail in world.meeting_mails()] == [
        ("update", "2026-03-03T08:00:00Z"),
        ("update", "2026-03-03T08:00:00Z"),
    ]
    left(world)
    read(alice, master.occurrence(3)).delete(send_meeting_cancellations="SendOnlyToAll")
    assert left(world) == [("cancellation", ANN), ("cancellation", BOB)]
    shown = list(bob.calendar.view(start=at(1, 0), end=at(9, 0)))
    assert [(item.subject, item.start.astimezone(PARIS).hour) for item in shown] == [
        ("Demo", 9),
        ("Demo", 15),
        ("Canceled: Demo", 9),
        ("Demo", 9),
    ]
    changed = only(world, BOB)["changed"]
    assert [kept["original_start"] for kept in changed] == ["2026-03-03T08:00:00Z", "2026-03-04T08:00:00Z"]
    assert only(world, ALICE)["removed"] == ["2026-03-04T08:00:00Z"]


def test_one_who_is_invited_to_one_occurrence_has_it_by_itself(world: SandboxProcess, alice: Account) -> None:
    world.account("carl@us.test")
    second = read(alice, series(alice).occurrence(2))
    second.optional_attendees = ["carl@us.test"]
    left(world)
    second.save(update_fields=["optional_attendees"], send_meeting_invitations="SendOnlyToChanged")
    assert left(world) == [("request", "carl@us.test")]
    entry = only(world, "carl@us.test")["fields"]
    assert (entry["start"], entry["recurrence"]) == ("2026-03-03T08:00:00Z", None)


def test_one_occurrence_can_be_answered_by_itself(world: SandboxProcess, alice: Account, bob: Account) -> None:
    master = series(alice)
    shown = list(bob.calendar.view(start=at(1, 0), end=at(9, 0)))
    shown[1].decline()
    assert len(list(bob.calendar.view(start=at(1, 0), end=at(9, 0)))) == 3
    second = read(alice, master.occurrence(2))
    assert [guest.response_type for guest in second.required_attendees] == ["Decline", "Unknown"]
    first = read(alice, master.occurrence(1))
    assert [guest.response_type for guest in first.required_attendees] == ["Unknown", "Unknown"]


def test_a_request_whose_meeting_is_gone_cannot_be_answered(
    world: SandboxProcess, alice: Account, bob: Account
) -> None:
    called(alice)
    world.delete_act_item(BOB, APPOINTMENT, only(world, BOB)["id"], for_good=True)
    [request] = bob.inbox.all()
    with pytest.raises(ErrorItemNotFound):
        request.accept()


def test_an_address_that_refuses_mail_comes_back_to_the_organizer(world: SandboxProcess, alice: Account) -> None:
    called(alice, required_attendees=["permerror@acme.test"])
    assert left(world) == [("request", "permerror@acme.test")]
    assert [item["subject"] for item in world.inbox(ALICE)] == ["Undeliverable: Demo"]
