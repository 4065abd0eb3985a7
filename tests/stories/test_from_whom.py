"""From whom: one's own mailbox, one's queues, others who allow it; and through which mailbox it leaves (7.5, 7.6)."""

from __future__ import annotations

from email.parser import BytesHeaderParser

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from mailboxes.models import Leg, Mailbox, QueueMember, UserSettings
from profiles.connectors.mime import Address
from tests.company import Company, decide, leg, receive, send
from tests.letters import letter
from tracking.crm import delivery
from tracking.crm.models import DomainEvent, Email
from tracking.crm.models.states import DeliveryState, EmailStatus
from tracking.crm.sending_rights import SendingRefused, problems, refusal_of_sender, senders_for
from tracking.crm.writing import NewEmail, write_draft
from tracking.decide.verdicts import Reason
from tracking.facts.visibility import visible_emails
from tracking.models import LedgerRow


@pytest.fixture(params=["pop3", "exchange"])
def profile(request, company):
    return company.pop3_profile() if request.param == "pop3" else company.exchange_profile()


def draft(mailbox: Mailbox, to: str = "ann@acme.test") -> Email:
    return write_draft(NewEmail(mailbox, [Address("Ann", to)], "Offer", text="Dear Ann"), timezone.now())


def submit_as(mailbox: Mailbox, by, **more) -> Email:
    email = draft(mailbox, **more)
    delivery.submit(email, timezone.now(), by=by)
    email.refresh_from_db()
    return email


def trust(user) -> None:
    """The administrator gives the permission to send as another user."""
    user.user_permissions.add(Permission.objects.get(codename="send_as_others"))


def agree(mailbox: Mailbox) -> None:
    """The owner lets others send in their name."""
    UserSettings.objects.filter(user=mailbox.regarding_user).update(is_send_as_allowed=True)


def fresh(user):
    """The same person, whose permissions are looked up again."""
    return type(user).objects.get(pk=user.pk)


def headers(company: Company, address: str):
    (arrived,) = company.sandbox.inbox(address)
    return BytesHeaderParser().parsebytes(company.sandbox.raw(address, arrived["id"]))


def lies_in(company: Company, address: str) -> dict[str, int]:
    """How many items each folder of a mailbox holds."""
    items = [item["folder"] for item in company.sandbox.items(address)]
    return {folder: items.count(folder) for folder in set(items)}


def test_alice_sends_as_bob_only_with_the_permission_and_his_consent(company: Company, profile) -> None:  # 7.5
    alice, bob = company.user("Alice", profile), company.user("Bob", profile)
    email, user = draft(bob), alice.regarding_user
    with pytest.raises(SendingRefused, match="send as Bob: you lack the permission"):
        delivery.submit(email, timezone.now(), by=user)
    trust(user)
    with pytest.raises(SendingRefused, match="you may not send as Bob: Bob has not agreed to it"):
        delivery.submit(email, timezone.now(), by=fresh(user))
    agree(bob)
    assert [(one.mailbox, one.reason) for one in senders_for(fresh(user))] == [
        (alice, "your own mailbox"),
        (bob, "Bob lets others send in their name"),
    ]
    delivery.submit(email, timezone.now(), by=fresh(user))
    assert send(bob).report.sent == 1

    head = headers(company, "ann@acme.test")
    assert ("bob@us.test" in head["From"], head["Sender"]) == (True, None)
    email.refresh_from_db()
    assert (email.sender_mailbox, email.represents, email.submitted_by) == (bob, None, user)
    assert email in visible_emails(fresh(user))


def test_who_works_in_a_queue_sends_from_it_and_charlie_does_not(company: Company, profile) -> None:  # 7.5
    support = company.queue("Support", profile)
    people = {name: company.user(name, profile).regarding_user for name in ("Alice", "Mia", "Charlie")}
    queue = support.regarding_queue
    queue.owner = people["Alice"]
    queue.save()
    QueueMember.objects.create(queue=queue, user=people["Mia"])
    trust(people["Charlie"])
    support.refresh_from_db()

    assert [one.reason for one in senders_for(people["Alice"])] == ["your own mailbox", "a queue that you own"]
    assert [one.reason for one in senders_for(people["Mia"])] == ["your own mailbox", "a queue that you work in"]
    assert [one.reason for one in senders_for(fresh(people["Charlie"]))] == ["your own mailbox"]
    assert "Ask its owner" in refusal_of_sender(support, people["Charlie"])
    with pytest.raises(SendingRefused, match="you do not work in the queue Support"):
        submit_as(support, people["Charlie"])
    submit_as(support, people["Mia"])
    assert send(support).report.sent == 1
    assert "support@us.test" in headers(company, "ann@acme.test")["From"]


