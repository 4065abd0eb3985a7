"""Who gets which mail: several recipients, lists, Bcc, colleagues, Sent Items, exclusions, queues. Over sockets."""

from __future__ import annotations

import pytest
from django.utils import timezone

from mailboxes.models import Approval, IncomingFilter, Mailbox, QueueItem
from profiles.connectors import mime
from profiles.connectors.mime import Address
from tests.company import Company, assert_balanced, decide, receive, row_of, write
from tests.letters import letter
from tracking.crm.identity import content_key
from tracking.crm.models import Contact, Email
from tracking.decide.verdicts import Reason
from tracking.facts.visibility import visible_emails
from tracking.facts.why import explain
from tracking.keep.redo import redo
from tracking.models import LedgerRow, LedgerState, Tombstone, TrackingExclusion
from tracking.models.exclusions import ExclusionKind

RESPONSES = IncomingFilter.RESPONSES_TO_OUR_MAIL


@pytest.fixture(params=["pop3", "exchange"])
def profile(request, company):
    return company.pop3_profile() if request.param == "pop3" else company.exchange_profile()


# 5.7


def test_mail_to_alice_and_support_is_accepted_by_support_though_alices_mailbox_came_first(
    company: Company, profile
) -> None:  # 5.7, 5.18
    alice, support = company.user("Alice", profile, RESPONSES), company.queue("Support", profile)
    raw = letter("ann@acme.test", ["alice@us.test", "support@us.test"], "Both of you", "x")
    company.sandbox.deliver(["alice@us.test", "support@us.test"], raw)

    receive(alice)

    email = Email.objects.get()
    assert (email.accepting_queue, email.receiving_mailbox) == (support.regarding_queue, alice)
    item = QueueItem.objects.get()
    assert (item.queue, item.object) == (support.regarding_queue, email)
    assert [(one["name"], one["accepted"]) for one in row_of(alice).evidence["candidates"]] == [
        ("Alice", False),
        ("Support", True),
    ]
    (told,) = explain(email.message_id)
    assert "Alice: no." in dict(told.evidence_lines)["Who was asked"]

    receive(support)
    assert QueueItem.objects.get() == item
    assert row_of(support).reason == Reason.DUPLICATE
    assert Email.objects.get() == email
    assert_balanced(alice)
    assert_balanced(support)


@pytest.mark.parametrize(
    "support_is",
    [
        {"email_router_access_approval": Approval.PENDING},
        {"state_code": 1},
        {"incoming_email_delivery_method": 0},
    ],
)
def test_a_queue_that_receives_nothing_here_accepts_nothing(company: Company, support_is) -> None:  # 5.7
    profile = company.exchange_profile()
    alice, support = company.user("Alice", profile, RESPONSES), company.queue("Support", profile)
    Mailbox.objects.filter(pk=support.pk).update(**support_is)
    raw = letter("ann@acme.test", ["alice@us.test", "support@us.test"], "Both of you", "x")
    company.sandbox.deliver("alice@us.test", raw)
    receive(alice)
    assert row_of(alice).reason == Reason.NO_CORRELATION_MATCH
    assert not QueueItem.objects.exists()


def test_the_organization_can_have_only_the_mailbox_read_asked(company: Company) -> None:  # 5.7
    decide(use_filtering_method_of_syncing_mailbox_only_for_correlation=True)
    profile = company.exchange_profile()
    alice, support = company.user("Alice", profile, RESPONSES), company.queue("Support", profile)
    raw = letter("ann@acme.test", ["alice@us.test", "support@us.test"], "Both of you", "x")
    company.sandbox.deliver(["alice@us.test", "support@us.test"], raw)
    receive(alice)
    assert not Email.objects.exists()
    receive(support)
    assert Email.objects.get().receiving_mailbox == support


def test_one_filter_can_be_forced_on_all_users_but_not_on_queues(company: Company) -> None:  # 5.5
    decide(sss_force_filtering_method_for_user_mailboxes=int(IncomingFilter.NO_MESSAGES))
    profile = company.exchange_profile()
    alice, support = company.user("Alice", profile), company.queue("Support", profile)
    for mailbox in (alice, support):
        company.sandbox.deliver(mailbox.email_address, letter("ann@acme.test", mailbox.email_address, "Hello", "x"))
        receive(mailbox)
    assert row_of(alice).reason == Reason.FILTER_TAKES_NOTHING
    assert row_of(support).reason == Reason.ACCEPT_ALL


# 5.9


def test_list_mail_is_judged_by_alices_own_filter_and_says_how_it_came(company: Company, profile) -> None:  # 5.9
    Contact.objects.create(full_name="Ann", email_address_1="ann@acme.test")
    alice = company.user("Alice", profile, IncomingFilter.FROM_LEADS_CONTACTS_ACCOUNTS)
    raw = letter("ann@acme.test", "team@lists.test", "Minutes", "x", extra_headers=[("Delivered-To", "alice@us.test")])
    company.sandbox.deliver("alice@us.test", raw)

    receive(alice)

    row = row_of(alice)
    assert (row.state, row.reason) == (LedgerState.TRACKED, Reason.SENDER_MATCH)
    assert row.evidence["delivered"] == "through a list or Bcc"
    assert row.evidence["delivered_to"] == ["alice@us.test"]


