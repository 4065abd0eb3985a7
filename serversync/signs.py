"""Signs of life of a cluster: each task that one of its workers runs leaves one (dependencies.md §4.1)."""

from __future__ import annotations

import os
import secrets

from django.core.cache import cache

CLUSTER_ID = "SERVERSYNC_CLUSTER_ID"
KEPT = 600  # seconds


def give_sign_of_life() -> None:
    """Called by every task; processes that belong to no cluster leave none."""
    cluster = os.environ.get(CLUSTER_ID)
    if cluster:
        cache.set(f"cluster-{cluster}", secrets.token_hex(8), KEPT)


def last_sign_of_life(cluster: str) -> str:
    """A token that changes with every sign; "" if there was none yet."""
    return str(cache.get(f"cluster-{cluster}") or "")
