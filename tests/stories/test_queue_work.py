"""Working in a queue (5.18): mail to Support waits for somebody; Alice and Bob share the work, Charlie sees none of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from mailboxes.models import Mailbox, Queue, QueueItem, QueueMember, QueueViewType
from profiles.models import StateCode
from tests.company import Company, receive
from tests.letters import letter
from tracking.crm.models import Account, Case, Contact, DomainEvent, Email


class Desk:
    """One person at the page of a queue."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.person: Any = mailbox.regarding_user
        self.client = Client()
        self.client.force_login(self.person)

    def looks_at(self, queue: Queue, **chosen: str) -> list[Any]:
        """What the page lists, line by line."""
        answer = self.client.get(reverse("queues:queue", args=[queue.pk]), chosen)
        assert answer.status_code == 200
        return list(answer.context["lines"])

    def presses(self, queue: Queue, move: str, lines: list[Any], **more: Any) -> str:
        """Tick these lines and press the button; returns what the page says then."""
        sent = {"move": move, "item": [line.seen for line in lines], **more}
        answer = self.client.post(reverse("queues:work", args=[queue.pk]), sent, follow=True)
        assert answer.status_code == 200
        return " ".join(str(one) for one in answer.context["messages"])


class Office:
    """Support is worked by Alice and Bob, Sales by Dan; Charlie works in neither."""

    def __init__(self, company: Company) -> None:
        self.company, profile = company, company.pop3_profile()
        self.mailbox = company.queue("Support", profile)
        self.support, self.sales = self.mailbox.regarding_queue, company.queue("Sales", profile).regarding_queue
        self.alice, self.bob, self.charlie, self.dan = (
            Desk(company.user(name, profile)) for name in ("Alice", "Bob", "Charlie", "Dan")
        )
        for desk in (self.alice, self.bob):
            QueueMember.objects.create(queue=self.support, user=desk.person)
        QueueMember.objects.create(queue=self.sales, user=self.dan.person)

    def gets(self, subject: str, sender: str = "Ann <ann@acme.test>", **more: Any) -> Email:
        """A letter to Support arrives over the wire."""
        raw = letter(sender, "support@us.test", subject, f"About: {subject}", **more)
        self.company.sandbox.deliver("support@us.test", raw)
        receive(self.mailbox)
        return Email.objects.get(subject=subject)


@pytest.fixture
def office(company: Company) -> Office:
    return Office(company)


def titles(lines: list[Any]) -> list[str]:
    return [line.title for line in lines]


def test_alice_picks_a_letter_and_bob_who_was_slower_is_told_her_name(office: Office) -> None:
    office.gets("The printer burns")
    seen_by_alice, seen_by_bob = office.alice.looks_at(office.support), office.bob.looks_at(office.support)
    assert (titles(seen_by_bob), seen_by_bob[0].email.preview) == (["The printer burns"], "About: The printer burns")

    assert office.alice.presses(office.support, "pick", seen_by_alice) == "You work on 1 item now."
    said = office.bob.presses(office.support, "pick", seen_by_bob)

    assert said == "“The printer burns”: Alice was faster and works on it already."
    item = QueueItem.objects.get()
    assert (item.worker, item.worker_modified_on is not None) == (office.alice.person, True)
    assert titles(office.alice.looks_at(office.support, show="mine")) == ["The printer burns"]
    assert office.bob.looks_at(office.support, show="unpicked") == []
    event = DomainEvent.objects.get(kind="email.changed")
    assert (event.facts["move"], event.facts["by"]) == ("pick", str(office.alice.person.pk))


def test_charlie_sees_neither_the_queue_nor_its_mail(office: Office) -> None:
    email = office.gets("The printer burns")
    for address in (
        reverse("queues:queue", args=[office.support.pk]),
        reverse("owner:email", args=[email.pk]),
    ):
        assert office.charlie.client.get(address).status_code == 404
    answer = office.charlie.client.post(
        reverse("queues:work", args=[office.support.pk]), {"move": "pick", "item": f"{QueueItem.objects.get().pk}:"}
    )
    assert answer.status_code == 404
    assert b"Support" not in office.charlie.client.get(reverse("queues:mine")).content
    assert QueueItem.objects.get().worker is None


