"""`t:Recurrence` ↔ the pattern it describes."""

from __future__ import annotations

import calendar
from datetime import date

from serversync.sandbox.ews.soap import Element, EwsError, child, inner_text, local_name, t
from serversync.sandbox.recurrence import KINDS, LAST, Pattern, first_day

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
GROUPS = {"Day": (0, 1, 2, 3, 4, 5, 6), "Weekday": (0, 1, 2, 3, 4), "WeekendDay": (5, 6)}
WEEKS = {"First": 1, "Second": 2, "Third": 3, "Fourth": 4, "Last": LAST}
MONTHS = tuple(calendar.month_name)[1:]
MOST_OCCURRENCES = 999


def read_pattern(element: Element) -> Pattern:
    """The pattern that a `t:Recurrence` describes. Raises EwsError (ErrorCalendarInvalidRecurrence and others)."""
    rule = next((inner for inner in element if local_name(inner).removesuffix("Recurrence") in KINDS), None)
    bounds = next((inner for inner in element if child(inner, "StartDate") is not None), None)
    if rule is None or bounds is None:
        raise EwsError("ErrorCalendarInvalidRecurrence", "A recurrence needs a pattern and a range that are known.")
    try:
        pattern = _read(rule, bounds)
    except (ValueError, KeyError) as error:
        raise EwsError("ErrorCalendarInvalidRecurrence", f"The recurrence cannot be read: {error}") from error
    _check(pattern)
    return pattern


def _read(rule: Element, bounds: Element) -> Pattern:
    kind = local_name(rule).removesuffix("Recurrence")
    last, count = inner_text(bounds, "EndDate"), inner_text(bounds, "NumberOfOccurrences")
    month, week = inner_text(rule, "Month"), inner_text(rule, "DayOfWeekIndex")
    return Pattern(
        kind=kind,
        first=_day(inner_text(bounds, "StartDate")),
        interval=int(inner_text(rule, "Interval", "1")),
        weekdays=_weekdays(inner_text(rule, "DaysOfWeek")),
        week=WEEKS[week] if week else 0,
        day=int(inner_text(rule, "DayOfMonth", "0")),
        month=MONTHS.index(month) + 1 if month else 0,
        count=int(count) if count else None,
        until=_day(last) if last else None,
        first_weekday=WEEKDAYS.index(inner_text(rule, "FirstDayOfWeek", "Sunday")),
    )


def _day(text: str) -> date:
    """A date; clients add "Z" or an offset to it, which means nothing."""
    return date.fromisoformat(text[:10])


def _weekdays(text: str) -> tuple[int, ...]:
    days = {day for word in text.split() for day in GROUPS.get(word) or (WEEKDAYS.index(word),)}
    return tuple(sorted(days))


def _check(pattern: Pattern) -> None:
    words = ""
    if pattern.kind in ("Weekly", "RelativeMonthly", "RelativeYearly") and not pattern.weekdays:
        words = "The pattern names no day of the week."
    elif pattern.kind.startswith("Relative") and not pattern.week:
        words = "The pattern names no week."
    elif pattern.kind.startswith("Absolute") and not 1 <= pattern.day <= 31:
        words = "The day of the month must be 1 to 31."
    elif pattern.kind.endswith("Yearly") and not pattern.month:
        words = "The pattern names no month."
    elif not 1 <= pattern.interval <= 999:
        words = "The interval must be 1 to 999."
    elif pattern.count is not None and not 1 <= pattern.count <= MOST_OCCURRENCES:
        words = f"The number of occurrences must be 1 to {MOST_OCCURRENCES}."
    if words:
        raise EwsError("ErrorCalendarInvalidRecurrence", words)
    if first_day(pattern) is None:
        raise EwsError("ErrorRecurrenceHasNoOccurrence", "The recurrence has no occurrence in its range.")


def show_pattern(pattern: Pattern) -> Element:
    """The `t:Recurrence` of a pattern."""
    return t("Recurrence", t(f"{pattern.kind}Recurrence", *_rule(pattern)), _bounds(pattern))


def _rule(pattern: Pattern) -> list[Element]:
    interval = t("Interval", pattern.interval)
    if pattern.kind == "Daily":
        return [interval]
    if pattern.kind == "Weekly":
        days = sorted(pattern.weekdays, key=lambda day: (day + 1) % 7)  # Exchange begins with Sunday
        names = " ".join(WEEKDAYS[day] for day in days)
        return [interval, t("DaysOfWeek", names), t("FirstDayOfWeek", WEEKDAYS[pattern.first_weekday])]
    if pattern.kind.startswith("Absolute"):
        parts = [t("DayOfMonth", pattern.day)]
    else:
        week = next(name for name, number in WEEKS.items() if number == pattern.week)
        parts = [t("DaysOfWeek", _group(pattern.weekdays)), t("DayOfWeekIndex", week)]
    return [*parts, t("Month", MONTHS[pattern.month - 1])] if pattern.month else [interval, *parts]


def _group(weekdays: tuple[int, ...]) -> str:
    named = next((name for name, days in GROUPS.items() if days == weekdays), None)
    return named or " ".join(WEEKDAYS[day] for day in weekdays)


def _date(day: date) -> str:
    """A date as Exchange writes it, with an offset that means nothing."""
    return f"{day.isoformat()}Z"


def _bounds(pattern: Pattern) -> Element:
    start = t("StartDate", _date(pattern.first))
    if pattern.count is not None:
        return t("NumberedRecurrence", start, t("NumberOfOccurrences", pattern.count))
    if pattern.until is not None:
        return t("EndDateRecurrence", start, t("EndDate", _date(pattern.until)))
    return t("NoEndRecurrence", start)
