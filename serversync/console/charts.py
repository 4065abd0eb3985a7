"""The charts of the mailbox page as numbers for SVG: no script draws them, and colours come from the style sheet.

Drawings are stretched to the width of their place, so words stand beside them in HTML, and everything that is drawn
is in a table as well. The units are those of a `viewBox`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil, sqrt

from serversync.console.outcomes import OUTCOMES, Stretch
from serversync.console.timeline import Cycle, History, Interruption, Window

SLOTS, SLOT = 240, 6
WIDTH = SLOTS * SLOT
BASE, LOWEST, FAILURE = 54, 6, 22  # where the bars stand; the lowest bar; the height of a failure, below the line
DAY_WIDTH, DAY_BAR, DAY_HEIGHT, THINNEST = 100, 70, 160, 3
MARKS = 6


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle; `kind` is its class in the style sheet, `title` what hovering says."""

    kind: str
    x: int
    y: int
    width: int
    height: int
    title: str


@dataclass(slots=True)
class Summary:
    """Cycles that began within one stretch of time, put together."""

    start: datetime
    end: datetime
    cycles: int = 0
    failures: int = 0
    processed: int = 0
    failed: int = 0
    longest: timedelta = timedelta(0)
    error: str = ""
    last: datetime | None = None

    def add(self, cycle: Cycle) -> None:
        """Count one more."""
        self.cycles += 1
        self.failures += not cycle.succeeded
        self.processed += cycle.processed
        self.failed += cycle.failed
        self.longest = max(self.longest, cycle.duration)
        self.error = cycle.error or self.error
        self.last = cycle.completed

    @property
    def longest_words(self) -> str:
        """How long the longest took."""
        return in_seconds(self.longest)

    @property
    def words(self) -> str:
        """What hovering over its bar says."""
        failures = f", {self.failures} of them failed" if self.failures else ""
        items = f"{self.processed} items processed, {self.failed} failed"
        error = f". {self.error}" if self.error else ""
        cycles = f"{self.cycles} cycle{'' if self.cycles == 1 else 's'}"
        return (
            f"{self.start:%d %b %H:%M} UTC: {cycles}{failures}; {items}; the longest took {self.longest_words}{error}"
        )


@dataclass(frozen=True, slots=True)
class Lane:
    """The drawing of one leg, and the same as rows of a table."""

    history: History
    bars: list[Bar]
    total: Summary
    periods: list[Summary] = field(default_factory=list)

    @property
    def mean(self) -> str:
        """How long a cycle took on average."""
        cycles = self.history.cycles
        return in_seconds(sum((one.duration for one in cycles), timedelta(0)) / len(cycles)) if cycles else "–"


@dataclass(frozen=True, slots=True)
class DayBars:
    """The stacked column of one day."""

    day: Stretch
    bars: list[Bar]


def in_seconds(duration: timedelta) -> str:
    """A duration as people say it: "0.4 s", "12 s", "3 min 20 s"."""
    seconds = duration.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def lane(history: History, window: Window, now: datetime) -> Lane:
    """One leg: what ran stands on the line, what failed hangs below it, what did not run lies behind."""
    since = now - window.length
    slots = _put_together(history.cycles, since, now, window.length / SLOTS)
    period = timedelta(hours=1) if window is Window.DAY else timedelta(days=1)
    total = Summary(since, now)
    for cycle in history.cycles:
        total.add(cycle)
    behind = [_behind(one, since, now) for one in history.interruptions]
    highest = max((one.processed for one in slots), default=0)
    bars = [bar for one in slots for bar in _bars(one, since, window.length, highest)]
    return Lane(history, [*behind, *bars], total, _put_together(history.cycles, since, now, period))


def _put_together(cycles: Sequence[Cycle], since: datetime, now: datetime, step: timedelta) -> list[Summary]:
    """Those that began within the same step, as one; steps without any are left out."""
    found: dict[int, Summary] = {}
    for cycle in cycles:
        number = max(int((cycle.started - since) / step), 0)
        start = since + number * step
        found.setdefault(number, Summary(start, min(start + step, now))).add(cycle)
    return list(found.values())


def _x(moment: datetime, since: datetime, length: timedelta) -> int:
    return min(max(round((moment - since) / length * WIDTH), 0), WIDTH)


def _behind(one: Interruption, since: datetime, now: datetime) -> Bar:
    start, end = _x(one.start, since, now - since), _x(one.end or now, since, now - since)
    until = f"{one.end:%d %b %H:%M} UTC" if one.end else "now"
    title = f"{one.kind.capitalize()} from {one.start:%d %b %H:%M} UTC until {until}. {one.words}"
    return Bar(one.kind, start, 0, max(end - start, SLOT), BASE + FAILURE, title)


def _bars(slot: Summary, since: datetime, length: timedelta, highest: int) -> list[Bar]:
    """As wide as the time it took, as high as what it did (by the root, so that one busy hour hides no other)."""
    x = _x(slot.start, since, length)
    end = _x(slot.last or slot.end, since, length)
    width = min(max(ceil((end - x) / SLOT), 1) * SLOT, max(WIDTH - x, SLOT))
    height = LOWEST + round((BASE - LOWEST) * sqrt(slot.processed / highest)) if slot.processed else LOWEST
    bars = [Bar("done", x, BASE - height, width, height, slot.words)] if slot.failures < slot.cycles else []
    if slot.failures or slot.failed:
        bars.append(Bar("failed", x, BASE, width, FAILURE, slot.words))
    return bars


def marks(window: Window, now: datetime) -> list[datetime]:
    """Times to write below the drawing, from its left to its right end."""
    return [now - window.length * (MARKS - number) / MARKS for number in range(MARKS + 1)]


def grid(count: int = MARKS) -> list[int]:
    """Where the vertical lines of these times stand, without those at the ends."""
    edges = [round(WIDTH * number / count) for number in range(count + 1)]
    return [left for left, _ in pairwise(edges[1:])]


def columns(days: Sequence[Stretch]) -> list[DayBars]:
    """A column per day, what was tracked below, then ignored, sent and failed."""
    highest = max((day.total for day in days), default=0)
    return [DayBars(day, _column(day, number, highest)) for number, day in enumerate(days)]


def _column(day: Stretch, number: int, highest: int) -> list[Bar]:
    bars, y = [], DAY_HEIGHT
    parts = [(outcome, getattr(day, outcome)) for outcome in OUTCOMES if getattr(day, outcome)]
    room = DAY_HEIGHT - THINNEST * len(parts)  # what is rare stays visible
    for outcome, count in parts:
        height = THINNEST + round(room * count / highest)
        y = max(y - height, 0)
        x = number * DAY_WIDTH + (DAY_WIDTH - DAY_BAR) // 2
        bars.append(Bar(outcome, x, y, DAY_BAR, height, f"{day.start:%d %b}: {count} {outcome}"))
    return bars