def test_many_at_once_and_what_somebody_else_took_in_the_meantime_stays_theirs(office: Office) -> None:
    for number in (1, 2, 3):
        office.gets(f"Letter {number}")
    seen = office.alice.looks_at(office.support)
    office.bob.presses(office.support, "pick", seen[1:2])

    said = office.alice.presses(office.support, "close", seen)

    assert said == "Closed: 2 items. “Letter 2”: Bob took it in the meantime."
    assert titles(office.alice.looks_at(office.support)) == ["Letter 2"]
    closed = office.alice.looks_at(office.support, show="closed")
    assert sorted(titles(closed)) == ["Letter 1", "Letter 3"]
    assert {line.item.worker for line in closed} == {office.alice.person}  # whoever closes it has worked on it
    assert office.alice.presses(office.support, "reopen", closed[:1]) == "Open again, for anybody to pick: 1 item."
    assert len(office.alice.looks_at(office.support, show="unpicked")) == 1


def test_alice_assigns_to_bob_who_releases_it_again(office: Office) -> None:
    office.gets("The printer burns")
    bob, charlie = office.bob.person.pk, office.charlie.person.pk
    seen = office.alice.looks_at(office.support)
    assert "does not work in Support" in office.alice.presses(office.support, "assign", seen, member=charlie)
    assert office.alice.presses(office.support, "assign", seen, member=bob) == "Assigned to Bob: 1 item."
    assert QueueItem.objects.get().worker == office.bob.person
    office.bob.presses(office.support, "release", office.bob.looks_at(office.support, show="mine"))
    assert QueueItem.objects.get().worker is None


def test_routed_mail_waits_once_in_the_other_queue_and_its_people_may_read_it(office: Office) -> None:
    email = office.gets("A quote, please")
    address = reverse("owner:email", args=[email.pk])
    assert office.dan.client.get(address).status_code == 404
    sales = str(office.sales.pk)

    said = office.alice.presses(office.support, "route", office.alice.looks_at(office.support), target=sales)

    assert said == "Routed to Sales: 1 item."
    assert office.alice.looks_at(office.support) == []
    assert office.alice.looks_at(office.support, show="closed")[0].elsewhere == ["Sales"]
    assert titles(office.dan.looks_at(office.sales)) == ["A quote, please"]
    assert office.dan.client.get(address).status_code == 200
    # Back and forth, there is still one item for each queue.
    office.dan.presses(office.sales, "route", office.dan.looks_at(office.sales), target=str(office.support.pk))
    waiting = office.alice.looks_at(office.support)
    assert "cannot be chosen" not in office.alice.presses(office.support, "route", waiting, target=sales)
    assert QueueItem.objects.count() == 2
    assert [item.queue for item in QueueItem.objects.filter(state_code=StateCode.ACTIVE)] == [office.sales]


def test_mail_that_waits_in_the_other_queue_already_is_merged(office: Office) -> None:
    raw = letter("ann@acme.test", ["support@us.test", "sales@us.test"], "Both of you", "x")
    office.company.sandbox.deliver(["support@us.test", "sales@us.test"], raw)
    receive(office.mailbox)
    receive(office.sales.mailbox)
    office.dan.presses(office.sales, "pick", office.dan.looks_at(office.sales))
    line = office.alice.looks_at(office.support)[0]
    assert line.elsewhere == ["Sales"]

    office.alice.presses(office.support, "route", [line], target=str(office.sales.pk))

    waiting = QueueItem.objects.get(state_code=StateCode.ACTIVE)
    assert (waiting.queue, waiting.worker) == (office.sales, office.dan.person)


