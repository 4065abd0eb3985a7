"""Blind copies stay blind inside the house too, and a draft leaves only by the button that looks at rights."""

from __future__ import annotations

from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from profiles.connectors.mime import Address
from tests.company import Company, receive, send
from tests.writing import browser_of
from tracking.crm.models import Email
from tracking.crm.models.states import EmailStatus
from tracking.crm.writing import NewEmail, write_and_send, write_draft


def test_bob_does_not_see_whom_alice_copied_blindly(company: Company) -> None:  # 5.11, law 12
    profile = company.pop3_profile()
    alice, bob = company.user("Alice", profile), company.user("Bob", profile)
    to, blind = [Address("Bob", bob.email_address)], [Address("", "carl@them.test")]
    new = NewEmail(alice, to, "Plans", text="Dear Bob", bcc=blind)
    email = write_and_send(new, timezone.now(), by=alice.regarding_user)
    send(alice)
    receive(bob)
    address = reverse("owner:email", args=[email.pk])
    pages = {one: browser_of(one).get(address) for one in (alice, bob)}
    assert {page.status_code for page in pages.values()} == {200}
    assert "carl@them.test" in pages[alice].content.decode()
    assert "Plans" in pages[bob].content.decode()
    assert "carl@them.test" not in pages[bob].content.decode()


def test_send_again_is_no_way_to_send_a_draft(company: Company) -> None:  # 7.5
    alice = company.user("Alice", company.pop3_profile())
    draft = write_draft(NewEmail(alice, [Address("", "ann@them.test")], "Not yet"), timezone.now())
    answer = browser_of(alice).post(reverse("owner:settle_delivery", args=[draft.pk]), {"answer": "again"})
    assert [str(one) for one in get_messages(answer.wsgi_request)] == [
        "Nothing was changed: only an email that failed is sent again here."
    ]
    assert Email.objects.get().status_code == EmailStatus.DRAFT
