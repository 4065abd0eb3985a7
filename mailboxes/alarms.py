"""Raising and closing alerts: one open alert per cause, with a count (4.8, 4.12)."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from mailboxes.models import Mailbox, TraceLevel, TraceLog


def raise_alert(
    mailbox: Mailbox, level: TraceLevel, cause: str, text: str, now: datetime, *, details: str = "", remedy: str = ""
) -> None:
    """Tell once; the same open cause is counted instead of repeated."""
    open_alerts = TraceLog.objects.filter(mailbox=mailbox, cause=cause, closed_on__isnull=True)
    told = {"level": level, "text": text[:2000], "error_details": details[:2048], "remedy": remedy[:1000]}
    if open_alerts.update(occurrences=F("occurrences") + 1, last_occurred_on=now, **told):
        return
    try:
        with transaction.atomic():
            TraceLog.objects.create(mailbox=mailbox, cause=cause, created_on=now, last_occurred_on=now, **told)
    except IntegrityError:  # another worker raised it in the same moment
        open_alerts.update(occurrences=F("occurrences") + 1, last_occurred_on=now)


def close_alerts(mailbox: Mailbox, causes: list[str], now: datetime) -> int:
    """The causes are gone. Returns how many open alerts were closed."""
    return TraceLog.objects.filter(mailbox=mailbox, cause__in=causes, closed_on__isnull=True).update(closed_on=now)
