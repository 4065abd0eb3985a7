"""Alice plans who renders a service at Contoso, and Bob sees it in his calendar (10.5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from tests.serversync.console.calendar_rows import Calendar, at, linked, open_calendar
from tests.serversync.console.people import mailbox
from tests.serversync.console.test_calendar_pages import browser, press, text
from tracking.crm.models import Account, ActivityParty, Case, Participation, ServiceAppointment
from tracking.crm.models.states import ActivityState, AppointmentStatus
from tracking.facts.act.service_activities import names_in, renders
from tracking.keep.act.service_activities import set_people

pytestmark = pytest.mark.django_db


@pytest.fixture
def calendar() -> Calendar:
    return open_calendar()


@pytest.fixture
def bob(calendar: Calendar) -> Any:
    return mailbox("Bob", calendar.alices.email_server_profile).regarding_user


def typed(calendar: Calendar, **changes: Any) -> dict[str, Any]:
    """What Alice types into the form."""
    day = f"{calendar.monday:%Y-%m-%d}"
    return {
        "subject": "Maintenance",
        "start_day": day,
        "start_time": "09:00",
        "end_day": day,
        "end_time": "11:00",
        "zone": "Europe/Berlin",
        "resources": "alice@us.test, bob@us.test",
        "show_as": "busy",
        "priority": "1",
        "location": "Hall 3",
    } | changes


def contoso(owner: Any) -> Account:
    """An account that its owner may see."""
    for name in ("account", "case"):
        owner.user_permissions.add(Permission.objects.get(codename=f"view_{name}"))
    return Account.objects.create(name="Contoso", owner=owner)


def service(calendar: Calendar, *users: Any, **columns: Any) -> ServiceAppointment:
    start = at(calendar.monday, 9)
    alice: Any = calendar.alices.regarding_user
    found = ServiceAppointment.objects.create(
        subject="Maintenance",
        scheduled_start=start,
        scheduled_end=start + timedelta(hours=2),
        owner=alice,
        created_on=start,
        state_code=ActivityState.SCHEDULED,
        **columns,
    )
    set_people(found, Participation.RESOURCE, users or [alice])
    return found


def test_alice_writes_a_service_activity(calendar: Calendar, bob: Any) -> None:  # 10.5
    alice: Any = calendar.alices.regarding_user
    account = contoso(alice)
    page = press(browser(alice), "calendar:new", "service", **typed(calendar, customer_1_name=account.name))
    found = ServiceAppointment.objects.get()
    assert (found.state_code, found.status_code) == (ActivityState.SCHEDULED, AppointmentStatus.BUSY)
    assert (found.scheduled_start, found.owner) == (at(calendar.monday, 9), alice)
    assert renders(found, alice.pk)
    assert renders(found, bob.pk)
    assert names_in(found.parties.all(), Participation.CUSTOMER) == ["Contoso"]
    for words in ("Service activity", "Who takes part", "Contoso", "Hall 3"):
        assert words in page


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"resources": ""}, "Enter at least one colleague"),
        ({"resources": "ann@them.test"}, "is no colleague"),
        ({"resources": "nobody"}, "Nobody that you may see is called"),
        ({"customer_2_name": "Nowhere"}, "There is no record that you may see called"),
        ({"customer_1_name": "Broken pump"}, "neither an account nor a contact"),
        ({"end_time": "08:00"}, "It ends before it begins"),
        ({"subject": ""}, "This field is required"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_saved(  # 10.5
    calendar: Calendar, bob: Any, changes: dict[str, Any], sentence: str
) -> None:
    alice: Any = calendar.alices.regarding_user
    Case.objects.create(title="Broken pump", owner=alice, customer_account=contoso(alice))
    answer = browser(alice).post(reverse("calendar:new", args=["service"]), typed(calendar) | changes)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not ServiceAppointment.objects.exists()


def test_the_form_shows_what_is_there_and_keeps_what_it_cannot_show(calendar: Calendar, bob: Any) -> None:  # 10.5
    alice: Any = calendar.alices.regarding_user
    account, hidden = contoso(alice), Account.objects.create(name="Hidden")
    found = service(calendar, alice, bob)
    set_people(found, Participation.CUSTOMER, [account, hidden])
    page = text(browser(alice), "calendar:edit", "service", found.pk)
    assert "Contoso (Account)" in page
    assert "Hidden" not in page
    assert "bob@us.test" in page
    version = ServiceAppointment.objects.get().modified_on.isoformat()
    changed = typed(calendar, version=version, resources="alice@us.test", all_day="on")
    press(browser(alice), "calendar:edit", "service", found.pk, **changed)
    found = ServiceAppointment.objects.get()
    assert (found.start_date, found.end_date) == (calendar.monday, calendar.monday + timedelta(days=1))
    assert names_in(found.parties.all(), Participation.CUSTOMER) == ["Hidden"]  # Contoso was taken out
    assert not renders(found, bob.pk)


@pytest.mark.parametrize("view", ["week", "agenda"])
def test_whoever_renders_it_sees_it_in_the_calendar_and_does_not_change_it(  # 10.5
    calendar: Calendar, bob: Any, view: str
) -> None:
    found = service(calendar, calendar.alices.regarding_user, bob)
    page = text(browser(bob), "calendar:agenda", query=f"?view={view}&day={calendar.monday}")
    assert "Maintenance" in page
    assert 'title="Service activity"' in page
    assert "Change</a>" not in text(browser(bob), "calendar:item", "service", found.pk)
    assert browser(bob).get(reverse("calendar:edit", args=["service", found.pk])).status_code == 403


def test_charlie_sees_nothing_of_it(calendar: Calendar) -> None:
    found = service(calendar)
    charlie = mailbox("Charlie", calendar.alices.email_server_profile).regarding_user
    assert "Maintenance" not in text(browser(charlie), "calendar:agenda", query=f"?day={calendar.monday}")
    assert browser(charlie).get(reverse("calendar:item", args=["service", found.pk])).status_code == 404


def test_alice_cancels_reopens_and_deletes_it(calendar: Calendar) -> None:
    found, alice = service(calendar), browser(calendar.alices.regarding_user)
    for do, state in (("cancel", ActivityState.CANCELED), ("reopen", ActivityState.SCHEDULED)):
        press(alice, "calendar:act", "service", found.pk, do=do)
        found.refresh_from_db()
        assert found.state_code == state
    assert "nobody is mailed" in text(alice, "calendar:item", "service", found.pk)
    press(alice, "calendar:act", "service", found.pk, do="delete")
    assert not ServiceAppointment.objects.exists()
    assert not ActivityParty.objects.filter(activity_id=found.pk).exists()


def test_the_page_says_that_a_deleted_copy_is_not_made_again(calendar: Calendar) -> None:  # 10.5
    found = service(calendar)
    linked(found, calendar.alices, is_unlinked_in_crm=True, is_deleted_in_exchange=True)
    page = text(browser(calendar.alices.regarding_user), "calendar:item", "service", found.pk)
    assert "It is not made again; the service activity stays." in page


def test_filters_and_progress_know_service_activities(calendar: Calendar) -> None:  # 10.1 b, 10.1 f
    alice = browser(calendar.alices.regarding_user)
    for name in ("calendar:filters", "calendar:start"):
        assert "Service activities" in text(alice, name)