@pytest.mark.parametrize(("takes", "kept"), [(IncomingFilter.ALL_MESSAGES, True), (RESPONSES, False)])
def test_in_strict_mode_a_blind_copy_is_kept_only_by_who_takes_everything(company: Company, takes, kept) -> None:  # 5.9
    decide(recognize_list_and_bcc_delivery=False)
    alice = company.user("Alice", company.exchange_profile(), takes)
    question = write(alice, "ann@acme.test", "Quote")
    answer = letter("ann@acme.test", "boss@acme.test", "Re: Quote", "x", in_reply_to=question.message_id)
    company.sandbox.deliver("alice@us.test", answer)
    receive(alice)
    row = row_of(alice)
    assert ((row.state == LedgerState.TRACKED), row.reason == Reason.NO_RECIPIENT_MATCH) == (kept, not kept)


def test_a_blind_copy_to_support_waits_in_its_queue(company: Company, profile) -> None:  # 5.18
    alice, support = company.user("Alice", profile), company.queue("Support", profile)
    raw = letter("ann@acme.test", "alice@us.test", "Help", "x")
    company.sandbox.deliver(["alice@us.test", "support@us.test"], raw)

    receive(alice)
    assert not QueueItem.objects.exists()
    receive(support)

    email = Email.objects.get()
    assert email.accepting_user == alice.regarding_user
    assert [(item.queue, item.object) for item in QueueItem.objects.all()] == [(support.regarding_queue, email)]
    assert row_of(support).reason == Reason.DUPLICATE


def test_in_the_original_what_is_tracked_already_waits_in_no_further_queue(company: Company) -> None:  # 5.10
    decide(compatibility="dynamics")
    profile = company.exchange_profile()
    alice, support = company.user("Alice", profile), company.queue("Support", profile)
    company.sandbox.deliver(["alice@us.test", "support@us.test"], letter("ann@acme.test", "alice@us.test", "Help", "x"))
    receive(alice)
    receive(support)
    assert row_of(support).email == Email.objects.get()
    assert not QueueItem.objects.exists()


# 5.11


def test_mail_between_colleagues_is_not_tracked_unless_it_answers(company: Company, profile) -> None:  # 5.11
    alice, bob = company.user("Alice", profile), company.user("Bob", profile)
    question = write(bob, "ann@acme.test", "Quote")
    lunch = letter("bob@us.test", "alice@us.test", "Lunch?", "x")
    about = letter("bob@us.test", "alice@us.test", "Re: Quote", "see this", in_reply_to=question.message_id)
    for raw in (lunch, about):
        company.sandbox.deliver("alice@us.test", raw)

    receive(alice)

    assert sorted(LedgerRow.objects.filter(mailbox=alice).values_list("reason", "state")) == [
        (Reason.CORRELATION_MATCH, LedgerState.TRACKED),
        (Reason.INTERNAL_EMAIL_REJECT, LedgerState.IGNORED),
    ]
    assert Email.objects.get(direction_code=False).correlated_activity == question
    assert_balanced(alice)


def test_a_colleagues_answer_joins_when_what_it_answers_is_tracked_later(
    company: Company, profile
) -> None:  # 5.11, 6.1
    alice, bob = company.user("Alice", profile), company.user("Bob", profile)
    question = letter("ann@acme.test", "bob@us.test", "Quote", "x", message_id="<quote@acme.test>")
    about = letter("bob@us.test", "alice@us.test", "Re: Quote", "see this", in_reply_to="<quote@acme.test>")
    company.sandbox.deliver("alice@us.test", about)
    company.sandbox.deliver("bob@us.test", question)

    receive(alice)
    assert row_of(alice).reason == Reason.INTERNAL_EMAIL_REJECT
    receive(bob)
    receive(alice)

    assert row_of(alice).reason == Reason.CORRELATION_MATCH
    assert_balanced(alice)


def test_what_alice_sends_to_bob_is_one_email_that_both_see(company: Company, profile) -> None:  # 5.11
    alice, bob = company.user("Alice", profile), company.user("Bob", profile)
    email = write(alice, "bob@us.test", cc=[Address("", "alice@us.test")])

    receive(bob)
    receive(alice)

    assert Email.objects.get() == email
    assert [row.reason for row in LedgerRow.objects.all()] == [Reason.OUR_OWN_COPY] * 2
    for mailbox in (alice, bob):
        assert email in visible_emails(mailbox.regarding_user)


def test_as_two_activities_bob_has_one_of_his_own_and_both_know_each_other(company: Company, profile) -> None:  # 5.11
    decide(track_mail_between_users_as_two_activities=True)
    alice, bob = company.user("Alice", profile), company.user("Bob", profile)
    sent = write(alice, "bob@us.test", cc=[Address("", "alice@us.test")])

    receive(alice)
    receive(bob)

    received = Email.objects.get(direction_code=False)
    sent.refresh_from_db()
    assert row_of(alice).email == sent
    assert row_of(bob).email == received
    assert (received.counterpart, sent.counterpart) == (sent, received)
    assert (received.accepting_user, received.receiving_mailbox) == (bob.regarding_user, bob)
    assert received.message_id == sent.message_id
    assert_balanced(bob)


