"""The brake in the console: pause with a reason, resume; and say what a held database is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from crispy_forms.helper import FormHelper
from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from mailboxes import brake
from mailboxes.brake import Scope
from mailboxes.models import Leg, Mailbox, Organization, Pause
from profiles.models import EmailServerProfile
from serversync import instance
from serversync.console.pages import show, staff_page, way_back


class PauseForm(forms.Form):
    """Which direction, and why."""

    leg = forms.TypedChoiceField(
        label="Direction",
        choices=[("", "All directions"), *Leg.choices],
        coerce=lambda value: Leg(int(value)),
        empty_value=None,
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    reason = forms.CharField(
        max_length=500,
        help_text="Shown with your name wherever people wonder why nothing runs.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "autofocus": True}),
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.helper = FormHelper()
        self.helper.form_tag = False


@staff_page("mailboxes.pause_mailbox")
def pause(request: HttpRequest) -> HttpResponse:
    """The second of two clicks: the reason, and the confirmation. `?mailbox=` or `?profile=` names the scope."""
    scope = _scope(request)
    form = PauseForm(request.POST or None, initial={"leg": request.GET.get("leg", "")})
    if request.method == "POST" and form.is_valid():
        wanted = Scope(scope.profile, scope.mailbox, form.cleaned_data["leg"])
        now = timezone.now()
        row = brake.pause(wanted, form.cleaned_data["reason"], request.user, now)  # type: ignore[arg-type]
        if row.paused_on == now:
            messages.success(request, f"Paused: {wanted.words}. What was running was stopped.")
        else:
            messages.warning(request, f"Nothing changed: {wanted.words} was paused before. {brake.sentence(row)}")
        return HttpResponseRedirect(page_of(scope))
    return show(request, "console/pause.html", "Pause", form=form, scope=scope, back=page_of(scope))


def _scope(request: HttpRequest) -> Scope:
    try:
        ids = {name: UUID(request.GET[name]) for name in ("mailbox", "profile") if name in request.GET}
    except ValueError:
        raise Http404("No such mailbox or profile.") from None
    if "mailbox" in ids:
        return Scope(mailbox=get_object_or_404(Mailbox, pk=ids["mailbox"]))
    if "profile" in ids:
        return Scope(profile=get_object_or_404(EmailServerProfile, pk=ids["profile"]))
    return Scope()


def page_of(scope: Scope) -> str:
    """Where people look at what is paused."""
    if scope.mailbox is not None:
        return reverse("console:mailbox", args=[scope.mailbox.pk])
    if scope.profile is not None:
        return reverse("admin:profiles_emailserverprofile_change", args=[scope.profile.pk])
    return reverse("admin:index")


@require_POST
@staff_page("mailboxes.pause_mailbox")
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Go on: no test is needed."""
    row = get_object_or_404(Pause.objects.select_related("mailbox", "email_server_profile"), pk=pk)
    scope = brake.scope_of(row)
    asked = brake.resume(row, request.user, timezone.now())  # type: ignore[arg-type]
    messages.success(request, f"Resumed: {scope.words}. {asked} legs were asked to run now.")
    return HttpResponseRedirect(way_back(request, page_of(scope)))


@staff_page("mailboxes.change_organization")
def confirm_instance(request: HttpRequest) -> HttpResponse:
    """Everything is held until somebody says here whether the database is a restored backup or a copy."""
    if request.method == "POST":
        try:
            this_is = instance.ThisIs(request.POST.get("this_is", ""))
            unknown = instance.confirm(this_is, request.user, timezone.now())  # type: ignore[arg-type]
        except ValueError:
            raise Http404("Restored or copy?") from None
        except instance.NothingHeld:
            messages.warning(request, "Nothing is held: this has been answered before.")
        else:
            messages.success(request, f"Thank you. {unknown} emails wait for a person to say whether they were sent.")
        return HttpResponseRedirect(reverse("admin:index"))
    return show(request, "console/confirm_instance.html", "Restored or copied?", held_on=Organization.current().held_on)
