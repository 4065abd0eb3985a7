"""What a request changes is recorded in the name of the person who is signed in."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from profiles import history


class Acting:
    """Middleware. Who it is is looked up only when something is written: a probe opens no database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with history.acting(request.user):
            return self.get_response(request)
