"""What is put off, held, taken back or refused on its way out, and how people see and settle it (7.3, 7.4)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from mailboxes import brake
from mailboxes.models import Leg, Mailbox, OutgoingDeliveryMethod, TraceLog
from profiles.connectors.base import ConnectorError, ItemDelayed, ItemRejected
from profiles.connectors.mime import Address
from serversync.cycles import engine, outgoing
from tests.company import Company, decide, leg, run, send
from tracking.crm import delivery
from tracking.crm.models import DomainEvent, Email
from tracking.crm.models.states import DeliveryState, EmailStatus, HoldReason, Priority, RecipientState
from tracking.crm.storage import path_of
from tracking.crm.writing import NewEmail, write_draft

ANN, BOB = "ann@acme.test", "bob@acme.test"
S, R = EmailStatus, RecipientState


@pytest.fixture
def alice(company: Company) -> Mailbox:
    return company.user("Alice", company.pop3_profile())


def submit(mailbox: Mailbox, *to: str, subject: str = "Offer", when: datetime | None = None, **columns) -> Email:
    now = when or timezone.now()
    draft = write_draft(NewEmail(mailbox, [Address("", one) for one in to or (ANN,)], subject, text="Dear Ann"), now)
    Email.objects.filter(pk=draft.pk).update(**columns)
    draft.refresh_from_db()
    delivery.submit(draft, now)
    return draft


def again(email: Email) -> Email:
    return Email.objects.select_related("sender_mailbox").get(pk=email.pk)


def known(email: Email) -> dict[str, int]:
    return dict(delivery.parties_of(email).values_list("address_used", "delivery_state"))


def subjects_in(company: Company, address: str) -> list[str]:
    return [item["subject"] for item in company.sandbox.inbox(address)]


def alerts(mailbox: Mailbox) -> list[str]:
    return list(TraceLog.objects.filter(mailbox=mailbox, closed_on=None).values_list("cause", flat=True))


# Recipients


def put_off(company: Company, times: int) -> None:
    words = "4.2.0 Greylisted, try again later"
    company.sandbox.fault(
        face="smtp", operation="RCPT", mailbox=BOB, effect="smtp", code="450", text=words, times=times
    )


def refuse(company: Company, address: str, code: str, text: str) -> None:
    company.sandbox.fault(face="smtp", operation="RCPT", mailbox=address, effect="smtp", code=code, text=text, times=1)


def test_who_is_put_off_gets_it_later_and_nobody_gets_it_twice(company: Company, alice: Mailbox) -> None:  # 7.4
    email = submit(alice, ANN, BOB)
    put_off(company, times=2)
    for waiting in (timedelta(minutes=5), timedelta(minutes=10)):
        before = max(timezone.now(), again(email).postpone_email_processing_until or timezone.now())
        run(alice, Leg.OUTGOING, before)
        email = again(email)
        assert (email.status_code, email.delivery_state) == (S.PENDING_SEND, DeliveryState.ACCEPTED)
        assert email.postpone_email_processing_until == before + waiting
        assert known(email) == {ANN: R.ACCEPTED, BOB: R.NOT_SENT}
        assert "Greylisted" in delivery.in_trouble(email)[0].delivery_detail
    run(alice, Leg.OUTGOING, email.postpone_email_processing_until)
    assert again(email).status_code == S.SENT
    assert known(email) == {ANN: R.ACCEPTED, BOB: R.ACCEPTED}
    assert (subjects_in(company, ANN), subjects_in(company, BOB)) == (["Offer"], ["Offer"])
    assert DomainEvent.objects.filter(kind="email.sent").count() == 1


def test_who_is_put_off_too_often_is_given_up(company: Company, alice: Mailbox) -> None:  # 7.4
    decide(maximum_email_delivery_attempts=2)
    email = submit(alice, ANN, BOB)
    put_off(company, times=9)
    send(alice)
    run(alice, Leg.OUTGOING, again(email).postpone_email_processing_until)
    email = again(email)
    assert (email.status_code, email.delivery_state) == (S.SENT, DeliveryState.PARTLY_REFUSED)
    assert known(email) == {ANN: R.ACCEPTED, BOB: R.REFUSED}


def test_what_everybody_puts_off_fails_in_the_end_and_can_be_sent_again(company: Company, alice: Mailbox) -> None:
    decide(maximum_email_delivery_attempts=2)  # 7.4
    email = submit(alice, BOB)
    put_off(company, times=2)
    send(alice)
    run(alice, Leg.OUTGOING, again(email).postpone_email_processing_until)
    email = again(email)
    assert (email.status_code, email.delivery_state) == (S.FAILED, DeliveryState.NOT_SENT)
    delivery.submit(email, timezone.now())
    assert email.delivery_attempts == 1  # a new chance
    send(alice)
    assert (again(email).status_code, known(email)) == (S.SENT, {BOB: R.ACCEPTED})


def test_a_delay_that_the_server_gives_is_obeyed_exactly(company: Company, alice: Mailbox) -> None:  # law 8
    email, now = submit(alice, BOB), timezone.now()
    text = "4.7.1 Greylisted, try again in 90 seconds"
    company.sandbox.fault(face="smtp", operation="RCPT", effect="smtp", code="450", text=text, times=1)
    run(alice, Leg.OUTGOING, now)
    assert again(email).postpone_email_processing_until == now + timedelta(seconds=90)


def test_trouble_of_the_server_uses_up_no_attempt(company: Company, alice: Mailbox) -> None:  # 7.3, 7.4
    emails, now = [submit(alice), submit(alice)], timezone.now()
    company.sandbox.fault(face="smtp", operation="MAIL", effect="smtp", code="421", text="closing", times=6)
    for number in range(3):
        assert isinstance(run(alice, Leg.OUTGOING, now + timedelta(hours=number)).error, ConnectorError)
    assert [again(email).delivery_attempts for email in emails] == [1, 0]
    assert {again(email).status_code for email in emails} == {S.PENDING_SEND}


def test_one_email_whose_bytes_are_lost_stops_no_other(company: Company, alice: Mailbox, settings) -> None:  # law 5
    from django.core.files.storage import storages

    lost, fine = submit(alice, subject="Lost"), submit(alice)
    storages["blobs"].delete(path_of(lost.original_id))
    send(alice)
    assert (again(lost).status_code, again(fine).status_code) == (S.FAILED, S.SENT)
    assert "composed anew" in again(lost).delivery_detail
    delivery.take_back(lost := again(lost), timezone.now())
    delivery.submit(lost, timezone.now())
    send(alice)
    assert sorted(subjects_in(company, ANN)) == ["Lost", "Offer"]


# Waiting


def test_the_urgent_leaves_first_and_then_what_was_written_first(company: Company, alice: Mailbox) -> None:  # 7.9
    for subject, priority in (("one", Priority.NORMAL), ("two", Priority.HIGH), ("three", Priority.LOW)):
        submit(alice, subject=subject, delivery_priority_code=priority)
    submit(alice, subject="four")
    send(alice)
    assert subjects_in(company, ANN) == ["two", "one", "four", "three"]


def test_a_full_mailbox_keeps_what_waits(company: Company) -> None:  # 7.3
    bob = company.user("Bob", company.exchange_profile())
    email = submit(bob)
    company.sandbox.fault(face="ews", operation="CreateItem", effect="response", code="ErrorQuotaExceeded", times=1)
    assert run(bob, Leg.OUTGOING).error is not None
    assert again(email).status_code == S.PENDING_SEND
    assert "bob@us.test is full" in delivery.why_waiting(again(email), timezone.now())
    send(bob)
    assert again(email).status_code == S.SENT


def test_alice_is_told_why_her_email_has_not_left(company: Company, alice: Mailbox) -> None:  # 7.3
    email, now = submit(alice), timezone.now()

    def why() -> str:
        return delivery.why_waiting(again(email), now)

    assert why() == "It leaves with the next run of its mailbox."
    soon = now + timedelta(hours=1)
    Email.objects.filter(pk=email.pk).update(postpone_email_processing_until=soon)
    assert f"tried again on {soon:%Y-%m-%d at %H:%M} UTC" in why()
    Email.objects.filter(pk=email.pk).update(delayed_email_send_time=soon)
    assert f"to leave on {soon:%Y-%m-%d at %H:%M} UTC" in why()
    pause = brake.pause(brake.Scope(mailbox=alice), "Move to the new server", "an operator", now)
    assert "Move to the new server" in why()
    brake.resume(pause, "an operator", now)
    Mailbox.objects.filter(pk=alice.pk).update(outgoing_email_delivery_method=OutgoingDeliveryMethod.NONE)
    assert "The delivery method is None" in why()
    Email.objects.filter(pk=email.pk).update(hold_reason=HoldReason.TOO_OLD)
    assert why().startswith("Held: it has waited so long")
    Email.objects.filter(pk=email.pk).update(sender_mailbox=None)
    assert "does not exist any more" in why()
    Email.objects.filter(pk=email.pk).update(status_code=S.SENT)
    assert why() == ""


def test_alice_is_told_that_the_server_does_not_answer(company: Company, alice: Mailbox) -> None:  # 7.3, law 13
    email = submit(alice)
    company.sandbox.fault(face="smtp", operation="MAIL", effect="smtp", code="421", text="closing", times=2)
    run(alice, Leg.OUTGOING)
    assert "The last attempt to send from this mailbox failed" in delivery.why_waiting(again(email), timezone.now())


# Held


def test_an_old_backlog_asks_before_it_leaves(company: Company, alice: Mailbox) -> None:  # 7.3
    now = timezone.now()
    old = submit(alice, subject="Old", when=now - timedelta(hours=80))
    planned = submit(
        alice, subject="Planned", when=now - timedelta(hours=80), delayed_email_send_time=now - timedelta(hours=1)
    )
    fresh = submit(alice, subject="Fresh")
    send(alice)
    assert sorted(subjects_in(company, ANN)) == ["Fresh", "Planned"]
    assert {again(one).status_code for one in (planned, fresh)} == {S.SENT}
    assert again(old).hold_reason == HoldReason.TOO_OLD
    assert alerts(alice) == ["outgoing backlog"]
    assert not send(alice).report.found_something  # and it asks once

    delivery.release([again(old)], timezone.now())
    assert alerts(alice) == []
    send(alice)
    assert again(old).status_code == S.SENT
    with pytest.raises(delivery.IllegalMove, match="not held"):
        delivery.release([again(old)], timezone.now())


@pytest.mark.parametrize("hours", [0, 100])
def test_whoever_does_not_want_to_be_asked_is_not(company: Company, alice: Mailbox, hours: int) -> None:  # 7.3
    decide(ask_before_sending_after_hours=hours)
    submit(alice, when=timezone.now() - timedelta(hours=80))
    assert send(alice).report.sent == 1


def test_two_machines_that_answer_each_other_are_stopped(company: Company, alice: Mailbox) -> None:  # 7.7
    decide(mails_per_hour_to_one_address=3)
    emails = [submit(alice, "Ann@acme.test" if number % 2 else ANN, subject=str(number)) for number in range(5)]
    other = submit(alice, BOB)
    send(alice)
    assert [again(email).status_code for email in emails] == [S.SENT] * 3 + [S.PENDING_SEND] * 2
    assert {again(email).hold_reason for email in emails[3:]} == {HoldReason.LOOP}
    assert (again(other).status_code, alerts(alice)) == (S.SENT, ["outgoing loop"])

    later = submit(alice, subject="5")
    send(alice)
    assert again(later).hold_reason == HoldReason.LOOP

    delivery.release([again(emails[3])], timezone.now())
    send(alice)
    assert again(emails[3]).status_code == S.SENT
    assert alerts(alice) == ["outgoing loop"]  # others are still held
    delivery.cancel(again(emails[4]), timezone.now())
    delivery.take_back(again(later), timezone.now())
    assert alerts(alice) == []
    assert len(subjects_in(company, ANN)) == 4


def test_after_an_hour_the_next_may_go(company: Company, alice: Mailbox) -> None:
    decide(mails_per_hour_to_one_address=1)
    submit(alice)
    send(alice)
    Email.objects.update(sent_on=timezone.now() - timedelta(minutes=61))
    submit(alice)
    assert send(alice).report.sent == 1


# Taken back


def send_in_turns(mailbox: Mailbox) -> None:
    """As many outgoing cycles as are asked for meanwhile."""
    ended = engine.drain(timezone.now, 60, among=[leg(mailbox, Leg.OUTGOING).pk])
    assert [one.error for one in ended] == [None] * len(ended) != []


def test_alice_takes_her_email_back_changes_it_and_sends_it(company: Company, alice: Mailbox) -> None:  # 7.4
    email = submit(alice)
    delivery.take_back(email, timezone.now())
    assert not send(alice).report.found_something
    Email.objects.filter(pk=email.pk).update(subject="Better offer", description="Dear Ann, once more")
    delivery.submit(again(email), timezone.now())
    send(alice)
    [arrived] = company.sandbox.inbox(ANN)
    assert arrived["subject"] == "Better offer"
    assert b"once more" in company.sandbox.raw(ANN, arrived["id"])


def test_what_some_have_already_cannot_be_taken_back(company: Company, alice: Mailbox) -> None:  # 7.4
    email = submit(alice, ANN, BOB)
    put_off(company, times=1)
    send(alice)
    for deed in (delivery.take_back, delivery.cancel):
        with pytest.raises(delivery.IllegalMove, match="some recipients have it already"):
            deed(again(email), timezone.now())
    assert again(email).status_code == S.PENDING_SEND


@pytest.mark.parametrize("kind", ["pop3", "exchange"])
def test_what_is_changed_in_the_last_moment_leaves_as_it_was_changed(
    company: Company, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # 7.2, 7.4
    mailbox = company.user("Bob", company.pop3_profile() if kind == "pop3" else company.exchange_profile())
    email = submit(mailbox, subject="Wrong")
    hand_over, moments = outgoing.Outgoing._hand_over, ["one"]

    def a_moment_later(self: outgoing.Outgoing, which: Email) -> None:
        if moments:
            moments.pop()
            delivery.take_back(again(email), timezone.now())
            Email.objects.filter(pk=email.pk).update(subject="Right")
            delivery.submit(again(email), timezone.now())
        hand_over(self, which)

    monkeypatch.setattr(outgoing.Outgoing, "_hand_over", a_moment_later)
    send_in_turns(mailbox)
    assert (again(email).status_code, subjects_in(company, ANN)) == (S.SENT, ["Right"])
    assert company.sandbox.inbox("bob@us.test", folder="drafts") == []


def test_a_refusal_of_the_old_version_does_not_fail_the_new_one(
    company: Company, alice: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:  # 7.4
    email = submit(alice, BOB, subject="Wrong")
    refuse(company, BOB, "550", "5.1.1 no such user")
    not_taken = outgoing.Outgoing._not_taken

    def a_moment_later(self: outgoing.Outgoing, which: Email, error: ItemRejected | ItemDelayed) -> None:
        delivery.take_back(again(email), timezone.now())
        Email.objects.filter(pk=email.pk).update(subject="Right")
        delivery.submit(again(email), timezone.now())
        not_taken(self, which, error)

    monkeypatch.setattr(outgoing.Outgoing, "_not_taken", a_moment_later)
    send_in_turns(alice)
    assert (again(email).status_code, known(email), subjects_in(company, BOB)) == (S.SENT, {BOB: R.ACCEPTED}, ["Right"])


@pytest.mark.parametrize("kind", ["pop3", "exchange"])
def test_what_is_taken_back_in_the_last_moment_does_not_leave(
    company: Company, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # 7.4
    mailbox = company.user("Bob", company.pop3_profile() if kind == "pop3" else company.exchange_profile())
    email, other = submit(mailbox, subject="Wrong"), submit(mailbox, subject="Right")
    hand_over = outgoing.Outgoing._hand_over

    def a_moment_later(self: outgoing.Outgoing, which: Email) -> None:
        if which.pk == email.pk:
            delivery.take_back(again(email), timezone.now())
        hand_over(self, which)

    monkeypatch.setattr(outgoing.Outgoing, "_hand_over", a_moment_later)
    send_in_turns(mailbox)
    assert (again(email).status_code, again(other).status_code) == (S.DRAFT, S.SENT)
    assert subjects_in(company, ANN) == ["Right"]
    assert company.sandbox.inbox("bob@us.test", folder="drafts") == []
    assert leg(mailbox, Leg.OUTGOING).failures == 0
