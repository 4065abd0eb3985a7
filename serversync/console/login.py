"""The one door: staff go on to the console, everybody else to the page of their own mailbox."""

from __future__ import annotations

from math import ceil
from typing import Any

from django.contrib import admin
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.forms import AuthenticationForm as StyledForm

from serversync.console import throttle
from serversync.console.passwords import remind_of_reset


class SignInForm(StyledForm):
    """Everybody who is active may sign in, not only staff; what they then see is each page's matter."""

    def confirm_login_allowed(self, user: Any) -> None:
        AuthenticationForm.confirm_login_allowed(self, user)


class SignIn(LoginView):
    """Sign in, throttled. Takes the place of the console's own login page, which knows staff only."""

    template_name = "owner/login.html"
    authentication_form = SignInForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        home = request.GET.get("next", "/") in ("", "/")
        if home and request.user.is_authenticated and not request.user.is_staff:
            return HttpResponseRedirect(reverse("owner:own"))  # the console's home is not theirs
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        wait = throttle.wait_of(request, self._name())
        if wait:
            words = f"Too many wrong passwords. Try again in {ceil(wait / 60)} minutes."
            form = SignInForm(request)  # what was typed is not even looked at
            return self.render_to_response(self.get_context_data(form=form, refused=words), status=429)
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        throttle.note_failure(self.request, self._name())
        return super().form_invalid(form)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        throttle.forget_failures(self.request, self._name())
        answer = super().form_valid(form)
        remind_of_reset(self.request)
        return answer

    def get_default_redirect_url(self) -> str:
        return reverse("admin:index" if self.request.user.is_staff else "owner:own")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = admin.site.each_context(self.request) | super().get_context_data(**kwargs)
        return context | {"title": "Log in", "app_path": self.request.get_full_path()}

    def _name(self) -> str:
        return self.request.POST.get("username", "")
