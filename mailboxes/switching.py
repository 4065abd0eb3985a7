"""What an administrator does to many mailboxes at once: approve or reject, enable, (de)activate, sync now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from mailboxes.asking import ask_forward_mailboxes
from mailboxes.models import Approval, Leg, Mailbox, MailboxLeg
from profiles import history
from profiles.models import StateCode


def sync_now(mailboxes: QuerySet[Mailbox], now: datetime) -> int:
    """Ask every enabled leg of these mailboxes to run at once. Returns how many legs were asked."""
    ask_forward_mailboxes(mailboxes, now)
    return MailboxLeg.objects.filter(mailbox__in=mailboxes, enabled=True).request(now)


def approve(mailboxes: QuerySet[Mailbox], by: int | None, now: datetime) -> int:
    """Approve the addresses (3.4) in the name of the user with the id `by`; what waited for it looks again at once.

    Returns how many mailboxes were approved.
    """
    approved = history.update(
        mailboxes.exclude(email_address=""),
        email_router_access_approval=Approval.APPROVED,
        email_address_approved_by_id=by,
        email_address_approved_on=now,
    )
    sync_now(mailboxes, now)
    return approved


def reject(mailboxes: QuerySet[Mailbox]) -> int:
    """Reject the addresses: the mailboxes are skipped from now on (3.7). Returns how many."""
    return history.update(
        mailboxes,
        email_router_access_approval=Approval.REJECTED,
        email_address_approved_by=None,
        email_address_approved_on=None,
    )


def enable(mailboxes: QuerySet[Mailbox], legs: Iterable[Leg], now: datetime) -> int:
    """Let these legs run, also those that were stopped after failures; a cursor never moves by it (3.12)."""
    return MailboxLeg.objects.filter(mailbox__in=mailboxes, leg__in=list(legs)).update(
        enabled=True, failures=0, stopped_on=None, heals_by_itself=False, requested_on=now
    )


def activate(mailboxes: QuerySet[Mailbox], now: datetime) -> int:
    """Make the mailboxes active again (1.9) and look at them at once."""
    changed = history.update(mailboxes, state_code=StateCode.ACTIVE)
    sync_now(mailboxes, now)
    return changed


def deactivate(mailboxes: QuerySet[Mailbox]) -> int:
    """No leg of an inactive mailbox is run (1.9)."""
    return history.update(mailboxes, state_code=StateCode.INACTIVE)
