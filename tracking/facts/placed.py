"""What is known of items by where a server shows them."""

from __future__ import annotations

from collections.abc import Sequence

from mailboxes.models import Mailbox
from tracking.models import Placement


def explicit_by_key(mailbox: Mailbox, folder: str, keys: Sequence[str]) -> dict[str, int]:
    """Who asked to track these items, by their keys on the server (5.6); nobody where a key is missing."""
    placements = Placement.objects.filter(mailbox=mailbox, folder=folder, server_key__in=keys)
    asked = placements.exclude(ledger_row__explicit=0)
    return dict(asked.values_list("server_key", "ledger_row__explicit"))
