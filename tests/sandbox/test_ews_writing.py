"""Writing and sending through the EWS face, with exchangelib over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from exchangelib import (
    UTC,
    Account,
    CalendarItem,
    Contact,
    EWSDateTime,
    EWSTimeZone,
    ExtendedProperty,
    FileAttachment,
    HTMLBody,
    Message,
)
from exchangelib.errors import (
    ErrorInvalidRecipients,
    ErrorIrresolvableConflict,
    ErrorItemNotFound,
    ErrorSendAsDenied,
)
from exchangelib.indexed_properties import EmailAddress
from exchangelib.protocol import close_connections
from exchangelib.services import SendItem

from tests.letters import letter
from tests.sandbox.ews_client import account, inbox
from tests.world import SandboxProcess

ALICE, BOB, SERVICE = "alice@us.test", "bob@us.test", "service@us.test"
ANN = "ann@acme.test"


class CrmId(ExtendedProperty):
    """The product's own mark on an item."""

    property_set_id = "c11ff724-aa03-4555-9952-8fa248a11c3e"
    property_name = "CrmId"
    property_type = "String"


class Words(ExtendedProperty):
    """A property with several values."""

    property_set_id = "c11ff724-aa03-4555-9952-8fa248a11c3e"
    property_name = "Words"
    property_type = "StringArray"


@pytest.fixture(scope="module", autouse=True)
def registered_properties() -> Iterator[None]:
    Message.register("crm_id", CrmId)
    Message.register("words", Words)
    yield
    close_connections()
    Message.deregister("crm_id")
    Message.deregister("words")


@pytest.fixture
def sandbox(sandbox: SandboxProcess) -> SandboxProcess:
    sandbox.account(ALICE)
    sandbox.account(BOB)
    sandbox.account(SERVICE, impersonate=True)
    return sandbox


@pytest.fixture
def alice(sandbox: SandboxProcess) -> Account:
    return account(sandbox.ews_url, ALICE, SERVICE)


def stored(owner: Account, item_id: str, *fields: str) -> Message:
    only = [Message.get_field_by_fieldname(name) for name in fields]
    [item] = owner.fetch([Message(id=item_id)], only_fields=only, folder=inbox(owner))
    if isinstance(item, Exception):
        raise item
    return item


def draft(owner: Account, **fields: Any) -> Message:
    message = Message(account=owner, folder=owner.drafts, **fields)
    return message.save()


# Writing


def test_our_own_mark_is_kept_found_changed_and_removed(alice: Account) -> None:
    message = draft(alice, subject="Offer", crm_id="email-1", words=["a", "b"], to_recipients=[ANN])
    assert alice.drafts.get(crm_id="email-1").words == ["a", "b"]
    message.crm_id = "email-2"
    message.save(update_fields=["crm_id"])
    assert not alice.drafts.filter(crm_id="email-1").exists()
    message.crm_id = None
    message.save(update_fields=["crm_id"])
    assert alice.drafts.get(subject="Offer").crm_id is None


def test_a_category_changes_the_change_key_but_not_the_id(sandbox: SandboxProcess, alice: Account) -> None:
    [item_id] = sandbox.deliver(ALICE, letter(ANN, ALICE, "Quote", "x"))
    item = stored(alice, item_id, "categories", "is_read")
    item.folder, before = inbox(alice), item.changekey
    item.categories = ["Tracked to CRM"]
    item.save(update_fields=["categories"])
    assert (item.id, item.changekey != before) == (item_id, True)
    again = stored(alice, item_id, "categories", "is_read")
    assert (again.categories, again.is_read) == (["Tracked to CRM"], False)


def test_a_stale_change_key_is_a_conflict_only_for_those_who_ask(sandbox: SandboxProcess, alice: Account) -> None:
    [item_id] = sandbox.deliver(ALICE, letter(ANN, ALICE, "Quote", "x"))
    item = stored(alice, item_id, "subject")
    item.folder = inbox(alice)
    sandbox.update(ALICE, item_id, categories=["Blue"])
    item.subject = "Quote 2"
    with pytest.raises(ErrorIrresolvableConflict):
        item.save(update_fields=["subject"], conflict_resolution="NeverOverwrite")
    item.save(update_fields=["subject"], conflict_resolution="AutoResolve")
    again = stored(alice, item_id, "subject", "categories")
    assert (again.subject, again.categories) == ("Quote 2", ["Blue"])


def test_moving_copying_and_deleting_give_new_ids(sandbox: SandboxProcess, alice: Account) -> None:
    [item_id] = sandbox.deliver(ALICE, letter(ANN, ALICE, "Quote", "x"))
    item = stored(alice, item_id, "subject")
    item.folder = inbox(alice)
    item.move(alice.junk)
    assert item.id != item_id
    item.copy(alice.inbox)
    item.move_to_trash()
    assert [len(sandbox.inbox(ALICE, name)) for name in ("inbox", "junkemail", "deleteditems")] == [1, 0, 1]
    alice.inbox.get(subject="Quote").delete()
    assert sandbox.inbox(ALICE) == []


def test_an_attachment_survives_the_way_there_and_back(alice: Account) -> None:
    message = draft(alice, subject="Offer", body="See there.")
    message.attach(FileAttachment(name="offer.txt", content=b"1000 EUR", content_type="text/plain"))
    again = alice.drafts.get(subject="Offer")
    assert [(part.name, part.content) for part in again.attachments] == [("offer.txt", b"1000 EUR")]
    assert "See there." in again.body


# Sending


def sent_by(sandbox: SandboxProcess, address: str) -> list[str]:
    return [item["subject"] for item in sandbox.inbox(address, "sentitems")]


