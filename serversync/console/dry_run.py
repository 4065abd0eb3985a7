"""“See what would change”: rules changed on paper, judged over the newest messages on the server. Nothing is saved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any
from uuid import UUID

from crispy_forms.helper import FormHelper
from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from mailboxes.models import IncomingFilter, Mailbox, Organization, Queue
from mailboxes.organization_form import OrganizationForm
from mailboxes.ownership import Standing, mailboxes_of
from mailboxes.settings_catalogue import SETTINGS
from serversync.console.owner import owners_action, page, show_to_owner
from serversync.console.owner_forms import FilterForm
from serversync.console.pages import show, staff_page
from serversync.dry_run import MOST, USUAL, NotPossible, Proposal, Result, dry_run, exclusions_from
from tracking.facts.visibility import MASK, PRIVATE

LINES = 500  # differences shown; the rest is counted
_BUTTONS = ("csrfmiddlewaretoken", "_save", "_continue", "_addanother", "_saveasnew", "paper_mailbox", "paper_last")
_FILTER = "incoming_email_filtering_method"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the page shows of a dry run: its result, or why there is none."""

    result: Result | None
    refusal: str = ""
    shows_subjects: bool = False
    further: int = 0


def _last() -> forms.IntegerField:
    return forms.IntegerField(
        label="How many of the newest messages",
        min_value=1,
        max_value=MOST,
        initial=USUAL,
        help_text=f"At most {MOST:,}. What cannot be looked at within 20 seconds is left out, and the page says so.",
        widget=UnfoldAdminIntegerFieldWidget(),
    )


class _Form(forms.Form):
    """The template writes the form element and its button."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.disable_csrf = True


class CountForm(_Form):
    """How many messages."""

    paper_last = _last()


class MailboxForm(CountForm):
    """Whose mail is looked at."""

    paper_mailbox = forms.CharField(
        label="Address of the mailbox", max_length=100, widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "email"})
    )
    field_order = ("paper_mailbox", "paper_last")

    def clean_paper_mailbox(self) -> Mailbox:
        """The mailbox with this address."""
        found = _mailboxes().filter(email_address__iexact=self.cleaned_data["paper_mailbox"].strip()).first()
        if found is None:
            raise forms.ValidationError("No mailbox has this address.")
        return found


class PaperForm(CountForm):
    """What would be changed about one mailbox."""

    takes = forms.TypedChoiceField(
        label="Filter",
        choices=[("", "As it is"), *IncomingFilter.choices],
        coerce=int,
        empty_value=None,
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )
    start = forms.DateField(
        label="Process emails received after",
        required=False,
        help_text="Empty: as it is.",
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
    )
    exclude = forms.CharField(
        label="Never track",
        required=False,
        max_length=4000,
        help_text="Addresses, domains or conversations to be excluded as well, one a line.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    field_order = ("takes", "start", "exclude", "paper_last")

    def proposal(self) -> Proposal:
        """The change as a value."""
        start, given = self.cleaned_data["start"], self.cleaned_data
        midnight = None if start is None else timezone.make_aware(datetime.combine(start, time.min))
        return Proposal(given["takes"], start=midnight, exclude=exclusions_from(given["exclude"].splitlines()))


def _mailboxes() -> Any:
    return Mailbox.objects.select_related(
        "email_server_profile", "regarding_user__sync_settings", "regarding_queue", "email_address_approved_by"
    )


def try_out(request: HttpRequest, mailbox: Mailbox, proposal: Proposal, last: int) -> Outcome:
    """Run it. Subjects are for those whose mailbox it is; of what its writer marked as private others see no sender."""
    own = mailboxes_of(request.user).filter(pk=mailbox.pk).exists()
    try:
        result = dry_run(mailbox, proposal, timezone.now, last)
    except NotPossible as error:
        return Outcome(None, str(error))
    further = max(len(result.differences) - LINES, 0)
    shown = result.differences[:LINES]
    if not own:
        shown = [replace(one, subject=MASK, sender=PRIVATE if one.is_private else one.sender) for one in shown]
    told = replace(result, differences=shown)
    return Outcome(told, shows_subjects=own, further=further)


@owners_action
def for_owner(request: HttpRequest, mailbox: Mailbox) -> HttpResponse:
    """The button beside “Save the filter” (5.4)."""
    form, count = FilterForm(mailbox, request.POST), CountForm(request.POST or None)
    if not form.is_valid():
        return page(request, mailbox, Standing.OWNER, filter_form=form)
    takes = form.cleaned_data["takes"]
    last = count.cleaned_data["paper_last"] if count.is_valid() else USUAL
    return show_to_owner(
        request,
        "owner/dry_run.html",
        "What would change",
        mailbox=mailbox,
        takes=takes,
        change=f"Keep: {IncomingFilter(takes).label}",
        last=last,
        most=MOST,
        back=reverse("owner:queue", args=[mailbox.regarding_queue_id]) if mailbox.regarding_queue_id else "",
        outcome=try_out(request, mailbox, Proposal(takes), last),
    )


@staff_page("mailboxes.change_mailbox", "tracking.view_ledgerrow")
def for_mailbox(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Filter, start date and exclusions of one mailbox on paper."""
    mailbox = get_object_or_404(_mailboxes(), pk=pk)
    form = PaperForm(request.POST if request.method == "POST" else None, initial={"takes": ""})
    outcome = None
    if form.is_valid():
        outcome = try_out(request, mailbox, form.proposal(), form.cleaned_data["paper_last"])
    return _show(
        request, form, outcome, about=str(mailbox), back=reverse("console:mailbox", args=[pk]), changes=[], posted=[]
    )


