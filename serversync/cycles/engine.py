"""One leg, once: claim, check, connect, run the cycle, write how it went, release (laws 6, 8; 4.1–4.6)."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import InterfaceError

from mailboxes import brake
from mailboxes.access import AccessIncomplete
from mailboxes.discovery import found_access, found_elsewhere
from mailboxes.eligibility import skip_reason
from mailboxes.lease import Lease
from mailboxes.models import Leg, Mailbox, MailboxLeg, Organization
from mailboxes.models.leg import Claim, LeaseLost, new_holder
from mailboxes.policy import Policy
from mailboxes.reach import leg_facts
from profiles.connectors import open_item_store, open_source
from profiles.connectors.base import Cause, ConnectorError, MailboxUnavailable, Transient
from profiles.items import Access, Transport
from profiles.models import CredentialRetrieval
from profiles.secrets import KeyUnavailable
from serversync.cycles import outcome
from serversync.cycles.act import Act
from serversync.cycles.incoming import Incoming
from serversync.cycles.outboxes import Outboxes
from serversync.cycles.outgoing import Outgoing
from serversync.cycles.report import Report
from tracking.keep.act.files import files_taken

log = logging.getLogger(__name__)
Clock = Callable[[], datetime]
HOST = socket.gethostname()


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of one claim: the report, and either why it was skipped or the error."""

    mailbox: Mailbox
    leg: Leg
    report: Report
    started: datetime
    skipped: str = ""
    error: ConnectorError | None = None
    lost: bool = False


def claim_next(clock: Clock, among: list[int] | None = None) -> Claim | None:
    """The most urgent due leg, claimed; None when nothing is due. `among` restricts to these leg ids."""
    now = clock()
    holder = new_holder(HOST, os.getpid())
    due = MailboxLeg.objects.due(now)
    if among is not None:
        due = due.filter(pk__in=among)
    for row in due.select_related("mailbox__email_server_profile").order_by("requested_on", "due_on")[:20]:
        claim = MailboxLeg.objects.claim(row, now, holder)
        if claim is not None and _has_connection_left(row, now):
            return claim
        if claim is not None:
            MailboxLeg.objects.release(claim, requested_on=row.requested_on)
    return None


def _has_connection_left(row: MailboxLeg, now: datetime) -> bool:
    """2.10: at most so many legs of one profile at once where its mailboxes share one account."""
    profile = row.mailbox.email_server_profile
    if profile is None:
        return True
    own = row.leg == Leg.OUTGOING and not profile.use_same_settings_for_outgoing_connections
    retrieval = profile.outgoing_credential_retrieval if own else profile.incoming_credential_retrieval
    if retrieval != CredentialRetrieval.SPECIFIED_IN_PROFILE:
        return True
    held = MailboxLeg.objects.filter(mailbox__email_server_profile=profile, leased_until__gte=now).count()
    return held <= profile.max_concurrent_connections


def run_claim(claim: Claim, clock: Clock, budget: timedelta, outboxes: Outboxes) -> Ended:
    """Run what was claimed and release it. Never raises for trouble with a server, a mailbox or a lost lease."""
    now = clock()
    mailbox = Mailbox.objects.select_related(
        "email_server_profile", "regarding_user__sync_settings", "regarding_queue"
    ).get(pk=claim.mailbox_id)
    leg = MailboxLeg.objects.get(pk=claim.leg_id)
    organization = Organization.current()
    policy = organization.policy()
    ended = Ended(mailbox, claim.leg, Report(), now)
    try:
        reason = skip_reason(leg_facts(mailbox, leg), policy) or brake.reason_to_wait(organization, mailbox, claim.leg)
        if reason:
            outcome.skip(claim, reason, clock())
            return Ended(mailbox, claim.leg, Report(), now, skipped=reason)
        pause = outcome.pause_of(mailbox, claim.leg, now)
        if pause is not None:
            reason = f"The server answered nobody lately; it is asked again at {pause:%H:%M} UTC."
            outcome.skip(claim, reason, clock(), until=pause)
            return Ended(mailbox, claim.leg, Report(), now, skipped=reason)
        error = _run(mailbox, Lease(claim, clock), policy, now, budget, ended.report, outboxes)
        outcome.finish(claim, leg, mailbox, ended.report, error, now, clock(), policy)
    except LeaseLost:
        log.warning("the lease of %s moved to another worker; nothing more was written", claim)
        return Ended(mailbox, claim.leg, ended.report, now, lost=True)
    return Ended(mailbox, claim.leg, ended.report, now, error=error)


