"""Before its first page each process of the console looks whether the database is this installation's own."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from serversync import instance

PROBES = frozenset({"/healthz", "/readyz"})


class Recognition:
    """Middleware: once per process. A database that cannot be reached fails this request, and the next one looks again."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._done = False

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not self._done and request.path not in PROBES:
            instance.recognise(timezone.now())
            self._done = True
        return self.get_response(request)
