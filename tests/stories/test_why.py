""" "Where is my mail?": what the ledger does not know is looked for on the server, while a person waits (law 4)."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from mailboxes.models import Mailbox
from profiles.items import Sought
from serversync.looking import look
from tests.company import Company, assert_balanced, receive
from tests.letters import letter
from tracking.models import LedgerRow, MailboxTrackingFolder

ALICE = "alice@us.test"
WANTED = "<lost@acme.test>"
LOST = letter("ann@acme.test", ALICE, "A secret offer", "The price is low", message_id=WANTED)


@pytest.fixture
def alice(company: Company) -> Mailbox:
    """Alice on Exchange."""
    return company.user("Alice", company.exchange_profile())


@pytest.fixture
def carl(company: Company) -> Mailbox:
    """Carl, whose mail is read over POP3."""
    return Mailbox.objects.get(pk=company.user("Carl", company.pop3_profile()).pk)


def words(mailbox: Mailbox, sought: Sought) -> list[str]:
    found = look(mailbox, sought)
    assert not found.error
    return [place.words for place in found.places] or [found.words]


def told(*arguments: str) -> str:
    out = StringIO()
    with pytest.raises(SystemExit):  # never seen
        call_command("why", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("folder", "says"),
    [
        ("inbox", "In the Inbox: it will be read with the next cycle."),
        ("junkemail", "In Junk, which is never read, so it was never shown to us."),
        ("deleteditems", "In Deleted Items, which is not read."),
    ],
)
@pytest.mark.parametrize("form", [WANTED, "lost@acme.test"])
def test_the_folder_of_a_message_is_told(company: Company, alice: Mailbox, folder: str, says: str, form: str) -> None:
    company.sandbox.deliver(ALICE, LOST, folder=folder)
    [sentence] = words(alice, Sought(message_id=form))
    assert sentence.startswith(says)
    assert not LedgerRow.objects.exists()


def test_subfolders_are_looked_at_and_told_by_their_path(company: Company, alice: Mailbox) -> None:
    shop = company.sandbox.folder(ALICE, "Shop", "inbox")
    deals = company.sandbox.folder(ALICE, "Deals")
    company.sandbox.deliver(ALICE, LOST, folder=shop)
    company.sandbox.deliver(ALICE, LOST, folder=deals)
    found = look(alice, Sought(message_id=WANTED))
    assert {place.words.split(",")[0] for place in found.places} == {"In “Inbox/Shop”", "In “Deals”"}
    MailboxTrackingFolder.objects.create(mailbox=alice, exchange_folder_id=deals, exchange_folder_name="Deals")
    assert any("“Deals”, a tracked folder: it will be read" in one for one in words(alice, Sought(message_id=WANTED)))


def test_what_is_nowhere_is_told(alice: Mailbox) -> None:
    assert words(alice, Sought(message_id=WANTED)) == ["Not on the server: it lies in no folder that was looked at."]


def test_a_sender_is_looked_for_in_every_folder_and_nobody_else_is_found(company: Company, alice: Mailbox) -> None:
    company.sandbox.deliver(ALICE, LOST, folder="junkemail")
    company.sandbox.deliver(ALICE, letter("bob@them.test", ALICE, "Other", "x"))
    [place] = look(alice, Sought(sender="Ann@acme.test")).places
    assert (place.folder, place.message_id) == ("Junk Email", WANTED)


def test_over_pop3_the_headers_of_the_inbox_are_looked_at(company: Company, carl: Mailbox) -> None:
    company.sandbox.deliver("carl@us.test", LOST)
    company.sandbox.deliver("carl@us.test", letter("bob@them.test", "carl@us.test", "Other", "x"))
    for sought in (Sought(message_id="lost@acme.test"), Sought(sender="ann@acme.test")):
        found = look(carl, sought)
        assert [place.words.split(":")[0] for place in found.places] == ["In the Inbox"]
        assert found.limits == "POP3 shows the inbox only, no other folder."
    assert look(carl, Sought(message_id="<other@them.test>")).words.startswith("Not on the server")


def test_looking_changes_nothing(company: Company, alice: Mailbox) -> None:
    company.sandbox.deliver(ALICE, LOST)
    before = company.sandbox.items(ALICE)
    look(alice, Sought(message_id=WANTED))
    assert company.sandbox.items(ALICE) == before
    receive(alice)
    assert_balanced(alice)


def test_a_server_that_refuses_is_told_in_words(company: Company, alice: Mailbox) -> None:
    company.sandbox.fault(face="ews", effect="status", status=401, times=5)
    found = look(alice, Sought(message_id=WANTED))
    assert found.error
    assert not found.places


def test_an_administrator_sees_the_folder_and_never_the_subject(company: Company, alice: Mailbox) -> None:
    company.sandbox.deliver(ALICE, LOST, folder="junkemail")
    ada = get_user_model().objects.create_superuser("ada", "ada@us.test", "x")
    client = Client()
    client.force_login(ada)
    page = client.get("/why/", {"q": WANTED}).content.decode()
    assert "No mailbox has seen this message." in page
    assert "Look on the server now" in page
    answer = client.post(reverse("console:look"), {"q": WANTED, "mailbox": ALICE, "by": "message"}).content.decode()
    assert "In Junk, which is never read" in answer
    assert "secret offer" not in answer
    assert LogEntry.objects.filter(object_id=str(alice.pk), change_message__contains="Looked on the server").exists()
    unknown = client.post(reverse("console:look"), {"q": WANTED, "mailbox": "nobody@us.test"}).content.decode()
    assert "There is no mailbox “nobody@us.test”." in unknown


def test_who_may_not_read_a_mailbox_does_not_look_into_it_by_sender(company: Company, alice: Mailbox) -> None:
    company.sandbox.deliver(ALICE, LOST)
    people = get_user_model().objects
    eve = people.create_user("eve", "eve@us.test", "x", is_staff=True)
    eve.user_permissions.set(Permission.objects.filter(codename__in=["view_ledgerrow", "test_mailbox"]))
    client = Client()
    client.force_login(eve)
    page = client.post(reverse("console:look"), {"q": "ann@acme.test", "mailbox": ALICE, "by": "sender"})
    assert "By sender you look only into mailboxes whose mail you may read." in page.content.decode()
    assert "In the Inbox" not in page.content.decode()


def test_alice_looks_into_her_own_mailbox_and_charlie_does_not(company: Company, alice: Mailbox, carl: Mailbox) -> None:
    company.sandbox.deliver(ALICE, LOST, folder="junkemail")
    address, asked = reverse("owner:look", args=[alice.pk]), {"q": "ann@acme.test", "by": "sender"}
    hers, his = Client(), Client()
    hers.force_login(alice.regarding_user)
    his.force_login(carl.regarding_user)
    assert "In Junk, which is never read" in hers.post(address, asked).content.decode()
    assert his.post(address, asked).status_code == 404


def test_the_command_looks_on_the_server_too(company: Company, alice: Mailbox) -> None:
    company.sandbox.deliver(ALICE, LOST, folder="junkemail")
    out = told("lost@acme.test", "--live", "--mailbox", ALICE)
    assert "On the server of alice@us.test now:" in out
    assert "In Junk, which is never read" in out
    plain = json.loads(told("lost@acme.test", "--live", "--mailbox", ALICE, "--json"))
    assert [place["folder"] for place in plain["live"][0]["places"]] == ["Junk Email"]
    with pytest.raises(CommandError, match="--live needs --mailbox"):
        call_command("why", "lost@acme.test", "--live")
