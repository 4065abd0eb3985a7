"""Contacts and tasks through the EWS face, with exchangelib over real sockets, and as the control endpoint tells them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from exchangelib import Account, Contact, EWSDate, ExtendedProperty, Task
from exchangelib.errors import ErrorCannotCreateContactInNonContactFolder, ErrorInvalidPropertySet
from exchangelib.indexed_properties import EmailAddress, PhoneNumber, PhysicalAddress
from exchangelib.protocol import close_connections
from exchangelib.services import UpdateItem

from tests.sandbox.ews_client import account, sync
from tests.world import Refused, SandboxProcess

ALICE = "alice@us.test"
ADDRESS_SET = "00062004-0000-0000-C000-000000000046"


class YomiFirstName(ExtendedProperty):
    """PidLidYomiFirstName, named by the set's number; others name it by the set's word."""

    property_set_id = ADDRESS_SET
    property_id = 0x802C
    property_type = "String"


class YomiLastName(ExtendedProperty):
    """PidLidYomiLastName."""

    distinguished_property_set_id = "Address"
    property_id = 0x802D
    property_type = "String"


class GovernmentId(ExtendedProperty):
    """PidTagGovernmentIdNumber."""

    property_tag = 0x3A07
    property_type = "String"


class FtpSite(ExtendedProperty):
    """PidTagFtpSite."""

    property_tag = 0x3A4C
    property_type = "String"


EXTENDED = {"yomi_first": YomiFirstName, "yomi_last": YomiLastName, "government": GovernmentId, "ftp": FtpSite}


@pytest.fixture(scope="module", autouse=True)
def registered_properties() -> Iterator[None]:
    for name, kind in EXTENDED.items():
        Contact.register(name, kind)
    yield
    close_connections()
    for name in EXTENDED:
        Contact.deregister(name)


@pytest.fixture
def alice(sandbox: SandboxProcess) -> Account:
    sandbox.account(ALICE)
    return account(sandbox.ews_url, ALICE, ALICE, impersonate=False)


PHONES = {
    "BusinessPhone": "business_phone",
    "BusinessPhone2": "business_phone_2",
    "HomePhone": "home_phone",
    "HomePhone2": "home_phone_2",
    "MobilePhone": "mobile_phone",
    "OtherTelephone": "other_phone",
    "BusinessFax": "business_fax",
    "Pager": "pager",
    "Callback": "callback",
    "CompanyMainPhone": "company_phone",
    "AssistantPhone": "assistant_phone",
}
ANN: dict[str, Any] = {  # every field of rule 10.8
    "full_name": "Dr. Ann Q. Acker Jr.",
    "first_name": "Ann",
    "middle_name": "Q.",
    "last_name": "Acker",
    "suffix": "Jr.",
    "nickname": "Annie",
    "yomi_first_name": "アン",
    "yomi_last_name": "アッカー",
    "company": "Acme",
    "job_title": "Buyer",
    "department": "Purchase",
    "manager": "Carl",
    "assistant": "Dora",
    "email_1": "ann@acme.test",
    "email_2": "ann@home.test",
    "email_3": "ann@club.test",
    "business_address": {"street": "1 Main St", "city": "Town", "state": "S", "country": "Utopia", "postal_code": "1"},
    "home_address": {"street": "2 Side St", "city": "Town", "state": "", "country": "Utopia", "postal_code": "2"},
    "other_address": {"street": "3 Far St", "city": "Away", "state": "", "country": "", "postal_code": ""},
    "web_page": "https://acme.test",
    "ftp_site": "ftp://acme.test",
    "birthday": "1980-05-06",
    "anniversary": "2005-06-07",
    "spouse": "Eve",
    "children": ["Finn", "Gia"],
    "government_id": "G-123",
    "body": "Met at the fair.",
} | {name: f"+1 555 {number}" for number, name in enumerate(PHONES.values())}


def test_every_field_of_a_contact_is_on_the_wire_what_its_owner_wrote(sandbox: SandboxProcess, alice: Account) -> None:
    sandbox.put_act_item(ALICE, "contact", ANN, categories=["Friends"])
    contact = alice.contacts.get()
    assert {entry.label: entry.phone_number for entry in contact.phone_numbers if entry.phone_number} == {
        key: ANN[name] for key, name in PHONES.items()
    }
    assert [entry.email for entry in contact.email_addresses] == [ANN[f"email_{n}"] for n in (1, 2, 3)]
    addresses = {entry.label: entry for entry in contact.physical_addresses}
    assert (addresses["Business"].street, addresses["Business"].country) == ("1 Main St", "Utopia")
    assert (addresses["Other"].city, addresses["Home"].zipcode) == ("Away", "2")
    assert (contact.yomi_first, contact.yomi_last, contact.government, contact.ftp) == (
        "アン",
        "アッカー",
        "G-123",
        ANN["ftp_site"],
    )
    assert (contact.birthday, contact.wedding_anniversary) == (EWSDate(1980, 5, 6), EWSDate(2005, 6, 7))
    assert (contact.complete_name.full_name, contact.complete_name.suffix) == (ANN["full_name"], "Jr.")
    texts = (contact.given_name, contact.surname, contact.generation, contact.spouse_name, contact.business_homepage)
    assert texts == ("Ann", "Acker", "Jr.", "Eve", "https://acme.test")
    assert (contact.children, contact.body, contact.categories) == (["Finn", "Gia"], "Met at the fair.", ["Friends"])
    [told] = sandbox.act_items(ALICE, "contact")
    assert told["fields"] == ANN


def test_what_a_client_writes_into_a_contact_is_told_in_simple_names(sandbox: SandboxProcess, alice: Account) -> None:
    street = PhysicalAddress(label="Business", street="1 Main St", city="Town", country="Utopia", zipcode="1")
    contact = Contact(
        account=alice,
        folder=alice.contacts,
        display_name="Ann",
        email_addresses=[EmailAddress(label="EmailAddress2", email="ann@acme.test")],
        phone_numbers=[PhoneNumber(label="AssistantPhone", phone_number="123")],
        physical_addresses=[street],
        birthday=EWSDate(1980, 5, 6),
        yomi_last="アッカー",
    ).save()
    contact.physical_addresses = [PhysicalAddress(label="Business", street="9 New St", city="Town")]
    contact.save(update_fields=["physical_addresses"])
    fields = sandbox.act_items(ALICE, "contact")[0]["fields"]
    assert (fields["email_1"], fields["email_2"], fields["assistant_phone"]) == ("", "ann@acme.test", "123")
    postal = {"street": "9 New St", "city": "Town", "state": "", "country": "", "postal_code": ""}
    assert fields["business_address"] == postal
    assert (fields["birthday"], fields["yomi_last_name"]) == ("1980-05-06", "アッカー")


def test_contacts_and_tasks_are_synchronized_like_mail(sandbox: SandboxProcess, alice: Account) -> None:
    folder = sandbox.folder(ALICE, "Customers", "contacts", "IPF.Contact")
    for kind, place in (("contact", alice.contacts), ("task", alice.tasks)):
        item = sandbox.put_act_item(ALICE, kind, {"full_name": "Ann"} if kind == "contact" else {"subject": "Call Ann"})
        page = sync(alice, place)
        assert [(change, shown.id) for change, shown in page.changes] == [("create", item["id"])]
        changed = sandbox.patch_act_item(ALICE, kind, item["id"], fields={"body": "Soon"})
        assert changed["version"] != item["version"]
        again = sync(alice, place, page.state)
        assert [(change, shown.changekey) for change, shown in again.changes] == [("update", changed["version"])]
        sandbox.delete_act_item(ALICE, kind, item["id"])
        assert [(change, gone.id) for change, gone in sync(alice, place, again.state).changes] == [
            ("delete", item["id"])
        ]
    sandbox.put_act_item(ALICE, "contact", {"full_name": "Carl"}, folder=folder)
    customers = next(found for found in alice.contacts.children if found.id == folder)
    assert [found.display_name for found in customers.all()] == ["Carl"]


def test_a_contact_is_not_made_among_mail(alice: Account) -> None:
    with pytest.raises(ErrorCannotCreateContactInNonContactFolder):
        Contact(account=alice, folder=alice.inbox, display_name="Ann").save()


# Tasks


def task(owner: Account, **fields: Any) -> Task:
    made = Task(account=owner, folder=owner.tasks, subject="Call Ann", **fields).save()
    [found] = owner.fetch([made])
    found.folder = owner.tasks
    return found


def test_a_completed_task_is_complete_in_every_respect(sandbox: SandboxProcess, alice: Account) -> None:
    sandbox.post("/clock", {"offset_seconds": 0})
    item = task(alice, due_date=EWSDate(2026, 3, 5), start_date=EWSDate(2026, 3, 2))
    assert (item.status, item.is_complete, item.complete_date) == ("NotStarted", False, None)
    item.complete()
    [item] = alice.fetch([item])
    assert (item.status, item.percent_complete, item.is_complete) == ("Completed", 100, True)
    today = sandbox.get("/health")["time"][:10]
    assert item.complete_date.date().isoformat() == today
    assert (item.due_date, item.start_date) == (EWSDate(2026, 3, 5), EWSDate(2026, 3, 2))


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [  # (status, percent, completed); of several fields the last one on the wire decides
        ({}, {"percent_complete": 40}, ("in-progress", 40, False)),
        ({}, {"percent_complete": 100}, ("completed", 100, True)),
        ({}, {"completed": "2026-03-01"}, ("completed", 100, True)),
        ({"status": "completed"}, {"status": "not-started"}, ("not-started", 0, False)),
        ({"status": "completed"}, {"percent_complete": 50}, ("in-progress", 50, False)),
        ({"status": "completed"}, {"completed": None}, ("not-started", 0, False)),
        ({"percent_complete": 40}, {"status": "waiting"}, ("waiting", 40, False)),
        ({"status": "waiting"}, {"percent_complete": 60}, ("waiting", 60, False)),
        ({}, {"percent_complete": 100, "status": "deferred"}, ("deferred", 0, False)),
    ],
)
def test_status_percentage_and_completion_go_together(
    sandbox: SandboxProcess, alice: Account, before: dict[str, Any], change: dict[str, Any], after: tuple[Any, ...]
) -> None:
    item = sandbox.put_act_item(ALICE, "task", {"subject": "Call Ann"} | before)
    fields = sandbox.patch_act_item(ALICE, "task", item["id"], fields=change)["fields"]
    assert (fields["status"], fields["percent_complete"], fields["completed"] is not None) == after
    [on_the_wire] = list(alice.tasks.all())
    assert on_the_wire.is_complete is after[2]


def test_a_task_cannot_be_due_before_it_starts(sandbox: SandboxProcess, alice: Account) -> None:
    item = task(alice, start_date=EWSDate(2026, 3, 2), due_date=EWSDate(2026, 3, 5))
    sandbox.patch_act_item(ALICE, "task", item.id, fields={"start": "2026-03-09"})
    fields = sandbox.act_items(ALICE, "task")[0]["fields"]
    assert (fields["start"], fields["due"]) == ("2026-03-09", "2026-03-09")


def test_what_the_server_computes_cannot_be_written(alice: Account) -> None:
    item = task(alice)
    field = Task.get_field_by_fieldname("is_complete")
    item.is_complete, read_only = True, field.is_read_only
    field.is_read_only = False
    try:
        service = UpdateItem(account=alice)
        with pytest.raises(ErrorInvalidPropertySet):
            list(service.call([(item, ["is_complete"])], "AutoResolve", "SaveOnly", "SendToNone", True))
    finally:
        field.is_read_only = read_only
    [again] = alice.fetch([item])
    assert (again.is_complete, again.changekey) == (False, item.changekey)


# What is refused in words


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("task", {"colour": "red"}, "no field colour"),
        ("task", {"status": "done"}, "Status is one of not-started"),
        ("task", {"due": "tomorrow"}, "A value cannot be read"),
        ("appointment", {"start": "2026-03-02T09:00:00Z", "end": "2026-03-01T09:00:00Z"}, "EndDate is earlier"),
        ("appointment", {"time_zone": "Mars/Olympus"}, "not a time zone"),
        ("appointment", {"recurrence": {"frequency": "hourly", "first": "2026-03-02"}}, "frequency is one of daily"),
        ("appointment", {"recurrence": {"frequency": "weekly", "first": "2026-03-02"}}, "no day of the week"),
    ],
)
def test_the_control_endpoint_says_what_is_wrong(
    sandbox: SandboxProcess, kind: str, fields: dict[str, Any], words: str
) -> None:
    sandbox.account(ALICE)
    with pytest.raises(Refused, match=words):
        sandbox.put_act_item(ALICE, kind, {"subject": "Call Ann"} | fields)
    assert sandbox.act_items(ALICE, kind) == []


def test_an_appointment_survives_the_control_endpoint_in_every_field(sandbox: SandboxProcess) -> None:
    sandbox.account(ALICE)
    fields = {
        "subject": "Demo",
        "body": "Agenda",
        "location": "Room 1",
        "importance": "high",
        "show_as": "out-of-office",
        "is_private": True,
        "time_zone": "America/New_York",
        "is_all_day": False,
        "start": "2026-03-02T14:00:00Z",
        "end": "2026-03-02T15:00:00Z",
        "organizer": [{"address": ALICE, "name": ""}],
        "required": [{"address": "ann@acme.test", "name": "Ann"}],
        "optional": [{"address": "bob@us.test", "name": ""}],
        "recurrence": {"frequency": "relative-monthly", "first": "2026-03-02", "interval": 2, "weekdays": [0], "week": 1,
                       "day": 0, "month": 0, "count": 5, "until": None, "first_weekday": 6},
    }  # fmt: skip
    item = sandbox.put_act_item(ALICE, "appointment", fields, uid="demo-1", extended={"x:c1/CrmId/String": "a-1"})
    assert (item["fields"], item["uid"], item["extended"]) == (fields, "demo-1", {"x:c1/CrmId/String": "a-1"})
    start = {"start": "2026-05-04T15:00:00Z", "end": "2026-05-04T16:00:00Z"}
    moved = sandbox.patch_act_item(
        ALICE, "appointment", item["id"], original_start="2026-05-04T13:00:00Z", fields=start
    )
    assert moved["changed"] == [{"original_start": "2026-05-04T13:00:00Z", "fields": start}]
    copy = sandbox.copy_act_item(ALICE, "appointment", item["id"])
    assert (copy["uid"], copy["extended"], copy["id"] != item["id"]) == ("demo-1", item["extended"], True)
    assert sandbox.meeting_mails() == []
