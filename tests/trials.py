"""Test and enable as the stories use it: ask, carry out as the worker would, look at the steps."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from mailboxes.models import Leg, Mailbox, Trial
from mailboxes.trials import request_trials
from serversync.cycles import trial
from tests.company import Company

KINDS = ["pop3", "exchange"]
SENT, RECEIVED = Leg.OUTGOING, Leg.INCOMING
BOTH = (SENT, RECEIVED)


def alice_with(company: Company, kind: str, *, enabled: bool = False, **columns: Any) -> Mailbox:
    """Alice's mailbox, approved and never run."""
    columns.setdefault("timeout_mailbox_connection_after_amount", 1_000)
    profile = company.pop3_profile(**columns) if kind == "pop3" else company.exchange_profile(**columns)
    alice = company.user("Alice", profile)
    alice.legs.update(enabled=enabled)
    return alice


def change(row: Any, **columns: Any) -> None:
    """Save other values of a row."""
    for column, value in columns.items():
        setattr(row, column, value)
    row.save()


class Clock:
    """Real time plus what was skipped, so that nobody sleeps through the pauses between two looks."""

    def __init__(self) -> None:
        self.skipped = timedelta(0)

    def __call__(self) -> datetime:
        return timezone.now() + self.skipped


def ask(mailbox: Mailbox, *legs: Leg, enables: bool = True) -> int:
    """What the button does."""
    mailboxes = Mailbox.objects.filter(pk=mailbox.pk)
    return request_trials(mailboxes, legs or BOTH, None, timezone.now(), enables=enables)


def carry_out(mailbox: Mailbox, minutes: float = 10) -> dict[Leg, Trial]:
    """Everything a worker would do about the open tests within so many minutes; the newest test of each leg."""
    clock = Clock()
    while (unfinished := mailbox.trials.filter(finished_on__isnull=True)).exists():
        if not trial.carry_out_next(clock, list(unfinished.values_list("pk", flat=True))):
            clock.skipped += timedelta(seconds=1)
        if clock.skipped > timedelta(minutes=minutes):
            break
    return newest(mailbox)


def newest(mailbox: Mailbox) -> dict[Leg, Trial]:
    """The newest test of each leg."""
    return {Leg(one.leg): one for one in mailbox.trials.order_by("requested_on")}


def try_out(mailbox: Mailbox, *legs: Leg, enables: bool = True) -> dict[Leg, Trial]:
    """Ask and carry out."""
    ask(mailbox, *legs, enables=enables)
    return carry_out(mailbox)


def steps(one: Trial) -> list[tuple[str, Any]]:
    """Each step with whether it worked."""
    return [(step["name"], step["ok"]) for step in one.steps]


def failure(one: Trial) -> dict[str, Any]:
    """The step that failed: the last one, and the only one."""
    failed = [step for step in one.steps if step["ok"] is False]
    assert failed == one.steps[-1:], one.steps
    return failed[0]