def test_whoever_is_not_there_any_more_is_not_offered(company: Company) -> None:  # 7.5
    profile = company.pop3_profile()
    alice, bob = company.user("Alice", profile), company.user("Bob", profile)
    company.forward_mailbox(profile)
    trust(alice.regarding_user)
    agree(bob)
    assert [one.mailbox for one in senders_for(fresh(alice.regarding_user))] == [alice, bob]
    type(alice.regarding_user).objects.filter(pk=bob.regarding_user_id).update(is_active=False)
    assert [one.mailbox for one in senders_for(fresh(alice.regarding_user))] == [alice]


def test_a_program_sends_from_every_mailbox(company: Company) -> None:
    bob = company.user("Bob", company.pop3_profile())
    assert problems(draft(bob)) == []


# Through the mailbox of whoever presses "Send" (7.6)


@pytest.fixture
def delegation(company: Company) -> tuple[Mailbox, Mailbox]:
    """Alice works in the Support queue, both are on Exchange, and mail leaves through the submitter's mailbox."""
    decide(enable_mailbox_delegation_for_outgoing_email=True, auto_track_sent_folder_items=True)
    profile = company.exchange_profile()
    alice, support = company.user("Alice", profile), company.queue("Support", profile)
    QueueMember.objects.create(queue=support.regarding_queue, user=alice.regarding_user)
    receive(alice)  # Sent Items are followed from here on (5.3)
    return alice, support


@pytest.mark.parametrize(("right", "sender"), [("send-as", None), ("send-on-behalf", "alice@us.test")])
def test_mail_of_the_queue_leaves_through_the_mailbox_of_alice(  # 7.6, 7.8
    company: Company, delegation: tuple[Mailbox, Mailbox], right: str, sender: str | None
) -> None:
    alice, support = delegation
    company.sandbox.sender("support@us.test", "alice@us.test", right)
    email = submit_as(support, alice.regarding_user)
    assert (email.sender_mailbox, email.represents, email.sender) == (alice, support, "support@us.test")
    assert leg(alice, Leg.OUTGOING).requested_on is not None
    assert not send(support).report.found_something
    assert send(alice).report.sent == 1

    head = headers(company, "ann@acme.test")
    assert ("support@us.test" in head["From"], head["Sender"]) == (True, sender)
    assert lies_in(company, "alice@us.test") == {"sentitems": 1}
    assert lies_in(company, "support@us.test") == {}
    receive(alice)
    row = LedgerRow.objects.get(mailbox=alice)
    assert (row.reason, row.email) == (Reason.OUR_OWN_COPY, email)


def test_an_answer_to_it_comes_to_the_queue_and_joins_it(  # 7.6, 6.1
    company: Company, delegation: tuple[Mailbox, Mailbox]
) -> None:
    alice, support = delegation
    company.sandbox.sender("support@us.test", "alice@us.test", "send-on-behalf")
    email = submit_as(support, alice.regarding_user)
    send(alice)
    head = headers(company, "ann@acme.test")
    answer = letter("ann@acme.test", "support@us.test", "Re: Offer", "Yes", in_reply_to=head["Message-ID"])
    company.sandbox.deliver("support@us.test", answer)
    receive(support)
    assert Email.objects.get(direction_code=False).correlated_activity == email


