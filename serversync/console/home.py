"""The administrator's home page: is mail flowing, and what needs a person?"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from mailboxes.health import Health
from serversync.console import figures
from serversync.console.outcomes import Stretch
from tracking.facts.queue_items import queues_with_counts
from tracking.facts.visibility import readable_among

_MEANINGS = {
    Health.STOPPED: "until a person helps",
    Health.FAILING: "and tried again",
    Health.WORKING: "as they should",
    Health.SKIPPED: "for a reason they tell",
    Health.NEVER_RUN: "not enabled yet",
}
_SERIES = (("Tracked", "#16a34a"), ("Ignored", "#64748b"), ("Sent", "#2563eb"), ("Failed", "#dc2626"))
CHART_OPTIONS: dict[str, Any] = {
    "responsive": True,
    "maintainAspectRatio": False,
    "animation": False,
    "plugins": {"legend": {"position": "bottom", "labels": {"boxWidth": 12, "boxHeight": 12}}},
    "scales": {
        "x": {"stacked": True, "grid": {"display": False}, "ticks": {"maxRotation": 0, "autoSkipPadding": 12}},
        "y": {"stacked": True, "beginAtZero": True, "ticks": {"precision": 0}, "grid": {}},
    },
}


@dataclass(frozen=True, slots=True)
class Card:
    """One condition with its number; it leads to the list of exactly these mailboxes."""

    health: Health
    number: int
    meaning: str
    address: str


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the home page shows to this person: each part only with the permission to see its rows."""
    user = request.user
    context |= {"title": "Home", "queues": queues_with_counts(user)}
    if user.has_perm("mailboxes.view_mailbox"):
        context |= _mailbox_parts()
    if user.has_perm("mailboxes.view_tracelog"):
        context |= {"alert_levels": list(figures.open_alerts().items()), "alerts": figures.newest_alerts()}
    if user.has_perm("tracking.view_ledgerrow"):
        decisions = figures.newest_decisions()
        readable = readable_among(user, [one.email_id for one in decisions])
        context |= {"ledger": figures.ledger(), "decisions": decisions, "readable": readable}
    return context


def _mailbox_parts() -> dict[str, Any]:
    now = timezone.now()
    address = reverse("admin:mailboxes_mailbox_changelist")
    hours = figures.mail_per_hour(now)
    return {
        "start": figures.start(),
        "cards": [
            Card(health, number, _MEANINGS[health], f"{address}?health={health}")
            for health, number in figures.mailboxes_by_health().items()
        ],
        "work": figures.due_work(now),
        "outgoing": figures.outgoing(),
        "hours": hours,
        "chart": _chart(hours),
        "chart_options": CHART_OPTIONS,
    }


def _chart(hours: list[Stretch]) -> dict[str, Any]:
    """The data of a stacked bar chart: one column per hour (UTC), one colour per outcome."""
    columns = [astuple(hour)[1:] for hour in hours]
    return {
        "labels": [f"{hour.start:%H}:00" for hour in hours],
        "datasets": [
            {
                "label": label,
                "data": [column[position] for column in columns],
                "backgroundColor": colour,
                "borderRadius": 2,
            }
            for position, (label, colour) in enumerate(_SERIES)
        ],
    }
