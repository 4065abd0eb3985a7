"""Who is who: unknown senders become contacts or leads, a person says who somebody is, mail finds its owner. Over sockets."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.utils import timezone

from mailboxes.models import AddressEntry, AddressResolution, AutoCreate, IncomingFilter, Mailbox
from mailboxes.models.settings import current_policy
from tests.company import Company, assert_balanced, decide, receive, row_of
from tests.letters import letter
from tracking.crm.models import Account, ActivityParty, Contact, DomainEvent, Email, Lead, Participation
from tracking.facts.why import explain
from tracking.keep.resolving import nobody_yet, resolve_address


@pytest.fixture(params=["pop3", "exchange"])
def profile(request, company):
    return company.pop3_profile() if request.param == "pop3" else company.exchange_profile()


def wants(mailbox: Mailbox, choice: AutoCreate) -> Mailbox:
    """The owner's choice of what unknown senders become."""
    owner = mailbox.regarding_user or mailbox.regarding_queue.owner
    owner.sync_settings.auto_create_contact_on_promote = choice
    owner.sync_settings.save()
    return mailbox


def arrives(company: Company, mailbox: Mailbox, subject: str, sender: str = "Ann Acme <Ann@Acme.test>", **more) -> None:
    raw = letter(sender, mailbox.email_address, subject, "x", **more)
    company.sandbox.deliver([mailbox.email_address], raw)


def sender_party(subject: str) -> ActivityParty:
    email = Email.objects.get(subject=subject)
    return ActivityParty.objects.get(activity_id=email.pk, participation_type_mask=Participation.SENDER)


# 5.15


@pytest.mark.parametrize(("choice", "kind"), [(AutoCreate.CONTACT, Contact), (AutoCreate.LEAD, Lead)])
def test_a_stranger_who_writes_to_alice_becomes_a_record_of_hers_once(company: Company, profile, choice, kind) -> None:
    alice = wants(company.user("Alice", profile), choice)
    arrives(company, alice, "First")
    arrives(company, alice, "Second", "ann@acme.test")

    receive(alice)
    arrives(company, alice, "Third", "A. Acme <ann@ACME.test>")
    receive(alice)

    ann = kind.objects.get()
    assert (ann.full_name, ann.email_address_1, ann.owner) == ("Ann Acme", "ann@acme.test", alice.regarding_user)
    assert AddressEntry.objects.get(address="ann@acme.test").record_id == str(ann.pk)
    assert {email.email_sender for email in Email.objects.all()} == {ann}
    assert {sender_party(subject).party for subject in ("First", "Second", "Third")} == {ann}
    told = DomainEvent.objects.get(kind="record.created")
    assert (told.subject_id, told.facts["kind"]) == (str(ann.pk), kind._meta.model_name)
    assert_balanced(alice)


def test_nobody_is_made_a_record_unless_alice_wants_it(company: Company, profile) -> None:
    alice = company.user("Alice", profile)
    arrives(company, alice, "Hello")
    receive(alice)
    assert not Contact.objects.exists()
    assert sender_party("Hello").party is None


MACHINES = [
    ("Newsletter", [("List-Id", "<news.acme.test>")]),
    ("Away", [("Auto-Submitted", "auto-replied")]),
    ("Ticket 7", [("Auto-Submitted", "auto-generated")]),
    ("Offer", [("Precedence", "bulk")]),
    ("Secret", [("Sensitivity", "Private")]),
]


def test_machines_lists_and_private_mail_make_no_records(company: Company, profile) -> None:
    alice = wants(company.user("Alice", profile), AutoCreate.CONTACT)
    for subject, marks in MACHINES:
        arrives(company, alice, subject, extra_headers=marks)
    receive(alice)
    assert Email.objects.count() == len(MACHINES)
    assert not Contact.objects.exists()


def test_mail_that_is_not_kept_makes_no_records(company: Company, profile) -> None:
    alice = wants(company.user("Alice", profile, IncomingFilter.RESPONSES_TO_OUR_MAIL), AutoCreate.CONTACT)
    arrives(company, alice, "Hello")
    receive(alice)
    assert not Email.objects.exists()
    assert not Contact.objects.exists()


def test_a_mailbox_of_ours_that_has_no_record_becomes_none(company: Company, profile) -> None:
    alice = wants(company.user("Alice", profile), AutoCreate.CONTACT)
    Mailbox.objects.create(name="Scanner", email_address="Scanner@us.test", is_forward_mailbox=True)
    arrives(company, alice, "Scan", "scanner@us.test")
    receive(alice)
    assert Email.objects.count() == 1
    assert not Contact.objects.exists()


def test_for_a_queue_the_choice_of_its_owner_counts(company: Company, profile) -> None:
    alice, support = company.user("Alice", profile), company.queue("Support", profile)
    support.regarding_queue.owner = alice.regarding_user
    support.regarding_queue.save()
    wants(support, AutoCreate.LEAD)
    arrives(company, support, "Help")
    receive(support)
    assert Lead.objects.get().owner == alice.regarding_user
    assert sender_party("Help").party == Lead.objects.get()


# 5.13


