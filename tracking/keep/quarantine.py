"""The alert that messages of a mailbox could not be tracked: one per mailbox, open as long as any is in quarantine (5.22)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from mailboxes.alarms import close_alerts, raise_alert
from mailboxes.models import Mailbox, TraceLevel
from tracking.models import LedgerTotal

CAUSE = "messages not tracked"
REMEDY = (
    "Open the page of the mailbox: “What did not sync” shows each of them with its error. Remove the cause, then press "
    "“Redo”. In the ledger an administrator can redo or ignore many at once."
)


def tell(mailbox: Mailbox, error: str, now: datetime) -> None:
    """One more message went into quarantine; call it inside the transaction that put it there."""
    count = LedgerTotal.objects.filter(pk=mailbox.pk).values_list("quarantined", flat=True).first() or 0
    what = "1 message" if count == 1 else f"{count} messages"
    text = f"{what} of {mailbox.email_address} could not be tracked. What could be read of it is kept."
    raise_alert(mailbox, TraceLevel.WARNING, CAUSE, text, now, details=error, remedy=REMEDY, always=True)


def close_if_empty(mailbox_ids: Iterable[UUID], now: datetime) -> None:
    """Messages left the quarantine of these mailboxes: the alert ends with the last one."""
    empty = LedgerTotal.objects.filter(pk__in=list(mailbox_ids), quarantined=0).select_related("mailbox")
    for total in empty:
        close_alerts(total.mailbox, [CAUSE], now)
