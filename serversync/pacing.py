"""When a leg runs next (4.2–4.6). Pure; all times are handed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailboxes.policy import Policy
from profiles.connectors.base import AuthenticationFailed, ConnectorError, MailboxUnavailable, Throttled

BUSY_TO_IDLE = (5, 7, 10, 12)  # minutes, 4.3
RETRY_AFTER = timedelta(minutes=5)  # 4.6 b
LONGEST_RETRY = timedelta(hours=1)
THROTTLED_WITHOUT_DELAY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Next:
    """What follows a failed cycle."""

    due_on: datetime
    stops: bool
    postponed_until: datetime | None = None


def next_due(ended: datetime, idle_cycles: int, minimum_minutes: int) -> datetime:
    """The next run counts from the end of a cycle: 5 to 12 minutes as the mailbox idles, never under the minimum."""
    usual = BUSY_TO_IDLE[min(idle_cycles, len(BUSY_TO_IDLE) - 1)]
    return ended + timedelta(minutes=max(usual, minimum_minutes))


def after_error(error: ConnectorError, failures: int, ended: datetime, minimum_minutes: int, policy: Policy) -> Next:
    """After the `failures`-th failure in a row: the server's delay exactly, a growing wait, or a stop (4.6).

    Wrong credentials and everything permanent stop the leg at once; throttling never does.
    """
    minimum = timedelta(minutes=minimum_minutes)
    if isinstance(error, AuthenticationFailed | MailboxUnavailable):
        return Next(ended + LONGEST_RETRY, stops=True)
    if isinstance(error, Throttled):
        wait = error.delay if error.delay is not None else _growing(THROTTLED_WITHOUT_DELAY, failures)
        return Next(ended + max(wait, minimum), stops=False, postponed_until=ended + wait)
    wait = max(_growing(RETRY_AFTER, max(0, failures - policy.transient_failures_before_stop // 2)), minimum)
    return Next(ended + wait, stops=failures >= policy.transient_failures_before_stop)


def _growing(first: timedelta, failures: int) -> timedelta:
    return min(first * 2 ** min(max(failures - 1, 0), 10), LONGEST_RETRY)
