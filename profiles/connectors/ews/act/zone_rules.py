"""The zone whose clocks go as a time zone says that a program has made up: Exchange tells its rules, year by year (10.9)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

from exchangelib.util import TNS
from exchangelib.winzone import MS_TIMEZONE_TO_IANA_MAP
from lxml.etree import _Element as Element

from profiles.connectors.ews.act import zones
from profiles.connectors.ews.act.patterns import DAYS
from profiles.connectors.ews.operations import number, text

_DURATION = re.compile(r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")
Change = tuple[date, timedelta]
"""A day of a year from which on the clocks have this offset from UTC."""


def zone_like(definition: Element, year: int) -> str:
    """The IANA zone whose clocks go like those of a definition, that year and the next; "" if there is none."""
    try:
        offsets = [_offsets(definition, one) for one in (year, year + 1)]
    except (ValueError, LookupError):
        return ""  # rules that cannot be read are no rules
    if not all(offsets):
        return ""
    names = sorted({zones.iana(name) for name in MS_TIMEZONE_TO_IANA_MAP})
    return next((name for name in names if all(_goes_so(name, changes) for changes in offsets)), "")


def _goes_so(name: str, changes: Sequence[Change]) -> bool:
    zone, year = zones.zone(name), changes[-1][0].year
    noon = (datetime.combine(date(year, 1, 1) + timedelta(days=day), time(12), UTC) for day in range(365))
    for at in noon:
        offset = next((offset for day, offset in reversed(changes) if day <= at.date()), changes[-1][1])
        near = any(abs((day - at.date()).days) <= 1 for day, _ in changes)
        if not near and at.astimezone(zone).utcoffset() != offset:
            return False
    return True


def _offsets(definition: Element, year: int) -> list[Change]:
    """The changes of one year, in order; the last one is in force until the first. None of it: [] for what is not said."""
    periods = {
        one.get("Id"): _bias(one.get("Bias", "")) for one in definition.iterfind(f"{{{TNS}}}Periods/{{{TNS}}}Period")
    }
    to = _in_force(definition, year)
    if to is None:
        return []
    if to.get("Kind") == "Period":
        return [(date(year, 1, 1), periods[to.text])] if to.text in periods else []
    groups = definition.iterfind(f"{{{TNS}}}TransitionsGroups/{{{TNS}}}TransitionsGroup")
    group = next((one for one in groups if one.get("Id") == to.text), None)
    found = [] if group is None else list(_changes(group, periods, year))
    return sorted(found)


def _in_force(definition: Element, year: int) -> Element | None:
    """What the last transition before the end of a year leads to."""
    found = None
    for one in definition.iterfind(f"{{{TNS}}}Transitions/*"):
        begins = text(one, "DateTime")
        if not begins or int(begins[:4]) <= year:
            found = one.find(f"{{{TNS}}}To")
    return found


def _changes(group: Element, periods: dict[str | None, timedelta], year: int) -> Iterator[Change]:
    for one in group:
        to, month = text(one, "To"), number(one, "Month")
        if to not in periods:
            continue
        if not month:
            yield date(year, 1, 1), periods[to]
        elif weekday := text(one, "DayOfWeek"):
            yield _nth(year, month, DAYS.index(weekday), int(text(one, "Occurrence"))), periods[to]
        else:
            yield date(year, month, number(one, "Day") or 1), periods[to]


def _nth(year: int, month: int, weekday: int, occurrence: int) -> date:
    """The first … fourth such day of a month, or the last."""
    days = [date(year, month, 1) + timedelta(days=number) for number in range(31)]
    fitting = [day for day in days if day.month == month and day.weekday() == weekday]
    return fitting[-1 if occurrence < 0 else min(occurrence, len(fitting)) - 1]


def _bias(words: str) -> timedelta:
    """How far the clocks are ahead of UTC: Exchange says how far they are behind."""
    found = _DURATION.fullmatch(words)
    if found is None:
        raise ValueError(f"{words!r} is no duration")
    sign, days, hours, minutes = found.groups()
    behind = timedelta(days=int(days or 0), hours=int(hours or 0), minutes=int(minutes or 0))
    return behind if sign else -behind
