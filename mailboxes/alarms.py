"""Raising and closing alerts: one open alert per cause, with a count (4.8–4.12)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from mailboxes.models import Mailbox, TraceLevel, TraceLog
from mailboxes.models.settings import current_policy
from mailboxes.policy import Policy
from profiles.models import EmailServerProfile

SERVER_SILENT = "server silent"
"""How the cause of an alert ends that says that a server answers nobody."""

About = Mailbox | EmailServerProfile
"""What an alert is about: its owner and the administrators see it (4.9)."""


def raise_alert(
    about: About,
    level: TraceLevel,
    cause: str,
    text: str,
    now: datetime,
    *,
    details: str = "",
    remedy: str = "",
    always: bool = False,
) -> bool:
    """Tell once; the same open cause is counted instead of repeated. Returns whether it is new.

    Nothing is told of a level that the organization has switched off (4.11), unless `always`: what may be lost, or
    what another message depends on, is never kept quiet.
    """
    if not always and not is_wanted(level, current_policy()):
        return False
    open_alerts = TraceLog.objects.filter(**_column(about), cause=cause, closed_on__isnull=True)
    told = {"level": level, "text": text[:2000], "error_details": details[:2048], "remedy": remedy[:1000]}
    if open_alerts.update(occurrences=F("occurrences") + 1, last_occurred_on=now, **told):
        return False
    try:
        with transaction.atomic():
            TraceLog.objects.create(**_column(about), cause=cause, created_on=now, last_occurred_on=now, **told)
    except IntegrityError:  # another worker raised it in the same moment
        open_alerts.update(occurrences=F("occurrences") + 1, last_occurred_on=now)
        return False
    return True


def close_alerts(about: About, causes: Sequence[str], now: datetime) -> int:
    """The causes are gone. Returns how many open alerts were closed."""
    open_alerts = TraceLog.objects.filter(**_column(about), cause__in=causes, closed_on__isnull=True)
    return open_alerts.update(closed_on=now)


def is_wanted(level: TraceLevel, policy: Policy) -> bool:
    """4.11: each level has its own switch."""
    return {
        TraceLevel.ERROR: policy.generate_alerts_for_errors,
        TraceLevel.WARNING: policy.generate_alerts_for_warnings,
        TraceLevel.INFORMATION: policy.generate_alerts_for_information,
    }[level]


def _column(about: About) -> dict[str, Any]:
    return {"mailbox": about} if isinstance(about, Mailbox) else {"email_server_profile": about}
