"""What an attempt leaves behind that broke off: recipients of whom it is known, and drafts that nobody needs (law 7)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mailboxes.lease import Lease
from mailboxes.models import Leg, Mailbox, MailboxLeg
from profiles.connectors.base import AuthenticationFailed, ConnectorError, Throttled, Transient
from serversync.cycles import engine
from tests.company import Company, leg, run, send
from tests.stories.test_outgoing_trouble import ANN, BOB, again, known, put_off, refuse, subjects_in, submit
from tracking.crm import delivery
from tracking.crm.models import Email
from tracking.crm.models.states import DeliveryState, EmailStatus, RecipientState
from tracking.keep.drafts import held_drafts

S, R = EmailStatus, RecipientState


@pytest.fixture
def alice(company: Company) -> Mailbox:
    return company.user("Alice", company.pop3_profile())


# The line breaks


def nobody_knows(company: Company, alice: Mailbox, *recipients: str) -> Email:
    """The line breaks after the server has taken it for those whom it does not refuse."""
    email = submit(alice, *recipients)
    company.sandbox.fault(face="smtp", operation="DATA", effect="drop", after_effect=True, times=1)
    run(alice, Leg.OUTGOING)
    assert (again(email).status_code, again(email).delivery_state) == (S.SENDING, DeliveryState.UNKNOWN)
    return again(email)


def test_who_was_refused_before_the_line_broke_has_not_got_it(company: Company, alice: Mailbox) -> None:  # law 7
    refuse(company, BOB, "550", "5.1.1 no such user")
    email = nobody_knows(company, alice, ANN, BOB)
    delivery.resolve_unknown(email, was_sent=True, now=timezone.now())
    assert known(email) == {ANN: R.ACCEPTED, BOB: R.REFUSED}
    assert (again(email).status_code, again(email).delivery_state) == (S.SENT, DeliveryState.PARTLY_REFUSED)
    assert [party.delivery_detail for party in delivery.in_trouble(email)] == ["550 5.1.1 no such user"]


def test_who_was_put_off_before_the_line_broke_is_tried_again(company: Company, alice: Mailbox) -> None:  # 7.4
    put_off(company, times=1)
    email = nobody_knows(company, alice, ANN, BOB)
    delivery.resolve_unknown(email, was_sent=True, now=timezone.now())
    assert (again(email).status_code, known(email)) == (S.PENDING_SEND, {ANN: R.ACCEPTED, BOB: R.NOT_SENT})
    send(alice)
    assert subjects_in(company, BOB) == []  # the server asked for some minutes
    run(alice, Leg.OUTGOING, again(email).postpone_email_processing_until)
    assert (again(email).status_code, known(email)) == (S.SENT, {ANN: R.ACCEPTED, BOB: R.ACCEPTED})
    assert (subjects_in(company, ANN), subjects_in(company, BOB)) == (["Offer"], ["Offer"])


def test_words_of_an_earlier_attempt_do_not_count_for_the_one_that_broke(company: Company, alice: Mailbox) -> None:
    email = submit(alice, ANN, BOB)  # law 7
    put_off(company, times=1)
    send(alice)
    company.sandbox.fault(face="smtp", operation="DATA", effect="drop", after_effect=True, times=1)
    run(alice, Leg.OUTGOING, again(email).postpone_email_processing_until)
    assert again(email).delivery_state == DeliveryState.UNKNOWN
    delivery.resolve_unknown(again(email), was_sent=True, now=timezone.now())
    assert (again(email).status_code, known(email)) == (S.SENT, {ANN: R.ACCEPTED, BOB: R.ACCEPTED})


def test_sent_again_it_is_tried_for_everybody_who_has_not_got_it(company: Company, alice: Mailbox) -> None:  # 7.4
    refuse(company, BOB, "550", "5.1.1 no such user")
    email = nobody_knows(company, alice, ANN, BOB)
    delivery.resolve_unknown(email, was_sent=False, now=timezone.now())
    send(alice)
    assert (again(email).status_code, known(email)) == (S.SENT, {ANN: R.ACCEPTED, BOB: R.ACCEPTED})


# Drafts


@pytest.fixture
def bob(company: Company) -> Mailbox:
    return company.user("Bob", company.exchange_profile())


def leaves_a_draft(company: Company, bob: Mailbox) -> Email:
    """Saved as a draft; then the server would not send it now."""
    email = submit(bob, subject="Wrong")
    company.sandbox.fault(face="ews", operation="SendItem", effect="response", code="ErrorServerBusy", times=1)
    assert run(bob, Leg.OUTGOING).error is not None
    assert (again(email).status_code, drafts_of_bob(company)) == (S.PENDING_SEND, ["Wrong"])
    MailboxLeg.objects.filter(mailbox=bob).update(postponed_until=None)
    return again(email)


def drafts_of_bob(company: Company) -> list[str]:
    return [item["subject"] for item in company.sandbox.inbox("bob@us.test", folder="drafts")]


@pytest.mark.parametrize("deed", [delivery.take_back, delivery.cancel])
def test_a_draft_of_what_was_taken_back_does_not_stay_in_drafts(company: Company, bob: Mailbox, deed) -> None:  # law 7
    email = leaves_a_draft(company, bob)
    deed(email, timezone.now())
    assert leg(bob, Leg.OUTGOING).requested_on is not None
    company.sandbox.fault(face="ews", operation="DeleteItem", effect="response", code="ErrorAccessDenied", times=1)
    send(bob)  # the server does not want to give up this one: that stops nothing
    assert drafts_of_bob(company) == ["Wrong"]
    send(bob)
    assert drafts_of_bob(company) == []
    company.sandbox.clear_log()
    send(bob)
    assert company.sandbox.log()["counters"].get("ews", {}) == {}  # and nobody looks again


TROUBLE = [
    ({"effect": "status", "status": 401}, AuthenticationFailed),
    ({"effect": "response", "code": "ErrorServerBusy"}, Throttled),
    ({"effect": "drop"}, Transient),
]


@pytest.mark.parametrize(("fault", "kind"), TROUBLE, ids=lambda value: str(value))
def test_trouble_of_the_mailbox_while_drafts_are_removed_is_told_and_ends_the_run(
    company: Company, bob: Mailbox, fault: dict, kind: type[ConnectorError]
) -> None:  # law 7, 4.6
    emails = [submit(bob, subject="Wrong"), leaves_a_draft(company, bob)]
    for email in emails:
        delivery.take_back(again(email), timezone.now())
    held = held_drafts(leg(bob, Leg.OUTGOING).pk)
    company.sandbox.clear_log()
    company.sandbox.fault(face="ews", operation="FindItem", times=1, **fault)
    assert isinstance(run(bob, Leg.OUTGOING).error, kind)
    assert company.sandbox.log()["counters"]["ews"] == {"FindItem": 1}
    assert (held_drafts(leg(bob, Leg.OUTGOING).pk), len(held)) == (held, 2)
    MailboxLeg.objects.filter(mailbox=bob).update(postponed_until=None, stopped_on=None, enabled=True)
    send(bob)
    assert (drafts_of_bob(company), held_drafts(leg(bob, Leg.OUTGOING).pk)) == ([], {})


def test_drafts_are_removed_until_the_time_of_the_run_is_up_and_the_rest_by_the_next(
    company: Company, bob: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:  # law 7
    for email in [submit(bob, subject="Wrong"), leaves_a_draft(company, bob)]:
        delivery.take_back(again(email), timezone.now())
    times = iter([timedelta(0), timedelta(hours=1)])
    monkeypatch.setattr(Lease, "elapsed_since", lambda *_: next(times, timedelta(0)))
    ended = engine.drain(timezone.now, 60, among=[leg(bob, Leg.OUTGOING).pk])
    assert [(one.error, one.report.more) for one in ended] == [(None, True), (None, False)]
    assert (drafts_of_bob(company), held_drafts(leg(bob, Leg.OUTGOING).pk)) == ([], {})


def test_the_old_draft_goes_when_the_changed_email_leaves(company: Company, bob: Mailbox) -> None:  # law 7
    email = leaves_a_draft(company, bob)
    delivery.take_back(email, timezone.now())
    Email.objects.filter(pk=email.pk).update(subject="Right")
    delivery.submit(again(email), timezone.now())
    send(bob)
    assert (subjects_in(company, ANN), drafts_of_bob(company)) == (["Right"], [])


def test_a_draft_that_waits_for_the_next_attempt_stays_and_is_sent(company: Company, bob: Mailbox) -> None:  # law 7
    email = leaves_a_draft(company, bob)
    Email.objects.filter(pk=email.pk).update(postpone_email_processing_until=timezone.now() + timedelta(hours=1))
    send(bob)
    assert drafts_of_bob(company) == ["Wrong"]
    Email.objects.filter(pk=email.pk).update(postpone_email_processing_until=None)
    send(bob)
    assert (subjects_in(company, ANN), drafts_of_bob(company)) == (["Wrong"], [])
