"""Template tags of the console's own pages."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django import template
from django.utils.safestring import SafeString

from mailboxes.admin.alerts import LEVEL_COLOURS
from mailboxes.admin.mailbox import HEALTH_COLOURS
from profiles.pages import moment
from tracking.admin import STATE_COLOURS
from tracking.crm.admin import STATUS_COLOURS

register = template.Library()
_COLOURS: dict[str, dict[Any, str]] = {
    "health": HEALTH_COLOURS,
    "level": LEVEL_COLOURS,
    "state": STATE_COLOURS,
    "status": STATUS_COLOURS,
}


@register.filter
def ago(value: datetime | None, absent: str = "–") -> SafeString:
    """A time as people say it, the exact one to hover over."""
    return moment(value, absent)


@register.inclusion_tag("unfold/helpers/label.html")
def badge(kind: str, value: Any, text: str) -> dict[str, Any]:
    """A coloured label: `kind` is health, level, state or status."""
    return {"type": _COLOURS[kind].get(value, "default"), "text": text}


@register.filter
def as_json(value: Any) -> str:
    """A value for a data attribute; the template escapes it."""
    return json.dumps(value)
