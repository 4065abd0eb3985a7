"""What has to be in order for mail to flow: for `/readyz`, the health page and `manage.py health`."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core.cache import cache
from django.core.files.storage import FileSystemStorage, storages
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Min, Q
from django_q.brokers import get_broker

from mailboxes.brake import Scope, pauses_of
from mailboxes.models import MailboxLeg, Organization, ServerCircuit
from profiles.pages import in_words
from serversync.signs import clusters_seen
from tracking.models import LedgerRow, LedgerState

LATE = timedelta(minutes=15)
ANSWER_KEPT = timedelta(seconds=5)  # anybody may ask for /readyz, so asking often must cost nothing
SCARCE = 0.05  # of the disk


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to be in order, in words for the staff."""

    name: str
    is_fine: bool
    words: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """Every check; held or paused is told, and is no fault."""

    checks: list[Check] = field(default_factory=list)
    is_held: bool = False
    is_paused: bool = False

    @property
    def is_ready(self) -> bool:
        return all(check.is_fine for check in self.checks)


@dataclass(frozen=True, slots=True)
class Line:
    """Something worth knowing; `is_fine` is None where there is nothing to judge."""

    title: str
    words: str
    is_fine: bool | None = None


def readiness(now: datetime) -> Readiness:
    """Ask everything. Never raises for a database that is away."""
    blobs = _blobs_are_writable()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        unapplied = _unapplied_migrations()
        migrations = Check("migrations", not unapplied, f"{unapplied or 'none'} missing")
        database = Check("database", True, "answers")
        if unapplied:
            return Readiness([database, migrations, blobs])
        paused = pauses_of(Scope()).exists()
        checks = [database, migrations, blobs, _work_is_done(now)]
        return Readiness(checks, Organization.current().held_on is not None, paused)
    except Error as error:
        return Readiness([Check("database", False, f"does not answer ({type(error).__name__})"), blobs])


_latest: list[tuple[datetime, Readiness]] = []


def readiness_lately(now: datetime) -> Readiness:
    """The same, at most five seconds old."""
    if not _latest or not timedelta(0) <= now - _latest[0][0] < ANSWER_KEPT:
        _latest[:] = [(now, readiness(now))]
    return _latest[0][1]


def _unapplied_migrations() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _blobs_are_writable() -> Check:
    """A nameless file is written where original messages are kept; an object store is asked for a name."""
    storage = storages["blobs"]
    try:
        if isinstance(storage, FileSystemStorage):
            os.makedirs(storage.location, exist_ok=True)
            with tempfile.TemporaryFile(dir=storage.location) as file:
                file.write(b"x")
        else:
            storage.exists("probe")
    except Exception as error:  # every storage has errors of its own
        return Check("blobs", False, f"original messages cannot be written ({type(error).__name__})")
    return Check("blobs", True, "original messages can be written")


def _work_is_done(now: datetime) -> Check:
    """A worker takes every due leg sooner or later, even if only to say why it is skipped."""
    _, late, started = _due(now)
    last = f"the last cycle began {in_words(started, now)}" if started else "none has begun yet"
    if late:
        words = f"{late} directions wait for more than {LATE.seconds // 60} minutes; {last}. Is a worker running?"
        return Check("worker", False, words)
    return Check("worker", True, f"nothing waits for long; {last}")


def _due(now: datetime) -> tuple[int, int, datetime | None]:
    """How many legs are due, how many of them for too long, and when a cycle began last."""
    limit = now - LATE
    waits = Q(due_on__lt=limit) | Q(requested_on__lt=limit)
    waits &= Q(postponed_until__isnull=True) | Q(postponed_until__lt=limit)
    waits &= Q(leased_until__isnull=True) | Q(leased_until__lt=limit)
    found = MailboxLeg.objects.due(now).aggregate(due=Count("pk"), late=Count("pk", filter=waits))
    started = MailboxLeg.objects.order_by("-last_started_on").exclude(last_started_on=None)
    return found["due"], found["late"], started.values_list("last_started_on", flat=True).first()


def surroundings(now: datetime) -> list[Line]:
    """What the staff wants to know beyond the checks; a part that cannot be asked says so."""
    lines: list[Line] = []
    for part in (_database_lines, _disk_lines, _worker_lines):
        try:
            lines += part(now)
        except Exception as error:  # database, disk and broker have errors of their own
            lines.append(Line("Not known", f"{type(error).__name__}: it cannot be asked now", False))
    return lines


def _database_lines(now: datetime) -> Iterator[Line]:
    kinds = {"sqlite": "SQLite: one host only", "postgresql": "PostgreSQL"}
    yield Line("Database", kinds.get(connection.vendor, connection.vendor))
    due, late, _ = _due(now)
    running = MailboxLeg.objects.filter(leased_until__gt=now).count()
    yield Line("Directions", f"{running} running, {due} due, {late} late", not late)
    oldest = LedgerRow.objects.filter(state=LedgerState.PENDING).aggregate(oldest=Min("discovered_on"))["oldest"]
    yield Line("Oldest undecided message", f"discovered {in_words(oldest, now)}" if oldest else "none")
    circuits = ServerCircuit.objects.filter(open_until__gt=now).select_related("profile")
    asleep = [f"{one} until {one.open_until:%H:%M} UTC" for one in circuits]
    yield Line("Servers left alone", "; ".join(asleep) or "none: every server may be asked", not asleep)


def _disk_lines(now: datetime) -> Iterator[Line]:
    storage = storages["blobs"]
    if isinstance(storage, FileSystemStorage):
        usage = shutil.disk_usage(storage.location)
        share = usage.free / usage.total
        yield Line("Free for messages", f"{usage.free / 1e9:,.1f} GB ({share:.0%} of the disk)", share > SCARCE)


def _worker_lines(now: datetime) -> Iterator[Line]:
    seen = [f"{host}, {in_words(on, now)}" for host, on in clusters_seen()]
    yield Line("Workers seen", "; ".join(seen) or "none lately", bool(seen))
    yield Line("Tasks in the queue", str(get_broker().queue_size()))
    tidied = cache.get("tidied")
    words = in_words(datetime.fromisoformat(tidied), now) if tidied else "not within a day"
    yield Line("Last housekeeping", words, None if tidied else False)
