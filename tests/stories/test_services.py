"""Alice and Bob render a service at Contoso: each has a copy in their own calendar, and nobody is ever mailed (10.5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mailboxes.models import ActDeliveryMethod, Mailbox
from mailboxes.models.settings import current_policy
from profiles.act_items import ItemKind
from serversync.meeting_mails import foresee_mails
from tests.company import Company
from tests.synchronizing import ALICE, CATEGORY, alice_on, held, soon, synchronize
from tests.synchronizing import service as rendered_service
from tracking.crm.models import Account, Appointment, Participation, ServiceAppointment
from tracking.crm.models.states import ActivityState, AppointmentStatus
from tracking.keep.act.service_activities import set_people
from tracking.keep.calendar.deciding import NotPossible
from tracking.keep.calendar.records import delete_record
from tracking.keep.calendar.restoring import restore
from tracking.models import ExchangeSyncIdMapping, RecycledItem, SyncConflict

BOB = "bob@us.test"
CALENDAR = ItemKind.APPOINTMENT
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people(company: Company) -> tuple[Mailbox, Mailbox]:
    """Alice and Bob, whose calendars are synchronized."""
    alice = alice_on(company)
    method = ActDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION
    return alice, company.user("Bob", alice.email_server_profile, act_delivery_method=method)


def service(by: Mailbox, *resources: Mailbox, **columns: Any) -> ServiceAppointment:
    """A service activity that is rendered by these, for Contoso, written here."""
    found = rendered_service(by, *resources, **columns)
    contoso, _ = Account.objects.get_or_create(name="Contoso")
    set_people(found, Participation.CUSTOMER, [contoso])
    return found


def rendered_by(found: ServiceAppointment, *resources: Mailbox) -> None:
    """Somebody says who renders it now."""
    set_people(found, Participation.RESOURCE, [one.regarding_user for one in resources])
    found.save()


def both(*mailboxes: Mailbox) -> None:
    for one in mailboxes:
        synchronize(one)


def nobody_was_mailed(company: Company) -> bool:
    return not company.sandbox.meeting_mails()


def nobody_would_be_mailed(*mailboxes: Mailbox) -> bool:
    return not any(foresee_mails(one, current_policy(), timezone.now()) for one in mailboxes)


def test_each_who_renders_it_gets_a_copy_and_nobody_is_mailed(  # 10.5, 10.8
    company: Company, people: tuple[Mailbox, Mailbox]
) -> None:
    alice, bob = people
    service(alice, alice, bob, location="Hall 3", description="Bring the pump", priority_code=2)
    both(alice, bob, alice, bob)
    for address in (ALICE, BOB):
        [item] = company.sandbox.act_items(address, CALENDAR)
        there = item["fields"]
        told = (there["subject"], there["location"], there["importance"], there["show_as"])
        assert told == ("Maintenance", "Hall 3", "high", "busy")
        assert there["start"] == soon().strftime("%Y-%m-%dT%H:%M:%SZ")
        assert there["body"].split("\n") == ["Bring the pump", "", "– – –", "Rendered by: Alice, Bob", "For: Contoso"]
        assert not there.get("required")
        assert not there.get("optional")
    assert nobody_was_mailed(company)


def test_a_change_here_reaches_every_copy(company: Company, people: tuple[Mailbox, Mailbox]) -> None:  # 10.5, 10.2.1
    alice, bob = people
    found = service(alice, alice, bob)
    assert nobody_would_be_mailed(alice, bob)
    both(alice, bob)
    found.subject, found.status_code, found.state_code = "Repair", AppointmentStatus.CANCELED, ActivityState.CANCELED
    found.save()
    assert nobody_would_be_mailed(alice, bob)
    both(alice, bob)
    for address in (ALICE, BOB):
        assert held(company, CALENDAR, address)["Repair"]["fields"]["show_as"] == "free"
    assert nobody_was_mailed(company)


def test_whoever_is_taken_out_loses_only_their_own_copy(  # 10.5
    company: Company, people: tuple[Mailbox, Mailbox]
) -> None:
    alice, bob = people
    found = service(alice, alice, bob)
    both(alice, bob)
    rendered_by(found, alice)
    both(alice, bob)
    assert list(held(company, CALENDAR)) == ["Maintenance"]
    assert company.sandbox.act_items(BOB, CALENDAR) == []
    with pytest.raises(NotPossible, match="Who renders it"):
        restore(RecycledItem.objects.get(mailbox=bob), bob.regarding_user, timezone.now())
    rendered_by(found, bob)  # and the other way round
    both(alice, bob)
    assert company.sandbox.act_items(ALICE, CALENDAR) == []
    assert list(held(company, CALENDAR, BOB)) == ["Maintenance"]
    assert nobody_was_mailed(company)


def test_a_copy_that_was_changed_there_goes_as_well(company: Company, people: tuple[Mailbox, Mailbox]) -> None:  # 10.5
    alice, bob = people
    found = service(alice, alice, bob)
    both(alice, bob)
    company.sandbox.patch_act_item(
        BOB, CALENDAR, held(company, CALENDAR, BOB)["Maintenance"]["id"], fields={"location": "X"}
    )
    rendered_by(found, alice)
    synchronize(bob)
    assert company.sandbox.act_items(BOB, CALENDAR) == []


def test_what_is_deleted_here_is_gone_from_all_calendars_and_can_be_taken_back(  # 10.5, 10.2.5, law 9
    company: Company, people: tuple[Mailbox, Mailbox]
) -> None:
    alice, bob = people
    delete_me = service(alice, alice, bob, description="Bring the pump")
    both(alice, bob)
    delete_record(delete_me, timezone.now())
    assert nobody_would_be_mailed(alice, bob)
    both(alice, bob)
    for address in (ALICE, BOB):
        assert company.sandbox.act_items(address, CALENDAR) == []
    assert nobody_was_mailed(company)
    restore(RecycledItem.objects.get(mailbox=alice), alice.regarding_user, timezone.now())
    assert ServiceAppointment.objects.get().description == "Bring the pump"
    assert not RecycledItem.objects.filter(restored_on=None).exists()  # for both of them
    both(alice, bob)
    assert (len(company.sandbox.act_items(ALICE, CALENDAR)), len(company.sandbox.act_items(BOB, CALENDAR))) == (1, 1)


def test_a_change_there_stays_there_until_it_changes_here(  # 10.5, 10.1 h
    company: Company, people: tuple[Mailbox, Mailbox]
) -> None:
    alice, _ = people
    found = service(alice, alice, location="Hall 3")
    synchronize(alice)
    key = held(company, CALENDAR)["Maintenance"]["id"]
    company.sandbox.patch_act_item(ALICE, CALENDAR, key, fields={"location": "Pub"})
    synchronize(alice)
    found.refresh_from_db()
    assert found.location == "Hall 3"
    found.location = "Hall 4"
    found.save()
    synchronize(alice)
    assert held(company, CALENDAR)["Maintenance"]["fields"]["location"] == "Hall 4"
    conflict = SyncConflict.objects.get()
    assert (conflict.field, conflict.theirs, conflict.rule) == ("location", "Pub", "direction")


def test_a_copy_that_is_deleted_there_stays_deleted(company: Company, people: tuple[Mailbox, Mailbox]) -> None:  # 10.5
    alice, bob = people
    found = service(alice, alice, bob)
    both(alice, bob)
    company.sandbox.delete_act_item(ALICE, CALENDAR, held(company, CALENDAR)["Maintenance"]["id"])
    both(alice, bob)
    assert ServiceAppointment.objects.count() == 1
    assert ExchangeSyncIdMapping.objects.get(mailbox=alice).is_unlinked_in_crm
    found.subject = "Repair"
    found.save()
    both(alice, bob)
    assert company.sandbox.act_items(ALICE, CALENDAR) == []
    assert list(held(company, CALENDAR, BOB)) == ["Repair"]


def test_what_is_over_stays_in_the_calendar(company: Company, people: tuple[Mailbox, Mailbox]) -> None:  # 10.2.5
    alice, _ = people
    found = service(alice, alice, start=soon(-2))
    synchronize(alice)
    delete_record(found, timezone.now())
    synchronize(alice)
    assert list(held(company, CALENDAR)) == ["Maintenance"]


def test_nothing_from_exchange_becomes_a_service_activity(  # 10.5
    company: Company, people: tuple[Mailbox, Mailbox]
) -> None:
    alice, _ = people
    service(alice, alice)
    synchronize(alice)
    key = held(company, CALENDAR)["Maintenance"]["id"]
    company.sandbox.patch_act_item(ALICE, CALENDAR, key, categories=[CATEGORY])
    start = soon(4)
    told = {"subject": "Mine", "start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
    company.sandbox.put_act_item(ALICE, CALENDAR, {**told, "time_zone": "UTC"}, categories=[CATEGORY])
    both(alice, alice)
    assert ServiceAppointment.objects.count() == 1
    assert Appointment.objects.get().subject == "Mine"


def test_a_second_run_writes_nothing(company: Company, people: tuple[Mailbox, Mailbox]) -> None:
    alice, _ = people
    service(alice, alice)
    both(alice, alice)
    ended = synchronize(alice)
    assert (ended.report.seen, ended.report.sent, ended.report.tracked) == (0, 0, 0)


def test_whom_a_user_has_invited_to_a_copy_is_not_mailed_by_us(  # 10.5
    company: Company, people: tuple[Mailbox, Mailbox]
) -> None:
    alice, _ = people
    found = service(alice, alice)
    synchronize(alice)
    key = held(company, CALENDAR)["Maintenance"]["id"]
    company.sandbox.patch_act_item(
        ALICE, CALENDAR, key, fields={"required": [{"address": "dora@them.test", "name": "Dora"}]}
    )
    found.subject = "Repair"
    found.save()
    synchronize(alice)
    assert held(company, CALENDAR)["Repair"]["fields"]["required"]  # who was invited there stays invited
    delete_record(found, timezone.now())
    synchronize(alice)
    assert company.sandbox.act_items(ALICE, CALENDAR) == []
    assert nobody_was_mailed(company)
