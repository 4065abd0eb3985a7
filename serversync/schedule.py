"""The one schedule row, and putting drains on the queue (dependencies.md §4)."""

from __future__ import annotations

from datetime import datetime

from django.core.cache import cache
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import Schedule
from django_q.tasks import async_task

from mailboxes.models import MailboxLeg, Trial
from tracking.keep.act.previews import waiting as previews_waiting
from tracking.keep.hierarchies import waiting as trees_waiting

DRAIN = "serversync.tasks.drain"
TIDY = "serversync.tasks.tidy"
WATCH = "serversync.tasks.watch"
WATCH_SECONDS = 60
PING = "serversync.tasks.answer_ping"
ROW = "drain"


def ensure_schedule() -> None:
    """Exactly one schedule row, written by code and without arguments: one bad row would block all others."""
    Schedule.objects.exclude(name=ROW).delete()
    Schedule.objects.update_or_create(
        name=ROW,
        defaults={
            "func": DRAIN,
            "schedule_type": Schedule.MINUTES,
            "minutes": 1,
            "args": None,
            "kwargs": None,
            "hook": None,
            "repeats": -1,
            "next_run": timezone.now(),
        },
    )


def something_is_due(now: datetime) -> bool:
    """Whether any leg, a test of one, the folders of a mailbox or the numbers of a preview wait for a worker."""
    asked = (MailboxLeg.objects.due(now), Trial.objects.waiting(now), trees_waiting(now), previews_waiting(now))
    return any(rows.exists() for rows in asked)


def enqueue_drain(at_most: int) -> bool:
    """Put one drain on the queue unless enough wait there already."""
    if get_broker().queue_size() >= at_most:
        return False
    async_task(DRAIN, task_name="drain")
    return True


def enqueue_tidy(now: datetime) -> bool:
    """Put the daily housekeeping on the queue unless it was done, by anybody, within a day."""
    if not cache.add("tidied", now.isoformat(), timeout=24 * 3600):
        return False
    async_task(TIDY, task_name="tidy")
    return True


def enqueue_watch(now: datetime) -> bool:
    """Put a look around on the queue, once a minute whoever asks."""
    if not cache.add("watched", now.isoformat(), timeout=WATCH_SECONDS):
        return False
    async_task(WATCH, task_name="watch")
    return True


def enqueue_ping() -> None:
    """Ask the clusters for a sign of life."""
    async_task(PING, task_name="ping")
