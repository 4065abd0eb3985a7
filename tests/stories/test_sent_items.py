"""What people send from their own programs is tracked from Sent Items, where the organization wants it so (5.3)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mailboxes.models import IncomingFilter, Mailbox, QueueItem
from serversync.audit import compare_with_servers
from tests.company import Company, assert_balanced, decide, receive, row_of, run, write
from tests.letters import letter
from tracking.crm.models import Contact, Email
from tracking.crm.models.states import DeliveryState, EmailStatus, RecipientState
from tracking.decide.verdicts import Reason
from tracking.facts.sent_items import SENT_SINCE
from tracking.models import LedgerRow, SyncCursor


@pytest.fixture(params=["pop3", "exchange"])
def profile(request, company):
    return company.pop3_profile() if request.param == "pop3" else company.exchange_profile()


def test_what_alice_sends_from_her_own_program_is_tracked_as_sent(company: Company) -> None:  # 5.3
    decide(auto_track_sent_folder_items=True)
    ann = Contact.objects.create(full_name="Ann", email_address_1="ann@acme.test")
    alice = company.user("Alice", company.exchange_profile(), IncomingFilter.FROM_LEADS_CONTACTS_ACCOUNTS)
    receive(alice)
    raw = letter("Alice <alice@us.test>", "ann@acme.test", "Offer", "Dear Ann")
    stranger = letter("alice@us.test", "zoe@else.test", "Hobby", "Dear Zoe")
    for one in (raw, stranger):
        company.sandbox.deliver("alice@us.test", one, folder="sentitems")
    ours = write(alice, "ann@acme.test", "From here")

    ended = receive(alice)

    assert ended.report.seen == 3
    kept = Email.objects.exclude(pk=ours.pk).get()
    assert (kept.direction_code, kept.status_code, kept.delivery_state) == (
        True,
        EmailStatus.SENT,
        DeliveryState.ACCEPTED,
    )
    assert (kept.sender_mailbox, kept.receiving_mailbox, kept.accepting_user) == (alice, None, alice.regarding_user)
    assert kept.parties.get(participation_type_mask=2).party == ann
    assert kept.parties.get(participation_type_mask=2).delivery_state == RecipientState.ACCEPTED
    assert kept.subject == "Offer"
    assert sorted(LedgerRow.objects.values_list("reason", flat=True)) == [
        Reason.SENDER_MATCH,
        Reason.NO_SENDER_MATCH,
        Reason.OUR_OWN_COPY,
    ]
    assert LedgerRow.objects.get(reason=Reason.OUR_OWN_COPY).email == ours
    assert {cursor.folder for cursor in SyncCursor.objects.all()} == {"inbox", "sentitems", SENT_SINCE}
    assert_balanced(alice)
    receive(alice)  # our own category comes back as a change
    assert not receive(alice).report.found_something


def test_an_answer_to_what_alice_sent_from_her_own_program_is_an_answer(company: Company) -> None:  # 5.3, 6.1
    decide(auto_track_sent_folder_items=True)
    profile = company.exchange_profile()
    alice, bob = company.user("Alice", profile), company.user("Bob", profile, IncomingFilter.RESPONSES_TO_OUR_MAIL)
    receive(alice)
    sent = letter("alice@us.test", "ann@acme.test", "Offer", "x", message_id="<offer@us.test>")
    company.sandbox.deliver("alice@us.test", sent, folder="sentitems")
    receive(alice)
    answer = letter("ann@acme.test", "bob@us.test", "Re: Offer", "yes", in_reply_to="<offer@us.test>")
    company.sandbox.deliver("bob@us.test", answer)
    receive(bob)
    assert row_of(bob).reason == Reason.CORRELATION_MATCH


def test_sent_items_are_left_alone_by_default_and_where_there_are_none(company: Company, profile) -> None:  # 5.3
    if profile.name == "POP3":
        decide(auto_track_sent_folder_items=True)
    alice = company.user("Alice", profile)
    company.sandbox.deliver("alice@us.test", letter("alice@us.test", "ann@acme.test", "Offer", "x"), folder="sentitems")
    assert receive(alice).report.seen == 0


def test_sent_items_of_a_queue_are_never_deleted_after_processing(company: Company) -> None:  # 5.3, 5.24
    decide(auto_track_sent_folder_items=True)
    support = company.queue("Support", company.exchange_profile(), process_and_delete_emails=True)
    receive(support)
    company.sandbox.deliver(
        "support@us.test", letter("support@us.test", "ann@acme.test", "Solved", "x"), folder="sentitems"
    )
    company.sandbox.deliver("support@us.test", letter("ann@acme.test", "support@us.test", "Help", "x"))
    receive(support)
    assert len(company.sandbox.inbox("support@us.test", "sentitems")) == 1
    assert company.sandbox.inbox("support@us.test") == []
    assert QueueItem.objects.get().object.subject == "Help"


def sends(company: Company, subject: str, days_ago: int = 0) -> str:
    """Alice sends something with her own program."""
    raw = letter("alice@us.test", "ann@acme.test", subject, "x")
    received = (timezone.now() - timedelta(days=days_ago)).isoformat() if days_ago else None
    (item,) = company.sandbox.deliver("alice@us.test", raw, folder="sentitems", received=received)
    return item


def subjects() -> list[str]:
    return sorted(Email.objects.values_list("subject", flat=True))


def agrees_with_server() -> bool:
    compared = compare_with_servers(timezone.now)
    return len(compared) > 1 and all(one.agrees for one in compared)


@pytest.fixture
def alice(company: Company) -> Mailbox:
    return company.user("Alice", company.exchange_profile())


def test_the_years_before_the_switch_are_left_alone(company: Company, alice: Mailbox) -> None:  # 5.3
    sends(company, "Last year", days_ago=400)
    receive(alice)
    decide(auto_track_sent_folder_items=True)
    receive(alice)
    sends(company, "Today")

    receive(alice)

    assert subjects() == ["Today"]
    assert SyncCursor.objects.get(folder="sentitems").older == 1
    assert_balanced(alice)
    assert agrees_with_server()


def test_a_start_date_says_how_far_back_sent_items_are_read(company: Company, alice: Mailbox) -> None:  # 5.3, 2.10
    sends(company, "Last year", days_ago=400)
    sends(company, "Last week", days_ago=7)
    Mailbox.objects.filter(pk=alice.pk).update(process_email_received_after=timezone.now() - timedelta(days=30))
    decide(auto_track_sent_folder_items=True)

    receive(alice)

    assert subjects() == ["Last week"]
    assert agrees_with_server()


def test_a_server_that_forgets_the_place_brings_no_flood_of_sent_mail(company: Company, alice: Mailbox) -> None:  # 5.3
    sends(company, "Last year", days_ago=400)
    decide(auto_track_sent_folder_items=True)
    receive(alice)
    company.sandbox.lose_sync_state("alice@us.test")
    sends(company, "Today")

    receive(alice)

    assert subjects() == ["Today"]
    assert_balanced(alice)
    assert agrees_with_server()


def test_what_is_sent_while_it_is_switched_off_stays_out_when_it_is_on_again(  # 5.3
    company: Company, alice: Mailbox
) -> None:
    decide(auto_track_sent_folder_items=True)
    receive(alice)
    sends(company, "Before")
    receive(alice)
    decide()
    sends(company, "Meanwhile")
    receive(alice)
    a_day_later = timezone.now() + timedelta(days=1)
    decide(auto_track_sent_folder_items=True)
    ended = run(alice, now=a_day_later)
    assert ended.error is None

    assert subjects() == ["Before"]
    assert SyncCursor.objects.get(folder="sentitems").older == 2
    assert_balanced(alice)
    assert agrees_with_server()


def test_a_mailbox_whose_sent_items_were_read_already_goes_on_where_it_was(company: Company, alice: Mailbox) -> None:
    """5.3, before the moment of the switch was kept."""
    decide(auto_track_sent_folder_items=True)
    receive(alice)
    SyncCursor.objects.filter(folder=SENT_SINCE).delete()
    sends(company, "Today")

    receive(alice)

    assert subjects() == ["Today"]