def test_who_is_nobody_yet_is_found_by_an_index(company: Company, profile) -> None:
    alice = company.user("Alice", profile)
    arrives(company, alice, "Hello", "ANN@acme.test")
    receive(alice)
    assert nobody_yet("ann@acme.test").get().activity_id == Email.objects.get().pk
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # a table of three rows is read through
        assert "party_nobody_yet" in nobody_yet("ann@acme.test").explain()


def test_alice_says_who_ann_is_and_later_mail_knows_it_until_that_is_taken_back(company: Company, profile) -> None:
    decide(unresolve_sender_in_case_of_multiple_match=True)
    alice, bob = company.user("Alice", profile), company.user("Bob", profile)
    first = Contact.objects.create(full_name="Ann A", email_address_1="ann@acme.test")
    second = Contact.objects.create(full_name="Ann B", email_address_1="ann@acme.test")
    arrives(company, alice, "One")
    arrives(company, bob, "Two")
    receive(alice)
    receive(bob)
    one = Email.objects.get(subject="One")
    assert one.is_duplicate_sender_unresolved
    told = row_of(alice).evidence["sender_matches"]
    assert ({each["name"] for each in told["first"]}, told["chosen"]) == ({"Ann A", "Ann B"}, "")
    (why,) = explain(one.message_id)
    assert "nobody, because" in dict(why.evidence_lines)["Who the sender is"]

    others = resolve_address(one, "Ann@Acme.test", second, alice.regarding_user, timezone.now(), current_policy())
    assert others == 1
    for email in Email.objects.all():
        assert (email.email_sender, email.is_duplicate_sender_unresolved) == (second, False)
    assert {sender_party(subject).party for subject in ("One", "Two")} == {second}

    arrives(company, alice, "Three")
    receive(alice)
    assert Email.objects.get(subject="Three").email_sender == second

    AddressResolution.objects.all().delete()
    arrives(company, alice, "Four")
    receive(alice)
    four = Email.objects.get(subject="Four")
    assert (four.email_sender, four.is_duplicate_sender_unresolved) == (None, True)
    assert first.pk != second.pk


def test_an_address_may_stand_for_a_record_that_has_no_such_address(company: Company, profile) -> None:
    alice = company.user("Alice", profile, IncomingFilter.FROM_LEADS_CONTACTS_ACCOUNTS)
    acme = Account.objects.create(name="Acme")
    arrives(company, alice, "Before")
    receive(alice)
    assert not Email.objects.exists()

    AddressResolution.objects.create(
        address="ann@acme.test",
        record_type=ContentType.objects.get_for_model(Account),
        record_id=str(acme.pk),
        chosen_on=timezone.now(),
    )
    arrives(company, alice, "After")
    receive(alice)
    assert Email.objects.get().email_sender == acme

    acme.delete()
    assert not AddressResolution.objects.exists()


def test_only_this_email_if_the_organization_wants_it_so(company: Company, profile) -> None:
    decide(apply_manual_resolution_to_like_addresses=False)
    alice = company.user("Alice", profile)
    ann = Contact.objects.create(full_name="Ann")
    arrives(company, alice, "One")
    arrives(company, alice, "Two")
    receive(alice)
    now, one = timezone.now(), Email.objects.get(subject="One")
    assert resolve_address(one, "ann@acme.test", ann, alice.regarding_user, now, current_policy()) == 0
    assert (sender_party("One").party, sender_party("Two").party) == (ann, None)
    assert not AddressResolution.objects.exists()


def test_of_several_recipients_with_one_address_the_chosen_one_stays(company: Company, profile) -> None:
    alice = company.user("Alice", profile)
    for name in ("Zoe A", "Zoe B"):
        Contact.objects.create(full_name=name, email_address_1="zoe@else.test")
    zoe = Contact.objects.get(full_name="Zoe B")
    raw = letter("ann@acme.test", ["alice@us.test", "zoe@else.test"], "Both", "x")
    company.sandbox.deliver(["alice@us.test"], raw)
    receive(alice)
    parties = ActivityParty.objects.filter(address_used="zoe@else.test")
    assert parties.count() == 2
    resolve_address(Email.objects.get(), "zoe@else.test", zoe, alice.regarding_user, timezone.now(), current_policy())
    assert [party.party for party in parties] == [zoe]
    assert Email.objects.get().edited_fields == ["parties"]


# 5.16


def test_mail_belongs_to_the_first_it_names_and_an_answer_to_whom_it_answers(company: Company, profile) -> None:
    alice, bob = company.user("Alice", profile), company.user("Bob", profile)
    both = ["bob@us.test", "alice@us.test"]
    company.sandbox.deliver(["alice@us.test"], letter("ann@acme.test", both, "To both", "x"))
    arrives(company, alice, "To Alice", message_id="<to.alice@acme.test>")
    receive(alice)
    assert Email.objects.get(subject="To both").owner == bob.regarding_user
    assert Email.objects.get(subject="To Alice").owner == alice.regarding_user

    answer = letter("ann@acme.test", both, "Re: To Alice", "x", in_reply_to="<to.alice@acme.test>")
    company.sandbox.deliver(["bob@us.test"], answer)
    receive(bob)
    assert Email.objects.get(subject="Re: To Alice").owner == alice.regarding_user
