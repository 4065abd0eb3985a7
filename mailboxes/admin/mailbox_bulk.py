"""What is set for many mailboxes at once, each after a page that asks: the defaults, a profile, the methods (3.2, 1.2)."""

from __future__ import annotations

from typing import Any

from crispy_forms.helper import FormHelper
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanWidget

from mailboxes import bulk, combinations, exporting, provision
from mailboxes.models import (
    ActDeliveryMethod,
    IncomingDeliveryMethod,
    Leg,
    Mailbox,
    OutgoingDeliveryMethod,
)
from mailboxes.trials import request_trials
from profiles import spreadsheet
from profiles.models import EmailServerProfile, StateCode

NAMED = 20  # mailboxes that the page names before it only counts the rest


class _Form(forms.Form):
    """The template writes the form element and its buttons."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.helper = FormHelper()
        self.helper.form_tag = False


class DefaultsForm(_Form):
    """Whether a test follows; the original ticks it as well (3.2)."""

    test = forms.BooleanField(
        label="Test and enable afterwards", required=False, initial=True, widget=UnfoldBooleanWidget()
    )


class ProfileForm(_Form):
    """Which profile."""

    profile = forms.ModelChoiceField(
        EmailServerProfile.objects.filter(state_code=StateCode.ACTIVE),
        required=False,
        empty_label="No profile",
        help_text="Only active profiles can be chosen.",
        widget=UnfoldAdminSelectWidget(),
    )


def _method(kind: Any, label: str) -> forms.TypedChoiceField:
    choices = [("", "Leave as it is"), *kind.choices]
    return forms.TypedChoiceField(
        label=label, choices=choices, coerce=int, empty_value=None, required=False, widget=UnfoldAdminSelectWidget()
    )


class MethodsForm(_Form):
    """Which methods; a direction may be left as it is."""

    incoming_email_delivery_method = _method(IncomingDeliveryMethod, "Incoming email")
    outgoing_email_delivery_method = _method(OutgoingDeliveryMethod, "Outgoing email")
    act_delivery_method = _method(ActDeliveryMethod, "Appointments, contacts and tasks")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if not self.errors and all(value is None for value in self.cleaned_data.values()):
            raise forms.ValidationError("Choose a method for at least one direction.")
        return cleaned


class BulkActions:
    """Put before ModelAdmin: the actions that ask on a page of their own."""

    @action(description="Apply default email settings…", permissions=["change"])
    def apply_defaults(self, request: HttpRequest, queryset: QuerySet[Mailbox]) -> HttpResponse:
        """3.2: for existing mailboxes too; tests and enables them unless unticked."""
        form, may_test = DefaultsForm(_answer(request)), request.user.has_perm("mailboxes.test_mailbox")
        if not may_test:
            del form.fields["test"]
        if not form.is_valid():
            return _ask(request, queryset, form, "Apply default email settings", defaults=provision.current_defaults())
        now = timezone.now()
        changed = provision.apply_defaults(_with_owners(queryset), now)
        messages.success(request, f"{changed} mailboxes were changed; the others had the default settings already.")
        if not form.cleaned_data.get("test"):
            return HttpResponseRedirect(request.get_full_path())
        asked = request_trials(queryset, Leg, request.user.pk, now)
        messages.success(request, f"{asked} tests were asked for; what passes is enabled.")
        return HttpResponseRedirect(reverse("console:tests"))

    @action(description="Set profile…", permissions=["change"])
    def set_profile(self, request: HttpRequest, queryset: QuerySet[Mailbox]) -> HttpResponse:
        form = ProfileForm(_answer(request))
        if not form.is_valid():
            return _ask(request, queryset, form, "Set the profile")
        return _done(request, bulk.set_profile(_with_owners(queryset), form.cleaned_data["profile"]))

    @action(description="Set delivery methods…", permissions=["change"])
    def set_methods(self, request: HttpRequest, queryset: QuerySet[Mailbox]) -> HttpResponse:
        form = MethodsForm(_answer(request))
        if not form.is_valid():
            return _ask(request, queryset, form, "Set the delivery methods")
        methods = {name: form.cleaned_data[name] for name in combinations.NONE if form.cleaned_data[name] is not None}
        return _done(request, bulk.set_methods(_with_owners(queryset), methods))

    @action(description="Download as CSV", permissions=["view"])
    def download(self, request: HttpRequest, queryset: QuerySet[Mailbox]) -> StreamingHttpResponse:
        return spreadsheet.download("mailboxes", exporting.MAILBOXES, exporting.mailbox_rows(queryset))


def _answer(request: HttpRequest) -> Any:
    """What was filled in on the page that asks; None the first time."""
    return request.POST if "confirmed" in request.POST else None


def _with_owners(queryset: QuerySet[Mailbox]) -> QuerySet[Mailbox]:
    about = ("email_server_profile", "regarding_user", "regarding_queue")
    return Mailbox.objects.filter(pk__in=list(queryset.values_list("pk", flat=True))).select_related(*about)


def _ask(
    request: HttpRequest, queryset: QuerySet[Mailbox], form: forms.Form, title: str, **more: Any
) -> TemplateResponse:
    """The page between the list and the deed. Its form goes back to the list with the same ticks and the same filters."""
    total = queryset.count()
    context = {
        **admin.site.each_context(request),
        "title": title,
        "form": form,
        "mailboxes": queryset[:NAMED],
        "total": total,
        "others": max(total - NAMED, 0),
        "chosen": request.POST.get("action"),
        "select_across": request.POST.get("select_across", "0"),
        "checkbox_name": ACTION_CHECKBOX_NAME,
        "ticked": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "back": request.get_full_path(),
        **more,
    }
    return TemplateResponse(request, "console/bulk_question.html", context, status=422 if form.is_bound else 200)


def _done(request: HttpRequest, outcome: bulk.Outcome) -> HttpResponse:
    """Back to the list, or to a page about what was left untouched."""
    number = len(outcome.changed)
    if number:
        messages.success(
            request, f"{number} mailboxes were changed. Their earlier tests no longer count: test and enable them."
        )
    if outcome.unchanged:
        messages.info(request, f"{outcome.unchanged} mailboxes had it that way already.")
    for sentence in outcome.warnings:
        messages.warning(request, sentence)
    if not outcome.refused:
        return HttpResponseRedirect(request.get_full_path())
    context = {
        **admin.site.each_context(request),
        "title": "Not everything was changed",
        "outcome": outcome,
        "back": request.get_full_path(),
    }
    return TemplateResponse(request, "console/bulk_refused.html", context)
