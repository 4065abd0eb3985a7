"""Conversations stay together: tokens, conversation indexes, late joining, and the word of a person."""

from __future__ import annotations

import base64

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes.models import IncomingFilter, Mailbox, Organization, UserSettings
from profiles.connectors import mime
from profiles.connectors.mime import Address
from tests.company import Company, assert_balanced, receive, send
from tests.letters import letter
from tracking.crm import delivery
from tracking.crm.models import Account, Case, Contact, DomainEvent, Email, EmailHash
from tracking.crm.models.states import CorrelationMethod
from tracking.crm.tokens import prefixes_of, tokens_in
from tracking.crm.writing import NewEmail, write_draft
from tracking.facts.why import explain
from tracking.models import LedgerRow, LedgerState

RESPONSES = IncomingFilter.RESPONSES_TO_OUR_MAIL


@pytest.fixture(params=["pop3", "exchange"])
def profile(request, company):
    return company.pop3_profile() if request.param == "pop3" else company.exchange_profile()


def organization(**overrides) -> None:
    row, _ = Organization.objects.get_or_create(pk=1)
    row.overrides = overrides
    row.full_clean()
    row.save()


def write(mailbox: Mailbox, subject: str = "Offer", to: str = "ann@acme.test", **more) -> Email:
    email = write_draft(NewEmail(mailbox, [Address("Ann", to)], subject, text="x", **more), timezone.now())
    delivery.submit(email, timezone.now())
    return email


def test_a_reply_without_headers_finds_its_way_by_the_token(company: Company, profile) -> None:  # 6.5
    organization(email_token_enabled=True)
    alice = company.user("Alice", profile, RESPONSES)
    acme = Account.objects.create(name="Acme")
    offer = write(alice, regarding=acme)
    send(alice)
    (arrived,) = company.sandbox.inbox("ann@acme.test")
    subject = mime.envelope(company.sandbox.raw("ann@acme.test", arrived["id"])).subject
    assert tokens_in(subject, ()) == [offer.tracking_token]
    assert subject == f"Offer {offer.tracking_token}"

    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", f"Re: {subject}", "yes"))
    company.sandbox.deliver("alice@us.test", letter("eve@else.test", "alice@us.test", f"Re: {subject}", "hm"))
    receive(alice)

    reply = Email.objects.get(direction_code=False)
    assert (reply.sender, reply.correlation_method) == ("ann@acme.test", CorrelationMethod.TRACKING_TOKEN)
    assert (reply.correlated_activity, reply.parent_activity, reply.regarding) == (offer, None, acme)
    assert not reply.correlated_subject_changed
    eves = LedgerRow.objects.get(state=LedgerState.IGNORED)
    [told] = explain(eves.message_id)
    assert ("May belong to email", str(offer.pk)) in told.evidence_lines
    assert offer.tracking_token not in str(eves.evidence)
    assert_balanced(alice)


def test_a_contact_of_the_customer_may_use_the_token_as_well(company: Company) -> None:
    organization(email_token_enabled=True)
    alice = company.user("Alice", company.pop3_profile(), RESPONSES)
    acme = Account.objects.create(name="Acme")
    Contact.objects.create(full_name="Carl", email_address_1="carl@acme.test", parent_customer=acme)
    Contact.objects.create(full_name="Eve", email_address_1="eve@else.test")
    offer = write(alice, regarding=Case.objects.create(title="Pump", customer_account=acme))
    for sender in ("carl@acme.test", "eve@else.test"):
        subject = f"Re: Offer {offer.tracking_token}"
        company.sandbox.deliver("alice@us.test", letter(sender, "alice@us.test", subject, "x"))
    receive(alice)
    assert [email.sender for email in Email.objects.filter(direction_code=False)] == ["carl@acme.test"]


def test_classic_tokens_count_up_for_each_user(company: Company) -> None:  # 6.5
    organization(compatibility="dynamics", tracking_number_digits=1, allow_unresolved_parties_on_email_send=True)
    alice, bob = (company.user(name, company.pop3_profile()) for name in ("Alice", "Bob"))
    tokens = [write(alice).tracking_token for _ in range(10)] + [write(bob).tracking_token]
    assert tokens == [f"CRM:0001{number}" for number in (*range(1, 10), 1)] + ["CRM:00021"]
    assert UserSettings.objects.get(user=bob.regarding_user).tracking_token_id == 2
    newest = Email.objects.filter(tracking_token="CRM:00011").order_by("-id").first()
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "Re: CRM:00011", "x"))
    receive(alice)
    assert Email.objects.get(direction_code=False).correlated_activity == newest


