"""Series with occurrences that differ, near changes of the clocks, for laws about both sides (10.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from profiles.act_items import Fields, Frequency, Recurrence, Value
from tracking.decide import recurrence
from tracking.decide.occurrences import SeriesState, differing

ZONES = {
    "Europe/Berlin": ("2027-03-28", "2027-10-31"),
    "America/New_York": ("2027-03-14", "2027-11-07"),
    "Asia/Kolkata": ("2027-03-28",),  # never changes its clocks
    "Australia/Lord_Howe": ("2027-04-04", "2027-10-03"),  # by half an hour
    "Africa/Casablanca": ("2027-02-07", "2027-03-14"),  # back for a month
}
"""Five time zones, and days on which their clocks change."""
CLOCKS = (time(0), time(0, 30), time(2), time(2, 30), time(9), time(23, 30))
TOGETHER = (*((day,) for day in range(7)), (0, 1, 2, 3, 4), (5, 6), (0, 1, 2, 3, 4, 5, 6))
DAY = timedelta(days=1)
AT_MOST = 6
"""Only so many occurrences, from the first one on, are looked at for exceptions."""


@dataclass(frozen=True)
class Plan:
    """A series, and how its occurrences shall differ from it, by original start; None takes one out."""

    fields: Fields
    differs: dict[datetime, Fields | None] = field(default_factory=dict)

    @property
    def rule(self) -> Recurrence:
        """Its pattern."""
        rule = self.fields["recurrence"]
        assert isinstance(rule, Recurrence)
        return rule

    @property
    def changed(self) -> dict[datetime, Fields]:
        """What really differs: who sets what is so anyway changes nothing."""
        state = SeriesState(self.fields)
        found = {original: differing(original, own, state) for original, own in self.differs.items() if own is not None}
        return {original: own for original, own in found.items() if own}

    @property
    def removed(self) -> set[datetime]:
        """What is taken out."""
        return {original for original, own in self.differs.items() if own is None}

    def slots(self, number: int = AT_MOST) -> list[recurrence.Slot]:
        """Its first occurrences as the pattern has them."""
        return slots_of(self.fields, number)


def slots_of(fields: Fields, number: int) -> list[recurrence.Slot]:
    """The first occurrences of a series."""
    rule, zone, start, end = (fields[name] for name in ("recurrence", "time_zone", "start", "end"))
    if not isinstance(start, datetime):
        start, end = (recurrence.midnight(one, str(zone)) for one in (start, end))  # type: ignore[arg-type]
    return list(islice(recurrence.slots(rule, start, end, str(zone)), number))  # type: ignore[arg-type]


@st.composite
def patterns(draw: st.DrawFn, near: date, frequency: Frequency) -> Recurrence:
    """A pattern of this kind, whose first day is its first occurrence."""
    first = near - draw(st.integers(0, 9)) * DAY
    yearly = frequency in (Frequency.YEARLY, Frequency.RELATIVE_YEARLY)
    relative = frequency in (Frequency.RELATIVE_MONTHLY, Frequency.RELATIVE_YEARLY)
    by_day = frequency in (Frequency.MONTHLY, Frequency.YEARLY)
    weekdays: tuple[int, ...] = ()
    if frequency is Frequency.WEEKLY:
        weekdays = tuple(sorted(draw(st.sets(st.integers(0, 6), min_size=1))))
    rule = Recurrence(
        frequency,
        first,
        interval=1 if yearly else draw(st.integers(1, 5)),
        weekdays=draw(st.sampled_from(TOGETHER)) if relative else weekdays,
        week=draw(st.sampled_from([1, 2, 3, 4, -1])) if relative else 0,
        day=draw(st.sampled_from([first.day, 1, 29, 30, 31])) if by_day else 0,
        month=first.month if yearly else 0,
        first_weekday=draw(st.integers(0, 6)) if frequency is Frequency.WEEKLY else 0,
    )
    rule = replace(rule, first=next(recurrence.days(rule)))
    end = draw(st.sampled_from(["never", "count", "until"]))
    if end == "count":
        return replace(rule, count=draw(st.integers(1, 12)))
    if end == "until":
        return replace(rule, until=rule.first + draw(st.integers(0, 400)) * DAY)
    return rule


@st.composite
def plans(draw: st.DrawFn, zones: Sequence[str] = tuple(ZONES), kinds: Sequence[Frequency] = tuple(Frequency)) -> Plan:
    """A series in one of the zones, of whole days or with times, and up to four occurrences that differ."""
    zone = draw(st.sampled_from(zones))
    near = date.fromisoformat(draw(st.sampled_from(ZONES[zone])))
    rule = draw(patterns(near, draw(st.sampled_from(kinds))))
    fields: dict[str, Value] = {"subject": "Round", "time_zone": zone, "recurrence": rule}
    if draw(st.booleans()):
        start: date = rule.first
        fields |= {"is_all_day": True, "start": start, "end": start + draw(st.integers(1, 2)) * DAY}
    else:
        begins = datetime.combine(rule.first, draw(st.sampled_from(CLOCKS)), ZoneInfo(zone))
        length = timedelta(minutes=draw(st.sampled_from([30, 60, 480, 1560])))
        start = begins.astimezone(UTC)
        fields |= {"is_all_day": False, "start": start, "end": start + length}
    plan = Plan(fields)
    for number in sorted(draw(st.sets(st.integers(0, AT_MOST - 1), max_size=4))):
        found = plan.slots()
        is_last_one = len(found) <= AT_MOST - 1 and len(plan.removed) >= len(found) - 1
        if number < len(found):
            how = draw(differences(plan, number, may_go=not is_last_one))
            plan = Plan(fields, {**plan.differs, found[number].start: how})
    return plan


@st.composite
def differences(draw: st.DrawFn, plan: Plan, number: int, *, may_go: bool) -> Fields | None:
    """How one occurrence differs. One goes to another day only where that stays between its neighbours (Exchange refuses
    the rest)."""
    found = plan.slots(AT_MOST + 1)
    slot, zone = found[number], ZoneInfo(str(plan.fields["time_zone"]))
    around = [abs((slot.day - other.day).days) for other in found if other is not slot]
    is_free = min(around, default=99) >= 4
    how = draw(st.sampled_from(["words", "time", "whole day", "gone"] + ["day"] * 2 * is_free))
    if how == "gone" and may_go:
        return None
    if how in ("words", "gone"):
        return {"location": "Room 7", "importance": "high"}
    day = slot.day + (draw(st.sampled_from([-1, 1])) * DAY if how == "day" else timedelta())
    if plan.fields["is_all_day"] == (how != "whole day"):
        return {"is_all_day": True, "start": day, "end": day + 3 * DAY}
    start = datetime.combine(day, draw(st.sampled_from([time(2, 30), time(12, 15), time(23, 45)])), zone)
    return {"is_all_day": False, "start": start.astimezone(UTC), "end": start.astimezone(UTC) + timedelta(minutes=45)}
