"""What is on the servers and in the database before a worker starts: twelve letters of different kinds, or five to send."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from mailboxes.models import IncomingFilter, Leg, Mailbox, MailboxLeg
from profiles.connectors.mime import Address
from profiles.models import EmailServerProfile
from tests.company import Company, receive
from tests.letters import FIRST_OF_MARCH, letter
from tracking.crm import delivery
from tracking.crm.models import Contact, Email
from tracking.crm.writing import NewEmail, write_draft

ALICE, BOB, SUPPORT = "alice@us.test", "bob@us.test", "support@us.test"
ANN = "Ann <ann@acme.test>"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A letter and the mailboxes it lies in."""

    to: tuple[str, ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Scenario:
    """`found` sets up the company; `deliveries` come afterwards; then `leg` of each mailbox runs, in order of its id."""

    found: Callable[[Company], None]
    leg: Leg
    deliveries: Callable[[], Sequence[Delivery]] = tuple
    is_pop3: bool = False

    def legs(self) -> list[int]:
        """The ids of the legs to run, in the order in which the mailboxes were made."""
        legs = MailboxLeg.objects.filter(leg=self.leg, enabled=True)
        return list(legs.order_by("mailbox__created_on", "mailbox_id").values_list("pk", flat=True))


def twelve_letters() -> list[Delivery]:
    """One of each kind."""
    plain = letter(ANN, ALICE, "Plain", "Dear Alice", message_id="<plain@acme.test>")
    answer = letter(ANN, ALICE, "Re: Plain", "And?", message_id="<answer@acme.test>", in_reply_to="<plain@acme.test>")
    heap = random.Random(12).randbytes(300_000)
    to_alice = [
        plain,
        letter(ANN, ALICE, "Both", "text", html="<p>html</p>", attachments=[("a.pdf", "application/pdf", b"%PDF-")]),
        _INLINE_IMAGE,
        answer,
        letter(ANN, ALICE, "Aw: Plain", "!", references=["<plain@acme.test>", "<unknown@acme.test>"]),
        _without_message_id(letter(ANN, ALICE, "Anonymous", "No Message-ID")),
        plain,
        _EIGHT_BIT,
        letter(ANN, ALICE, "Large", "See attachment", attachments=[("heap.bin", "application/octet-stream", heap)]),
        _BROKEN,
    ]
    stranger = letter("spam@else.test", BOB, "Buy", "now")
    both = letter(ANN, [ALICE, SUPPORT], "Help", "It is broken")
    deliveries = [Delivery((ALICE,), raw) for raw in to_alice]
    return [*deliveries, Delivery((BOB,), stranger), Delivery((ALICE, SUPPORT), both)]


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


def submit(new: NewEmail) -> None:
    """Write and send."""
    now = timezone.now()
    delivery.submit(write_draft(new, now), now)


SCENARIOS = {
    "POP3": Scenario(lambda to: _receiving(to, to.pop3_profile()), Leg.INCOMING, twelve_letters, is_pop3=True),
    "EWS": Scenario(lambda to: _receiving(to, to.exchange_profile()), Leg.INCOMING, twelve_letters),
    "SMTP": Scenario(lambda to: _sending(to, to.pop3_profile()), Leg.OUTGOING),
    "EWS-out": Scenario(lambda to: _sending(to, to.exchange_profile()), Leg.OUTGOING),
}
