"""Signs of life of a cluster: each task that one of its workers runs leaves one (dependencies.md §4.1)."""

from __future__ import annotations

import os
import secrets
from datetime import datetime

from django.core.cache import cache
from django.utils import timezone

CLUSTER_ID = "SERVERSYNC_CLUSTER_ID"
KEPT = 600  # seconds
SEEN = "clusters"


def give_sign_of_life() -> None:
    """Called by every task; processes that belong to no cluster leave none."""
    cluster = os.environ.get(CLUSTER_ID)
    if cluster:
        cache.set(f"cluster-{cluster}", secrets.token_hex(8), KEPT)
        # Two clusters may overwrite each other's entry here; the next sign of life, seconds later, mends it.
        cache.set(SEEN, cache.get(SEEN, {}) | {cluster: (os.uname().nodename, timezone.now())}, KEPT)


def last_sign_of_life(cluster: str) -> str:
    """A token that changes with every sign; "" if there was none yet."""
    return str(cache.get(f"cluster-{cluster}") or "")


def clusters_seen() -> list[tuple[str, datetime]]:
    """Host and last sign of each cluster within ten minutes, newest first; of this host alone where there is no Redis."""
    lately = timezone.now().timestamp() - KEPT
    seen = [entry for entry in cache.get(SEEN, {}).values() if entry[1].timestamp() > lately]
    return sorted(seen, key=lambda entry: entry[1], reverse=True)
