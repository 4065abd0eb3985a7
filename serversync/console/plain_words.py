"""What a leg does, said to the owner of a mailbox: how it is, and what happens next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mailboxes.health import Health, health_of_leg
from mailboxes.models import Leg, Mailbox, MailboxLeg
from profiles.pages import in_words

TITLES = {
    Leg.INCOMING: "Incoming mail",
    Leg.OUTGOING: "Outgoing mail",
    Leg.ACT: "Appointments, contacts and tasks",
}


@dataclass(frozen=True, slots=True)
class LegWords:
    """One leg: `state` says how it is, `then` what happens next, `detail` what the server said, `remedy` what helps."""

    leg: Leg
    title: str
    health: Health
    state: str
    then: str
    detail: str
    remedy: str
    last_run: datetime | None


def say_legs(mailbox: Mailbox, legs: Iterable[MailboxLeg], now: datetime) -> list[LegWords]:
    """The legs in words, in their order."""
    return [_say(mailbox, row, now) for row in sorted(legs, key=lambda row: row.leg)]


def _say(mailbox: Mailbox, row: MailboxLeg, now: datetime) -> LegWords:
    health = health_of_leg(mailbox, row)
    failed = health in (Health.FAILING, Health.STOPPED)
    return LegWords(
        leg=Leg(row.leg),
        title=TITLES[Leg(row.leg)],
        health=health,
        state=_state(mailbox, row, health),
        then=_then(row, health, now),
        detail=row.last_error if failed else "",
        remedy=row.last_remedy if failed else "",
        last_run=row.last_completed_on,
    )


def _state(mailbox: Mailbox, row: MailboxLeg, health: Health) -> str:
    if health == Health.SKIPPED:
        return row.skip_reason or ("The mailbox is inactive." if not mailbox.is_active else "It does not run.")
    return {
        Health.WORKING: "It works.",
        Health.FAILING: f"The last {row.failures} runs failed." if row.failures > 1 else "The last run failed.",
        Health.STOPPED: "It has stopped after failing.",
        Health.NEVER_RUN: "It has not run yet." if row.enabled else "It is not enabled yet.",
        Health.FORWARDED: "It arrives through a forward mailbox.",
        Health.OFF: "It is switched off.",
    }[health]


def _then(row: MailboxLeg, health: Health, now: datetime) -> str:
    """What happens next, and whether anybody has to do something."""
    if health == Health.OFF:
        return "Nothing happens here."
    if health == Health.FORWARDED:
        return "This mailbox is not read itself; there is nothing to enable."
    if row.leased_until is not None and row.leased_until > now:
        return "It runs at this moment."
    if health == Health.STOPPED and not row.heals_by_itself:
        return "Nothing happens before the cause is removed and it was tested again."
    if not row.enabled:
        return "It starts after a successful test."
    if row.requested_on is not None or row.due_on is None or row.due_on <= now:
        return "It runs as soon as a worker is free."
    wait = max(row.due_on, row.postponed_until or row.due_on)
    again = "It is tried again" if health in (Health.FAILING, Health.STOPPED) else "It runs again"
    return f"{again} {in_words(wait, now)}."
