"""Test and enable: the button, its steps while they happen, and how far a whole batch has come (3.10, 3.11)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_POST

from mailboxes.models import Leg, Mailbox, Trial
from mailboxes.trials import latest_trials, request_count, request_trials, why_not
from serversync.console.pages import show, staff_page
from tracking.facts.batch import start_of

BATCHES, FAILURES = 20, 50
A_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Batch:
    """The tests that one person asked for at one time."""

    requested_on: datetime
    by: str
    total: int
    passed: int
    failed: int

    @property
    def waiting(self) -> int:
        return self.total - self.done

    @property
    def done(self) -> int:
        return self.passed + self.failed


@require_POST
@staff_page("mailboxes.view_mailbox", "mailboxes.test_mailbox")
def ask(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask for a test of every leg that is synchronized from here; the page then shows its steps as they happen."""
    mailbox = get_object_or_404(Mailbox, pk=pk)
    if not request_trials(Mailbox.objects.filter(pk=pk), Leg, request.user.pk, timezone.now()):
        messages.warning(request, f"{mailbox}: {why_not(mailbox, Leg.INCOMING)} Choose the delivery methods first.")
    return HttpResponseRedirect(reverse("console:mailbox", args=[pk]) + "#tests")


@require_POST
@staff_page("mailboxes.view_mailbox", "mailboxes.test_mailbox")
def count(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask how many messages a start date would read; the answer comes as a step of a test (3.11)."""
    mailbox, since = get_object_or_404(Mailbox, pk=pk), _date(request.POST.get("since", ""))
    if since is None:
        messages.error(request, "Enter a date, for example 2026-03-01.")
    elif not request_count(mailbox, since, request.user.pk, timezone.now()):
        messages.warning(request, why_not(mailbox, Leg.INCOMING) or "A test is running; count when it has ended.")
    return HttpResponseRedirect(reverse("console:mailbox", args=[pk]) + "#tests")


def _date(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


@staff_page("mailboxes.view_mailbox")
def panel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The steps alone, asked for every two seconds while a test is open; then the whole page is loaded again."""
    mailbox = get_object_or_404(Mailbox.objects.select_related("email_server_profile"), pk=pk)
    context = panel_of(mailbox)
    answer = render(request, "console/trials.html", {"mailbox": mailbox, **context})
    if not context["testing"]:
        answer.headers["HX-Refresh"] = "true"
    return answer


def panel_of(mailbox: Mailbox) -> dict[str, Any]:
    """What `console/trials.html` shows: the newest test of each leg, why others are not tested, the start date."""
    trials = latest_trials(mailbox)
    start = start_of(mailbox)
    return {
        "trials": trials,
        "testing": any(trial.finished_on is None for trial in trials),
        "not_tested": [(leg.label, reason) for leg in Leg if (reason := why_not(mailbox, leg))],
        "can_be_tested": any(not why_not(mailbox, leg) for leg in Leg),
        "can_be_counted": not why_not(mailbox, Leg.INCOMING),
        "start": start,
        "count_since": (start or timezone.now() - A_WEEK).date().isoformat(),
    }


@staff_page("mailboxes.view_mailbox")
def progress(request: HttpRequest) -> HttpResponse:
    """How far the tests have come that somebody asked for, newest first, and which failed at which step."""
    since = timezone.now() - A_WEEK
    batches = _batches(since)
    context = {"batches": batches, "failures": _failures(since), "testing": any(one.waiting for one in batches)}
    if request.headers.get("HX-Request"):
        return render(request, "console/trial_batches.html", context)
    return show(request, "console/tests.html", "Tests", **context)


def _batches(since: datetime) -> list[Batch]:
    found = (
        Trial.objects.filter(requested_on__gte=since)
        .order_by("-requested_on")
        .values_list("requested_on", "requested_by__username")
        .annotate(
            total=Count("pk"),
            passed=Count("pk", filter=Q(succeeded=True)),
            failed=Count("pk", filter=Q(succeeded=False)),
        )
    )
    return [Batch(on, by or "", *numbers) for on, by, *numbers in found[:BATCHES]]


def _failures(since: datetime) -> list[Trial]:
    """The newest test of each leg, where it failed."""
    failed = Trial.objects.filter(requested_on__gte=since, succeeded=False).select_related("mailbox")
    later = Trial.objects.filter(
        mailbox=OuterRef("mailbox"), leg=OuterRef("leg"), requested_on__gt=OuterRef("requested_on")
    )
    return list(failed.exclude(Exists(later.filter(finished_on__isnull=False))).order_by("-requested_on")[:FAILURES])
