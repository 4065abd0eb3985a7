"""Marks that turn the direction of writing are taken out of what a page shows: with one, a program
looks like a document (`invoice[U+202E]fdp.exe`)."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

# U+202A–202E and U+2066–2069 as UTF-8, and as JSON writes them. Text in Hebrew or Arabic needs none of them.
_IN_HTML = re.compile(rb"\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]")
_IN_JSON = re.compile(rb"\\u202[a-e]|\\u206[6-9]")
_MARKS = {"text/html": _IN_HTML, "application/json": _IN_JSON}
_AS_IT_IS = "body"  # the address of a message's own text, which stands in a frame of its own


class PlainDirection:
    """Middleware: subjects, names of people and of files are shown in the order of their letters, wherever a page shows
    them. What is stored stays as it came, and so does what is downloaded."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        marks = _MARKS.get(response.headers.get("Content-Type", "").partition(";")[0])
        place = request.resolver_match
        is_text_of_mail = place is not None and place.url_name == _AS_IT_IS
        if isinstance(response, HttpResponse) and marks and not is_text_of_mail and not _is_file(response):
            response.content = marks.sub(b"", response.content)
        return response


def _is_file(response: HttpResponse) -> bool:
    return "Content-Disposition" in response.headers