def test_what_was_routed_away_does_not_come_back_when_another_mailbox_shows_it(office: Office) -> None:  # 5.10, 5.18
    alices = Mailbox.objects.get(regarding_user=office.alice.person)
    raw = letter("ann@acme.test", ["support@us.test", "alice@us.test"], "Both of you", "x")
    office.company.sandbox.deliver(["support@us.test", "alice@us.test"], raw)
    receive(office.mailbox)
    office.alice.presses(office.support, "route", office.alice.looks_at(office.support), target=str(office.sales.pk))

    receive(alices)

    assert office.alice.looks_at(office.support) == []
    assert titles(office.dan.looks_at(office.sales)) == ["Both of you"]


def test_a_private_queue_is_known_to_its_people_only(office: Office) -> None:
    office.gets("A quote, please")
    Queue.objects.filter(pk=office.sales.pk).update(queue_view_type=QueueViewType.PRIVATE)
    page = office.alice.client.get(reverse("queues:queue", args=[office.support.pk]))
    assert page.context["targets"] == []
    seen = office.alice.looks_at(office.support)
    assert "choose a queue" in office.alice.presses(office.support, "route", seen, target=str(office.sales.pk))
    assert QueueItem.objects.get().state_code == StateCode.ACTIVE


def test_private_mail_stays_with_its_people(office: Office) -> None:  # 4.14
    office.gets("My illness", extra_headers=[("Sensitivity", "Private")])
    seen = office.alice.looks_at(office.support)
    said = office.alice.presses(office.support, "route", seen, target=str(office.sales.pk))
    assert said == "“My illness”: It is private, so it stays with its people. Take that mark off first."
    assert "private" in office.alice.presses(office.support, "hand", seen, person="charlie")
    assert QueueItem.objects.get().state_code == StateCode.ACTIVE


def test_alice_hands_a_letter_to_charlie_who_owns_it_then_and_is_told(office: Office) -> None:
    email = office.gets("For Charlie")
    seen = office.alice.looks_at(office.support)
    assert "Hand to: enter a user name" in office.alice.presses(office.support, "hand", seen, person=" ")
    assert "nobody here is called “nobody”" in office.alice.presses(office.support, "hand", seen, person="nobody")
    assert "Assign it instead" in office.alice.presses(office.support, "hand", seen, person="bob")

    said = office.alice.presses(office.support, "hand", seen, person="charlie@us.test")

    assert said == "Handed to Charlie, who owns the mail now and was told: 1 item."
    email.refresh_from_db()
    assert (email.owner, email.edited_fields) == (office.charlie.person, ["owner"])
    assert office.charlie.client.get(reverse("owner:email", args=[email.pk])).status_code == 200
    assert b"Queue work" in office.charlie.client.get(reverse("owner:own")).content  # though Charlie works in no queue
    assert b"For Charlie" in office.charlie.client.get(reverse("queues:mine")).content
    alert = Mailbox.objects.get(regarding_user=office.charlie.person).alerts.get()
    assert "Alice handed mail of the queue Support to you" in alert.text
    assert "For Charlie" not in alert.text
    assert office.alice.looks_at(office.support) == []


def test_a_letter_becomes_a_case_and_the_customers_answer_belongs_to_it(office: Office) -> None:
    acme = Account.objects.create(name="Acme")
    Contact.objects.create(full_name="Ann", email_address_1="ann@acme.test", parent_customer=acme)
    first = office.gets("The printer burns", message_id="<p1@acme.test>")
    second = office.gets("Re: The printer burns", in_reply_to="<p1@acme.test>")
    seen = [line for line in office.alice.looks_at(office.support) if line.email == first]

    said = office.alice.presses(office.support, "convert", seen)

    assert said.startswith("Converted to a case: 1 item.")
    case = Case.objects.get()
    assert (case.title, case.customer_account, case.owner) == ("The printer burns", acme, office.alice.person)
    for email in (first, second):
        email.refresh_from_db()
        assert email.regarding == case
    # A later answer waits as an item of its own; the one that became the case stays closed.
    office.gets("Re: The printer still burns", in_reply_to="<p1@acme.test>")
    waiting = office.bob.looks_at(office.support)
    assert titles(waiting) == ["Re: The printer burns", "Re: The printer still burns"]
    assert {line.email.regarding for line in waiting} == {case}
    assert titles(office.bob.looks_at(office.support, show="closed")) == ["The printer burns"]
    # It does not become a second case.
    said = office.bob.presses(office.support, "convert", waiting)
    assert said.count("It belongs to the case “The printer burns” already.") == 2
    assert Case.objects.count() == 1
    assert len(office.bob.looks_at(office.support)) == 2


