"""Whether what comes in from Exchange takes time that is taken already. Pure (10.3.3).

The other direction is never checked (10.2.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from profiles.act_items import Fields, Recurrence
from tracking.decide.act_values import fingerprint
from tracking.decide.field_values import BUSY, OUT_OF_OFFICE, TENTATIVE
from tracking.decide.merge import TIMES
from tracking.decide.recurrence import between, midnight

HORIZON = timedelta(days=366)
"""So far ahead the occurrences of a series that comes in are looked at, and so many of them at most."""
MOST_OCCURRENCES = 200
MOST_TOLD = 5
_TAKEN = frozenset({TENTATIVE, BUSY, OUT_OF_OFFICE})
_TAKES = frozenset({"tentative", "busy", "out-of-office"})


@dataclass(frozen=True, slots=True)
class Booking:
    """Something that takes time: `start` and `end` are times, or days where it takes whole days, `end` the day after the
    last one. `kind` and `key` name the record."""

    start: datetime | date
    end: datetime | date
    kind: str = ""
    key: str = ""


def takes_time(status: int) -> bool:
    """Whether an appointment of this status takes time: it is open or scheduled, and not free."""
    return status in _TAKEN


def times_mark(fields: Fields) -> str:
    """Differs where the time of an appointment does: who was asked about one time is not asked about it again."""
    return fingerprint({name: fields.get(name) for name in TIMES})


def span(booking: Booking, zone: str) -> tuple[datetime, datetime]:
    """From when until when, in UTC. A whole day is that day where the user is."""
    first, last = (_moment(one, zone) for one in (booking.start, booking.end))
    return first, max(first, last)


def _moment(value: datetime | date, zone: str) -> datetime:
    return value.astimezone(UTC) if isinstance(value, datetime) else midnight(value, zone)


def overlap(one: Booking, other: Booking, zone: str) -> bool:
    """Whether two take the same time. One may begin when the other ends."""
    (start, end), (begins, ends) = span(one, zone), span(other, zone)
    return start < ends and begins < end


def overlapping(coming: Iterable[Booking], others: Sequence[Booking], zone: str) -> list[tuple[Booking, Booking]]:
    """What comes in beside what it overlaps, the first few."""
    found: list[tuple[Booking, Booking]] = []
    for one in coming:
        found += [(one, other) for other in others if overlap(one, other, zone)]
        if len(found) >= MOST_TOLD:
            break
    return found[:MOST_TOLD]


def bookings_in(fields: Fields, zone: str, now: datetime) -> list[Booking]:
    """What an appointment, or a whole series, that comes in would take of the time to come; nothing if it is shown as
    free, or is over."""
    start, end, rule = fields.get("start"), fields.get("end"), fields.get("recurrence")
    if fields.get("show_as", "busy") not in _TAKES or not isinstance(start, date) or not isinstance(end, date):
        return []
    found = [Booking(start, end)]
    if isinstance(rule, Recurrence):
        found = _occurrences(rule, start, end, str(fields.get("time_zone") or "UTC"), now)
    return [one for one in found if span(one, zone)[1] > now]


def _occurrences(rule: Recurrence, start: date, end: date, zone: str, now: datetime) -> list[Booking]:
    first, last = span(Booking(start, end), zone)
    length = None if isinstance(start, datetime) else end - start
    found = []
    for slot in between(rule, first, last, zone, now, max(now, first) + HORIZON):
        whole_days = length is not None
        found.append(Booking(slot.day, slot.day + length) if whole_days else Booking(slot.start, slot.end))  # type: ignore[operator]
        if len(found) == MOST_OCCURRENCES:
            break
    return found
