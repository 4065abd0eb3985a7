"""The console pages of the organization's and the users' settings."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from mailboxes.models import Organization, UserSettings
from mailboxes.organization_form import GROUPS, OrganizationForm, changed_in, explained, fields_of
from mailboxes.settings_catalogue import SETTINGS
from profiles.pages import WithHistory


@admin.register(UserSettings)
class UserSettingsAdmin(WithHistory, ModelAdmin):
    """The filter and the zone of each user (5.4). Whether others may send in their name only they say themselves (7.5)."""

    list_display = ("user", "incoming_email_filtering_method", "is_send_as_allowed", "time_zone")
    readonly_fields = ("is_send_as_allowed",)
    list_filter = (("incoming_email_filtering_method", ChoicesDropdownFilter),)
    list_filter_submit = True
    list_select_related = ("user",)
    search_fields = ("user__username", "user__email", "user__last_name")
    autocomplete_fields = ("user",)


@admin.register(Organization)
class OrganizationAdmin(WithHistory, ModelAdmin):
    """The one row of organization-wide settings, each explained (11)."""

    form = OrganizationForm
    list_display = ("name", "default_email_server_profile", "changed")
    readonly_fields = ("every_setting",)
    warn_unsaved_form = True
    change_form_after_template = "console/dry_run_button.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not Organization.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Organization | None = None) -> Any:
        """A fieldset for each group; who may only look sees them as a list."""
        own = (None, {"fields": ("name", "default_email_server_profile")})
        if not self.has_change_permission(request, obj):
            return (own, ("Settings", {"fields": ("every_setting",)}))
        stored = obj.overrides if obj else {}
        return (own, *(self._fieldset(group, changed_in(group, stored)) for group in GROUPS))

    @staticmethod
    def _fieldset(group: Any, changed: int) -> tuple[str, dict[str, Any]]:
        title = f"{group.title} ({changed} changed)" if changed else group.title
        return title, {"classes": ("collapse",), "description": group.about, "fields": fields_of(group)}

    @display(description="Settings that differ from the default")
    def changed(self, organization: Organization) -> str:
        return ", ".join(SETTINGS[name].label for name in organization.overrides if name in SETTINGS) or "none"

    @display(description="Settings")
    def every_setting(self, organization: Organization) -> SafeString:
        policy = organization.policy()
        groups = [
            (
                group,
                [
                    (one, one.words(getattr(policy, one.name)), explained(one, organization.overrides))
                    for one in group.settings
                ],
            )
            for group in GROUPS
        ]
        return render_to_string("console/settings_table.html", {"groups": groups})
