"""The console pages of mailboxes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    DropdownFilter,
    RelatedDropdownFilter,
)
from unfold.decorators import action, display

from mailboxes import approval, combinations, provision, switching
from mailboxes.admin.mailbox_bulk import BulkActions
from mailboxes.brake import with_paused
from mailboxes.forms import MailboxForm
from mailboxes.health import Health, health_of_leg, with_health
from mailboxes.joining import AnnouncesReaders
from mailboxes.models import (
    Leg,
    Mailbox,
    MailboxLeg,
)
from mailboxes.taking_over import MAY_TAKE_OVER
from mailboxes.trials import request_trials
from profiles.models import StateCode
from profiles.pages import WithHistory, moment

HEALTH_COLOURS = {
    Health.WORKING: "success",
    Health.FAILING: "warning",
    Health.STOPPED: "danger",
    Health.SKIPPED: "info",
    Health.NEVER_RUN: "primary",
    Health.FORWARDED: "default",
    Health.OFF: "default",
}


_PAUSED = mark_safe('<span class="ss-warn">Paused</span>')


class HealthFilter(DropdownFilter):
    """How the mailbox is doing; the cards of the home page link here."""

    title = "condition"
    parameter_name = "health"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(word.value), str(word.label)) for word in Health if not word.is_quiet]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Mailbox]) -> QuerySet[Mailbox]:
        return with_health(queryset).filter(health=self.value()) if self.value() else queryset


class OwnerKindFilter(DropdownFilter):
    """Whose mailbox it is (1.5)."""

    title = "belongs to"
    parameter_name = "owner_kind"
    KINDS = {
        "user": ("A user", Q(regarding_user__isnull=False)),
        "queue": ("A queue", Q(regarding_queue__isnull=False)),
        "nobody": ("Nobody (forward mailbox)", Q(is_forward_mailbox=True)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(key, label) for key, (label, _) in self.KINDS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Mailbox]) -> QuerySet[Mailbox]:
        return queryset.filter(self.KINDS[self.value()][1]) if self.value() in self.KINDS else queryset


class MailboxLegInline(TabularInline):
    """The legs of a mailbox, to look at: the engine alone writes them."""

    model = MailboxLeg
    fields = readonly_fields = ("leg", "enabled", "status", "why", "last_run", "next_run")
    hide_title = True
    extra = max_num = 0
    can_delete = False
    verbose_name_plural = "state"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="Why")
    def why(self, leg: MailboxLeg) -> str:
        return leg.skip_reason or leg.last_error or "–"

    @display(description="Last run")
    def last_run(self, leg: MailboxLeg) -> SafeString:
        return moment(leg.last_completed_on, "never")

    @display(description="Next run")
    def next_run(self, leg: MailboxLeg) -> str:
        return _next_run([leg])


def _next_run(legs: Iterable[MailboxLeg]) -> str:
    """When the first of these legs runs next; "due now" from the moment on when a worker may take it."""
    enabled = [leg for leg in legs if leg.enabled]
    due = min((leg.due_on for leg in enabled if leg.due_on), default=None)
    if any(leg.requested_on for leg in enabled) or (due and due <= timezone.now()):
        return "due now"
    return moment(due)


def _kind_of_owner(mailbox: Mailbox) -> tuple[str, str]:
    """Words and icon for whose mailbox it is (1.5)."""
    if mailbox.is_forward_mailbox:
        return "Forward mailbox", "forward_to_inbox"
    return ("Queue", "group") if mailbox.regarding_queue_id else ("User", "person")


def _leg_column(leg: Leg, title: str) -> Any:
    """A column with the badge of one leg, from the prefetched legs."""

    @display(description=title, label=HEALTH_COLOURS)
    def column(self: MailboxAdmin, mailbox: Mailbox) -> tuple[str, str]:
        row = next((row for row in mailbox.legs.all() if row.leg == leg), None)
        health = health_of_leg(mailbox, row) if row else Health.NEVER_RUN
        return health, str(health.label)

    return column


@admin.register(Mailbox)
class MailboxAdmin(AnnouncesReaders, BulkActions, WithHistory, ModelAdmin):
    """The mailboxes with the state of each leg, and the form of what people edit about one."""

    form = MailboxForm
    list_display = (
        "whose",
        "profile",
        "incoming",
        "outgoing",
        "act",
        "runs",
        "alert_count",
        "sync_button",
    )
    list_display_links = None
    list_fullwidth = True
    list_filter = (
        HealthFilter,
        OwnerKindFilter,
        ("email_server_profile", RelatedDropdownFilter),
        ("email_router_access_approval", ChoicesDropdownFilter),
        ("state_code", ChoicesDropdownFilter),
    )
    list_filter_submit = True
    list_per_page = 50
    search_fields = ("name", "email_address")
    autocomplete_fields = ("regarding_user", "regarding_queue", "owner", "email_server_profile")
    readonly_fields = (
        "email_router_access_approval",
        "email_address_approved_by",
        "email_address_approved_on",
        "created_on",
        "modified_on",
    )
    warn_unsaved_form = True
    actions = (
        "sync_now",
        "approve",
        "reject",
        "test_and_enable",
        "enable_mail",
        "activate",
        "deactivate",
        "apply_defaults",
        "set_profile",
        "set_methods",
        "download",
    )
    inlines = (MailboxLegInline,)
    incoming = _leg_column(Leg.INCOMING, "Incoming")
    outgoing = _leg_column(Leg.OUTGOING, "Outgoing")
    act = _leg_column(Leg.ACT, "Calendar")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "name",
                    "email_address",
                    ("email_router_access_approval", "email_address_approved_by", "email_address_approved_on"),
                    ("regarding_user", "regarding_queue"),
                    "is_forward_mailbox",
                    ("owner", "state_code"),
                )
            },
        ),
        (
            "Delivery",
            {
                "fields": (
                    "email_server_profile",
                    ("incoming_email_delivery_method", "outgoing_email_delivery_method"),
                    "act_delivery_method",
                    "process_email_received_after",
                    "process_and_delete_emails",
                )
            },
        ),
        (
            "Credentials",
            {
                "description": "Used only where the profile takes its credentials from the user or queue.",
                "fields": (
                    "allow_email_connector_to_use_credentials",
                    "username",
                    "new_password",
                    "clear_password",
                ),
            },
        ),
        ("History", {"fields": (("created_on", "modified_on"),)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mailbox]:
        mailboxes = with_paused(super().get_queryset(request).select_related("email_server_profile"))
        open_alerts = Count("alerts", filter=Q(alerts__closed_on__isnull=True))
        return mailboxes.annotate(open_alerts=open_alerts).prefetch_related("legs")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.may_take_over = request.user.has_perm(MAY_TAKE_OVER)
        return form

    def save_model(self, request: HttpRequest, obj: Mailbox, form: MailboxForm, change: bool) -> None:
        if not change:
            provision.save_new(obj, timezone.now(), take_over=form.takes_over)
        elif provision.save_edited(obj, take_over=form.takes_over):
            messages.warning(request, "What was changed has to be tested before it runs again.")  # 3.8
        forward = Mailbox.objects.filter(is_forward_mailbox=True, state_code=StateCode.ACTIVE).exists()
        for sentence in combinations.warnings(obj.combination(), forward):
            messages.warning(request, sentence)

    @display(description="Mailbox", ordering="name")
    def whose(self, mailbox: Mailbox) -> SafeString:
        return format_html(
            '<span class="ss-whose"><span class="material-symbols-outlined md-18" aria-hidden="true" title="{0}">{1}</span>'
            '<span class="ss-hidden">{0}: </span>'
            '<a class="ss-cell-link" href="{2}"><strong>{3}</strong><span>{4}</span>{5}</a></span>',
            *_kind_of_owner(mailbox),
            reverse("console:mailbox", args=[mailbox.pk]),
            mailbox.name or "(no name)",
            mailbox.email_address or "no address",
            _PAUSED if mailbox.is_paused else "",  # type: ignore[attr-defined]
        )

    @display(description="Profile", ordering="email_server_profile__name")
    def profile(self, mailbox: Mailbox) -> str:
        return str(mailbox.email_server_profile or "–")

    @display(description="Last, next run")
    def runs(self, mailbox: Mailbox) -> SafeString:
        legs = list(mailbox.legs.all())
        last = max((leg.last_completed_on for leg in legs if leg.last_completed_on), default=None)
        return format_html(
            '<span class="ss-runs"><span>{}</span><span>{}</span></span>', moment(last, "never"), _next_run(legs)
        )

    @display(description="Alerts", ordering="open_alerts")
    def alert_count(self, mailbox: Mailbox) -> SafeString:
        number = mailbox.open_alerts  # type: ignore[attr-defined]
        if not number:
            return format_html("{}", "–")
        address = f"{reverse('admin:mailboxes_tracelog_changelist')}?mailbox__id__exact={mailbox.pk}&open=yes"
        return format_html('<a class="ss-link" href="{}">{}<span class="ss-hidden"> open</span></a>', address, number)

    @display(description="Sync")
    def sync_button(self, mailbox: Mailbox) -> SafeString:
        return format_html(
            '<button class="ss-button ss-button-small" type="submit" formaction="{}" formnovalidate'
            '>Sync now<span class="ss-hidden"> {}</span></button>',
            reverse("console:sync", args=[mailbox.pk]),
            mailbox.name,
        )

    @action(description="Sync now", permissions=["change"])
    def sync_now(self, request: HttpRequest, queryset: QuerySet[Mailbox]) -> None:
        asked = switching.sync_now(queryset, timezone.now())
        messages.success(request, f"{asked} legs were asked to run now.")

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return approval.may_approve(request.user)  # 3.5

    @action(description="Approve the addresses", permissions=["approve"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Mailbox]) -> None:
        approved = approval.approve(queryset, request.user, timezone.now())
        messages.success(request, f"{approved} addresses were approved.")

    @action(description="Reject the addresses", permissions=["approve"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Mailbox]) -> None:
        messages.success(request, f"{approval.reject(queryset, request.user)} addresses were rejected.")

    @action(description="Enable incoming and outgoing email", permissions=["test"])
    def enable_mail(self, request: HttpRequest, queryset: QuerySet[Mailbox]) -> None:
        enabled = switching.enable(queryset, [Leg.INCOMING, Leg.OUTGOING], timezone.now())
        messages.success(request, f"{enabled} legs were enabled and run now.")

    def has_test_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("mailboxes.test_mailbox")

    @action(description="Test and enable", permissions=["test"])
    def test_and_enable(self, request: HttpRequest, queryset: QuerySet[Mailbox]) -> HttpResponse | None:
        asked = request_trials(queryset, Leg, request.user.pk, timezone.now())
        if not asked:
            messages.warning(request, "None of them has server-side synchronization as a delivery method.")
            return None
        messages.success(request, f"{asked} tests were asked for; what passes is enabled.")
        return HttpResponseRedirect(reverse("console:tests"))

    @action(description="Activate", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Mailbox]) -> None:
        messages.success(request, f"{switching.activate(queryset, timezone.now())} mailboxes are active.")

    @action(description="Deactivate", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[Mailbox]) -> None:
        messages.success(request, f"{switching.deactivate(queryset)} mailboxes are inactive.")
