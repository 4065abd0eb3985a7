"""A mail comes back: the email that was sent says so, whatever the filter; nobody forges it from outside."""

from __future__ import annotations

import pytest
from django.utils import timezone

from mailboxes.models import IncomingFilter, QueueItem
from profiles.connectors.mime import Address
from tests.company import Company, assert_balanced, receive, send
from tests.letters import letter
from tests.profiles.reports_samples import dsn
from tracking.crm import delivery
from tracking.crm.models import DomainEvent, Email
from tracking.crm.models.states import AutomaticKind, CorrelationMethod, DeliveryState, EmailStatus
from tracking.crm.writing import NewEmail, write_draft
from tracking.decide.verdicts import Reason
from tracking.models import LedgerRow

UNKNOWN = ("ann@acme.test", "failed", "5.1.1", "550 5.1.1 User unknown")
FULL = ("bob@acme.test", "failed", "5.2.2", "552 5.2.2 Mailbox full")
LATE = ("ann@acme.test", "delayed", "4.4.1", "connection timed out")


@pytest.fixture(params=["pop3", "exchange"])
def profile(request, company):
    return company.pop3_profile() if request.param == "pop3" else company.exchange_profile()


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
    assert "ann@acme.test: 5.1.1 550 5.1.1 User unknown" in email.delivery_detail
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
    assert [line.split(":")[0] for line in email.delivery_detail.splitlines()[-2:]] == [
        "ann@acme.test",
        "bob@acme.test",
    ]


def test_a_notice_of_delay_is_noted_until_more_is_known(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    email = came_back(company, alice, sent_to(alice, "ann@acme.test"), LATE)
    assert email.delivery_state == DeliveryState.ACCEPTED
    assert "ann@acme.test: not delivered yet, 4.4.1" in email.delivery_detail
    assert Email.objects.get(direction_code=False).automatic_kind == AutomaticKind.DELAY_NOTICE
    came_back(company, alice, email, UNKNOWN, own_id="<dsn-2@mx.acme.test>")
    assert email.delivery_state == DeliveryState.BOUNCED
    assert "not delivered yet" not in email.delivery_detail


def test_the_same_report_twice_changes_nothing_more(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    email = came_back(company, alice, sent_to(alice, "ann@acme.test"), UNKNOWN)
    detail, events = email.delivery_detail, DomainEvent.objects.filter(kind="email.changed").count()
    came_back(company, alice, email, UNKNOWN, own_id="<dsn-2@mx.acme.test>")
    assert (email.delivery_detail, DomainEvent.objects.filter(kind="email.changed").count()) == (detail, events)


def test_a_report_about_somebody_who_never_got_it_is_not_believed(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    email = came_back(company, alice, sent_to(alice, "ann@acme.test"), FULL)
    assert email.delivery_state == DeliveryState.ACCEPTED
    assert "bob@acme.test" not in email.delivery_detail


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
