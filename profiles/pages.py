"""What the console pages of every floor share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.admin.utils import unquote
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from profiles import history


class ReadOnlyAdmin(ModelAdmin):
    """Rows that the engine writes: people look at them, and never add, change or delete one."""

    list_per_page = 50

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class WithHistory:
    """Put before ModelAdmin: the history button leads to who changed what of this row, from what to what."""

    object_history_template = "console/history.html"

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        entries = Paginator(history.entries_of(self.model, unquote(object_id)), 50)  # type: ignore[attr-defined]
        page = entries.get_page(request.GET.get("p"))
        more = {"page": page, "entries": [told(entry) for entry in page]}
        return super().history_view(request, object_id, {**(extra_context or {}), **more})  # type: ignore[misc]


def told(entry: Any) -> dict[str, Any]:
    """One entry of a change history as its pages show it."""
    return {
        "when": moment(entry.timestamp),
        "who": history.who(entry),
        "what": history.what_happened(entry),
        "lines": history.lines(entry),
    }


def moment(value: datetime | None, absent: str = "–") -> SafeString:
    """A time as people say it ("3 min ago"), with the exact UTC time to hover over and for machines."""
    if value is None:
        return format_html("{}", absent)
    utc = value.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        utc.isoformat(timespec="seconds"),
        f"{utc:%Y-%m-%d %H:%M:%S} UTC",
        in_words(value, timezone.now()),
    )


_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_LONG_AGO = timedelta(days=30)


def in_words(value: datetime, now: datetime) -> str:
    """How far a time is from now, in its largest whole unit; beyond a month the date."""
    distance = value - now
    if abs(distance) > _LONG_AGO:
        return f"{value:%Y-%m-%d}"
    seconds = int(abs(distance).total_seconds())
    for size, unit in _UNITS:
        if seconds >= size:
            words = f"{seconds // size}\N{NO-BREAK SPACE}{unit}"
            return f"in {words}" if distance > timedelta(0) else f"{words} ago"
    return "now"
