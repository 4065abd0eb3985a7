"""What became of mail, hour by hour or day by day, from the statistics of the cycles (4.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncDay, TruncHour

from mailboxes.models import MailboxStatistics

OUTCOMES = ("tracked", "ignored", "sent", "failed")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What ended within one hour or on one day (UTC)."""

    start: datetime
    tracked: int = 0
    ignored: int = 0
    sent: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        return self.tracked + self.ignored + self.sent + self.failed


def stretches(
    statistics: QuerySet[MailboxStatistics], first: datetime, length: timedelta, number: int
) -> list[Stretch]:
    """So many hours or days, from the first on, also those in which nothing ended; by one query."""
    truncated = {HOUR: TruncHour, DAY: TruncDay}[length]
    rows = (
        statistics.filter(mailbox_process_completed_on__gte=first)
        .order_by()
        .annotate(stretch=truncated("mailbox_process_completed_on"))
        .values_list("stretch")
        .annotate(**{outcome: Sum(f"items_{outcome}") for outcome in OUTCOMES})
    )
    found = {row[0]: Stretch(*row) for row in rows}
    starts = [first + length * one for one in range(number)]
    return [found.get(start, Stretch(start)) for start in starts]
