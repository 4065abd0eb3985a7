"""The help page about errors: what each means, where it comes from, what helps (12.2)."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from mailboxes import catalogue
from serversync.console.pages import show


@login_required
def errors(request: HttpRequest) -> HttpResponse:
    """The whole catalogue, or what fits the words searched for; each entry has an address of its own (#code)."""
    wanted = request.GET.get("q", "").strip()[:200]
    return show(
        request,
        "console/errors.html",
        "Errors and what helps",
        wanted=wanted,
        entries=catalogue.matching(wanted),
        total=len(catalogue.ENTRIES),
    )
