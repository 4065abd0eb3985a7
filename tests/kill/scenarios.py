"""What is on the servers and in the database before a worker starts: twelve letters of different kinds, or twelve to
send."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from mailboxes.models import IncomingDeliveryMethod, IncomingFilter, Leg, MailboxLeg
from profiles.connectors.mime import Address
from profiles.models import EmailServerProfile
from tests.company import FORWARD, Company, decide, receive, run
from tests.filing import change, deliver, rule
from tests.kill.act_scenario import both_sides
from tests.letters import forwarded, letter
from tracking.crm import delivery
from tracking.crm.models import Account, Contact, Email
from tracking.crm.models.states import Priority
from tracking.crm.writing import NewEmail, write_draft

ALICE, BOB, CAROL, SUPPORT = (f"{name}@us.test" for name in ("alice", "bob", "carol", "support"))
ANN = "Ann <ann@acme.test>"
ARCHIVE, IN_THE_ARCHIVE = "Archive of 2025", 5_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """A letter and the mailboxes it lies in."""

    to: tuple[str, ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Scenario:
    """`found` sets up the company; `deliveries` come afterwards; then the `workloads` of all mailboxes run. `pop3` names
    the mailboxes that are read over POP3, `folders` those that are read beside the Inbox. `servers_stay` where the worker
    changes nothing on them: then they need not be put back before each run, and `found` may use them. `servers_kept`
    where it does, and the servers are put back with all their ids as `found` has left them."""

    found: Callable[[Company], None]
    workloads: tuple[Leg, ...]
    deliveries: Callable[[], Sequence[Delivery]] = tuple
    pop3: frozenset[str] = frozenset()
    folders: tuple[str, ...] = ()
    servers_stay: bool = False
    servers_kept: bool = False

    def legs(self) -> list[int]:
        """The ids of the legs to run: the first workload of each mailbox, then the next one."""
        legs = MailboxLeg.objects.filter(leg__in=self.workloads, enabled=True)
        return list(legs.order_by("leg", "mailbox__created_on", "mailbox_id").values_list("pk", flat=True))


def twelve_letters() -> list[Delivery]:
    """One of each kind."""
    plain = letter(ANN, ALICE, "Plain", "Dear Alice", message_id="<plain@acme.test>")
    answer = letter(ANN, ALICE, "Re: Plain", "And?", message_id="<answer@acme.test>", in_reply_to="<plain@acme.test>")
    heap = random.Random(12).randbytes(300_000)
    to_alice = [
        plain,
        letter(ANN, ALICE, "Both", "text", html="<p>html</p>", attachments=[("a.pdf", "application/pdf", b"%PDF-")]),
        _INLINE_IMAGE,
        letter(ANN, ALICE, "Aw: Plain", "!", references=["<plain@acme.test>", "<unknown@acme.test>"]),
        _without_message_id(letter(ANN, ALICE, "Anonymous", "No Message-ID")),
        plain,
        _EIGHT_BIT,
        letter(ANN, ALICE, "Large", "See attachment", attachments=[("heap.bin", "application/octet-stream", heap)]),
        _BROKEN,
    ]
    stranger = letter("spam@else.test", BOB, "Buy", "now")
    request = letter(ANN, SUPPORT, "Help", "It is broken")
    elsewhere = [Delivery((ALICE, BOB), answer), Delivery((BOB,), stranger), Delivery((SUPPORT,), request)]
    return [*(Delivery((ALICE,), raw) for raw in to_alice), *elsewhere]


def two_hundred_letters() -> list[Delivery]:
    """To four mailboxes in turn, every third to two of them, and every fourth with an attachment of its own."""
    people = [ALICE, BOB, CAROL, SUPPORT]
    deliveries = []
    for number in range(200):
        to = [people[number % 4], people[(number + 1) % 4]] if number % 3 == 0 else [people[number % 4]]
        attachments = [("a.txt", "text/plain", f"{number}".encode() * 99)] if number % 4 == 0 else []
        raw = letter(ANN, to, f"Letter {number:03}", f"Text {number}", attachments=attachments)
        deliveries.append(Delivery(tuple(to), raw))
    return deliveries


def five_hundred_letters() -> list[Delivery]:
    """Each lies in two of four mailboxes."""
    people = [ALICE, BOB, CAROL, SUPPORT]
    deliveries = []
    for number in range(500):
        to = (people[number % 4], people[(number + 1) % 4])
        deliveries.append(Delivery(to, letter(ANN, to, f"Letter {number:03}", f"Text {number}")))
    return deliveries


def _without_message_id(raw: bytes) -> bytes:
    return b"".join(line for line in raw.splitlines(keepends=True) if not line.startswith(b"Message-ID:"))


def _crlf(text: str, encoding: str = "ascii") -> bytes:
    return "\r\n".join(text.strip().splitlines()).encode(encoding) + b"\r\n"


_INLINE_IMAGE = _crlf("""
From: Ann <ann@acme.test>
To: alice@us.test
Subject: Picture
Date: Sun, 01 Mar 2026 09:03:00 +0000
Message-ID: <picture@acme.test>
MIME-Version: 1.0
Content-Type: multipart/related; boundary="rel"

