"""Series of all kinds over EWS: what is written is read back by somebody else, and occurs when it is meant to (10.4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, time, timedelta
from itertools import count, takewhile

import pytest
from dateutil import rrule
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from profiles.act_items import Frequency, Item, ItemKind, Notify, Recurrence
from profiles.connectors import open_item_store
from profiles.connectors.ews.act.operations import FindOccurrence
from profiles.connectors.ews.act.properties import Path
from profiles.connectors.ews.act.store import EwsItemStore
from profiles.connectors.ews.operations import moment, text
from serversync.sandbox import recurrence as sandbox_recurrence
from tests.profiles.exchange import access, set_up
from tests.tracking.recurrences import rules
from tests.tracking.series_plans import ZONES, Plan, plans
from tests.world import SandboxProcess
from tracking.decide.occurrences import Exceptions, SeriesState, differing
from tracking.decide.recurrence import days, midnight, same_series

CALENDAR = ItemKind.APPOINTMENT
NUMBERS = count()
KINDS = {
    Frequency.DAILY: "Daily",
    Frequency.WEEKLY: "Weekly",
    Frequency.MONTHLY: "AbsoluteMonthly",
    Frequency.RELATIVE_MONTHLY: "RelativeMonthly",
    Frequency.YEARLY: "AbsoluteYearly",
    Frequency.RELATIVE_YEARLY: "RelativeYearly",
}
EVERY = {
    Frequency.DAILY: rrule.DAILY,
    Frequency.WEEKLY: rrule.WEEKLY,
    Frequency.MONTHLY: rrule.MONTHLY,
    Frequency.RELATIVE_MONTHLY: rrule.MONTHLY,
    Frequency.YEARLY: rrule.YEARLY,
    Frequency.RELATIVE_YEARLY: rrule.YEARLY,
}


def as_rrule(rule: Recurrence) -> rrule.rrule:
    """The same pattern for somebody else's expander. A day that a month lacks is the last of those that it has."""
    by_day = rule.frequency in (Frequency.MONTHLY, Frequency.YEARLY)
    relative = rule.frequency in (Frequency.RELATIVE_MONTHLY, Frequency.RELATIVE_YEARLY)
    return rrule.rrule(
        EVERY[rule.frequency],
        dtstart=datetime.combine(rule.first, time()),
        interval=rule.interval,
        wkst=rule.first_weekday,
        count=rule.count,
        until=None if rule.until is None else datetime.combine(rule.until, time()),
        byweekday=rule.weekdays or None,
        bymonth=rule.month or None,
        bymonthday=tuple(range(min(rule.day, 28), rule.day + 1)) if by_day else None,
        bysetpos=rule.week if relative else -1 if by_day else None,
    )


def as_theirs(rule: Recurrence) -> sandbox_recurrence.Pattern:
    """The same pattern for the expander of the sandbox."""
    return sandbox_recurrence.Pattern(
        KINDS[rule.frequency],
        rule.first,
        rule.interval,
        rule.weekdays,
        rule.week,
        rule.day,
        rule.month,
        rule.count,
        rule.until,
        rule.first_weekday,
    )


@settings(deadline=None, max_examples=100)
@given(rules())
@example(Recurrence(Frequency.YEARLY, date(2024, 2, 29), day=29, month=2))
def test_three_expanders_that_know_nothing_of_each_other_find_the_same_days(rule: Recurrence) -> None:  # 10.4
    last = rule.first + timedelta(days=1500)
    found = list(takewhile(lambda day: day <= last, days(rule)))
    assert found == [one.date() for one in takewhile(lambda one: one.date() <= last, as_rrule(rule))]
    assert found == list(takewhile(lambda day: day <= last, sandbox_recurrence.dates(as_theirs(rule))))


@pytest.fixture(scope="module")
def exchange(shared_sandbox: SandboxProcess) -> SandboxProcess:
    shared_sandbox.reset()
    shared_sandbox.clear_faults()
    return set_up(shared_sandbox)


@pytest.fixture(scope="module")
def store(exchange: SandboxProcess) -> Iterator[EwsItemStore]:
    with closing(open_item_store(access(exchange.ews_url))) as store:
        assert isinstance(store, EwsItemStore)
        yield store


def written(store: EwsItemStore, plan: Plan) -> str:
    """Write a series and what differs from it; returns its key."""
    key = store.create(CALENDAR, f"m/{next(NUMBERS)}", plan.fields, Notify.NOBODY).key
    for original, own in plan.differs.items():
        if own is None:
            store.delete_occurrence(key, original, Notify.NOBODY)
        else:
            store.update_occurrence(key, original, own, Notify.NOBODY)
    return key


def read_by_somebody_else(exchange: SandboxProcess, key: str) -> Item:
    """By a connector that has written nothing."""
    with closing(open_item_store(access(exchange.ews_url))) as fresh:
        [found] = fresh.fetch(CALENDAR, [key])
    assert isinstance(found, Item), found
    return found


def shown(store: EwsItemStore, item: Item, after: datetime, before: datetime) -> list[tuple[datetime, datetime]]:
    """When the calendar of Exchange shows this series."""
    paths = [Path.field(f"calendar:{name}") for name in ("Start", "End", "UID")]
    with store._session.talking():
        folder = store._session.folder("calendar")
        ends = (f"{one:%Y-%m-%dT%H:%M:%SZ}" for one in (after, before))
        found = store._session.new(FindOccurrence).ask(folder, *ends, paths)
    times = [(moment(one, "Start"), moment(one, "End")) for one in found if text(one, "UID") == item.uid]
    return sorted((start, end) for start, end in times if start and end)


def expected(plan: Plan) -> list[tuple[datetime, datetime]]:
    """When it should be there, by our own expander and what was to differ."""
    zone, (after, before), found = str(plan.fields["time_zone"]), window(plan), []
    for slot in plan.slots(200):
        if slot.start not in plan.removed:
            own = plan.changed.get(slot.start, {})
            times = (own.get("start", slot.start), own.get("end", slot.end))
            found.append(tuple(one if isinstance(one, datetime) else midnight(one, zone) for one in times))
    return sorted((start, end) for start, end in found if start < before and end > after)


def window(plan: Plan) -> tuple[datetime, datetime]:
    """The months around the occurrences that differ; Exchange shows at most two years at once."""
    first = plan.slots(1)[0].start - timedelta(days=4)
    return first, first + timedelta(days=150)


@settings(deadline=None, max_examples=20, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
@pytest.mark.parametrize("zone", ZONES)
def test_a_series_that_we_write_is_the_same_for_whoever_reads_it(
    exchange: SandboxProcess, store: EwsItemStore, zone: str, data: st.DataObject
) -> None:  # 10.4, 10.9
    plan = data.draw(plans(zones=[zone]))
    exchange.reset()
    set_up(exchange)
    item = read_by_somebody_else(exchange, written(store, plan))
    told = {name: item.fields.get(name) for name in plan.fields}
    assert told == plan.fields
    assert same_series(told["recurrence"], plan.rule)  # type: ignore[arg-type]
    found, state = Exceptions.of(item.changed, item.removed), SeriesState(item.fields)
    differs = {original: differing(original, own, state) for original, own in found.changed.items()}
    assert {original: own for original, own in differs.items() if own} == plan.changed
    assert found.removed == plan.removed
    assert shown(store, item, *window(plan)) == expected(plan)
