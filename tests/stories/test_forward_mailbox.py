"""A forward mailbox: what carries somebody's mail inside is opened, and that mail is judged for them (8, 1.5, 1.6)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes.models import (
    IncomingFilter,
    QueueItem,
    TraceLog,
)
from profiles.models import EmailServerProfile
from tests.company import FORWARD, Company, assert_balanced, leg, receive, run, write
from tests.forwarding import (
    ALICE,
    ANN,
    BOB,
    FORWARDS,
    OPENED,
    SUPPORT,
    carriers,
    forward,
    mail,
    profile,
    row,
    subjects,
)
from tests.letters import forwarded, letter
from tests.poison import Cure, poison
from tracking.crm.models import Blob, Contact, Email
from tracking.decide.verdicts import Reason
from tracking.facts.visibility import belonging_to, visible_emails
from tracking.facts.why import explain
from tracking.keep.redo import redo
from tracking.models import LedgerRow, LedgerState

__all__ = ["poison", "profile"]  # fixtures


def files() -> list[Path]:
    """Everything that lies in the blob storage."""
    folder = Path(settings.STORAGES["blobs"]["OPTIONS"]["location"])
    return [file for file in folder.rglob("*") if file.is_file()]


def test_alice_gets_the_mail_that_her_rule_forwards(company: Company, profile: EmailServerProfile) -> None:  # 8.1, 8.2
    alice, box = company.user("Alice", profile, **FORWARDS), company.forward_mailbox(profile)
    raw = mail("Offer", message_id="<offer@acme.test>")
    forward(company, raw)

    ended = receive(box)

    email = Email.objects.get()
    assert (email.subject, email.message_id, email.sender) == ("Offer", "<offer@acme.test>", ANN)
    assert email.accepting_user == alice.regarding_user
    assert email.receiving_mailbox == box  # 5.7: the mailbox that was read
    assert email.owner == alice.regarding_user
    assert email.original.size == len(raw)
    assert (row(alice).state, row(alice).email, row(alice).raw) == (LedgerState.TRACKED, email, None)
    assert carriers(box) == [OPENED]
    assert (ended.report.seen, ended.report.tracked) == (1, 1)
    assert_balanced(alice)
    assert_balanced(box)
    assert "forward mailbox" in run(alice).skipped  # 1.6
    receive(box)
    assert Email.objects.count() == 1


def test_it_was_received_when_alices_server_took_it(company: Company, profile: EmailServerProfile) -> None:  # 8.2
    alice, box = company.user("Alice", profile, **FORWARDS), company.forward_mailbox(profile)
    took = "from mx.acme.test by mx.us.test; Tue, 3 Mar 2026 11:00:00 +0100"
    forward(company, mail("Offer", extra_headers=[("Received", took)]), mail("Without"))

    receive(box)

    when = dict(Email.objects.values_list("subject", "sent_on"))
    assert when == {"Offer": datetime(2026, 3, 3, 10, tzinfo=UTC), "Without": datetime(2026, 3, 1, 9, tzinfo=UTC)}
    assert set(LedgerRow.objects.filter(mailbox=alice).values_list("received_on", flat=True)) == set(when.values())


def test_her_start_date_counts_not_that_of_the_forward_mailbox(company: Company, profile: EmailServerProfile) -> None:
    late = {"process_email_received_after": datetime(2026, 3, 2, tzinfo=UTC)}
    alice, box = company.user("Alice", profile, **FORWARDS, **late), company.forward_mailbox(profile)
    forward(company, mail("Old"))

    receive(box)

    assert (row(alice).state, row(alice).reason) == (LedgerState.IGNORED, Reason.BEFORE_START_DATE)


def test_each_mail_is_judged_by_the_filter_of_whoever_forwarded_it(
    company: Company, profile: EmailServerProfile
) -> None:  # 8.3
    alice = company.user("Alice", profile, **FORWARDS)
    bob = company.user("Bob", profile, IncomingFilter.FROM_LEADS_CONTACTS_ACCOUNTS, **FORWARDS)
    support, box = company.queue("Support", profile, **FORWARDS), company.forward_mailbox(profile)
    forward(company, mail("For Alice"))
    forward(company, mail("For Bob", BOB), by="Bob <BOB@us.test>")
    forward(company, mail("For Support", SUPPORT), by=SUPPORT)

    receive(box)

    assert subjects() == ["For Alice", "For Support"]
    assert (row(bob).state, row(bob).reason) == (LedgerState.IGNORED, Reason.NO_SENDER_MATCH)
    assert QueueItem.objects.get().queue == support.regarding_queue
    for mailbox in (alice, bob, support, box):
        assert_balanced(mailbox)


def test_of_mail_that_nobody_wants_no_body_is_left_anywhere(company: Company, profile: EmailServerProfile) -> None:
    company.user("Alice", profile, IncomingFilter.NO_MESSAGES, **FORWARDS)
    box = company.forward_mailbox(profile)
    before = len(files())
    forward(company, mail("Dentist"))

    receive(box)

    assert (Email.objects.count(), Blob.objects.count(), len(files())) == (0, 0, before)
    assert "Dentist" not in str(list(LedgerRow.objects.values()))


def test_several_attached_mails_are_judged_each_on_its_own(
    company: Company, profile: EmailServerProfile, poison: Cure
) -> None:
    alice, box = company.user("Alice", profile, **FORWARDS), company.forward_mailbox(profile)
    forward(company, mail("One"), mail("Poison"), mail("Two"))

    receive(box)
    assert subjects() == ["One", "Two"]
    for _ in range(5):
        LedgerRow.objects.filter(state=LedgerState.PENDING).update(retry_on=None)
        receive(box)

    failed = LedgerRow.objects.get(mailbox=alice, state=LedgerState.QUARANTINED)
    assert failed.raw is not None
    assert TraceLog.objects.get(mailbox=alice, closed_on=None).cause == "messages not tracked"
    assert carriers(box) == [OPENED]
    poison()
    redo(LedgerRow.objects.filter(pk=failed.pk), timezone.now())
    assert leg(box).requested_on is not None  # her mail is read there
    receive(box)
    assert subjects() == ["One", "Poison", "Two"]
    assert LedgerRow.objects.get(pk=failed.pk).raw is None
    assert_balanced(alice)


def test_a_mail_attached_to_the_forwarded_one_is_its_attachment(company: Company, profile: EmailServerProfile) -> None:
    company.user("Alice", profile, **FORWARDS)
    box = company.forward_mailbox(profile)
    inner = mail("Innermost", message_id="<innermost@acme.test>")
    forward(company, forwarded(ANN, ALICE, inner, message_id="<outer@acme.test>").replace(b"=_f", b"=_g"))

    receive(box)

    email = Email.objects.get()
    assert email.message_id == "<outer@acme.test>"
    assert [one.mime_type for one in email.attachments.all()] == ["message/rfc822"]


def test_the_same_mail_twice_is_one_email(company: Company, profile: EmailServerProfile) -> None:
    alice, bob = company.user("Alice", profile, **FORWARDS), company.user("Bob", profile, **FORWARDS)
    box = company.forward_mailbox(profile, process_and_delete_emails=True)
    raw = letter(ANN, [ALICE, BOB], "Offer", "x")
    forward(company, raw)
    forward(company, raw, message_id="<again@us.test>")
    forward(company, raw, by=BOB)

    receive(box)

    email = Email.objects.get()
    assert set(email.ledger_rows.values_list("mailbox", flat=True)) == {alice.pk, bob.pk}
    assert assert_balanced(alice).copies == 1
    assert_balanced(bob)
    assert company.sandbox.inbox(FORWARD) == []


def test_two_carriers_that_look_alike_lose_nothing(company: Company, profile: EmailServerProfile) -> None:
    """Some servers give everything that a rule forwards the same Message-ID, subject and date."""
    company.user("Alice", profile, **FORWARDS)
    box = company.forward_mailbox(profile)
    for subject in ("One", "Two"):
        forward(company, mail(subject), message_id="<always the same@us.test>")

    receive(box)

    assert subjects() == ["One", "Two"]
    assert_balanced(box)


def test_a_reply_through_a_forward_mailbox_joins_its_conversation(company: Company) -> None:
    profile = company.pop3_profile()
    alice = company.user("Alice", profile, IncomingFilter.RESPONSES_TO_OUR_MAIL, **FORWARDS)
    box = company.forward_mailbox(profile)
    sent = write(alice, ANN)
    forward(company, mail("Re: News", in_reply_to=sent.message_id), mail("Something else"))

    receive(box)

    answer = Email.objects.get(direction_code=False)
    assert answer.correlated_activity_id == sent.pk
    assert answer.conversation_tracking_id == sent.conversation_tracking_id


# Who sees it


def test_the_answer_to_why_names_the_forward_mailbox(company: Company) -> None:
    profile = company.pop3_profile()
    company.user("Alice", profile, **FORWARDS)
    box = company.forward_mailbox(profile)
    forward(company, mail("Offer", message_id="<offer@acme.test>"), message_id="<carrier@us.test>")
    receive(box)

    [told] = explain("<offer@acme.test>")
    assert (told.mailbox, told.state) == (ALICE, LedgerState.TRACKED)
    assert ("Came through the forward mailbox", FORWARD) in told.evidence_lines
    assert told.placements[0].folder == "a forward mailbox"
    [carrier] = explain("<carrier@us.test>")
    assert "judged for them" in carrier.sentence
    assert ("Carried mail for", "Alice") in carrier.evidence_lines
    assert not any(str(told.mailbox_id) in text for _, text in carrier.evidence_lines)


def test_the_page_of_the_forward_mailbox_shows_what_was_opened_for_whom(company: Company, admin_client: Client) -> None:
    profile = company.pop3_profile()
    alice, box = company.user("Alice", profile, **FORWARDS), company.forward_mailbox(profile)
    page = admin_client.get(reverse("console:mailbox", args=[box.pk])).content.decode()
    assert "Nothing has been opened yet" in page
    bob = company.user("Bob", profile, IncomingFilter.NO_MESSAGES, **FORWARDS)
    forward(company, mail("Offer"), mail("Second"))
    forward(company, mail("Newsletter", BOB), by=BOB)
    receive(box)

    page = admin_client.get(reverse("console:mailbox", args=[box.pk])).content.decode()

    opened = page[page.index('id="carriers"') : page.index('id="decisions"')]
    assert [opened.count(reverse("console:mailbox", args=[one.pk])) for one in (alice, bob)] == [1, 1]
    assert "2 × " in opened
    assert all(word in opened for word in ("Tracked", "Ignored"))
    assert not any(subject in opened for subject in ("Offer", "Newsletter"))
    LedgerRow.objects.filter(mailbox=box).update(evidence={})
    assert "The evidence has expired" in admin_client.get(reverse("console:mailbox", args=[box.pk])).content.decode()


def test_charlie_sees_neither_alices_nor_the_queues_forwarded_mail(company: Company) -> None:
    profile = company.pop3_profile()
    alice, bob = company.user("Alice", profile, **FORWARDS), company.user("Bob", profile)
    support, box = company.queue("Support", profile, **FORWARDS), company.forward_mailbox(profile)
    charlie = get_user_model().objects.create_user("charlie", "charlie@us.test", "x")
    support.regarding_queue.members.add(bob.regarding_user)
    forward(company, mail("For Alice"))
    forward(company, mail("For Support", SUPPORT), by=SUPPORT)
    receive(box)
    Email.objects.update(is_private=True, owner=None)

    def seen(user, by) -> list[str]:
        return sorted(by(user).values_list("subject", flat=True))

    for by in (visible_emails, belonging_to):
        assert seen(alice.regarding_user, by) == ["For Alice"]
        assert seen(bob.regarding_user, by) == ["For Support"]
        assert seen(charlie, by) == []


def test_her_contact_is_the_sender(company: Company, profile: EmailServerProfile) -> None:
    Contact.objects.create(full_name="Ann Smith", email_address_1=ANN)
    company.user("Alice", profile, IncomingFilter.FROM_LEADS_CONTACTS_ACCOUNTS, **FORWARDS)
    box = company.forward_mailbox(profile)
    forward(company, mail("Offer"), mail("Spam", message_id="<x@y>").replace(ANN.encode(), b"eve@else.test"))

    receive(box)

    assert subjects() == ["Offer"]
    assert Email.objects.get().email_sender is not None
