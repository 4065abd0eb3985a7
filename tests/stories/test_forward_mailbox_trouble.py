"""A forward mailbox in trouble: what is for nobody, what is deleted when, and what waits (8.4, 5.22, 5.24)."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from mailboxes import brake
from mailboxes.models import (
    Approval,
    IncomingFilter,
    Mailbox,
    MailboxLeg,
    TraceLog,
)
from profiles.models import EmailServerProfile
from tests.company import FORWARD, Company, assert_balanced, decide, leg, receive
from tests.forwarding import (
    ALICE,
    BOB,
    FORWARDS,
    OPENED,
    SUPPORT,
    carriers,
    forward,
    mail,
    profile,
    row,
    subjects,
)
from tests.letters import forwarded, letter
from tests.poison import Cure, poison
from tracking.crm.models import Email
from tracking.keep.completing import is_header_only
from tracking.keep.redo import ignore, redo
from tracking.models import Acknowledgement, LedgerRow, LedgerState, Placement

__all__ = ["poison", "profile"]  # fixtures


# Failures (8.4)


NOT_FORWARDED = letter(ALICE, FORWARD, "Hi", "Did my rule work?")
AT_ONCE = [
    ("nothing attached", NOT_FORWARDED, "forward as an attachment"),
    ("a stranger", forwarded("eve@else.test", FORWARD, mail("x")), "eve@else.test, which is the address of no user"),
    ("read itself", forwarded(BOB, FORWARD, mail("x")), "does not come through a forward mailbox"),
    ("no sender", forwarded("", FORWARD, mail("x")), "names no sender"),
]


@pytest.mark.parametrize(("raw", "words"), [case[1:] for case in AT_ONCE], ids=[case[0] for case in AT_ONCE])
def test_what_is_for_nobody_fails_at_once_and_says_what_to_do(company: Company, raw: bytes, words: str) -> None:
    profile = company.pop3_profile()
    company.user("Alice", profile, **FORWARDS)
    company.user("Bob", profile)
    box = company.forward_mailbox(profile, process_and_delete_emails=True)
    company.sandbox.deliver(FORWARD, raw)
    forward(company, mail("Fine"))

    ended = receive(box)

    failed = LedgerRow.objects.get(state=LedgerState.QUARANTINED)
    assert (failed.attempts, failed.mailbox) == (1, box)
    assert "InvalidForwardMailItem" in failed.error
    assert words in failed.error
    assert failed.raw.size == len(raw)
    assert (ended.report.failed, ended.report.quarantined) == (1, 1)
    assert subjects() == ["Fine"]  # one bad item costs one row
    assert TraceLog.objects.get(mailbox=box, closed_on=None).cause == "messages not tracked"
    assert len(company.sandbox.inbox(FORWARD)) == 1  # never deleted
    assert_balanced(box)


OBSTACLES = {
    "inactive": ({"state_code": 1}, "inactive"),
    "not approved": ({"email_router_access_approval": Approval.PENDING}, "not approved"),
}


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_once_the_cause_is_gone_redo_brings_it_in(company: Company, profile: EmailServerProfile, obstacle: str) -> None:
    columns, words = OBSTACLES[obstacle]
    alice = company.user("Alice", profile, **FORWARDS)
    box = company.forward_mailbox(profile, process_and_delete_emails=True)
    Mailbox.objects.filter(pk=alice.pk).update(**columns)
    forward(company, mail("Offer"))
    receive(box)
    assert words in row(box).error
    Mailbox.objects.filter(pk=alice.pk).update(state_code=0, email_router_access_approval=Approval.APPROVED)

    assert redo(LedgerRow.objects.filter(mailbox=box), timezone.now()) == 1
    receive(box)

    assert subjects() == ["Offer"]
    assert carriers(box) == [OPENED]
    assert row(box).raw is None  # the email has the bytes now
    assert company.sandbox.inbox(FORWARD) == []
    assert TraceLog.objects.filter(mailbox=box, closed_on=None).count() == 0
    for mailbox in (alice, box):
        assert_balanced(mailbox)


def test_what_was_moved_to_undeliverable_is_opened_from_the_bytes_that_were_kept(company: Company) -> None:  # 2.10
    profile = company.exchange_profile(move_undelivered_emails=True)
    alice, box = company.user("Alice", profile), company.forward_mailbox(profile)
    forward(company, mail("Offer"), mail("Second"))
    receive(box)
    receive(box)
    assert company.sandbox.inbox(FORWARD) == []
    Mailbox.objects.filter(pk=alice.pk).update(**FORWARDS)
    brake.pause(brake.Scope(mailbox=alice), "holiday", "Charlie", timezone.now())

    redo(LedgerRow.objects.filter(mailbox=box), timezone.now())
    receive(box)  # opened; what it carried waits for Alice

    assert LedgerRow.objects.filter(mailbox=alice, state=LedgerState.PENDING).count() == 2
    assert row(box).raw is not None
    brake.resume(brake.pauses_in_force().get(), "Charlie", timezone.now())
    receive(box)
    assert subjects() == ["Offer", "Second"]
    assert row(box).raw is None
    assert not Placement.objects.filter(mailbox=alice, gone_on=None).exists()
    for mailbox in (alice, box):
        assert_balanced(mailbox)


def test_a_person_may_ignore_it_and_its_bytes_go(company: Company) -> None:
    box = company.forward_mailbox(company.pop3_profile())
    company.sandbox.deliver(FORWARD, NOT_FORWARDED)
    receive(box)

    ignore(LedgerRow.objects.all(), "alice", timezone.now())

    assert (row(box).state, row(box).raw) == (LedgerState.IGNORED, None)


def test_a_carrier_over_the_limit_stays_on_the_server_unopened(company: Company) -> None:  # 5.19
    profile = company.pop3_profile()
    company.user("Alice", profile, **FORWARDS)
    box = company.forward_mailbox(profile, process_and_delete_emails=True)
    decide(maximum_message_size=1024 * 1024)
    forward(company, mail("Large", attachments=[("a.bin", "application/octet-stream", bytes(900_000))]))

    receive(box)

    assert "larger than 1 MB" in row(box).error
    assert len(company.sandbox.inbox(FORWARD)) == 1
    decide()
    redo(LedgerRow.objects.all(), timezone.now())
    receive(box)
    assert subjects() == ["Large"]
    assert not is_header_only(Email.objects.get())
    assert company.sandbox.inbox(FORWARD) == []


# Deleting (5.24)


def test_a_carrier_is_deleted_when_all_it_carried_is_decided(
    company: Company, profile: EmailServerProfile, poison: Cure
) -> None:
    alice = company.user("Alice", profile, **FORWARDS)
    box = company.forward_mailbox(profile, process_and_delete_emails=True)
    forward(company, mail("One"), mail("Poison"))
    forward(company, mail("Two"))

    receive(box)
    assert len(company.sandbox.inbox(FORWARD)) == 1  # one of two still waits
    for _ in range(5):
        LedgerRow.objects.filter(state=LedgerState.PENDING).update(retry_on=None)
        receive(box)
    assert LedgerRow.objects.filter(state=LedgerState.QUARANTINED).count() == 1
    assert len(company.sandbox.inbox(FORWARD)) == 1  # put aside is not decided

    poison()
    redo(LedgerRow.objects.filter(mailbox=alice), timezone.now())
    receive(box)

    assert company.sandbox.inbox(FORWARD) == []
    assert subjects() == ["One", "Poison", "Two"]
    assert not Placement.objects.filter(gone_on=None).exists()  # what was read from it has gone with it
    assert not Placement.objects.exclude(acknowledge=Acknowledgement.NONE).exists()
    for mailbox in (alice, box):
        assert_balanced(mailbox)


def test_nothing_is_deleted_unless_the_forward_mailbox_says_so(company: Company) -> None:  # 8.5
    profile = company.pop3_profile()
    company.queue("Support", profile, process_and_delete_emails=True, **FORWARDS)
    box = company.forward_mailbox(profile)
    forward(company, mail("Help", SUPPORT), by=SUPPORT)

    receive(box)

    assert subjects() == ["Help"]
    assert len(company.sandbox.inbox(FORWARD)) == 1
    assert not Placement.objects.exclude(acknowledge=Acknowledgement.NONE).exists()


def test_what_somebody_deletes_before_it_is_judged_is_gone_for_alice_too(
    company: Company, profile: EmailServerProfile
) -> None:
    alice, box = company.user("Alice", profile, **FORWARDS), company.forward_mailbox(profile)
    brake.pause(brake.Scope(mailbox=alice), "holiday", "Charlie", timezone.now())
    item = forward(company, mail("Offer"))
    receive(box)
    company.sandbox.delete(FORWARD, item)

    receive(box)

    assert row(alice).state == LedgerState.GONE
    assert redo(LedgerRow.objects.filter(mailbox=alice), timezone.now()) == 0
    for mailbox in (alice, box):
        assert_balanced(mailbox)


def test_what_waits_for_a_disabled_user_goes_on_waiting(company: Company) -> None:
    profile = company.pop3_profile()
    alice, box = company.user("Alice", profile, **FORWARDS), company.forward_mailbox(profile)
    brake.pause(brake.Scope(mailbox=alice), "holiday", "Charlie", timezone.now())
    forward(company, mail("Offer"))
    receive(box)
    brake.resume(brake.pauses_in_force().get(), "Charlie", timezone.now())
    get_user_model().objects.filter(username="alice").update(is_active=False)

    receive(box)
    assert row(alice).state == LedgerState.PENDING
    get_user_model().objects.filter(username="alice").update(is_active=True)
    # Since then her mailbox is read itself; what was forwarded before is hers all the same.
    Mailbox.objects.filter(pk=alice.pk).update(incoming_email_delivery_method=2)
    receive(box)

    assert subjects() == ["Offer"]


def test_ignored_mail_that_turns_out_to_be_an_answer_is_read_from_its_carrier_again(
    company: Company, profile: EmailServerProfile
) -> None:
    company.user("Alice", profile, IncomingFilter.RESPONSES_TO_OUR_MAIL, **FORWARDS)
    bob, box = company.user("Bob", profile), company.forward_mailbox(profile)
    forward(company, mail("Re: Question", in_reply_to="<question@acme.test>"))
    receive(box)
    assert subjects() == []
    company.sandbox.deliver(BOB, mail("Question", BOB, message_id="<question@acme.test>"))
    MailboxLeg.objects.update(requested_on=None)
    receive(bob)

    assert leg(box).requested_on is not None
    receive(box)

    assert subjects() == ["Question", "Re: Question"]