def test_what_alice_writes_to_support_waits_there_as_one_email(company: Company, profile) -> None:  # 5.11, 5.18
    alice, support = company.user("Alice", profile), company.queue("Support", profile)
    email = write(alice, "support@us.test")
    receive(support)
    assert Email.objects.get() == email
    assert QueueItem.objects.get().object == email


# Exclusions and tombstones


def test_what_alice_excludes_is_not_tracked_for_her_but_for_bob(company: Company, profile) -> None:
    alice, bob = company.user("Alice", profile), company.user("Bob", profile)
    TrackingExclusion.objects.create(
        mailbox=alice, kind=ExclusionKind.DOMAIN, value="acme.test", created_on=timezone.now()
    )
    company.sandbox.deliver("alice@us.test", letter("ann@mail.acme.test", "alice@us.test", "To Alice", "x"))
    company.sandbox.deliver("bob@us.test", letter("ann@mail.acme.test", "bob@us.test", "To Bob", "x"))

    receive(alice)
    receive(bob)

    assert (row_of(alice).state, row_of(alice).reason) == (LedgerState.IGNORED, Reason.EXCLUDED)
    assert row_of(alice).evidence["value"] == "acme.test"
    assert row_of(bob).state == LedgerState.TRACKED


def test_what_the_organization_excludes_nobody_takes(company: Company, profile) -> None:
    bob = company.user("Bob", profile)
    TrackingExclusion.objects.create(kind=ExclusionKind.ADDRESS, value="ann@acme.test", created_on=timezone.now())
    company.sandbox.deliver("bob@us.test", letter("Ann <Ann@ACME.test>", "bob@us.test", "Hello", "x"))
    receive(bob)
    assert row_of(bob).reason == Reason.EXCLUDED
    assert_balanced(bob)


def test_a_conversation_alice_excluded_goes_on_without_us(company: Company, profile) -> None:
    alice = company.user("Alice", profile)
    first = write(alice, "ann@acme.test", "Private")
    TrackingExclusion.objects.create(
        mailbox=alice,
        kind=ExclusionKind.THREAD,
        value=str(first.conversation_tracking_id),
        created_on=timezone.now(),
    )
    answer = letter("ann@acme.test", "alice@us.test", "Re: Private", "x", in_reply_to=first.message_id)
    company.sandbox.deliver("alice@us.test", answer)
    receive(alice)
    assert row_of(alice).reason == Reason.EXCLUDED


def test_what_was_removed_from_alices_mailbox_does_not_come_back_there(company: Company, profile) -> None:  # law 12
    alice, bob = company.user("Alice", profile), company.user("Bob", profile)
    raw = letter("ann@acme.test", ["alice@us.test", "bob@us.test"], "Hello", "x")
    company.sandbox.deliver(["alice@us.test", "bob@us.test"], raw)
    removed = content_key(mime.envelope(raw))
    Tombstone.objects.create(mailbox=alice, content_key=removed, removed_on=timezone.now())
    receive(bob)
    assert row_of(bob).content_key == removed
    assert Email.objects.get().owner == bob.regarding_user  # 5.16: though she is the first whom it names
    receive(alice)
    assert (row_of(alice).state, row_of(alice).reason) == (LedgerState.IGNORED, Reason.REMOVED_BEFORE)
    assert row_of(alice).email is None
    assert Email.objects.get() not in visible_emails(alice.regarding_user)
    assert_balanced(alice)


# 5.20


def test_protected_mail_is_left_alone_where_the_organization_wants_it_so(company: Company, profile) -> None:  # 5.20
    decide(restrict_irm_email_items=True)
    alice = company.user("Alice", profile)
    raw = b"Content-Class: rpmsg.message\r\n" + letter("ann@acme.test", "alice@us.test", "Secret", "x")
    company.sandbox.deliver("alice@us.test", raw)
    receive(alice)
    assert row_of(alice).reason == Reason.RIGHTS_PROTECTED
    assert not Email.objects.exists()


# The ledger


def test_ignored_mail_that_is_judged_again_after_the_filter_has_changed_is_kept(company: Company, profile) -> None:
    alice = company.user("Alice", profile, RESPONSES)
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "Hello", "x"))
    receive(alice)
    alice.regarding_user.sync_settings.incoming_email_filtering_method = IncomingFilter.ALL_MESSAGES
    alice.regarding_user.sync_settings.save()
    redo(LedgerRow.objects.all(), timezone.now())
    receive(alice)
    assert row_of(alice).email == Email.objects.get()
    assert_balanced(alice)


def test_the_sender_is_known_while_the_evidence_is(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile(), RESPONSES)
    company.sandbox.deliver("alice@us.test", letter("Zoe <Zoe@Else.test>", "alice@us.test", "Hello", "x"))
    receive(alice)
    assert row_of(alice).sender == "zoe@else.test"
