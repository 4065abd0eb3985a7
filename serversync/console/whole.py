"""What the page of an email says about its content: written by a machine, came back, or only its header is kept."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from serversync.console.owner import for_people
from serversync.console.owner_mail import may_settle
from serversync.console.pages import staff_page, way_back
from tracking.crm.models import Email
from tracking.facts.visibility import visible_emails
from tracking.keep.completing import fetch_whole


@require_POST
@staff_page("crm.view_email", "crm.change_email")
def fetch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """An administrator has the rest of a large message fetched, without reading it (5.19)."""
    _ask(request, get_object_or_404(Email, pk=pk))
    return HttpResponseRedirect(reverse("console:email", args=[pk]))


@for_people
@require_POST
def fetch_own(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The owner has the rest of a large message fetched."""
    found = get_object_or_404(visible_emails(request.user), pk=pk)
    if not may_settle(request.user, found):
        raise PermissionDenied("Only the owner of this mail has the rest of it fetched.")
    _ask(request, found)
    return HttpResponseRedirect(way_back(request, reverse("owner:email", args=[pk])))


def _ask(request: HttpRequest, found: Email) -> None:
    if fetch_whole(found, request.user, timezone.now()):
        messages.success(request, "The whole message is fetched at the next run, which was asked for.")
    else:
        messages.warning(request, "Nothing is fetched: it is here already, or the server no longer shows it.")
