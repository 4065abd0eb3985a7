"""When a leg runs next, as tables (4.2–4.6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailboxes.policy import Policy
from profiles.connectors.base import AuthenticationFailed, MailboxUnavailable, Throttled, Transient
from serversync.pacing import after_error, next_due

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
    assert then.stops is (failures >= 10)
    assert NOW + timedelta(minutes=max(5, minimum)) <= then.due_on <= later.due_on
