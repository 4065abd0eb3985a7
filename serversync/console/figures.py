"""The numbers of the home page, each by one query whose cost does not grow with the number of mailboxes shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Min, Q, Sum

from mailboxes import attention
from mailboxes.attention import Person
from mailboxes.health import Health, with_health
from mailboxes.models import Mailbox, MailboxLeg, MailboxStatistics, TraceLevel, TraceLog
from profiles.models import EmailServerProfile
from serversync.console.outcomes import HOUR, Stretch, stretches
from serversync.pacing import LATE
from tracking.crm.models import Email
from tracking.crm.models.states import DeliveryState, EmailStatus
from tracking.facts.why import Explanation, explain_rows
from tracking.models import LedgerRow, LedgerState, LedgerTotal

PARTS = ("copies", "pending", "tracked", "ignored", "quarantined", "gone")


@dataclass(frozen=True, slots=True)
class Work:
    """Legs that wait for a worker: due now, overdue by more than ten minutes, the oldest, and those at work."""

    due: int
    late: int
    oldest: datetime | None
    running: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Emails on their way out, and those of which nobody knows whether they arrived (law 7)."""

    waiting: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The equation of law 2 over all mailboxes; `unbalanced` counts mailboxes whose own equation does not hold."""

    shown: int
    parts: dict[str, int]
    unbalanced: int

    @property
    def balances(self) -> bool:
        return not self.unbalanced and self.shown == sum(self.parts.values())


@dataclass(frozen=True, slots=True)
class Start:
    """How far an installation has been set up."""

    has_profile: bool
    has_method: bool
    has_enabled: bool
    has_run: bool


def mailboxes_by_health() -> dict[Health, int]:
    """How many mailboxes are in each condition, also where there are none."""
    counted = with_health(Mailbox.objects.order_by()).values_list("health").annotate(number=Count("pk"))
    numbers = dict(counted)
    return {word: numbers.get(word, 0) for word in Health if not word.is_quiet}


def due_work(now: datetime) -> Work:
    """What waits for a worker; a leg that is being worked on does not wait."""
    late = Q(due_on__lte=now - LATE) | Q(requested_on__lte=now - LATE)
    found = MailboxLeg.objects.due(now).aggregate(
        due=Count("pk"), late=Count("pk", filter=late), due_on=Min("due_on"), requested_on=Min("requested_on")
    )
    times = [time for time in (found["due_on"], found["requested_on"]) if time and time <= now]
    running = MailboxLeg.objects.filter(leased_until__gt=now).count()
    return Work(found["due"], found["late"], min(times, default=None), running)


def open_alerts() -> dict[TraceLevel, int]:
    """How many alerts are open at each level."""
    counted = (
        TraceLog.objects.filter(closed_on__isnull=True).order_by().values_list("level").annotate(number=Count("pk"))
    )
    numbers = dict(counted)
    return {level: numbers.get(level, 0) for level in reversed(TraceLevel)}


def new_alerts(user: Person) -> int:
    """How many open alerts this person has not seen yet (4.9)."""
    return attention.number_of_new(TraceLog.objects.all(), user)


def newest_alerts(limit: int = 5) -> list[TraceLog]:
    """The open alerts that happened last."""
    alerts = TraceLog.objects.filter(closed_on__isnull=True).select_related("mailbox", "email_server_profile")
    return list(alerts[:limit])


def outgoing() -> Outgoing:
    """Reads the partial index of what is to be sent."""
    found = Email.objects.filter(status_code__in=[EmailStatus.PENDING_SEND, EmailStatus.SENDING]).aggregate(
        waiting=Count("pk", filter=~Q(delivery_state=DeliveryState.UNKNOWN)),
        unknown=Count("pk", filter=Q(delivery_state=DeliveryState.UNKNOWN)),
    )
    return Outgoing(**found)


def ledger() -> Ledger:
    """The totals of all mailboxes together."""
    right = sum((F(part) for part in PARTS[1:]), F(PARTS[0]))
    found = LedgerTotal.objects.annotate(right=right).aggregate(
        total=Sum("shown"),
        unbalanced=Count("pk", filter=~Q(shown=F("right"))),
        **{f"all_{part}": Sum(part) for part in PARTS},
    )
    return Ledger(found["total"] or 0, {part: found[f"all_{part}"] or 0 for part in PARTS}, found["unbalanced"])


def mail_per_hour(now: datetime, hours: int = 24) -> list[Stretch]:
    """What was tracked, ignored, sent and failed in each of the last hours, oldest first, the current one last."""
    current = now.replace(minute=0, second=0, microsecond=0)
    return stretches(MailboxStatistics.objects.all(), current - HOUR * (hours - 1), HOUR, hours)


def newest_decisions(limit: int = 10, mailbox: Mailbox | None = None) -> list[Explanation]:
    """The messages that were decided last, of all mailboxes or of one, by the order in which they were discovered."""
    rows = LedgerRow.objects.exclude(state=LedgerState.PENDING).select_related("mailbox").prefetch_related("placements")
    if mailbox is not None:
        rows = rows.filter(mailbox=mailbox)
    return explain_rows(rows.order_by("-pk")[:limit])


def start() -> Start:
    """Which of the first steps have been taken."""
    legs = MailboxLeg.objects.aggregate(
        enabled=Count("pk", filter=Q(enabled=True)), run=Count("pk", filter=Q(last_completed_on__isnull=False))
    )
    methods = Q(incoming_email_delivery_method__gt=0) | Q(outgoing_email_delivery_method__gt=0)
    return Start(
        has_profile=EmailServerProfile.objects.exists(),
        has_method=Mailbox.objects.filter(methods, email_server_profile__isnull=False).exists(),
        has_enabled=legs["enabled"] > 0,
        has_run=legs["run"] > 0,
    )
