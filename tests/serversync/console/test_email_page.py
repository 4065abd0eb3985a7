"""The page of one email: what it says, why it is here, its conversation, its original, its delivery."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes.models import Leg
from profiles.connectors.mime import Address
from tests.letters import letter
from tests.serversync.console.people import kept, mailbox, plain_letter, profile, row
from tracking.crm import delivery
from tracking.crm.models import ActivityParty, Contact, Email
from tracking.crm.models.states import DeliveryState, EmailStatus, HoldReason
from tracking.crm.writing import NewEmail, rewrite, write_draft
from tracking.models import LedgerState

PIXEL = b"\x89PNG\r\n\x1a\n not really"


def test_the_page_shows_reason_evidence_and_place(alice: Client) -> None:
    bobs = mailbox("Bob", profile())
    email = kept(bobs, plain_letter("The plan"))
    row(
        bobs, LedgerState.TRACKED, reason=2, email=email, evidence={"header": "References", "message_id": "<x@us.test>"}
    )
    page = alice.get(reverse("console:email", args=[email.pk])).content.decode()
    for words in ("The plan", "It answers an email that is tracked.", "References", "&lt;x@us.test&gt;", "inbox"):
        assert words in page


def test_people_lead_to_the_records_they_are(alice: Client) -> None:
    dora = Contact.objects.create(full_name="Dora Dean", email_address_1="dora@them.test")
    email = kept(mailbox("Bob", profile()), plain_letter())
    type_id = dora_type()
    ActivityParty.objects.filter(activity_id=email.pk, address_used="dora@them.test").update(
        party_type_id=type_id, party_id=str(dora.pk)
    )
    page = alice.get(reverse("console:email", args=[email.pk])).content.decode()
    assert f'href="/crm/contact/{dora.pk}/change/"' in page
    assert "contact Dora Dean" in page


def dora_type() -> int:
    from django.contrib.contenttypes.models import ContentType

    return ContentType.objects.get_for_model(Contact).pk


def test_a_list_of_emails_leads_to_the_page(alice: Client) -> None:
    email = kept(mailbox("Bob", profile()), plain_letter("The plan"))
    assert f'href="/email/{email.pk}/"' in alice.get("/crm/email/").content.decode()
    assert alice.get(f"/crm/email/{email.pk}/change/").headers["Location"] == f"/email/{email.pk}/"


def test_the_messages_of_a_conversation_are_listed_in_their_order(alice: Client) -> None:
    bobs = mailbox("Bob", profile())
    first, second = kept(bobs, plain_letter("The plan")), kept(bobs, plain_letter("Re: The plan"))
    second.conversation_tracking_id = first.pk
    second.save()
    page = alice.get(reverse("console:email", args=[first.pk]))
    assert [one.pk for one in page.context["conversation"]] == [first.pk, second.pk]
    assert f'href="/email/{second.pk}/"' in page.content.decode()


def test_the_original_is_downloaded_byte_for_byte(alice: Client) -> None:
    raw = b"From: dora@them.test\r\nTo: bob@us.test\r\nSubject: =?x?q?broken\r\nDate: never\r\n\r\n\x00\xff odd bytes\r\n.\r\n"
    email = kept(mailbox("Bob", profile()), raw)
    answer = alice.get(reverse("console:original", args=[email.pk]))
    assert answer.content == raw
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_attachments_are_saved_and_what_is_active_stays_a_file(alice: Client) -> None:
    files = [("page.html", "text/html", b"<script>alert(1)</script>"), ('a"\u00e4.png', "image/png", PIXEL)]
    email = kept(mailbox("Bob", profile()), letter("dora@them.test", "bob@us.test", "Files", "See", attachments=files))
    kinds = []
    for attachment, (_, _, content) in zip(email.attachments.all(), files, strict=True):
        answer = alice.get(reverse("console:attachment", args=[email.pk, attachment.attachment_number]))
        assert answer.content == content
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        kinds.append(answer.headers["Content-Type"])
    assert kinds == ["application/octet-stream", "image/png"]


def test_a_body_is_sanitised_and_locked_in(alice: Client) -> None:
    html = '<p>Good news</p><script>alert(1)</script><img src="https://evil.test/p.gif">'
    email = kept(mailbox("Bob", profile()), letter("dora@them.test", "bob@us.test", "Hi", "plain", html=html))
    answer = alice.get(reverse("console:body", args=[email.pk]))
    page = answer.content.decode()
    assert "Good news" in page
    assert "alert(1)" not in page
    assert "evil.test" not in page
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert policy.endswith("sandbox")
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_frame_of_a_body_allows_nothing(alice: Client) -> None:
    email = kept(mailbox("Bob", profile()), plain_letter())
    page = alice.get(reverse("console:email", args=[email.pk])).content.decode()
    assert 'sandbox=""' in page


def test_a_picture_of_the_mail_itself_is_put_into_its_body(alice: Client) -> None:
    raw = letter(
        "dora@them.test",
        "bob@us.test",
        "Photo",
        "plain",
        html='<img src="cid:photo@them">',
        attachments=[("photo.png", "image/png", PIXEL)],
    ).replace(b'filename="photo.png"', b'filename="photo.png"\r\nContent-ID: <photo@them>')
    email = kept(mailbox("Bob", profile()), raw)
    page = alice.get(reverse("console:body", args=[email.pk])).content.decode()
    assert "data:image/png;base64,iVBORw0KGg" in page


def test_alice_settles_an_unknown_delivery(alice: Client) -> None:
    bobs = mailbox("Bob", profile())
    for answer, status in (("arrived", EmailStatus.SENT), ("again", EmailStatus.PENDING_SEND)):
        email = kept(bobs, plain_letter(answer), status=EmailStatus.SENDING, delivery=DeliveryState.UNKNOWN)
        assert "Nobody knows whether" in alice.get(reverse("console:email", args=[email.pk])).content.decode()
        alice.post(reverse("console:settle_delivery", args=[email.pk]), {"answer": answer})
        email.refresh_from_db()
        assert email.status_code == status


def test_alice_sends_a_failed_email_again(alice: Client) -> None:
    bobs = mailbox("Bob", profile())
    email = kept(bobs, plain_letter(), status=EmailStatus.FAILED, delivery=DeliveryState.REFUSED)
    alice.post(reverse("console:settle_delivery", args=[email.pk]), {"answer": "again"})
    email.refresh_from_db()
    assert email.status_code == EmailStatus.PENDING_SEND
    assert bobs.legs.get(leg=Leg.OUTGOING).requested_on is not None


def test_what_was_settled_meanwhile_is_not_settled_twice(alice: Client) -> None:
    email = kept(mailbox("Bob", profile()), plain_letter(), status=EmailStatus.SENT, delivery=DeliveryState.ACCEPTED)
    address = reverse("console:settle_delivery", args=[email.pk])
    assert "Nothing was changed" in alice.post(address, {"answer": "again"}, follow=True).content.decode()
    email.refresh_from_db()
    assert email.status_code == EmailStatus.SENT


@pytest.mark.parametrize(
    ("answer", "status"),
    [("release", EmailStatus.PENDING_SEND), ("take back", EmailStatus.DRAFT), ("cancel", EmailStatus.CANCELED)],
)
def test_alice_says_what_becomes_of_an_email_that_is_held(
    alice: Client, answer: str, status: EmailStatus
) -> None:  # 7.3
    email = kept(mailbox("Bob", profile()), plain_letter(), status=EmailStatus.PENDING_SEND)
    Email.objects.filter(pk=email.pk).update(hold_reason=HoldReason.TOO_OLD, sent_on=None)
    page = alice.get(reverse("console:email", args=[email.pk])).content.decode()
    assert "Held: it has waited so long" in page
    assert f'value="{answer}"' in page
    alice.post(reverse("console:settle_delivery", args=[email.pk]), {"answer": answer})
    email.refresh_from_db()
    assert (email.status_code, email.hold_reason) == (status, HoldReason.NONE)


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        ("send_again", EmailStatus.FAILED, EmailStatus.PENDING_SEND),
        ("take_back", EmailStatus.FAILED, EmailStatus.DRAFT),
        ("release", EmailStatus.PENDING_SEND, EmailStatus.PENDING_SEND),
        ("cancel", EmailStatus.PENDING_SEND, EmailStatus.CANCELED),
    ],
)
def test_alice_does_it_to_many_at_once(alice: Client, action: str, before: EmailStatus, after: EmailStatus) -> None:
    bobs = mailbox("Bob", profile())  # 7.3, 7.4
    emails = [kept(bobs, plain_letter(str(number)), status=before) for number in range(2)]
    left = kept(bobs, plain_letter("left"), status=EmailStatus.SENT)
    if action == "release":
        Email.objects.filter(status_code=before).update(hold_reason=HoldReason.LOOP)
    chosen = [str(email.pk) for email in (*emails, left)]
    answer = alice.post(
        reverse("admin:crm_email_changelist"), {"action": action, "_selected_action": chosen}, follow=True
    )
    assert "Done for 2 emails." in answer.content.decode()
    assert {Email.objects.get(pk=email.pk).status_code for email in emails} == {after}
    assert not Email.objects.exclude(hold_reason=HoldReason.NONE).exists()
    assert Email.objects.get(pk=left.pk).status_code == EmailStatus.SENT


def test_of_many_that_are_sent_the_one_that_somebody_changes_meanwhile_stays(
    alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:  # 7.2
    bobs, now = mailbox("Bob", profile()), timezone.now()
    emails = [write_draft(NewEmail(bobs, [Address("", "ann@acme.test")], "Offer", text="x"), now) for _ in range(2)]
    submit = delivery.submit

    def a_moment_later(email: Email, at: datetime, by: Any = None) -> None:
        if email.pk == emails[0].pk:
            rewrite(emails[1], NewEmail(bobs, [Address("", "bob@acme.test")], "Another", text="y"), at)
        submit(email, at)

    monkeypatch.setattr(delivery, "submit", a_moment_later)
    chosen = [str(email.pk) for email in emails]
    answer = alice.post(
        reverse("admin:crm_email_changelist"), {"action": "send", "_selected_action": chosen}, follow=True
    )
    page = answer.content.decode()
    assert "Done for 1 email." in page
    assert "Nothing was changed for 1: the email is no longer Draft, or was changed meanwhile." in page
    found = [Email.objects.get(pk=email.pk).status_code for email in emails]
    assert found == [EmailStatus.PENDING_SEND, EmailStatus.DRAFT]
