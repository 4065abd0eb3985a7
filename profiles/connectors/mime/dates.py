"""The Date header (RFC 5322 §3.3 and §4.3), and what mailers write instead of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_LONGEST = 200  # characters looked at
_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}
# Hours east of UTC: the obsolete zones of RFC 5322 §4.3 and the most common others. The rest counts as UTC.
_ZONES = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
_ZONES |= {"CET": 1, "MET": 1, "CEST": 2, "MEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "BST": 1, "JST": 9, "KST": 9}
_TIME = (
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?(?:[.,]\d{1,9})?\s{0,3}(?P<half>[AaPp][Mm]\b)?"
)
_ZONE = r"\s{0,9}(?P<zone>(?:GMT|UTC)?[+-]\d{1,2}:?\d{2}|[A-Za-z]{1,5}\b)?"
_RFC = re.compile(
    r"(?P<day>\d{1,2})[\s.-]{1,9}(?P<month>[A-Za-z]{3})[A-Za-z]{0,6}[\s.,-]{1,9}(?P<year>\d{2,4})[\s,]{1,9}"
    + _TIME
    + _ZONE
)
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})[T\s]{1,9}" + _TIME + _ZONE)
_C_TIME = re.compile(
    r"(?P<month>[A-Za-z]{3})[A-Za-z]{0,6}\s{1,9}(?P<day>\d{1,2})[\s,]{1,9}" + _TIME + _ZONE + r"\s{0,9}(?P<year>\d{4})"
)
_MONTH_FIRST = re.compile(
    r"(?P<month>[A-Za-z]{3})[A-Za-z]{0,6}\s{1,9}(?P<day>\d{1,2})[\s,]{1,9}(?P<year>\d{4})[\s,]{1,9}" + _TIME + _ZONE
)
_FORMS = (_RFC, _ISO, _C_TIME, _MONTH_FIRST)
_OFFSET = re.compile(r"(?:GMT|UTC)?([+-])(\d{1,2}):?(\d{2})", re.IGNORECASE)


def date(value: str) -> datetime | None:
    """The moment in UTC, or None if the text is no date. A missing or unknown zone counts as UTC."""
    text = value[:_LONGEST]
    for form in _FORMS:
        if found := form.search(text):
            moment = _moment(found.groupdict())
            if moment is not None:
                return moment
    return None


def _moment(parts: dict[str, str]) -> datetime | None:
    month = _MONTHS.get(parts["month"].lower()) if parts["month"].isalpha() else int(parts["month"])
    if month is None:
        return None
    hour = int(parts["hour"])
    if parts["half"]:
        hour = hour % 12 + (12 if parts["half"] in ("pm", "PM", "Pm", "pM") else 0)
    year, day, minute, second = _year(parts["year"]), int(parts["day"]), int(parts["minute"]), int(parts["second"] or 0)
    try:
        local = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
        return local - _offset(parts["zone"] or "")
    except (ValueError, OverflowError):
        return None


def _year(digits: str) -> int:
    """Two digits below 50 are this century, and three digits count from 1900 (RFC 5322 §4.3)."""
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year


def _offset(zone: str) -> timedelta:
    found = _OFFSET.fullmatch(zone)
    if not found:
        return timedelta(hours=_ZONES.get(zone.upper(), 0))
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return -offset if found[1] == "-" else offset
