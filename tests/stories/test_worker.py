"""The worker: sees a request within seconds, survives the death of any of its processes, leaves no orphan behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.letters import letter
from tests.worker import Worker, alive, until
from tests.world import SandboxProcess

ASK_FOR_TESTS = """
from django.utils import timezone
from mailboxes.models import Leg, Mailbox
from mailboxes.trials import request_trials
request_trials(Mailbox.objects.all(), Leg, None, timezone.now())
"""

pytestmark = pytest.mark.own_database


@pytest.fixture
def worker(tmp_path: Path, sandbox: SandboxProcess) -> Iterator[Worker]:
    worker = Worker(tmp_path, sandbox)
    yield worker
    worker.close()
    assert alive(worker.seen) == []


@pytest.mark.timeout(180)
def test_whichever_process_dies_idle_the_work_goes_on(worker: Worker) -> None:
    expected = []
    until(lambda: len(worker.family()) >= 5)
    for number, _ in enumerate(worker.family()):
        family = worker.family()
        subject = f"After death {number}"
        os.kill(family[min(number, len(family) - 1)], signal.SIGKILL)
        worker.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", subject, "x"))
        worker.ask()
        expected.append(subject)
        until(lambda: worker.subjects() == sorted(expected))
        until(lambda: len(worker.family()) >= 5)


@pytest.mark.timeout(120)
def test_a_worker_killed_busy_neither_loses_nor_doubles(worker: Worker) -> None:
    for number in range(150):
        worker.sandbox.deliver("support@us.test", letter("ann@acme.test", "support@us.test", f"Mail {number:03}", "x"))
    worker.ask()
    until(lambda: 0 < len(worker.subjects()) < 150, 30)
    for pid in worker.family()[1:]:
        os.kill(pid, signal.SIGKILL)
    worker.end_leases()

    until(lambda: len(worker.subjects()) == 150, 80)

    assert worker.subjects() == [f"Mail {number:03}" for number in range(150)]
    worker.manage("ledger", "--against-server")


@pytest.mark.timeout(120)
def test_a_killed_supervisor_takes_its_whole_family_along(worker: Worker) -> None:
    until(lambda: len(worker.family()) >= 5)
    worker.process.kill()
    worker.process.wait()
    until(lambda: alive(worker.seen) == [], 10)


@pytest.mark.timeout(120)
def test_what_is_asked_for_starts_within_seconds(worker: Worker) -> None:
    until(lambda: all(row[0] for row in worker.query("select count(last_started_on) from mailboxes_mailboxleg")))
    worker.sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "Quick", "x"))
    worker.ask()
    until(lambda: worker.subjects() == ["Quick"], 20)


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A real Redis on loopback (several worker hosts share one)."""
    if shutil.which("redis-server") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("redis-server is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    yield f"redis://127.0.0.1:{port}/0"
    process.terminate()
    process.wait()


@pytest.mark.debian
@pytest.mark.timeout(120)
def test_two_workers_share_a_redis_and_one_may_die(tmp_path: Path, sandbox: SandboxProcess, redis_url: str) -> None:
    first = Worker(tmp_path, sandbox, REDIS_URL=redis_url)
    second = subprocess.Popen(first.process.args, env=first.environment, cwd=first.root)
    try:
        for number in range(40):
            sandbox.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", f"Mail {number:02}", "x"))
        first.ask()
        until(lambda: len(first.subjects()) > 0)
        first.family()
        first.process.kill()
        until(lambda: first.subjects() == [f"Mail {number:02}" for number in range(40)], 80)
    finally:
        first.close()
        second.terminate()
        second.wait(timeout=40)


@pytest.mark.timeout(120)
def test_a_test_that_is_asked_for_is_carried_out_at_once(worker: Worker) -> None:
    until(lambda: all(row[0] for row in worker.query("select count(last_started_on) from mailboxes_mailboxleg")))
    worker.manage("shell", "-v0", "-c", ASK_FOR_TESTS)
    until(lambda: worker.query("select count(*) from mailboxes_trial where succeeded") == [(4,)], 30)
    assert worker.query("select count(*) from mailboxes_mailboxleg where enabled and leg in (0, 1)") == [(4,)]
