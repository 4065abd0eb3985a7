"""The owner's page: a person's own mailbox, or that of a queue they own or work. Members look, owners change."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from mailboxes import approval, attention, switching, trials
from mailboxes.health import health_of
from mailboxes.models import Leg, Mailbox
from mailboxes.models.settings import current_policy
from mailboxes.ownership import Standing, queues_of, standing
from serversync.console import owner_contents
from serversync.console.exclusion_forms import ExclusionForm, SinceForm
from serversync.console.owner_forms import (
    CredentialsForm,
    FilterForm,
    MethodsForm,
    NewcomersForm,
    SendAsForm,
    asks_for_credentials,
    save_and_forget_tests,
)
from serversync.console.pages import View, way_back
from serversync.console.plain_words import say_legs
from tracking.facts.queue_items import to_do
from tracking.keep.redo import redo
from tracking.models import LedgerRow

FORGOTTEN = "Saved. Earlier tests no longer count, so nothing runs until you press “Test and enable”."


def for_people(view: View) -> View:
    """Whoever is signed in, staff or not; never from a cache."""
    return never_cache(login_required(view))


def show_to_owner(request: HttpRequest, template: str, title: str, status: int = 200, **context: Any) -> HttpResponse:
    """Render a page in the owner's frame: the look of the console without its navigation."""
    return render(request, template, frame_of(request) | {"title": title} | context, status=status)


def frame_of(request: HttpRequest) -> dict[str, Any]:
    """What the head of every page in the owner's frame shows."""
    my_queues = list(queues_of(request.user))
    return admin.site.each_context(request) | {
        "my_queues": my_queues,
        "queue_work": to_do(request.user) if my_queues else 0,
        "new_alerts": attention.number_of_new(attention.alerts_of(request.user), request.user),
    }


@for_people
def own(request: HttpRequest) -> HttpResponse:
    """The mailbox of the person who is signed in."""
    mailbox = _mailboxes().filter(regarding_user=request.user).first()
    if mailbox is None:
        return show_to_owner(request, "owner/none.html", "My mailbox")
    return page(request, mailbox, Standing.OWNER)


