"""Time zones as Exchange names them ("Romance Standard Time") and as everybody else does ("Europe/Paris")."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

_TABLE = Path(__file__).with_name("windows_zones.txt")


@cache
def _windows_to_iana() -> dict[str, str]:
    return {fields[0]: fields[1] for fields in _rows()}


@cache
def _iana_to_windows() -> dict[str, str]:
    covered = {name: row[0] for row in _rows() for name in (row[2].split() if len(row) > 2 else ())}
    meant = {row[1]: row[0] for row in reversed(_rows()) if not row[0].startswith("tzone:")}
    return covered | meant


@cache
def _rows() -> list[list[str]]:
    lines = _TABLE.read_text(encoding="utf-8").splitlines()
    return [line.split("|") for line in lines if line and not line.startswith("#")]


def iana_name(windows: str) -> str | None:
    """The IANA zone that a Windows zone stands for, None for an unknown one."""
    return _windows_to_iana().get(windows)


def windows_name(iana: str) -> str | None:
    """The Windows zone that covers an IANA zone, None if none does."""
    return _iana_to_windows().get(iana)


def zone(windows: str) -> ZoneInfo:
    """The rules of a Windows zone; an unknown one counts as UTC."""
    return ZoneInfo(iana_name(windows) or "UTC")


def to_utc(day: date, at: time, where: ZoneInfo) -> datetime:
    """The UTC time of a wall-clock time. A time that a change of the clocks skips is read as if they had not changed
    yet; one that happens twice is the first."""
    return datetime.combine(day, at.replace(fold=0), where).astimezone(UTC)
