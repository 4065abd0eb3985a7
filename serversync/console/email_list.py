"""The list of emails as this person may see it: what others wrote is masked unless the role opens it (law 12)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import BooleanField, Case, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from serversync.console.replaying import ReplayAction
from serversync.console.sending import SendingActions
from serversync.console.untracking import ask_and_untrack
from tracking.crm.admin import EmailAdmin
from tracking.crm.models import Email
from tracking.facts.visibility import MASK, mask_of, readable_by

MASKED = frozenset({"subject", "description", "preview", "safe_description", "sender", "to_recipients"})
admin.site.unregister(Email)


@admin.register(Email)
class MaskedEmailAdmin(ReplayAction, SendingActions, EmailAdmin):
    """Everybody with the permission sees that an email exists; its subject and people only those who may read it."""

    list_display = ("arrow", "title", "from_whom", "to_whom", "status", "of_mailbox", "when")
    actions = ("send", "send_again", "release", "take_back", "cancel", "untrack", "rebuild")

    def has_untrack_permission(self, request: HttpRequest) -> bool:
        """Rows are not edited, but whoever may change emails may take them out of tracking."""
        return request.user.has_perm("crm.change_email")

    @action(description="Untrack", permissions=["untrack"])
    def untrack(self, request: HttpRequest, queryset: QuerySet[Email]) -> HttpResponse | None:
        return ask_and_untrack(request, queryset)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Email]:
        readable = When(readable_by(request.user), then=Value(True))
        return (
            super()
            .get_queryset(request)
            .annotate(is_readable=Case(readable, default=Value(False), output_field=BooleanField()))
        )

    # Finding or filtering by a masked word would tell the word; for the same reason nobody sorts by one.
    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Email], search_term: str
    ) -> tuple[QuerySet[Email], bool]:
        found, repeats = super().get_search_results(request, queryset, search_term)
        if search_term.strip():
            found = found.filter(readable_by(request.user) | Q(message_id__icontains=search_term.strip()))
        return found, repeats

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup.split("__")[0] not in MASKED and super().lookup_allowed(lookup, value, request)

    @display(description="Subject")
    def title(self, email: Email) -> SafeString:
        address = reverse("console:email", args=[email.pk])
        words = email.subject or "(no subject)"
        shown = words if email.is_readable else mask_of(email)  # type: ignore[attr-defined]
        link = format_html('<a class="ss-link ss-subject" href="{}">{}</a>', address, shown)
        if not (email.preview and email.is_readable):  # type: ignore[attr-defined]
            return link
        return format_html('{}<br><span class="ss-subject ss-subtle">{}</span>', link, email.preview)

    @display(description="Sender")
    def from_whom(self, email: Email) -> str:
        return _shown(email, email.sender)

    @display(description="To")
    def to_whom(self, email: Email) -> str:
        return _shown(email, email.to_recipients)


def _shown(email: Email, words: str) -> str:
    return words if email.is_readable else MASK  # type: ignore[attr-defined]
