"""Mail arrives, is judged with a reason, and is kept once: over POP3 and over Exchange."""

from __future__ import annotations

import pytest

from mailboxes.models import IncomingFilter, LegStatus, QueueItem
from tests.company import Company, assert_balanced, leg, receive
from tests.letters import letter
from tracking.crm.models import Contact, DomainEvent, Email
from tracking.crm.storage import read
from tracking.decide.verdicts import Reason
from tracking.models import LedgerRow, LedgerState

TRANSPORTS = ["pop3", "exchange"]


@pytest.fixture(params=TRANSPORTS)
def profile(request, company):
    return company.pop3_profile() if request.param == "pop3" else company.exchange_profile()


def test_a_letter_to_alice_becomes_an_email_with_its_original(company: Company, profile) -> None:
    alice = company.user("Alice", profile)
    ann = Contact.objects.create(full_name="Ann Smith", email_address_1="ann@acme.test")
    raw = letter(
        "Ann <ann@acme.test>", "alice@us.test", "Grüße", "Hello Alice", attachments=[("a.txt", "text/plain", b"abc")]
    )
    company.sandbox.deliver("alice@us.test", raw)

    ended = receive(alice)

    email = Email.objects.get()
    assert (ended.report.seen, ended.report.tracked) == (1, 1)
    assert (email.subject, email.description.strip()) == ("Grüße", "Hello Alice")
    assert read(email.original_id) == raw
    assert email.email_sender == ann
    assert {(p.get_participation_type_mask_display(), str(p.party)) for p in email.parties.all()} == {
        ("From", "Ann Smith"),
        ("To", "alice"),
    }
    assert [one.file_name for one in email.attachments.all()] == ["a.txt"]
    row = LedgerRow.objects.get()
    assert (row.state, row.reason, row.email) == (LedgerState.TRACKED, Reason.ACCEPT_ALL, email)
    assert DomainEvent.objects.get().kind == "email.tracked"
    assert leg(alice).status == LegStatus.SUCCESS
    assert_balanced(alice)


def test_a_second_run_changes_nothing(company: Company, profile) -> None:
    alice = company.user("Alice", profile)
    for number in range(5):
        company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", f"Mail {number}", "x"))
    receive(alice)
    before = list(Email.objects.values())

    ended = receive(alice)

    assert not ended.report.found_something
    assert list(Email.objects.values()) == before
    assert_balanced(alice)


def test_an_answer_to_our_mail_is_kept_and_a_strangers_mail_is_not(company: Company, profile) -> None:
    bob = company.user("Bob", profile)
    company.sandbox.deliver(
        "bob@us.test", letter("ann@acme.test", "bob@us.test", "Quote", "?", message_id="<q1@acme.test>")
    )
    receive(bob)
    alice = company.user("Alice", profile, IncomingFilter.RESPONSES_TO_OUR_MAIL)
    answer = letter("eve@else.test", "alice@us.test", "Re: Quote", "yes", in_reply_to="<q1@acme.test>")
    nested = letter(
        "zoe@else.test", "alice@us.test", "Re: Quote", "me too", references=["<q1@acme.test>", "<x@y.test>"]
    )
    stranger = letter("spam@else.test", "alice@us.test", "Buy", "now")
    for raw in (answer, nested, stranger):
        company.sandbox.deliver("alice@us.test", raw)

    receive(alice)

    question = Email.objects.get(message_id="<q1@acme.test>")
    assert Email.objects.filter(parent_activity=question, conversation_tracking_id=question.pk).count() == 2
    rows = LedgerRow.objects.filter(mailbox=alice).order_by("id")
    assert sorted(row.reason for row in rows) == [
        Reason.NO_CORRELATION_MATCH,
        Reason.CORRELATION_MATCH,
        Reason.CORRELATION_MATCH,
    ]
    ignored = rows.get(state=LedgerState.IGNORED)
    assert ignored.email is None
    assert "Buy" not in str(ignored.evidence)
    assert_balanced(alice)


