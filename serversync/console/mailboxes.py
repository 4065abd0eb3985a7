"""One mailbox at a glance: its legs, why they do not run, its ledger, its last cycles, its alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from mailboxes import switching
from mailboxes.health import Health, health_of, health_of_leg
from mailboxes.models import Leg, Mailbox, MailboxLeg
from serversync.console import charts, timeline
from serversync.console.figures import PARTS, newest_decisions
from serversync.console.pages import show, staff_page, way_back
from serversync.console.trials import panel_of
from tracking.facts.forwarding import newest_opened
from tracking.facts.visibility import readable_among
from tracking.models import LedgerTotal, SyncCursor

CYCLES, ALERTS = 10, 20


@dataclass(frozen=True, slots=True)
class LegLine:
    """One leg with its condition."""

    row: MailboxLeg
    title: str
    health: Health
    is_running: bool
    is_due: bool


@staff_page("mailboxes.view_mailbox")
def overview(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Everything an administrator asks first when somebody says that a mailbox does not work."""
    mailbox = get_object_or_404(
        Mailbox.objects.select_related(
            "email_server_profile", "regarding_user", "regarding_queue", "email_address_approved_by"
        ),
        pk=pk,
    )
    total = LedgerTotal.objects.filter(pk=pk).first() or LedgerTotal(mailbox=mailbox)
    legs, now = list(mailbox.legs.order_by("leg")), timezone.now()
    window = timeline.window_of(request.GET.get("window", ""))
    return show(
        request,
        "console/mailbox.html",
        "Mailbox",
        mailbox=mailbox,
        health=health_of(mailbox),
        legs=_legs(mailbox, legs, now),
        total=total,
        parts=[(part, getattr(total, part)) for part in PARTS],
        older=SyncCursor.objects.filter(leg__mailbox=mailbox).aggregate(number=Sum("older"))["number"] or 0,
        cycles=mailbox.statistics.all()[:CYCLES],
        alerts=mailbox.alerts.filter(closed_on__isnull=True)[:ALERTS],
        may_change=request.user.has_perm("mailboxes.change_mailbox"),
        **panel_of(mailbox),
        **_drawn(mailbox, legs, window, now),
        **_decisions(request, mailbox),
    )


def _drawn(mailbox: Mailbox, legs: list[MailboxLeg], window: timeline.Window, now: datetime) -> dict[str, Any]:
    """The timeline of each leg that is used or ever was, its errors, and the mail of the last days."""
    found = timeline.histories(mailbox, legs, window, now)
    shown = [one for one in found if one.cycles or not health_of_leg(mailbox, one.leg).is_quiet]
    days = charts.columns(timeline.mail_per_day(mailbox, now))
    return {
        "window": window,
        "windows": list(timeline.Window),
        "lanes": [charts.lane(one, window, now) for one in shown],
        "marks": charts.marks(window, now),
        "lines": charts.grid(),
        "troubles": timeline.troubles(shown),
        "days": days,
        "mail": sum(column.day.total for column in days),
    }


def _decisions(request: HttpRequest, mailbox: Mailbox) -> dict[str, Any]:
    """What was decided last and which folders have rules, for those who may see such rows."""
    found: dict[str, Any] = {}
    if request.user.has_perm("tracking.view_ledgerrow"):
        decisions = newest_decisions(10, mailbox)
        found |= {
            "decisions": decisions,
            "readable": readable_among(request.user, [one.email_id for one in decisions]),
        }
        if mailbox.is_forward_mailbox:
            found["carriers"] = newest_opened(mailbox, 10)
    if request.user.has_perm("tracking.view_mailboxtrackingfolder") and not mailbox.is_forward_mailbox:
        found["folders"] = list(mailbox.tracking_folders.select_related("regarding_type").prefetch_related("regarding"))
    return found


def _legs(mailbox: Mailbox, legs: list[MailboxLeg], now: datetime) -> list[LegLine]:
    return [
        LegLine(
            row,
            str(Leg(row.leg).label),
            health_of_leg(mailbox, row),
            row.leased_until is not None and row.leased_until > now,
            row.enabled and (row.requested_on is not None or (row.due_on is not None and row.due_on <= now)),
        )
        for row in legs
    ]


@require_POST
@staff_page("mailboxes.change_mailbox")
def sync(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask the enabled legs of one mailbox to run at once."""
    mailbox = get_object_or_404(Mailbox, pk=pk)
    asked = switching.sync_now(Mailbox.objects.filter(pk=pk), timezone.now())
    if asked:
        messages.success(request, f"{mailbox}: {asked} legs were asked to run now.")
    else:
        messages.warning(request, f"{mailbox}: no leg is enabled, so nothing runs. Enable one first.")
    return HttpResponseRedirect(way_back(request, reverse("console:mailbox", args=[pk])))


@require_POST
@staff_page("mailboxes.change_mailbox")
def enable(request: HttpRequest, pk: UUID, leg: int) -> HttpResponse:
    """Enable one leg, also one that was stopped after failures."""
    get_object_or_404(MailboxLeg, mailbox_id=pk, leg=leg)
    switching.enable(Mailbox.objects.filter(pk=pk), [Leg(leg)], timezone.now())
    messages.success(request, f"{Leg(leg).label} is enabled and runs now.")
    return HttpResponseRedirect(reverse("console:mailbox", args=[pk]))
