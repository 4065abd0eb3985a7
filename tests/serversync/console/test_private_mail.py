"""Private mail is read by those it belongs to and by nobody else, whatever their rights; and mail regarding a record by
setting. One law over every page, list, search and download (12.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mailboxes.models import Mailbox, Organization, Queue, QueueMember
from tests.company import Company, receive
from tests.letters import letter
from tests.serversync.console.people import kept, plain_letter, row
from tests.serversync.console.roles import Office, browser, open_office
from tests.serversync.console.test_visibility import contents_of
from tracking.crm.models import Account, ActivityParty, Case, Contact, Email
from tracking.crm.models.states import DeliveryState, EmailStatus
from tracking.facts.visibility import MASK, PRIVATE, own_emails, visible_emails
from tracking.models import LedgerRow, LedgerState

LAWYER = "lawyer@them.test"
SECRETS = ("For Alice alone", LAWYER, "Lea Lawyer", "The divorce")


@pytest.fixture
def office(db: None) -> Office:
    """Alice's mail is private, and filed with a case."""
    found = open_office()
    Email.objects.filter(pk=found.to_alice.pk).update(sender=LAWYER, to_recipients=LAWYER)
    ActivityParty.objects.filter(activity_id=found.to_alice.pk).update(address_used=LAWYER)
    evidence = {"sender": LAWYER, "record": "Lea Lawyer", "kind": "contact"}
    LedgerRow.objects.filter(email=found.to_alice).update(evidence=evidence)
    regarding(found.to_alice, Case.objects.create(title="The divorce"))
    conversation = {"conversation_tracking_id": found.to_bob.pk, "correlated_activity": found.to_alice}
    Email.objects.filter(pk=found.to_bob.pk).update(**conversation)
    Email.objects.filter(pk=found.to_alice.pk).update(is_private=True, conversation_tracking_id=found.to_bob.pk)
    return found


def regarding(email: Email, record: Any) -> None:
    kind = ContentType.objects.get_for_model(record)
    Email.objects.filter(pk=email.pk).update(
        regarding_type=kind, regarding_id=str(record.pk), regarding_name=str(record)
    )


def sharing() -> None:
    Organization.objects.update_or_create(pk=1, defaults={"overrides": {"share_mail_by_regarding": True}})


def granted(person: Any, *names: str) -> Any:
    """The same person with these permissions, fresh from the database."""
    person.user_permissions.add(*Permission.objects.filter(codename__in=names))
    return type(person).objects.get(pk=person.pk)


def every_page(office: Office) -> Iterator[str]:
    """Wherever something of a mail could be seen, and each way to ask for its words."""
    email = office.to_alice
    emails, rows = reverse("admin:crm_email_changelist"), LedgerRow.objects.get(email=email)
    yield from [reverse("owner:email", args=[email.pk]), *contents_of(email, "owner")]
    yield from [reverse("console:email", args=[email.pk]), *contents_of(email, "console")]
    yield from [reverse("owner:email", args=[office.to_bob.pk]), reverse("console:email", args=[office.to_bob.pk])]
    yield from [emails, f"{emails}?q=Alice+alone", f"{emails}?q=lawyer", f"{emails}?q={email.message_id.strip('<>')}"]
    yield from (
        f"{emails}?{lookup}" for lookup in ("subject__startswith=For+Alice", "sender__startswith=law", "o=2", "o=3.4")
    )
    yield from [reverse("admin:crm_email_change", args=[email.pk]), reverse("admin:crm_email_history", args=[email.pk])]
    yield from [
        reverse("admin:tracking_ledgerrow_changelist"),
        reverse("admin:tracking_ledgerrow_change", args=[rows.pk]),
    ]
    yield reverse("console:why") + f"?message_id={email.message_id.strip('<>')}"
    yield from [reverse("admin:index"), reverse("console:mailbox", args=[office.alices.pk]), reverse("owner:own")]
    yield reverse("admin:autocomplete") + "?app_label=tracking&model_name=ledgerrow&field_name=email&term=Alice"
    yield reverse("admin:crm_domainevent_changelist")
    yield from [reverse("admin:search") + "?s=Alice", reverse("owner:alerts"), reverse("console:errors") + "?q=Alice"]


def words_of(answer: HttpResponse) -> str:
    return b"".join(answer).decode(errors="replace") if answer.streaming else answer.content.decode(errors="replace")


STRANGERS = ["charlie", "mia", "auditor", "administrator", "reader", "colleague", "superuser"]


@pytest.mark.parametrize("who", STRANGERS)
def test_no_page_tells_anybody_a_word_of_alices_private_mail(office: Office, who: str) -> None:
    sharing()
    person = office.people.get(who, office.people["administrator"])
    if who == "reader":
        person = granted(person, "read_others_mail")
    if who == "colleague":  # may see the case in the console and owns it
        person = granted(office.people["mia"], "view_case", "view_email", "view_ledgerrow", "view_mailbox")
        person.is_staff = True
        person.save()
        Case.objects.update(owner=person)
    client = browser(person)
    for address in every_page(office):
        page = words_of(client.get(address, follow=True))
        told = [secret for secret in SECRETS if secret in page]
        assert told == [], address
    assert office.to_alice not in visible_emails(person)


