"""The page that answers "why was this mail (not) tracked?" (law 4)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from serversync.console.pages import show, staff_page
from tracking.facts.visibility import readable_among
from tracking.facts.why import explain, sent_with


@staff_page("tracking.view_ledgerrow")
def why(request: HttpRequest) -> HttpResponse:
    """Enter a Message-ID, or a part of one; see each mailbox's verdict, its reason and its evidence."""
    wanted = request.GET.get("message_id", "").strip()[:400]
    explanations = explain(wanted)
    may_see_mail = request.user.has_perm("crm.view_email")
    sent = sent_with(wanted) if may_see_mail else []
    return show(
        request,
        "console/why.html",
        "Why?",
        wanted=wanted,
        explanations=explanations,
        sent=sent,
        readable=readable_among(request.user, [email.pk for email in sent]),
        may_see_mail=may_see_mail,
    )
