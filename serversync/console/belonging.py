"""The page "Belongs to…": choose the record that an email or its whole conversation is about, in both frames."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from serversync.console.owner import for_people, show_to_owner
from serversync.console.pages import show, staff_page
from serversync.console.reading import note, note_reading
from tracking.crm.models import Email
from tracking.facts.records import kinds_for, record_for, search
from tracking.facts.visibility import belonging_to, visible_emails
from tracking.keep.belonging import belongs_to


@staff_page("crm.view_email", "crm.change_email")
def in_console(request: HttpRequest, pk: UUID) -> HttpResponse:
    """For staff who may change emails, with the emails that they may read."""
    readable = visible_emails(request.user)
    found = get_object_or_404(readable, pk=pk)
    if request.method == "POST":
        return _file(request, found, readable, reverse("console:email", args=[pk]))
    note_reading(request, pk, "its subject")
    return show(request, "console/belonging.html", "Belongs to…", **_page(request, found, readable))


@for_people
def for_owner(request: HttpRequest, pk: UUID) -> HttpResponse:
    """For people, with the emails that are theirs to decide about."""
    found, own = get_object_or_404(visible_emails(request.user), pk=pk), belonging_to(request.user)
    if not own.filter(pk=pk).exists():
        raise PermissionDenied("Only the owner of this mail files it.")
    if request.method == "POST":
        return _file(request, found, own, reverse("owner:email", args=[pk]))
    return show_to_owner(request, "owner/belonging.html", "Belongs to…", **_page(request, found, own))


def _page(request: HttpRequest, found: Email, among: QuerySet[Email]) -> dict[str, Any]:
    kind, words = request.GET.get("kind", ""), request.GET.get("name", "").strip()[:100]
    return {
        "email": found,
        "kinds": kinds_for(request.user),
        "kind": kind,
        "words": words,
        "records": search(request.user, kind, words),
        "thread": among.filter(conversation_tracking_id=found.conversation_tracking_id).distinct().count(),
    }


def _file(request: HttpRequest, found: Email, among: QuerySet[Email], back: str) -> HttpResponse:
    """Write it down. Raises Http404 for a record that this person may not see."""
    wanted, record = request.POST.get("record", ""), None
    if wanted:
        record = record_for(request.user, request.POST.get("kind", ""), wanted)
        if record is None:
            raise Http404("There is no such record, or it is not yours to see.")
    elif request.POST.get("take_off") != "yes":
        messages.error(request, "Choose a record first. Nothing was changed.")
        return HttpResponseRedirect(request.get_full_path())
    whole = request.POST.get("scope") == "conversation"
    count = belongs_to(found, record, whole, request.user, timezone.now(), among)
    note(request, found.pk, "Filed with a record." if record else "Taken off its record.")
    what = "This email" if count == 1 else f"{count} emails of the conversation"
    verb = "belongs" if count == 1 else "belong"
    messages.success(request, f"{what} now {verb} to {record or 'nothing'}.")
    return HttpResponseRedirect(back)