--rel
Content-Type: text/html; charset=utf-8

<p>Look: <img src="cid:dot@acme.test"></p>
--rel
Content-Type: image/gif; name="dot.gif"
Content-Disposition: inline; filename="dot.gif"
Content-ID: <dot@acme.test>
Content-Transfer-Encoding: base64

R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7
--rel--
""")
_EIGHT_BIT = _crlf(
    """
From: Jürgen Groß <juergen@acme.test>
To: alice@us.test
Subject: Grüße aus Köln
Date: Sun, 01 Mar 2026 09:08:00 +0000
Message-ID: <koeln@acme.test>
MIME-Version: 1.0
Content-Type: text/plain; charset=x-windows-1252
Content-Transfer-Encoding: 8bit

Schöne Grüße
""",
    "cp1252",
)
_BROKEN = _crlf("""
From: Ann <ann@acme.test>
To: alice@us.test
Subject: Broken
Date: Sun, 01 Mar 2026 09:10:00 +0000
Message-ID: <broken@acme.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="never"

--other
Content-Type: application/octet-stream; name="half
Content-Transfer-Encoding: base64

R0lGODlhAQABAIAA*AA
""")


def _receiving(company: Company, profile: EmailServerProfile) -> None:
    Contact.objects.create(full_name="Ann Smith", email_address_1="ann@acme.test")
    company.user("Alice", profile)
    company.user("Bob", profile, IncomingFilter.RESPONSES_TO_OUR_MAIL)
    company.queue("Support", profile, process_and_delete_emails=True)


def _forwarding(company: Company, profile: EmailServerProfile) -> None:
    """Alice, Bob and Support forward to a forward mailbox that deletes what it has opened."""
    forwards = {"incoming_email_delivery_method": IncomingDeliveryMethod.FORWARD_MAILBOX}
    company.user("Alice", profile, **forwards)
    company.user("Bob", profile, IncomingFilter.RESPONSES_TO_OUR_MAIL, **forwards)
    company.queue("Support", profile, **forwards)
    MailboxLeg.objects.update(enabled=False)  # they are not read themselves (1.6)
    company.forward_mailbox(profile, process_and_delete_emails=True)


def forwarded_letters() -> list[Delivery]:
    """Two in one carrier, one that nobody takes, one of a queue, an answer, and one that comes a second time."""
    plain = letter(ANN, ALICE, "Plain", "Dear Alice", message_id="<plain@acme.test>")
    answer = letter(ANN, BOB, "Re: Plain", "And?", in_reply_to="<plain@acme.test>")
    both = letter(ANN, ALICE, "Both", "text", html="<p>html</p>", attachments=[("a.pdf", "application/pdf", b"%PDF-")])
    carriers = [
        (ALICE, plain, both),
        (BOB, letter("spam@else.test", BOB, "Buy", "now"), answer),
        (SUPPORT, letter(ANN, SUPPORT, "Help", "It is broken")),
        (ALICE, plain),
    ]
    return [
        Delivery((FORWARD,), forwarded(by, FORWARD, *carried, message_id=f"<{number}@us.test>"))
        for number, (by, *carried) in enumerate(carriers)
    ]


def _sending(company: Company, profile: EmailServerProfile) -> None:
    """Twelve emails of different kinds that Alice has submitted; one answers a letter that was tracked before, one is for
    nobody, and the last is the most urgent."""
    alice = company.user("Alice", profile)
    company.queue("Support", profile)
    company.sandbox.deliver(ALICE, letter(ANN, ALICE, "Quote?", "x", message_id="<quote@acme.test>"))
    receive(alice)
    ann, carl, boss = (Address("", f"{name}@acme.test") for name in ("ann", "carl", "boss"))
    submit(NewEmail(alice, [ann], "Plain", text="Dear Ann"))
    submit(NewEmail(alice, [ann], "To several", html="<p>Dear all</p>", cc=[carl], bcc=[boss]))
    submit(NewEmail(alice, [ann], "With attachment", text="x", attachments=[("a.bin", "application/pdf", b"%PDF-")]))
    submit(NewEmail(alice, [ann], "Re: Quote?", text="100", answers=Email.objects.get(subject="Quote?")))
    submit(NewEmail(alice, [Address("", "permerror@acme.test")], "To nobody", text="x"))
    submit(NewEmail(alice, [ann, Address("", "permerror@acme.test")], "Not to all", text="x"))
    submit(NewEmail(alice, [ann], "Grüße aus Köln ☂", html="<p>Schöne Grüße</p>"))
    submit(NewEmail(alice, [ann], "To a queue, too", text="x", cc=[Address("", SUPPORT)]))
    submit(NewEmail(alice, [ann], "Receipts, please", text="x"), read_receipt_requested=True)
    submit(NewEmail(alice, [ann], "Not before yesterday", text="x"), delayed_email_send_time=_yesterday())
    submit(NewEmail(alice, [ann], "Large", text="x", attachments=[("a.bin", "application/pdf", b"%PDF-" * 60_000)]))
    submit(NewEmail(alice, [ann], "Urgent", text="x"), delivery_priority_code=Priority.HIGH)


def _crowd(company: Company) -> None:
    """Four people, over POP3."""
    profile = company.pop3_profile()
    for name in ("Alice", "Bob", "Carol", "Support"):
        company.user(name, profile)


def _both_ways(company: Company) -> None:
    """Alice and Support over POP3 and SMTP, Bob and Carol over Exchange; Alice and Bob have a hundred emails each to send."""
    pop3, exchange = company.pop3_profile(), company.exchange_profile()
    alice, bob = company.user("Alice", pop3), company.user("Bob", exchange)
    company.user("Carol", exchange)
    company.queue("Support", pop3, process_and_delete_emails=True)
    for number in range(100):
        for mailbox in (alice, bob):
            to = [Address("", f"customer{number % 5}@acme.test")]
            submit(NewEmail(mailbox, to, f"Offer {number} of {mailbox.name}", text="Dear customer"))


def _filing(company: Company) -> None:
    """Alice tracks three folders. One is new and holds three letters; of another the record has changed; the third was
    renamed; and letters have been moved: from the Inbox into a folder, from one to another, and out of it (9.3, 9.5)."""
    decide(track_categorized_items=False)
    alice = company.user("Alice", company.exchange_profile(), IncomingFilter.NO_MESSAGES)
    acme, case = Account.objects.create(name="Acme"), Account.objects.create(name="Zeta")
    customers, offers = company.sandbox.folder(ALICE, "Customers"), company.sandbox.folder(ALICE, "Offers")
    first, second = rule(alice, customers, acme), rule(alice, offers, acme)
    moved = {name: deliver(company, name, folder) for name, folder in _PLACES.items()}
    run(alice, now=timezone.now() - timedelta(minutes=20))
    company.sandbox.move(ALICE, moved["From the Inbox"], customers)
    company.sandbox.move(ALICE, moved["To the offers"], offers)
    company.sandbox.move(ALICE, moved["Back to the Inbox"], "inbox")
    company.sandbox.rename_folder(ALICE, customers, "Our customers")
    for tracked in (first, second):
        tracked.refresh_from_db()
    change(second, case)
    archive = company.sandbox.folder(ALICE, "Archive of 2025")
    rule(alice, archive, case, includes_subfolders=True)
    below = company.sandbox.folder(ALICE, "January", archive)
    for number, folder in enumerate((archive, below, below)):
        deliver(company, f"Old {number}", folder)
    deliver(company, "Gossip")
    decide(track_categorized_items=False, folder_onboarding_per_cycle=2)


_PLACES = {
    "From the Inbox": "inbox",
    "To the offers": "Customers",
    "Back to the Inbox": "Customers",
    "Stays": "Customers",
    "An offer": "Offers",
}


def _archive(company: Company) -> None:
    """Alice tracks a folder in which five thousand letters lie already; her Inbox is empty."""
    decide(track_categorized_items=False)
    alice = company.user("Alice", company.exchange_profile())
    folder = company.sandbox.folder(ALICE, ARCHIVE)
    for number in range(IN_THE_ARCHIVE):
        deliver(company, f"Old {number}", folder)
    rule(alice, folder, Account.objects.create(name="Acme"))


def submit(new: NewEmail, **columns: Any) -> None:
    """Write, set further columns, and send."""
    now = timezone.now()
    draft = write_draft(new, now)
    if columns:
        Email.objects.filter(pk=draft.pk).update(**columns)
        draft.refresh_from_db()
    delivery.submit(draft, now)


def _yesterday() -> datetime:
    return timezone.now() - timedelta(days=1)


_IN, _OUT = (Leg.INCOMING,), (Leg.OUTGOING,)
SCENARIOS = {
    "POP3": Scenario(
        lambda to: _receiving(to, to.pop3_profile()), _IN, twelve_letters, pop3=frozenset({ALICE, BOB, SUPPORT})
    ),
    "EWS": Scenario(lambda to: _receiving(to, to.exchange_profile()), _IN, twelve_letters),
    "forward": Scenario(
        lambda to: _forwarding(to, to.pop3_profile()), _IN, forwarded_letters, pop3=frozenset({FORWARD})
    ),
    "forward EWS": Scenario(lambda to: _forwarding(to, to.exchange_profile()), _IN, forwarded_letters),
    "SMTP": Scenario(lambda to: _sending(to, to.pop3_profile()), _OUT),
    "EWS-out": Scenario(lambda to: _sending(to, to.exchange_profile()), _OUT),
    "folders": Scenario(
        _filing,
        _IN,
        folders=("Our customers", "Offers", "Archive of 2025", "January"),
        servers_stay=True,
    ),
    "act": Scenario(both_sides, (Leg.ACT,), servers_kept=True),
    "archive": Scenario(_archive, _IN, folders=(ARCHIVE,), servers_stay=True),
    "crowd": Scenario(_crowd, _IN, five_hundred_letters, pop3=frozenset({ALICE, BOB, CAROL, SUPPORT})),
    "both ways": Scenario(_both_ways, (*_IN, *_OUT), two_hundred_letters, pop3=frozenset({ALICE, SUPPORT})),
}
