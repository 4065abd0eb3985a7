"""When a leg runs next (4.2–4.6). Pure; all times are handed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailboxes.policy import Policy
from profiles.connectors.base import (
    AuthenticationFailed,
    Cause,
    ConnectorError,
    ItemDelayed,
    MailboxUnavailable,
    Throttled,
)

BUSY_TO_IDLE = (5, 7, 10, 12)  # minutes, 4.3
RETRY_AFTER = timedelta(minutes=5)  # 4.6 b
LONGEST_RETRY = timedelta(hours=1)
THROTTLED_WITHOUT_DELAY = timedelta(minutes=1)
FIRST_PROBE = timedelta(minutes=30)
RAREST_PROBE = timedelta(hours=24)
LONGEST_LETTER_WAIT = timedelta(hours=2)
FIRST_FULL_MAILBOX_WAIT = timedelta(hours=1)  # nobody makes room within minutes
LONGEST_FULL_MAILBOX_WAIT = timedelta(hours=12)
SPREAD = 0.2  # of a wait at most is added, so that mailboxes that failed together do not come back together
LATE = timedelta(minutes=10)
"""What waits for longer than this has been forgotten by the workers; people are shown it."""
FAILURES_TO_OPEN = 3
FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Next:
    """What follows a failed cycle. A leg that `stops` but `heals` is still probed, ever more rarely."""

    due_on: datetime
    stops: bool
    heals: bool = False
    postponed_until: datetime | None = None


def next_due(ended: datetime, idle_cycles: int, minimum_minutes: int) -> datetime:
    """The next run counts from the end of a cycle: 5 to 12 minutes as the mailbox idles, never under the minimum."""
    usual = BUSY_TO_IDLE[min(idle_cycles, len(BUSY_TO_IDLE) - 1)]
    return ended + timedelta(minutes=max(usual, minimum_minutes))


def after_error(
    error: ConnectorError, failures: int, ended: datetime, minimum_minutes: int, policy: Policy, chance: float = 0.0
) -> Next:
    """After the `failures`-th failure in a row: the server's delay exactly, a growing wait, or a stop (4.6).

    Wrong credentials and everything permanent stop the leg at once; throttling never does. What may pass by itself is
    probed even after the stop. `chance`, from 0 to 1, spreads the waits we choose; never those a server gave.
    """
    minimum = timedelta(minutes=minimum_minutes)
    if isinstance(error, AuthenticationFailed | MailboxUnavailable):
        return Next(ended + RAREST_PROBE, stops=True)
    if isinstance(error, Throttled):
        wait = error.delay if error.delay is not None else _growing(THROTTLED_WITHOUT_DELAY, failures, LONGEST_RETRY)
        return Next(ended + max(wait, minimum), stops=False, postponed_until=ended + wait)
    limit = policy.transient_failures_before_stop
    if failures >= limit:
        probe = _growing(FIRST_PROBE, failures - limit + 1, RAREST_PROBE)
        return Next(ended + _spread(max(probe, minimum), chance), stops=True, heals=True)
    wait = _growing(RETRY_AFTER, failures - limit // 2, FIRST_PROBE)
    return Next(ended + _spread(max(wait, minimum), chance), stops=False)


def retry_letter_after(error: ItemDelayed, attempts: int) -> timedelta:
    """How long one letter waits after its `attempts`-th attempt: exactly what the server said, else longer and longer
    (7.4); longest where a recipient's mailbox is full."""
    if error.delay is not None:
        return error.delay
    if error.cause in (Cause.QUOTA, Cause.SENDING_LIMIT):
        return _growing(FIRST_FULL_MAILBOX_WAIT, attempts, LONGEST_FULL_MAILBOX_WAIT)
    return _growing(RETRY_AFTER, attempts, LONGEST_LETTER_WAIT)


def pause_after(failures: int) -> timedelta | None:
    """How long a server that failed so often in a row, whichever mailbox asked, is left alone; None: not yet."""
    if failures < FAILURES_TO_OPEN:
        return None
    return _growing(FIRST_PAUSE, failures - FAILURES_TO_OPEN + 1, LONGEST_PAUSE)


def _spread(wait: timedelta, chance: float) -> timedelta:
    return wait * (1 + SPREAD * chance)


def _growing(first: timedelta, failures: int, longest: timedelta) -> timedelta:
    return min(first * 2 ** min(max(failures - 1, 0), 10), longest)
