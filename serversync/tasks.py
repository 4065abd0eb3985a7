"""What the worker's tasks call. A task carries no state: running it twice changes nothing (law 6)."""

from __future__ import annotations

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from serversync.cycles import engine


def drain() -> int:
    """Run due legs until none is left or the time is up; returns how many were run."""
    return len(engine.drain(timezone.now, settings.DRAIN_SECONDS))


def answer_ping(token: str) -> None:
    """Tell the supervisor that the cluster is alive."""
    cache.set("worker ping", token, 600)
