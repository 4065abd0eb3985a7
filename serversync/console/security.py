"""The content security policy of the console: nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"
# Alpine, which the console's theme is built on, evaluates expressions in attributes: it needs both unsafe words.
CONSOLE = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; frame-src 'self'; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)
# What came by mail: no scripts, no forms, no loads, an origin of its own.
MAIL = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"
# What no page of ours asks a browser for.
UNUSED = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class ContentSecurityPolicy:
    """Middleware: every answer gets the console's policy unless its view set a stricter one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault(HEADER, CONSOLE)
        response.headers.setdefault("Permissions-Policy", UNUSED)
        return response


def as_mail_content(response: HttpResponse) -> HttpResponse:
    """Mark an answer that carries what somebody sent: it can do nothing and tells nobody where it was shown."""
    response.headers[HEADER] = MAIL
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "private, no-store"
    return response
