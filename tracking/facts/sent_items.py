"""From when on Sent Items are read (5.3)."""

from __future__ import annotations

from datetime import datetime

from mailboxes.models import Mailbox
from tracking.facts.batch import start_of
from tracking.models import SyncCursor

SENT_SINCE = "sent items since"
"""The cursor whose date says when the reading of Sent Items was switched on, instead of a place in a folder."""


def sent_start_of(mailbox: Mailbox, leg_id: int) -> datetime | None:
    """The start date, as for the Inbox; without one the moment of the switch, so that nobody's years of sent mail come
    in at once. None if there is neither."""
    start = start_of(mailbox)
    if start is not None:
        return start
    return SyncCursor.objects.filter(leg_id=leg_id, folder=SENT_SINCE).values_list("moved_on", flat=True).first()
