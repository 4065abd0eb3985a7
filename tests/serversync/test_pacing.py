"""When a leg runs next, as tables (4.2–4.6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailboxes.policy import Policy
from profiles.connectors.base import (
    AuthenticationFailed,
    Cause,
    ItemDelayed,
    MailboxUnavailable,
    Throttled,
    Transient,
)
from serversync.pacing import after_error, next_due, pause_after, retry_letter_after

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
POLICY = Policy()


@pytest.mark.parametrize(
    ("idle", "minimum", "minutes"), [(0, 0, 5), (1, 0, 7), (2, 0, 10), (3, 0, 12), (99, 0, 12), (0, 30, 30), (3, 8, 12)]
)
def test_an_idle_mailbox_is_asked_less_often(idle: int, minimum: int, minutes: int) -> None:  # 4.3
    assert next_due(NOW, idle, minimum) == NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize("error", [AuthenticationFailed("no"), MailboxUnavailable("no")])
def test_what_only_a_person_can_change_stops_at_once(error) -> None:  # 4.6 a
    assert after_error(error, 1, NOW, 0, POLICY).stops


def test_a_given_delay_is_kept_exactly() -> None:  # law 8
    then = after_error(Throttled("busy", delay=timedelta(seconds=297.75)), 1, NOW, 0, POLICY)
    assert then.due_on == then.postponed_until == NOW + timedelta(seconds=297.75)


@given(st.integers(1, 10_000))
def test_throttling_never_stops_a_leg(failures: int) -> None:
    then = after_error(Throttled("busy"), failures, NOW, 0, POLICY)
    assert not then.stops
    assert NOW + timedelta(minutes=1) <= then.due_on <= NOW + timedelta(hours=1)


@given(st.integers(1, 30), st.integers(0, 1440))
def test_ten_transient_failures_stop_and_the_wait_only_grows(failures: int, minimum: int) -> None:  # 4.6 b
    then = after_error(Transient("down"), failures, NOW, minimum, POLICY)
    later = after_error(Transient("down"), failures + 1, NOW, minimum, POLICY)
    assert then.stops is then.heals is (failures >= 10)
    assert NOW + timedelta(minutes=max(5, minimum)) <= then.due_on <= later.due_on


@given(st.integers(1, 30), st.floats(0, 1))
def test_our_own_waits_are_spread_and_a_servers_are_not(failures: int, chance: float) -> None:
    plain = after_error(Transient("down"), failures, NOW, 0, POLICY).due_on - NOW
    spread = after_error(Transient("down"), failures, NOW, 0, POLICY, chance).due_on - NOW
    assert plain <= spread <= plain * 1.2
    throttled = Throttled("busy", delay=timedelta(seconds=9))
    assert after_error(throttled, failures, NOW, 0, POLICY, chance).due_on == NOW + timedelta(seconds=9)


@pytest.mark.parametrize(("failures", "minutes"), [(1, None), (2, None), (3, 5), (4, 10), (5, 20), (6, 30), (60, 30)])
def test_a_server_that_answers_nobody_is_left_alone_for_a_while(failures: int, minutes: int | None) -> None:
    assert pause_after(failures) == (None if minutes is None else timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("cause", "attempts", "minutes"),
    [
        (Cause.RECIPIENT, 1, 5),
        (Cause.RECIPIENT, 2, 10),
        (Cause.SERVER, 4, 40),
        (Cause.RECIPIENT, 9, 120),
        (Cause.QUOTA, 1, 60),
        (Cause.QUOTA, 3, 240),
        (Cause.SENDING_LIMIT, 9, 720),
    ],
)
def test_one_letter_waits_longer_and_longer_by_what_was_wrong(cause: Cause, attempts: int, minutes: int) -> None:  # 7.4
    error = ItemDelayed("not now", cause=cause)
    assert retry_letter_after(error, attempts) == timedelta(minutes=minutes)
    error.delay = timedelta(seconds=90)
    assert retry_letter_after(error, attempts) == timedelta(seconds=90)  # law 8
