"""The owner's "why?": the decisions about their own mail, one of them explained, and a look on the server (law 4)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST

from mailboxes.models import Mailbox
from mailboxes.ownership import Standing, standing
from serversync.console.decisions import LONGEST, explained, listed, openable, read
from serversync.console.owner import for_people, show_to_owner
from serversync.console.owner_contents import LEFT_OUT
from serversync.console.why import DAYS_BACK
from serversync.looking import look, sought_by
from tracking.facts.decisions import written_as
from tracking.models import LedgerRow


@for_people
def decisions(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The decisions about this mailbox, to search; for its owner and the people of its queue."""
    mailbox, who = mine(request, pk)
    context = listed(request, read(request.GET, [pk]))
    return _page(request, mailbox, who, **context)


@for_people
def one(request: HttpRequest, pk: UUID, row: int) -> HttpResponse:
    """One decision explained."""
    mailbox, who = mine(request, pk)
    found = explained(LedgerRow.objects.filter(pk=row, mailbox=mailbox), request.user)
    return show_to_owner(
        request,
        "owner/decision.html",
        "Why?",
        mailbox=mailbox,
        is_owner=who == Standing.OWNER,
        explanation=found,
        may_track=who == Standing.OWNER and found.state in LEFT_OUT,
        openable=openable([found], request.user),
        frame="owner",
    )


@for_people
@require_POST
def look_now(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Look on the server for a Message-ID, or for what a sender wrote."""
    mailbox, who = mine(request, pk)
    wanted = request.POST.get("q", "").strip()[:LONGEST]
    by_sender = request.POST.get("by") == "sender"
    query = request.GET.copy()
    query["q"] = wanted
    context = listed(request, read(query, [pk]))
    if not wanted:
        return _page(request, mailbox, who, look_problem="Enter a Message-ID or an address first.", **context)
    sought = sought_by("" if by_sender else written_as(wanted)[-1], wanted, DAYS_BACK, timezone.now())
    return _page(request, mailbox, who, looks=[look(mailbox, sought)], **context)


def mine(request: HttpRequest, pk: UUID) -> tuple[Mailbox, Standing]:
    """The mailbox and how the person stands to it. Raises Http404 for all others, so that nobody learns that it exists."""
    about = ("email_server_profile", "regarding_user", "regarding_queue")
    mailbox = get_object_or_404(Mailbox.objects.select_related(*about), pk=pk)
    who = standing(request.user, mailbox)
    if who == Standing.NOBODY:
        raise Http404
    return mailbox, who


def _page(request: HttpRequest, mailbox: Mailbox, who: Standing, **context: Any) -> HttpResponse:
    return show_to_owner(
        request,
        "owner/decision_list.html",
        "Decisions",
        mailbox=mailbox,
        is_owner=who == Standing.OWNER,
        frame="owner",
        days_back=DAYS_BACK,
        may_look=True,
        **context,
    )
