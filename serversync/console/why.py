"""The page that answers "why was this mail (not) tracked?" (law 4)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from mailboxes.models import Mailbox
from mailboxes.ownership import mailboxes_of
from serversync.console.decisions import LONGEST, mailboxes_named
from serversync.console.pages import show, staff_page
from serversync.looking import MOST_MAILBOXES, look, sought_by
from tracking.facts.decisions import Wanted, decisions, is_sender, written_as
from tracking.facts.visibility import readable_among, reads_others_mail
from tracking.facts.why import explain, sent_with

DAYS_BACK = 14
"""How far back a sender's mail is looked for on a server."""


@staff_page("tracking.view_ledgerrow")
def why(request: HttpRequest) -> HttpResponse:
    """Enter a Message-ID, an address, a domain, or a part of one. A Message-ID gives each mailbox's verdict, its reason
    and its evidence; what is no Message-ID the list of decisions about it."""
    wanted = (request.GET.get("q") or request.GET.get("message_id") or "").strip()[:LONGEST]
    if is_sender(wanted, request.user):
        return _to_list(wanted)
    told = _told(request, wanted)
    found, exact = told["explanations"], set(written_as(wanted))
    several = len(found) > 1 and not exact & {one.message_id for one in found}
    by_sender = wanted and not found and not told["sent"] and decisions(Wanted(wanted), request.user).rows
    if several or by_sender:
        return _to_list(wanted)
    return show(request, "console/why.html", "Why?", **told)


def _to_list(wanted: str) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('console:decisions')}?{urlencode({'q': wanted})}")


@require_POST
@staff_page("tracking.view_ledgerrow", "mailboxes.test_mailbox")
def look_now(request: HttpRequest) -> HttpResponse:
    """Look on the server for what is not known here. Folder and date are shown, never subject or text; it is noted in the
    history of the mailbox. By sender only where the person may read the mail."""
    wanted = request.POST.get("q", "").strip()[:LONGEST]
    name = request.POST.get("mailbox", "").strip()[:LONGEST]
    by_sender = request.POST.get("by") == "sender"
    found = list(_mailboxes(request, name, by_sender)) if wanted else []
    problem = "" if found else _problem(wanted, name, by_sender)
    sought = sought_by("" if by_sender else wanted, wanted, DAYS_BACK, timezone.now())
    looks = [look(mailbox, sought) for mailbox in found]
    for mailbox in found:
        _note(request, mailbox, "by sender" if by_sender else "by Message-ID")
    more = {"looks": looks, "look_problem": problem, "look_in": name, "by_sender": by_sender}
    return show(request, "console/why.html", "Why?", **_told(request, wanted), **more)


def _told(request: HttpRequest, wanted: str) -> dict[str, Any]:
    may_see_mail = request.user.has_perm("crm.view_email")
    sent = sent_with(wanted) if may_see_mail else []
    return {
        "wanted": wanted,
        "explanations": explain(wanted, request.user),
        "sent": sent,
        "readable": readable_among(request.user, [email.pk for email in sent]),
        "may_see_mail": may_see_mail,
        "may_look": request.user.has_perm("mailboxes.test_mailbox"),
        "days_back": DAYS_BACK,
    }


def _mailboxes(request: HttpRequest, name: str, by_sender: bool) -> Any:
    found = Mailbox.objects.filter(Q(pk__in=mailboxes_named(name))) if name else Mailbox.objects.none()
    if by_sender and not reads_others_mail(request.user):
        found = found & mailboxes_of(request.user)
    return found.select_related("email_server_profile", "regarding_user", "regarding_queue")[:MOST_MAILBOXES]


def _problem(wanted: str, name: str, by_sender: bool) -> str:
    if not wanted:
        return "Enter a Message-ID or an address first."
    if by_sender and mailboxes_named(name):
        return "By sender you look only into mailboxes whose mail you may read. Look by Message-ID instead."
    return f"There is no mailbox “{name}”. Enter its address or its name." if name else "Enter a mailbox to look into."


def _note(request: HttpRequest, mailbox: Mailbox, how: str) -> None:
    """Who looked into a mailbox leaves a line in its history."""
    mine = Mailbox.objects.filter(pk=mailbox.pk)
    if request.user.pk is not None:
        LogEntry.objects.log_actions(request.user.pk, mine, CHANGE, f"Looked on the server for a message {how}.")
