"""What people write leaves once, through the mailbox it was written in, over SMTP and over Exchange."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mailboxes.models import Leg, Mailbox
from profiles.connectors import mime
from profiles.connectors.mime import Address
from profiles.models import CredentialRetrieval
from profiles.secrets import Sealed
from serversync.cycles import engine
from tests.company import PASSWORD, Company, assert_balanced, decide, leg, receive, run, send
from tests.letters import letter
from tracking.crm import delivery
from tracking.crm.models import DomainEvent, Email
from tracking.crm.models.states import DeliveryState, EmailStatus, RecipientState
from tracking.crm.writing import NewEmail, write_draft
from tracking.decide.verdicts import Reason
from tracking.models import LedgerRow


@pytest.fixture(params=["pop3", "exchange"])
def profile(request, company):
    return company.pop3_profile() if request.param == "pop3" else company.exchange_profile()


def submit(mailbox: Mailbox, to: str = "ann@acme.test", subject: str = "Offer", **more) -> Email:
    email = write_draft(NewEmail(mailbox, [Address("Ann", to)], subject, text="Dear Ann", **more), timezone.now())
    delivery.submit(email, timezone.now())
    return email


def test_a_submitted_email_arrives_once_and_is_sent(company: Company, profile) -> None:
    alice = company.user("Alice", profile)
    email = submit(alice, cc=[Address("", "carl@acme.test")], bcc=[Address("", "boss@us.test")])

    ended = send(alice)

    email.refresh_from_db()
    assert ended.report.sent == 1
    assert (email.status_code, email.delivery_state) == (EmailStatus.SENT, DeliveryState.ACCEPTED)
    for address in ("ann@acme.test", "carl@acme.test", "boss@us.test"):
        (arrived,) = company.sandbox.inbox(address)
        raw = company.sandbox.raw(address, arrived["id"])
        assert mime.envelope(raw).message_id == email.message_id
        assert b"boss@us.test" not in raw.split(b"\r\n\r\n")[0].replace(b"for <boss@us.test>", b"")
    assert [event.kind for event in DomainEvent.objects.all()] == ["email.submitted", "email.sent"]
    assert not send(alice).report.found_something
    assert len(company.sandbox.inbox("ann@acme.test")) == 1


def test_the_copy_in_sent_items_is_there_once(company: Company) -> None:  # 7.8
    alice = company.user("Alice", company.exchange_profile())
    submit(alice)
    send(alice)
    assert len(company.sandbox.inbox("alice@us.test", folder="sentitems")) == 1
    assert company.sandbox.inbox("alice@us.test", folder="drafts") == []


def test_an_answer_joins_the_conversation_at_both_ends(company: Company, profile) -> None:
    alice = company.user("Alice", profile)
    company.sandbox.deliver(
        "alice@us.test", letter("ann@acme.test", "alice@us.test", "Quote?", "x", message_id="<q@acme.test>")
    )
    receive(alice)
    question = Email.objects.get()
    answer = submit(alice, subject="Re: Quote?", answers=question)
    send(alice)

    (arrived,) = company.sandbox.inbox("ann@acme.test")
    sent = mime.envelope(company.sandbox.raw("ann@acme.test", arrived["id"]))
    assert (sent.in_reply_to, sent.references) == (("<q@acme.test>",), ("<q@acme.test>",))
    assert answer.conversation_tracking_id == question.conversation_tracking_id


def test_mail_to_ones_own_queue_comes_back_as_the_same_email(company: Company, profile) -> None:  # peers 4
    alice, support = company.user("Alice", profile), company.queue("Support", profile)
    email = submit(alice, to="support@us.test")
    send(alice)
    receive(support)
    row = LedgerRow.objects.get(mailbox=support)
    assert (row.email, row.reason) == (email, Reason.OUR_OWN_COPY)
    assert Email.objects.count() == 1
    assert_balanced(support)


def test_a_refused_recipient_fails_the_email_and_says_why(company: Company) -> None:  # 7.4
    alice = company.user("Alice", company.pop3_profile())
    refused, fine = submit(alice, to="permerror@acme.test"), submit(alice)
    ended = send(alice)
    refused.refresh_from_db()
    fine.refresh_from_db()
    assert (ended.report.sent, ended.report.failed) == (1, 1)
    assert (refused.status_code, refused.delivery_state) == (EmailStatus.FAILED, DeliveryState.REFUSED)
    assert "permerror@acme.test" in refused.delivery_detail
    assert fine.status_code == EmailStatus.SENT


def test_one_refused_of_two_is_told_and_the_other_gets_it(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    email = submit(alice, cc=[Address("", "permerror@acme.test")])
    send(alice)
    email.refresh_from_db()
    assert (email.status_code, email.delivery_state) == (EmailStatus.SENT, DeliveryState.PARTLY_REFUSED)
    told = {party.address_used: party.delivery_state for party in delivery.parties_of(email)}
    assert told == {"ann@acme.test": RecipientState.ACCEPTED, "permerror@acme.test": RecipientState.REFUSED}
    assert [party.address_used for party in delivery.in_trouble(email)] == ["permerror@acme.test"]
    assert len(company.sandbox.inbox("ann@acme.test")) == 1


def test_a_delayed_recipient_is_tried_again_later(company: Company) -> None:  # 7.4
    alice = company.user("Alice", company.pop3_profile())
    email = submit(alice, to="temperror@acme.test")
    before = timezone.now()
    send(alice)
    email.refresh_from_db()
    assert email.status_code == EmailStatus.PENDING_SEND
    assert email.postpone_email_processing_until >= before + timedelta(minutes=5)
    assert leg(alice, Leg.OUTGOING).due_on <= email.postpone_email_processing_until
    assert not send(alice).report.found_something


def test_a_failed_email_can_be_sent_again(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    email = submit(alice, to="permerror@acme.test")
    send(alice)
    email.refresh_from_db()
    message_id = email.message_id
    delivery.submit(email, timezone.now())
    send(alice)
    email.refresh_from_db()
    assert (email.status_code, email.message_id, email.delivery_attempts) == (EmailStatus.FAILED, message_id, 2)


def test_a_line_that_breaks_after_handing_over_is_unknown_and_never_sent_again(company: Company) -> None:  # law 7
    alice = company.user("Alice", company.pop3_profile())
    email = submit(alice)
    company.sandbox.fault(face="smtp", operation="DATA", effect="drop", after_effect=True, times=1)
    run(alice, Leg.OUTGOING)
    email.refresh_from_db()
    assert (email.status_code, email.delivery_state) == (EmailStatus.SENDING, DeliveryState.UNKNOWN)
    send(alice)
    assert len(company.sandbox.inbox("ann@acme.test")) == 1

    delivery.resolve_unknown(email, was_sent=True, now=timezone.now())
    email.refresh_from_db()
    assert email.status_code == EmailStatus.SENT


def nobody_knows(email: Email) -> None:
    Email.objects.filter(pk=email.pk).update(status_code=EmailStatus.SENDING, delivery_state=DeliveryState.UNKNOWN)


def test_the_copy_in_sent_items_settles_what_nobody_knew(company: Company) -> None:  # law 7
    decide(auto_track_sent_folder_items=True)
    alice = company.user("Alice", company.exchange_profile())
    receive(alice)
    email = submit(alice)
    send(alice)
    nobody_knows(email)
    receive(alice)
    email.refresh_from_db()
    assert LedgerRow.objects.get().reason == Reason.OUR_OWN_COPY
    assert (email.status_code, email.delivery_state) == (EmailStatus.SENT, DeliveryState.ACCEPTED)


def test_the_copy_a_colleague_got_settles_what_nobody_knew(company: Company, profile) -> None:  # law 7
    alice, bob = company.user("Alice", profile), company.user("Bob", profile)
    email = submit(alice, to="bob@us.test")
    send(alice)
    nobody_knows(email)
    receive(bob)
    email.refresh_from_db()
    assert (email.status_code, email.delivery_state) == (EmailStatus.SENT, DeliveryState.ACCEPTED)


def test_an_answer_settles_what_nobody_knew(company: Company) -> None:  # law 7
    alice = company.user("Alice", company.pop3_profile())
    email = submit(alice)
    company.sandbox.fault(face="smtp", operation="DATA", effect="drop", after_effect=True, times=1)
    run(alice, Leg.OUTGOING)
    company.sandbox.deliver(
        "alice@us.test", letter("ann@acme.test", "alice@us.test", "Re: Offer", "Yes", in_reply_to=email.message_id)
    )
    receive(alice)
    email.refresh_from_db()
    assert (email.status_code, email.delivery_state) == (EmailStatus.SENT, DeliveryState.ACCEPTED)
    assert Email.objects.get(direction_code=False).correlated_activity == email


def test_an_answer_by_subject_alone_settles_nothing(company: Company) -> None:  # law 7
    decide(auto_track_sent_folder_items=True)
    alice = company.user("Alice", company.exchange_profile())
    receive(alice)
    email = submit(alice)
    send(alice)
    (copy,) = company.sandbox.inbox("alice@us.test", folder="sentitems")
    company.sandbox.delete("alice@us.test", copy["id"])
    nobody_knows(email)
    forwarded = letter("alice@us.test", "carl@acme.test", "Re: Offer", "See", in_reply_to=email.message_id)
    company.sandbox.deliver("alice@us.test", forwarded, folder="sentitems")
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "Re: Offer", "Yes"))
    receive(alice)
    email.refresh_from_db()
    assert (email.status_code, email.delivery_state) == (EmailStatus.SENDING, DeliveryState.UNKNOWN)


def test_exchange_tells_what_became_of_a_letter_whose_line_broke(company: Company) -> None:  # law 7
    alice = company.user("Alice", company.exchange_profile())
    email = submit(alice)
    company.sandbox.fault(face="ews", operation="SendItem", effect="drop", after_effect=True, times=1)
    run(alice, Leg.OUTGOING)
    run(alice, Leg.OUTGOING)
    email.refresh_from_db()
    assert len(company.sandbox.inbox("ann@acme.test")) == 1
    assert (email.status_code, email.delivery_state) == (EmailStatus.SENT, DeliveryState.ACCEPTED)


def test_a_draft_without_recipients_is_not_submitted(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    draft = write_draft(NewEmail(alice, [], "Nobody", text="x"), timezone.now())
    with pytest.raises(ValueError, match="To: the email has no recipient"):
        delivery.submit(draft, timezone.now())


def test_a_malformed_address_is_named(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    with pytest.raises(ValueError, match="not-an-address"):
        write_draft(NewEmail(alice, [Address("", "not-an-address")], "x", text="x"), timezone.now())


@pytest.mark.parametrize("to", [EmailStatus.SENT, EmailStatus.SENDING, EmailStatus.RECEIVED])
def test_illegal_moves_raise(company: Company, to) -> None:  # law 11
    alice = company.user("Alice", company.pop3_profile())
    draft = write_draft(NewEmail(alice, [Address("", "ann@acme.test")], "x", text="x"), timezone.now())
    with pytest.raises(delivery.IllegalMove):
        delivery.move(draft, to, timezone.now())


def test_mailboxes_that_log_in_alike_share_one_connection(company: Company) -> None:
    profile = company.pop3_profile(
        outgoing_credential_retrieval=CredentialRetrieval.SPECIFIED_IN_PROFILE,
        outgoing_username="relay@us.test",
        outgoing_password=Sealed.of(PASSWORD),
    )
    company.sandbox.account("relay@us.test", PASSWORD)
    people = [company.user(name, profile) for name in ("Alice", "Bob", "Carol")]
    for mailbox in people:
        submit(mailbox)
    company.sandbox.clear_log()

    legs = [leg(mailbox, Leg.OUTGOING).pk for mailbox in people]
    ended = engine.drain(timezone.now, 60, among=legs)

    assert [one.report.sent for one in ended] == [1, 1, 1]
    logins = [one for one in company.sandbox.log()["requests"] if one["operation"] == "AUTH"]
    assert len(logins) == 1