def test_alice_reads_all_of_it_and_it_is_nobodys_business(office: Office) -> None:
    alice = office.browsers["alice"]
    for address in [reverse("owner:email", args=[office.to_alice.pk]), *contents_of(office.to_alice, "owner")]:
        assert alice.get(address).status_code == 200, address
    assert "For Alice alone" in words_of(alice.get("/mailbox/"))
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("right", [(), ("read_others_mail",)])
def test_others_see_that_it_exists_and_the_word_private(office: Office, right: tuple[str, ...]) -> None:
    client = browser(granted(office.people["administrator"], *right))
    answer = client.get(reverse("admin:crm_email_changelist"))
    shown = {one.pk: one.is_readable for one in answer.context["cl"].result_list}
    assert shown[office.to_alice.pk] is False
    assert shown[office.to_bob.pk] is bool(right)
    assert f">{PRIVATE}</a>" in words_of(answer)
    page = words_of(client.get(reverse("console:email", args=[office.to_alice.pk])))
    assert "This mail is private: only its owner reads it" in page
    assert MASK not in page
    for address in contents_of(office.to_alice, "console"):
        assert client.get(address).status_code == 404, address


def test_a_search_by_one_who_reads_others_mail_finds_no_private_word(office: Office) -> None:
    client = browser(granted(office.people["administrator"], "read_others_mail"))

    def found(words: str) -> set[Any]:
        answer = client.get(reverse("admin:crm_email_changelist"), {"q": words})
        return {one.pk for one in answer.context["cl"].result_list}

    assert found("Alice alone") == set()
    assert found("Bob alone") == {office.to_bob.pk}
    assert found(office.to_alice.message_id.strip("<>")) == {office.to_alice.pk}  # a Message-ID tells nothing


# Whose it is


def test_private_mail_belongs_to_its_owner_else_to_the_mailbox_it_came_to(office: Office) -> None:
    alice, charlie = office.people["alice"], office.people["charlie"]
    Email.objects.filter(pk=office.to_alice.pk).update(owner=None)
    assert office.to_alice in own_emails(alice)
    Email.objects.filter(pk=office.to_alice.pk).update(owner=charlie)
    assert office.to_alice in own_emails(charlie)


def test_private_mail_of_a_queue_is_read_by_its_people(office: Office) -> None:
    Email.objects.filter(pk=office.to_support.pk).update(is_private=True)
    for name, reads in (("alice", True), ("mia", True), ("charlie", False), ("superuser", False)):
        assert (office.to_support in visible_emails(office.people[name])) is reads, name


def test_whoever_has_it_in_the_mailbox_of_their_own_reads_it_there_anyway(office: Office) -> None:
    shown_again(office, office.people["charlie"].mailbox)
    assert office.to_alice in visible_emails(office.people["charlie"])


def test_that_it_also_came_to_a_queue_opens_it_to_nobody_there(office: Office) -> None:
    shown_again(office, office.supports)
    mia = office.browsers["mia"]
    page = words_of(mia.get(reverse("owner:queue", args=[office.supports.regarding_queue_id])))
    assert "For Alice alone" not in page
    assert LAWYER not in page
    assert PRIVATE in page
    assert mia.get(reverse("owner:email", args=[office.to_alice.pk])).status_code == 404
    page = words_of(office.browsers["alice"].get(reverse("owner:queue", args=[office.supports.regarding_queue_id])))
    assert "For Alice alone" in page


def shown_again(office: Office, mailbox: Mailbox) -> None:
    row(mailbox, LedgerState.TRACKED, reason=6, email=office.to_alice, sender=LAWYER)


def test_alice_marks_a_mail_as_private_and_takes_it_back(office: Office) -> None:
    Email.objects.update(is_private=False)
    alice, address = office.browsers["alice"], reverse("owner:privacy", args=[office.to_alice.pk])
    reader = granted(office.people["administrator"], "read_others_mail")
    assert office.to_alice in visible_emails(reader)
    for answer, private in (("yes", True), ("no", False)):
        alice.post(address, {"private": answer})
        office.to_alice.refresh_from_db()
        assert office.to_alice.is_private is private
        assert (office.to_alice in visible_emails(reader)) is not private
    assert office.to_alice.edited_fields == ["is_private"]  # a later parser leaves a person's word alone
    said = [one.get_change_message() for one in LogEntry.objects.order_by("pk")]
    assert said == ["Marked as private.", "Marked as no longer private."]


def test_nobody_else_marks_it(office: Office) -> None:
    Email.objects.update(is_private=False)
    for name, status in (("charlie", 404), ("mia", 404), ("administrator", 404), ("superuser", 403)):
        answer = office.browsers[name].post(reverse("owner:privacy", args=[office.to_alice.pk]), {"private": "yes"})
        assert answer.status_code == status, name
    office.to_alice.refresh_from_db()
    assert not office.to_alice.is_private


