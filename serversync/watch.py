"""What is looked at each minute: whether anything runs at all, whether a profile fails, whose leg has stopped (4.8–4.10).

Every finding is told once, by whichever host is first: the row that says so is written before the mail is sent, and
taken back if the mail cannot be sent. Running a round twice, or on several hosts, changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.mail import EmailMessage
from django.db.models import Count, F, Max, Min, Q
from django.db.models.functions import Coalesce

from mailboxes.alarms import close_alerts, raise_alert
from mailboxes.models import LegStatus, Mailbox, MailboxLeg, ServerCircuit, TraceLevel, TraceLog
from mailboxes.models.settings import current_policy
from profiles.models import EmailServerProfile, StateCode

log = logging.getLogger(__name__)
WINDOW = timedelta(hours=1)  # 2.10
TOLD_WITHIN = timedelta(days=1)
NOTHING_RUNS = "nothing runs"
RUNS_AGAIN = "runs again"


@dataclass(frozen=True, slots=True)
class Watched:
    """What one round found: alarms raised and ended, and the e-mails that left."""

    silent: int = 0
    recovered: int = 0
    profile_mails: int = 0
    owner_mails: int = 0


def watch(now: datetime) -> Watched:
    """One round."""
    silent, recovered = check_pulse(now)
    return Watched(silent, recovered, profile_mails=_tell_profile_owners(now), owner_mails=_tell_mailbox_owners(now))


# The dead-man alarm


def check_pulse(now: datetime) -> tuple[int, int]:
    """Raise an error for each profile of which no leg has run well for `dead_man_minutes`, and end it when one has.

    Touches the database only, so that it can also run where the task queue does not. Returns how many alarms stand
    and how many ended. What is skipped (paused, not approved …) is not expected to run.
    """
    minutes = current_policy().dead_man_minutes
    if not minutes:
        return 0, 0
    limit = now - timedelta(minutes=minutes)
    standing = recovered = 0
    for profile in _expected_to_run():
        if profile.last_success and profile.last_success > limit:  # type: ignore[attr-defined]
            recovered += _ends(profile, now)
        elif _waiting_since(profile, now) < limit:
            standing += 1
            _sound(profile, minutes, now)
    return standing, recovered


def _expected_to_run() -> Iterable[EmailServerProfile]:
    """Active profiles with a leg that may run: its last success, and since when a leg that never ran has been due."""
    legs = Q(mailboxes__legs__enabled=True, mailboxes__legs__skip_reason="", mailboxes__state_code=StateCode.ACTIVE)
    waiting = Coalesce("mailboxes__legs__requested_on", "mailboxes__legs__due_on")
    return (
        EmailServerProfile.objects.filter(state_code=StateCode.ACTIVE)
        .annotate(expected=Count("mailboxes__legs", filter=legs))
        .filter(expected__gt=0)
        .annotate(
            last_success=Max("mailboxes__legs__last_succeeded_on", filter=legs), first_due=Min(waiting, filter=legs)
        )
        .order_by("pk")
    )


def _waiting_since(profile: EmailServerProfile, now: datetime) -> datetime:
    """Before the first success a profile is silent from the moment on when a leg was due."""
    return profile.last_success or profile.first_due or now  # type: ignore[attr-defined]


def _sound(profile: EmailServerProfile, minutes: int, now: datetime) -> None:
    last = profile.last_success  # type: ignore[attr-defined]
    since = f"the last one was at {last:%Y-%m-%d %H:%M} UTC" if last else "there has never been one"
    raise_alert(
        profile,
        TraceLevel.ERROR,
        NOTHING_RUNS,
        f"No mailbox of {profile} was synchronized for {minutes} minutes: {since}.",
        now,
        remedy="See whether the worker runs (manage.py work), then read the alerts of this profile's mailboxes.",
        always=True,
    )


def _ends(profile: EmailServerProfile, now: datetime) -> int:
    ended = close_alerts(profile, [NOTHING_RUNS], now)
    if ended:
        raise_alert(profile, TraceLevel.INFORMATION, RUNS_AGAIN, f"Mailboxes of {profile} are synchronized again.", now)
    return ended


# More than half of a profile fails


def _tell_profile_owners(now: datetime) -> int:
    """2.10: an e-mail to the owner when over 50 % of the mailboxes failed within one hour, once an hour at most."""
    failed, active = _failed_lately(now), Q(mailboxes__state_code=StateCode.ACTIVE)
    running = failed | Q(mailboxes__legs__enabled=True, mailboxes__legs__last_completed_on__isnull=False)
    profiles = (
        EmailServerProfile.objects.filter(state_code=StateCode.ACTIVE, send_email_alert=True)
        .exclude(owner_email_address="")
        .annotate(
            failed=Count("mailboxes", filter=failed & active, distinct=True),
            running=Count("mailboxes", filter=running & active, distinct=True),
        )
        .filter(failed__gt=F("running") / 2.0)
    )
    return sum(_tell_profile_owner(profile, now) for profile in profiles)


def _failed_lately(now: datetime) -> Q:
    """Mailboxes whose last cycle failed, and those that wait because their server answers nobody: one silent server
    costs a few attempts only, and yet nothing of it works."""
    failed = Q(mailboxes__legs__status=LegStatus.FAILURE, mailboxes__legs__last_completed_on__gt=now - WINDOW)
    for profile_id, leg in ServerCircuit.objects.filter(open_until__isnull=False).values_list("profile_id", "leg"):
        failed |= Q(pk=profile_id, mailboxes__legs__leg=leg, mailboxes__legs__enabled=True)
    return failed


def _tell_profile_owner(profile: EmailServerProfile, now: datetime) -> bool:
    """The column is the claim: of many hosts one tells."""
    before = profile.last_email_alert_on
    unclaimed = Q(last_email_alert_on__isnull=True) | Q(last_email_alert_on__lte=now - WINDOW)
    row = EmailServerProfile.objects.filter(pk=profile.pk)
    if not row.filter(unclaimed).update(last_email_alert_on=now):
        return False
    failed, running = profile.failed, profile.running  # type: ignore[attr-defined]
    text = (
        f"{failed} of {running} mailboxes of the email server profile “{profile}” failed within the last hour.\n\n"
        "Their alerts in the console say what happened to each, what the server said, and what would fix it. Most\n"
        "failures are tried again by themselves; a wrong password is not.\n\n"
        "You get this message at most once an hour, because “send email alert” is on in this profile."
    )
    if sent(f"{profile}: {failed} of {running} mailboxes fail", text, profile.owner_email_address):
        return True
    row.update(last_email_alert_on=before)
    return False


# A leg has stopped


def _tell_mailbox_owners(now: datetime) -> int:
    """4.10: an e-mail to the owner when a leg of their mailbox stops, once for each stop."""
    if not current_policy().notify_mailbox_owner:
        return 0
    stopped = MailboxLeg.objects.filter(stopped_on__gt=now - TOLD_WITHIN, mailbox__state_code=StateCode.ACTIVE)
    rows = stopped.select_related(
        "mailbox__regarding_user", "mailbox__regarding_queue__owner", "mailbox__owner"
    ).order_by("pk")
    return sum(_tell_mailbox_owner(leg, now) for leg in rows)


def _tell_mailbox_owner(leg: MailboxLeg, now: datetime) -> bool:
    """An alert of its own cause is the claim, and shows administrators who was told."""
    address, cause = _owner_address(leg.mailbox), f"owner told about {leg.get_leg_display().lower()}"
    told = TraceLog.objects.filter(mailbox=leg.mailbox, cause=cause)
    if not address or told.filter(created_on__gte=leg.stopped_on).exists():
        return False
    close_alerts(leg.mailbox, [cause], now)  # of the stop before
    noted = f"{address} was told by e-mail that “{leg.get_leg_display()}” of {leg.mailbox} has stopped."
    if not raise_alert(leg.mailbox, TraceLevel.INFORMATION, cause, noted, now, always=True):
        return False
    if sent(f"{leg.mailbox}: {leg.get_leg_display()} has stopped", _letter_to_owner(leg), address):
        return True
    told.filter(created_on=now).delete()
    return False


def _letter_to_owner(leg: MailboxLeg) -> str:
    following = (
        "It is tried again from time to time and may heal by itself."
        if leg.heals_by_itself
        else "It stays stopped until somebody has fixed the cause and enabled it again."
    )
    remedy = f"What helps: {leg.last_remedy}\n\n" if leg.last_remedy else ""
    return (
        f"“{leg.get_leg_display()}” of the mailbox {leg.mailbox} ({leg.mailbox.email_address}) has stopped "
        f"at {leg.stopped_on:%Y-%m-%d %H:%M} UTC.\n\nWhat happened: {leg.last_error}\n\n{remedy}{following}\n"
        "No mail is lost: it stays on the mail server, and is looked at once this runs again."
    )


def _owner_address(mailbox: Mailbox) -> str:
    """The user's own address, else the owner's of the queue or of the mailbox."""
    queue_owner = mailbox.regarding_queue.owner if mailbox.regarding_queue else None
    people = (mailbox.regarding_user, queue_owner, mailbox.owner)
    return next((person.email for person in people if person is not None and person.email), "")


def sent(subject: str, text: str, address: str) -> bool:
    """Whether the message left; trouble with the service's own mail is logged and tried again next minute."""
    message = EmailMessage(" ".join(subject.split()), text, to=[address], headers={"Auto-Submitted": "auto-generated"})
    try:
        return bool(message.send())
    except Exception:
        log.exception("an alert could not be sent by e-mail; see EMAIL_URL")
        return False
