"""The console pages of alerts, cycles and the address index: written by the engine, looked at by people."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    DropdownFilter,
    RelatedDropdownFilter,
)
from unfold.decorators import action, display

from mailboxes import attention, exporting
from mailboxes.models import (
    AddressEntry,
    MailboxStatistics,
    TraceLevel,
    TraceLog,
)
from profiles import spreadsheet
from profiles.pages import ReadOnlyAdmin, moment

WHOLE_LIST = frozenset({"open", "o", "p"})  # what may stand in the address of the list without narrowing it
LEVEL_COLOURS = {TraceLevel.ERROR: "danger", TraceLevel.WARNING: "warning", TraceLevel.INFORMATION: "info"}


class OpenFilter(DropdownFilter):
    """Alerts that are open, or closed."""

    title = "open"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Open"), ("no", "Closed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[TraceLog]) -> QuerySet[TraceLog]:
        return queryset.filter(closed_on__isnull=self.value() == "yes") if self.value() in ("yes", "no") else queryset


@admin.register(TraceLog)
class TraceLogAdmin(ReadOnlyAdmin):
    """Alerts: what happened, what the server said, what would fix it (4.8)."""

    list_display = ("grade", "is_new", "text", "about", "occurrences", "remedy", "last", "is_open")
    list_filter = (
        OpenFilter,
        ("level", ChoicesDropdownFilter),
        ("mailbox", AutocompleteSelectFilter),
        ("email_server_profile", RelatedDropdownFilter),
    )
    list_filter_submit = True
    list_select_related = ("mailbox", "email_server_profile")
    list_fullwidth = True
    search_fields = ("text", "cause", "error_details")
    actions = ("dismiss", "download")

    @display(description="Level", ordering="level", label=LEVEL_COLOURS)
    def grade(self, alert: TraceLog) -> tuple[int, str]:
        return alert.level, alert.get_level_display()

    @display(description="New", label={"New": "danger"})
    def is_new(self, alert: TraceLog) -> str | None:
        return "New" if alert.is_new else None  # type: ignore[attr-defined]

    @display(description="About")
    def about(self, alert: TraceLog) -> str:
        return str(alert.mailbox or alert.email_server_profile)

    @display(description="Last time", ordering="last_occurred_on")
    def last(self, alert: TraceLog) -> SafeString:
        return moment(alert.last_occurred_on)

    @display(description="Open", boolean=True)
    def is_open(self, alert: TraceLog) -> bool:
        return alert.closed_on is None

    def get_queryset(self, request: HttpRequest) -> QuerySet[TraceLog]:
        return attention.with_new(super().get_queryset(request), request.user)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Who looks at the whole list has seen what there is; a part of it leaves the rest new."""
        answer = super().changelist_view(request, extra_context)
        if request.method == "GET" and answer.status_code == 200 and not set(request.GET) - WHOLE_LIST:
            attention.note_view(request.user, timezone.now())
        return answer

    def has_dismiss_permission(self, request: HttpRequest) -> bool:
        """Alerts are not edited, but whoever may change them may close them."""
        return request.user.has_perm("mailboxes.change_tracelog")

    @action(description="Dismiss", permissions=["dismiss"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[TraceLog]) -> None:
        closed = attention.dismiss(queryset, request.user, timezone.now())
        messages.success(request, f"{closed} alerts were dismissed.")
        if left := queryset.filter(closed_on__isnull=True).count():
            messages.warning(request, f"{left} stay: they tell others that somebody came to read their mail.")

    @action(description="Download as CSV", permissions=["view"])
    def download(self, request: HttpRequest, queryset: QuerySet[TraceLog]) -> StreamingHttpResponse:
        return spreadsheet.download("alerts", exporting.ALERTS, exporting.alert_rows(queryset))


@admin.register(MailboxStatistics)
class MailboxStatisticsAdmin(ReadOnlyAdmin):
    """How each cycle went (4.5)."""

    list_display = (
        "mailbox_process_started_on",
        "mailbox",
        "operation_type",
        "process_result",
        "items_seen",
        "items_tracked",
        "items_ignored",
        "items_sent",
        "items_failed",
        "error",
    )
    list_filter = (
        ("process_result", BooleanRadioFilter),
        ("operation_type", ChoicesDropdownFilter),
        ("mailbox", AutocompleteSelectFilter),
    )
    list_filter_submit = True
    list_select_related = ("mailbox",)
    list_fullwidth = True
    show_full_result_count = False


@admin.register(AddressEntry)
class AddressEntryAdmin(ReadOnlyAdmin):
    """Which record is found by which address (5.12)."""

    list_display = ("address", "name", "record_type", "record_id", "column_number", "is_active")
    list_filter = (("record_type", RelatedDropdownFilter),)
    list_filter_submit = True
    list_select_related = ("record_type",)
    search_fields = ("address", "name")
