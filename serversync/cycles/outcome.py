"""Writing how a cycle ended: the next run, the status, alerts, statistics and events, in one transaction (4.2–4.8)."""

from __future__ import annotations

import random
import socket
from datetime import datetime, timedelta

from django.db import transaction

from mailboxes.alarms import SERVER_SILENT, close_alerts, raise_alert
from mailboxes.models import Leg, LegStatus, Mailbox, MailboxLeg, MailboxStatistics, ServerCircuit, TraceLevel
from mailboxes.models.leg import Claim, LeaseLost
from mailboxes.policy import Policy
from profiles.connectors.base import AuthenticationFailed, ConnectorError, Throttled, Transient
from profiles.models import CredentialRetrieval, EmailServerProfile
from serversync.cycles.report import Report
from serversync.pacing import LATE, Next, after_error, next_due, pause_after
from tracking.crm.delivery import next_send_time
from tracking.crm.models import DomainEvent
from tracking.crm.models.events import EventKind

SKIPPED_AGAIN_AFTER = timedelta(minutes=5)


def skip(claim: Claim, reason: str, now: datetime, until: datetime | None = None) -> None:
    """The leg may not run: say why where people look, and look again later."""
    MailboxLeg.objects.release(claim, skip_reason=reason, due_on=until or now + SKIPPED_AGAIN_AFTER)


def pause_of(mailbox: Mailbox, leg: Leg, now: datetime) -> datetime | None:
    """Until when the server of this mailbox is left alone, because it answered nobody lately."""
    profile = mailbox.email_server_profile
    return ServerCircuit.objects.open_until(profile, leg, now) if profile else None


def finish(
    claim: Claim,
    leg: MailboxLeg,
    mailbox: Mailbox,
    report: Report,
    error: ConnectorError | None,
    started: datetime,
    ended: datetime,
    policy: Policy,
) -> None:
    """Release the leg with everything this cycle told. Raises LeaseLost (and writes nothing) when it is no longer ours."""
    with transaction.atomic():
        if error is None:
            _succeeded(claim, leg, mailbox, report, ended)
        else:
            _failed(claim, leg, mailbox, error, ended, policy)
        if error is not None or report.found_something or _ends_a_silence(claim, leg, started):
            _note_statistics(claim, mailbox, report, error, started, ended)


def _ends_a_silence(claim: Claim, leg: MailboxLeg, started: datetime) -> bool:
    """Whether an idle cycle is worth a row (4.5): without it nobody would see when a failure or a gap was over."""
    began_late = claim.due_on is not None and started - claim.due_on > LATE
    return began_late or leg.last_succeeded_on != leg.last_completed_on


def _succeeded(claim: Claim, leg: MailboxLeg, mailbox: Mailbox, report: Report, ended: datetime) -> None:
    idle = 0 if report.found_something else leg.idle_cycles + 1
    due = ended if report.more else next_due(ended, idle, _minimum(mailbox))
    if claim.leg == Leg.OUTGOING:
        due = min([due, *filter(None, [next_send_time(mailbox, ended)])])
    released = MailboxLeg.objects.release(
        claim,
        status=LegStatus.SUCCESS,
        skip_reason="",
        due_on=due,
        postponed_until=None,
        failures=0,
        idle_cycles=idle,
        last_completed_on=ended,
        last_succeeded_on=ended,
        last_error="",
        last_remedy="",
        stopped_on=None,
        heals_by_itself=False,
    )
    if not released:
        raise LeaseLost(f"leg {claim.leg_id}")
    profile = mailbox.email_server_profile
    if profile is not None and ServerCircuit.objects.note_success(profile, claim.leg):
        _server_recovered(profile, claim.leg, ended)
    if leg.failures or leg.status == LegStatus.FAILURE:
        _announce_recovery(mailbox, leg, ended)


def _announce_recovery(mailbox: Mailbox, leg: MailboxLeg, now: datetime) -> None:
    """Close the alert; whoever was told that the leg had stopped is told that it works again."""
    close_alerts(mailbox, [_cause(Leg(leg.leg))], now)
    _tell(EventKind.MAILBOX_RECOVERED, mailbox, Leg(leg.leg), now)
    if leg.stopped_on is not None:
        text = f"{leg.get_leg_display()} of {mailbox.email_address} works again."
        raise_alert(mailbox, TraceLevel.INFORMATION, f"{Leg(leg.leg).name.lower()} recovered", text, now)


def _failed(
    claim: Claim, leg: MailboxLeg, mailbox: Mailbox, error: ConnectorError, ended: datetime, policy: Policy
) -> None:
    failures = leg.failures + 1
    then = after_error(error, failures, ended, _minimum(mailbox), policy, random.random())
    _note_on_server(mailbox, claim.leg, error, ended)
    released = MailboxLeg.objects.release(
        claim,
        status=LegStatus.FAILURE,
        skip_reason="",
        enabled=leg.enabled and (then.heals or not then.stops),
        stopped_on=(leg.stopped_on or ended) if then.stops else None,
        heals_by_itself=then.heals,
        due_on=then.due_on,
        postponed_until=then.postponed_until,
        failures=failures,
        last_completed_on=ended,
        last_error=str(error)[:2048],
        last_remedy=error.remedy[:1000],
    )
    if not released:
        raise LeaseLost(f"leg {claim.leg_id}")
    others = _stop_others(mailbox, claim.leg, error, ended) if then.stops else 0
    _alert(mailbox, claim.leg, error, then, failures, others, ended)
    if then.stops and leg.stopped_on is None:
        _tell(EventKind.MAILBOX_STOPPED, mailbox, claim.leg, ended)


