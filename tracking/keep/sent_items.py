"""Sent Items that begin to be read, or are read no more (5.3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from mailboxes.models import Mailbox
from profiles.items import SENT
from tracking.facts.sent_items import SENT_SINCE
from tracking.keep.following import leave
from tracking.models import SyncCursor


def note_sent_since(cursor: SyncCursor, now: datetime, pin: Callable[[], None]) -> datetime:
    """Write down from when on a mailbox without a start date has its Sent Items read: from now, or, if they are being
    read already, from where they were read to. It is kept for a server that forgets the cursor. Servers count arrival
    in seconds, so it is a full one."""
    since = (cursor.moved_on if cursor.value else now).replace(microsecond=0)
    with transaction.atomic():
        pin()
        noted = {"kind": "since", "moved_on": since}
        SyncCursor.objects.get_or_create(leg_id=cursor.leg_id, folder=SENT_SINCE, defaults=noted)
    return since


def stop_reading_sent(leg_id: int, mailbox: Mailbox, now: datetime, pin: Callable[[], None]) -> None:
    """The organization has switched it off: what was tracked stays; switched on again it begins anew."""
    cursors = list(SyncCursor.objects.filter(leg_id=leg_id, folder__in=(SENT, SENT_SINCE)))
    leave(cursors, mailbox, now, pin)
