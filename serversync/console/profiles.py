"""Testing a profile from its page, saved or not: which steps were tried, what the server said, what to change (2.14)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from mailboxes.profile_check import UnknownMailbox, check, mailbox_called, remember
from profiles.models import EmailServerProfile
from profiles.probing import verdict
from serversync.console.pages import show, staff_page

FRAGMENT = "X-Fragment"
PASSWORDS = ("incoming_password", "outgoing_password")


@staff_page("profiles.view_emailserverprofile")
@require_POST
def try_connection(request: HttpRequest, pk: str | None = None) -> HttpResponse:
    """Test what stands in the form, without saving it. Kept with the profile if it is what is saved already.

    Only who may set hosts may have them connected to (law 10).
    """
    profile = get_object_or_404(EmailServerProfile, pk=pk) if pk else None
    action = "change" if profile else "add"
    if not request.user.has_perm(f"profiles.{action}_emailserverprofile"):
        raise PermissionDenied
    form = _form(request, profile)
    if not form.is_valid():
        return _answer(request, problems=_problems(form))
    try:
        mailbox = mailbox_called(request.POST.get("test_mailbox", ""))
    except UnknownMailbox as error:
        return _answer(request, problems=[("Mailbox", str(error))])
    started = timezone.now()
    tried = check(form.instance, mailbox)
    kept = profile is not None and not form.has_changed()
    if kept:
        remember(form.instance, tried, started)
    return _answer(
        request,
        tried=tried,
        result=verdict(tried),
        kept=kept,
        mailbox=mailbox,
        warnings=_labelled(form, form.warnings()),
    )


def _form(request: HttpRequest, profile: EmailServerProfile | None) -> Any:
    """The form as the page of the profile has it."""
    model_admin = admin.site.get_model_admin(EmailServerProfile)
    kind = model_admin.get_form(request, profile, change=profile is not None)
    return kind(request.POST, instance=profile)


def _problems(form: Any) -> list[tuple[str, str]]:
    return _labelled(form, [(name, str(error)) for name, errors in form.errors.items() for error in errors])


def _labelled(form: Any, found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Sentences about fields with the names that people see."""
    labels = {name: str(field.label or name).capitalize() for name, field in form.fields.items()}
    return [(labels.get(name, "This profile"), sentence) for name, sentence in found]


def _answer(request: HttpRequest, **context: Any) -> HttpResponse:
    """Only the result for the script of the page; a page of its own for browsers without scripts."""
    if FRAGMENT in request.headers:
        return render(request, "console/profile_trace.html", context)
    return show(request, "console/profile_tested.html", "Connection test", **context)
