"""The console pages of records, emails and events."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    DropdownFilter,
    RangeDateTimeFilter,
)
from unfold.decorators import display

from profiles.pages import ReadOnlyAdmin, moment
from tracking.crm.forms import ContactForm
from tracking.crm.models import Account, Case, Contact, DomainEvent, Email, Lead
from tracking.crm.models.states import EmailStatus

STATUS_COLOURS = {
    EmailStatus.DRAFT: "default",
    EmailStatus.COMPLETED: "success",
    EmailStatus.SENT: "success",
    EmailStatus.RECEIVED: "success",
    EmailStatus.CANCELED: "info",
    EmailStatus.PENDING_SEND: "primary",
    EmailStatus.SENDING: "primary",
    EmailStatus.FAILED: "danger",
}


class RecordAdmin(ModelAdmin):
    """What the pages of all records share."""

    list_filter: tuple[Any, ...] = (("state_code", ChoicesDropdownFilter),)
    list_filter_submit = True
    autocomplete_fields: tuple[str, ...] = ("owner",)
    readonly_fields = ("created_on", "modified_on")
    list_per_page = 50
    change_form_outer_before_template = "compose/write_about.html"


class AddressedAdmin(RecordAdmin):
    """Records that email can be sent to, unless they do not want any (7.7)."""

    list_filter = (*RecordAdmin.list_filter, ("do_not_email", BooleanRadioFilter))


@admin.register(Account)
class AccountAdmin(AddressedAdmin):
    list_display = ("name", "email_address_1", "owner", "state_code")
    list_select_related = ("owner",)
    search_fields = ("name", "email_address_1")


CONTACT_MAIN = (
    ("first_name", "last_name"),
    "full_name",
    ("email_address_1", "telephone_1"),
    ("email_address_2", "mobile_phone"),
    ("email_address_3", "job_title"),
    ("parent_customer", "owner"),
    ("state_code", "do_not_email"),
    ("created_on", "modified_on"),
)
CONTACT_MORE = {
    "Name": (
        ("salutation", "suffix"),
        ("middle_name", "nickname"),
        ("yomi_first_name", "yomi_last_name"),
    ),
    "Work": (("department", "manager_name"), ("assistant_name", "assistant_phone"), ("business_2", "company"), "fax"),
    "Further numbers": (("telephone_2", "home_2"), ("telephone_3", "callback"), "pager"),
    **{
        f"Address {number}": (
            *(f"address_{number}_line_{line}" for line in (1, 2, 3)),
            (f"address_{number}_postal_code", f"address_{number}_city"),
            (f"address_{number}_state_or_province", f"address_{number}_country"),
        )
        for number in (1, 2, 3)
    },
    "Personal": (
        ("birth_date", "anniversary"),
        ("spouses_name", "childrens_names"),
        ("website_url", "ftp_site_url"),
        "government_id",
        "description",
    ),
}


@admin.register(Contact)
class ContactAdmin(AddressedAdmin):
    list_display = ("full_name", "email_address_1", "parent_customer", "owner", "state_code")
    list_select_related = ("owner", "parent_customer")
    search_fields = ("full_name", "email_address_1", "email_address_2", "email_address_3")
    autocomplete_fields = ("owner", "parent_customer")
    form = ContactForm
    fieldsets = (
        (None, {"fields": CONTACT_MAIN}),
        *((title, {"fields": columns, "classes": ["collapse"]}) for title, columns in CONTACT_MORE.items()),
    )


@admin.register(Lead)
class LeadAdmin(AddressedAdmin):
    list_display = ("full_name", "company_name", "email_address_1", "owner", "state_code")
    list_select_related = ("owner",)
    search_fields = ("full_name", "company_name", "email_address_1")


@admin.register(Case)
class CaseAdmin(RecordAdmin):
    list_display = ("title", "customer_account", "owner", "state_code")
    list_select_related = ("owner", "customer_account")
    search_fields = ("title",)
    autocomplete_fields = ("owner", "customer_account")


class DirectionFilter(DropdownFilter):
    """Received or sent."""

    title = "direction"
    parameter_name = "direction"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("in", "Incoming"), ("out", "Outgoing")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Email]) -> QuerySet[Email]:
        return queryset.filter(direction_code=self.value() == "out") if self.value() in ("in", "out") else queryset


class RegardingFilter(DropdownFilter):
    """Whether the email is filed with a record."""

    title = "regarding"
    parameter_name = "regarding"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("set", "A record"), ("none", "Nothing")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Email]) -> QuerySet[Email]:
        if self.value() == "set":
            return queryset.exclude(regarding_id="")
        return queryset.filter(regarding_id="") if self.value() == "none" else queryset


@admin.register(Email)
class EmailAdmin(ReadOnlyAdmin):
    """The list of emails; a single one has a page of its own that joins what the floors above know about it."""

    list_display = ("arrow", "title", "sender", "to_recipients", "status", "of_mailbox", "when")
    list_filter = (
        DirectionFilter,
        ("status_code", ChoicesDropdownFilter),
        ("delivery_state", ChoicesDropdownFilter),
        ("receiving_mailbox", AutocompleteSelectFilter),
        ("sender_mailbox", AutocompleteSelectFilter),
        RegardingFilter,
        ("sent_on", RangeDateTimeFilter),
    )
    list_filter_submit = True
    list_display_links = None
    list_fullwidth = True
    list_select_related = ("receiving_mailbox", "sender_mailbox")
    search_fields = ("subject", "sender", "to_recipients", "message_id")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Email]:
        return super().get_queryset(request).defer("description", "safe_description")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("console:email", args=[object_id]))

    @display(description="Direction", ordering="direction_code")
    def arrow(self, email: Email) -> SafeString:
        icon, words = ("call_made", "Outgoing") if email.direction_code else ("call_received", "Incoming")
        return format_html(
            '<span class="material-symbols-outlined md-18" aria-hidden="true" title="{1}">{0}</span>'
            '<span class="ss-hidden">{1}</span>',
            icon,
            words,
        )

    @display(description="Subject", ordering="subject")
    def title(self, email: Email) -> SafeString:
        address = reverse("console:email", args=[email.pk])
        return format_html('<a class="ss-link ss-subject" href="{}">{}</a>', address, email.subject or "(no subject)")

    @display(description="Status", ordering="status_code", label=STATUS_COLOURS)
    def status(self, email: Email) -> tuple[int, str]:
        return email.status_code, email.get_status_code_display()

    @display(description="Mailbox")
    def of_mailbox(self, email: Email) -> str:
        return str(email.sender_mailbox or email.receiving_mailbox or "–")

    @display(description="When", ordering="sent_on")
    def when(self, email: Email) -> SafeString:
        return moment(email.sent_on or email.created_on)


@admin.register(DomainEvent)
class DomainEventAdmin(ReadOnlyAdmin):
    """What happened, in order; the rows that later work delivers outside."""

    list_display = ("happened_on", "kind", "subject_id", "mailbox_id", "facts")
    list_filter = (("kind", ChoicesDropdownFilter), ("happened_on", RangeDateTimeFilter))
    list_filter_submit = True
    search_fields = ("subject_id", "mailbox_id")
    ordering = ("-id",)
    show_full_result_count = False
