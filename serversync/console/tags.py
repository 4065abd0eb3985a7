"""Template tags of the console's own pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import template
from django.db.models import Model
from django.urls import reverse
from django.utils.safestring import SafeString

from mailboxes import catalogue
from mailboxes.admin.alerts import LEVEL_COLOURS
from mailboxes.admin.mailbox import HEALTH_COLOURS
from mailboxes.brake import Scope, pauses_of, sentence
from mailboxes.models import Mailbox, MailboxStatistics, Organization, Pause, TraceLevel, TraceLog
from profiles.connectors.probe import Step
from profiles.models import EmailServerProfile
from profiles.pages import moment
from profiles.probing import TestResult, Tried, from_trace
from serversync.console.calendar_desk import CONSOLE
from serversync.console.charts import in_seconds
from tracking.admin import STATE_COLOURS
from tracking.crm.admin import STATUS_COLOURS
from tracking.facts.calendar.pairs import Standing, at_a_glance
from tracking.facts.calendar.progress import under_way
from tracking.facts.directory import address_to_write_to, key_of

register = template.Library()
_COLOURS: dict[str, dict[Any, str]] = {
    "health": HEALTH_COLOURS,
    "level": LEVEL_COLOURS,
    "state": STATE_COLOURS,
    "status": STATUS_COLOURS,
    "copy": {
        Standing.LINKED: "success",
        Standing.PENDING: "primary",
        Standing.FAILED: "danger",
        Standing.ASKED: "warning",
        Standing.HELD: "warning",
        Standing.UNLINKED: "info",
    },
    "test": {TestResult.FAILURE: "danger", TestResult.SUCCESS: "success", TestResult.WARNING: "warning"},
}


@register.filter
def ago(value: datetime | None, absent: str = "–") -> SafeString:
    """A time as people say it, the exact one to hover over."""
    return moment(value, absent)


@register.filter
def took(cycle: MailboxStatistics) -> str:
    """How long a cycle took."""
    return in_seconds(cycle.mailbox_process_completed_on - cycle.mailbox_process_started_on)


@register.filter
def letter_about(record: Model) -> str:
    """The page for writing about a record: to its address, and filed with it."""
    given = {"to": address_to_write_to(record), "regarding": key_of(record)}
    return f"{reverse('compose:new')}?{urlencode({name: value for name, value in given.items() if value})}"


@register.inclusion_tag("unfold/helpers/label.html")
def badge(kind: str, value: Any, text: str) -> dict[str, Any]:
    """A coloured label: `kind` is health, level, state, status, copy or test."""
    return {"type": _COLOURS[kind].get(value, "default"), "text": text}


@register.filter
def may(user: Any, permission: str) -> bool:
    """Whether this person has a permission."""
    return bool(user.has_perm(permission))


@register.inclusion_tag("console/standing.html", takes_context=True)
def standing(context: dict[str, Any]) -> dict[str, Any]:
    """The banner of every page: the organization is paused, or the database held."""
    request, shown = context.get("request"), {}
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated and user.is_staff and not context.get("is_popup"):
        organization = Organization.current()
        held = organization.held_on is not None
        shown = {"held_on": organization.held_on, "pauses": [] if held else _lines(pauses_of(Scope()))}
    return {**shown, "user": user, "csrf_token": context.get("csrf_token")}


@register.inclusion_tag("console/brake.html", takes_context=True)
def brake(
    context: dict[str, Any],
    *,
    profile: EmailServerProfile | None = None,
    mailbox: Mailbox | None = None,
) -> dict[str, Any]:
    """What of this profile or mailbox is paused, each with its button; the organization's pauses are in the banner."""
    over = [mailbox.email_server_profile] if mailbox and mailbox.email_server_profile else []
    found = [row for one in over for row in pauses_of(Scope(profile=one))]
    pauses = _lines([*found, *pauses_of(Scope(profile, mailbox))])
    return {"pauses": pauses, "user": context["request"].user, "csrf_token": context.get("csrf_token")}


def _lines(pauses: Iterable[Pause]) -> list[tuple[Pause, str]]:
    """Each with its words."""
    return [(one, sentence(one)) for one in pauses]


@register.inclusion_tag("calendar/at_a_glance.html")
def items_of(mailbox: Mailbox, space: str) -> dict[str, Any]:
    """How the appointments, contacts and tasks of a mailbox are doing, with the way to their pages (12.1)."""
    of = [mailbox.pk] if space == CONSOLE else []
    pages = ("agenda", "start", "problems", "waiting")
    to = {name: reverse(f"{space}:{name}", args=of) for name in pages}
    return {"mailbox": mailbox, "number": at_a_glance(mailbox), "to": to, "runs": under_way(mailbox)}


@register.filter
def as_json(value: Any) -> str:
    """A value for a data attribute; the template escapes it."""
    return json.dumps(value)


@register.filter
def catalogued(words: str | None) -> catalogue.Entry | None:
    """The entry of the error catalogue that a stored sentence belongs to (12.2)."""
    return catalogue.entry_for(None, words or "")


@register.filter
def entry_of_step(step: Step | Mapping[str, Any]) -> catalogue.Entry | None:
    """The entry of a step of a test that failed, as it is kept or as it was just made."""
    told = step if isinstance(step, Mapping) else asdict(step)
    return catalogue.entry_of(str(told.get("cause", "")), str(told["words"]))


@register.filter
def explained(alert: TraceLog) -> catalogue.Entry | None:
    """The entry of an alert; news of a recovery need no explanation."""
    if alert.level == TraceLevel.INFORMATION:
        return None
    return catalogue.entry_for(None, f"{alert.text} {alert.error_details}")


@register.filter
def last_test(profile: EmailServerProfile) -> dict[str, TestResult | list[Tried]]:
    """The kept connection test of a profile (2.14)."""
    return {"tried": from_trace(profile.last_test_trace), "result": TestResult(profile.last_test_execution_status or 0)}


@register.filter
def open_alerts(profile: EmailServerProfile) -> Iterable[TraceLog]:
    """What is wrong with a server; its profile's owner looks here (4.9)."""
    return TraceLog.objects.filter(email_server_profile=profile, closed_on__isnull=True)[:20]


@register.filter
def addresses(profile: EmailServerProfile | None) -> list[str]:
    """Mailboxes of a profile to choose credentials from, a page full."""
    if profile is None:
        return []
    found = Mailbox.objects.filter(email_server_profile=profile).exclude(email_address="")
    return list(found.order_by("email_address").values_list("email_address", flat=True)[:200])