def _run(
    mailbox: Mailbox, lease: Lease, policy: Policy, now: datetime, budget: timedelta, report: Report, outboxes: Outboxes
) -> ConnectorError | None:
    """The cycle itself; what goes wrong with the server comes back as a value."""
    try:
        access = found_access(mailbox, lease.claim.leg, now, lease.progress)
        try:
            _run_at(access, mailbox, lease, policy, now, budget, report, outboxes)
        except ConnectorError as error:
            elsewhere = found_elsewhere(mailbox, access, lease.claim.leg, error, now, lease.progress)
            if elsewhere is None:
                raise
            _run_at(elsewhere, mailbox, lease, policy, now, budget, report, outboxes)
    except (AccessIncomplete, KeyUnavailable) as error:  # nothing was tried on the server
        return MailboxUnavailable(str(error), cause=Cause.SETTINGS)
    except ConnectorError as error:
        return error
    except (LeaseLost, InterfaceError):
        raise
    except Exception as error:
        log.exception("the cycle of %s failed in an unexpected way", lease.claim)
        return Transient(
            f"Something went wrong in this service: {type(error).__name__}.",
            remedy="Nothing is lost; it is tried again. The log of the worker tells more.",
        )
    return None


def _run_at(
    access: Access,
    mailbox: Mailbox,
    lease: Lease,
    policy: Policy,
    now: datetime,
    budget: timedelta,
    report: Report,
    outboxes: Outboxes,
) -> None:
    if lease.claim.leg == Leg.INCOMING:
        _receive(access, mailbox, lease, policy, now, budget, report)
    elif lease.claim.leg == Leg.ACT:
        _synchronize(access, mailbox, lease, policy, now, budget, report)
    else:
        _send(access, mailbox, lease, policy, now, budget, report, outboxes)


def _receive(
    access: Access, mailbox: Mailbox, lease: Lease, policy: Policy, now: datetime, budget: timedelta, report: Report
) -> None:
    source = open_source(access, lease.progress)
    try:
        Incoming(
            mailbox,
            source,
            lease,
            policy,
            now,
            transport_gives_raw=access.transport is Transport.POP3,
            can_categorize=access.transport is Transport.EWS,
            has_sent_items=access.transport is Transport.EWS and not mailbox.is_forward_mailbox,
            has_folders=access.transport is Transport.EWS and not mailbox.is_forward_mailbox,
            budget=budget,
            report=report,
        ).run()
    finally:
        source.close()


def _synchronize(
    access: Access, mailbox: Mailbox, lease: Lease, policy: Policy, now: datetime, budget: timedelta, report: Report
) -> None:
    store = open_item_store(access, lease.progress, files_taken(policy))
    try:
        Act(mailbox, store, lease, policy, now, budget, report).run()
    finally:
        store.close()


def _send(
    access: Access,
    mailbox: Mailbox,
    lease: Lease,
    policy: Policy,
    now: datetime,
    budget: timedelta,
    report: Report,
    outboxes: Outboxes,
) -> None:
    outbox = outboxes.borrow(access, lease)
    fine = False
    try:
        drafts = access.transport is Transport.EWS
        Outgoing(mailbox, outbox, lease, policy, now, leaves_drafts=drafts, budget=budget, report=report).run()
        fine = True
    finally:
        outboxes.give_back(access, outbox, keep=fine)


def drain(
    clock: Clock, seconds: float, among: list[int] | None = None, first: Callable[[], bool] = lambda: False
) -> list[Ended]:
    """Claim and run due legs until none is left or the time is up. Running it twice, or on many hosts, changes nothing.

    `first` is called before each claim, for what people wait for; it says whether there was anything to do.
    """
    started, ended, outboxes = clock(), [], Outboxes()
    try:
        while clock() - started < timedelta(seconds=seconds):
            did_something = first()
            claim = claim_next(clock, among)
            if claim is not None:
                ended.append(run_claim(claim, clock, timedelta(seconds=seconds), outboxes))
            elif not did_something:
                break
    finally:
        outboxes.close()
    return ended
