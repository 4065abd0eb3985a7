"""The console pages of the ledger, the placements, the cursors and the folder rules."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    DropdownFilter,
)
from unfold.decorators import action, display

from mailboxes.models.settings import current_policy
from profiles import spreadsheet
from profiles.pages import ReadOnlyAdmin, WithHistory, moment
from tracking import admin_act as admin_act  # its pages register themselves
from tracking import exporting
from tracking.decide.verdicts import REASON_TEXTS
from tracking.facts.removable import matching
from tracking.facts.why import evidence_lines, evidence_of, sentence
from tracking.forms import FolderRuleForm, OrganizationExclusionForm
from tracking.keep.folder_rules import remove_rule, save_rule
from tracking.keep.redo import ignore, redo
from tracking.keep.track_now import track_now
from tracking.models import (
    FolderOnboardingStatus,
    LedgerRow,
    LedgerState,
    MailboxTrackingFolder,
    Placement,
    SyncCursor,
    TrackingExclusion,
)

STATE_COLOURS = {
    LedgerState.PENDING: "primary",
    LedgerState.TRACKED: "success",
    LedgerState.IGNORED: "info",
    LedgerState.QUARANTINED: "danger",
    LedgerState.GONE: "default",
}


class ReasonFilter(DropdownFilter):
    """Why it was decided so (5.8)."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(str(int(number)), text) for number, text in REASON_TEXTS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LedgerRow]) -> QuerySet[LedgerRow]:
        known = {str(int(number)): number for number in REASON_TEXTS}
        return queryset.filter(reason=known[self.value()]) if self.value() in known else queryset


class PlacementInline(TabularInline):
    """Where a server showed the message."""

    model = Placement
    fields = readonly_fields = ("folder", "server_key", "shown_on", "gone_on", "acknowledge")
    exclude = ("mailbox",)
    extra = max_num = 0
    hide_title = True
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class FollowedFilter(DropdownFilter):
    """Whether a folder rule can be followed (9.4, 9.5)."""

    title = "followed"
    parameter_name = "followed"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("yes", "Followed"), ("no", "Not followed, with a reason")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[MailboxTrackingFolder]
    ) -> QuerySet[MailboxTrackingFolder]:
        if self.value() not in ("yes", "no"):
            return queryset
        followed = Q(invalid_reason="")
        return queryset.filter(followed if self.value() == "yes" else ~followed)


