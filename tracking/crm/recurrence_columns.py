"""The pattern of a series as the columns of RecurringAppointmentMaster, and back. Pure.

In the columns Sunday comes first, as in the original: 1, 2, 4 … 64 in the mask, 0 … 6 as the first day of the week; in a
`Recurrence` Monday does. "Every weekday" is a weekly pattern of five days.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from profiles.act_items import Frequency, Recurrence

DAILY, WEEKLY, MONTHLY, YEARLY = range(4)  # recurrence_pattern_type
NO_END, OCCURRENCES, END_DATE = 1, 2, 3  # pattern_end_type
_TYPES: Mapping[Frequency, int] = {
    Frequency.DAILY: DAILY,
    Frequency.WEEKLY: WEEKLY,
    Frequency.MONTHLY: MONTHLY,
    Frequency.RELATIVE_MONTHLY: MONTHLY,
    Frequency.YEARLY: YEARLY,
    Frequency.RELATIVE_YEARLY: YEARLY,
}
_LAST, _FIFTH = -1, 5  # the last week, here and in the column
COLUMNS = (
    *("recurrence_pattern_type", "interval", "days_of_week_mask", "day_of_month", "month_of_year", "instance"),
    *("is_nth_monthly", "is_nth_yearly", "first_day_of_week"),
    *("pattern_start_date", "pattern_end_type", "pattern_end_date", "occurrences"),
)


def columns_of(rule: Recurrence) -> dict[str, Any]:
    """The values of all COLUMNS for this pattern."""
    relative = rule.frequency in (Frequency.RELATIVE_MONTHLY, Frequency.RELATIVE_YEARLY)
    by_day = rule.frequency in (Frequency.MONTHLY, Frequency.YEARLY)
    yearly = rule.frequency in (Frequency.YEARLY, Frequency.RELATIVE_YEARLY)
    weekdays = rule.weekdays or (rule.first.weekday(),)
    ends = OCCURRENCES if rule.count is not None else NO_END if rule.until is None else END_DATE
    return {
        "recurrence_pattern_type": _TYPES[rule.frequency],
        "interval": rule.interval,
        "days_of_week_mask": _mask(weekdays) if relative or rule.frequency is Frequency.WEEKLY else None,
        "day_of_month": (rule.day or rule.first.day) if by_day else None,
        "month_of_year": (rule.month or rule.first.month) if yearly else None,
        "instance": (_FIFTH if rule.week == _LAST else rule.week or 1) if relative else None,
        "is_nth_monthly": rule.frequency is Frequency.RELATIVE_MONTHLY,
        "is_nth_yearly": rule.frequency is Frequency.RELATIVE_YEARLY,
        "first_day_of_week": (rule.first_weekday + 1) % 7,
        "pattern_start_date": rule.first,
        "pattern_end_type": ends,
        "pattern_end_date": rule.until if ends == END_DATE else None,
        "occurrences": rule.count,
    }


def recurrence_of(columns: Mapping[str, Any]) -> Recurrence:
    """The pattern that these columns describe. Raises ValueError naming the column that does not fit."""
    frequency = _frequency(columns)
    relative = frequency in (Frequency.RELATIVE_MONTHLY, Frequency.RELATIVE_YEARLY)
    if columns["pattern_start_date"] is None:
        raise ValueError("pattern_start_date is empty: a series begins on a day")
    ends = columns["pattern_end_type"]
    needed = {OCCURRENCES: "occurrences", END_DATE: "pattern_end_date"}.get(ends)
    if needed and columns[needed] is None:
        raise ValueError(f"{needed} is empty, though pattern_end_type says that the series ends by it")
    instance = columns["instance"] or 0
    return Recurrence(
        frequency,
        columns["pattern_start_date"],
        interval=columns["interval"],
        weekdays=_weekdays(columns["days_of_week_mask"] or 0),
        week=(_LAST if instance == _FIFTH else instance or 1) if relative else 0,
        day=columns["day_of_month"] or 0,
        month=columns["month_of_year"] or 0,
        count=columns["occurrences"] if ends == OCCURRENCES else None,
        until=columns["pattern_end_date"] if ends == END_DATE else None,
        first_weekday=(columns["first_day_of_week"] - 1) % 7,
    )


def _frequency(columns: Mapping[str, Any]) -> Frequency:
    match columns["recurrence_pattern_type"]:
        case 0:
            return Frequency.DAILY
        case 1:
            return Frequency.WEEKLY
        case 2:
            return Frequency.RELATIVE_MONTHLY if columns["is_nth_monthly"] else Frequency.MONTHLY
        case 3:
            return Frequency.RELATIVE_YEARLY if columns["is_nth_yearly"] else Frequency.YEARLY
    raise ValueError(f"recurrence_pattern_type {columns['recurrence_pattern_type']!r} is none of 0 to 3")


def _mask(weekdays: tuple[int, ...]) -> int:
    return sum(1 << (day + 1) % 7 for day in set(weekdays))


def _weekdays(mask: int) -> tuple[int, ...]:
    return tuple(sorted((bit - 1) % 7 for bit in range(7) if mask & 1 << bit))
