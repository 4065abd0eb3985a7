"""One email in the owner's frame, for people who have no business in the console."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from serversync.console.emails import conversation_of, frame_lines, people_of
from serversync.console.owner import for_people, show_to_owner
from serversync.console.reading import opened
from tracking.crm.models import Email
from tracking.facts.visibility import own_emails, visible_emails
from tracking.facts.why import sentence
from tracking.models import LedgerRow


@for_people
def email(request: HttpRequest, pk: UUID) -> HttpResponse:
    """An email that the person may read: its own, or of a queue of theirs. Raises Http404 for every other."""
    found = opened(request, Email.objects.select_related("receiving_mailbox", "sender_mailbox"), pk, "the page")
    rows = LedgerRow.objects.filter(email=found).select_related("mailbox")
    return show_to_owner(
        request,
        "owner/email.html",
        "Email",
        email=found,
        people=people_of(found),
        attachments=list(found.attachments.all()),
        conversation=conversation_of(found, visible_emails(request.user)),
        decisions=[(row, sentence(row)) for row in rows] if own_emails(request.user).filter(pk=pk).exists() else [],
        frame_lines=frame_lines(found),
    )
