"""Test and enable, as the worker carries it out: claim a test and its leg, attempt it, write what came of it (3.10).

A test holds its leg like a cycle does, so the two never meet on the server, and the leg's fence guards what a test
writes (law 6). A worker that dies in the middle frees both by time: the test is carried out again.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db import InterfaceError, transaction
from django.db.models import F

from mailboxes.alarms import close_alerts, raise_alert
from mailboxes.brake import reason_to_wait
from mailboxes.lease import Lease
from mailboxes.models import Leg, LegStatus, Mailbox, MailboxLeg, Organization, ServerCircuit, TraceLevel, Trial
from mailboxes.models.leg import LEASE, Claim, LeaseLost, ensure_legs, new_holder
from mailboxes.trials import COUNT
from serversync.cycles import trial_steps as at
from serversync.cycles.engine import HOST, Clock
from serversync.cycles.trial_attempt import Attempt, NotPassed, NotYet
from serversync.cycles.trial_steps import Step
from tracking.crm.models import DomainEvent
from tracking.crm.models.events import EventKind

log = logging.getLogger(__name__)
BUSY_FOR = timedelta(seconds=1)
MOST_ATTEMPTS = 50
"""A test that takes its worker down each time ends at last; one that only waits needs far fewer."""


def carry_out(clock: Clock, seconds: float, among: Collection[UUID] | None = None) -> int:
    """Carry out waiting tests, those first that were asked for first, until none is left or the time is up.

    `among` restricts to these tests. Returns how many attempts were made; never raises for trouble with a server.
    """
    started, attempts = clock(), 0
    while clock() - started < timedelta(seconds=seconds) and carry_out_next(clock, among):
        attempts += 1
    return attempts


def carry_out_next(clock: Clock, among: Collection[UUID] | None = None) -> bool:
    """One attempt at one waiting test; False when none can be claimed."""
    now = clock()
    waiting = Trial.objects.waiting(now)
    if among is not None:
        waiting = waiting.filter(pk__in=among)
    # Of one mailbox outgoing first: incoming looks for the message that it sends.
    for trial in waiting.order_by("requested_on", "mailbox", "-leg")[:20]:
        if not Trial.objects.claim(trial, now):
            continue
        row, claim = _claim_leg(trial, now)
        if claim is None:
            Trial.objects.filter(pk=trial.pk).update(leased_until=None, not_before=now + BUSY_FOR)
            continue
        Trial.objects.filter(pk=trial.pk).update(leased_until=now + LEASE, attempts=F("attempts") + 1)
        trial.refresh_from_db()
        _carry_out(trial, row, claim, clock)
        return True
    return False


def _claim_leg(trial: Trial, now: datetime) -> tuple[MailboxLeg, Claim | None]:
    """The leg of the test, held; no claim while a cycle of it is running."""
    row = MailboxLeg.objects.filter(mailbox_id=trial.mailbox_id, leg=trial.leg).first()
    if row is None:
        ensure_legs(trial.mailbox, now)
        row = MailboxLeg.objects.get(mailbox_id=trial.mailbox_id, leg=trial.leg)
    return row, MailboxLeg.objects.claim(row, now, new_holder(HOST, os.getpid()))


class TrialLease(Lease):
    """Holds the leg and the test alike."""

    def __init__(self, claim: Claim, clock: Callable[[], datetime], trial: Trial) -> None:
        super().__init__(claim, clock)
        self._trial = trial

    def pin(self) -> None:
        """Renew both. Raises LeaseLost."""
        super().pin()
        Trial.objects.filter(pk=self._trial.pk).update(leased_until=self._clock() + LEASE)


def _carry_out(trial: Trial, row: MailboxLeg, claim: Claim, clock: Clock) -> None:
    mailbox = Mailbox.objects.select_related("email_server_profile", "regarding_user", "regarding_queue").get(
        pk=trial.mailbox_id
    )
    organization = Organization.current()
    attempt = Attempt(trial, mailbox, row, TrialLease(claim, clock, trial), organization.policy(), clock())
    wait = reason_to_wait(organization, mailbox, claim.leg)
    try:
        if wait:
            _not_now(attempt, claim, wait, clock())
            return
        again_on = _attempt(attempt)
        if again_on is not None:
            _look_again(attempt, claim, again_on)
        else:
            _conclude(attempt, claim, clock())
    except LeaseLost:
        log.warning("the lease of the test %s moved; it is carried out by whoever holds it", trial.pk)


def _attempt(attempt: Attempt) -> datetime | None:
    """Run it. Returns when to look again; None when it has ended. What went wrong is its last step."""
    if attempt.trial.attempts > MOST_ATTEMPTS:
        attempt.steps.append(
            Step(at.REACH, False, "The test was interrupted again and again.", "See the worker's log.")
        )
        return None
    try:
        attempt.run()
    except NotYet as wait:
        return wait.again_on
    except NotPassed:
        return None
    except (LeaseLost, InterfaceError):
        raise
    except Exception as error:
        log.exception("the test %s failed in an unexpected way", attempt.trial.pk)
        words = f"Something went wrong in this service: {type(error).__name__}."
        attempt.steps.append(Step(at.REACH, False, words, "The log of the worker tells more."))
    return None


def _look_again(attempt: Attempt, claim: Claim, on: datetime) -> None:
    with transaction.atomic():
        _give_back(attempt, claim)
        _write(attempt, not_before=on)


def _not_now(attempt: Attempt, claim: Claim, reason: str, now: datetime) -> None:
    """The brake: nothing is tried on the server, and nothing is said about the leg."""
    attempt.steps = [Step(at.ALLOWED, False, reason, "Resume, then test again.")]
    with transaction.atomic():
        _give_back(attempt, claim)
        _write(attempt, finished_on=now, succeeded=False)


def _conclude(attempt: Attempt, claim: Claim, now: datetime) -> None:
    """3.10 e. A test that does not enable says only what it found: neither the leg nor its alerts change."""
    failure = next((step for step in attempt.steps if step.ok is False), None)
    with transaction.atomic():
        if not attempt.trial.enables:
            _give_back(attempt, claim)
        elif failure is None:
            _enable(attempt, claim, now)
        else:
            _note_failure(attempt, claim, failure, now)
        _write(attempt, finished_on=now, succeeded=failure is None)


def _enable(attempt: Attempt, claim: Claim, now: datetime) -> None:
    """The leg runs from now on; where it had stopped, it begins afresh."""
    row, mailbox, leg = attempt.row, attempt.mailbox, claim.leg
    _give_back(
        attempt,
        claim,
        enabled=True,
        status=LegStatus.SUCCESS,
        skip_reason="",
        failures=0,
        stopped_on=None,
        heals_by_itself=False,
        last_error="",
        last_remedy="",
        requested_on=now,
    )
    if mailbox.email_server_profile is not None:
        ServerCircuit.objects.note_success(mailbox.email_server_profile, leg)
    close_alerts(mailbox, [_cause(leg)], now)
    text = f"{leg.label} of {mailbox.email_address} is connected."
    raise_alert(mailbox, TraceLevel.INFORMATION, f"{leg.name.lower()} connected", text, now)
    if row.status == LegStatus.FAILURE:
        _tell(EventKind.MAILBOX_RECOVERED, attempt, now)


def _note_failure(attempt: Attempt, claim: Claim, failure: Step, now: datetime) -> None:
    """Whether the leg runs stays as it was: a leg that runs goes on, and a cycle that succeeds closes the alert."""
    leg, mailbox = claim.leg, attempt.mailbox
    _give_back(
        attempt,
        claim,
        status=LegStatus.FAILURE,
        last_error=failure.words[:2048],
        last_remedy=failure.remedy[:1000],
    )
    close_alerts(mailbox, [f"{leg.name.lower()} connected"], now)
    text = f"The test of {leg.label.lower()} of {mailbox.email_address} failed. {failure.name}: {failure.words}"
    details = attempt.error.words if attempt.error is not None else ""
    raise_alert(mailbox, TraceLevel.ERROR, _cause(leg), text, now, details=details, remedy=failure.remedy)


def _give_back(attempt: Attempt, claim: Claim, **columns: object) -> None:
    """Release the leg as it was before the test, but for `columns`. Raises LeaseLost."""
    kept: dict[str, object] = {"due_on": claim.due_on, "last_started_on": attempt.row.last_started_on}
    if attempt.row.requested_on is not None:
        kept["requested_on"] = attempt.row.requested_on
    if attempt.postponed_until is not None:
        kept["postponed_until"] = attempt.postponed_until
    if not MailboxLeg.objects.release(claim, **{**kept, **columns}):
        raise LeaseLost(f"leg {claim.leg_id}, fence {claim.fence}")


def _write(attempt: Attempt, **columns: object) -> None:
    steps = [step.as_dict() for step in attempt.steps]
    counting = [step for step in attempt.trial.steps if step["name"] == COUNT and step["ok"] is None]
    if columns.get("finished_on") is None:
        steps += counting  # what was asked for is not forgotten while the test waits
    Trial.objects.filter(pk=attempt.trial.pk).update(leased_until=None, steps=steps, **columns)


def _tell(kind: EventKind, attempt: Attempt, now: datetime) -> None:
    mailbox, leg = attempt.mailbox, Leg(attempt.trial.leg)
    DomainEvent.objects.create(
        kind=kind, happened_on=now, subject_id=str(mailbox.pk), mailbox_id=mailbox.pk, facts={"leg": leg.name.lower()}
    )


def _cause(leg: Leg) -> str:
    """The same as of a cycle that failed: whichever works next closes the alert."""
    return f"{leg.name.lower()} failed"
