"""Applying configuration files in tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import models
from django.utils import timezone

from mailboxes.models import MailboxLeg, Organization, UserSettings
from serversync.configure import BadConfiguration, Outcome, configure
from serversync.configure.tables import tables

POST = '[[profiles]]\nname = "Post"\nserver_type = "other_pop3_smtp"\n'
ALICE = '[[users]]\nusername = "alice"\nemail = "alice@us.test"\n'


def apply(file: Path, text: str, **options: Any) -> Outcome:
    """Write the file and apply it."""
    file.write_text(text, encoding="utf-8")
    return configure(file, timezone.now(), **options)


def problems(file: Path, text: str) -> str:
    """What is said about a file that cannot be applied."""
    with pytest.raises(BadConfiguration) as refusal:
        apply(file, text)
    return str(refusal.value)


def everything() -> list[dict[str, Any]]:
    """Every row a file can write, column by column."""
    kinds: list[type[models.Model]] = [table.model for table in tables()]
    kinds += [MailboxLeg, UserSettings, Organization]
    return [row for kind in kinds for row in kind._base_manager.order_by("pk").values()]