def test_a_failed_email_is_sent_again_with_the_same_token(company: Company) -> None:
    organization(email_token_enabled=True)
    alice = company.user("Alice", company.pop3_profile())
    email = write(alice, to="permerror@acme.test")
    send(alice)
    before = Email.objects.get(pk=email.pk)
    delivery.submit(before, timezone.now())
    after = Email.objects.get(pk=email.pk)
    assert (after.tracking_token, after.subject, after.original_id) == (
        before.tracking_token,
        before.subject,
        before.original_id,
    )


def test_a_long_subject_is_shortened_for_the_token(company: Company) -> None:
    organization(email_token_enabled=True)
    alice = company.user("Alice", company.pop3_profile())
    email = write(alice, subject="x" * 700)
    assert len(email.subject) == 255
    assert email.subject.endswith(email.tracking_token)


def test_without_the_switch_no_token_is_given(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    email = write(alice)
    assert (email.subject, email.tracking_token) == ("Offer", "")
    assert tokens_in(email.subject, prefixes_of(Organization.current().policy())) == []


def index(responses: int) -> list[tuple[str, str]]:
    raw = b"\x01\xd0\x11\x22\x33\x44" + bytes(range(16)) + b"\x00\x01\x02\x03\x04" * responses
    return [("Thread-Index", base64.b64encode(raw).decode())]


def test_a_reply_without_headers_finds_its_way_by_the_conversation_index(company: Company, profile) -> None:
    bob = company.user("Bob", profile)
    ask = letter("ann@acme.test", "bob@us.test", "Quote", "?", extra_headers=index(0))
    company.sandbox.deliver("bob@us.test", ask)
    receive(bob)
    alice = company.user("Alice", profile, RESPONSES)
    renamed = letter("ann@acme.test", "alice@us.test", "Order", "x", extra_headers=index(1))
    strangers = letter("eve@else.test", "alice@us.test", "Quote", "x", extra_headers=index(1))
    for raw in (renamed, strangers):
        company.sandbox.deliver("alice@us.test", raw)

    receive(alice)

    asked, reply = Email.objects.order_by("id")
    assert (reply.correlation_method, reply.parent_activity) == (CorrelationMethod.CONVERSATION_INDEX, asked)
    assert reply.correlated_subject_changed
    assert reply.conversation_tracking_id == asked.pk
    assert LedgerRow.objects.get(state=LedgerState.IGNORED).evidence["suggested"] == str(reply.pk)


def test_smart_matching_joins_by_words_where_it_is_wanted(company: Company) -> None:  # 6.6
    organization(email_smart_matching_enabled=True)
    alice = company.user("Alice", company.pop3_profile(), RESPONSES)
    offer = write(alice, subject="Offer for pumps")
    assert EmailHash.objects.filter(email=offer).count() == 5
    company.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "RE: offer for PUMPS", "x"))
    company.sandbox.deliver("alice@us.test", letter("eve@else.test", "alice@us.test", "Offer for pumps", "x"))
    receive(alice)
    reply = Email.objects.get(direction_code=False)
    assert (reply.sender, reply.correlated_activity) == ("ann@acme.test", offer)
    assert (reply.correlation_method, reply.parent_activity) == (CorrelationMethod.SMART_MATCHING, None)
    assert EmailHash.objects.filter(email=reply).exists()


def test_bobs_reply_joins_when_alice_tracks_what_it_answers(company: Company, profile) -> None:
    alice, bob = company.user("Alice", profile), company.user("Bob", profile, RESPONSES)
    company.sandbox.deliver(
        "bob@us.test", letter("ann@acme.test", "bob@us.test", "Re: Quote", "!", in_reply_to="<q@acme.test>")
    )
    receive(bob)
    assert LedgerRow.objects.get(mailbox=bob).state == LedgerState.IGNORED
    company.sandbox.deliver(
        "alice@us.test", letter("ann@acme.test", "alice@us.test", "Quote", "?", message_id="<q@acme.test>")
    )
    receive(alice)
    receive(bob)
    question = Email.objects.get(message_id="<q@acme.test>")
    assert LedgerRow.objects.get(mailbox=bob).email.parent_activity == question
    for mailbox in (alice, bob):
        assert_balanced(mailbox)


