"""Alice's calendar, tasks and contacts in the console: what she sees, writes, answers and takes back (10, 12.1)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.serversync.console.calendar_rows import Calendar, at, linked, open_calendar
from tests.serversync.console.people import mailbox
from tracking.crm.models import ActivityParty, Appointment, Contact, RecurringAppointmentMaster, Task
from tracking.crm.models.states import AppointmentStatus, TaskStatus
from tracking.facts.calendar.agenda import entries
from tracking.facts.calendar.pairs import Standing, pairs, states_in
from tracking.models import ExchangeSyncIdMapping, SyncFilter, SyncQuestion

pytestmark = pytest.mark.django_db


@pytest.fixture
def calendar() -> Calendar:
    return open_calendar()


@pytest.fixture
def alice(calendar: Calendar) -> Client:
    return browser(calendar.alices.regarding_user)


@pytest.fixture
def root(calendar: Calendar) -> Client:
    return browser(get_user_model().objects.create_superuser("root", "root@us.test"))


def browser(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(client: Client, name: str, *args: Any, query: str = "") -> str:
    """The page, as text with one space between words."""
    answer = client.get(reverse(name, args=args) + query)
    assert answer.status_code == 200, answer.status_code
    return " ".join(answer.content.decode().split())


def press(client: Client, name: str, *args: Any, **data: Any) -> str:
    """Press a button, and read the page that comes."""
    answer = client.post(reverse(name, args=args), data, follow=True)
    assert answer.status_code == 200, answer.status_code
    return " ".join(answer.content.decode().split())


def written(monday: date, **changes: Any) -> dict[str, Any]:
    """An appointment as it is typed: Friday from two to three."""
    friday = (monday + timedelta(days=4)).isoformat()
    return {
        "subject": "Review",
        "start_day": friday,
        "start_time": "14:00",
        "end_day": friday,
        "end_time": "15:00",
        "zone": "Europe/Berlin",
        "show_as": "busy",
        "priority": "1",
        "interval": "1",
        "ends": "never",
    } | changes


# Looking


def test_the_calendar_shows_every_occurrence_in_the_zone_of_whoever_looks(calendar: Calendar, alice: Client) -> None:
    for view in ("agenda", "week"):  # 10.4
        page = text(alice, "calendar:agenda", query=f"?view={view}&day={calendar.monday}")
        assert page.count("Monday meeting") >= 2
        assert "10:00–11:30" in page
        assert "Talk with Dora" in page
        assert "Times are those of Europe/Berlin." in page


def test_whole_days_stay_on_their_days_in_every_zone(calendar: Calendar) -> None:  # 10.8
    alice = calendar.alices.regarding_user_id or 0
    for zone in ("Pacific/Auckland", "America/Los_Angeles"):
        first, last = calendar.monday, calendar.monday + timedelta(days=6)
        [fair] = [one for one in entries(alice, first, last, ZoneInfo(zone)) if one.subject == "Fair"]
        assert (fair.first, fair.last) == (first + timedelta(days=3), first + timedelta(days=4))


def test_charlie_sees_nothing_of_it(calendar: Calendar) -> None:
    charlie = browser(mailbox("Charlie").regarding_user)
    assert "Talk with Dora" not in text(charlie, "calendar:agenda")
    assert charlie.get(reverse("calendar:item", args=["appointment", calendar.talk.pk])).status_code == 404
    assert charlie.post(reverse("calendar:settle", args=[calendar.failed.pk]), {"do": "retry"}).status_code == 404


def test_bob_who_is_invited_sees_the_meeting_and_changes_nothing(calendar: Calendar) -> None:  # 10.2.4
    bobs = mailbox("Bob")
    ActivityParty.objects.filter(participation_type_mask=5).update(
        party_type=ContentType.objects.get_for_model(get_user_model()),
        party_id=str(bobs.regarding_user_id),
    )
    bob = browser(bobs.regarding_user)
    page = text(bob, "calendar:item", "appointment", calendar.talk.pk)
    assert "Talk with Dora" in page
    assert "Delete it" not in page
    assert bob.get(reverse("calendar:edit", args=["appointment", calendar.talk.pk])).status_code == 403


def test_an_administrator_sees_how_it_is_doing_and_not_what_it_says(calendar: Calendar) -> None:
    user = get_user_model().objects.create_user("ada", "ada@us.test", is_staff=True)
    user.groups.add(Group.objects.get(name="administrator"))
    ada, pk = browser(user), calendar.alices.pk
    for name in ("agenda", "tasks", "waiting", "problems", "bin", "start"):
        page = text(ada, f"calendars:{name}", pk)
        for secret in ("Talk with Dora", "Write the offer", "dora@them.test", "too long for the server", "An old task"):
            assert secret not in page, name
    page = text(ada, "calendars:item", pk, "appointment", calendar.talk.pk)
    assert "Room 3" not in page
    assert "Held: it would mail people" in page


def test_who_may_read_others_mail_reads_it_and_leaves_a_line(calendar: Calendar, root: Client, alice: Client) -> None:
    assert "Talk with Dora" in text(root, "calendars:item", calendar.alices.pk, "appointment", calendar.talk.pk)
    assert "Read somebody else’s item." in text(alice, "calendar:item", "appointment", calendar.talk.pk)
    private = text(root, "calendars:item", calendar.alices.pk, "appointment", calendar.holiday.pk)
    assert "Fair" not in private


def test_what_is_private_stays_closed_in_lists_too(calendar: Calendar, root: Client) -> None:
    calendar.talk.is_mapi_private = True
    calendar.talk.save()
    for name in ("waiting", "problems"):
        page = text(root, f"calendars:{name}", calendar.alices.pk)
        assert "Talk with Dora" not in page, name
        assert "dora@them.test" not in page, name


def test_an_item_shows_both_sides_and_what_was_agreed(calendar: Calendar, alice: Client) -> None:  # 10.1 h
    Appointment.objects.filter(pk=calendar.talk.pk).update(location="Room 9")
    page = text(alice, "calendar:item", "appointment", calendar.talk.pk)
    assert "Room 9 <strong>changed since</strong>" in page
    assert "what the attendees of a meeting were told counts" in page


def test_every_state_of_a_copy_has_words(calendar: Calendar) -> None:
    found = states_in(calendar.alices)
    by_row = {one.row.pk: one.standing for one in pairs(ExchangeSyncIdMapping.objects.all())}
    assert by_row[calendar.failed.pk] is Standing.FAILED
    assert by_row[calendar.asked.pk] is Standing.ASKED
    assert by_row[calendar.held.mapping_id] is Standing.HELD
    assert found["appointment"] == {Standing.HELD: 1, Standing.LINKED: 1}
    assert found["task"] == {Standing.FAILED: 1}


def test_lists_cost_the_same_however_long(
    calendar: Calendar, alice: Client, django_assert_max_num_queries: Any
) -> None:
    now = timezone.now()
    for number in range(20):
        task = Task.objects.create(
            owner=calendar.alices.regarding_user, subject=f"Task {number}", created_on=now, scheduled_end=now
        )
        linked(task, calendar.alices)
    with django_assert_max_num_queries(32):
        alice.get(reverse("calendar:tasks"))
    with django_assert_max_num_queries(32):
        alice.get(reverse("calendar:agenda"))


# Writing


def test_alice_plans_a_meeting_and_is_its_organizer(calendar: Calendar, alice: Client) -> None:  # 10.2.4
    data = written(calendar.monday, required="Dora <dora@them.test>", location="Room 1")
    assert "Saved." in press(alice, "calendar:new", "appointment", **data)
    made = Appointment.objects.get(subject="Review")
    assert made.scheduled_start == at(calendar.monday + timedelta(days=4), 14)
    roles = {one.participation_type_mask: one.address_used for one in made.parties.all()}
    assert roles == {7: "alice@us.test", 5: "dora@them.test"}
    assert made.status_code == AppointmentStatus.BUSY
    assert "alice: Made." in text(alice, "calendar:item", "appointment", made.pk)


def test_a_mistake_is_told_and_nothing_is_lost(calendar: Calendar, alice: Client) -> None:
    for changes, words in (
        ({"end_time": "13:00"}, "It ends before it begins. Choose a later time."),
        ({"start_time": ""}, "Enter a time, such as 09:30"),
        ({"required": "Nobody"}, "Nobody that you may see is called “Nobody”"),
        ({"repeats": "weekly", "ends": "count"}, "Enter how many times it takes place."),
        ({"repeats": "weekly", "weekdays": ["0"], "ends": "never"}, "The pattern first occurs on"),
        ({"regarding_name": "No such record"}, "There is no record that you may see called"),
    ):
        answer = alice.post(reverse("calendar:new", args=["appointment"]), written(calendar.monday, **changes))
        assert answer.status_code == 422
        page = answer.content.decode()
        assert words in page
        assert 'value="Review"' in page
    assert not Appointment.objects.filter(subject="Review").exists()


def test_a_series_becomes_single_and_keeps_its_copies(calendar: Calendar, alice: Client) -> None:  # 10.4
    mapping = ExchangeSyncIdMapping.objects.get(object_id=str(calendar.weekly.pk))
    address = reverse("calendar:edit", args=["series", calendar.weekly.pk])
    version = alice.get(address).context["version"]
    alice.post(address, written(calendar.monday, subject="Only once", version=version))
    single = Appointment.objects.get(subject="Only once")
    mapping.refresh_from_db()
    assert mapping.object == single
    assert not RecurringAppointmentMaster.objects.exists()


def test_what_was_changed_meanwhile_is_not_overwritten_unseen(calendar: Calendar, alice: Client) -> None:
    address = reverse("calendar:edit", args=["task", calendar.task.pk])
    data = {"subject": "Mine", "status": "2", "priority": "1", "version": alice.get(address).context["version"]}
    calendar.task.subject = "Theirs"
    calendar.task.save()
    answer = alice.post(address, data)
    assert "It was changed since you opened it" in answer.content.decode()
    assert alice.post(address, data | {"version": answer.context["version"]}).status_code == 302
    assert Task.objects.get().subject == "Mine"


def test_one_occurrence_is_taken_out_and_the_others_stay(calendar: Calendar, alice: Client) -> None:  # 10.4
    wednesday = at(calendar.monday + timedelta(days=2), 9)
    data = {"do": "take-out", "occurrence": f"{wednesday:%Y%m%dT%H%M%SZ}"}
    press(alice, "calendar:act", "series", calendar.weekly.pk, **data)
    page = text(alice, "calendar:agenda", query=f"?day={calendar.monday}")
    assert page.count("Monday meeting") == 3  # two weeks of two, less one


def test_one_occurrence_is_changed_and_the_others_stay(calendar: Calendar, alice: Client) -> None:  # 10.4
    monday = at(calendar.monday, 9)
    day = calendar.monday.isoformat()
    key = f"{monday:%Y%m%dT%H%M%SZ}"
    address = reverse("calendar:occurrence", args=[calendar.weekly.pk, key])
    assert "Monday meeting" in alice.get(address).content.decode()
    data = {"subject": "Kick-off", "start_day": day, "start_time": "11:00", "end_day": day, "end_time": "12:00"}
    assert alice.post(address, data).status_code == 302
    page = text(alice, "calendar:agenda", query=f"?day={calendar.monday}")
    assert "Kick-off" in page
    assert page.count("Monday meeting") == 3
    assert RecurringAppointmentMaster.objects.get().exceptions.get().modified_fields_mask == "end start subject"


@pytest.mark.parametrize(
    ("do", "status"),
    [("complete", TaskStatus.COMPLETED), ("cancel", TaskStatus.CANCELED), ("reopen", TaskStatus.IN_PROGRESS)],
)
def test_a_task_is_closed_and_reopened(calendar: Calendar, alice: Client, do: str, status: int) -> None:  # 10.7
    press(alice, "calendar:act", "task", calendar.task.pk, do=do)
    calendar.task.refresh_from_db()
    assert calendar.task.status_code == status
    assert (calendar.task.actual_end is not None) == (do == "complete")


def test_what_is_deleted_here_is_noted_for_its_copies(calendar: Calendar, alice: Client) -> None:  # 10.1 i
    press(alice, "calendar:act", "task", calendar.task.pk, do="delete")
    calendar.failed.refresh_from_db()
    assert not Task.objects.exists()
    assert calendar.failed.from_crm_change_type == 3
    assert calendar.alices.legs.get(leg=2).requested_on is not None


def test_a_contact_is_written_with_all_its_addresses(calendar: Calendar, alice: Client) -> None:  # 10.6
    press(alice, "calendar:new", "contact", first_name="Erik", last_name="Eng", address_3_city="Oslo")
    erik = Contact.objects.get(last_name="Eng")
    assert (erik.full_name, erik.address_3_city, erik.owner) == ("Erik Eng", "Oslo", calendar.alices.regarding_user)


# Answering and taking back


def test_a_failed_item_is_tried_again(calendar: Calendar, alice: Client) -> None:  # 12.1
    page = text(alice, "calendar:problems")
    assert "The subject is too long for the server." in page
    assert "Waits for you:" in page
    press(alice, "calendar:settle", calendar.failed.pk, do="retry")
    calendar.failed.refresh_from_db()
    # One attempt is remembered: it may have left something on the server (law 7).
    assert (calendar.failed.retries, calendar.failed.next_attempt_on is not None) == (1, True)


@pytest.mark.parametrize(("do", "answer"), [("yes", 1), ("no", 2)])
def test_a_question_is_answered_once(calendar: Calendar, alice: Client, do: str, answer: int) -> None:  # 10.1 k
    assert "It was deleted in Exchange. Delete it here as well?" in text(alice, "calendar:waiting")
    press(alice, "calendar:settle", calendar.asked.pk, do=do)
    assert "answered already" in press(alice, "calendar:settle", calendar.asked.pk, do="yes")
    calendar.asked.refresh_from_db()
    assert (calendar.asked.user_decision, calendar.asked.decided_by) == (answer, calendar.alices.regarding_user)


def test_whether_two_contacts_are_the_same_is_asked_with_the_reason(
    calendar: Calendar, alice: Client
) -> None:  # 10.1 k
    facts = {"subject": "A. Ray", "record": str(calendar.ann.pk), "score": 70, "because": "the same email address"}
    ExchangeSyncIdMapping.objects.filter(pk=calendar.asked.pk).update(
        question=SyncQuestion.SAME_RECORD, question_facts=facts, item_subject="", object_id=""
    )
    page = text(alice, "calendar:waiting")
    for words in (
        "A. Ray",
        "Is it the same person?",
        ">Ann Ray, ann@them.test</a></dd>",
        "70 %",
        "the same email address",
    ):
        assert words in page, words
    press(alice, "calendar:settle", calendar.asked.pk, do="no")
    calendar.asked.refresh_from_db()
    assert calendar.asked.user_decision == 2


def test_held_mail_names_its_people_and_is_approved_in_bulk(calendar: Calendar, alice: Client) -> None:  # 10.2
    page = text(alice, "calendar:waiting")
    assert "dora@them.test, erik@them.test" in page
    assert "Approved: the mail about one meeting leaves" in press(
        alice, "calendar:decide_writes", do="approve", held=[calendar.held.pk]
    )
    calendar.held.refresh_from_db()
    assert (calendar.held.decision, calendar.held.mapping.next_attempt_on is not None) == (1, True)
    assert "Nothing was changed" in press(alice, "calendar:decide_writes", do="refuse", held=[calendar.held.pk])


@pytest.mark.parametrize(("do", "unlinked"), [("approve", False), ("refuse", True)])
def test_deletions_in_mass_are_decided(calendar: Calendar, alice: Client, do: str, unlinked: bool) -> None:  # law 9
    assert "60 of 70 contacts would be deleted here" in text(alice, "calendar:waiting")
    press(alice, "calendar:decide_deletion", calendar.deletion.pk, do=do)
    calendar.lost.refresh_from_db()
    assert calendar.lost.is_unlinked_in_crm == unlinked
    assert (calendar.lost.user_decision == 1) == (not unlinked)
    assert Contact.objects.count() == 2


def test_a_conflict_is_undone_field_by_field(calendar: Calendar, alice: Client) -> None:  # 10.1 h
    press(alice, "calendar:undo", calendar.conflict.pk)
    assert Appointment.objects.get(pk=calendar.talk.pk).location == "Room 2"
    assert "It was undone already." in press(alice, "calendar:undo", calendar.conflict.pk)


def test_what_was_deleted_is_restored_once(calendar: Calendar, alice: Client) -> None:  # law 9
    assert "An old task" in text(alice, "calendar:bin")
    press(alice, "calendar:restore", calendar.recycled.pk)
    assert Task.objects.filter(subject="An old task").count() == 1
    assert "It was restored already." in press(alice, "calendar:restore", calendar.recycled.pk)


# What nobody types


@pytest.mark.parametrize("moment", ["00010101T000000Z", "99991231T235959Z", "20200101T000000Z"])
def test_only_an_occurrence_of_the_series_is_taken_out(calendar: Calendar, alice: Client, moment: str) -> None:  # 10.4
    pk = calendar.weekly.pk
    assert alice.get(reverse("calendar:item", args=["series", pk]) + f"?occurrence={moment}").status_code == 200
    page = press(alice, "calendar:act", "series", pk, do="take-out", occurrence=moment)
    assert "Nothing was changed." in page
    assert RecurringAppointmentMaster.objects.get(pk=pk).deleted_exceptions_list == []


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_days_at_the_ends_of_the_calendar_are_refused_by_name(calendar: Calendar, alice: Client, day: str) -> None:
    for kind, typed in (
        ("appointment", written(calendar.monday, start_day=day, end_day=day)),
        ("task", {"subject": "Late", "due": day, "status": TaskStatus.NOT_STARTED, "priority": "1"}),
    ):
        answer = alice.post(reverse("calendar:new", args=[kind]), typed)
        assert answer.status_code == 422
        assert "Enter a day " in answer.content.decode()


def test_what_no_database_holds_is_left_out_of_a_search(alice: Client) -> None:
    assert 'value="Ann"' in text(alice, "calendar:contacts", query="?q=A%00nn")
    assert alice.get(reverse("compose:records") + "?q=A%00nn+Ray").json()["found"]


def test_a_filter_that_names_nobody_breaks_no_page(calendar: Calendar, alice: Client) -> None:
    for number, person in enumerate(("²", "9" * 30)):
        asked = {"all": [{"field": "owner", "operator": "is", "values": [person]}]}
        SyncFilter.objects.create(
            owner=calendar.alices.regarding_user, name=f"Odd {number}", record_kind="task", conditions=asked
        )
    assert text(alice, "calendar:filters").count("it needs people. It lets nothing through.") == 2
    assert text(alice, "calendar:start")