def test_a_draft_that_is_sent_leaves_drafts_and_keeps_its_mark(sandbox: SandboxProcess, alice: Account) -> None:
    raw = letter(ALICE, ANN, "Offer", "Here.", extra_headers=[("Bcc", "boss@us.test")], message_id="<o1@us.test>")
    message = draft(alice, mime_content=raw, crm_id="email-1")
    draft_id = message.id
    message.send(save_copy=True)
    [arrived] = sandbox.inbox(ANN)
    delivered = sandbox.raw(ANN, arrived["id"])
    assert arrived["message_id"] == "<o1@us.test>"
    assert b"bcc" not in delivered.lower()
    assert len(sandbox.inbox("boss@us.test")) == 1
    assert sandbox.inbox(ALICE, "drafts") == []
    copy = alice.sent.get(crm_id="email-1")
    assert (copy.id != draft_id, copy.message_id, copy.is_draft) == (True, "<o1@us.test>", False)


def test_sending_a_draft_twice_is_refused(sandbox: SandboxProcess, alice: Account) -> None:
    message = draft(alice, subject="Offer", to_recipients=[ANN])
    item = Message(id=message.id, changekey=message.changekey)
    message.send()
    [again] = SendItem(account=alice).call(items=[item], saved_item_folder=None)
    assert isinstance(again, ErrorItemNotFound)
    assert len(sandbox.inbox(ANN)) == 1


def test_a_message_written_from_properties_arrives(sandbox: SandboxProcess, alice: Account) -> None:
    hello = Message(account=alice, subject="Grüße", body=HTMLBody("<p>Hallo</p>"), to_recipients=[ANN])
    hello.bcc_recipients = [BOB]
    hello.send(save_copy=False)
    [arrived] = sandbox.inbox(ANN)
    assert (arrived["subject"], arrived["from"]) == ("Grüße", ALICE)
    assert len(sandbox.inbox(BOB)) == 1
    assert sent_by(sandbox, ALICE) == []
    Message(account=alice, folder=alice.sent, subject="Copy", to_recipients=[ANN]).send_and_save()
    assert sent_by(sandbox, ALICE) == ["Copy"]


def test_a_message_without_recipients_is_not_sent(sandbox: SandboxProcess, alice: Account) -> None:
    message = draft(alice, subject="To nobody")
    with pytest.raises(ErrorInvalidRecipients):
        message.send()
    assert len(sandbox.inbox(ALICE, "drafts")) == 1


def test_alice_may_not_send_as_bob(sandbox: SandboxProcess, alice: Account) -> None:
    message = draft(alice, mime_content=letter(BOB, ANN, "Fake", "x"))
    with pytest.raises(ErrorSendAsDenied):
        message.send()
    assert sandbox.inbox(ANN) == []


@pytest.mark.parametrize(("refused", "status"), [("permerror@acme.test", b"5.1.1"), ("550@acme.test", b"5.0.0")])
def test_a_refused_recipient_comes_back_as_a_report(
    sandbox: SandboxProcess, alice: Account, refused: str, status: bytes
) -> None:
    raw = letter(ALICE, [ANN, refused], "Offer", "Here.", message_id="<o2@us.test>")
    draft(alice, mime_content=raw).send()
    assert len(sandbox.inbox(ANN)) == 1
    assert sandbox.inbox(refused) == []
    [report] = sandbox.inbox(ALICE)
    text = sandbox.raw(ALICE, report["id"])
    assert b"message/delivery-status" in text
    assert b"Final-Recipient: rfc822; " + refused.encode() in text
    assert b"Status: " + status in text
    assert b"Message-ID: <o2@us.test>" in text


# Appointments and contacts


def test_an_appointment_comes_back_as_it_was_made(alice: Account) -> None:
    paris = EWSTimeZone("Europe/Paris")
    CalendarItem(
        account=alice,
        folder=alice.calendar,
        subject="Demo",
        start=EWSDateTime(2026, 3, 2, 9, 0, tzinfo=paris),
        end=EWSDateTime(2026, 3, 2, 10, 0, tzinfo=paris),
        required_attendees=[ANN],
    ).save()
    [meeting] = alice.calendar.view(start=EWSDateTime(2026, 3, 2, tzinfo=UTC), end=EWSDateTime(2026, 3, 3, tzinfo=UTC))
    assert (meeting.subject, meeting.start) == ("Demo", EWSDateTime(2026, 3, 2, 8, 0, tzinfo=UTC))
    assert [(guest.mailbox.email_address, guest.response_type) for guest in meeting.required_attendees] == [
        (ANN, "Unknown")
    ]
    assert (meeting.is_all_day, meeting.organizer.email_address) == (False, ALICE)
    meeting.location = "Room 2"
    meeting.save(update_fields=["location"])
    assert alice.calendar.get(subject="Demo").location == "Room 2"


def test_one_address_of_a_contact_can_change_alone(alice: Account) -> None:
    addresses = [EmailAddress(label="EmailAddress1", email=ANN), EmailAddress(label="EmailAddress2", email=BOB)]
    ann = Contact(account=alice, folder=alice.contacts, display_name="Ann", given_name="Ann")
    ann.email_addresses = addresses
    contact = ann.save()
    contact.email_addresses = [EmailAddress(label="EmailAddress1", email="ann@new.test")]
    contact.save(update_fields=["email_addresses"])
    again = alice.contacts.get(given_name="Ann")
    assert [(entry.label, entry.email) for entry in again.email_addresses] == [("EmailAddress1", "ann@new.test")]
