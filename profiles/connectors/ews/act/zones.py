"""Time zones by the names of Windows, which Exchange knows, and of IANA, which everybody else knows (10.9)."""

from __future__ import annotations

from datetime import UTC, tzinfo
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


def iana(windows: str) -> str:
    """The IANA name for a Windows one; "UTC" for what no table knows, such as a zone that a program has made up."""
    name = str(MS_TIMEZONE_TO_IANA_MAP.get(windows, "UTC"))
    return TODAY.get(name, name)


def windows(name: str) -> str:
    """The Windows name for an IANA one, "UTC" for an unknown one. Several IANA zones share one Windows name."""
    return str(IANA_TO_MS_TIMEZONE_MAP.get(name, ("UTC",))[0])


def zone(name: str) -> tzinfo:
    """The zone of an IANA name; UTC if there is none."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return UTC
