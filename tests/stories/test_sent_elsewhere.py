"""What people send from Outlook or a phone: taken from Sent Items, and one with the copies that others received (5.3)."""

from __future__ import annotations

import pytest

from mailboxes.models import IncomingFilter, Mailbox
from tests.company import Company, assert_balanced, decide, receive, row_of, write
from tests.letters import letter
from tracking.crm.models import Contact, Email
from tracking.crm.models.states import EmailStatus
from tracking.decide.verdicts import Reason
from tracking.facts.visibility import visible_emails
from tracking.models import LedgerState


@pytest.fixture
def people(company: Company) -> tuple[Mailbox, Mailbox]:
    """Alice and Bob keep mail of contacts, Ann is one; Sent Items are read."""
    decide(auto_track_sent_folder_items=True)
    Contact.objects.create(full_name="Ann", email_address_1="ann@acme.test")
    profile, takes = company.exchange_profile(), IncomingFilter.FROM_LEADS_CONTACTS_ACCOUNTS
    alice, bob = company.user("Alice", profile, takes), company.user("Bob", profile, takes)
    for mailbox in (alice, bob):
        receive(mailbox)
    return alice, bob


def sent_from_her_phone(company: Company, to: str = "ann@acme.test", copy_for_bob: bool = True) -> None:
    """Alice's own program sends: the copy in her Sent Items and Bob's are the same message."""
    cc = ["bob@us.test"] if copy_for_bob else []
    raw = letter("Alice <alice@us.test>", to, "Offer", "Dear Ann", cc=cc)
    company.sandbox.deliver("alice@us.test", raw, folder="sentitems")
    if copy_for_bob:
        company.sandbox.deliver("bob@us.test", raw, sender="alice@us.test")


@pytest.mark.parametrize("alice_is_first", [True, False])
def test_the_copy_in_sent_items_and_the_copy_at_bob_are_one_email(  # 5.3, 5.10
    company: Company, people: tuple[Mailbox, Mailbox], alice_is_first: bool
) -> None:
    alice, bob = people
    sent_from_her_phone(company)
    for mailbox in (alice, bob) if alice_is_first else (bob, alice):
        receive(mailbox)
    for mailbox in (alice, bob):
        receive(mailbox)  # for Bob, who was first, this is what judges his copy again
        assert_balanced(mailbox)
    email = Email.objects.get(direction_code=True)
    assert (email.status_code, email.sender_mailbox) == (EmailStatus.SENT, alice)
    assert row_of(alice).email == email
    assert (row_of(bob).email, row_of(bob).reason) == (email, Reason.OUR_OWN_COPY)
    assert email in visible_emails(bob.regarding_user)
    assert Email.objects.count() == 1


def test_the_same_filter_decides_as_for_incoming_mail(company: Company, people: tuple[Mailbox, Mailbox]) -> None:  # 5.3
    alice, _ = people
    sent_from_her_phone(company, to="zoe@else.test", copy_for_bob=False)
    receive(alice)
    assert row_of(alice).state == LedgerState.IGNORED
    assert not Email.objects.exists()


def test_an_answer_to_it_joins_it_and_what_was_sent_from_here_is_not_taken_twice(  # 5.3, 6.1
    company: Company, people: tuple[Mailbox, Mailbox]
) -> None:
    alice, _ = people
    sent_from_her_phone(company, copy_for_bob=False)
    ours = write(alice, "ann@acme.test", "From here")
    receive(alice)
    from_phone = Email.objects.exclude(pk=ours.pk).get()
    answer = letter("ann@acme.test", "alice@us.test", "Re: Offer", "Yes", in_reply_to=from_phone.message_id)
    company.sandbox.deliver("alice@us.test", answer)
    receive(alice)
    assert Email.objects.get(direction_code=False).correlated_activity == from_phone
    assert Email.objects.count() == 3
