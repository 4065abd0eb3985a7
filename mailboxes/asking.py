"""Asking for the mail of mailboxes at once, wherever it comes in."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from mailboxes.models import IncomingDeliveryMethod, Leg, Mailbox, MailboxLeg
from profiles.models import StateCode


def ask_to_receive(mailbox_ids: Collection[UUID], now: datetime) -> None:
    """Let the incoming mail of these mailboxes be read at once."""
    mailboxes = Mailbox.objects.filter(pk__in=list(mailbox_ids))
    MailboxLeg.objects.filter(mailbox__in=mailboxes, leg=Leg.INCOMING).request(now)
    ask_forward_mailboxes(mailboxes, now)


def ask_forward_mailboxes(mailboxes: QuerySet[Mailbox], now: datetime) -> None:
    """Mail that arrives through a forward mailbox is read there (1.6): ask those, if it does for any of these."""
    if mailboxes.filter(incoming_email_delivery_method=IncomingDeliveryMethod.FORWARD_MAILBOX).exists():
        read = Mailbox.objects.filter(is_forward_mailbox=True, state_code=StateCode.ACTIVE)
        MailboxLeg.objects.filter(mailbox__in=read, leg=Leg.INCOMING, enabled=True).request(now)
