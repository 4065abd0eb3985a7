"""The lists of what a person has written, and what forms ask for while somebody types a name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from serversync.console.compose_people import as_typed
from serversync.console.owner import for_people, show_to_owner
from tracking.crm.delivery.reasons import why_each_waits
from tracking.crm.models import Email
from tracking.facts.directory import people_like, records_like
from tracking.facts.written import Box, counts, in_box, may_handle

PER_PAGE = 50
LONGEST_WORDS = 100
_TITLES = {Box.DRAFTS: "Drafts", Box.OUTBOX: "Outbox", Box.FAILED: "Failed", Box.SENT: "Sent"}


@for_people
def mine(request: HttpRequest) -> HttpResponse:
    """Drafts, outbox, what failed and what was sent; of what waits, why, and what would help (law 13)."""
    numbers = counts(request.user)
    box = Box(request.GET["show"]) if request.GET.get("show") in list(Box) else _first(numbers)
    page = Paginator(in_box(request.user, box), PER_PAGE).get_page(request.GET.get("p"))
    return show_to_owner(
        request,
        "compose/mine.html",
        "Outgoing mail",
        box=box,
        boxes=[(one, title, numbers.get(one, 0)) for one, title in _TITLES.items()],
        page=page,
        around=f"show={box}",
        lines=_lines(page, request.user),
    )


def _first(numbers: dict[Box, int]) -> Box:
    """What needs a person comes first."""
    return next((box for box in (Box.FAILED, Box.OUTBOX, Box.DRAFTS) if numbers[box]), Box.SENT)


def _lines(emails: Iterable[Email], user: Any) -> list[dict[str, Any]]:
    found = list(emails)
    reasons = why_each_waits(found, timezone.now())
    return [
        {
            "email": email,
            "why": reasons.get(email.pk, ""),
            "may_edit": may_handle(user, email),
            "through": email.represents or email.sender_mailbox,
        }
        for email in found
    ]


@for_people
def people(request: HttpRequest) -> JsonResponse:
    """Whom a name may mean, for the field of recipients: what goes into the field, and what is shown of it."""
    found = people_like(request.user, _words(request))
    return JsonResponse({"found": [{**asdict(one), "value": as_typed([one.as_address])} for one in found]})


@for_people
def records(request: HttpRequest) -> JsonResponse:
    """Records that an email may be about; only those of one kind where a field takes no other."""
    kind = request.GET.get("kind", "")
    found = records_like(request.user, _words(request), kind)
    return JsonResponse({"found": [{**asdict(one), "value": one.name if kind else one.label} for one in found]})


def _words(request: HttpRequest) -> str:
    return request.GET.get("q", "").replace("\0", "").strip()[:LONGEST_WORDS]