@admin.register(LedgerRow)
class LedgerRowAdmin(ReadOnlyAdmin):
    """Every message a server showed, and what became of it (laws 2, 4, 5)."""

    list_display = ("badge", "why", "message", "mailbox", "received", "decided")
    list_filter = (("state", ChoicesDropdownFilter), ReasonFilter, ("mailbox", AutocompleteSelectFilter))
    list_filter_submit = True
    list_fullwidth = True
    list_select_related = ("mailbox",)
    search_fields = ("message_id",)
    show_full_result_count = False
    ordering = ("-id",)
    actions = ("track", "redo", "ignore", "download", "download_failures")
    inlines = (PlacementInline,)
    fields = (
        ("mailbox", "state"),
        "reason_in_words",
        "evidence_list",
        "message",
        ("size", "attempts"),
        ("received_on", "discovered_on"),
        ("decided_on", "retry_on"),
        "error",
    )
    readonly_fields = ("reason_in_words", "evidence_list", "message")

    @display(description="State", ordering="state", label=STATE_COLOURS)
    def badge(self, row: LedgerRow) -> tuple[int, str]:
        return row.state, LedgerState(row.state).name.capitalize()

    @display(description="Why")
    def why(self, row: LedgerRow) -> SafeString:
        address = reverse("admin:tracking_ledgerrow_change", args=[row.pk])
        return format_html('<a class="ss-link" href="{}">{}</a>', address, sentence(row))

    @display(description="Why")
    def reason_in_words(self, row: LedgerRow) -> str:
        return sentence(row)

    @display(description="Message")
    def message(self, row: LedgerRow) -> SafeString:
        name = row.message_id or "(headers not read yet)"
        if row.email_id is None:
            return format_html('<span class="ss-id">{}</span>', name)
        return format_html(
            '<a class="ss-link ss-id" href="{}">{}</a>', reverse("console:email", args=[row.email_id]), name
        )

    @display(description="Received", ordering="received_on")
    def received(self, row: LedgerRow) -> SafeString:
        return moment(row.received_on)

    @display(description="Decided", ordering="decided_on")
    def decided(self, row: LedgerRow) -> SafeString:
        return moment(row.decided_on)

    @display(description="Evidence")
    def evidence_list(self, row: LedgerRow) -> str:
        return "; ".join(f"{label}: {text}" for label, text in evidence_lines(evidence_of(row))) or "–"

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Rows are not edited, but whoever may change them may decide about them."""
        return request.user.has_perm("tracking.change_ledgerrow")

    @action(description="Track now: past every filter", permissions=["decide"])
    def track(self, request: HttpRequest, queryset: QuerySet[LedgerRow]) -> None:
        asked = track_now(queryset, request.user, timezone.now())
        messages.success(request, f"{asked.asked} messages are fetched again and tracked at the next run.")
        if asked.gone:
            messages.warning(request, f"{asked.gone} messages cannot be tracked: the server shows them no more.")

    @action(description="Redo: judge again", permissions=["decide"])
    def redo(self, request: HttpRequest, queryset: QuerySet[LedgerRow]) -> None:
        number = redo(queryset, timezone.now())
        messages.success(request, f"{number} messages are judged again at the next run, which was asked for.")

    @action(description="Ignore: settle without tracking", permissions=["decide"])
    def ignore(self, request: HttpRequest, queryset: QuerySet[LedgerRow]) -> None:
        number = ignore(queryset, request.user.get_username(), timezone.now())
        messages.success(request, f"{number} quarantined messages were settled as ignored.")

    @action(description="Download as CSV", permissions=["view"])
    def download(self, request: HttpRequest, queryset: QuerySet[LedgerRow]) -> StreamingHttpResponse:
        return spreadsheet.download("decisions", exporting.DECISIONS, exporting.decision_rows(queryset))

    @action(description="Download failures as CSV", permissions=["view"])
    def download_failures(self, request: HttpRequest, queryset: QuerySet[LedgerRow]) -> StreamingHttpResponse:
        return spreadsheet.download("failures", exporting.FAILURES, exporting.failure_rows(queryset))


@admin.register(TrackingExclusion)
class TrackingExclusionAdmin(WithHistory, ModelAdmin):
    """What is never tracked in any mailbox. What a person excludes from their own mailbox is on their own page only."""

    form = OrganizationExclusionForm
    list_display = ("value", "kind", "created_by", "created_on")
    list_filter = (("kind", ChoicesDropdownFilter),)
    list_filter_submit = True
    list_select_related = ("created_by",)
    search_fields = ("value",)
    fields = ("kind", "value", ("created_by", "created_on"))
    readonly_fields = ("created_by", "created_on")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrackingExclusion]:
        return super().get_queryset(request).filter(mailbox__isnull=True)

    def save_model(self, request: HttpRequest, obj: TrackingExclusion, form: Any, change: bool) -> None:
        if not change:
            obj.created_by, obj.created_on = request.user, timezone.now()  # type: ignore[assignment]
        super().save_model(request, obj, form, change)
        many = matching([obj]).count()
        messages.info(
            request,
            f"{many} messages that are tracked already match. They stay: find them in the list of emails, and choose "
            "“Untrack” there, if they are to go too."
            if many
            else "Nothing that is tracked already matches.",
        )


@admin.register(Placement)
class PlacementAdmin(ReadOnlyAdmin):
    """Where servers showed messages."""

    list_display = ("mailbox", "folder", "server_key", "ledger_row", "shown_on", "gone_on", "acknowledge")
    list_filter = (("mailbox", AutocompleteSelectFilter), ("acknowledge", ChoicesDropdownFilter))
    list_filter_submit = True
    list_select_related = ("mailbox", "ledger_row")
    list_fullwidth = True
    search_fields = ("server_key", "folder")
    show_full_result_count = False


@admin.register(SyncCursor)
class SyncCursorAdmin(ReadOnlyAdmin):
    """How far each folder has been read (law 1)."""

    list_display = ("leg", "folder", "kind", "older", "sweep_from", "moved_on")
    list_select_related = ("leg__mailbox",)


@admin.register(MailboxTrackingFolder)
class MailboxTrackingFolderAdmin(WithHistory, ModelAdmin):
    """Folder rules: everything in this folder belongs to that record (9.1)."""

    form = FolderRuleForm
    list_display = ("folder", "mailbox", "belongs_to", "condition")
    list_filter = (
        ("mailbox", AutocompleteSelectFilter),
        FollowedFilter,
        ("folder_onboarding_status", ChoicesDropdownFilter),
    )
    list_filter_submit = True
    list_select_related = ("mailbox", "regarding_type")
    search_fields = (
        "exchange_folder_name",
        "folder_path",
        "regarding_name",
        "mailbox__name",
        "mailbox__email_address",
    )
    autocomplete_fields = ("mailbox",)
    fields = (
        "mailbox",
        "exchange_folder_id",
        "includes_subfolders",
        ("regarding_type", "regarding_id"),
        "folder_path",
        ("condition", "checked_on"),
        ("created_by", "created_on"),
    )
    readonly_fields = ("folder_path", "condition", "checked_on", "created_by", "created_on")

    @display(description="Folder", ordering="folder_path")
    def folder(self, rule: MailboxTrackingFolder) -> str:
        return rule.folder_path or str(rule)

    @display(description="Belongs to", ordering="regarding_name")
    def belongs_to(self, rule: MailboxTrackingFolder) -> str:
        if rule.regarding_type is None:
            return "no record"
        return f"{rule.regarding_type.name} “{rule.regarding_name or rule.regarding_id}”"

    @display(description="Condition", ordering="folder_onboarding_status")
    def condition(self, rule: MailboxTrackingFolder) -> str:
        if rule.invalid_reason:
            return f"Not followed: {rule.invalid_reason}"
        status = str(FolderOnboardingStatus(rule.folder_onboarding_status).label)
        if rule.folder_onboarding_status == FolderOnboardingStatus.GOING_ON:
            return f"{status}: {rule.onboarding_done} of {rule.onboarding_total} messages"
        return status

    def save_model(self, request: HttpRequest, obj: MailboxTrackingFolder, form: Any, change: bool) -> None:
        save_rule(obj, request.user, current_policy(), timezone.now(), may_be_unknown=form.may_be_unknown())

    def delete_model(self, request: HttpRequest, obj: MailboxTrackingFolder) -> None:
        remove_rule(obj, timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[MailboxTrackingFolder]) -> None:
        for rule in queryset.select_related("mailbox"):
            remove_rule(rule, timezone.now())
