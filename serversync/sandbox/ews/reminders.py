"""What reminds the owner of a mailbox of an item, in simple names: minutes before an appointment, a time for a task."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from serversync.sandbox.ews.properties import put, stored_text
from serversync.sandbox.ews.soap import t

_BESIDE = {"appointment": "ReminderMinutesBeforeStart", "task": "ReminderDueBy"}


def read_reminder(kind: str, properties: dict[str, str]) -> int | str | None:
    """None where there is none, or nobody has said."""
    if stored_text(properties, "ReminderIsSet") != "true" or kind not in _BESIDE:
        return None
    text = stored_text(properties, _BESIDE[kind])
    return int(text or 0) if kind == "appointment" else text


def write_reminder(kind: str, properties: dict[str, str], value: Any) -> None:
    """Set it, or with None turn it off."""
    put(properties, t("ReminderIsSet", value is not None))
    if value is not None:
        put(properties, t(_BESIDE[kind], int(value) if kind == "appointment" else datetime.fromisoformat(value)))
