"""What is synchronized, and which way: filters with a live count, fields, and what the next run would do (10.1, 10.8)."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.company import decide
from tests.serversync.console.calendar_rows import Calendar
from tests.serversync.console.test_calendar_pages import alice, calendar, press, root, text, written
from tracking.crm.models import Appointment
from tracking.models import SyncAttributeMapping, SyncFilter

__all__ = ["alice", "calendar", "root"]
pytestmark = pytest.mark.django_db


def test_a_field_goes_another_way_and_fixed_ones_do_not(root: Client, calendar: Calendar) -> None:  # 10.8
    address = reverse("synchronizing:fields")
    answer = root.post(address, {"kind": "contact", "way-spouse": "0", "way-nickname": "3"}, follow=True)
    assert "Saved: 1 field goes another way now." in answer.content.decode()
    assert list(SyncAttributeMapping.objects.values_list("field", "sync_direction")) == [("spouse", 0)]
    answer = root.post(address, {"kind": "contact", "way-first_name": "0"})
    assert "The direction of “First name” is fixed." in answer.content.decode()
    assert SyncAttributeMapping.objects.count() == 1


def test_the_filter_editor_counts_while_it_is_edited(calendar: Calendar, alice: Client) -> None:  # 10.1 b
    [row] = SyncFilter.objects.filter(owner=calendar.alices.regarding_user)
    address = reverse("calendar:filter", args=[row.pk])
    assert "1 task</strong> now: owner is me" in " ".join(alice.get(address).content.decode().split())
    typed = {
        "name": "Urgent",
        "is_active": "yes",
        "join": "all",
        "field-0": "owner",
        "operator-0": "is",
        "value-0": "me",
        "field-1": "priority",
        "operator-1": "is_one_of",
        "value-1": ["high"],
        "group-1": "A",
        "field-2": "due",
        "operator-2": "is_empty",
        "group-2": "A",
    }
    part = alice.post(address, typed, headers={"HX-Request": "true"}).content.decode()
    assert "0 tasks</strong> now: owner is me and (priority is high or due day is empty)" in " ".join(part.split())
    assert alice.post(address, typed | {"do": "save"}).status_code == 302
    row.refresh_from_db()
    assert row.conditions == {
        "all": [
            {"field": "owner", "operator": "is", "values": ["me"]},
            {
                "any": [
                    {"field": "priority", "operator": "is_one_of", "values": ["high"]},
                    {"field": "due", "operator": "is_empty", "values": []},
                ]
            },
        ]
    }


def test_a_filter_that_is_wrong_says_why(calendar: Calendar, alice: Client) -> None:
    address = reverse("calendar:new_filter")
    answer = alice.post(
        address,
        {"kind": "task", "name": "Late", "do": "save", "field-0": "due", "operator-0": "in_last_days", "value-0": "x"},
    )
    assert answer.status_code == 422
    assert "“due”: it needs a number of days." in answer.content.decode()


def test_a_template_of_the_organization_is_applied(calendar: Calendar, alice: Client, root: Client) -> None:  # 10.1 c
    press(root, "synchronizing:propose")
    template = SyncFilter.objects.get(owner=None, name="My active contacts")
    assert "My active contacts" in text(alice, "calendar:filters")
    press(alice, "calendar:apply_template", template.pk)
    press(alice, "calendar:apply_template", template.pk)
    made = SyncFilter.objects.get(owner=calendar.alices.regarding_user, record_kind="contact")
    assert (made.template, made.conditions) == (template, template.conditions)


def test_the_first_run_is_foreseen_in_numbers(calendar: Calendar, alice: Client) -> None:  # 10.1 f
    page = alice.get(reverse("calendar:start"))
    [tasks] = [one for one in page.context["previews"] if one["kind"] == "task"]
    assert (tasks["wanted"], tasks["linked"], tasks["to_come"]) == (1, 1, 0)


def foreseen(alice: Client) -> list[tuple[str, str, list[str], bool]]:
    page = alice.get(reverse("calendar:start"))
    return [(one["what"], one["about"], one["people"], one["is_held"]) for one in page.context["mails"]]


def test_meeting_mails_are_foreseen_before_anything_leaves(calendar: Calendar, alice: Client) -> None:  # 10.2
    row = calendar.held.mapping
    row.crm_modified_on = Appointment.objects.get(pk=calendar.talk.pk).modified_on
    row.save()
    assert foreseen(alice) == []
    Appointment.objects.filter(pk=calendar.talk.pk).update(location="Room 9", modified_on=timezone.now())
    assert foreseen(alice) == [("Update of a meeting", "Talk with Dora", ["dora@them.test"], False)]
    decide(meeting_mails_per_run=1)
    everybody = {"all": [{"field": "owner", "operator": "is", "values": ["me"]}]}
    SyncFilter.objects.create(
        owner=calendar.alices.regarding_user, name="All", record_kind="appointment", conditions=everybody
    )
    data = written(calendar.monday, required="erik@them.test", start_day="2099-01-02", end_day="2099-01-02")
    press(alice, "calendar:new", "appointment", **data)
    assert foreseen(alice) == [
        ("Invitation", "Review", ["erik@them.test"], False),
        ("Update of a meeting", "Talk with Dora", ["dora@them.test"], True),
    ]
    press(alice, "calendar:act", "appointment", calendar.talk.pk, do="delete")
    assert foreseen(alice)[1] == ("Cancellation", "Talk with Dora", ["dora@them.test"], True)
