"""Who may say that an address is served, and that it was said (3.4–3.7)."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet

from mailboxes import switching
from mailboxes.models import Approval, Mailbox
from mailboxes.policy import Policy
from profiles import history

APPROVE = "mailboxes.approve_address"
Person = User | AnonymousUser


def may_approve(user: Person) -> bool:
    """3.5: one permission of its own; being allowed to change mailboxes is not enough."""
    return user.has_perm(APPROVE)


def may_approve_own(user: Person, mailbox: Mailbox, policy: Policy) -> bool:
    """3.6: only by setting, only the own user mailbox under one's own address, never where the profile impersonates."""
    profile = mailbox.email_server_profile
    impersonates = profile is not None and (profile.incoming_use_impersonation or profile.outgoing_use_impersonation)
    return (
        policy.self_approval
        and user.is_active
        and user.pk is not None
        and mailbox.regarding_user_id == user.pk
        and mailbox.email_address != ""
        and user.email.lower() == mailbox.email_address.lower()
        and not impersonates
        and mailbox.email_router_access_approval in (Approval.EMPTY, Approval.PENDING)
    )


def approve(mailboxes: QuerySet[Mailbox], by: Person, now: datetime) -> int:
    """Approve the addresses; the history of each names who did. Raises PermissionDenied (3.5). Returns how many."""
    if not may_approve(by):
        raise PermissionDenied
    return _approve(mailboxes, by, now)


def reject(mailboxes: QuerySet[Mailbox], by: Person) -> int:
    """Reject the addresses (3.7); the history of each names who did. Raises PermissionDenied (3.5). Returns how many."""
    if not may_approve(by):
        raise PermissionDenied
    with history.acting(by):
        return switching.reject(mailboxes)


def approve_own(mailbox: Mailbox, by: Person, policy: Policy, now: datetime) -> None:
    """Approve the own address. Raises PermissionDenied unless `may_approve_own`. What was rejected stays rejected."""
    if not may_approve_own(by, mailbox, policy):
        raise PermissionDenied
    _approve(Mailbox.objects.filter(pk=mailbox.pk), by, now)


def _approve(mailboxes: QuerySet[Mailbox], by: Person, now: datetime) -> int:
    with transaction.atomic(), history.acting(by):
        return switching.approve(mailboxes, by.pk, now)