@for_people
def queue(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The mailbox of a queue, for its owner and its members."""
    found = get_object_or_404(queues_of(request.user), pk=pk)
    mailbox = get_object_or_404(_mailboxes(), regarding_queue=found)
    return page(request, mailbox, standing(request.user, mailbox))


def page(request: HttpRequest, mailbox: Mailbox, who: Standing, **bound: BaseForm) -> HttpResponse:
    """Everything about one mailbox; a form that was refused is passed in to show what is wrong with it."""
    legs, now, policy = list(mailbox.legs.all()), timezone.now(), current_policy()
    is_owner = who == Standing.OWNER
    refused = 422 if bound else 200
    return show_to_owner(
        request,
        "owner/mailbox.html",
        str(mailbox.regarding_queue or "My mailbox"),
        refused,
        mailbox=mailbox,
        is_owner=is_owner,
        health=health_of(mailbox),
        legs=say_legs(mailbox, legs, now),
        may_approve_own=is_owner and approval.may_approve_own(request.user, mailbox, policy),
        trials=trials.latest_trials(mailbox),
        is_testing=trials.is_test_scheduled(mailbox),
        alerts=list(attention.with_new(mailbox.alerts.filter(closed_on__isnull=True), request.user)),
        notes=attention.server_notes(mailbox.email_server_profile),
        folders=mailbox.tracking_folders.all(),
        **owner_contents.of(mailbox, request.user, now),
        exclusions=owner_contents.exclusions_of(mailbox) if is_owner else [],
        **(_forms(mailbox, policy.owners_may_change_methods) | bound if is_owner else {}),
    )


def _forms(mailbox: Mailbox, may_change_methods: bool) -> dict[str, BaseForm]:
    """The forms that apply to this mailbox."""
    forms: dict[str, BaseForm] = {"never_form": ExclusionForm(), "since_form": SinceForm()}
    forms |= {"filter_form": FilterForm(mailbox)}
    if mailbox.regarding_user_id is not None:
        forms["newcomers_form"] = NewcomersForm(mailbox)
        forms["send_as_form"] = SendAsForm(mailbox)
    if asks_for_credentials(mailbox):
        forms["credentials_form"] = CredentialsForm(instance=mailbox)
    if may_change_methods:
        forms["methods_form"] = MethodsForm(instance=mailbox)
    return forms


def _mailboxes() -> Any:
    about = ("email_server_profile", "regarding_user", "regarding_queue", "email_address_approved_by")
    return Mailbox.objects.select_related(*about).prefetch_related("legs")


def owners_action(view: Callable[..., HttpResponse]) -> View:
    """A button of the page: posted by the owner. Others do not learn that the mailbox exists; members are refused."""

    @wraps(view)
    def checked(request: HttpRequest, pk: UUID, **more: Any) -> HttpResponse:
        mailbox = get_object_or_404(_mailboxes(), pk=pk)
        who = standing(request.user, mailbox)
        if who == Standing.NOBODY:
            raise Http404
        if who != Standing.OWNER:
            raise PermissionDenied("Only the owner of the queue changes its mailbox.")
        return view(request, mailbox, **more)

    return for_people(require_POST(checked))


def _back(mailbox: Mailbox, part: str = "") -> HttpResponseRedirect:
    """To the page of the mailbox, scrolled to the part that was used."""
    if mailbox.regarding_queue_id is not None:
        address = reverse("owner:queue", args=[mailbox.regarding_queue_id])
    else:
        address = reverse("owner:own")
    return HttpResponseRedirect(address + (f"#{part}" if part else ""))


def back_to(request: HttpRequest, mailbox: Mailbox, part: str, *pages: str) -> HttpResponseRedirect:
    """To the wall of alerts, or to one of these pages, if the button was pressed there; else to the page of the mailbox."""
    pressed_on = urlsplit(way_back(request, "")).path
    if pressed_on in (reverse("owner:alerts"), *pages):
        return HttpResponseRedirect(pressed_on)
    return _back(mailbox, part)


@owners_action
def sync(request: HttpRequest, mailbox: Mailbox) -> HttpResponse:
    """Run the enabled legs at once."""
    if switching.sync_now(Mailbox.objects.filter(pk=mailbox.pk), timezone.now()):
        messages.success(request, "It runs now. Reload this page in a moment.")
    else:
        messages.warning(request, "Nothing is enabled yet, so nothing runs. Press “Test and enable” first.")
    return _back(mailbox)


@owners_action
def change_filter(request: HttpRequest, mailbox: Mailbox) -> HttpResponse:
    """Choose which incoming mail is kept (5.4)."""
    form = FilterForm(mailbox, request.POST)
    if not form.is_valid():
        return page(request, mailbox, Standing.OWNER, filter_form=form)
    form.save()
    messages.success(request, "Saved. Mail that arrives from now on is kept by this rule.")
    return _back(mailbox, "filter")


@owners_action
def change_newcomers(request: HttpRequest, mailbox: Mailbox) -> HttpResponse:
    """Choose what becomes of unknown senders (5.15). A queue has its owner's choice."""
    if mailbox.regarding_user_id is None:
        raise PermissionDenied("For a queue the choice on its owner's own page counts.")
    form = NewcomersForm(mailbox, request.POST)
    if not form.is_valid():
        return page(request, mailbox, Standing.OWNER, newcomers_form=form)
    form.save()
    messages.success(request, "Saved. It counts for mail that arrives from now on.")
    return _back(mailbox, "newcomers")


@owners_action
def change_send_as(request: HttpRequest, mailbox: Mailbox) -> HttpResponse:
    """Let others send in one's own name, or no longer (7.5). From a queue its people send anyway."""
    if mailbox.regarding_user_id is None:
        raise PermissionDenied("Who works in a queue may send from it.")
    form = SendAsForm(mailbox, request.POST)
    if not form.is_valid():
        return page(request, mailbox, Standing.OWNER, send_as_form=form)
    allowed = form.save().is_send_as_allowed
    now = "others with the permission may send" if allowed else "nobody else sends"
    messages.success(request, f"Saved. From now on {now} email as you.")
    return _back(mailbox, "send-as")


@owners_action
def change_credentials(request: HttpRequest, mailbox: Mailbox) -> HttpResponse:
    """User name and password, where the profile asks for them (2.3)."""
    if not asks_for_credentials(mailbox):
        raise PermissionDenied("The profile of this mailbox brings its own credentials.")
    return _save(request, mailbox, "credentials", CredentialsForm(request.POST, instance=mailbox))


@owners_action
def change_methods(request: HttpRequest, mailbox: Mailbox) -> HttpResponse:
    """The delivery methods, where policy leaves them to owners (1.2)."""
    if not current_policy().owners_may_change_methods:
        raise PermissionDenied("Delivery methods are chosen by an administrator.")
    return _save(request, mailbox, "methods", MethodsForm(request.POST, instance=mailbox))


def _save(request: HttpRequest, mailbox: Mailbox, part: str, form: CredentialsForm | MethodsForm) -> HttpResponse:
    if not form.is_valid():
        stored = get_object_or_404(_mailboxes(), pk=mailbox.pk)  # the form has written into the other one
        return page(request, stored, Standing.OWNER, **{f"{part}_form": form})
    if save_and_forget_tests(form):
        messages.warning(request, FORGOTTEN)
    else:
        messages.info(request, "Nothing was changed.")
    return _back(mailbox, part)


@owners_action
def test(request: HttpRequest, mailbox: Mailbox) -> HttpResponse:
    """Test every direction and enable those that pass (3.10)."""
    asked = trials.request_trials(Mailbox.objects.filter(pk=mailbox.pk), list(Leg), request.user.pk, timezone.now())
    if asked:
        messages.success(request, "The test has been asked for. Reload this page in a moment to see each step.")
    else:
        messages.warning(request, "There is nothing to test: no direction is set to server-side synchronization.")
    return _back(mailbox, "test")


@owners_action
def approve(request: HttpRequest, mailbox: Mailbox) -> HttpResponse:
    """Approve one's own address, where policy allows it (3.6)."""
    approval.approve_own(mailbox, request.user, current_policy(), timezone.now())
    messages.success(request, "Your address is approved.")
    return _back(mailbox)


@owners_action
def judge_again(request: HttpRequest, mailbox: Mailbox, row: int) -> HttpResponse:
    """Redo one message that was ignored or put aside."""
    found = get_object_or_404(LedgerRow, pk=row, mailbox=mailbox)
    if redo(LedgerRow.objects.filter(pk=found.pk), timezone.now()):
        messages.success(request, "It is judged again at the next run, which was asked for.")
    else:
        messages.warning(request, "Nothing to redo: the server no longer shows this message, or it waits already.")
    return _back(mailbox, "undone")


@owners_action
def dismiss(request: HttpRequest, mailbox: Mailbox, alert: UUID) -> HttpResponse:
    """Close one alert about this mailbox."""
    get_object_or_404(mailbox.alerts, pk=alert)
    if attention.dismiss(mailbox.alerts.filter(pk=alert), request.user, timezone.now()):
        messages.success(request, "The alert was dismissed. It comes back if its cause does.")
    else:
        messages.warning(
            request, "This alert stays: it tells that somebody came to read mail. What helps stands there."
        )
    return back_to(request, mailbox, "alerts")
