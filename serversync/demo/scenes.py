"""What happens in the demo: mail arrives, people write, customers answer, and it goes on while somebody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr
from itertools import count
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from mailboxes.models import Leg, Mailbox, MailboxLeg
from profiles.connectors.mime import Address
from serversync.demo.calendars import play_the_calendars
from serversync.demo.letters import attachment, composed, letters, message_id_of, week
from serversync.demo.world import World
from serversync.one_pass import Line, chosen, run_pass
from tracking.crm import delivery
from tracking.crm.models import Case, Email
from tracking.crm.models.states import EmailStatus
from tracking.crm.writing import NewEmail, write_draft
from tracking.models import LedgerTotal

MAIL = (Leg.INCOMING, Leg.OUTGOING)
PASSES_AT_MOST = 10
Begins = Callable[[Line], None]


@dataclass(frozen=True, slots=True)
class Written:
    """An email one of our people wrote, and what comes back to it ("" for nothing)."""

    email: Email
    reply: str


def play_the_week(world: World, now: datetime, say: Callable[[str], None], begins: Begins | None = None) -> None:
    """The whole week at once: what arrived, what our people wrote, what was answered; all of it synchronized."""
    arrived = letters(week()["letter"], now)
    for letter in arrived:
        world.deliver(letter)
    say(f"{len(arrived)} letters have arrived in a week.")
    synchronize(begins)
    say(f"Alice has moved {_file(world)} more into the folder of a customer.")
    written = [_write(entry, timezone.now()) for entry in week()["written"]]
    say(f"{len(written)} emails were written in the CRM.")
    synchronize(begins)
    answered = [one for one in written if one.reply]
    for one in answered:
        _deliver_reply(world, one)
    say(f"{len(answered)} of them were answered.")
    play_the_calendars(world, now, say)
    synchronize(begins)


def _file(world: World) -> int:
    """Our people move letters into their folders; what the filter left out is tracked there (9.3)."""
    entries = [entry for entry in week()["letter"] if "files_it" in entry]
    for entry in entries:
        for person in entry["to"]:
            world.file(person, message_id_of(entry["id"]), entry["files_it"])
    return len(entries)


def synchronize(begins: Begins | None = None) -> None:
    """Passes over every mailbox until nothing moves any more: what is sent to a colleague arrives in the next one."""
    for _ in range(PASSES_AT_MOST):
        lines = list(run_pass(chosen([], MAIL, timezone.now()), timezone.now, begins))
        if not any(line.seen or line.sent for line in lines) and not unfinished():
            return


def unfinished() -> int:
    """How many items are not judged yet and how many emails not sent."""
    pending = LedgerTotal.objects.aggregate(pending=Sum("pending"))["pending"] or 0
    waiting = Email.objects.filter(status_code__in=[EmailStatus.PENDING_SEND, EmailStatus.SENDING]).count()
    return pending + waiting


def _write(entry: dict[str, Any], now: datetime) -> Written:
    """Write and submit one email as its author would in the CRM."""
    answers = Email.objects.filter(message_id=message_id_of(entry["answers"])).first() if "answers" in entry else None
    new = NewEmail(
        mailbox=Mailbox.objects.get(email_address=entry["mailbox"]),
        to=_addresses(entry["to"]),
        cc=_addresses(entry.get("cc", [])),
        subject=entry["subject"],
        text=entry.get("text", "").strip(),
        html=entry.get("html", ""),
        answers=answers,
        regarding=Case.objects.filter(title=entry.get("regarding", "")).first(),
        attachments=[(name, *attachment(name)) for name in entry.get("attachments", ())],
    )
    email = write_draft(new, now)
    delivery.submit(email, now)
    return Written(email, entry.get("reply", ""))


def _addresses(people: list[str]) -> list[Address]:
    return [Address(*parseaddr(person)) for person in people]


def _deliver_reply(world: World, written: Written) -> None:
    """The first recipient answers."""
    email = written.email
    sender = email.to_recipients.split("; ")[0]
    entry = {
        "from": sender,
        "to": [email.sender],
        "subject": email.subject if email.subject.startswith("Re:") else f"Re: {email.subject}",
        "text": written.reply,
    }
    world.deliver(composed(entry, timezone.now(), f"reply-{email.pk}", answers=email.message_id))


@dataclass(slots=True)
class Meanwhile:
    """What happens while somebody watches: each `tick` is one small event, told as a sentence."""

    world: World
    entries: list[dict[str, Any]] = field(default_factory=lambda: week()["later"])
    numbers: Iterator[int] = field(default_factory=count)
    last: Written | None = None

    def tick(self) -> str:
        """A letter, another letter, an email of ours, its answer, and again. The mailbox it concerns is run at once."""
        number = next(self.numbers)
        if number % 4 == 2:
            return self._we_write()
        if number % 4 == 3 and self.last is not None:
            return self._they_answer(self.last)
        return self._a_letter(number)

    def _a_letter(self, number: int) -> str:
        entry = self.entries[number % len(self.entries)]
        letter = composed(entry, timezone.now(), f"later-{number}-{timezone.now():%H%M%S}")
        self.world.deliver(letter)
        self._request(*letter.to)
        return f"{parseaddr(entry['from'])[0]} writes to {', '.join(letter.to)}: {entry['subject']}"

    def _we_write(self) -> str:
        """Support answers the latest mail that nobody has answered yet."""
        waiting = Email.objects.filter(direction_code=False, accepting_queue__name="Support", replies=None)
        latest = waiting.exclude(sender__endswith="@fernhill.example").order_by("-id").first()
        if latest is None:
            return "Nobody waits for an answer."
        entry = {
            "mailbox": "support@fernhill.example",
            "answers": latest.message_id.strip("<>").partition("@")[0],
            "to": [latest.sender],
            "subject": f"Re: {latest.subject}",
            "text": "Thank you for your mail. We look into it today.\n\nFernhill Support",
            "reply": "That was quick. Thank you!",
        }
        self.last = _write(entry, timezone.now())
        return f"Support answers {latest.sender}: {latest.subject}"

    def _they_answer(self, written: Written) -> str:
        _deliver_reply(self.world, written)
        self._request(written.email.sender)
        self.last = None
        return f"{written.email.to_recipients} answers: {written.email.subject}"

    def _request(self, *addresses: str) -> None:
        """As if somebody pressed "sync now"; otherwise a quiet mailbox is looked at every few minutes only."""
        MailboxLeg.objects.filter(mailbox__email_address__in=addresses, leg=Leg.INCOMING).request(timezone.now())
