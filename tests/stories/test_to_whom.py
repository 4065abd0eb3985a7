"""To whom: known people or free addresses, who wants no email, whose address is none; and what a server says (7.7, 7.10)."""

from __future__ import annotations

import re
from datetime import timedelta
from email.parser import BytesHeaderParser

import pytest
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from mailboxes.models import Leg, Mailbox
from profiles.connectors import mime
from profiles.connectors.mime import Address
from tests.company import Company, decide, leg, run, send
from tracking.crm import delivery
from tracking.crm.models import Account, ActivityParty, Contact, Email, Lead, Participation
from tracking.crm.models.states import DeliveryState, EmailStatus
from tracking.crm.sending_rights import SendingRefused, primary_address, problems
from tracking.crm.writing import NewEmail, write_draft


@pytest.fixture(params=["pop3", "exchange"])
def profile(request, company):
    return company.pop3_profile() if request.param == "pop3" else company.exchange_profile()


def draft(mailbox: Mailbox, *to: Address, subject: str = "Offer", **more) -> Email:
    return write_draft(NewEmail(mailbox, to, subject, text="Hello", **more), timezone.now())


def sent(mailbox: Mailbox, *to: Address, **more) -> Email:
    """Written, submitted, and whatever came of it."""
    email = draft(mailbox, *to, **more)
    delivery.submit(email, timezone.now())
    send(mailbox)
    email.refresh_from_db()
    return email


def header(company: Company, address: str) -> bytes:
    """What arrived there, without the traces of the servers on the way."""
    (arrived,) = company.sandbox.inbox(address)
    head = company.sandbox.raw(address, arrived["id"]).partition(b"\r\n\r\n")[0]
    return re.sub(rb"(?m)^Received:.*\r\n(?:[ \t].*\r\n)*", b"", head)


def alice_of(company: Company) -> Mailbox:
    return company.user("Alice", company.pop3_profile())


def test_only_known_people_are_written_to_where_the_organization_wants_it_so(company: Company) -> None:  # 7.7
    decide(compatibility="dynamics")
    alice, bob = alice_of(company), company.user("Bob", company.pop3_profile())
    Contact.objects.create(full_name="Ann", email_address_1="ann@acme.test")
    email = draft(alice, Address("", "ann@acme.test"), Address("", bob.email_address), Address("", "zoe@else.test"))
    with pytest.raises(SendingRefused, match=r"To: zoe@else\.test belongs to nobody here") as refusal:
        delivery.submit(email, timezone.now())
    assert len(refusal.value.problems) == 1
    email.refresh_from_db()
    assert (email.status_code, email.original_id, email.message_id) == (EmailStatus.DRAFT, None, "")
    assert leg(alice, Leg.OUTGOING).requested_on is None

    decide(allow_unresolved_parties_on_email_send=True)
    delivery.submit(email, timezone.now())
    send(alice)
    assert len(company.sandbox.inbox("zoe@else.test")) == 1


REFUSING = [
    (Contact, {"full_name": "Ann", "email_address_1": "ann@acme.test"}, "Contact Ann"),
    (Account, {"name": "Acme", "email_address_1": "ann@acme.test"}, "Account Acme"),
    (Lead, {"full_name": "Ann", "email_address_1": "ann@acme.test"}, "Lead Ann"),
]


@pytest.mark.parametrize(("model", "columns", "named"), REFUSING)
@pytest.mark.parametrize("is_resolved", [True, False])
def test_who_does_not_want_email_gets_none(  # 7.7
    company: Company, model, columns: dict, named: str, is_resolved: bool
) -> None:
    alice = alice_of(company)
    record = model.objects.create(**columns, do_not_email=True)
    email = draft(alice, Address("Ann", "Ann@acme.test"), bcc=[Address("", "boss@us.test")])
    if not is_resolved:
        ActivityParty.objects.filter(activity_id=email.pk).update(party_id="", party_type=None)
    (problem,) = problems(email)
    assert f"To: {named} must not be sent email" in problem
    with pytest.raises(SendingRefused):
        delivery.submit(email, timezone.now())
    model.objects.filter(pk=record.pk).update(do_not_email=False)
    delivery.submit(email, timezone.now())
    assert send(alice).report.sent == 1


def test_a_contact_is_written_to_by_its_first_address_alone(company: Company) -> None:  # 7.7
    alice = alice_of(company)
    ann = Contact.objects.create(full_name="Ann", email_address_2="ann@home.test")
    assert primary_address(ann) == ""
    email = draft(alice)
    ActivityParty.objects.create(
        activity_type=ContentType.objects.get_for_model(Email),
        activity_id=email.pk,
        participation_type_mask=Participation.TO,
        party_type=ContentType.objects.get_for_model(Contact),
        party_id=str(ann.pk),
    )
    with pytest.raises(SendingRefused, match="Contact Ann has no email address"):
        delivery.submit(email, timezone.now())
    ann.email_address_1 = "ann@acme.test"
    ann.save()
    delivery.submit(email, timezone.now())
    send(alice)
    assert len(company.sandbox.inbox("ann@acme.test")) == 1
    assert company.sandbox.inbox("ann@home.test") == []


