"""What of this floor has a change history, and the words for it (profiles/history.py)."""

from __future__ import annotations

from typing import Any

from mailboxes.models import Mailbox, Organization, Queue, UserSettings
from mailboxes.settings_catalogue import SETTINGS
from profiles import history


def _said(name: str, value: Any) -> tuple[str, str]:
    """Label and value of a setting in words; None: its standard."""
    if name not in SETTINGS:
        return name, "–" if value is None else str(value)
    return SETTINGS[name].label, "default" if value is None else SETTINGS[name].words(value)


def keep_history() -> None:
    """Called once when the app is ready."""
    history.keep(Mailbox, besides=["email_address_approved_by", "email_address_approved_on"])
    history.keep(Queue)
    history.keep(UserSettings)
    history.keep(Organization, inside=_said)
