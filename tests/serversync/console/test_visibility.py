"""Who reads whose mail. Others see at most that it exists, and whoever may read it all leaves a trace."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from mailboxes.models import QueueMember
from tests.serversync.console.people import mailbox
from tests.serversync.console.roles import Office, browser, tracked
from tracking.crm.models import Email
from tracking.facts.visibility import MASK, visible_emails
from tracking.models import LedgerRow, LedgerState

READABLE = {
    "anonymous": set(),
    "charlie": set(),
    "alice": {"For Alice alone", "For the queue"},
    "mia": {"For the queue"},
    "approver": set(),
    "auditor": set(),
    "administrator": set(),
    "superuser": {"For Alice alone", "For Bob alone", "For the queue"},
}
SUBJECTS = READABLE["superuser"]


def contents_of(email: Email, area: str) -> list[str]:
    """Every address under which what the email says can be had."""
    number = email.attachments.get().attachment_number
    names = [(name, [email.pk]) for name in ("body", "original")] + [("attachment", [email.pk, number])]
    return [reverse(f"{area}:{name}", args=arguments) for name, arguments in names]


@pytest.mark.parametrize("role", READABLE)
def test_who_may_read_which_mail(office: Office, role: str) -> None:
    client = office.browsers[role]
    for email in (office.to_alice, office.to_bob, office.to_support):
        mine = email.subject in READABLE[role]
        for address in [reverse("owner:email", args=[email.pk]), *contents_of(email, "owner")]:
            answer = client.get(address)
            assert answer.status_code == (200 if mine else 302 if role == "anonymous" else 404), address
            assert mine or not any(word in answer.content.decode() for word in ("alone", "the queue", "inside")), (
                address
            )


def test_the_administrator_sees_that_an_email_exists_but_not_what_it_says(office: Office) -> None:
    client = office.browsers["administrator"]
    for address in (
        reverse("console:email", args=[office.to_bob.pk]),
        reverse("admin:crm_email_changelist"),
        reverse("admin:tracking_ledgerrow_changelist"),
        reverse("console:why") + f"?message_id={office.to_bob.message_id.strip('<>')}",
        reverse("admin:index"),
        reverse("console:mailbox", args=[office.bobs.pk]),
    ):
        answer = client.get(address)
        page = answer.content.decode()
        assert answer.status_code == 200, address
        assert not any(subject in page for subject in SUBJECTS), address
    assert MASK in client.get(reverse("admin:crm_email_changelist")).content.decode()
    for address in contents_of(office.to_bob, "console"):
        assert client.get(address).status_code == 404, address


def test_what_was_sent_from_here_is_masked_on_the_why_page(office: Office) -> None:
    Email.objects.filter(pk=office.to_bob.pk).update(direction_code=True, message_id="<sent@us.test>")
    address = reverse("console:why") + "?message_id=sent@us.test"
    assert "For Bob alone" not in office.browsers["administrator"].get(address).content.decode()
    assert "For Bob alone" in office.browsers["superuser"].get(address).content.decode()


def test_the_reasons_of_a_verdict_do_not_tell_the_administrator_who_wrote_to_bob(office: Office) -> None:  # law 4
    told = {"sender": "dora@them.test", "record": "Dora Doe", "kind": "contact", "candidate": "Bob of Sales"}
    matches = {"number": 1, "first": [], "chosen": "Dora Doe", "because": "it is the only one"}
    rows = LedgerRow.objects.filter(email=office.to_bob)
    rows.update(evidence=told | {"sender_matches": matches}, sender="dora@them.test", reason=6)
    row = rows.get()
    pages = [
        reverse("console:explain", args=[row.pk]),
        reverse("console:email", args=[office.to_bob.pk]),
        reverse("console:why") + f"?message_id={row.message_id.strip('<>')}",
        reverse("console:mailbox", args=[office.bobs.pk]),
        reverse("admin:tracking_ledgerrow_change", args=[row.pk]),
    ]
    for address in pages:
        page = office.browsers["administrator"].get(address).content.decode()
        assert [word for word in ("dora@them.test", "Dora Doe") if word in page] == [], address
    for address in pages[:3]:
        assert "Dora Doe" in office.browsers["superuser"].get(address).content.decode(), address


def test_that_an_address_wrote_to_bob_cannot_be_guessed(office: Office) -> None:
    LedgerRow.objects.filter(email=office.to_bob).update(sender="dora@them.test")
    address = reverse("console:why") + "?q=dora@them.test"
    assert office.browsers["superuser"].get(address).status_code == 302  # to the list of what she wrote
    assert office.browsers["administrator"].get(address).status_code == 200


@pytest.mark.parametrize(
    "guess", ["?q=Bob", "?subject__startswith=For", "?description__contains=Body", "?sender__startswith=dora"]
)
def test_a_masked_word_cannot_be_guessed(office: Office, guess: str) -> None:
    answer = office.browsers["administrator"].get(reverse("admin:crm_email_changelist") + guess, follow=True)
    listed = len(answer.context["cl"].result_list) if answer.context and "cl" in answer.context else None
    assert (answer.status_code, listed) in {(400, None), (200, 0)}, guess
    found = office.browsers["superuser"].get(reverse("admin:crm_email_changelist") + "?q=Bob+alone")
    assert len(found.context["cl"].result_list) == 1


def test_an_administrator_who_has_mail_reads_their_own_in_the_list(office: Office) -> None:
    own = mailbox("Ada", office.bobs.email_server_profile)
    tracked(own, "For Ada alone")
    own.regarding_user.is_staff = True
    own.regarding_user.save()
    own.regarding_user.groups.set(office.people["administrator"].groups.all())
    page = browser(own.regarding_user).get(reverse("admin:crm_email_changelist")).content.decode()
    assert "For Ada alone" in page
    assert "For Bob alone" not in page


def test_reading_others_mail_needs_the_right_and_is_logged(office: Office) -> None:
    person = office.people["administrator"]
    person.user_permissions.add(Permission.objects.get(codename="read_others_mail"))
    client = browser(type(person).objects.get(pk=person.pk))
    page = client.get(reverse("console:email", args=[office.to_bob.pk])).content.decode()
    assert "For Bob alone" in page
    for address in contents_of(office.to_bob, "console"):
        assert client.get(address).status_code == 200
    entries = LogEntry.objects.filter(user=person, object_id=str(office.to_bob.pk))
    words = [entry.get_change_message() for entry in entries.order_by("pk")]
    assert [word.removeprefix("Read somebody else’s mail: ") for word in words] == [
        "the page.",
        "the body.",
        "the original.",
        f"attachment {office.to_bob.attachments.get().attachment_number}.",
    ]
    assert not any("Bob alone" in entry.object_repr for entry in entries)


def test_reading_ones_own_mail_is_nobodys_business(office: Office) -> None:
    for address in (reverse("owner:email", args=[office.to_alice.pk]), *contents_of(office.to_alice, "owner")):
        assert office.browsers["alice"].get(address).status_code == 200
    assert not LogEntry.objects.exists()


def test_whoever_leaves_the_queue_no_longer_reads_its_mail(office: Office) -> None:
    assert visible_emails(office.people["mia"]).filter(pk=office.to_support.pk).exists()
    QueueMember.objects.all().delete()
    assert not visible_emails(office.people["mia"]).exists()


def test_an_email_that_two_mailboxes_were_shown_is_read_by_both(office: Office) -> None:
    charlies = office.people["charlie"].mailbox
    LedgerRow.objects.create(
        mailbox=charlies,
        email=office.to_bob,
        state=LedgerState.TRACKED,
        content_key="a copy",
        discovered_on=office.to_bob.created_on,
    )
    assert [one.pk for one in visible_emails(office.people["charlie"])] == [office.to_bob.pk]
    conversation(office)
    page = office.browsers["charlie"].get(reverse("owner:email", args=[office.to_bob.pk])).content.decode()
    assert "For Alice alone" not in page


def conversation(office: Office) -> None:
    """Bob's and Alice's mail belong together; that alone opens nothing."""
    Email.objects.update(conversation_tracking_id=office.to_bob.pk)


def test_decisions_on_the_home_page_lead_to_mail_only_where_it_is_readable(office: Office) -> None:
    link = reverse("console:email", args=[office.to_bob.pk])

    def home(client: Client) -> str:
        return client.get(reverse("admin:index")).content.decode()

    assert link in home(office.browsers["superuser"])
    assert link not in home(office.browsers["administrator"])