@require_POST
@staff_page("mailboxes.change_queue", "tracking.view_ledgerrow")
def for_queue(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The button of the form of a queue: its filter."""
    queue = get_object_or_404(Queue, pk=pk)
    address = reverse("admin:mailboxes_queue_change", args=[pk])
    given = request.POST.get(_FILTER, "")
    mailbox = _mailboxes().filter(regarding_queue=queue).first()
    if mailbox is None or given not in {str(one.value) for one in IncomingFilter}:
        refused = Outcome(None, "Choose a filter first, for a queue that has a mailbox.")
        return _show(request, None, refused, about=str(queue), back=address, changes=[], posted=[], status=422)
    form = CountForm(request.POST if "paper_last" in request.POST else {"paper_last": USUAL})
    outcome = (
        try_out(request, mailbox, Proposal(int(given)), form.cleaned_data["paper_last"]) if form.is_valid() else None
    )
    change = ("Convert incoming email to activities", IncomingFilter(int(given)).label)
    return _show(request, form, outcome, about=str(queue), back=address, changes=[change], posted=_posted(request))


@require_POST
@staff_page("mailboxes.change_organization", "tracking.view_ledgerrow")
def for_settings(request: HttpRequest) -> HttpResponse:
    """The button of the form of the organization's settings: what they would do to one mailbox."""
    address = reverse("admin:mailboxes_organization_change", args=[1])
    stored = Organization.current()
    before, proposed = stored.policy(), OrganizationForm(request.POST, instance=stored)
    if not proposed.is_valid():
        wrong = "; ".join(f"{name}: {' '.join(map(str, errors))}" for name, errors in proposed.errors.items())
        refused = Outcome(None, f"These settings cannot be: {wrong}")
        return _show(request, None, refused, about="", back=address, changes=[], posted=[], status=422)
    after, overrides = stored.policy(), dict(stored.overrides)  # the form has written into it, and nobody saves it
    changes = [
        (one.label, one.words(getattr(after, name)))
        for name, one in SETTINGS.items()
        if getattr(before, name) != getattr(after, name)
    ]
    form = MailboxForm(request.POST if "paper_mailbox" in request.POST else None)
    outcome = None
    if form.is_bound and form.is_valid():
        mailbox, last = form.cleaned_data["paper_mailbox"], form.cleaned_data["paper_last"]
        outcome = try_out(request, mailbox, Proposal(overrides=overrides), last)
    return _show(request, form, outcome, about="", back=address, changes=changes, posted=_posted(request))


def _posted(request: HttpRequest) -> list[tuple[str, str]]:
    """The form that the button belongs to, as it was filled in, to be saved from here or tried again."""
    return [(name, value) for name in request.POST if name not in _BUTTONS for value in request.POST.getlist(name)]


def _show(request: HttpRequest, form: Any, outcome: Outcome | None, *, status: int = 200, **more: Any) -> HttpResponse:
    answer = show(request, "console/dry_run.html", "What would change", form=form, outcome=outcome, **more)
    answer.status_code = 422 if form is not None and form.errors else status
    return answer
