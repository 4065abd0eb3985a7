"""The supervisor: keeps one task cluster alive and fed (design.md, "The worker"; dependencies.md §4).

Each second it looks for due legs and puts drains on the queue. Every few seconds it asks the cluster for a sign of life;
a cluster that gives none, and whose workers renewed no lease either, is killed as a whole and started again.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import close_old_connections
from django.db.utils import DatabaseError
from django.utils import timezone

from mailboxes.brake import HELD
from mailboxes.models import MailboxLeg
from mailboxes.models.leg import LEASE
from serversync import instance, schedule
from serversync.signs import CLUSTER_ID, last_sign_of_life
from serversync.watch import check_pulse

TICK = 1.0  # seconds
STOP_WAIT = 20.0  # seconds for running cycles to end by themselves
START_WAIT = 15.0  # seconds a new cluster has until its first answer counts


class Supervisor:
    """Runs until `stop()`; `say` takes lines for people."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._stopping = False
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline = -1
        self._cluster_id = ""
        self._seen = ""
        self._pinged_on = 0.0
        self._answered_on = 0.0
        self._watched_on = time.monotonic()

    def stop(self) -> None:
        """Ask for the end; `run` returns after the cluster has ended."""
        self._stopping = True

    def run(self) -> None:
        """Keep the cluster alive and fed."""
        if not instance.recognise(timezone.now()):
            self._say(f"worker: {HELD} (manage.py confirm_instance)")
        schedule.ensure_schedule()
        self._start()
        try:
            while not self._stopping:
                self._look_after_the_cluster()
                self._feed()
                time.sleep(TICK)
        finally:
            self._end()

    def _start(self) -> None:
        read_end, self._lifeline = os.pipe()
        os.set_inheritable(read_end, True)
        command = [sys.executable, sys.argv[0], "cluster", "--lifeline", str(read_end)]
        self._cluster_id, self._seen = secrets.token_hex(8), ""
        environment = os.environ | {CLUSTER_ID: self._cluster_id}
        self._process = subprocess.Popen(command, pass_fds=[read_end], start_new_session=True, env=environment)
        os.close(read_end)
        self._answered_on = time.monotonic() + START_WAIT
        self._say(f"worker: cluster {self._process.pid} started with {settings.WORKERS} workers")

    def _look_after_the_cluster(self) -> None:
        assert self._process is not None, "started by run()"
        if self._process.poll() is not None:
            self._say("worker: the cluster has ended; starting it again")
            self._restart()
        elif not self._is_alive():
            self._say("worker: the cluster gives no sign of life; starting it again")
            self._restart()

    def _is_alive(self) -> bool:
        """Whether one of its workers ran a task lately, or renewed a lease: busy workers answer no ping."""
        now = time.monotonic()
        sign = self._try(lambda: last_sign_of_life(self._cluster_id))
        if sign and sign != self._seen:
            self._seen, self._answered_on = str(sign), max(now, self._answered_on)
        if now - self._pinged_on >= settings.WORKER_PING_SECONDS / 5:
            self._pinged_on = now
            self._try(schedule.enqueue_ping)
        if now - self._answered_on < settings.WORKER_PING_SECONDS:
            return True
        return self._try(_a_lease_was_renewed_lately) is True

    def _feed(self) -> None:
        """The row is the queue: what is due is drained, whoever asked for it."""
        self._try(self._enqueue_if_due)
        self._try(lambda: schedule.enqueue_tidy(timezone.now()))
        self._try(lambda: schedule.enqueue_watch(timezone.now()))
        self._try(self._check_pulse)

    def _check_pulse(self) -> None:
        """The dead-man alarm must also sound when no task is run: look here, where no queue is needed."""
        if time.monotonic() - self._watched_on >= schedule.WATCH_SECONDS:
            self._watched_on = time.monotonic()
            check_pulse(timezone.now())

    def _enqueue_if_due(self) -> None:
        if schedule.something_is_due(timezone.now()):
            schedule.enqueue_drain(at_most=settings.WORKERS)

    def _try(self, action: Callable[[], object]) -> object:
        """A database or broker that is away for a while must not end the supervisor."""
        try:
            return action()
        except (DatabaseError, OSError) as error:
            self._say(f"worker: {type(error).__name__}: {error}; trying again")
            close_old_connections()
            return None

    def _restart(self) -> None:
        self._kill()
        if not self._stopping:
            self._start()

    def _end(self) -> None:
        """Let running cycles finish, then make sure that nothing is left."""
        assert self._process is not None, "started by run()"
        self._process.terminate()
        try:
            self._process.wait(STOP_WAIT)
        except subprocess.TimeoutExpired:
            self._say("worker: the cluster does not end by itself; killing it")
        self._kill()
        self._say("worker: stopped")

    def _kill(self) -> None:
        """The whole process group: sentinel and workers never outlive their cluster."""
        assert self._process is not None, "started by run()"
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._lifeline)


def _a_lease_was_renewed_lately() -> bool:
    """A living worker renews its lease every ten seconds or so."""
    lately = timezone.now() + LEASE - timedelta(seconds=20)
    return MailboxLeg.objects.filter(leased_until__gt=lately).exists()
