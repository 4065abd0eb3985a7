"""Time zones by the names of Windows, which Exchange knows, and of IANA, which everybody else knows (10.9)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from exchangelib.winzone import IANA_TO_MS_TIMEZONE_MAP, MS_TIMEZONE_TO_IANA_MAP

TODAY = {
    "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
    "America/Godthab": "America/Nuuk",
    "America/Indianapolis": "America/Indiana/Indianapolis",
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Katmandu": "Asia/Kathmandu",
    "Asia/Rangoon": "Asia/Yangon",
    "Etc/UTC": "UTC",
    "Europe/Kiev": "Europe/Kyiv",
}
"""Zones that the table of Windows names still calls by their former names."""
COMPARED = datetime(2026, 1, 4, tzinfo=UTC)
"""From here on for five years, two zones that have the same rules show the same time."""


class NoSuchZone(ValueError):
    """One side has a time zone that the other has no name for."""


def iana(windows: str) -> str:
    """The IANA name for a Windows one. Raises NoSuchZone for what no table knows, such as a zone that a program has made
    up."""
    if not windows or windows == "tzone://Microsoft/Utc":
        return "UTC"
    name = str(MS_TIMEZONE_TO_IANA_MAP.get(windows, ""))
    if not name:
        raise NoSuchZone(f"Its time zone “{windows}” is not known. Choose a usual time zone for it in Outlook.")
    return TODAY.get(name, name)


def windows(name: str) -> str:
    """The Windows name for an IANA one: several IANA zones share one, if their clocks go alike. Raises NoSuchZone."""
    usual = str(IANA_TO_MS_TIMEZONE_MAP.get(name, ("",))[0])
    if usual and _goes_like(name, iana(usual)):
        return usual
    for other in sorted(MS_TIMEZONE_TO_IANA_MAP):
        if zone(iana(other)) is not UTC and _goes_like(name, iana(other)):
            return str(other)
    raise NoSuchZone(f"Exchange has no time zone whose clocks go like those of “{name}”.")


@cache
def _goes_like(name: str, other: str) -> bool:
    """Whether two zones show the same time; an unknown one goes like none."""
    one, another = zone(name), zone(other)
    if one is UTC and name not in ("UTC", "Etc/UTC"):
        return False
    return name == other or all(at.astimezone(one).utcoffset() == at.astimezone(another).utcoffset() for at in _days())


def _days() -> Iterator[datetime]:
    return (COMPARED + timedelta(days=number) for number in range(0, 5 * 366, 2))


def zone(name: str) -> tzinfo:
    """The zone of an IANA name; UTC if there is none."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return UTC
