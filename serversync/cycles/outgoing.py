"""The outgoing cycle: what people wrote leaves once, through the mailbox it was written in (7, law 7).

    Pending send ──attempt counted──▶ handing over: Sending ──the server took it──▶ Sent
         ▲                                   │
         └──── transient, before handing over│──── the line broke: delivery unknown, for a person to settle

The one window that no protocol closes is SMTP's: between the server's acceptance and our commit. A crash there, like
one between "Sending" and the acceptance, ends as delivery state "unknown", never as a silent second copy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from mailboxes.lease import Lease
from mailboxes.models import Mailbox
from mailboxes.policy import Policy
from profiles.connectors.base import ConnectorError, ItemDelayed, ItemRejected, Outbox, OutcomeUnknown
from profiles.items import Letter, Receipt, Trace
from serversync.cycles.report import Report
from serversync.instance import instance_id
from tracking.crm import delivery
from tracking.crm.models import Email
from tracking.crm.models.states import DeliveryState, EmailStatus
from tracking.keep.joining import ask_to_run, join_late

AT_ONCE = 50
RETRY_AFTER = timedelta(minutes=5)
UNKNOWN = (
    "The line or the service broke after this was handed over and before the server answered, and the server cannot "
    "tell whether it left. Ask a recipient, then say that it did arrive or send it again."
)


@dataclass(slots=True)
class Outgoing:
    """One run over what waits to be sent from one mailbox, on one connection."""

    mailbox: Mailbox
    outbox: Outbox
    lease: Lease
    policy: Policy
    now: datetime
    budget: timedelta = timedelta(seconds=60)
    report: Report = field(default_factory=Report)
    reopened: set[UUID] = field(default_factory=set)

    def run(self) -> Report:
        """All that is due. Raises ConnectorError for trouble that concerns the whole mailbox, and LeaseLost."""
        for email in delivery.left_in_sending(self.mailbox):
            self._recover(email)
        while emails := delivery.waiting_to_send(self.mailbox, self.now, AT_ONCE):
            with transaction.atomic():
                self.lease.pin()
                delivery.begin_attempts(emails)
            for email in emails:
                self._send(email)
            if self.lease.elapsed_since(self.now) > self.budget:
                self.report.more = True
                break
        ask_to_run(self.reopened, self.now)
        return self.report

    def _recover(self, email: Email, then_wait: timedelta = timedelta(0)) -> None:
        """It was in our hands when the process or the line broke: send again only what surely has not left (law 7)."""
        trace = self.outbox.trace(self._letter(email))
        with transaction.atomic():
            self.lease.pin()
            if trace is Trace.SENT:
                self._move_to_sent(email, "Found in Sent Items after an interruption.")
            elif trace is Trace.DRAFT:
                again = self.now + then_wait if then_wait else None
                delivery.move(email, EmailStatus.PENDING_SEND, self.now, postpone_email_processing_until=again)
            else:
                delivery.mark_unknown(email, UNKNOWN, self.now)
                self.report.failed += 1

    def _send(self, email: Email) -> None:
        letter = self._letter(email)
        # 7.4: what was attempted before may already lie on the server; waiting_to_send read the count before this one.
        if email.delivery_attempts and self.outbox.trace(letter) is Trace.SENT:
            self._hand_over(email)
            self._finish(email, Receipt(words="Found in Sent Items after an interruption."))
            return
        try:
            receipt = self.outbox.send(letter, lambda: self._hand_over(email))
        except OutcomeUnknown:
            self._recover(email, then_wait=RETRY_AFTER)
        except ItemRejected as error:
            self._fail(email, DeliveryState.REFUSED, _in_full(error))
        except ItemDelayed as error:
            self._postpone(email, error)
        except ConnectorError:
            self._take_back(email)
            raise
        else:
            self._finish(email, receipt)

    def _letter(self, email: Email) -> Letter:
        copy = self.policy.sss_save_outgoing_email_to_exchange_sent_folder
        return delivery.letter_of(email, instance_id(), save_copy=copy)

    def _hand_over(self, email: Email) -> None:
        """The last commit before the message may leave; it also makes sure that the leg is still ours."""
        with transaction.atomic():
            self.lease.pin()
            delivery.move(email, EmailStatus.SENDING, self.now)

    def _finish(self, email: Email, receipt: Receipt) -> None:
        with transaction.atomic():
            self.lease.pin()
            refused = "; ".join(f"{one.address}: {one.code} {one.words}" for one in receipt.refused)
            self._move_to_sent(email, refused or receipt.words, partly=bool(receipt.refused))

    def _move_to_sent(self, email: Email, detail: str, partly: bool = False) -> None:
        state = DeliveryState.PARTLY_REFUSED if partly else DeliveryState.ACCEPTED
        delivery.move(
            email, EmailStatus.SENT, self.now, delivery_state=state, delivery_detail=detail[:2000], sent_on=self.now
        )
        self.reopened |= set(join_late([email], (), self.policy, self.now).values())
        self.report.sent += 1

    def _fail(self, email: Email, state: DeliveryState, detail: str) -> None:
        """7.4: a permanent error concerns this message only."""
        with transaction.atomic():
            self.lease.pin()
            delivery.move(email, EmailStatus.FAILED, self.now, delivery_state=state, delivery_detail=detail[:2000])
        self.report.failed += 1

    def _postpone(self, email: Email, error: ItemDelayed) -> None:
        """7.4: try this message again later, up to the limit."""
        if email.delivery_attempts + 1 >= self.policy.maximum_email_delivery_attempts:
            self._fail(email, DeliveryState.NOT_SENT, f"Given up after repeated attempts: {_in_full(error)}")
            return
        wait = RETRY_AFTER * 2 ** min(email.delivery_attempts, 4)
        self._take_back(email, postpone_email_processing_until=self.now + wait, delivery_detail=_in_full(error)[:2000])
        self.report.failed += 1

    def _take_back(self, email: Email, **columns: object) -> None:
        """The server has surely not taken it: it waits again."""
        with transaction.atomic():
            self.lease.pin()
            if email.status_code == EmailStatus.SENDING:
                delivery.move(email, EmailStatus.PENDING_SEND, self.now, **columns)
            elif columns:
                Email.objects.filter(pk=email.pk, status_code=EmailStatus.PENDING_SEND).update(**columns)


def _in_full(error: ConnectorError) -> str:
    """What happened, what the server said, what would fix it (law 13)."""
    return " ".join(part for part in (str(error), error.words, error.remedy) if part)