# "Belongs to…"


@pytest.fixture
def thread(company: Company) -> list[Email]:
    alice = company.user("Alice", company.pop3_profile())
    raws = [letter("ann@acme.test", "alice@us.test", "Quote", "?", message_id="<q@acme.test>")]
    raws += [letter("ann@acme.test", "alice@us.test", "Re: Quote", "!", in_reply_to="<q@acme.test>")]
    for raw in raws:
        company.sandbox.deliver("alice@us.test", raw)
    receive(alice)
    return list(Email.objects.order_by("id"))


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_alice_files_a_conversation_and_later_mail_follows(company: Company, thread: list[Email]) -> None:
    alice = Mailbox.objects.get(email_address="alice@us.test")
    acme = Account.objects.create(name="Acme", owner=alice.regarding_user)
    Account.objects.create(name="Acme of somebody else")
    page, kind = reverse("owner:belonging", args=[thread[0].pk]), ContentType.objects.get_for_model(Account).pk
    browser = signed_in(alice.regarding_user)
    shown = browser.get(page, {"kind": kind, "name": "acm"})
    assert shown.context["records"] == [acme]
    filed = browser.post(page, {"kind": kind, "record": acme.pk, "scope": "conversation"}, follow=True)
    assert "2 emails of the conversation now belong to Acme" in filed.content.decode()

    company.sandbox.deliver(
        "alice@us.test", letter("ann@acme.test", "alice@us.test", "Re: Quote", "again", in_reply_to="<q@acme.test>")
    )
    receive(alice)

    assert [(email.regarding, email.edited_fields) for email in Email.objects.order_by("id")] == [
        (acme, ["regarding"]),
        (acme, ["regarding"]),
        (acme, []),
    ]
    told = DomainEvent.objects.filter(kind="email.changed")
    assert {event.facts["by"] for event in told} == {str(alice.regarding_user.pk)}


def test_one_email_is_filed_and_taken_off_again(thread: list[Email]) -> None:
    alice = thread[0].owner
    lead = Contact.objects.create(full_name="Ann", owner=alice)
    page, kind = reverse("owner:belonging", args=[thread[1].pk]), ContentType.objects.get_for_model(Contact).pk
    browser = signed_in(alice)
    browser.post(page, {"kind": kind, "record": lead.pk, "scope": "email"})
    assert [email.regarding for email in Email.objects.order_by("id")] == [None, lead]
    browser.post(page, {"take_off": "yes", "scope": "email"})
    assert [email.regarding for email in Email.objects.order_by("id")] == [None, None]
    assert "Choose a record" in browser.post(page, {}, follow=True).content.decode()


def test_nobody_files_with_a_record_that_is_not_theirs_to_see(company: Company, thread: list[Email]) -> None:
    charlie = company.user("Charlie", company.pop3_profile()).regarding_user
    theirs = Account.objects.create(name="Acme", owner=charlie)
    kind = ContentType.objects.get_for_model(Account).pk
    page = reverse("owner:belonging", args=[thread[0].pk])
    alices = signed_in(thread[0].owner)
    for record, number in ((theirs.pk, kind), (theirs.pk, 999_999), ("x", kind), (theirs.pk, "x"), (charlie.pk, kind)):
        assert alices.post(page, {"kind": number, "record": record}).status_code == 404
    assert alices.get(page, {"kind": kind, "name": "acme"}).context["records"] == []
    assert signed_in(charlie).get(page).status_code == 404
    assert not Email.objects.exclude(regarding_id="").exists()


def test_staff_file_what_they_may_read(thread: list[Email]) -> None:
    clerk = thread[0].owner
    clerk.is_staff = True
    clerk.save()
    acme = Account.objects.create(name="Acme")
    page, kind = reverse("console:belonging", args=[thread[0].pk]), ContentType.objects.get_for_model(Account).pk
    assert signed_in(clerk).get(page).status_code == 403
    for codename in ("view_email", "change_email", "view_account"):
        clerk.user_permissions.add(Permission.objects.get(codename=codename))
    shown = signed_in(clerk).get(page, {"kind": kind, "name": "acme"})
    assert "the whole conversation, 2 emails" in shown.content.decode()
    signed_in(clerk).post(page, {"kind": kind, "record": acme.pk, "scope": "conversation"})
    assert set(Email.objects.values_list("regarding_name", flat=True)) == {"Acme"}
