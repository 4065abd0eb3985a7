"""Values of appointments, contacts and tasks as people say them, for pages and questions. Pure (10.8)."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from profiles.act_items import Attached, Attendee, Frequency, PostalAddress, Recurrence, Value
from tracking.decide.recurrence import LAST_WEEK

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", LAST_WEEK: "last"}
_WORKING_DAYS, _WEEKEND, _ANY_DAY = (0, 1, 2, 3, 4), (5, 6), tuple(range(7))
NOTHING = "–"


def value_in_words(value: Value, zone: ZoneInfo) -> str:
    """One value; times in the zone of whoever reads it."""
    if value is None or value in ("", ()):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Recurrence):
        return recurrence_in_words(value)
    if isinstance(value, PostalAddress):
        place = " ".join(part for part in (value.postal_code, value.city) if part)
        parts = (value.street.replace("\n", ", "), place, value.state, value.country)
        return ", ".join(part for part in parts if part) or NOTHING
    if isinstance(value, tuple):
        return ", ".join(_part(one) for one in value)
    return str(value)


def span_in_words(start: Value, end: Value, zone: ZoneInfo) -> str:
    """From when until when: "Tue 2026-03-03 09:00–10:00", or the days; the end of whole days is the day after."""
    if isinstance(start, datetime) and isinstance(end, datetime):
        first, last = start.astimezone(zone), end.astimezone(zone)
        begins = f"{first:%a %Y-%m-%d %H:%M}"
        return f"{begins}–{last:%H:%M}" if first.date() == last.date() else f"{begins} – {last:%a %Y-%m-%d %H:%M}"
    if isinstance(start, date) and isinstance(end, date):
        last_day = date.fromordinal(max(end.toordinal() - 1, start.toordinal()))
        return (
            f"{start:%a %Y-%m-%d}, all day" if last_day == start else f"{start:%a %Y-%m-%d} to {last_day:%a %Y-%m-%d}"
        )
    return NOTHING


def _part(one: Attendee | Attached | str) -> str:
    if isinstance(one, Attached):
        return f"{one.name} ({'left out' if one.is_left_out else _size(one.size)})"
    if isinstance(one, str):
        return one
    return f"{one.name} <{one.address}>" if one.name and one.name != one.address else one.address


def _size(size: int) -> str:
    unit, name = (1024**2, "MB") if size >= 1024**2 else (1024, "KB")
    return f"{size / unit:,.1f} {name}" if size >= 1024 else f"{size} bytes"


def recurrence_in_words(rule: Recurrence) -> str:
    """How a series repeats, and until when: "every 2 weeks on Monday and Friday, 10 times"."""
    return f"{_pattern(rule)}{_end(rule)}"


def _pattern(rule: Recurrence) -> str:
    weekdays = tuple(sorted(set(rule.weekdays))) or (rule.first.weekday(),)
    day = rule.day or rule.first.day
    month = MONTHS[(rule.month or rule.first.month) - 1]
    match rule.frequency:
        case Frequency.DAILY:
            return _every(rule.interval, "day")
        case Frequency.WEEKLY:
            if weekdays == _WORKING_DAYS and rule.interval == 1:
                return "every weekday"
            return f"{_every(rule.interval, 'week')} on {joined([WEEKDAYS[one] for one in weekdays])}"
        case Frequency.MONTHLY:
            return f"{_every(rule.interval, 'month')} on day {day}"
        case Frequency.RELATIVE_MONTHLY:
            return f"{_every(rule.interval, 'month')} on the {_nth(rule, weekdays)}"
        case Frequency.YEARLY:
            return f"{_every(rule.interval, 'year')} on {day} {month}"
    return f"{_every(rule.interval, 'year')} on the {_nth(rule, weekdays)} of {month}"


def _every(interval: int, unit: str) -> str:
    return f"every {unit}" if interval <= 1 else f"every {interval} {unit}s"


def _nth(rule: Recurrence, weekdays: tuple[int, ...]) -> str:
    named = {_ANY_DAY: "day", _WORKING_DAYS: "weekday", _WEEKEND: "weekend day"}
    what = named.get(weekdays) or joined([WEEKDAYS[one] for one in weekdays])
    return f"{_ORDINALS.get(rule.week or 1, 'first')} {what}"


def _end(rule: Recurrence) -> str:
    if rule.count is not None:
        return f", {rule.count} times" if rule.count != 1 else ", once"
    return f", until {rule.until.isoformat()}" if rule.until is not None else ""


def joined(words: list[str]) -> str:
    """Several words as a sentence has them."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
