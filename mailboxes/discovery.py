"""Autodiscover for mailboxes: the server is found once, remembered on the legs, and found again when it has moved (2.7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from mailboxes.models import Leg, Mailbox, MailboxLeg
from mailboxes.reach import access_to, access_to_autodiscover, discovered_url
from profiles.connectors import discover_exchange
from profiles.connectors.base import AuthenticationFailed, Cause, ConnectorError
from profiles.items import Access, Progress, no_progress

MOVED = frozenset({Cause.WRONG_SERVER, Cause.MAILBOX_MISSING, Cause.DNS})
"""What a server that no longer has a mailbox may answer, apart from refusing the credentials."""


def found_access(
    mailbox: Mailbox,
    leg: Leg,
    now: datetime,
    progress: Progress = no_progress,
    *,
    anew: bool = False,
    patience: float | None = None,
) -> Access:
    """How this leg reaches its server. Where autodiscover has not found it yet, or is to look `anew`, it is asked now and
    what it finds is remembered. `patience` bounds each wait where a person waits. Raises AccessIncomplete, KeyUnavailable
    and ConnectorError."""
    ask = access_to_autodiscover(mailbox, leg)
    if ask is not None and (anew or not discovered_url(mailbox, leg)):
        return _found(_hurried(ask, patience), mailbox, now, progress)
    return _hurried(access_to(mailbox, leg), patience)


def _hurried(access: Access, patience: float | None) -> Access:
    return access if patience is None else replace(access, timeout=min(access.timeout, patience))


def found_elsewhere(
    mailbox: Mailbox, failed: Access, leg: Leg, error: ConnectorError, now: datetime, progress: Progress = no_progress
) -> Access | None:
    """Where to try again after `error`, once in a cycle: None unless the server may have moved and autodiscover names
    another one now. Where it is asked in vain, the error stands."""
    ask = access_to_autodiscover(mailbox, leg)
    if ask is None or not (isinstance(error, AuthenticationFailed) or error.cause in MOVED):
        return None
    if MailboxLeg.objects.filter(mailbox=mailbox, leg=leg, last_auto_discovered_on__gte=now).exists():
        return None
    try:
        found = _found(ask, mailbox, now, progress)
    except ConnectorError:
        return None
    return found if found.url != failed.url else None


def discovered_now(mailbox: Mailbox, leg: Leg) -> Access:
    """As `found_access`, for somebody who tries settings out: always asked, never remembered."""
    ask = access_to_autodiscover(mailbox, leg)
    return access_to(mailbox, leg) if ask is None else replace(ask, url=discover_exchange(ask))


def _found(ask: Access, mailbox: Mailbox, now: datetime, progress: Progress) -> Access:
    url = discover_exchange(ask, progress)
    MailboxLeg.objects.filter(mailbox=mailbox).update(ews_url=url[:500], last_auto_discovered_on=now)
    return replace(ask, url=url)
