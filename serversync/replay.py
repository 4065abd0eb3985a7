"""Replay: emails are compared with their originals, and rebuilt from them, chunk by chunk (law 3).

Each chunk is a transaction of its own. Killed in between, whole emails are done and the others are as before; the next
run goes on with what still differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from mailboxes.models.settings import current_policy
from tracking.crm.models import Email
from tracking.keep.rebuilding import Rebuilt, rebuild

CHUNK = 20  # emails; their parsed bodies are in memory together


def replay(
    emails: QuerySet[Email], clock: Callable[[], datetime], *, apply: bool, by: Any = None
) -> Iterator[list[Rebuilt]]:
    """What differs, or was changed, a chunk at a time in the order of the emails' ids."""
    policy, last = current_policy(), UUID(int=0)
    while ids := list(emails.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        yield rebuild(ids, policy, clock(), apply=apply, by=by)
        last = ids[-1]
