"""Time zones of Exchange: by name, and where only their rules are told (10.9)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from exchangelib.util import TNS
from lxml import etree

from profiles.connectors.base import ItemRejected
from profiles.connectors.ews.act import zones
from profiles.connectors.ews.act.calendar import read_times, write_times
from profiles.connectors.ews.act.zone_rules import zone_like


def goes_like(one: str, other: str) -> bool:
    days = (datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=number) for number in range(700))
    return all(at.astimezone(ZoneInfo(one)).utcoffset() == at.astimezone(ZoneInfo(other)).utcoffset() for at in days)


@pytest.mark.parametrize("letter", "ABCEGIMNPTUWZ")
def test_every_zone_comes_back_as_one_whose_clocks_go_alike(letter: str) -> None:  # 10.9
    known = [name for name in sorted(available_timezones()) if name[0] == letter and name != "Antarctica/Troll"]
    assert known
    assert [name for name in known if not goes_like(name, zones.iana(zones.windows(name)))] == []


@pytest.mark.parametrize("name", ["Antarctica/Troll", "Mars/Olympus"])
def test_a_zone_without_a_counterpart_is_refused_by_name(name: str) -> None:  # 10.9
    with pytest.raises(zones.NoSuchZone, match=name):
        zones.windows(name)


def test_a_write_in_such_a_zone_names_field_and_remedy() -> None:
    days = {"start": date(2027, 3, 1), "end": date(2027, 3, 2), "is_all_day": True, "time_zone": "Mars/Olympus"}
    with pytest.raises(ItemRejected, match=r"time_zone.*Mars/Olympus") as refused:
        write_times(days)
    assert refused.value.remedy


BERLIN = ("-PT1H", "-PT2H", ("3", "Sunday", "-1"), ("10", "Sunday", "-1"))
NEW_YORK = ("PT5H", "PT4H", ("3", "Sunday", "2"), ("11", "Sunday", "1"))
NEW_YORK_2006 = ("PT5H", "PT4H", ("4", "Sunday", "1"), ("10", "Sunday", "-1"))
LORD_HOWE = ("-PT10H30M", "-PT11H", ("10", "Sunday", "1"), ("4", "Sunday", "1"))
INDIA = ("-PT5H30M", "-PT5H30M", None, None)
NOWHERE = ("-PT1H", "-PT2H", ("5", "Sunday", "-1"), ("6", "Sunday", "1"))


def definition(*rules: tuple) -> str:
    """A zone that a program has made up; of several rules each holds from another year on: 2000, 2007 …"""
    periods, groups, transitions = "", "", ""
    for number, (standard, daylight, forward, back) in enumerate(rules):
        periods += (
            f'<Period Bias="{standard}" Name="S" Id="s{number}"/><Period Bias="{daylight}" Name="D" Id="d{number}"/>'
        )
        changes = "".join(
            f'<RecurringDayTransition><To Kind="Period">{to}{number}</To><TimeOffset>PT2H</TimeOffset>'
            f"<Month>{when[0]}</Month><DayOfWeek>{when[1]}</DayOfWeek><Occurrence>{when[2]}</Occurrence>"
            "</RecurringDayTransition>"
            for to, when in (("d", forward), ("s", back))
            if when
        )
        fixed = f'<Transition><To Kind="Period">s{number}</To></Transition>'
        groups += f'<TransitionsGroup Id="{number}">{changes or fixed}</TransitionsGroup>'
        begins = f"<DateTime>{2000 + 7 * number}-01-01T00:00:00</DateTime>" if number else ""
        name = "AbsoluteDateTransition" if number else "Transition"
        transitions += f'<{name}><To Kind="Group">{number}</To>{begins}</{name}>'
    return (
        f"<Periods>{periods}</Periods><TransitionsGroups>{groups}</TransitionsGroups>"
        f"<Transitions>{transitions}</Transitions>"
    )


def item(content: str, **more: str) -> etree._Element:
    """An appointment of New Year's Day 2027 with a zone of its own."""
    told = {"Start": "2026-12-31T23:00:00Z", "End": "2027-01-01T23:00:00Z", "IsAllDayEvent": "true"} | more
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in told.items())
    zone = f'<StartTimeZone Id="tzone://Microsoft/Custom" Name="Mine">{content}</StartTimeZone>'
    return etree.fromstring(f'<CalendarItem xmlns="{TNS}">{inner}{zone}</CalendarItem>')


@pytest.mark.parametrize(
    ("rules", "like"),
    [
        ([BERLIN], "Europe/Berlin"),
        ([NEW_YORK_2006, NEW_YORK], "America/New_York"),  # from 2007 on by other rules
        ([NEW_YORK, NEW_YORK, NEW_YORK, NEW_YORK, NEW_YORK, LORD_HOWE], "America/New_York"),  # others only from 2035 on
        ([LORD_HOWE], "Australia/Lord_Howe"),
        ([INDIA], "Asia/Kolkata"),
    ],
)
def test_a_zone_of_ones_own_is_the_one_whose_clocks_go_like_it(rules: list, like: str) -> None:  # 10.9
    found = zone_like(item(definition(*rules)).find(f"{{{TNS}}}StartTimeZone"), 2027)
    assert found
    assert goes_like(found, like)


def test_rules_of_years_gone_by_do_not_count() -> None:  # 10.9
    found = zone_like(item(definition(NEW_YORK, NEW_YORK_2006)).find(f"{{{TNS}}}StartTimeZone"), 2027)
    assert not found or not goes_like(found, "America/New_York")
    about_to_change = definition(BERLIN, BERLIN, BERLIN, BERLIN, NOWHERE)  # in 2028
    assert zone_like(item(about_to_change).find(f"{{{TNS}}}StartTimeZone"), 2027) == ""


@pytest.mark.parametrize(
    "content",
    ["", definition(NOWHERE), definition(("x", "y", None, None))],
    ids=["no rules", "rules of nowhere", "no durations"],
)
def test_what_cannot_be_understood_without_its_zone_is_refused_and_the_rest_is_not(content: str) -> None:  # 10.9
    with pytest.raises(zones.NoSuchZone, match="Custom"):
        read_times(item(content))
    with pytest.raises(zones.NoSuchZone, match="Custom"):
        read_times(item(content, IsAllDayEvent="false", CalendarItemType="RecurringMaster"))
    found = read_times(item(content, IsAllDayEvent="false", CalendarItemType="Single"))
    assert found["start"] == datetime(2026, 12, 31, 23, tzinfo=UTC)


def test_whole_days_in_a_zone_of_ones_own_are_the_days_that_were_meant() -> None:  # peers 28
    found = read_times(item(definition(BERLIN)))
    assert (found["start"], found["end"]) == (date(2027, 1, 1), date(2027, 1, 2))
