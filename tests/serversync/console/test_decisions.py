"""The list of decisions: found by address, domain, Message-ID, time, verdict; one click from the explanation (law 4)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes.models import Mailbox
from tests.serversync.console.people import kept, mailbox, plain_letter, profile, row
from tests.serversync.console.roles import Office
from tracking.crm.models import Email
from tracking.decide.verdicts import REASON_TEXTS, Reason
from tracking.facts.decisions import PAGE
from tracking.models import LedgerRow, LedgerState

MARCH = datetime(2026, 3, 1, 9, tzinfo=UTC)
ANN = "ann@acme.test"


@pytest.fixture
def bobs(db: None) -> Mailbox:
    return mailbox("Bob", profile())


def ignored(of: Mailbox, message_id: str = "<one@acme.test>", **columns: object) -> LedgerRow:
    return row(of, LedgerState.IGNORED, message_id=message_id, **{"reason": 1, "sender": ANN, **columns})


def shown(client: Client, **query: str) -> str:
    answer = client.get(reverse("console:decisions"), query)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": ANN}, {"one", "two"}),
        ({"q": "Ann@Acme.test"}, {"one", "two"}),
        ({"q": "acme.test"}, {"one", "two"}),
        ({"q": "@acme.test"}, {"one", "two"}),
        ({"q": "ann"}, {"one", "two"}),
        ({"q": "<three@them.test>"}, {"three"}),
        ({"q": "three@them.test"}, {"three"}),
        ({"q": "nobody@them.test"}, set()),
        ({"state": "2"}, {"one", "three"}),
        ({"reason": "101"}, {"three"}),
        ({"since": "2026-03-02"}, {"two"}),
        ({"until": "2026-03-01"}, {"one", "three"}),
        ({"mailbox": "bob@us.test"}, {"one", "two"}),
        ({"mailbox": "Carla"}, {"three"}),
        ({}, {"one", "two", "three"}),
    ],
)
def test_decisions_are_found(alice: Client, bobs: Mailbox, query: dict[str, str], found: set[str]) -> None:
    carlas = mailbox("Carla", bobs.email_server_profile)
    ignored(bobs, "<one@a.example>", received_on=MARCH)
    row(
        bobs,
        LedgerState.QUARANTINED,
        message_id="<two@a.example>",
        sender=ANN,
        received_on=MARCH.replace(day=2),
        attempts=5,
    )
    ignored(carlas, "<three@them.test>", sender="zoe@them.test", reason=101, received_on=MARCH)
    page = shown(alice, **query)
    assert {name for name in ("one", "two", "three") if f"&lt;{name}@" in page.partition('id="found"')[2]} == found


def test_what_cannot_be_read_is_told(alice: Client, bobs: Mailbox) -> None:
    page = shown(alice, since="yesterday", mailbox="nobody@us.test")
    assert "“yesterday” is no date. Write it like 2026-03-01." in page
    assert "There is no mailbox “nobody@us.test”." in page


def test_pages_turn_by_key_with_the_same_number_of_queries(
    alice: Client, bobs: Mailbox, django_assert_max_num_queries: object
) -> None:
    now = timezone.now()
    LedgerRow.objects.bulk_create(
        LedgerRow(
            mailbox=bobs,
            content_key=f"k{number}",
            state=2,
            reason=1,
            message_id=f"<n{number:03d}@a.example>",
            sender=ANN,
            discovered_on=now,
            decided_on=now,
        )
        for number in range(PAGE * 2 + 5)
    )
    with django_assert_max_num_queries(16):  # type: ignore[operator]
        page = shown(alice, q=ANN)
    assert page.count("&lt;n") == PAGE
    assert "&lt;n104@" in page
    oldest = LedgerRow.objects.order_by("-pk")[PAGE - 1].pk
    assert f"before={oldest}" in page
    second = shown(alice, q=ANN, before=str(oldest))
    assert "&lt;n054@" in second
    assert "&lt;n055@" not in second
    assert second.count("&lt;n") == PAGE


def test_one_click_leads_to_the_explanation(alice: Client, bobs: Mailbox) -> None:
    evidence = {
        "candidate": "Bob",
        "filter": 1,
        "looked_for": ["<a@x>"],
        "candidates": [{"name": "Bob", "kind": "systemuser", "filter": 1, "accepted": False, "reason": 1}],
    }
    found = ignored(bobs, evidence=evidence)
    address = reverse("console:explain", args=[found.pk])
    assert address in shown(alice, q=ANN)
    page = alice.get(address).content.decode()
    assert REASON_TEXTS[Reason.NO_CORRELATION_MATCH] in page
    assert "What would change it" in page
    assert "It would be tracked if Bob’s filter were “All email messages”." in page
    assert reverse("console:settings_help") + "#email_correlation_enabled" in page
    assert alice.get(reverse("console:explain", args=[10**9])).status_code == 404


def test_expired_evidence_is_told_on_the_page(alice: Client, bobs: Mailbox) -> None:
    found = ignored(bobs, sender="", evidence={})
    page = alice.get(reverse("console:explain", args=[found.pk])).content.decode()
    assert "The evidence of this decision has expired" in page


def test_the_box_on_the_home_page_takes_an_address_or_a_message_id(alice: Client, bobs: Mailbox) -> None:
    ignored(bobs)
    assert reverse("console:why") in alice.get("/").content.decode()
    answer = alice.get(reverse("console:why"), {"q": ANN})
    assert answer.headers["Location"] == reverse("console:decisions") + "?q=ann%40acme.test"
    assert "1 verdict" in alice.get(reverse("console:why"), {"q": "one@acme.test"}).content.decode()
    assert "No mailbox has seen this message." in alice.get(reverse("console:why"), {"q": "x@y.test"}).content.decode()


def test_who_may_not_read_a_mail_does_not_find_it_by_its_sender(office: Office) -> None:  # 12.1
    LedgerRow.objects.filter(email=office.to_bob).update(sender="dora@them.test")
    page = office.browsers["auditor"].get(reverse("console:decisions"), {"q": "dora@them.test"}).content.decode()
    assert "Nothing fits." in page
    every = office.browsers["auditor"].get(reverse("console:decisions")).content.decode()
    assert "dora@them.test" not in every
    assert "For Bob alone" not in every
    assert "For Bob alone" in office.browsers["superuser"].get(reverse("console:decisions")).content.decode()


def test_private_mail_names_nobody(office: Office) -> None:
    Email.objects.filter(pk=office.to_bob.pk).update(is_private=True)
    found = LedgerRow.objects.get(email=office.to_bob)
    LedgerRow.objects.filter(pk=found.pk).update(evidence={"sender": "dora@them.test"}, sender="dora@them.test")
    for page in (reverse("console:decisions"), reverse("console:explain", args=[found.pk])):
        assert "dora@them.test" not in office.browsers["superuser"].get(page).content.decode()


def test_alice_sees_the_decisions_of_her_mailboxes_and_of_no_other(office: Office) -> None:
    hers = office.browsers["alice"]
    for of, seen in ((office.alices, 200), (office.supports, 200), (office.bobs, 404)):
        assert hers.get(reverse("owner:decisions", args=[of.pk])).status_code == seen
    page = hers.get(reverse("owner:decisions", args=[office.alices.pk])).content.decode()
    assert "For Alice alone" in page
    assert "For Bob alone" not in page
    bobs_row = LedgerRow.objects.get(email=office.to_bob)
    assert hers.get(reverse("owner:explain", args=[office.alices.pk, bobs_row.pk])).status_code == 404
    her_row = LedgerRow.objects.get(email=office.to_alice)
    own = hers.get(reverse("owner:explain", args=[office.alices.pk, her_row.pk])).content.decode()
    assert REASON_TEXTS[Reason.ACCEPT_ALL] in own
    assert "/ledgerrow/" not in own


def test_the_page_of_an_email_explains_every_mailbox_that_has_it(alice: Client, bobs: Mailbox) -> None:
    email = kept(bobs, plain_letter("Offer"))
    carlas = mailbox("Carla", bobs.email_server_profile)
    for of in (bobs, carlas):
        row(of, LedgerState.TRACKED, reason=6, email=email, message_id=email.message_id)
    page = alice.get(reverse("console:email", args=[email.pk])).content.decode()
    assert page.count("What would change it") == 2
    assert page.count("Seen in") == 2
    own = Client()
    own.force_login(bobs.regarding_user)  # type: ignore[arg-type]
    his = own.get(reverse("owner:email", args=[email.pk])).content.decode()
    assert his.count("What would change it") == 1
