"""The page "Who is this?": choose the record that an address of an email stands for, or make one; in both frames (5.13)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from mailboxes.models import AutoCreate
from mailboxes.models.settings import current_policy
from profiles.connectors.mime import Address
from serversync.console.owner import for_people, show_to_owner
from serversync.console.pages import show, staff_page
from serversync.console.reading import note, note_reading
from tracking.crm.models import ActivityParty, Email
from tracking.decide.newcomers import can_be_created
from tracking.facts.records import kinds_for, parties_of_mail, record_for, search
from tracking.facts.visibility import belonging_to, visible_emails
from tracking.keep.creating import create_record
from tracking.keep.resolving import resolve_address

_KINDS = {"contact": AutoCreate.CONTACT, "lead": AutoCreate.LEAD}


@staff_page("crm.view_email", "crm.change_email")
def in_console(request: HttpRequest, pk: UUID, party: int) -> HttpResponse:
    """For staff who may change emails, with the emails that they may read."""
    found, person = _of(request, pk, party)
    may_create = [name for name in _KINDS if request.user.has_perm(f"crm.add_{name}")]
    if request.method == "POST":
        return _answer(request, found, person, may_create, reverse("console:email", args=[pk]))
    note_reading(request, pk, "who takes part in it")
    return show(request, "console/who.html", "Who is this?", **_page(request, found, person, may_create))


@for_people
def for_owner(request: HttpRequest, pk: UUID, party: int) -> HttpResponse:
    """For people, with the emails that are theirs to decide about; what they make is their own."""
    found, person = _of(request, pk, party)
    if not belonging_to(request.user).filter(pk=pk).exists():
        raise PermissionDenied("Only the owner of this mail says who took part in it.")
    if request.method == "POST":
        return _answer(request, found, person, list(_KINDS), reverse("owner:email", args=[pk]))
    return show_to_owner(request, "owner/who.html", "Who is this?", **_page(request, found, person, list(_KINDS)))


def _of(request: HttpRequest, pk: UUID, party: int) -> tuple[Email, ActivityParty]:
    found = get_object_or_404(visible_emails(request.user), pk=pk)
    kind = ContentType.objects.get_for_model(Email)
    parties = ActivityParty.objects.exclude(address_used="")
    return found, get_object_or_404(parties, pk=party, activity_type=kind, activity_id=pk)


def _page(request: HttpRequest, found: Email, person: ActivityParty, may_create: list[str]) -> dict[str, Any]:
    kind, words = request.GET.get("kind", ""), request.GET.get("name", "").strip()[:100]
    return {
        "email": found,
        "person": person,
        "kinds": kinds_for(request.user, parties_of_mail),
        "kind": kind,
        "words": words,
        "records": search(request.user, kind, words, parties_of_mail),
        "may_create": may_create if can_be_created(_address(person)) else [],
        "is_for_all": current_policy().apply_manual_resolution_to_like_addresses,
    }


def _address(person: ActivityParty) -> Address:
    return Address(person.unresolved_party_name, person.address_used)


def _answer(
    request: HttpRequest, found: Email, person: ActivityParty, may_create: list[str], back: str
) -> HttpResponse:
    """Write it down. Raises Http404 for a record that this person may not see."""
    wanted, made, now = request.POST.get("record", ""), request.POST.get("create", ""), timezone.now()
    if not wanted and not made:
        messages.error(request, "Choose a record first. Nothing was changed.")
        return HttpResponseRedirect(request.get_full_path())
    with transaction.atomic():
        record = _made(request, person, made, may_create) if made else _chosen(request, wanted)
        count = resolve_address(found, person.address_used, record, request.user, now, current_policy())
    note(request, found.pk, "Said who an address is.")
    others = {0: "", 1: " One other email was set as well."}.get(count, f" {count} other emails were set as well.")
    messages.success(request, f"{person.address_used} is {record}.{others}")
    return HttpResponseRedirect(back)


def _chosen(request: HttpRequest, wanted: str) -> Model:
    record = record_for(request.user, request.POST.get("kind", ""), wanted, parties_of_mail)
    if record is None:
        raise Http404("There is no such record, or it is not yours to see.")
    return record


def _made(request: HttpRequest, person: ActivityParty, made: str, may_create: list[str]) -> Model:
    if made not in may_create or not can_be_created(_address(person)):
        raise PermissionDenied("You may not make such a record of this address.")
    return create_record(_KINDS[made], _address(person), request.user, timezone.now())