def test_two_who_convert_the_same_letter_make_one_case(office: Office) -> None:
    office.gets("The printer burns")
    seen_by_alice, seen_by_bob = office.alice.looks_at(office.support), office.bob.looks_at(office.support)
    office.alice.presses(office.support, "convert", seen_by_alice)
    assert "belongs to the case" in office.bob.presses(office.support, "convert", seen_by_bob)
    assert Case.objects.count() == 1


def test_somebody_elses_private_mail_in_the_queue_is_masked_and_becomes_no_case(office: Office) -> None:
    email = office.gets("My illness")
    Email.objects.filter(pk=email.pk).update(is_private=True, owner=office.charlie.person, receiving_mailbox=None)
    seen = office.alice.looks_at(office.support)
    assert (titles(seen), seen[0].is_readable) == (["private"], False)
    assert office.alice.looks_at(office.support, q="illness") == []
    said = office.alice.presses(office.support, "convert", seen)
    assert said == "“private”: Only an email that you may read becomes a case."
    assert not Case.objects.exists()


def test_search_finds_subject_and_sender(office: Office) -> None:
    office.gets("The printer burns")
    office.gets("An invoice", sender="zoe@else.test")
    assert titles(office.bob.looks_at(office.support, q="PRINTER")) == ["The printer burns"]
    assert titles(office.bob.looks_at(office.support, q="zoe@")) == ["An invoice"]
    assert office.bob.looks_at(office.support, q="nothing") == []


def test_the_email_page_offers_the_same_moves(office: Office) -> None:
    email = office.gets("The printer burns")
    address = reverse("owner:email", args=[email.pk])
    line = office.alice.client.get(address).context["queue_items"][0]
    answer = office.alice.client.post(
        reverse("queues:work", args=[office.support.pk]),
        {"one": f"pick {line.seen}"},
        headers={"Referer": f"http://testserver{address}"},
    )
    assert answer.headers["Location"].endswith(address)
    assert QueueItem.objects.get().worker == office.alice.person
    assert b"you work on it" in office.alice.client.get(address).content


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"move": "pick"}, "Tick the items it is for first."),
        ({"move": "explode", "item": "x"}, "Press one of the buttons"),
        ({"move": "assign", "member": "x"}, "Tick the items"),
        ({}, "Press one of the buttons"),
    ],
)
def test_a_button_without_what_it_needs_changes_nothing_and_says_so(office: Office, sent: Any, said: str) -> None:
    office.gets("The printer burns")
    answer = office.alice.client.post(reverse("queues:work", args=[office.support.pk]), sent)
    assert said in " ".join(str(one) for one in get_messages(answer.wsgi_request))
    assert QueueItem.objects.get().worker is None


def test_a_closed_queue_or_a_strange_item_is_named(office: Office) -> None:
    office.gets("The printer burns")
    Queue.objects.filter(pk=office.sales.pk).update(state_code=StateCode.INACTIVE)
    seen = office.alice.looks_at(office.support)
    assert "choose a queue" in office.alice.presses(office.support, "route", seen, target=str(office.sales.pk))
    stranger = {"move": "pick", "item": "00000000-0000-0000-0000-000000000000:"}
    answer = office.alice.client.post(reverse("queues:work", args=[office.support.pk]), stranger)
    assert "no longer in this queue" in " ".join(str(one) for one in get_messages(answer.wsgi_request))
