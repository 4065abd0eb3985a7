"""One email in the owner's frame, for people who have no business in the console; and what its owner decides about it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from mailboxes.ownership import Standing, mailboxes_of, standing
from serversync.console.decisions import openable
from serversync.console.emails import (
    conversation_of,
    delivery_questions,
    frame_lines,
    people_of,
    settle,
    what_it_reports,
)
from serversync.console.owner import for_people, show_to_owner
from serversync.console.owners_word import mailboxes_with
from serversync.console.pages import way_back
from serversync.console.reading import note, opened
from tracking.crm.models import Email
from tracking.facts.queue_items import of_email
from tracking.facts.visibility import belonging_to, visible_emails
from tracking.facts.why import explain_rows
from tracking.facts.written import ANSWERABLE, may_handle
from tracking.keep.privacy import mark_private
from tracking.models import LedgerRow

_ABOUT = ("receiving_mailbox__regarding_queue", "sender_mailbox__regarding_queue")


@for_people
def email(request: HttpRequest, pk: UUID) -> HttpResponse:
    """An email that the person may read: its own, or of a queue of theirs. Raises Http404 for every other."""
    found = opened(request, Email.objects.select_related(*_ABOUT, "correlated_activity"), pk, "the page")
    rows = LedgerRow.objects.filter(email=found, mailbox__in=mailboxes_of(request.user))
    told = explain_rows(rows.select_related("mailbox").prefetch_related("placements"), [pk])
    return show_to_owner(
        request,
        "owner/email.html",
        "Email",
        frame="owner",
        email=found,
        people=people_of(found, request.user),
        attachments=list(found.attachments.all()),
        conversation=conversation_of(found, visible_emails(request.user)),
        decisions=told,
        openable=openable(told, request.user),
        frame_lines=frame_lines(found),
        reported=what_it_reports(found, request.user, "owner:email"),
        may_mark_private=belonging_to(request.user).filter(pk=pk).exists(),
        may_edit=may_handle(request.user, found),
        may_untrack=found.status_code in ANSWERABLE and mailboxes_with(found, request.user).exists(),
        queue_items=of_email(found, request.user),
        **delivery_questions(found, request.user, may_settle(request.user, found)),
    )


def may_settle(user: User | AnonymousUser, found: Email) -> bool:
    """Whoever owns the email, or the mailbox it goes through. Members of a queue read its mail and leave it as it is."""
    mailbox = found.sender_mailbox or found.receiving_mailbox
    own_mailbox = mailbox is not None and standing(user, mailbox) == Standing.OWNER
    return own_mailbox or (user.pk is not None and found.owner_id == user.pk)


@for_people
@require_POST
def settle_delivery(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The owner says what became of an unknown delivery, or sends a failed one again (law 7)."""
    found = _visible(request, pk)
    if not may_settle(request.user, found):
        raise PermissionDenied("Only the owner of this mail says what became of it.")
    settle(request, found)
    return _back(request, pk)


@for_people
@require_POST
def change_privacy(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The owner marks own mail as private, so that nobody else reads it whatever their rights; or takes it back."""
    found, private = _visible(request, pk), request.POST.get("private") == "yes"
    if not belonging_to(request.user).filter(pk=pk).exists():
        raise PermissionDenied("Only the owner of this mail marks it as private.")
    if found.is_private != private:
        mark_private(found, private, timezone.now())
        note(request, pk, "Marked as private." if private else "Marked as no longer private.")
    said = "It is private: only its owner reads it." if private else "It is no longer private."
    messages.success(request, said)
    return _back(request, pk)


def _visible(request: HttpRequest, pk: UUID) -> Email:
    return get_object_or_404(visible_emails(request.user).select_related(*_ABOUT), pk=pk)


def _back(request: HttpRequest, pk: UUID) -> HttpResponseRedirect:
    return HttpResponseRedirect(way_back(request, reverse("owner:email", args=[pk])))
