"""People write on a page: new mail, answers and forwards leave with the right headers, once, and what came back is shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from mailboxes.models import Mailbox, QueueMember
from profiles.connectors import mime
from profiles.connectors.mime import Address
from tests.company import Company, decide, receive, send
from tests.letters import letter
from tests.profiles.reports_samples import dsn
from tests.writing import Letter, browser_of
from tracking.crm import delivery
from tracking.crm.answering import How, answer
from tracking.crm.conversation_index import index_after, index_of, new_index
from tracking.crm.models import Account, ActivityParty, Contact, Email, Participation
from tracking.crm.models.states import CorrelationMethod, DeliveryState, EmailStatus
from tracking.crm.writing import NewEmail, write_and_send

PIXEL = b"\x89PNG\r\n\x1a\n not really"


@pytest.fixture(params=["pop3", "exchange"])
def profile(request, company):
    return company.pop3_profile() if request.param == "pop3" else company.exchange_profile()


def arrived(company: Company, address: str) -> tuple[bytes, mime.Message]:
    """The only mail that came to the address: its bytes and what it says."""
    (item,) = company.sandbox.inbox(address)
    raw = company.sandbox.raw(address, item["id"])
    return raw, mime.message(raw)


def question(company: Company, mailbox: Mailbox, **more) -> Email:
    """Ann asks; the question is tracked."""
    to = [mailbox.email_address, "Bob <bob@us.test>"]
    raw = letter("Ann <ann@acme.test>", to, "Quote?", "How much\nis it?", message_id="<q@acme.test>", **more)
    company.sandbox.deliver(mailbox.email_address, raw)
    receive(mailbox)
    return Email.objects.get()


def test_alice_writes_to_a_contact_by_name_and_it_leaves(company: Company, profile) -> None:  # 7.2
    alice = company.user("Alice", profile)
    ann = Contact.objects.create(full_name="Ann Acme", email_address_1="ann@acme.test", owner=alice.regarding_user)
    new = Letter(browser_of(alice), "/mail/new/")
    email = new.send(
        to="Ann Acme", cc="Carl <carl@acme.test>", bcc="boss@us.test", subject="Offer", text="Dear Ann\n1€"
    )

    assert (email.status_code, email.submitted_by) == (EmailStatus.PENDING_SEND, alice.regarding_user)
    party = ActivityParty.objects.get(activity_id=email.pk, participation_type_mask=Participation.TO)
    assert (party.party, party.address_used) == (ann, "ann@acme.test")
    send(alice)
    raw, message = arrived(company, "ann@acme.test")
    assert (message.envelope.to, message.envelope.cc) == (
        (Address("Ann Acme", "ann@acme.test"),),
        (Address("Carl", "carl@acme.test"),),
    )
    assert message.text.strip() == "Dear Ann\n1€"
    assert b"boss" not in raw.split(b"\r\n\r\n")[0].replace(b"for <boss@us.test>", b"")
    assert arrived(company, "boss@us.test")[1].envelope.subject == "Offer"


def test_alice_replies_to_all_with_a_file(company: Company, profile) -> None:  # 6.1
    alice = company.user("Alice", profile)
    index = new_index(Email().pk, datetime(2026, 3, 1, 9, 0, tzinfo=UTC))
    asked = question(company, alice, extra_headers=[("Thread-Index", index)])
    reply = Letter(browser_of(alice), f"/mail/{asked.pk}/reply-all/")
    assert reply.fields["to"] == ["Ann <ann@acme.test>"]
    assert reply.fields["cc"] == ["Bob <bob@us.test>"]
    email = reply.send([("prices.pdf", b"%PDF")], text="Ten.\n" + reply.fields["text"][0])

    send(alice)
    raw, message = arrived(company, "ann@acme.test")
    sent = message.envelope
    assert (sent.subject, sent.in_reply_to, sent.references) == ("Re: Quote?", ("<q@acme.test>",), ("<q@acme.test>",))
    assert re.fullmatch(r"Ten\.\n\n\nOn .* UTC, Ann <ann@acme\.test> wrote:\n> How much\n> is it\?\s*", message.text)
    before, after = index_of(index), index_of(sent.thread_index)
    assert before is not None
    assert after is not None
    assert (after.base_hash, after.responses) == (before.base_hash, 1)
    (file,) = message.attachments
    assert (file.file_name, file.mime_type) == ("prices.pdf", "application/pdf")
    assert mime.attachment_content(raw, file.number) == b"%PDF"
    email.refresh_from_db()
    assert email.conversation_tracking_id == asked.conversation_tracking_id
    assert email.status_code == EmailStatus.SENT


def test_an_answer_that_has_lost_its_headers_finds_back_by_the_thread_index(company: Company, profile) -> None:  # 6.1
    alice = company.user("Alice", profile)
    email = Letter(browser_of(alice), "/mail/new/").send(to="ann@acme.test", subject="Offer", text="x")
    send(alice)
    sent = arrived(company, "ann@acme.test")[1].envelope
    index = index_after(sent.thread_index, timezone.now(), 7)
    back = letter("ann@acme.test", "alice@us.test", "RE: Offer", "Yes", extra_headers=[("Thread-Index", index)])
    company.sandbox.deliver("alice@us.test", back)
    receive(alice)
    found = Email.objects.get(direction_code=False)
    assert (found.correlation_method, found.correlated_activity) == (CorrelationMethod.CONVERSATION_INDEX, email)


def test_an_answer_goes_where_its_sender_asks_for(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    asked = question(company, alice, extra_headers=[("Reply-To", "Sales <sales@acme.test>")])
    reply = Letter(browser_of(alice), f"/mail/{asked.pk}/reply/")
    assert (reply.fields["to"], reply.fields["cc"]) == (["Sales <sales@acme.test>"], [""])
    text = answer(asked, How.REPLY_ALL, alice, text="Hello").text
    assert text.startswith("Hello\n\nOn 1 March 2026")


def test_a_forward_takes_files_and_pictures_along(company: Company, profile) -> None:
    alice = company.user("Alice", profile)
    html = '<p>See <img src="cid:pic@acme"></p><img src="https://acme.test/pixel.gif"><script>1</script>'
    raw = mime.compose(
        message_id="<q@acme.test>",
        date=datetime(2026, 3, 1, tzinfo=UTC),
        sender=Address("Ann", "ann@acme.test"),
        to=[Address("", "alice@us.test")],
        subject="Plan",
        text="See",
        html=html,
        images=[("pic.png", "image/png", PIXEL, "pic@acme")],
        attachments=[("plan.txt", "text/plain", b"The plan")],
    )
    company.sandbox.deliver("alice@us.test", raw)
    receive(alice)
    forward = Letter(browser_of(alice), f"/mail/{Email.objects.get().pk}/forward/")
    assert sorted(forward.files) == ["pic.png", "plan.txt"]
    assert 'src="https:' not in forward.fields["html"][0]  # the editor loads nothing from elsewhere
    forward.send(to="carl@acme.test", format="html", html="<p>Look</p>" + forward.fields["html"][0])

    send(alice)
    raw, message = arrived(company, "carl@acme.test")
    assert (message.envelope.subject, message.envelope.references) == ("Fwd: Plan", ("<q@acme.test>",))
    assert "Forwarded message" in message.text
    assert 'src="cid:pic@acme"' in message.html
    assert 'src="https://acme.test/pixel.gif"' in message.html
    assert "script" not in message.html
    kept = {one.file_name: one for one in message.attachments}
    assert kept["pic.png"].content_id == "pic@acme"
    assert mime.attachment_content(raw, kept["pic.png"].number) == PIXEL
    assert mime.attachment_content(raw, kept["plan.txt"].number) == b"The plan"


def test_an_answer_keeps_the_token_of_its_conversation(company: Company) -> None:  # 6.5
    decide(email_token_enabled=True)
    alice = company.user("Alice", company.pop3_profile())
    first = Letter(browser_of(alice), "/mail/new/").send(to="ann@acme.test", subject="Offer", text="x")
    send(alice)
    back = letter("ann@acme.test", "alice@us.test", f"AW: {first.subject}", "Yes", message_id="<a@acme.test>")
    company.sandbox.deliver("alice@us.test", back)
    receive(alice)
    asked = Email.objects.get(direction_code=False)
    assert asked.correlation_method == CorrelationMethod.TRACKING_TOKEN
    second = Letter(browser_of(alice), f"/mail/{asked.pk}/reply/").send()
    assert second.subject == f"Re: Offer {first.tracking_token}"
    assert second.tracking_token == first.tracking_token


def test_classic_tokens_go_on_counting_after_an_answer(company: Company) -> None:  # 6.5
    decide(email_token_enabled=True, tracking_token_form="classic")
    alice = company.user("Alice", company.pop3_profile())

    def write(**more) -> Email:
        new = NewEmail(alice, [Address("", "ann@acme.test")], "Offer", text="x", **more)
        return write_and_send(new, timezone.now(), by=alice.regarding_user)

    first, second = write(), write()
    again = write(answers=first)
    third = write()
    assert again.tracking_token == first.tracking_token
    assert len({first.tracking_token, second.tracking_token, third.tracking_token}) == 3


def test_what_came_back_is_shown_with_its_recipient(company: Company) -> None:  # 7.4
    alice = company.user("Alice", company.pop3_profile())
    email = Letter(browser_of(alice), "/mail/new/").send(to="ann@acme.test, carl@acme.test", subject="Offer", text="x")
    send(alice)
    lost = ("ann@acme.test", "failed", "5.1.1", "550 5.1.1 User unknown")
    company.sandbox.deliver("alice@us.test", dsn(lost, message_id=email.message_id, to="alice@us.test"))
    receive(alice)
    email.refresh_from_db()
    assert email.delivery_state == DeliveryState.PARTLY_BOUNCED
    page = browser_of(alice).get(f"/mailbox/email/{email.pk}/").content.decode()
    assert "User unknown" in page
    listed = browser_of(alice).get("/mail/?show=sent").content.decode()
    assert "Came back for some recipients" in listed
    own_page = browser_of(alice).get("/mailbox/").content.decode()
    assert "Came back for some recipients. Open it to see whom it did not reach, and why." in own_page
    bounce = Email.objects.get(direction_code=False)
    told = browser_of(alice).get(f"/mailbox/email/{bounce.pk}/").content.decode()
    assert f'It is about “<a class="ss-link" href="/mailbox/email/{email.pk}/">Offer</a>”.' in told
    Email.objects.filter(pk=email.pk).update(sent_on=timezone.now() - timedelta(days=15))
    assert "Came back" not in browser_of(alice).get("/mailbox/").content.decode()


def test_charlie_sees_neither_drafts_nor_pages(company: Company) -> None:  # 12.1
    profile = company.pop3_profile()
    alice, charlie = company.user("Alice", profile), company.user("Charlie", profile)
    asked = question(company, alice)
    draft = Letter(browser_of(alice), f"/mail/{asked.pk}/reply/").save(subject="A secret")
    assert "A secret" in browser_of(alice).get("/mail/").content.decode()
    charlies = browser_of(charlie)
    for address in (
        f"/mail/{draft.pk}/edit/",
        f"/mail/{asked.pk}/reply/",
        f"/mail/{asked.pk}/reply-all/",
        f"/mail/{asked.pk}/forward/",
        f"/mailbox/email/{draft.pk}/",
    ):
        assert charlies.get(address).status_code == 404, address
        assert charlies.post(address, {"do": "send"}).status_code in (404, 405), address
    assert "A secret" not in charlies.get("/mail/").content.decode()


def test_a_member_writes_from_the_queue_and_leaves_the_drafts_of_others(company: Company) -> None:  # 7.5
    profile = company.pop3_profile()
    alice, bob, support = (
        company.user("Alice", profile),
        company.user("Bob", profile),
        company.queue("Support", profile),
    )
    for one in (alice, bob):
        QueueMember.objects.create(queue=support.regarding_queue, user=one.regarding_user)
    asked = question(company, support)
    reply = Letter(browser_of(alice), f"/mail/{asked.pk}/reply/")
    assert reply.fields["sender"] == [str(support.pk)]
    draft = reply.save()
    assert browser_of(bob).get(f"/mailbox/email/{draft.pk}/").status_code == 200
    assert browser_of(bob).get(f"/mail/{draft.pk}/edit/").status_code == 403
    email = Letter(browser_of(alice), f"/mail/{draft.pk}/edit/").send()
    send(support)
    assert arrived(company, "ann@acme.test")[1].envelope.sender == Address("Support", "support@us.test")
    email.refresh_from_db()
    assert email.status_code == EmailStatus.SENT


def test_a_draft_is_changed_in_place_and_keeps_its_files(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    acme = Account.objects.create(name="Acme", owner=alice.regarding_user)
    draft = Letter(browser_of(alice), "/mail/new/").save([("a.txt", b"one"), ("b.txt", b"two")], regarding_name="acme")
    assert draft.regarding == acme
    page = Letter(browser_of(alice), f"/mail/{draft.pk}/edit/")
    assert page.files == ["a.txt", "b.txt"]
    again = page.save(file=page.fields["file"][1:], to="ann@acme.test", subject="Offer")
    assert (again.pk, again.regarding, page.files) == (draft.pk, acme, ["b.txt"])
    assert page.save(regarding_name="").regarding is None
    assert again.attachments.get().file_size == 3


def test_what_failed_is_written_anew_and_the_old_one_is_cancelled(company: Company) -> None:  # 7.4
    alice = company.user("Alice", company.pop3_profile())
    asked = question(company, alice)
    Letter(browser_of(alice), f"/mail/{asked.pk}/reply/").send([("a.txt", b"one")], to="permerror@acme.test")
    send(alice)
    failed = Email.objects.get(status_code=EmailStatus.FAILED)
    page = Letter(browser_of(alice), f"/mail/{failed.pk}/edit/")
    email = page.send(to="ann@acme.test")
    send(alice)
    failed.refresh_from_db()
    assert failed.status_code == EmailStatus.CANCELED
    assert (email.message_id != failed.message_id, email.parent_activity) == (True, asked)
    message = arrived(company, "ann@acme.test")[1]
    assert message.envelope.in_reply_to == ("<q@acme.test>",)
    assert [one.file_name for one in message.attachments] == ["a.txt"]


def test_what_was_taken_back_leaves_as_it_was_changed(company: Company, profile) -> None:  # 7.3
    alice = company.user("Alice", profile)
    email = Letter(browser_of(alice), "/mail/new/").send(to="ann@acme.test", subject="Wrong", text="Wrong")
    browser_of(alice).post(f"/mailbox/email/{email.pk}/delivery/", {"answer": "take back"})
    Letter(browser_of(alice), f"/mail/{email.pk}/edit/").send(subject="Right", text="Right")
    send(alice)
    assert arrived(company, "ann@acme.test")[1].envelope.subject == "Right"


def test_a_mail_for_later_waits_and_says_until_when(company: Company) -> None:  # 7.9
    alice = company.user("Alice", company.pop3_profile())
    alice.regarding_user.sync_settings.time_zone = "Europe/Berlin"
    alice.regarding_user.sync_settings.save()
    later = (timezone.now() + timedelta(days=2)).replace(hour=12, minute=0)
    new = Letter(browser_of(alice), "/mail/new/")
    email = new.send(to="ann@acme.test", subject="Later", text="x", not_before=f"{later:%Y-%m-%dT%H:%M}")
    assert timedelta(hours=1) <= later.replace(second=0, microsecond=0) - email.delayed_email_send_time
    send(alice)
    assert company.sandbox.inbox("ann@acme.test") == []
    assert "It is to leave on" in browser_of(alice).get("/mail/?show=outbox").content.decode()


def test_an_outbox_tells_why_it_waits_and_what_would_help(company: Company) -> None:  # 7.3
    alice = company.user("Alice", company.pop3_profile())
    alice.legs.update(enabled=False)
    Letter(browser_of(alice), "/mail/new/").send(to="ann@acme.test", subject="Offer", text="x")
    page = browser_of(alice).get("/mail/").content.decode()
    email = Email.objects.get()
    assert "Its mailbox cannot send now." in page
    assert delivery.why_waiting(email, timezone.now()) in page
    own = browser_of(alice).get(f"/mailbox/email/{email.pk}/").content.decode()
    assert ("Take back" in own, "Untrack…" in own) == (True, False)  # what has not left is in no mailbox


def test_importance_and_receipts_are_asked_for(company: Company) -> None:  # 7.9
    alice = company.user("Alice", company.pop3_profile())
    new = Letter(browser_of(alice), "/mail/new/")
    email = new.send(to="ann@acme.test", subject="x", text="x", priority="2", read_receipt="on", delivery_receipt="on")
    send(alice)
    head = arrived(company, "ann@acme.test")[0].split(b"\r\n\r\n")[0]
    assert b"\r\nImportance: high\r\n" in head
    assert b"\r\nDisposition-Notification-To: alice@us.test\r\n" in head
    assert (email.delivery_receipt_requested, email.delivery_priority_code) == (True, 2)


def test_a_program_writes_and_sends_in_one_call(company: Company) -> None:  # 7.2
    alice = company.user("Alice", company.pop3_profile())
    new = NewEmail(
        alice, [Address("Ann", "ann@acme.test")], "Offer", html="<b>Hi</b>", attachments=[("a", "x/y", b"1")]
    )
    email = write_and_send(new, timezone.now())
    send(alice)
    email.refresh_from_db()
    assert email.status_code == EmailStatus.SENT
    assert arrived(company, "ann@acme.test")[1].html == "<b>Hi</b>"


def test_what_cannot_be_sent_leaves_nothing_behind(company: Company) -> None:  # 7.7
    alice = company.user("Alice", company.pop3_profile())
    Contact.objects.create(full_name="Ann", email_address_1="ann@acme.test", do_not_email=True)
    with pytest.raises(ValueError, match="Ann"):
        write_and_send(NewEmail(alice, [Address("", "ann@acme.test")], "x", text="x"), timezone.now())
    assert not Email.objects.exists()
