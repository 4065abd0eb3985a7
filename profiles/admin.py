"""The console pages of email server profiles."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from profiles.forms import EmailServerProfileForm
from profiles.models import EmailServerProfile, StateCode
from profiles.pages import WithHistory, moment
from profiles.presets import BY_KEY, PRESETS
from profiles.probing import TestResult

# What the page shows, as its script says it: fields without a meaning for the server type are not there (2.1–2.9).
EXCHANGE = "['0', '2', '3'].includes(server_type)"
LINES = "!['0', '2', '3'].includes(server_type)"
OWN_OUTGOING = "!use_same_settings_for_outgoing_connections"
IN_PROFILE = "{side}_credential_retrieval == '1'"


def _conditions(side: str) -> dict[str, str]:
    """When each field of one direction is shown."""
    shown = "true" if side == "incoming" else OWN_OUTGOING
    account = f"{shown} && {IN_PROFILE.format(side=side)}"
    return {
        f"{side}_server_location": shown,
        f"{side}_port_number": f"{shown} && {LINES}",
        f"{side}_tls": f"{shown} && ({LINES} || !{side}_server_location.startsWith('https://'))",
        f"{side}_credential_retrieval": shown,
        f"{side}_authentication_protocol": f"{shown} && {EXCHANGE}",
        f"{side}_username": account,
        f"new_{side}_password": account,
        f"clear_{side}_password": account,
        f"{side}_use_impersonation": f"{account} && {EXCHANGE}",
    }


def _connection(side: str) -> tuple[str | tuple[str, ...], ...]:
    """The fields of one direction, in the order in which people know them."""
    return (
        f"{side}_server_location",
        (f"{side}_tls", f"{side}_port_number"),
        (f"{side}_credential_retrieval", f"{side}_authentication_protocol"),
        f"{side}_username",
        f"new_{side}_password",
        f"clear_{side}_password",
        f"{side}_use_impersonation",
    )


def _unless_read_only(conditions: dict[str, str]) -> dict[str, str]:
    """Who may only look has no fields to decide by, and sees everything."""
    return {name: f"typeof server_type === 'undefined' || ({shown})" for name, shown in conditions.items()}


@admin.register(EmailServerProfile)
class EmailServerProfileAdmin(WithHistory, ModelAdmin):
    """How a mail system is reached; passwords are written, never shown (2.5)."""

    form = EmailServerProfileForm
    list_display = ("name", "kind", "incoming_server_location", "state", "mailbox_count", "last_test")
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
                    "use_auto_discover",
                    "move_undelivered_emails",
                    ("created_on", "modified_on"),
                ),
            },
        ),
        ("Alerts", {"classes": ("tab",), "fields": ("send_email_alert", "owner_email_address")}),
    )
    conditional_fields = _unless_read_only(
        {
            **_conditions("incoming"),
            **_conditions("outgoing"),
            "timeout_mailbox_connection_after_amount": "timeout_mailbox_connection",
            "use_auto_discover": EXCHANGE,
            "move_undelivered_emails": EXCHANGE,
            "owner_email_address": "send_email_alert",
        }
    )
    change_form_outer_before_template = "console/profile_presets.html"
    change_form_outer_after_template = "console/profile_test.html"

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A well-known server fills the form in; what must be known besides is said above it."""
        preset = BY_KEY.get(request.GET.get("preset", ""))
        return preset.initial() if preset else super().get_changeform_initial_data(request)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        chosen = BY_KEY.get(request.GET.get("preset", ""))
        context = {**(extra_context or {}), "presets": PRESETS, "preset": chosen}
        return super().add_view(request, form_url, context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[EmailServerProfile]:
        return super().get_queryset(request).annotate(mailbox_total=Count("mailboxes"))

    def save_model(
        self, request: HttpRequest, obj: EmailServerProfile, form: EmailServerProfileForm, change: bool
    ) -> None:
        """Save, and say what will surely not work: whoever knows the server better may keep it (2.6)."""
        super().save_model(request, obj, form, change)
        for field, sentence in form.warnings():
            messages.warning(request, f"{form.fields[field].label}: {sentence}")

    @display(description="Type", ordering="server_type")
    def kind(self, profile: EmailServerProfile) -> str:
        return profile.get_server_type_display()

    @display(
        description="State", ordering="state_code", label={StateCode.ACTIVE: "success", StateCode.INACTIVE: "info"}
    )
    def state(self, profile: EmailServerProfile) -> tuple[int, str]:
        return profile.state_code, profile.get_state_code_display()

    @display(description="Last test", ordering="last_test_start_time")
    def last_test(self, profile: EmailServerProfile) -> SafeString:
        if profile.last_test_execution_status is None:
            return format_html("{}", "never")
        return format_html(
            '{}<br><span class="ss-subtle">{}</span>',
            TestResult(profile.last_test_execution_status).label,
            moment(profile.last_test_start_time),
        )

    @display(description="Mailboxes", ordering="mailbox_total")
    def mailbox_count(self, profile: EmailServerProfile) -> int:
        return profile.mailbox_total  # type: ignore[attr-defined]
