"""What happened to each leg of one mailbox within a day, a week or a fortnight, from the statistics of its cycles (4.5).

Successful cycles that find nothing leave no row, unless they end a failure or a gap; so between two rows a leg was
quiet, and whatever kept it from running is derived here: when a cycle began late, when none followed a failure, pauses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, TextChoices

from mailboxes.models import Leg, LegStatus, Mailbox, MailboxLeg, MailboxStatistics, Pause
from serversync.console.outcomes import DAY, OUTCOMES, Stretch, stretches
from serversync.pacing import LATE

DAYS = 14
NOT_RETRIED = timedelta(minutes=75)
"""A failure is retried within an hour (`pacing`); whatever did not run for longer had stopped."""


class Window(TextChoices):
    """How far back people look; the statistics are kept for a fortnight."""

    DAY = "24h", "24 hours"
    WEEK = "7d", "7 days"
    FORTNIGHT = "14d", "14 days"

    @property
    def length(self) -> timedelta:
        return timedelta(days={"24h": 1, "7d": 7, "14d": 14}[self.value])


@dataclass(frozen=True, slots=True)
class Cycle:
    """One row of the statistics."""

    leg: int
    scheduled: datetime | None
    started: datetime
    completed: datetime
    succeeded: bool
    tracked: int = 0
    ignored: int = 0
    sent: int = 0
    failed: int = 0
    error: str = ""

    @property
    def processed(self) -> int:
        return self.tracked + self.ignored + self.sent

    @property
    def duration(self) -> timedelta:
        return self.completed - self.started


@dataclass(frozen=True, slots=True)
class Interruption:
    """A time in which a leg did not run: `kind` is gap, stopped or paused. Without an end it lasts."""

    kind: str
    start: datetime
    end: datetime | None
    words: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """One error of the cycles, with how often and when it happened last."""

    leg: str
    error: str
    times: int
    last: datetime


@dataclass(frozen=True, slots=True)
class History:
    """What is known of one leg within the window, oldest first."""

    leg: MailboxLeg
    cycles: Sequence[Cycle]
    interruptions: Sequence[Interruption]


def window_of(text: str) -> Window:
    """What the address asks for; a day if it is nothing of ours."""
    return Window(text) if text in Window.values else Window.DAY


def histories(mailbox: Mailbox, legs: Sequence[MailboxLeg], window: Window, now: datetime) -> list[History]:
    """The history of each of these legs: two queries, whatever they did."""
    since = now - window.length
    cycles = _cycles(mailbox, since)
    paused = list(_pauses(mailbox, since))
    found = []
    for leg in legs:
        own = [cycle for cycle in cycles if cycle.leg == leg.leg]
        of_leg = [one for one in paused if one.leg in (None, leg.leg)]
        pauses = [Interruption("paused", one.paused_on, one.ended_on, _by(one)) for one in of_leg]
        found.append(History(leg, own, sorted([*interruptions(own, leg, now), *pauses], key=lambda one: one.start)))
    return found


def _by(pause: Pause) -> str:
    return f"{pause.person_name}: {pause.reason}" if pause.person_name else pause.reason


def _cycles(mailbox: Mailbox, since: datetime) -> list[Cycle]:
    rows = MailboxStatistics.objects.filter(mailbox=mailbox, mailbox_process_completed_on__gte=since)
    columns = (
        "operation_type",
        "mailbox_process_scheduled_on",
        "mailbox_process_started_on",
        "mailbox_process_completed_on",
        "process_result",
        *(f"items_{outcome}" for outcome in OUTCOMES),
        "error",
    )
    return [Cycle(*row) for row in rows.order_by("mailbox_process_started_on").values_list(*columns)]


def _pauses(mailbox: Mailbox, since: datetime) -> Any:
    """Those of the mailbox, of its profile and of the organization."""
    everything = Q(mailbox=None, email_server_profile=None)
    profile = Q(email_server_profile__isnull=False, email_server_profile=mailbox.email_server_profile_id)
    lately = Q(ended_on=None) | Q(ended_on__gte=since)
    return Pause.objects.filter(lately, everything | profile | Q(mailbox=mailbox)).order_by("paused_on")


def interruptions(cycles: Sequence[Cycle], leg: MailboxLeg, now: datetime) -> list[Interruption]:
    """When this leg should have run and did not: it began late, or had stopped after a failure."""
    found = []
    for before, cycle in zip([None, *cycles], cycles, strict=False):
        if before is not None and not before.succeeded and cycle.started - before.completed > NOT_RETRIED:
            found.append(Interruption("stopped", before.completed, cycle.started, before.error))
        if cycle.scheduled is not None and cycle.started - cycle.scheduled > LATE:
            found.append(Interruption("gap", cycle.scheduled, cycle.started, "It was due, and no worker took it."))
    last = _lasting(leg, now)
    return [*found, *([last] if last else [])]


def _lasting(leg: MailboxLeg, now: datetime) -> Interruption | None:
    """What keeps the leg from running now."""
    has_stopped = leg.status == LegStatus.FAILURE and (leg.stopped_on is not None or not leg.enabled)
    if has_stopped:
        since = leg.stopped_on or leg.last_completed_on
        return Interruption("stopped", since, None, leg.last_error) if since else None
    is_running = leg.leased_until is not None and leg.leased_until > now
    is_waiting = leg.postponed_until is not None and leg.postponed_until > now
    late = leg.enabled and leg.due_on is not None and now - leg.due_on > LATE
    if leg.due_on is not None and late and not is_running and not is_waiting:
        return Interruption("gap", leg.due_on, None, "It is due, and no worker takes it.")
    return None


def troubles(found: Sequence[History], most: int = 10) -> list[Trouble]:
    """The errors of all legs, each once, the latest first."""
    seen: dict[tuple[int, str], Trouble] = {}
    for history in found:
        for cycle in history.cycles:
            if cycle.error:
                before = seen.get((cycle.leg, cycle.error))
                times = before.times + 1 if before else 1
                label = str(Leg(cycle.leg).label)
                seen[cycle.leg, cycle.error] = Trouble(label, cycle.error, times, cycle.completed)
    return sorted(seen.values(), key=lambda one: one.last, reverse=True)[:most]


def mail_per_day(mailbox: Mailbox, now: datetime) -> list[Stretch]:
    """What was tracked, ignored, sent and failed on each of the last fourteen days, today last."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return stretches(MailboxStatistics.objects.filter(mailbox=mailbox), today - DAY * (DAYS - 1), DAY, DAYS)
