"""A mail comes back: the email that was sent says so, whatever the filter; nobody forges it from outside."""

from __future__ import annotations

import pytest
from django.utils import timezone

from mailboxes.models import IncomingFilter, Leg, QueueItem
from profiles.connectors import mime
from profiles.connectors.mime import Address
from profiles.connectors.smtp import SmtpOutbox
from tests.company import Company, assert_balanced, receive, run, send
from tests.letters import letter
from tests.profiles.reports_samples import dsn, receipt
from tracking.crm import delivery
from tracking.crm.models import DomainEvent, Email
from tracking.crm.models.states import (
    AutomaticKind,
    CorrelationMethod,
    DeliveryState,
    EmailStatus,
    RecipientState,
)
from tracking.crm.writing import NewEmail, write_draft
from tracking.decide.verdicts import Reason
from tracking.keep.bounces import note_reports
from tracking.models import LedgerRow

UNKNOWN = ("ann@acme.test", "failed", "5.1.1", "550 5.1.1 User unknown")
FULL = ("bob@acme.test", "failed", "5.2.2", "552 5.2.2 Mailbox full")
DELIVERED = ("ann@acme.test", "delivered", "2.0.0", "250 Ok")
RELAYED = ("ann@acme.test", "relayed", "2.0.0", "250 Ok")
LATE = ("ann@acme.test", "delayed", "4.4.1", "connection timed out")


R = RecipientState


@pytest.fixture(params=["pop3", "exchange"])
def profile(request, company):
    return company.pop3_profile() if request.param == "pop3" else company.exchange_profile()


def known(email: Email) -> dict[str, tuple[int, str]]:
    """What is known of each recipient."""
    rows = delivery.parties_of(email).values_list("address_used", "delivery_state", "delivery_detail")
    return {address: (state, detail) for address, state, detail in rows}


def sent_to(mailbox, *addresses: str) -> Email:
    email = write_draft(NewEmail(mailbox, [Address("", one) for one in addresses], "Offer", text="x"), timezone.now())
    delivery.submit(email, timezone.now())
    send(mailbox)
    email.refresh_from_db()
    return email


def came_back(company: Company, mailbox, email: Email, *recipients, own_id: str = "<dsn-1@mx.acme.test>") -> Email:
    raw = dsn(*recipients, message_id=email.message_id, own_id=own_id, to=mailbox.email_address)
    company.sandbox.deliver(mailbox.email_address, raw)
    receive(mailbox)
    email.refresh_from_db()
    return email


def test_alice_sees_that_her_offer_came_back(company: Company, profile) -> None:
    alice = company.user("Alice", profile, IncomingFilter.RESPONSES_TO_OUR_MAIL)
    email = came_back(company, alice, sent_to(alice, "ann@acme.test"), UNKNOWN)
    assert (email.status_code, email.delivery_state) == (EmailStatus.SENT, DeliveryState.BOUNCED)
    assert known(email) == {"ann@acme.test": (R.BOUNCED, "5.1.1 550 5.1.1 User unknown")}
    bounce = Email.objects.get(direction_code=False)
    assert (bounce.correlated_activity, bounce.correlation_method) == (email, CorrelationMethod.IN_REPLY_TO)
    assert bounce.automatic_kind == AutomaticKind.BOUNCE
    assert LedgerRow.objects.get(email=bounce).evidence["header"] == "Delivery report"
    changed = DomainEvent.objects.get(kind="email.changed", subject_id=str(email.pk))
    assert changed.facts == {"delivery_state": DeliveryState.BOUNCED}
    assert_balanced(alice)


