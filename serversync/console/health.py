"""Is the service well? In words for the staff, and in two probes without a login for whoever watches it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from serversync import readiness
from serversync.console.pages import show, staff_page


@staff_page()
def health(request: HttpRequest) -> HttpResponse:
    """Everything that has to be in order for mail to flow, without a name or a subject of anybody's mail."""
    now = timezone.now()
    return show(
        request,
        "console/health.html",
        "Health",
        found=readiness.readiness(now),
        lines=readiness.surroundings(now),
    )


def alive(request: HttpRequest) -> HttpResponse:
    """Liveness: this process answers. Asks nothing else, not even the database."""
    return _probe({"alive": True}, 200)


def ready(request: HttpRequest) -> HttpResponse:
    """Readiness as JSON; status 503 when something is missing. Says which part, and nothing about it."""
    found = readiness.readiness_lately(timezone.now())
    answer = {
        "ready": found.is_ready,
        "checks": {check.name: check.is_fine for check in found.checks},
        "held": found.is_held,
        "paused": found.is_paused,
    }
    return _probe(answer, 200 if found.is_ready else 503)


def _probe(answer: dict[str, object], status: int) -> HttpResponse:
    response = JsonResponse(answer, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response
