"""A person's own password: changing it, and being told when somebody else has set it."""

from __future__ import annotations

from datetime import datetime
from math import ceil
from typing import Any, cast

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy
from django.utils import timezone
from unfold.forms import AdminOwnPasswordChangeForm

from mailboxes import readers
from mailboxes.models import Mailbox
from serversync.console import throttle
from serversync.console.owner import frame_of
from serversync.watch import sent


class ChangePassword(PasswordChangeView):
    """The old password and the new one twice, throttled. Other sessions of the person end; this one goes on."""

    template_name = "owner/password.html"
    form_class = AdminOwnPasswordChangeForm
    success_url = reverse_lazy("owner:own")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        told = {"title": "Change password", "told": readers.reset_of(_user(self.request))}
        return frame_of(self.request) | super().get_context_data(**kwargs) | told

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        wait = throttle.wait_of(request, _guessed(_user(request)))
        if wait:
            words = f"Too many wrong passwords. Try again in {ceil(wait / 60)} minutes."
            form = self.form_class(_user(request))  # what was typed is not even looked at
            return self.render_to_response(self.get_context_data(form=form, refused=words), status=429)
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: Any) -> HttpResponse:
        if form.has_error("old_password", "password_incorrect"):
            throttle.note_failure(self.request, _guessed(_user(self.request)))
        return super().form_invalid(form)

    def form_valid(self, form: Any) -> HttpResponse:
        throttle.forget_failures(self.request, _guessed(_user(self.request)))
        answer = super().form_valid(form)
        user = _user(self.request)
        readers.note_own_password(user, timezone.now())
        LogEntry.objects.log_actions(user.pk, User.objects.filter(pk=user.pk), CHANGE, "Changed their own password.")
        messages.success(self.request, "Your password is changed. Wherever else you were signed in, you no longer are.")
        return answer


def change_password(request: HttpRequest) -> HttpResponse:
    """The page, or what comes of its form."""
    return cast(HttpResponse, ChangePassword.as_view()(request))


def remind_of_reset(request: HttpRequest) -> None:
    """Whoever signs in with a password that somebody else has set is told so, until they choose one of their own."""
    told = readers.reset_of(_user(request))
    if told:
        messages.warning(request, f"{told} Whoever set it knows it: change it.")


def announce(user: User, by: User, now: datetime) -> None:
    """Somebody has set the password of an account in the console: its person is told here and by e-mail."""
    if user.pk == by.pk:
        readers.note_own_password(user, now)
        return
    if not user.has_usable_password():
        return
    text = readers.note_reset(user, by, now)
    own = Mailbox.objects.filter(regarding_user=user).values_list("email_address", flat=True).first() or ""
    for address in sorted({user.email, own} - {""}):
        sent(
            "Your password was set by somebody else",
            f"{text}\n\nIf you asked for it: sign in and choose a password of your own, because whoever set this one "
            "knows it.\nIf you did not, ask them why; with it they can read your mail in this service.",
            address,
        )


def _guessed(user: User) -> str:
    """The name under which wrong passwords are counted here: not that of the door, which stays open."""
    return f"own password of {user.pk}"


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "only for people who are signed in"
    return request.user
