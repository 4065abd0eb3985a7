"""The outgoing cycle: what people wrote leaves once, through the mailbox it was written in (7, law 7).

    Pending send ──attempt counted──▶ handing over: Sending ──the server took it──▶ Sent
         ▲                                   │
         │                                   ├──── taken for some, not now for others: waits again for those only
         └──── transient, before handing over│
                                             └──── the line broke: delivery unknown, for a person to settle

The one window that no protocol closes is SMTP's: between the server's acceptance and our commit. A crash there, like
one between "Sending" and the acceptance, ends as delivery state "unknown", never as a silent second copy. It is one email
at most: the commit that says that one was taken is the one that says that the next is handed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from mailboxes.lease import Lease
from mailboxes.models import Mailbox
from mailboxes.policy import Policy
from profiles.connectors.base import (
    Conflict,
    ConnectorError,
    ItemDelayed,
    ItemRejected,
    Outbox,
    OutcomeUnknown,
    Withdrawn,
)
from profiles.connectors.words import put_off
from profiles.items import Letter, Receipt, Refused, Trace
from serversync.cycles.report import Report
from serversync.instance import instance_id
from serversync.pacing import RETRY_AFTER, retry_letter_after
from tracking.crm import delivery
from tracking.crm.models import Email
from tracking.crm.models.states import DeliveryState, EmailStatus
from tracking.keep.drafts import held_drafts, needed_and_stale, note_drafts, store_drafts
from tracking.keep.joining import ask_to_run, join_late

AT_ONCE = 50
UNKNOWN = (
    "The line or the service broke after this was handed over and before the server answered, and the server cannot "
    "tell whether it left. Ask a recipient, then say that it did arrive or send it again."
)
FOUND = Receipt(words="Found in Sent Items after an interruption.")
VERSION = ("original_id", "sender_mailbox_id", "submitted_on")
"""What changes when a person takes an email back and sends it again: what was read of it before must not leave."""
MISSING = "The stored message is missing. Take the email back and send it again: it is composed anew."


@dataclass(slots=True)
class Outgoing:
    """One run over what waits to be sent from one mailbox, on one connection."""

    mailbox: Mailbox
    outbox: Outbox
    lease: Lease
    policy: Policy
    now: datetime
    leaves_drafts: bool = False
    budget: timedelta = timedelta(seconds=60)
    report: Report = field(default_factory=Report)
    reopened: set[UUID] = field(default_factory=set)
    instance: str = field(default_factory=instance_id)
    accepted: tuple[Email, Receipt] | None = None  # the server has taken it, and no commit says so yet

    def run(self) -> Report:
        """All that is due. Raises ConnectorError for trouble that concerns the whole mailbox, and LeaseLost."""
        for email in delivery.left_in_sending(self.mailbox):
            self._look_after(email)
        with self._committing():
            delivery.hold_backlog(self.mailbox, self.policy, self.now)
        while emails := delivery.waiting_to_send(self.mailbox, self.now, AT_ONCE):
            self._send_all(emails)
            if self.lease.elapsed_since(self.now) > self.budget:
                self.report.more = True
                break
        ask_to_run(self.reopened, self.now)
        if self.leaves_drafts:
            self._discard_drafts()
        return self.report

    def _discard_drafts(self) -> None:
        """Drafts of emails that were taken back, changed or canceled after an attempt. One that the server does not let us
        remove waits for the next run; trouble of the server or the mailbox ends this one, as it does while sending."""
        held = held_drafts(self.lease.claim.leg_id)
        if not held:
            return
        needed, stale = needed_and_stale(held, self.instance)
        left = {*needed, *stale}
        try:
            for mark in stale:
                if self.lease.elapsed_since(self.now) > self.budget:
                    self.report.more = True
                    break
                with suppress(ItemRejected, ItemDelayed, Conflict):
                    self.outbox.discard(mark)
                    left.remove(mark)
        finally:
            with self._committing():
                store_drafts(self.lease.claim.leg_id, {mark: held[mark] for mark in left}, self.now)

    def _look_after(self, email: Email) -> None:
        """One that was left in our hands; without its message nobody can even look for it (law 5)."""
        try:
            letter = self._letter(email)
        except OSError:
            with self._committing():
                delivery.mark_unknown(email, f"{MISSING} {UNKNOWN}", self.now)
            self.report.failed += 1
            return
        self._recover(email, letter)

    def _send_all(self, emails: list[Email]) -> None:
        waiting = delivery.still_to_get_it(emails)
        with self._committing():
            emails = delivery.without_loops(self.mailbox, emails, waiting, self.policy, self.now)
            delivery.begin_attempts(emails)
            if self.leaves_drafts:
                note_drafts(self.lease.claim.leg_id, emails, self.instance, self.now)
            # What already waits for these joins them now: an answer to one that is only leaving shows that it left before.
            self.reopened |= set(join_late(emails, (), self.policy, self.now).values())
        try:
            for number, email in enumerate(emails):
                try:
                    self._send(email, waiting[email.pk])
                except ConnectorError:
                    with self._committing():
                        delivery.uncount(email, emails[number + 1 :])
                    raise
        finally:
            if self.accepted is not None:
                with self._committing():
                    pass

    @contextmanager
    def _committing(self) -> Iterator[None]:
        """A transaction that makes sure that the leg is still ours, and says what became of the email before."""
        with transaction.atomic():
            self.lease.pin()
            if self.accepted is not None:
                email, receipt = self.accepted
                self._taken(_twin(email), receipt)  # after a rollback the email has to be what it was
            yield
        self.accepted = None  # only now: what is rolled back is said again with the next commit

    def _recover(
        self,
        email: Email,
        letter: Letter,
        then_wait: timedelta = timedelta(0),
        refused: Sequence[Refused] = (),
    ) -> None:
        """It was in our hands when the process or the line broke: send again only what surely has not left (law 7)."""
        trace = self.outbox.trace(letter)
        with self._committing():
            if trace is Trace.SENT:
                self._taken(email, FOUND)
            elif trace is Trace.DRAFT:
                again = {"postpone_email_processing_until": self.now + then_wait} if then_wait else {}
                self._move(email, EmailStatus.PENDING_SEND, **again)
            else:
                delivery.mark_unknown(email, UNKNOWN, self.now, refused, self._try_again_on(email, refused))
                self.report.failed += 1

    def _send(self, email: Email, recipients: Sequence[str]) -> None:
        try:
            letter = self._letter(email, recipients)
        except FileNotFoundError:  # law 5: one bad email costs no other
            self._not_taken(email, ItemRejected(MISSING))
            return
        except OSError as error:
            self._not_taken(email, ItemDelayed(f"The stored message cannot be read now: {type(error).__name__}."))
            return
        try:
            receipt = self._sent(email, letter)
        except OutcomeUnknown as error:
            self._recover(email, letter, then_wait=RETRY_AFTER, refused=error.refused)
        except (ItemRejected, ItemDelayed) as error:
            self._not_taken(email, error)
        except ConnectorError:
            self._take_back(email)
            raise
        except (Withdrawn, delivery.IllegalMove):
            return  # a person took it back, or cancelled it, a moment ago
        else:
            self.accepted = email, receipt

    def _sent(self, email: Email, letter: Letter) -> Receipt:
        # 7.4: what was attempted before may already lie on the server; waiting_to_send read the count before this one.
        if email.delivery_attempts and self.outbox.trace(letter) is Trace.SENT:
            self._hand_over(email)
            return FOUND
        return self.outbox.send(letter, lambda: self._hand_over(email))

    def _letter(self, email: Email, recipients: Sequence[str] | None = None) -> Letter:
        keeps_copy = self.policy.sss_save_outgoing_email_to_exchange_sent_folder
        return delivery.letter_of(email, self.instance, keeps_copy, recipients)

    def _hand_over(self, email: Email) -> None:
        """The last commit before the message may leave."""
        with self._committing():
            try:
                self._move(email, EmailStatus.SENDING)
                is_ours = True
            except delivery.IllegalMove:
                is_ours = False
        if not is_ours:
            raise Withdrawn(email.pk)

    def _taken(self, email: Email, receipt: Receipt) -> None:
        """It has left, for all recipients but those that were refused; who was put off is tried again without the others."""
        if self._taken_by_all(email, receipt):
            self.report.sent += 1
            return
        attempts = email.delivery_attempts + 1
        waiting = [one for one in receipt.refused if not one.permanent]
        again = waiting and attempts < self.policy.maximum_email_delivery_attempts
        state = delivery.note_taken(email, receipt.refused, give_up=not again)
        known = {
            "delivery_state": state,
            "delivery_detail": receipt.words[:2000],
            "sent_on": email.sent_on or self.now,
        }
        if again:
            until = self._try_again_on(email, waiting)
            self._move(email, EmailStatus.PENDING_SEND, postpone_email_processing_until=until, **known)
            return
        self._move(email, EmailStatus.SENT, **known)
        self.report.sent += 1

    def _try_again_on(self, email: Email, refused: Sequence[Refused]) -> datetime | None:
        """When those of the refused who were only put off may be tried again."""
        waiting = [one for one in refused if not one.permanent]
        if not waiting:
            return None
        error = put_off("Some recipients are not taken now.", waiting)
        return self.now + retry_letter_after(error, email.delivery_attempts + 1)

    def _taken_by_all(self, email: Email, receipt: Receipt) -> bool:
        """The usual case in few statements: the first attempt, nobody refused, and no report about it was faster."""
        if receipt.refused or email.sent_on is not None or email.delivery_state != DeliveryState.NOT_SENT:
            return False
        known = {"delivery_state": DeliveryState.ACCEPTED, "delivery_detail": receipt.words[:2000], "sent_on": self.now}
        try:
            delivery.move(email, EmailStatus.SENT, self.now, as_read=("delivery_state",), **known)
        except delivery.IllegalMove:
            return False
        delivery.note_taken_by_all(email)
        return True

    def _not_taken(self, email: Email, error: ItemRejected | ItemDelayed) -> None:
        """This message only: for good, or for now."""
        with suppress(delivery.IllegalMove):  # a person took it back, or cancelled it, while the server was asked
            if isinstance(error, ItemRejected):
                self._fail(email, error)
            else:
                self._postpone(email, error)

    def _fail(self, email: Email, error: ItemRejected) -> None:
        """7.4: a permanent error concerns this message only, and of it those who had not got it before."""
        with self._committing():
            state = delivery.note_refused(email, error.refused, for_good=True)
            self._end_unsent(email, state, _in_full(error))

    def _postpone(self, email: Email, error: ItemDelayed) -> None:
        """7.4: try this message again later, up to the limit."""
        attempts = email.delivery_attempts + 1
        given_up = attempts >= self.policy.maximum_email_delivery_attempts
        with self._committing():
            state = delivery.note_refused(email, error.refused, for_good=given_up and email.sent_on is not None)
            if given_up:
                self._end_unsent(email, state, f"Given up after repeated attempts: {_in_full(error)}")
                return
            until = self.now + retry_letter_after(error, attempts)
            detail = _in_full(error)[:2000]
            self._wait_again(email, postpone_email_processing_until=until, delivery_detail=detail)
        self.report.failed += 1

    def _end_unsent(self, email: Email, state: DeliveryState, detail: str) -> None:
        """No further attempt. An email that earlier attempts brought to somebody has been sent."""
        known = {"delivery_state": state, "delivery_detail": detail[:2000]}
        if email.sent_on is None:
            self._move(email, EmailStatus.FAILED, **known)
            self.report.failed += 1
            return
        if email.status_code == EmailStatus.PENDING_SEND:
            self._move(email, EmailStatus.SENDING)
        self._move(email, EmailStatus.SENT, **known)
        self.report.sent += 1

    def _take_back(self, email: Email) -> None:
        """The server has surely not taken it: it waits again."""
        with self._committing():
            self._wait_again(email)

    def _wait_again(self, email: Email, **columns: object) -> None:
        if email.status_code == EmailStatus.SENDING:
            self._move(email, EmailStatus.PENDING_SEND, **columns)
        elif columns:
            as_read = {name: getattr(email, name) for name in VERSION}
            Email.objects.filter(pk=email.pk, status_code=EmailStatus.PENDING_SEND, **as_read).update(**columns)

    def _move(self, email: Email, to: EmailStatus, **columns: Any) -> None:
        """As `delivery.move`, if it is still the email that was read."""
        delivery.move(email, to, self.now, as_read=VERSION, **columns)


def _twin(email: Email) -> Email:
    """Another object with the same columns; `copy` would take a row apart and put it together for each that is sent."""
    twin = Email.__new__(Email)
    twin.__dict__.update(email.__dict__)
    return twin


def _in_full(error: ConnectorError) -> str:
    """What happened, what the server said, what would fix it (law 13)."""
    parts = (part.strip() for part in (str(error), error.words, error.remedy))
    return " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in parts if part)