def test_of_two_recipients_one_came_back_and_then_the_other(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    email = sent_to(alice, "ann@acme.test", "bob@acme.test")
    came_back(company, alice, email, UNKNOWN)
    assert email.delivery_state == DeliveryState.PARTLY_BOUNCED
    came_back(company, alice, email, FULL, own_id="<dsn-2@mx.acme.test>")
    assert email.delivery_state == DeliveryState.BOUNCED
    assert known(email) == {
        "ann@acme.test": (R.BOUNCED, "5.1.1 550 5.1.1 User unknown"),
        "bob@acme.test": (R.BOUNCED, "5.2.2 552 5.2.2 Mailbox full"),
    }


def test_a_notice_of_delay_is_noted_until_more_is_known(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    email = came_back(company, alice, sent_to(alice, "ann@acme.test"), LATE)
    assert email.delivery_state == DeliveryState.ACCEPTED
    assert known(email) == {"ann@acme.test": (R.DELAYED, "4.4.1 connection timed out")}
    assert Email.objects.get(direction_code=False).automatic_kind == AutomaticKind.DELAY_NOTICE
    came_back(company, alice, email, UNKNOWN, own_id="<dsn-2@mx.acme.test>")
    assert email.delivery_state == DeliveryState.BOUNCED
    assert known(email)["ann@acme.test"][0] == R.BOUNCED


# What was known of the recipient, what reports say one after the other, and what is known in the end.
REPORTS = [
    ([DELIVERED], R.DELIVERED, DeliveryState.ACCEPTED),
    ([LATE, DELIVERED], R.DELIVERED, DeliveryState.ACCEPTED),
    ([LATE, RELAYED], R.ACCEPTED, DeliveryState.ACCEPTED),
    ([RELAYED], R.ACCEPTED, DeliveryState.ACCEPTED),
    ([DELIVERED, LATE], R.DELIVERED, DeliveryState.ACCEPTED),
    ([UNKNOWN, LATE], R.BOUNCED, DeliveryState.BOUNCED),
    ([UNKNOWN, DELIVERED], R.BOUNCED, DeliveryState.BOUNCED),
    ([DELIVERED, UNKNOWN], R.BOUNCED, DeliveryState.BOUNCED),
]


@pytest.mark.parametrize(("told", "recipient", "whole"), REPORTS)
def test_what_reports_make_of_a_recipient(
    company: Company, told: list, recipient: RecipientState, whole: DeliveryState
) -> None:
    alice = company.user("Alice", company.pop3_profile())
    email = sent_to(alice, "ann@acme.test")
    for number, one in enumerate(told):
        raw = dsn(one, message_id=email.message_id, own_id=f"<dsn-{number}@mx.acme.test>")
        note_reports([mime.report_of(raw, mime.envelope(raw))], timezone.now())
    email.refresh_from_db()
    assert (known(email)["ann@acme.test"][0], email.delivery_state) == (recipient, whole)


def test_alice_sees_that_ann_has_read_her_offer(company: Company, profile) -> None:  # 7.9
    alice = company.user("Alice", profile, IncomingFilter.RESPONSES_TO_OUR_MAIL)
    draft = write_draft(NewEmail(alice, [Address("", "ann@acme.test")], "Offer", text="x"), timezone.now())
    Email.objects.filter(pk=draft.pk).update(read_receipt_requested=True, delivery_receipt_requested=True)
    draft.refresh_from_db()
    delivery.submit(draft, timezone.now())
    send(alice)
    [arrived] = company.sandbox.inbox("ann@acme.test")
    asked = company.sandbox.raw("ann@acme.test", arrived["id"]).partition(b"\r\n\r\n")[0]
    assert b"Disposition-Notification-To: alice@us.test" in asked

    company.sandbox.deliver("alice@us.test", receipt(draft.message_id))
    receive(alice)
    draft.refresh_from_db()
    assert (known(draft), draft.delivery_state) == ({"ann@acme.test": (R.READ, "")}, DeliveryState.ACCEPTED)
    told = Email.objects.get(direction_code=False)
    assert (told.correlated_activity, told.automatic_kind) == (draft, AutomaticKind.RECEIPT)


def test_a_receipt_settles_what_nobody_knew(company: Company) -> None:  # law 7
    alice = company.user("Alice", company.pop3_profile())
    email = sent_to(alice, "ann@acme.test", "bob@acme.test")
    Email.objects.filter(pk=email.pk).update(status_code=EmailStatus.SENDING, delivery_state=DeliveryState.UNKNOWN)
    delivery.parties_of(email).update(delivery_state=R.NOT_SENT)
    company.sandbox.deliver("alice@us.test", receipt(email.message_id))
    receive(alice)
    email.refresh_from_db()
    assert (email.status_code, email.delivery_state) == (EmailStatus.SENT, DeliveryState.ACCEPTED)
    assert known(email) == {"ann@acme.test": (R.READ, ""), "bob@acme.test": (R.ACCEPTED, "")}


def test_a_report_says_nothing_about_an_email_that_waits(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    email = sent_to(alice, "ann@acme.test")
    Email.objects.filter(pk=email.pk).update(status_code=EmailStatus.PENDING_SEND, sent_on=None)
    delivery.parties_of(email).update(delivery_state=R.NOT_SENT)
    raw = dsn(UNKNOWN, message_id=email.message_id)
    note_reports([mime.report_of(raw, mime.envelope(raw))], timezone.now())
    assert known(email) == {"ann@acme.test": (R.NOT_SENT, "")}


def test_the_same_report_twice_changes_nothing_more(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    email = came_back(company, alice, sent_to(alice, "ann@acme.test"), UNKNOWN)
    before, events = known(email), DomainEvent.objects.filter(kind="email.changed").count()
    came_back(company, alice, email, UNKNOWN, own_id="<dsn-2@mx.acme.test>")
    assert (known(email), DomainEvent.objects.filter(kind="email.changed").count()) == (before, events)


def test_a_report_about_somebody_who_never_got_it_is_not_believed(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    email = came_back(company, alice, sent_to(alice, "ann@acme.test"), FULL)
    assert email.delivery_state == DeliveryState.ACCEPTED
    assert known(email) == {"ann@acme.test": (R.ACCEPTED, "")}


def test_a_report_about_mail_that_is_not_ours_is_judged_as_any_other(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile(), IncomingFilter.RESPONSES_TO_OUR_MAIL)
    company.sandbox.deliver("alice@us.test", dsn(UNKNOWN, message_id="<spam@else.test>"))
    receive(alice)
    assert LedgerRow.objects.get().reason == Reason.NO_CORRELATION_MATCH


def test_a_bounce_settles_what_nobody_knew(company: Company) -> None:  # law 7
    alice = company.user("Alice", company.pop3_profile())
    email = sent_to(alice, "ann@acme.test")
    Email.objects.filter(pk=email.pk).update(status_code=EmailStatus.SENDING, delivery_state=DeliveryState.UNKNOWN)
    came_back(company, alice, email, UNKNOWN)
    assert (email.status_code, email.delivery_state) == (EmailStatus.SENT, DeliveryState.BOUNCED)


def is_faster(monkeypatch: pytest.MonkeyPatch, report: tuple[str, str, str, str]) -> None:
    """The report is read after the server has taken the email, and before its worker says so."""
    handed = SmtpOutbox._hand_over

    def then_it_comes_back(self: SmtpOutbox, *parts) -> str:
        try:
            return handed(self, *parts)
        finally:
            [leaving] = Email.objects.filter(status_code=EmailStatus.SENDING)
            raw = dsn(report, message_id=leaving.message_id)
            note_reports([mime.report_of(raw, mime.envelope(raw))], timezone.now())

    monkeypatch.setattr(SmtpOutbox, "_hand_over", then_it_comes_back)


@pytest.mark.parametrize(
    ("report", "state", "whole"),
    [
        (UNKNOWN, R.BOUNCED, DeliveryState.PARTLY_BOUNCED),
        (LATE, R.DELAYED, DeliveryState.ACCEPTED),
        (DELIVERED, R.DELIVERED, DeliveryState.ACCEPTED),
    ],
)
@pytest.mark.parametrize("line_breaks", [False, True], ids=["taken", "the line breaks"])
def test_a_report_may_be_faster_than_the_worker(
    company: Company, monkeypatch: pytest.MonkeyPatch, report, state, whole, line_breaks: bool
) -> None:  # law 7
    alice = company.user("Alice", company.pop3_profile())
    is_faster(monkeypatch, report)
    if line_breaks:
        company.sandbox.fault(face="smtp", operation="DATA", effect="drop", after_effect=True, times=1)
    now = timezone.now()
    to = [Address("", "ann@acme.test"), Address("", "bob@acme.test")]
    email = write_draft(NewEmail(alice, to, "Offer", text="x"), now)
    delivery.submit(email, now)
    run(alice, Leg.OUTGOING)
    email.refresh_from_db()
    assert (email.status_code, email.delivery_state) == (EmailStatus.SENT, whole)
    assert {address: told[0] for address, told in known(email).items()} == {
        "ann@acme.test": state,
        "bob@acme.test": R.ACCEPTED,
    }


@pytest.mark.parametrize("automatic", [True, False], ids=["auto-reply", "answer of a person"])
def test_the_queue_works_on_answers_of_people_only(company: Company, automatic: bool) -> None:  # 5.18
    support = company.queue("Support", company.pop3_profile())
    email = sent_to(support, "ann@acme.test")
    marks = [("Auto-Submitted", "auto-replied")] if automatic else []
    answer = letter(
        "ann@acme.test", "support@us.test", "Re: Offer", "Away", in_reply_to=email.message_id, extra_headers=marks
    )
    company.sandbox.deliver("support@us.test", answer)
    receive(support)
    assert Email.objects.get(direction_code=False).correlated_activity == email
    assert QueueItem.objects.count() == (0 if automatic else 1)


def test_an_auto_reply_to_mail_of_a_person_is_work_for_the_queue_that_gets_it(company: Company) -> None:  # 5.18
    support = company.queue("Support", company.pop3_profile())
    marks = [("Auto-Submitted", "auto-replied")]
    company.sandbox.deliver(
        "support@us.test", letter("ann@acme.test", "support@us.test", "Away", "x", extra_headers=marks)
    )
    receive(support)
    assert QueueItem.objects.count() == 1
    assert Email.objects.get().internet_message_headers == '{"Auto-Submitted": "auto-replied"}'
