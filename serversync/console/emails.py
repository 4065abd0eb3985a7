"""One email: what it says, who takes part, why it is here, how its delivery went, and its original."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from mailboxes.ownership import mailboxes_of
from serversync.console.pages import record_url, show, staff_page
from serversync.console.reading import may_read, note, note_reading
from serversync.console.sending import send_again
from tracking.crm import delivery
from tracking.crm.models import ActivityParty, Email, Participation
from tracking.crm.models.states import DeliveryState, EmailStatus, HoldReason, RecipientState
from tracking.facts.visibility import belonging_to, mask_of, visible_emails
from tracking.facts.why import explain_email
from tracking.facts.written import may_handle
from tracking.keep.completing import is_header_only, may_fetch_whole

CONVERSATION = 100
PEOPLE = 300
"""Participants that a page shows; a mail may have thousands."""
_ABOUT = ("sender_mailbox", "receiving_mailbox", "accepting_user", "accepting_queue", "correlated_activity")


_TALLEST = 24
_TALL = re.compile(r"<(?:img|table|style)\b", re.IGNORECASE)
_NEW_LINE = re.compile(r"<(?:p|br|div|li|h[1-6]|blockquote)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Person:
    """One participant: as written in the mail, and the record it resolves to, if any."""

    name: str
    address: str
    record: str
    kind: str
    url: str
    asks: int  # the party to say "Who is this?" of: nobody, or one of several who have the address; else 0
    delivery: str = ""  # what is known of this recipient of a mail that was sent from here


@staff_page("crm.view_email")
def email(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The page of one email. Whoever may not read it learns what became of it, not what it says."""
    found = get_object_or_404(Email.objects.select_related(*_ABOUT, "owner"), pk=pk)
    is_readable = may_read(request.user, pk)
    if is_readable:
        note_reading(request, pk, "the page")
    return show(
        request,
        "console/email.html",
        "Email",
        email=found,
        is_readable=is_readable,
        subject=(found.subject or "(no subject)") if is_readable else mask_of(found),
        people=people_of(found, request.user) if is_readable else [],
        shows_details=is_readable or not found.is_private,
        may_mark_private=belonging_to(request.user).filter(pk=pk).exists(),
        regarding_url=record_url(found.regarding_type_id, found.regarding_id),
        attachments=list(found.attachments.all()) if is_readable else [],
        conversation=conversation_of(found, visible_emails(request.user)),
        correlated_subject=_correlated_subject(request, found),
        decisions=explain_email(pk, [pk] if is_readable else [])
        if request.user.has_perm("tracking.view_ledgerrow")
        else [],
        may_see_mail=True,
        may_edit=may_handle(request.user, found),
        frame_lines=frame_lines(found),
        reported=what_it_reports(found, request.user, "console:email"),
        **delivery_questions(found, request.user, request.user.has_perm("crm.change_email")),
    )


def may_see_blind_copies(user: User | AnonymousUser, found: Email) -> bool:
    """Those who send it may, and whoever reads others' mail by right; never those who only received it. An internal email
    is one row for both ends (5.11)."""
    if not found.direction_code or user.has_perm("crm.read_others_mail"):
        return True
    if user.pk is not None and user.pk in (found.owner_id, found.submitted_by_id):
        return True
    return mailboxes_of(user).filter(pk__in=[found.sender_mailbox_id, found.represents_id]).exists()


def people_of(found: Email, user: User | AnonymousUser) -> list[tuple[str, list[Person]]]:
    """The participants by role, in the order of the mail, for this reader. One query for the parties and one per kind of
    record."""
    parties = ActivityParty.objects.filter(
        activity_type=ContentType.objects.get_for_model(Email), activity_id=found.pk
    ).order_by("participation_type_mask", "id")
    if not may_see_blind_copies(user, found):
        parties = parties.exclude(participation_type_mask=Participation.BCC)
    shown = list(parties.prefetch_related("party")[:PEOPLE])
    times = Counter((party.participation_type_mask, party.address_used.lower()) for party in shown)
    by_role: dict[int, list[Person]] = {}
    for party in shown:
        is_one_of_several = times[party.participation_type_mask, party.address_used.lower()] > 1
        by_role.setdefault(party.participation_type_mask, []).append(_person(party, is_one_of_several))
    return [(str(Participation(role).label), people) for role, people in by_role.items()]


def _person(party: ActivityParty, is_one_of_several: bool) -> Person:
    record: Any = party.party
    is_open = record is None or is_one_of_several
    return Person(
        name=party.unresolved_party_name,
        address=party.address_used,
        record="" if record is None else str(record),
        kind="" if record is None else str(record._meta.verbose_name),
        url="" if record is None else record_url(party.party_type_id, party.party_id),
        asks=party.pk if is_open and party.address_used else 0,
        delivery=str(RecipientState(party.delivery_state).label) if party.delivery_state else "",
    )


