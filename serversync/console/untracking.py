"""Untracking in the console: by staff who may change emails, of mail that they may read (law 12)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from mailboxes.models import Mailbox
from serversync.console.owners_word import MOST, choices, say_what_was_untracked
from serversync.console.pages import show, staff_page
from serversync.console.reading import note, note_reading
from tracking.crm.models import Email
from tracking.facts.removable import of_emails
from tracking.facts.visibility import readable_by, visible_emails


@staff_page("crm.view_email", "crm.change_email")
def untrack_email(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One email or its conversation, as far as they may be read, out of every mailbox."""
    readable = visible_emails(request.user)
    email = get_object_or_404(readable, pk=pk)
    chosen = {
        scope: rows.filter(email__in=readable.order_by().values("pk"))
        for scope, rows in choices(email, Mailbox.objects.all()).items()
    }
    if request.method == "POST":
        note(request, pk, "Untracked.")
        scope = "conversation" if request.POST.get("scope") == "conversation" else "email"
        say_what_was_untracked(request, chosen[scope])
        return HttpResponseRedirect(reverse("admin:crm_email_changelist"))
    note_reading(request, pk, "its subject")
    many = {scope: rows.count() for scope, rows in chosen.items()}
    return show(request, "console/untrack.html", "Untrack", email=email, many=many, most=MOST)


def ask_and_untrack(request: HttpRequest, emails: QuerySet[Email]) -> HttpResponse | None:
    """The action of the list of emails: first a page that names the number, then the deed (law 9)."""
    readable = list(emails.filter(readable_by(request.user)).order_by("pk").values_list("pk", flat=True))
    rows = of_emails(Email.objects.filter(pk__in=readable), Mailbox.objects.all())
    if request.POST.get("confirmed") == "yes":
        for pk in readable[:MOST]:
            note(request, pk, "Untracked.")
        say_what_was_untracked(request, rows)
        return None
    asked: dict[str, Any] = {
        "many": rows.count(),
        "hidden": emails.count() - len(readable),
        "most": MOST,
        "back": request.get_full_path(),
        "select_across": request.POST.get("select_across", "0"),
        "ticked": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
        "checkbox_name": helpers.ACTION_CHECKBOX_NAME,
    }
    return show(request, "console/untrack_many.html", "Untrack", **asked)