def test_every_problem_is_told_at_once(company: Company) -> None:  # 7.7
    alice, charlie = alice_of(company), company.user("Charlie", company.pop3_profile())
    Contact.objects.create(full_name="Ann", email_address_1="ann@acme.test", do_not_email=True)
    email = draft(alice, Address("", "ann@acme.test"), cc=[Address("", "a,b@acme.test")])
    found = problems(email, charlie.regarding_user)
    assert [problem.partition(":")[0] for problem in found] == ["From", "To", "Cc"]


# What is in names, subjects and addresses


def test_an_address_and_a_subject_in_any_script_arrive(company: Company, profile) -> None:  # 7.7
    alice = company.user("Alice", profile)
    subject = "Grüße aus 東京 – Привет"
    email = sent(alice, Address("Jörg Bücher", "jörg@bücher.test"), Address("Ann", "ann@straße.test"), subject=subject)
    assert (email.status_code, email.delivery_state) == (EmailStatus.SENT, DeliveryState.ACCEPTED)
    for address in ("jörg@bücher.test", "ann@xn--strae-oqa.test"):
        envelope = mime.envelope(header(company, address))
        assert envelope.subject == subject
        assert [one.name for one in envelope.to] == ["Jörg Bücher", "Ann"]
        assert [one.address for one in envelope.to] == ["jörg@bücher.test", "ann@xn--strae-oqa.test"]


def test_a_server_without_smtputf8_gets_foreign_domains_and_says_no_to_foreign_names(company: Company) -> None:  # 7.7
    company.sandbox.settings(switches=["no_smtputf8"])
    alice = alice_of(company)
    assert sent(alice, Address("", "ann@bücher.test")).status_code == EmailStatus.SENT
    assert len(company.sandbox.inbox("ann@xn--bcher-kva.test")) == 1
    refused = sent(alice, Address("", "jörg@bücher.test"))
    assert refused.status_code == EmailStatus.FAILED
    for words in ("SMTPUTF8", "jörg@bücher.test", "Use an ASCII address"):
        assert words in refused.delivery_detail


HOSTILE = [
    "Ann\r\nBcc: eve@evil.test\r\nX-Evil: 1",
    'Ann" <eve@evil.test>, "x',
    "eve@evil.test, Ann <eve@evil.test>",
    "Ann\x00\x1b]0;evil\x07",
    "Ann \u2028Bcc: eve@evil.test",
    "=?utf-8?q?Ann=0d=0aBcc:_eve@evil.test?=",
    "(eve@evil.test) \\",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_a_name(company: Company, profile, name: str) -> None:  # 7.7
    alice = company.user("Alice", profile)
    email = sent(alice, Address(name, "ann@acme.test"), subject=f"About {name}")
    assert email.status_code == EmailStatus.SENT
    raw = header(company, "ann@acme.test")
    fields = BytesHeaderParser().parsebytes(raw)
    assert (fields["Bcc"], fields["X-Evil"], len(fields.get_all("To"))) == (None, None, 1)
    assert [one.address for one in mime.envelope(raw).to] == ["ann@acme.test"]
    assert company.sandbox.inbox("eve@evil.test") == []


def test_nobody_sees_who_got_a_blind_copy(company: Company, profile) -> None:  # 7.7
    alice = company.user("Alice", profile)
    sent(alice, Address("", "ann@acme.test"), bcc=[Address("The boss", "boss@us.test"), Address("", "dan@acme.test")])
    for address in ("ann@acme.test", "boss@us.test", "dan@acme.test"):
        head = header(company, address).lower()
        for hidden in (b"bcc", b"boss", b"dan@"):
            assert hidden not in head


# What the server says


def test_a_server_that_takes_fewer_recipients_is_explained(company: Company) -> None:  # 7.10
    company.sandbox.fault(face="smtp", operation="EOD", effect="smtp", code="554", text="Recipient count exceeds 2.")
    email = sent(alice_of(company), *(Address("", f"p{number}@acme.test") for number in range(3)))
    assert email.status_code == EmailStatus.FAILED
    for words in ("Recipient count exceeds 2.", "Write to fewer people at a time"):
        assert words in email.delivery_detail


def test_mail_over_the_limit_of_a_day_waits_and_leaves_when_it_may(company: Company) -> None:  # 7.10
    alice = company.user("Alice", company.exchange_profile())
    company.sandbox.fault(
        face="ews", operation="SendItem", effect="response", code="ErrorSubmissionQuotaExceeded", times=1
    )
    first, second = (draft(alice, Address("", f"{name}@acme.test")) for name in ("ann", "carl"))
    for email in (first, second):
        delivery.submit(email, timezone.now())
    ended = run(alice, Leg.OUTGOING)
    assert "sending limit" in str(ended.error)
    for email in (first, second):
        email.refresh_from_db()
        assert email.status_code == EmailStatus.PENDING_SEND
    later = timezone.now() + timedelta(days=1)
    assert leg(alice, Leg.OUTGOING).due_on <= later
    assert run(alice, Leg.OUTGOING, later).report.sent == 2
    assert [len(company.sandbox.inbox(f"{name}@acme.test")) for name in ("ann", "carl")] == [1, 1]
