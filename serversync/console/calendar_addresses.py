"""The addresses of appointments, contacts and tasks: one's own, those of others for staff, and what holds for everybody."""

from __future__ import annotations

from collections.abc import Callable

from django.urls import URLPattern, path

from serversync.console import (
    calendar_edit,
    calendar_fields,
    calendar_files,
    calendar_filters,
    calendar_item,
    calendar_pages,
    calendar_progress,
    calendar_start,
    calendar_waiting,
)
from serversync.console.calendar_desk import DeskView, for_everybody, in_console, own, posted
from serversync.console.pages import View

_PAGES: tuple[tuple[str, DeskView, str], ...] = (
    ("", calendar_pages.agenda, "agenda"),
    ("tasks/", calendar_pages.tasks, "tasks"),
    ("contacts/", calendar_pages.contacts, "contacts"),
    ("item/<slug:kind>/<uuid:pk>/", calendar_item.item, "item"),
    ("item/<slug:kind>/<uuid:pk>/edit/", calendar_edit.edit, "edit"),
    ("item/<slug:kind>/<uuid:pk>/do/", posted(calendar_item.act), "act"),
    ("item/<slug:kind>/<uuid:pk>/file/<int:number>/", calendar_files.download, "file"),
    ("occurrence/<uuid:pk>/<slug:key>/", calendar_edit.occurrence, "occurrence"),
    ("copy/<uuid:pk>/", calendar_item.pair, "pair"),
    ("copy/<uuid:pk>/settle/", posted(calendar_item.settle), "settle"),
    ("conflict/<uuid:pk>/undo/", posted(calendar_item.undo), "undo"),
    ("questions/", calendar_waiting.waiting, "waiting"),
    ("questions/mails/", posted(calendar_waiting.decide_writes), "decide_writes"),
    ("questions/deletions/<uuid:pk>/", posted(calendar_waiting.decide_deletion), "decide_deletion"),
    ("problems/", calendar_waiting.problems, "problems"),
    ("problems/retry/", posted(calendar_waiting.retry_all), "retry_all"),
    ("bin/", calendar_waiting.recycle_bin, "bin"),
    ("bin/<uuid:pk>/restore/", posted(calendar_waiting.take_back), "restore"),
    ("progress/", calendar_start.start, "start"),
    ("progress/run/", posted(calendar_start.run), "run"),
    ("progress/now/", calendar_progress.how_far, "how_far"),
    ("progress/count/", posted(calendar_progress.count), "count"),
)
_FILTERS: tuple[tuple[str, DeskView, str], ...] = (
    ("filters/", calendar_filters.listing, "filters"),
    ("filters/new/", calendar_filters.new, "new_filter"),
    ("filters/<uuid:pk>/", calendar_filters.edit, "filter"),
    ("filters/<uuid:pk>/change/", posted(calendar_filters.change), "change_filter"),
)
_COPY = ("filters/template/<uuid:pk>/", posted(calendar_filters.apply_template), "apply_template")


def _addresses(around: Callable[[DeskView], View], *pages: tuple[str, DeskView, str]) -> list[URLPattern]:
    return [path(address, around(view), name=name) for address, view, name in pages]


own_addresses = _addresses(own, *_PAGES, *_FILTERS, _COPY, ("new/<slug:kind>/", calendar_edit.new, "new"))
console_addresses = _addresses(in_console, *_PAGES, *_FILTERS, _COPY)
organization_addresses = [
    *_addresses(
        for_everybody("tracking.view_syncfilter"),
        *_FILTERS,
        ("filters/propose/", posted(calendar_filters.propose), "propose"),
    ),
    *_addresses(for_everybody("tracking.view_syncattributemapping"), ("fields/", calendar_fields.fields, "fields")),
]
