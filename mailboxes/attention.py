"""What a person has been told and what is new to them: alerts since they looked last, and dismissing them (4.9, 4.12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import BooleanField, Case, Q, QuerySet, Value, When

from mailboxes.alarms import SERVER_SILENT
from mailboxes.models import TraceLevel, TraceLog, UserSettings
from mailboxes.ownership import mailboxes_of
from mailboxes.readers import access_cause_of
from profiles.models import EmailServerProfile

Person = User | AnonymousUser


def alerts_of(user: Person) -> QuerySet[TraceLog]:
    """The open alerts of all mailboxes that are the person's, or of a queue of theirs: their wall (12.1)."""
    mine = TraceLog.objects.filter(mailbox__in=mailboxes_of(user), closed_on__isnull=True)
    return mine.select_related("mailbox__regarding_queue")


def with_new(alerts: QuerySet[TraceLog], user: Person) -> QuerySet[Any]:
    """Annotate `is_new`: raised since this person looked last. One further query."""
    seen = viewed_on(user)
    new = Q(closed_on__isnull=True) if seen is None else Q(closed_on__isnull=True, created_on__gt=seen)
    return alerts.annotate(is_new=Case(When(new, then=Value(True)), default=Value(False), output_field=BooleanField()))


def number_of_new(alerts: QuerySet[TraceLog], user: Person) -> int:
    """How many of these alerts are new to this person."""
    return with_new(alerts, user).filter(is_new=True).count()


def viewed_on(user: Person) -> datetime | None:
    """When this person looked at their alerts last."""
    if user.pk is None:
        return None
    return UserSettings.objects.filter(user_id=user.pk).values_list("last_alerts_viewed_time", flat=True).first()


def note_view(user: Person, now: datetime) -> None:
    """This person has seen every alert there is for them."""
    if user.pk is None:
        return
    if not UserSettings.objects.filter(user_id=user.pk).update(last_alerts_viewed_time=now):
        UserSettings.objects.create(user_id=user.pk, last_alerts_viewed_time=now)


def dismiss(alerts: QuerySet[TraceLog], by: Person, now: datetime) -> int:
    """Close these alerts (4.12). Returns how many.

    That somebody came to read others' mail is not dismissed by whoever did it or gained by it: it is for the others.
    """
    return alerts.filter(closed_on__isnull=True).exclude(access_cause_of(by)).update(closed_on=now)


@dataclass(frozen=True, slots=True)
class ServerNote:
    """Trouble of a server, as the owners of its mailboxes are told of it (4.9)."""

    words: str
    since: datetime


def server_notes(profile: EmailServerProfile | None) -> list[ServerNote]:
    """What is wrong with the server of a mailbox. Computed from the alerts of its profile, whose owner deals with it."""
    if profile is None:
        return []
    open_alerts = TraceLog.objects.filter(
        email_server_profile=profile, closed_on__isnull=True, level__gte=TraceLevel.WARNING
    )
    return [ServerNote(_to_owners(alert, profile), alert.created_on) for alert in open_alerts.order_by("created_on")]


def _to_owners(alert: TraceLog, profile: EmailServerProfile) -> str:
    if alert.cause.endswith(SERVER_SILENT):
        return f"The mail server of “{profile}” is not answering since {alert.created_on:%Y-%m-%d %H:%M} UTC."
    return alert.text
