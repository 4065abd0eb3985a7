"""What is written waits, and is not lost, while its mailbox cannot send (7.2, 7.3)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mailboxes.models import Approval, Leg, Mailbox, OutgoingDeliveryMethod
from profiles.connectors.mime import Address
from profiles.models import StateCode
from tests.company import Company, run, send
from tracking.crm import delivery
from tracking.crm.models import ActivityParty, Email
from tracking.crm.models.states import EmailStatus
from tracking.crm.writing import NewEmail, write_draft


@pytest.fixture(params=["pop3", "exchange"])
def profile(request, company):
    return company.pop3_profile() if request.param == "pop3" else company.exchange_profile()


def submit(mailbox: Mailbox, to: str = "ann@acme.test") -> Email:
    email = write_draft(NewEmail(mailbox, [Address("Ann", to)], "Offer", text="Dear Ann"), timezone.now())
    delivery.submit(email, timezone.now())
    email.refresh_from_db()
    return email


def status(email: Email) -> EmailStatus:
    email.refresh_from_db()
    return EmailStatus(email.status_code)


@pytest.mark.parametrize(
    "cannot",
    [
        {"email_router_access_approval": Approval.PENDING},
        {"outgoing_email_delivery_method": OutgoingDeliveryMethod.NONE},
        {"state_code": StateCode.INACTIVE},  # 7.11
        {"email_server_profile": None},
    ],
)
def test_alices_mail_waits_until_her_mailbox_may_send_again(company: Company, profile, cannot: dict) -> None:  # 7.3
    alice = company.user("Alice", profile)
    email = submit(alice)
    assert (status(email), bool(email.message_id)) == (EmailStatus.PENDING_SEND, True)  # 7.2
    as_it_was = {column: getattr(alice, column) for column in cannot}
    Mailbox.objects.filter(pk=alice.pk).update(**cannot)
    assert run(alice, Leg.OUTGOING).skipped
    assert status(email) == EmailStatus.PENDING_SEND
    Mailbox.objects.filter(pk=alice.pk).update(**as_it_was)
    send(alice)
    assert status(email) == EmailStatus.SENT
    assert len(company.sandbox.inbox("ann@acme.test")) == 1


def test_a_mail_for_tomorrow_does_not_leave_today(company: Company, profile) -> None:  # 7.9
    alice = company.user("Alice", profile)
    email = submit(alice)
    now = timezone.now()
    Email.objects.filter(pk=email.pk).update(delayed_email_send_time=now + timedelta(days=1))
    send(alice)
    assert status(email) == EmailStatus.PENDING_SEND
    assert run(alice, Leg.OUTGOING, now + timedelta(days=1, minutes=1)).report.sent == 1
    assert status(email) == EmailStatus.SENT


def test_it_leaves_through_the_mailbox_that_from_names(company: Company, profile) -> None:  # 7.5
    alice, support = company.user("Alice", profile), company.queue("Support", profile)
    email = submit(support)
    assert not send(alice).report.found_something
    assert send(support).report.sent == 1
    email.refresh_from_db()
    assert (email.sender_mailbox_id, email.sender) == (support.pk, "support@us.test")


def test_a_free_address_is_written_to_and_stays_a_party_without_a_record(company: Company, profile) -> None:  # 7.7
    email = submit(company.user("Alice", profile), "nobody.we.know@acme.test")
    party = ActivityParty.objects.get(activity_id=email.pk, address_used="nobody.we.know@acme.test")
    assert party.party_id == ""  # 5.14