def test_the_queues_people_and_bob_read_what_was_sent_in_their_name(  # 7.6
    company: Company, delegation: tuple[Mailbox, Mailbox]
) -> None:
    alice, support = delegation
    mia, bob, charlie = (company.user(name, alice.email_server_profile) for name in ("Mia", "Bob", "Charlie"))
    QueueMember.objects.create(queue=support.regarding_queue, user=mia.regarding_user)
    trust(alice.regarding_user)
    agree(bob)
    user = fresh(alice.regarding_user)
    of_queue, of_bob = (
        write_draft(NewEmail(of, [Address("", "ann@acme.test")], "Offer", text="x"), timezone.now(), by=user)
        for of in (support, bob)
    )
    for email in (of_queue, of_bob):
        delivery.submit(email, timezone.now(), by=user)
    assert set(visible_emails(mia.regarding_user)) == {of_queue}
    assert set(visible_emails(bob.regarding_user)) == {of_bob}
    assert set(visible_emails(user)) == {of_queue, of_bob}
    assert set(visible_emails(charlie.regarding_user)) == set()


def test_exchange_refuses_what_it_gave_no_right_for_and_it_leaves_once_it_has(  # 7.6, 7.4
    company: Company, delegation: tuple[Mailbox, Mailbox]
) -> None:
    alice, support = delegation
    company.sandbox.delegate("support@us.test", "alice@us.test")  # to read is another right
    email = submit_as(support, alice.regarding_user)
    assert send(alice).report.failed == 1
    email.refresh_from_db()
    assert (email.status_code, email.delivery_state) == (EmailStatus.FAILED, DeliveryState.REFUSED)
    for words in (
        "alice@us.test may not send in the name of support@us.test.",
        "ErrorSendAsDenied",
        'Add-RecipientPermission "support@us.test" -Trustee "alice@us.test"',
        "GrantSendOnBehalfTo",
    ):
        assert words in email.delivery_detail
    assert lies_in(company, "alice@us.test") == {}
    assert company.sandbox.inbox("ann@acme.test") == []

    company.sandbox.sender("support@us.test", "alice@us.test", "send-as")
    delivery.submit(email, timezone.now(), by=alice.regarding_user)
    assert send(alice).report.sent == 1
    assert len(company.sandbox.inbox("ann@acme.test")) == 1
    assert DomainEvent.objects.filter(kind="email.failed").count() == 1


def test_taken_back_it_is_routed_anew(company: Company, delegation: tuple[Mailbox, Mailbox]) -> None:  # 7.6
    alice, support = delegation
    email = submit_as(support, alice.regarding_user)
    delivery.take_back(email, timezone.now())
    decide()
    delivery.submit(email, timezone.now(), by=alice.regarding_user)
    email.refresh_from_db()
    assert (email.sender_mailbox, email.represents) == (support, None)
    assert send(support).report.sent == 1
    assert headers(company, "ann@acme.test")["Sender"] is None


def test_alices_own_mail_and_that_of_programs_leave_as_ever(  # 7.6
    company: Company, delegation: tuple[Mailbox, Mailbox]
) -> None:
    alice, support = delegation
    own, of_program = submit_as(alice, alice.regarding_user), submit_as(support, None)
    assert (own.sender_mailbox, own.represents) == (alice, None)
    assert (of_program.sender_mailbox, of_program.represents) == (support, None)


@pytest.mark.parametrize("which", ["alice", "support"])
def test_it_is_the_mailbox_in_from_where_one_of_both_is_not_on_exchange(company: Company, which: str) -> None:  # 7.6
    decide(enable_mailbox_delegation_for_outgoing_email=True)
    exchange, pop3 = company.exchange_profile(), company.pop3_profile()
    alice = company.user("Alice", pop3 if which == "alice" else exchange)
    support = company.queue("Support", pop3 if which == "support" else exchange)
    QueueMember.objects.create(queue=support.regarding_queue, user=alice.regarding_user)
    email = submit_as(support, alice.regarding_user)
    assert (email.sender_mailbox, email.represents) == (support, None)
    assert send(support).report.sent == 1


def test_an_smtp_server_that_refuses_the_sender_is_explained_as_the_same(company: Company) -> None:  # 7.6
    company.sandbox.account("relay@us.test", "secret", switches=("own_sender_only",))
    support = company.queue("Support", company.pop3_profile(), username="relay@us.test")
    email = submit_as(support, None)
    assert send(support).report.failed == 1
    email.refresh_from_db()
    assert email.status_code == EmailStatus.FAILED
    assert "relay@us.test has no right to send with the address in From." in email.delivery_detail
    assert "not your address" in email.delivery_detail
