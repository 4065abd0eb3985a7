"""The timeline of a mailbox: what ran, what failed, and when nothing ran although it should have (4.5, 12.1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from mailboxes import brake
from mailboxes.models import Leg, LegStatus, MailboxLeg, MailboxStatistics
from serversync.console import charts, timeline
from serversync.console.outcomes import OUTCOMES, Stretch
from serversync.console.timeline import Cycle, History, Interruption, Window
from serversync.pacing import LATE
from tests.company import Company, leg, receive, run
from tests.serversync.console.people import mailbox, profile, row
from tracking.crm.models import Account
from tracking.models import LedgerState, MailboxTrackingFolder

NOW = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def ran(minutes_ago: float, late: float = 0, error: str = "", **counts: int) -> Cycle:
    """An incoming cycle that began so many minutes ago, so many minutes late, and took six seconds."""
    started = NOW - minutes_ago * MINUTE
    return Cycle(0, started - late * MINUTE, started, started + MINUTE / 10, not error, error=error, **counts)


def working(**columns: Any) -> MailboxLeg:
    """A leg that is enabled and not due yet."""
    return MailboxLeg(leg=0, **{"enabled": True, "status": LegStatus.SUCCESS, "due_on": NOW + MINUTE, **columns})


STOPPED = {"status": LegStatus.FAILURE, "enabled": False, "last_error": "Wrong password."}
NOTHING: list[tuple[str, float, float]] = []


@pytest.mark.parametrize(
    ("cycles", "state", "expected"),
    [
        ([], working(), NOTHING),
        ([ran(60), ran(5)], working(), NOTHING),
        ([ran(60), ran(5, late=9)], working(), NOTHING),
        ([ran(300), ran(5, late=200)], working(), [("gap", 205, 5)]),
        ([ran(60, error="No answer."), ran(30)], working(), NOTHING),  # it was tried again soon
        ([ran(300, error="No answer."), ran(30)], working(), [("stopped", 299.9, 30)]),
        ([ran(300)], working(due_on=NOW - 50 * MINUTE), [("gap", 50, 0)]),
        ([], working(due_on=NOW - 50 * MINUTE, leased_until=NOW + MINUTE), NOTHING),  # it runs at last
        ([], working(due_on=NOW - 50 * MINUTE, postponed_until=NOW + MINUTE), NOTHING),  # the server asked for it
        ([], working(due_on=NOW - 50 * MINUTE, enabled=False), NOTHING),
        ([ran(40, error="No.")], working(**STOPPED, stopped_on=NOW - 40 * MINUTE), [("stopped", 40, 0)]),
        ([], working(**STOPPED, last_completed_on=NOW - 20 * MINUTE), [("stopped", 20, 0)]),  # with another mailbox
    ],
)
def test_what_kept_a_leg_from_running(
    cycles: Sequence[Cycle], state: MailboxLeg, expected: list[tuple[str, float, float]]
) -> None:
    found = timeline.interruptions(cycles, state, NOW)
    assert [(one.kind, (NOW - one.start) / MINUTE, (NOW - (one.end or NOW)) / MINUTE) for one in found] == [
        (kind, pytest.approx(start), pytest.approx(end)) for kind, start, end in expected
    ]


def test_each_error_is_told_once_the_latest_first() -> None:
    cycles = [ran(50, error="No answer."), ran(40, error="Odd."), ran(30, error="No answer."), ran(20)]
    found = timeline.troubles([History(working(), cycles, [])])
    assert [(one.error, one.times) for one in found] == [("No answer.", 2), ("Odd.", 1)]


times = st.floats(0, 14 * 24 * 60)
some_cycles = st.lists(
    st.builds(ran, times, late=st.floats(0, 600), error=st.sampled_from(["", "No."]), tracked=st.integers(0, 10_000))
).map(lambda found: sorted(found, key=lambda one: one.started))


@given(some_cycles, st.sampled_from(Window), times)
def test_nothing_is_drawn_outside_and_no_cycle_is_left_out(cycles: list[Cycle], window: Window, due: float) -> None:
    cycles = [one for one in cycles if one.completed >= NOW - window.length]
    state = working(due_on=NOW - due * MINUTE)
    lane = charts.lane(History(state, cycles, timeline.interruptions(cycles, state, NOW)), window, NOW)
    for bar in lane.bars:
        assert 0 <= bar.x <= charts.WIDTH
        assert bar.width >= charts.SLOT
        assert bar.y >= 0
        assert 0 < bar.height <= charts.BASE + charts.FAILURE - bar.y
    assert sum(one.cycles for one in lane.periods) == lane.total.cycles == len(cycles)
    assert sum(one.failures for one in lane.periods) == sum(bool(one.error) for one in cycles)
    assert len(lane.periods) <= {"24h": 24, "7d": 7, "14d": 14}[window.value] + 1
    assert any(bar.kind == "failed" for bar in lane.bars) == any(one.error for one in cycles)


@given(st.lists(st.tuples(*[st.integers(0, 10**6)] * 4), min_size=14, max_size=14))
def test_the_columns_of_days_fit_and_show_what_is_rare(numbers: list[tuple[int, int, int, int]]) -> None:
    days = [Stretch(NOW - timedelta(days=14 - number), *counts) for number, counts in enumerate(numbers)]
    for day, column in zip(days, charts.columns(days), strict=True):
        assert [bar.kind for bar in column.bars] == [kind for kind in OUTCOMES if getattr(day, kind)]
        assert all(bar.y >= 0 and bar.height >= charts.THINNEST for bar in column.bars)
        assert all(bar.y + bar.height <= charts.DAY_HEIGHT + 1 for bar in column.bars)


def test_an_interruption_from_before_the_window_begins_at_its_edge() -> None:
    stop = Interruption("stopped", NOW - timedelta(days=3), None, "Wrong password.")
    (bar,) = charts.lane(History(working(), [], [stop]), Window.DAY, NOW).bars
    assert (bar.kind, bar.x, bar.width) == ("stopped", 0, charts.WIDTH)
    assert bar.title.endswith("until now. Wrong password.")


@pytest.mark.parametrize(
    ("duration", "words"), [(0.44, "0.4 s"), (12, "12 s"), (200, "3 min 20 s"), (7300, "121 min 40 s")]
)
def test_durations_in_words(duration: float, words: str) -> None:
    assert charts.in_seconds(timedelta(seconds=duration)) == words


# What the engine writes for it (4.5)


def test_an_idle_cycle_leaves_a_row_only_where_it_ends_a_failure_or_a_gap(company: Company) -> None:
    alice = company.user("Alice", company.pop3_profile())
    receive(alice)
    receive(alice)
    assert MailboxStatistics.objects.count() == 0, "quiet"
    company.sandbox.fault(face="pop3", operation="*", effect="drop")
    assert run(alice).error is not None
    company.sandbox.clear_faults()
    receive(alice)
    receive(alice)
    assert list(MailboxStatistics.objects.order_by("pk").values_list("process_result", flat=True)) == [False, True]

    MailboxLeg.objects.filter(pk=leg(alice).pk).update(due_on=leg(alice).last_completed_on - 2 * LATE)
    receive(alice)
    assert MailboxStatistics.objects.count() == 3, "nobody ran it for a while"


# The page


def test_alice_sees_the_history_of_bobs_mailbox_and_goes_further_back(alice: Client) -> None:
    bobs, now = mailbox("Bob", profile()), timezone.now()
    for hours, error in ((1, ""), (2, "The server hung up."), (50, "An old story.")):
        then = now - timedelta(hours=hours)
        MailboxStatistics.objects.create(
            mailbox=bobs,
            operation_type=Leg.INCOMING,
            mailbox_process_scheduled_on=then - timedelta(minutes=30),
            mailbox_process_started_on=then,
            mailbox_process_completed_on=then + timedelta(seconds=3),
            process_result=not error,
            items_tracked=2,
            items_ignored=1,
            error=error,
        )
    brake.pause(brake.Scope(mailbox=bobs), "The server moves house.", "Ada", now)
    row(bobs, LedgerState.IGNORED, reason=1)
    rule = MailboxTrackingFolder.objects.create(
        mailbox=bobs,
        exchange_folder_id="1",
        exchange_folder_name="Deals",
        regarding=Account.objects.create(name="Fernhill"),
    )

    answer = alice.get(f"/mailbox/{bobs.pk}/")
    page = answer.content.decode()
    for words in (
        "Cycles of the last 24 hours",
        "2 cycles",
        "The server hung up.",
        "It was due, and no worker took it.",
        "Ada: The server moves house.",
        "Mail per day, last 14 days",
        "Recent decisions",
        "Fernhill",
        f"/tracking/mailboxtrackingfolder/{rule.pk}/change/",
        "<svg",
    ):
        assert words in page, words
    assert "An old story." not in page.split("Last cycles")[0]
    assert "An old story." in alice.get(f"/mailbox/{bobs.pk}/?window=7d").content.decode().split("Last cycles")[0]
    assert alice.get(f"/mailbox/{bobs.pk}/?window=nonsense").context["window"] == Window.DAY
    assert sum(column.day.tracked for column in answer.context["days"]) == 6


def test_bob_who_may_only_see_mailboxes_sees_no_decision_and_no_folder(bob: Client) -> None:
    get_user_model().objects.get(username="bo").user_permissions.add(Permission.objects.get(codename="view_mailbox"))
    charlies = mailbox("Charlie", profile())
    row(charlies, LedgerState.IGNORED, reason=1)
    MailboxTrackingFolder.objects.create(mailbox=charlies, exchange_folder_id="1", exchange_folder_name="Deals")
    page = bob.get(f"/mailbox/{charlies.pk}/").content.decode()
    assert "Cycles of the last 24 hours" in page
    assert "Recent decisions" not in page
    assert "Deals" not in page