def _note_on_server(mailbox: Mailbox, leg: Leg, error: ConnectorError, now: datetime) -> None:
    """One failing server does not cost one attempt per mailbox: after some failures in a row it is left alone."""
    profile = mailbox.email_server_profile
    if profile is None or not isinstance(error, Transient):
        return
    pause = pause_after(ServerCircuit.objects.note_failure(profile, leg, mailbox.pk, str(error)))
    if pause is None:
        return
    ServerCircuit.objects.open(profile, leg, now + pause)
    text = (
        f"{leg.label}: the server of {profile} answered no mailbox lately. It is left alone until "
        f"{now + pause:%H:%M} UTC and then asked again; the mailboxes wait. Last: {error}"
    )
    raise_alert(profile, TraceLevel.WARNING, _server_cause(leg), text, now, details=error.words, remedy=error.remedy)


def _server_recovered(profile: EmailServerProfile, leg: Leg, now: datetime) -> None:
    """Whoever was told that the server answers nobody is told that it does again."""
    if close_alerts(profile, [_server_cause(leg)], now):
        text = f"{leg.label}: the server of {profile} works again."
        raise_alert(profile, TraceLevel.INFORMATION, f"{leg.name.lower()} server recovered", text, now)


def _server_cause(leg: Leg) -> str:
    return f"{leg.name.lower()} {SERVER_SILENT}"


def _minimum(mailbox: Mailbox) -> int:
    profile = mailbox.email_server_profile
    return profile.min_polling_interval_in_minutes if profile else 0


def _cause(leg: Leg) -> str:
    return f"{leg.name.lower()} failed"


def _alert(
    mailbox: Mailbox, leg: Leg, error: ConnectorError, then: Next, failures: int, others: int, now: datetime
) -> None:
    """4.8: transient → Warning, stopped → Error; what happened, what the server said, what happens next."""
    if then.heals:
        following = (
            f"It failed {failures} times in a row and is now tried only now and then, next at {then.due_on:%H:%M} UTC."
        )
    elif then.stops:
        following = "This direction is stopped until somebody enables it again."
    else:
        following = f"It is tried again at {then.due_on:%H:%M} UTC."
    if others:
        following += (
            f" {others} further mailboxes with the same credentials were stopped as well, to spare the account."
        )
    if isinstance(error, Throttled):
        following = f"The server asked us to wait. {following}"
    text = f"{leg.label} of {mailbox.email_address}: {error} {following}"
    level = TraceLevel.ERROR if then.stops else TraceLevel.WARNING
    raise_alert(mailbox, level, _cause(leg), text, now, details=error.words, remedy=error.remedy)


def _stop_others(mailbox: Mailbox, leg: Leg, error: ConnectorError, now: datetime) -> int:
    """A wrong password of a profile is not tried once more by each of its mailboxes: that locks accounts (law 8)."""
    profile = mailbox.email_server_profile
    if profile is None or not isinstance(error, AuthenticationFailed):
        return 0
    outgoing = leg == Leg.OUTGOING and not profile.use_same_settings_for_outgoing_connections
    retrieval = profile.outgoing_credential_retrieval if outgoing else profile.incoming_credential_retrieval
    if retrieval != CredentialRetrieval.SPECIFIED_IN_PROFILE:
        return 0
    legs = [leg] if not profile.use_same_settings_for_outgoing_connections else list(Leg)
    others = MailboxLeg.objects.filter(mailbox__email_server_profile=profile, leg__in=legs, enabled=True)
    return others.exclude(mailbox=mailbox, leg=leg).update(
        enabled=False, status=LegStatus.FAILURE, last_error=str(error)[:2048], last_remedy=error.remedy[:1000]
    )


def _tell(kind: EventKind, mailbox: Mailbox, leg: Leg, now: datetime) -> None:
    DomainEvent.objects.create(
        kind=kind, happened_on=now, subject_id=str(mailbox.pk), mailbox_id=mailbox.pk, facts={"leg": leg.name.lower()}
    )


def _note_statistics(
    claim: Claim, mailbox: Mailbox, report: Report, error: ConnectorError | None, started: datetime, ended: datetime
) -> None:
    MailboxStatistics.objects.create(
        mailbox=mailbox,
        operation_type=claim.leg,
        mailbox_process_scheduled_on=claim.due_on,
        mailbox_process_started_on=started,
        mailbox_process_completed_on=ended,
        process_result=error is None,
        items_seen=report.seen,
        items_tracked=report.tracked,
        items_ignored=report.ignored,
        items_sent=report.sent,
        items_failed=report.failed,
        error=str(error)[:500] if error else "",
        machine_name=socket.gethostname()[:160],
    )
