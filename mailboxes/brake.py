"""The brake: stop the organization, a profile, a mailbox or one leg at once, say who and why, and go on without a test.

Pausing writes a row and fences every leg it covers: a worker in the middle of a cycle loses its lease at its next
commit, so what it has not committed is not written (law 6). Legs stay enabled; resuming asks them to run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from mailboxes.models import Leg, Mailbox, MailboxLeg, Organization, Pause
from profiles import history
from profiles.models import EmailServerProfile

log = logging.getLogger(__name__)
HELD = (
    "This database was last used by another installation (restored backup or copy). "
    "An administrator has to say which it is."
)
RESUMED_BY = "resumed by"
LONGEST_REASON = 300  # characters of a leg's skip reason
Person = AbstractUser | str  # a user, or the name of whoever uses the command line


@dataclass(frozen=True, slots=True)
class Scope:
    """What is stopped. Neither profile nor mailbox: the whole organization; a leg narrows it further."""

    profile: EmailServerProfile | None = None
    mailbox: Mailbox | None = None
    leg: Leg | None = None

    @property
    def words(self) -> str:
        """As in "… is paused"."""
        what = "the organization"
        if self.mailbox is not None:
            what = f"the mailbox “{self.mailbox}”"
        elif self.profile is not None:
            what = f"the profile “{self.profile}”"
        return what if self.leg is None else f"{Leg(self.leg).label} of {what}"


def scope_of(pause: Pause) -> Scope:
    """What a pause stops."""
    leg = None if pause.leg is None else Leg(pause.leg)
    return Scope(pause.email_server_profile, pause.mailbox, leg)


def pause(scope: Scope, reason: str, by: Person, now: datetime) -> Pause:
    """Stop at once; running cycles are fenced. A scope that is paused already keeps its pause: who, since when, why."""
    with transaction.atomic():
        found = pauses_in_force().filter(_exactly(scope)).first()
        if found is not None:
            return found
        row = Pause.objects.create(
            email_server_profile=scope.profile,
            mailbox=scope.mailbox,
            leg=scope.leg,
            reason=reason[:500],
            person_name=_name(by)[:200],
            paused_by_id=None if isinstance(by, str) else by.pk,
            paused_on=now,
        )
        _fence(legs_under(scope), sentence(row))
    log.info("%s was paused by %s", scope.words, row.person_name)
    return row


def resume(paused: Pause, by: Person, now: datetime) -> int:
    """Go on without a test: ask the enabled legs to run now. Returns how many; 0 when it had been resumed before."""
    scope = scope_of(paused)
    with transaction.atomic():
        if not pauses_in_force().filter(_exactly(scope)).update(ended_on=now, **_ended(by)):
            return 0
        history.note(paused, RESUMED_BY, "", _name(by))
        asked = _let_go(legs_under(scope), now)
        if not isinstance(by, str):
            LogEntry.objects.log_actions(by.pk, [paused], CHANGE, change_message="Resumed.", single_object=True)
    log.info("%s was resumed by %s", scope.words, _name(by))
    return asked


def pauses_in_force() -> QuerySet[Pause]:
    """Every pause that has not ended, the most general first."""
    first = [F(column).asc(nulls_first=True) for column in ("mailbox", "email_server_profile", "leg")]
    return Pause.objects.filter(ended_on__isnull=True).order_by(*first, "paused_on")


def pause_over(mailbox: Mailbox, leg: Leg | None = None) -> Pause | None:
    """The most general pause in force over this leg; without a leg, over the mailbox as a whole. One select."""
    covers = Q(email_server_profile__isnull=True, mailbox__isnull=True) | Q(mailbox=mailbox.pk)
    if mailbox.email_server_profile_id is not None:
        covers |= Q(email_server_profile=mailbox.email_server_profile_id)
    narrowed = Q(leg__isnull=True) if leg is None else Q(leg__isnull=True) | Q(leg=leg)
    return pauses_in_force().filter(covers, narrowed).first()


def pauses_of(scope: Scope) -> QuerySet[Pause]:
    """The pauses in force of exactly this scope, or of one leg of it."""
    exactly = Q(email_server_profile=scope.profile, mailbox=scope.mailbox)
    return pauses_in_force().filter(exactly if scope.leg is None else _exactly(scope))


def with_paused(mailboxes: QuerySet[Mailbox]) -> QuerySet[Any]:
    """Annotate `is_paused`: whether a pause is in force over the mailbox, or over one of its legs."""
    covers = Q(email_server_profile__isnull=True, mailbox__isnull=True) | Q(mailbox=OuterRef("pk"))
    covers |= Q(email_server_profile=OuterRef("email_server_profile"))
    return mailboxes.annotate(is_paused=Exists(Pause.objects.filter(covers, ended_on__isnull=True)))


def reason_to_wait(organization: Organization, mailbox: Mailbox, leg: Leg) -> str:
    """Why nothing may be done for this leg now, for people to read; "" when it may run. One select."""
    if organization.held_on is not None:
        return HELD
    found = pause_over(mailbox, leg)
    return sentence(found) if found else ""


def reasons_to_wait(organization: Organization, mailboxes: Iterable[Mailbox], leg: Leg) -> dict[UUID, str]:
    """`reason_to_wait` of many mailboxes, by their key; those that may run are left out. One select for them all."""
    if organization.held_on is not None:
        return {one.pk: HELD for one in mailboxes}
    pauses = [one for one in pauses_in_force() if one.leg is None or one.leg == leg]
    first = {one.pk: next((pause for pause in pauses if _covers(pause, one)), None) for one in mailboxes}
    return {pk: sentence(pause) for pk, pause in first.items() if pause is not None}


def _covers(paused: Pause, mailbox: Mailbox) -> bool:
    if paused.mailbox_id is None and paused.email_server_profile_id is None:
        return True
    profile = mailbox.email_server_profile_id
    return paused.mailbox_id == mailbox.pk or (profile is not None and paused.email_server_profile_id == profile)


def sentence(paused: Pause) -> str:
    """Who, since when and why, as long as a skip reason may be."""
    words = f"Paused by {paused.person_name} since {paused.paused_on:%Y-%m-%d %H:%M} UTC: {paused.reason}"
    return words if len(words) <= LONGEST_REASON else words[: LONGEST_REASON - 1] + "…"


def hold(now: datetime) -> None:
    """Stop everything until a person has said what this database is; running cycles are fenced."""
    with transaction.atomic():
        Organization.objects.filter(held_on__isnull=True).update(held_on=now)
        _fence(MailboxLeg.objects.all(), HELD)


def release(now: datetime) -> int:
    """The opposite of `hold`. Returns how many legs were asked to run."""
    with transaction.atomic():
        Organization.objects.update(held_on=None)
        return _let_go(MailboxLeg.objects.all(), now)


def legs_under(scope: Scope) -> QuerySet[MailboxLeg]:
    """The legs that a pause of this scope stops."""
    legs = MailboxLeg.objects.all()
    if scope.profile is not None:
        legs = legs.filter(mailbox__email_server_profile=scope.profile)
    if scope.mailbox is not None:
        legs = legs.filter(mailbox=scope.mailbox)
    return legs if scope.leg is None else legs.filter(leg=scope.leg)


def _exactly(scope: Scope) -> Q:
    return Q(email_server_profile=scope.profile, mailbox=scope.mailbox, leg=scope.leg)


def _fence(legs: QuerySet[MailboxLeg], why: str) -> None:
    """Every lease moves, also of legs that run nothing: a claim that is being made in this moment fails as well."""
    legs.update(fence=F("fence") + 1, leased_until=None, holder="")
    legs.filter(enabled=True).update(skip_reason=why)


def _let_go(legs: QuerySet[MailboxLeg], now: datetime) -> int:
    """If something else still stops one of them, the engine says so at once."""
    return legs.filter(enabled=True).update(skip_reason="", requested_on=now)


def resumed_by(paused: Pause) -> str:
    """Who ended it: also somebody on the command line, or whose account is gone."""
    if paused.ended_by is not None:
        return _name(paused.ended_by)
    told = (entry.changes.get(RESUMED_BY) for entry in history.entries_of(Pause, str(paused.pk)) if entry.changes)
    return next((names[1] for names in told if names), "–")


def _ended(by: Person) -> dict[str, Any]:
    return {} if isinstance(by, str) else {"ended_by_id": by.pk}


def _name(by: Person) -> str:
    return by if isinstance(by, str) else by.get_full_name() or by.get_username()