@pytest.mark.parametrize("profile", ["pop3_profile", "exchange_profile"])
def test_what_dora_marked_as_private_is_kept_as_private(company: Company, profile: str) -> None:
    alices = company.user("Alice", getattr(company, profile)())
    for word in ("Private", "Personal", "Company-Confidential", ""):
        marks = [("Sensitivity", word)] if word else []
        raw = letter("dora@them.test", "alice@us.test", word or "Nothing", "Hello", extra_headers=marks)
        company.sandbox.deliver("alice@us.test", raw)
    receive(alices)
    kept_as = dict(Email.objects.values_list("subject", "is_private"))
    assert kept_as == {"Private": True, "Personal": True, "Company-Confidential": False, "Nothing": False}


# Mail regarding a record


@pytest.mark.parametrize("is_on", [True, False])
def test_who_may_see_the_case_reads_its_mail_if_the_organization_wants_it_so(office: Office, is_on: bool) -> None:
    if is_on:
        sharing()
    case = Case.objects.create(title="Printer", owner=office.people["charlie"])
    regarding(office.to_bob, case)
    viewer = granted(office.people["approver"], "view_case")
    for person, may_see in (
        (office.people["charlie"], True),  # owns the record
        (viewer, True),  # looks at all cases in the console
        (granted(office.people["mia"], "view_case"), False),  # has the permission, and no door to the console
        (office.people["auditor"], False),
    ):
        assert (office.to_bob in visible_emails(person)) is (may_see and is_on), person
    address = reverse("owner:email", args=[office.to_bob.pk])
    assert office.browsers["charlie"].get(address).status_code == (200 if is_on else 404)
    assert LogEntry.objects.filter(object_id=str(office.to_bob.pk)).exists() is is_on  # it is not Charlie's own


@pytest.mark.parametrize("kind", [Account, Contact, Case, Queue])
def test_every_kind_of_record_with_an_owner_counts(office: Office, kind: Any) -> None:
    sharing()
    names = {Account: "name", Contact: "full_name", Case: "title", Queue: "name"}
    mine = kind.objects.create(**{names[kind]: "Mine"}, owner=office.people["charlie"])
    other = kind.objects.create(**{names[kind]: "Other"}, owner=office.people["mia"])
    regarding(office.to_bob, mine)
    assert office.to_bob in visible_emails(office.people["charlie"])
    regarding(office.to_bob, other)
    assert office.to_bob not in visible_emails(office.people["charlie"])


def test_mail_regarding_nothing_is_shared_with_nobody(office: Office) -> None:
    sharing()
    assert office.to_bob not in visible_emails(granted(office.people["approver"], "view_case", "view_account"))


def test_sharing_costs_the_same_for_one_record_and_for_fifty(
    office: Office, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    sharing()
    charlie = office.people["charlie"]
    list(visible_emails(charlie))
    with CaptureQueriesContext(connection) as few:
        list(visible_emails(type(charlie).objects.get(pk=charlie.pk)))
    for number in range(50):
        case = Case.objects.create(title=str(number), owner=charlie)
        regarding(kept(office.bobs, plain_letter(f"About {number}")), case)
    with django_assert_max_num_queries(len(few)):
        assert len(visible_emails(type(charlie).objects.get(pk=charlie.pk))) == 50


# Unknown deliveries


@pytest.mark.parametrize(("answer", "status"), [("arrived", EmailStatus.SENT), ("again", EmailStatus.PENDING_SEND)])
@pytest.mark.parametrize("start", ["owner:email", "owner:own"])
def test_alice_says_herself_what_became_of_her_mail(
    office: Office, answer: str, status: EmailStatus, start: str
) -> None:
    email = kept(office.alices, plain_letter("Lost"), status=EmailStatus.SENDING, delivery=DeliveryState.UNKNOWN)
    alice, settle = office.browsers["alice"], reverse("owner:settle_delivery", args=[email.pk])
    page = reverse(start, args=[email.pk] if start == "owner:email" else [])
    assert f'action="{settle}"' in words_of(alice.get(page))
    followed = alice.post(settle, {"answer": answer}, headers={"referer": f"http://testserver{page}"})
    assert followed.headers["Location"].endswith(page)
    email.refresh_from_db()
    assert email.status_code == status
    assert LogEntry.objects.get(object_id=str(email.pk)).user == office.people["alice"]


def test_a_member_of_the_queue_and_a_stranger_settle_nothing(office: Office) -> None:
    email = kept(office.supports, plain_letter("Lost"), status=EmailStatus.SENDING, delivery=DeliveryState.UNKNOWN)
    QueueMember.objects.get_or_create(queue=office.supports.regarding_queue, user=office.people["mia"])
    settle = reverse("owner:settle_delivery", args=[email.pk])
    for name, status in (("mia", 403), ("charlie", 404), ("administrator", 404)):
        assert office.browsers[name].post(settle, {"answer": "arrived"}).status_code == status
    assert "It did arrive" not in words_of(office.browsers["mia"].get(reverse("owner:email", args=[email.pk])))
    email.refresh_from_db()
    assert email.delivery_state == DeliveryState.UNKNOWN
