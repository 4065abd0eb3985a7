"""The console pages of the organization's and the users' settings."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
)
from unfold.decorators import display

from mailboxes.forms import OrganizationForm, policy_table
from mailboxes.models import (
    Organization,
    UserSettings,
)


@admin.register(UserSettings)
class UserSettingsAdmin(ModelAdmin):
    """The filter and the zone of each user (5.4)."""

    list_display = ("user", "incoming_email_filtering_method", "time_zone")
    list_filter = (("incoming_email_filtering_method", ChoicesDropdownFilter),)
    list_filter_submit = True
    list_select_related = ("user",)
    search_fields = ("user__username", "user__email", "user__last_name")
    autocomplete_fields = ("user",)


@admin.register(Organization)
class OrganizationAdmin(ModelAdmin):
    """The one row of organization-wide settings."""

    form = OrganizationForm
    list_display = ("name", "default_email_server_profile", "changed")
    readonly_fields = ("every_setting",)
    fieldsets = (
        (None, {"fields": ("name", "default_email_server_profile", "overrides")}),
        ("Every setting and its default", {"fields": ("every_setting",)}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not Organization.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        return False

    @display(description="Settings that differ from the default")
    def changed(self, organization: Organization) -> str:
        return ", ".join(organization.overrides) or "none"

    @display(description="Settings")
    def every_setting(self, organization: Organization) -> SafeString:
        rows = format_html_join(
            "", '<tr><th scope="row"><code>{}</code></th><td><code>{}</code></td></tr>', policy_table()
        )
        return format_html(
            '<table class="ss-table"><caption class="ss-hidden">Settings and defaults</caption><thead><tr>'
            '<th scope="col">Setting</th><th scope="col">Default</th></tr></thead><tbody>{}</tbody></table>',
            rows,
        )