FILTERS = [
    (IncomingFilter.ALL_MESSAGES, "stranger@else.test", True, Reason.ACCEPT_ALL),
    (IncomingFilter.RESPONSES_TO_OUR_MAIL, "ann@acme.test", False, Reason.NO_CORRELATION_MATCH),
    (IncomingFilter.FROM_LEADS_CONTACTS_ACCOUNTS, "ann@acme.test", True, Reason.SENDER_MATCH),
    (IncomingFilter.FROM_LEADS_CONTACTS_ACCOUNTS, "support@us.test", False, Reason.NO_SENDER_MATCH),
    (IncomingFilter.FROM_EMAIL_ENABLED_RECORDS, "support@us.test", True, Reason.SENDER_MATCH),
    (IncomingFilter.FROM_EMAIL_ENABLED_RECORDS, "bob@us.test", False, Reason.INTERNAL_EMAIL_REJECT),
    (IncomingFilter.FROM_EMAIL_ENABLED_RECORDS, "stranger@else.test", False, Reason.NO_SENDER_MATCH),
    (IncomingFilter.NO_MESSAGES, "ann@acme.test", False, Reason.FILTER_TAKES_NOTHING),
]


@pytest.mark.parametrize(("takes", "sender", "kept", "reason"), FILTERS)
def test_each_filter_takes_what_it_says(company: Company, takes, sender, kept, reason) -> None:  # 5.4
    profile = company.exchange_profile()
    company.user("Bob", profile)
    company.queue("Support", profile)
    Contact.objects.create(full_name="Ann", email_address_1="ann@acme.test")
    alice = company.user("Alice", profile, takes)
    company.sandbox.deliver("alice@us.test", letter(sender, "alice@us.test", "Hello", "x"))

    receive(alice)

    row = LedgerRow.objects.get()
    assert ((row.state == LedgerState.TRACKED), row.reason) == (kept, reason)
    assert Email.objects.exists() is kept


def test_one_letter_to_two_mailboxes_is_one_email_with_two_ledger_rows(company: Company, profile) -> None:  # 5.10
    alice, bob = company.user("Alice", profile), company.user("Bob", profile)
    raw = letter("ann@acme.test", ["alice@us.test", "bob@us.test"], "Both of you", "x")
    company.sandbox.deliver(["alice@us.test", "bob@us.test"], raw)

    receive(alice)
    receive(bob)

    email = Email.objects.get()
    assert {row.mailbox: row.reason for row in email.ledger_rows.all()} == {
        alice: Reason.ACCEPT_ALL,
        bob: Reason.DUPLICATE,
    }


def test_the_same_letter_twice_in_one_mailbox_is_one_row_with_a_copy(company: Company, profile) -> None:
    alice = company.user("Alice", profile)
    raw = letter("ann@acme.test", "alice@us.test", "Twice", "x")
    company.sandbox.deliver("alice@us.test", raw)
    company.sandbox.deliver("alice@us.test", raw)

    receive(alice)

    assert Email.objects.count() == 1
    total = assert_balanced(alice)
    assert (total.shown, total.tracked, total.copies) == (2, 1, 1)


def test_mail_to_the_support_queue_waits_there(company: Company, profile) -> None:  # 5.18
    support = company.queue("Support", profile)
    company.sandbox.deliver("support@us.test", letter("ann@acme.test", "support@us.test", "Help", "x"))

    receive(support)

    item = QueueItem.objects.get()
    assert item.object == Email.objects.get()
    assert item.object.accepting_queue == support.regarding_queue


def test_processed_mail_of_a_queue_is_deleted_on_the_server_only_when_asked(company: Company, profile) -> None:  # 5.24
    support = company.queue("Support", profile, process_and_delete_emails=True)
    sales = company.queue("Sales", profile)
    for address in ("support@us.test", "sales@us.test"):
        company.sandbox.deliver(address, letter("ann@acme.test", address, "Help", "x"))

    receive(support)
    receive(sales)

    assert company.sandbox.inbox("support@us.test") == []
    assert len(company.sandbox.inbox("sales@us.test")) == 1
    assert Email.objects.count() == 2
    assert_balanced(support)


def test_tracked_mail_gets_the_category_in_exchange(company: Company) -> None:  # 5.23
    alice = company.user("Alice", company.exchange_profile())
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "Hello", "x"))

    receive(alice)
    receive(alice)

    assert company.sandbox.inbox("alice@us.test")[0]["categories"] == ["Tracked to CRM"]
    assert_balanced(alice)


def test_reading_never_changes_what_the_owner_sees_as_unread(company: Company, profile) -> None:  # 5.2
    alice = company.user("Alice", profile)
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "Hello", "x"))

    receive(alice)

    assert company.sandbox.inbox("alice@us.test")[0]["is_read"] is False
