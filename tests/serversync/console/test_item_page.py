"""What the page of one item tells, in whose time, and what a button of it would cause (10.1 h, 10.8, 12.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes.models import Mailbox
from tests.serversync.console.calendar_rows import Calendar, at
from tests.serversync.console.test_calendar_pages import alice, browser, calendar, press, root, text
from tracking.crm.models import Contact, RecurringAppointmentMaster, Task
from tracking.decide.act_values import to_json
from tracking.decide.field_maps import RecordKind
from tracking.facts.act.kinds import content_type_of
from tracking.models import ExchangeSyncIdMapping, RecycledItem, SyncConflict

__all__ = ["alice", "calendar", "root"]
pytestmark = pytest.mark.django_db


def test_times_are_those_of_whoever_looks_and_say_so(calendar: Calendar, alice: Client, root: Client) -> None:
    tuesday = calendar.monday + timedelta(days=1)
    page = text(alice, "calendar:item", "appointment", calendar.talk.pk)
    assert f"<dd>Tue {tuesday} 10:00 – 11:30</dd>" in page
    assert "<dd>Europe/Berlin</dd>" in page
    page = text(root, "calendars:item", calendar.alices.pk, "appointment", calendar.talk.pk)
    assert f"<dd>Tue {tuesday} {at(tuesday, 10):%H:%M} – {at(tuesday, 11, 30):%H:%M}</dd>" in page
    assert "UTC; it was meant in Europe/Berlin" in page


def test_a_task_is_due_on_a_day(calendar: Calendar, alice: Client) -> None:  # 10.7
    Task.objects.filter(pk=calendar.task.pk).update(scheduled_end=at(calendar.monday, 0))
    assert f"<dd>Mon {calendar.monday}</dd>" in text(alice, "calendar:item", "task", calendar.task.pk)


def test_fields_that_say_nothing_on_either_side_are_left_out(calendar: Calendar, alice: Client) -> None:  # 10.8
    page = text(alice, "calendar:item", "contact", calendar.ann.pk)
    assert '<th scope="row">Email</th>' in page
    assert "Spouse" not in page
    Contact.objects.filter(pk=calendar.ann.pk).update(spouses_name="Sam")
    assert "Sam <strong>changed since</strong>" in text(alice, "calendar:item", "contact", calendar.ann.pk)


def test_undoing_says_that_it_mails_people(calendar: Calendar, alice: Client) -> None:  # 10.1 h, 10.2.2
    assert "Whoever is invited is told of it." in text(alice, "calendar:problems")
    ExchangeSyncIdMapping.objects.filter(pk=calendar.conflict.mapping_id).update(agreed={"subject": "Alone"})
    assert "Whoever is invited is told of it." not in text(alice, "calendar:problems")
    page = press(alice, "calendar:undo", calendar.conflict.pk)
    assert "was taken" in page
    assert "Undone" in page


def occurrence_conflict(calendar: Calendar, original: datetime) -> SyncConflict:
    return SyncConflict.objects.create(
        mailbox=calendar.alices,
        kind="appointment",
        object_type=content_type_of(RecordKind.SERIES),
        object_id=str(calendar.weekly.pk),
        original_start=original,
        field="location",
        before=to_json("Room 1"),
        ours=to_json("Cellar"),
        theirs=to_json("Attic"),
        taken="exchange",
        rule="newest",
        occurred_on=timezone.now(),
    )


def test_a_conflict_about_one_occurrence_is_undone_for_it_alone(calendar: Calendar, alice: Client) -> None:  # 10.4
    original = at(calendar.monday, 9)
    one = occurrence_conflict(calendar, original)
    address = reverse("calendar:undo", args=[one.pk])
    assert address in text(alice, "calendar:item", "series", calendar.weekly.pk)
    press(alice, "calendar:undo", one.pk)
    series = RecurringAppointmentMaster.objects.get(pk=calendar.weekly.pk)
    assert (series.location, series.exceptions.get().location) == ("", "Cellar")
    key = f"{original.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    page = text(alice, "calendar:item", "series", calendar.weekly.pk, query=f"?occurrence={key}")
    assert f"The occurrence of Mon {calendar.monday} 09:00" in page
    assert "<dt>Where</dt><dd>Cellar</dd>" in page


def test_a_moved_occurrence_says_where_it_was_and_where_it_is(calendar: Calendar, alice: Client) -> None:  # 10.4
    original, day = at(calendar.monday, 9), calendar.monday.isoformat()
    key = f"{original.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    data = {"subject": "Kick-off", "start_day": day, "start_time": "11:00", "end_day": day, "end_time": "12:00"}
    assert alice.post(reverse("calendar:occurrence", args=[calendar.weekly.pk, key]), data).status_code == 302
    page = text(alice, "calendar:item", "series", calendar.weekly.pk, query=f"?occurrence={key}")
    assert f"The occurrence of Mon {day} 09:00" in page
    assert f"<dd>Mon {day} 11:00 – 12:00</dd><dt>Subject</dt><dd>Kick-off</dd>" in page


@pytest.mark.parametrize("people", [True, False])
def test_restoring_a_meeting_says_that_people_are_invited_again(
    calendar: Calendar, alice: Client, people: bool
) -> None:  # 10.2, law 9
    fields: dict[str, Any] = {"subject": "Review"}
    fields |= {"required": {"people": [["dora@them.test", "Dora"]]}} if people else {"required": {"texts": []}}
    RecycledItem.objects.filter(pk=calendar.recycled.pk).update(
        kind="appointment", object_type=content_type_of(RecordKind.APPOINTMENT), snapshot={"fields": fields}
    )
    page = text(alice, "calendar:bin")
    assert "Review" in page
    assert ("Whoever was invited is invited again" in page) is people


def test_what_never_synchronized_is_called_by_its_record(calendar: Calendar, alice: Client) -> None:  # 12.1
    ExchangeSyncIdMapping.objects.filter(pk=calendar.failed.pk).update(item_subject="", agreed={})
    page = text(alice, "calendar:problems")
    assert "(no subject)" not in page
    assert "Write the offer" in page
    assert "Problems <strong" in page


def test_who_has_no_mailbox_is_shown_no_way_to_what_needs_one(calendar: Calendar) -> None:
    person = get_user_model().objects.create_user("charlie", "charlie@us.test")
    Mailbox.objects.filter(regarding_user=person).delete()
    charlie = browser(person)
    page = text(charlie, "calendar:agenda")
    assert "Nothing of it is synchronized with a server:" in page
    for name in ("waiting", "problems", "bin", "start"):
        assert f'href="{reverse(f"calendar:{name}")}"' not in page, name
        assert charlie.get(reverse(f"calendar:{name}")).status_code == 404
