"""Every change of what people set, in one list: who may look at a thing may look at what became of it."""

from __future__ import annotations

from copy import copy
from typing import Any

from auditlog.models import LogEntry
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.contrib.filters.admin import AutocompleteSelectFilter, DropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from profiles import history
from profiles.pages import ReadOnlyAdmin, moment
from serversync.console.pages import record_url

admin.site.unregister(LogEntry)  # the look of the console instead of the library's


class KindFilter(DropdownFilter):
    """What was changed: profiles, mailboxes, settings…"""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(kind.pk), str(capfirst(kind.name))) for kind in visible_kinds(request.user)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        value = self.value() or ""
        return queryset.filter(content_type_id=int(value)) if value.isdecimal() else queryset


class ActionFilter(DropdownFilter):
    """Created, changed or deleted."""

    title = "action"
    parameter_name = "what"
    ACTIONS = {
        "created": LogEntry.Action.CREATE,
        "changed": LogEntry.Action.UPDATE,
        "deleted": LogEntry.Action.DELETE,
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(word, word.capitalize()) for word in self.ACTIONS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        return queryset.filter(action=self.ACTIONS[self.value()]) if self.value() in self.ACTIONS else queryset


def visible_kinds(user: Any) -> list[ContentType]:
    """The kinds whose rows this user may look at, by name."""
    models = [
        model
        for model in history.kept_models()
        if user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}")
    ]
    return sorted(ContentType.objects.get_for_models(*models).values(), key=lambda kind: kind.name)


@admin.register(LogEntry)
class ChangeAdmin(ReadOnlyAdmin):
    """The change history of profiles, mailboxes, queues, settings, folder rules and exclusions."""

    def __init__(self, model: type[LogEntry], site: Any) -> None:
        super().__init__(model, site)
        self.opts = copy(model._meta)  # the library's table under the name that people know it by
        self.opts.verbose_name, self.opts.verbose_name_plural = "change", "changes"

    list_display = ("when", "person", "about", "what")
    list_display_links = None
    list_filter = (
        KindFilter,
        ActionFilter,
        ("actor", AutocompleteSelectFilter),
        ("timestamp", RangeDateTimeFilter),
    )
    list_filter_submit = True
    list_fullwidth = True
    list_select_related = ("actor",)
    search_fields = ("object_repr", "actor__username")
    search_help_text = "Name of what was changed, or user name"
    show_full_result_count = False
    fields = readonly_fields = ("when", "person", "about", "what")

    def has_view_permission(self, request: HttpRequest, obj: LogEntry | None = None) -> bool:
        kinds = visible_kinds(request.user)
        return bool(kinds) and (obj is None or obj.content_type_id in [kind.pk for kind in kinds])

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        found = super().get_changelist_instance(request)
        found.opts = self.opts
        return found

    def get_queryset(self, request: HttpRequest) -> QuerySet[LogEntry]:
        entries: QuerySet[LogEntry] = super().get_queryset(request)
        return entries.filter(content_type__in=visible_kinds(request.user))

    @display(description="When", ordering="timestamp")
    def when(self, entry: LogEntry) -> SafeString:
        return format_html(
            '<a class="ss-link" href="{}">{}</a>',
            reverse("admin:auditlog_logentry_change", args=[entry.pk]),
            moment(entry.timestamp),
        )

    @display(description="Who")
    def person(self, entry: LogEntry) -> str:
        return history.who(entry)

    @display(description="Of what", ordering="object_repr")
    def about(self, entry: LogEntry) -> SafeString:
        address = "" if entry.action == LogEntry.Action.DELETE else record_url(entry.content_type_id, entry.object_pk)
        kind = capfirst(ContentType.objects.get_for_id(entry.content_type_id).name)
        if not address:
            return format_html('{}<br><span class="ss-subtle">{}</span>', entry.object_repr, kind)
        return format_html(
            '<a class="ss-link" href="{}">{}</a><br><span class="ss-subtle">{}</span>', address, entry.object_repr, kind
        )

    @display(description="What")
    def what(self, entry: LogEntry) -> SafeString:
        said = {"what": history.what_happened(entry), "lines": history.lines(entry)}
        return render_to_string("console/change_lines.html", said)
