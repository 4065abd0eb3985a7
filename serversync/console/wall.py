"""The personal alert wall: the open alerts of all mailboxes of one person, what is new to them first (4.9, 4.12, 12.1)."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from mailboxes import attention
from mailboxes.attention import ServerNote
from mailboxes.models import Mailbox, TraceLog
from mailboxes.ownership import Standing, mailboxes_of, standing
from serversync.console.owner import back_to, for_people, owners_action, show_to_owner


@dataclass(frozen=True, slots=True)
class Part:
    """One mailbox with what is to be known about it."""

    mailbox: Mailbox
    is_owner: bool
    alerts: list[TraceLog]
    notes: list[ServerNote]


@for_people
def wall(request: HttpRequest) -> HttpResponse:
    """Everything at once. Looking at it is what makes alerts no longer new."""
    mailboxes = mailboxes_of(request.user).select_related("email_server_profile", "regarding_queue")
    open_alerts = list(attention.with_new(attention.alerts_of(request.user), request.user))
    parts = [
        Part(
            mailbox,
            standing(request.user, mailbox) == Standing.OWNER,
            sorted((one for one in open_alerts if one.mailbox_id == mailbox.pk), key=_newest),
            attention.server_notes(mailbox.email_server_profile),
        )
        for mailbox in mailboxes.order_by("regarding_queue__name", "name")
    ]
    # Who sees the alerts of everybody has seen them only in the console's list.
    if not request.user.has_perm("mailboxes.view_tracelog"):
        attention.note_view(request.user, timezone.now())
    return show_to_owner(request, "owner/wall.html", "Alerts", parts=parts)


def _newest(alert: TraceLog) -> tuple[bool, float]:
    return not alert.is_new, -alert.last_occurred_on.timestamp()  # type: ignore[attr-defined]


@owners_action
def dismiss_all(request: HttpRequest, mailbox: Mailbox) -> HttpResponse:
    """Close every alert about this mailbox (4.12)."""
    number = attention.dismiss(mailbox.alerts.all(), request.user, timezone.now())
    if number:
        messages.success(request, f"{number} alert{'s were' if number > 1 else ' was'} dismissed.")
    else:
        messages.info(request, "Nothing was dismissed.")
    return back_to(request, mailbox, "alerts")
