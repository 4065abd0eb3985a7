"""What is on the servers and in the database before a worker starts: twelve letters of different kinds, or five to send."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils import timezone

from mailboxes.models import IncomingDeliveryMethod, IncomingFilter, Leg, MailboxLeg
from profiles.connectors.mime import Address
from profiles.models import EmailServerProfile
from tests.company import FORWARD, Company, receive
from tests.letters import forwarded, letter
from tracking.crm import delivery
from tracking.crm.models import Contact, Email
from tracking.crm.writing import NewEmail, write_draft

ALICE, BOB, CAROL, SUPPORT = (f"{name}@us.test" for name in ("alice", "bob", "carol", "support"))
ANN = "Ann <ann@acme.test>"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A letter and the mailboxes it lies in."""

    to: tuple[str, ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Scenario:
    """`found` sets up the company; `deliveries` come afterwards; then the `workloads` of all mailboxes run. `pop3` names
    the mailboxes that are read over POP3."""

    found: Callable[[Company], None]
    workloads: tuple[Leg, ...]
    deliveries: Callable[[], Sequence[Delivery]] = tuple
    pop3: frozenset[str] = frozenset()

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
    """Five emails that Alice has submitted; one answers a letter that was tracked before."""
    alice = company.user("Alice", profile)
    company.sandbox.deliver(ALICE, letter(ANN, ALICE, "Quote?", "x", message_id="<quote@acme.test>"))
    receive(alice)
    ann, carl, boss = (Address("", f"{name}@acme.test") for name in ("ann", "carl", "boss"))
    submit(NewEmail(alice, [ann], "Plain", text="Dear Ann"))
    submit(NewEmail(alice, [ann], "To several", html="<p>Dear all</p>", cc=[carl], bcc=[boss]))
    submit(NewEmail(alice, [ann], "With attachment", text="x", attachments=[("a.bin", "application/pdf", b"%PDF-")]))
    submit(NewEmail(alice, [ann], "Re: Quote?", text="100", answers=Email.objects.get(subject="Quote?")))
    submit(NewEmail(alice, [Address("", "permerror@acme.test")], "To nobody", text="x"))


def _crowd(company: Company) -> None:
    """Four people, over POP3."""
    profile = company.pop3_profile()
    for name in ("Alice", "Bob", "Carol", "Support"):
        company.user(name, profile)


def _both_ways(company: Company) -> None:
    """Alice and Support over POP3 and SMTP, Bob and Carol over Exchange; Alice and Bob have twenty emails each to send."""
    pop3, exchange = company.pop3_profile(), company.exchange_profile()
    alice, bob = company.user("Alice", pop3), company.user("Bob", exchange)
    company.user("Carol", exchange)
    company.queue("Support", pop3, process_and_delete_emails=True)
    for number in range(20):
        for mailbox in (alice, bob):
            to = [Address("", f"customer{number % 5}@acme.test")]
            submit(NewEmail(mailbox, to, f"Offer {number} of {mailbox.name}", text="Dear customer"))


def submit(new: NewEmail) -> None:
    """Write and send."""
    now = timezone.now()
    delivery.submit(write_draft(new, now), now)


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
    "crowd": Scenario(_crowd, _IN, five_hundred_letters, pop3=frozenset({ALICE, BOB, CAROL, SUPPORT})),
    "both ways": Scenario(_both_ways, (*_IN, *_OUT), two_hundred_letters, pop3=frozenset({ALICE, SUPPORT})),
}
