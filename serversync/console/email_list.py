"""The list of emails as this person may see it: what others wrote is masked unless the role opens it (law 12)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import BooleanField, Case, QuerySet, Value, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from tracking.crm.admin import EmailAdmin
from tracking.crm.models import Email
from tracking.facts.visibility import MASK, own_emails, reads_others_mail

MASKED = frozenset({"subject", "description", "sender", "to_recipients"})
admin.site.unregister(Email)


@admin.register(Email)
class MaskedEmailAdmin(EmailAdmin):
    """Everybody with the permission sees that an email exists; its subject and people only those who may read it."""

    list_display = ("arrow", "title", "from_whom", "to_whom", "status", "of_mailbox", "when")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Email]:
        emails = super().get_queryset(request)
        if reads_others_mail(request.user):
            return emails.annotate(is_readable=Value(True))
        mine = When(pk__in=own_emails(request.user).order_by().values("pk"), then=Value(True))
        return emails.annotate(is_readable=Case(mine, default=Value(False), output_field=BooleanField()))

    # Finding or filtering by a masked word would tell the word; for the same reason nobody sorts by one.
    def get_search_fields(self, request: HttpRequest) -> Sequence[str]:
        return super().get_search_fields(request) if reads_others_mail(request.user) else ("message_id",)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        hidden = lookup.split("__")[0] in MASKED and not reads_others_mail(request.user)
        return not hidden and super().lookup_allowed(lookup, value, request)

    @display(description="Subject")
    def title(self, email: Email) -> SafeString:
        address = reverse("console:email", args=[email.pk])
        words = email.subject or "(no subject)"
        return format_html('<a class="ss-link ss-subject" href="{}">{}</a>', address, _shown(email, words))

    @display(description="Sender")
    def from_whom(self, email: Email) -> str:
        return _shown(email, email.sender)

    @display(description="To")
    def to_whom(self, email: Email) -> str:
        return _shown(email, email.to_recipients)


def _shown(email: Email, words: str) -> str:
    return words if email.is_readable else MASK  # type: ignore[attr-defined]
