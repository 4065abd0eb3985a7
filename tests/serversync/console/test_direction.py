"""A mail whose subject or file name turns the direction of writing shows what its letters are; what is stored stays."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client, RequestFactory
from django.urls import resolve, reverse

from serversync.console.direction import PlainDirection
from tests.letters import letter
from tests.serversync.console.people import kept, mailbox, profile, row
from tests.writing import browser_of
from tracking.crm.models import Contact
from tracking.models import LedgerState

TURN, BACK, ISOLATE = "\u202e", "\u202c", "\u2067"
SUBJECT = f"Invoice {TURN}fdp.exe{BACK} for you"


@pytest.mark.django_db
def test_the_subject_of_a_mail_reads_as_it_is_spelled() -> None:
    alices = mailbox("Alice", profile())
    mail = kept(alices, letter("Eve <eve@evil.test>", "alice@us.test", SUBJECT, f"See {TURN}below{BACK}."))
    row(alices, LedgerState.TRACKED, email=mail)
    alice = browser_of(alices)
    page = alice.get(reverse("owner:email", args=[mail.pk])).content.decode()
    assert "Invoice fdp.exe for you" in page
    assert TURN not in page
    mail.refresh_from_db()
    assert mail.subject == SUBJECT
    assert TURN in alice.get(reverse("owner:body", args=[mail.pk])).content.decode()


@pytest.mark.django_db
def test_the_name_of_a_person_reads_as_it_is_spelled() -> None:
    alices = mailbox("Alice", profile())
    Contact.objects.create(full_name=f"{ISOLATE}Eve", email_address_1="eve@evil.test", owner=alices.regarding_user)
    answer = browser_of(alices).get(reverse("compose:people"), {"q": "eve@evil"})
    assert [one["name"] for one in answer.json()["found"]] == ["Eve"]


ANSWERS = [
    (HttpResponse("אבג \u200fdef"), "אבג \u200fdef"),  # Hebrew needs no such mark, and a plain one stays
    (HttpResponse(f"a{TURN}b{ISOLATE}c"), "abc"),
    (JsonResponse({"a": f"{TURN}b"}), '{"a": "b"}'),
    (HttpResponse(f"a{TURN}b", content_type="text/plain"), f"a{TURN}b"),
    (HttpResponse(f"a{TURN}b", headers={"Content-Disposition": "attachment"}), f"a{TURN}b"),
]


@pytest.mark.parametrize(("answer", "shown"), ANSWERS)
def test_pages_are_mended_and_files_are_not(answer: HttpResponse, shown: str, rf: RequestFactory) -> None:
    def page(request: HttpRequest) -> HttpResponse:
        request.resolver_match = resolve("/mail/")
        return answer

    mended = PlainDirection(page)(rf.get("/mail/"))
    assert isinstance(mended, HttpResponse)
    assert mended.content.decode() == shown


def test_a_page_that_nobody_has_is_answered_all_the_same(client: Client) -> None:
    assert client.get("/healthz").status_code == 200
