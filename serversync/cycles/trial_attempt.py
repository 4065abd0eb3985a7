"""One attempt at one test: what is really done on the server, step by step (3.10 a–d).

    outgoing  allowed → settings complete → one message to oneself, over the same connector as all mail
    lists     allowed → settings complete → one page of the calendar, the contacts and the tasks
    incoming  allowed → settings complete → the Inbox opened → that message found there and removed
              └─ not there yet: this attempt ends, and the worker looks again later, up to two minutes

Nothing here waits, and nothing touches a cursor: testing again never reads mail again (3.12).
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import NoReturn

from django.db import transaction

from mailboxes.access import AccessIncomplete
from mailboxes.discovery import found_access
from mailboxes.eligibility import skip_reason
from mailboxes.lease import Lease
from mailboxes.models import Leg, Mailbox, MailboxLeg, Trial
from mailboxes.policy import Policy
from mailboxes.reach import leg_facts
from mailboxes.trials import COUNT, why_not
from profiles.connectors import open_item_store, open_outbox, open_source
from profiles.connectors.base import ConnectorError, MailSource, Outbox, Throttled
from profiles.items import INBOX, Access, Trace
from profiles.secrets import KeyUnavailable
from serversync.cycles import trial_steps as at
from serversync.cycles.for_administrators import server_of
from serversync.cycles.trial_mail import keys_of, letter_for, message_id_of, newest_in_inbox
from serversync.cycles.trial_steps import Step

PATIENCE = timedelta(minutes=2)
"""How long a message to oneself may take."""
LOOK_AGAIN_AFTER = (1, 1, 2, 4, 8, 15, 30)  # seconds; servers that limit log-ins are not asked all the time
LONGEST_DELAY = timedelta(minutes=5)
"""A server that asks for more is obeyed as well, but the test ends."""


class NotPassed(Exception):
    """A step failed; it is the last one in `Attempt.steps`."""


class NotYet(Exception):
    """Nothing failed, but there is something to wait for until `again_on`."""

    def __init__(self, again_on: datetime) -> None:
        super().__init__(str(again_on))
        self.again_on = again_on


@dataclass(slots=True)
class Attempt:
    """What one worker does about one test now, and what came of it."""

    trial: Trial
    mailbox: Mailbox
    row: MailboxLeg
    lease: Lease
    policy: Policy
    now: datetime
    steps: list[Step] = field(default_factory=list)
    postponed_until: datetime | None = None  # the server asked for it
    error: ConnectorError | None = None
    doing: str = ""

    def run(self) -> None:
        """Raises NotPassed, NotYet and LeaseLost; otherwise the test was passed."""
        leg = Leg(self.trial.leg)
        self._check_what_is_here(leg)
        sent = self._sent_along() if leg == Leg.INCOMING else None
        access = self._access(leg)
        try:
            if leg == Leg.OUTGOING:
                self._send(access)
            elif leg == Leg.ACT:
                self._list_items(access)
            else:
                self._receive(access, sent)
        except Throttled as error:
            self._obey(error, access, leg)
        except ConnectorError as error:
            self._not_reached(error, access, leg)

    def _pass(self, name: str, words: str) -> None:
        self.steps.append(Step(name, True, words))

    def _fail(self, name: str, words: str, remedy: str = "") -> NoReturn:
        self.steps.append(Step(name, False, words, remedy))
        raise NotPassed

    def _wait(self, name: str, words: str, again_on: datetime) -> NoReturn:
        self.steps.append(Step(name, None, words))
        raise NotYet(again_on)

    # 3.10 a: what no server has to be asked for

    def _check_what_is_here(self, leg: Leg) -> None:
        facts = replace(leg_facts(self.mailbox, self.row), enabled=True)
        reason = why_not(self.mailbox, leg) or skip_reason(facts, self.policy)
        if reason:
            words, _, remedy = reason.partition(". ")
            self._fail(at.ALLOWED, words.rstrip(".") + ".", remedy or "Change it on the page of the mailbox.")
        until = self.row.postponed_until
        if until is not None and until > self.now:
            self._until(until)
        self._pass(at.ALLOWED, "Mailbox, address and server profile may be used.")

    def _access(self, leg: Leg) -> Access:
        try:
            # Whoever tests may have changed something; whoever only looks again for a message has not.
            first = self.trial.attempts <= 1
            access = found_access(self.mailbox, leg, self.now, self.lease.progress, anew=first)
        except (AccessIncomplete, KeyUnavailable) as error:
            words, _, remedy = str(error).partition(". ")
            self._fail(at.SETTINGS, words.rstrip(".") + ".", remedy)
        except ConnectorError as error:  # 2.7
            self.error = error
            if isinstance(error, Throttled) and error.delay is not None:
                self.postponed_until = self.now + error.delay
            told = f"{error} {error.words}".strip()
            self._fail(at.DISCOVER, told.rstrip(".") + ".", error.remedy)
        host, port, _ = server_of(access)
        self._pass(at.SETTINGS, f"{access.transport.name} at {host}, port {port}, for {access.address}.")
        return access

    # 3.10 b: outgoing

    def _send(self, access: Access) -> None:
        with closing(open_outbox(access, self.lease.progress)) as outbox:
            words = self._send_once(outbox)
        self.steps += at.reached(access)
        self._pass(at.SEND, f"The server took it. {words}".strip())

    def _send_once(self, outbox: Outbox) -> str:
        """The very same message, however often the test is carried out; what is known to have left is not sent again."""
        before = bool(self.trial.message_id)
        self._write(message_id=message_id_of(self.trial, self.mailbox))
        letter = letter_for(self.trial, self.mailbox)
        if before and outbox.trace(letter) is Trace.SENT:
            return "It had been sent before this service was interrupted."
        receipt = outbox.send(letter, self._write)
        return f"It said: {receipt.words}" if receipt.words else ""

    def _write(self, **columns: str) -> None:
        """Pin the lease, so that nobody else carries out this test, and write what must be known before going on."""
        with transaction.atomic():
            self.lease.pin()
            if columns:
                Trial.objects.filter(pk=self.trial.pk).update(**columns)
        for column, value in columns.items():
            setattr(self.trial, column, value)

    # 3.10 c: incoming

    def _sent_along(self) -> Trial | None:
        """The outgoing test that was asked for together with this one; it goes first."""
        tests = Trial.objects.filter(mailbox=self.mailbox, leg=Leg.OUTGOING).order_by("-requested_on", "-pk")
        sent = tests.first()
        if sent is None or (sent.finished_on is not None and sent.finished_on < self.trial.requested_on):
            return None
        if self._wants_count() is not None:
            return None
        if sent.finished_on is None:
            self._wait(at.ARRIVED, "The test of outgoing email sends it first.", self.now + timedelta(seconds=1))
        return sent

    def _receive(self, access: Access, sent: Trial | None) -> None:
        with closing(open_source(access, self.lease.progress)) as source:
            shown = newest_in_inbox(source)
            self.steps += at.reached(access)
            self._pass(at.OPEN, "It can be read." if shown else "It can be read; it is empty.")
            wanted = self._wants_count()
            if wanted is not None:
                self._count(source, wanted)
            elif sent is None or not sent.succeeded:
                self.steps.append(Step(at.ARRIVED, None, self._why_nothing_is_looked_for(sent)))
            else:
                self._find(sent, keys_of(sent, shown, source), source)

    def _why_nothing_is_looked_for(self, sent: Trial | None) -> str:
        if sent is not None:
            return "Not looked for, because it could not be sent: see the test of outgoing email."
        reason = why_not(self.mailbox, Leg.OUTGOING)
        if reason:
            return f"No message was sent: outgoing email is not synchronized from here ({reason}) The Inbox is enough."
        return "No message was sent along, because only incoming email was tested. The Inbox is enough."

    def _find(self, sent: Trial, keys: list[str], source: MailSource) -> None:
        assert sent.finished_on is not None, "it has succeeded"
        waited = self.now - sent.finished_on
        if not keys and waited < PATIENCE:
            seconds = LOOK_AGAIN_AFTER[min(self.trial.attempts, len(LOOK_AGAIN_AFTER)) - 1]
            words = f"Not there yet, {max(0, int(waited.total_seconds()))} seconds after it was sent."
            self._wait(at.ARRIVED, f"{words} It is looked for again.", self.now + timedelta(seconds=seconds))
        if not keys:
            self._fail(
                at.ARRIVED,
                f"The message that this mailbox sent to {self.mailbox.email_address} did not arrive within two minutes.",
                "Look for it in the junk folder and in the rules of the mailbox, and check that the server profile and "
                "the credentials lead to the mailbox of exactly this address. Then test again.",
            )
        self._pass(at.ARRIVED, "Sending and receiving work.")
        self._remove(keys, source)

    def _remove(self, keys: list[str], source: MailSource) -> None:
        """Only that message; if it stays, it is never tracked anyway."""
        try:
            source.delete(keys)
        except ConnectorError as error:
            self.steps.append(Step(at.REMOVED, None, f"It stays in the Inbox, and is never tracked: {error}"))
        else:
            self._pass(at.REMOVED, "It is gone from the Inbox.")

    # 3.10 d: appointments, contacts and tasks

    def _list_items(self, access: Access) -> None:
        """The beginning of each list; nothing is written, and no cursor is kept."""
        opened = []
        with closing(open_item_store(access, self.lease.progress)) as store:
            for kind, self.doing in at.LISTS.items():
                page = next(iter(store.changes(kind, "")), None)
                is_empty = page is None or not page.shown
                opened.append(Step(self.doing, True, "It can be read; it is empty." if is_empty else "It can be read."))
        self.steps += [*at.reached(access), *opened]

    # 3.11: what a start date would read

    def _wants_count(self) -> date | None:
        wanted = next((step for step in self.trial.steps if step["name"] == COUNT and step["ok"] is None), None)
        return date.fromisoformat(wanted["words"]) if wanted else None

    def _count(self, source: MailSource, since: date) -> None:
        start = datetime.combine(since, time.min, UTC)
        total = unknown = 0
        for item in source.listing(INBOX):
            total += item.received_on is None or item.received_on >= start
            unknown += item.received_on is None
        words = f"{total} message{'' if total == 1 else 's'} since {since:%Y-%m-%d} in the Inbox."
        if unknown:
            words += f" The server does not tell when messages arrived: {unknown} of them may be older."
        self._pass(COUNT, words)

    # What went wrong on the server

    def _not_reached(self, error: ConnectorError, access: Access, leg: Leg) -> None:
        self.error = error
        doing = self.doing or (at.SEND if leg == Leg.OUTGOING else at.OPEN)
        self.steps += at.failed(error, access, doing)
        raise NotPassed from error

    def _obey(self, error: Throttled, access: Access, leg: Leg) -> None:
        """The delay a server asks for is obeyed exactly (law 8): this test waits for it, unless it is a long one."""
        if error.delay is None:
            self._not_reached(error, access, leg)
            return
        self.postponed_until = self.now + error.delay
        self.error = error
        self._until(self.postponed_until)

    def _until(self, moment: datetime) -> None:
        words = f"The server asked us to wait until {moment:%H:%M:%S} UTC."
        if moment - self.now <= LONGEST_DELAY:
            self._wait(at.REACH, words, moment)
        self._fail(at.REACH, words, "Nothing needs to be changed. Test again after that.")
