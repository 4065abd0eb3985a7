"""The console pages of email server profiles."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from profiles.forms import EmailServerProfileForm
from profiles.models import EmailServerProfile, StateCode


def _connection(side: str) -> tuple[str | tuple[str, ...], ...]:
    """The fields of one direction, in the order in which people know them."""
    return (
        f"{side}_server_location",
        (f"{side}_port_number", f"{side}_use_ssl"),
        (f"{side}_credential_retrieval", f"{side}_authentication_protocol"),
        f"{side}_username",
        f"new_{side}_password",
        f"clear_{side}_password",
        f"{side}_use_impersonation",
    )


@admin.register(EmailServerProfile)
class EmailServerProfileAdmin(ModelAdmin):
    """How a mail system is reached; passwords are written, never shown (2.5)."""

    form = EmailServerProfileForm
    list_display = ("name", "kind", "incoming_server_location", "state", "mailbox_count")
    list_filter = (("server_type", ChoicesDropdownFilter), ("state_code", ChoicesDropdownFilter))
    list_filter_submit = True
    search_fields = ("name", "incoming_server_location", "outgoing_server_location")
    autocomplete_fields = ("owner",)
    readonly_fields = ("created_on", "modified_on")
    warn_unsaved_form = True
    fieldsets = (
        (None, {"fields": ("name", "server_type", "state_code", "description", "owner")}),
        ("Receiving", {"classes": ("tab",), "fields": _connection("incoming")}),
        (
            "Sending",
            {
                "classes": ("tab",),
                "fields": ("use_same_settings_for_outgoing_connections", *_connection("outgoing")),
            },
        ),
        (
            "Limits",
            {
                "classes": ("tab",),
                "fields": (
                    "process_emails_received_after",
                    ("min_polling_interval_in_minutes", "max_concurrent_connections"),
                    ("timeout_mailbox_connection", "timeout_mailbox_connection_after_amount"),
                    "move_undelivered_emails",
                    ("created_on", "modified_on"),
                ),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[EmailServerProfile]:
        return super().get_queryset(request).annotate(mailbox_total=Count("mailboxes"))

    @display(description="Type", ordering="server_type")
    def kind(self, profile: EmailServerProfile) -> str:
        return profile.get_server_type_display()

    @display(
        description="State", ordering="state_code", label={StateCode.ACTIVE: "success", StateCode.INACTIVE: "info"}
    )
    def state(self, profile: EmailServerProfile) -> tuple[int, str]:
        return profile.state_code, profile.get_state_code_display()

    @display(description="Mailboxes", ordering="mailbox_total")
    def mailbox_count(self, profile: EmailServerProfile) -> int:
        return profile.mailbox_total  # type: ignore[attr-defined]