def conversation_of(found: Email, visible: QuerySet[Email]) -> list[Email]:
    """The visible messages of the same conversation in their order, at most a hundred."""
    if found.conversation_tracking_id is None:
        return [found]
    emails = visible.filter(conversation_tracking_id=found.conversation_tracking_id).defer(
        "description", "safe_description"
    )
    return list(emails.order_by(Coalesce("sent_on", "created_on"), "pk")[:CONVERSATION])


def _correlated_subject(request: HttpRequest, found: Email) -> str:
    """The subject of the email that this one was joined to, as far as it may be read."""
    earlier = found.correlated_activity
    if earlier is None:
        return ""
    if not may_read(request.user, earlier.pk):
        return mask_of(earlier)
    return earlier.subject or "(no subject)"


def what_it_reports(found: Email, user: Any, page: str) -> tuple[str, str] | None:
    """Of a bounce, a notice or an automatic answer: where the email that it is about is shown, and its subject. None if
    that is not known, or not theirs to read."""
    about = found.correlated_activity
    if found.direction_code or not found.automatic_kind or about is None or not may_read(user, about.pk):
        return None
    return reverse(page, args=[about.pk]), about.subject or "(no subject)"


def frame_lines(found: Email) -> int:
    """How tall the frame of the body starts, in lines: a short text needs no tall one."""
    text = found.description
    if found.mime_type != "text/html":
        lines = sum(1 + len(line) // 70 for line in text.splitlines())
    else:
        lines = _TALLEST if _TALL.search(text) else len(_NEW_LINE.findall(text)) + len(text) // 70
    return max(6, min(_TALLEST, lines + 3))


def delivery_questions(found: Email, user: User | AnonymousUser, may_settle: bool) -> dict[str, Any]:
    """What happened on the way, and which questions about it only a person can settle (law 7, 5.19, 7.3)."""
    return {
        "ask_whether_it_arrived": may_settle and found.delivery_state == DeliveryState.UNKNOWN,
        "offer_to_send_again": may_settle and found.status_code == EmailStatus.FAILED,
        "offer_to_take_back": may_settle and found.status_code == EmailStatus.PENDING_SEND and found.sent_on is None,
        "is_held": found.hold_reason != HoldReason.NONE,
        "why_waiting": delivery.why_waiting(found, timezone.now()),
        "recipients_in_trouble": _in_trouble(found, user),
        "came_back": found.delivery_state in (DeliveryState.BOUNCED, DeliveryState.PARTLY_BOUNCED),
        "is_header_only": is_header_only(found),
        "offer_whole": may_settle and may_fetch_whole(found),
    }


def _in_trouble(found: Email, user: User | AnonymousUser) -> list[ActivityParty]:
    if not found.direction_code:
        return []
    all_of_them = may_see_blind_copies(user, found)
    return [
        one for one in delivery.in_trouble(found) if all_of_them or one.participation_type_mask != Participation.BCC
    ]


@require_POST
@staff_page("crm.view_email", "crm.change_email")
def settle_delivery(request: HttpRequest, pk: UUID) -> HttpResponse:
    """An administrator settles the delivery of anybody's mail, without reading it."""
    settle(request, get_object_or_404(Email.objects.select_related("sender_mailbox"), pk=pk))
    return HttpResponseRedirect(reverse("console:email", args=[pk]))


ANSWERS = {
    # what the button says: what the history notes, what the person is told
    "arrived": ("Said that it did arrive.", "Settled: it did arrive."),
    "again": ("Asked for it to be sent again.", "It is sent again at the next run."),
    "release": ("Released it.", "It leaves at the next run."),
    "take back": ("Took it back.", "It is a draft again."),
    "cancel": ("Cancelled it.", "Cancelled: it is not sent."),
}


def settle(request: HttpRequest, found: Email) -> None:
    """A person says that an unknown delivery did arrive, or what becomes of an email that failed, waits or is held."""
    answer, now = request.POST.get("answer", ""), timezone.now()
    try:
        _do(answer, found, now)
    except (delivery.IllegalMove, ValueError) as error:
        messages.error(request, f"Nothing was changed: {error}.")
        return
    noted, told = ANSWERS[answer]
    note(request, found.pk, noted)
    messages.success(request, told)


def _do(answer: str, found: Email, now: datetime) -> None:
    unknown = found.delivery_state == DeliveryState.UNKNOWN
    if answer == "release":
        delivery.release([found], now)
    elif answer == "take back":
        delivery.take_back(found, now)
    elif answer == "cancel":
        delivery.cancel(found, now)
    elif answer == "arrived" or (answer == "again" and unknown):
        delivery.resolve_unknown(found, was_sent=answer == "arrived", now=now)
    elif answer == "again":
        send_again(found, now)
    else:
        raise ValueError("this is none of the answers that can be given here")
