"""What the composite pages share: who may open them, and how they are rendered in the console's frame."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.http import url_has_allowed_host_and_scheme

View = Callable[..., HttpResponse]


def staff_page(*permissions: str) -> Callable[[View], View]:
    """Only for staff with all these permissions: others are sent to the login page, or refused with 403."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.has_perms(permissions):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return wraps(view)(admin.site.admin_view(checked))

    return decorate


def show(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    """Render a page with navigation, theme and messages around it."""
    return render(request, template, {**admin.site.each_context(request), "title": title, **context})


def way_back(request: HttpRequest, otherwise: str) -> str:
    """The page a button was pressed on, if it is one of ours."""
    back = request.META.get("HTTP_REFERER", "")
    ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure())
    return back if ours else otherwise


def record_url(type_id: int | None, record_id: str) -> str:
    """Where a record of any registered model is edited; "" when it has no page."""
    if type_id is None or not record_id:
        return ""
    kind = ContentType.objects.get_for_id(type_id)
    try:
        return reverse(f"admin:{kind.app_label}_{kind.model}_change", args=[record_id])
    except NoReverseMatch:
        return ""
