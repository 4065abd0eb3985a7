"""One pass now over chosen legs, in this process: what `manage.py sync` runs.

It asks for each leg and claims it as a worker would, so it never runs beside one (law 6). Whether a leg is due makes no
difference; a delay that the server asked for does, and is obeyed exactly (law 8).
"""

from __future__ import annotations

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
from mailboxes.models.leg import Claim, ensure_legs
from serversync.cycles.engine import Clock, Ended, claim_next, run_claim
from serversync.cycles.outboxes import Outboxes

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
            self.skipped = "It was stopped on the way: paused, or taken over by another worker."


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

    What a living worker holds is waited for, at most a minute. `begins` is told whenever a leg begins a cycle.
    """
    waiting = {leg.pk: _line(leg) for leg in legs}
    MailboxLeg.objects.filter(pk__in=waiting).request(clock())
    outboxes = Outboxes()
    idle_since = clock()
    try:
        while waiting:
            claim = claim_next(clock, among=list(waiting))
            if claim is not None:
                line = waiting[claim.leg_id]
                if begins is not None:
                    begins(line)
                if not _run(claim, line, clock, outboxes):
                    yield waiting.pop(claim.leg_id)
                idle_since = clock()
                continue
            for leg_id in _no_more_waiting(waiting, clock(), clock() - idle_since > PATIENCE):
                yield waiting.pop(leg_id)
            if waiting:
                time.sleep(LOOK_AGAIN_AFTER)
    finally:
        outboxes.close()


def _run(claim: Claim, line: Line, clock: Clock, outboxes: Outboxes) -> bool:
    """One cycle of one leg; True if it stopped at its time budget and goes on at once."""
    started = clock()
    ended = run_claim(claim, clock, BUDGET, outboxes)
    line.add(ended)
    line.seconds = round(line.seconds + (clock() - started).total_seconds(), 3)
    goes_on = ended.report.more and ended.error is None and not ended.lost
    if goes_on:
        MailboxLeg.objects.filter(pk=claim.leg_id).request(clock())
    return goes_on


def _no_more_waiting(waiting: dict[int, Line], now: datetime, give_up: bool) -> list[int]:
    """Nothing could be claimed: the legs there is no point in waiting for, with the reason in their lines."""
    over = []
    for leg in MailboxLeg.objects.filter(pk__in=waiting):
        line = waiting[leg.pk]
        if leg.postponed_until is not None and leg.postponed_until > now:
            line.skipped = f"The server asked us to wait until {leg.postponed_until:%Y-%m-%d %H:%M:%S} UTC."
        elif leg.requested_on is None and leg.leased_until is None:
            line.skipped = "A worker has run it in the meantime."
            line.error = leg.last_error or None
        elif give_up:
            line.error = f"It is held by another worker ({leg.holder or 'none'}), which will run it again by itself."
        else:
            continue
        over.append(leg.pk)
    return over


def _line(leg: MailboxLeg) -> Line:
    column, none = _NONE[Leg(leg.leg)]
    mailbox = leg.mailbox
    return Line(
        mailbox=mailbox.email_address or mailbox.name,
        leg=Leg(leg.leg).name.lower(),
        is_off=getattr(mailbox, column) == none,
    )
