"""One pass now over chosen legs, in this process: what `manage.py sync` runs.

It claims each leg as a worker would, so it never runs beside one (law 6). A leg that a worker holds is waited for. A
pass does not ask whether a leg is due, but a delay that the server asked for is obeyed exactly (law 8).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailboxes.models import (
    ActDeliveryMethod,
    IncomingDeliveryMethod,
    Leg,
    Mailbox,
    MailboxLeg,
    OutgoingDeliveryMethod,
)
from mailboxes.models.leg import Claim, ensure_legs, new_holder
from serversync.cycles.engine import HOST, Clock, Ended, run_claim

PATIENCE = timedelta(seconds=60)
BUDGET = timedelta(seconds=60)
LOOK_AGAIN_AFTER = 0.2  # seconds
_NONE = {
    Leg.INCOMING: ("incoming_email_delivery_method", IncomingDeliveryMethod.NONE),
    Leg.OUTGOING: ("outgoing_email_delivery_method", OutgoingDeliveryMethod.NONE),
    Leg.ACT: ("act_delivery_method", ActDeliveryMethod.NONE),
}


class UnknownMailbox(Exception):
    """No mailbox has this address; `str()` names it."""


@dataclass(slots=True)
class Line:
    """What one leg did in this pass. `skipped` says why it did not run; `seconds` is the time spent on it."""

    mailbox: str
    leg: str
    seen: int = 0
    tracked: int = 0
    ignored: int = 0
    quarantined: int = 0
    sent: int = 0
    failed: int = 0
    error: str | None = None
    seconds: float = 0.0
    skipped: str | None = None
    is_off: bool = False  # its delivery method is None: nobody expects it to run

    def add(self, ended: Ended) -> None:
        """Add what one cycle did."""
        for column in ("seen", "tracked", "ignored", "quarantined", "sent", "failed"):
            setattr(self, column, getattr(self, column) + getattr(ended.report, column))
        if ended.error is not None:
            self.error = " ".join(part for part in (str(ended.error), ended.error.remedy) if part)
        self.skipped = ended.skipped or None
        if ended.lost:
            self.skipped = "Another worker took it over."


def chosen(addresses: Sequence[str], legs: Sequence[Leg], now: datetime) -> list[MailboxLeg]:
    """These legs of these mailboxes; of all where none is named. Raises UnknownMailbox."""
    mailboxes = Mailbox.objects.order_by("email_address", "name")
    if addresses:
        found = {mailbox.pk: mailbox for address in addresses for mailbox in [_mailbox(address)]}
        mailboxes = mailboxes.filter(pk__in=found)
    for mailbox in mailboxes.filter(legs=None):
        ensure_legs(mailbox, now)
    rows = MailboxLeg.objects.filter(mailbox__in=mailboxes, leg__in=legs or list(Leg))
    return list(rows.select_related("mailbox").order_by("mailbox__email_address", "mailbox__name", "leg"))


def _mailbox(address: str) -> Mailbox:
    mailbox = Mailbox.objects.filter(email_address__iexact=address).first()
    if mailbox is None:
        raise UnknownMailbox(address)
    return mailbox


def run_pass(legs: Sequence[MailboxLeg], clock: Clock, begins: Callable[[Line], None] | None = None) -> Iterator[Line]:
    """Run each leg until its report says there is no more; yields each leg's line as it ends.

    Legs that a living worker holds come last and are waited for, at most a minute. `begins` is told which leg is next.
    """
    waiting = list(legs)
    started = clock()
    while waiting:
        held: list[MailboxLeg] = []
        for leg in waiting:
            line = _run(leg, clock, begins)
            if line is None:
                held.append(leg)
            else:
                yield line
        if held and clock() - started > PATIENCE:
            for leg in held:
                line = _line(leg)
                line.error = f"It has been held by another worker ({leg.holder}) for over a minute."
                yield line
            return
        if len(held) == len(waiting):
            time.sleep(LOOK_AGAIN_AFTER)
        waiting = held


def _run(leg: MailboxLeg, clock: Clock, begins: Callable[[Line], None] | None) -> Line | None:
    """All cycles of one leg; None while another worker holds it."""
    line = _line(leg)
    if begins is not None:
        begins(line)
    started = clock()
    while True:
        leg.refresh_from_db()
        now = clock()
        if leg.postponed_until is not None and leg.postponed_until > now:
            line.skipped = f"The server asked us to wait until {leg.postponed_until:%Y-%m-%d %H:%M:%S} UTC."
            return line
        claim = _claim(leg, now)
        if claim is None:
            return None if not line.seconds else line
        ended = run_claim(claim, clock, BUDGET)
        line.add(ended)
        line.seconds = round((clock() - started).total_seconds(), 3)
        if not ended.report.more or ended.error is not None or ended.skipped or ended.lost:
            return line


def _claim(leg: MailboxLeg, now: datetime) -> Claim | None:
    return MailboxLeg.objects.claim(leg, now, new_holder(HOST, os.getpid()))


def _line(leg: MailboxLeg) -> Line:
    column, none = _NONE[Leg(leg.leg)]
    mailbox = leg.mailbox
    return Line(
        mailbox=mailbox.email_address or mailbox.name,
        leg=Leg(leg.leg).name.lower(),
        is_off=getattr(mailbox, column) == none,
    )
