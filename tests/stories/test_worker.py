"""The worker: sees a request within seconds, survives the death of any of its processes, leaves no orphan behind."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.letters import letter
from tests.world import ROOT, SandboxProcess

SETUP = """
from django.utils import timezone
from tests.company import Company
from tests.world import SandboxProcess
class Far(SandboxProcess):
    def __init__(self, ports): self.ports = ports
sandbox = Far({ports!r})
company = Company(sandbox)
profile = company.pop3_profile()
company.user("Alice", profile)
company.queue("Support", profile)
"""


class Worker:
    """`manage.py work` on a database of its own."""

    def __init__(self, folder: Path, sandbox: SandboxProcess) -> None:
        self.sandbox = sandbox
        self.database = folder / "worker.sqlite3"
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "serversync.settings",
            "SERVERSYNC_ENV_FILE": str(folder / "none"),
            "DATABASE_URL": f"sqlite:///{self.database}",
            "VAR_DIR": str(folder),
            "WORKER_PING_SECONDS": "6",
            "DRAIN_SECONDS": "20",
        }
        self.manage("migrate", "-v0")
        self.manage("shell", "-v0", "-c", SETUP.format(ports=sandbox.ports))
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "work"], cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True
        )
        self.seen: set[int] = set()

    def manage(self, *words: str) -> str:
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def query(self, sql: str) -> list[tuple]:
        with sqlite3.connect(self.database, timeout=20) as connection:
            return connection.execute(sql).fetchall()

    def ask(self) -> None:
        """What "sync now" does."""
        with sqlite3.connect(self.database, timeout=20) as connection:
            connection.execute("update mailboxes_mailboxleg set requested_on=strftime('%Y-%m-%d %H:%M:%f','now')")

    def subjects(self) -> list[str]:
        return sorted(row[0] for row in self.query("select subject from crm_email"))

    def family(self) -> list[int]:
        """The processes below the supervisor, children first."""
        found, queue = [], [self.process.pid]
        while queue:
            parent = queue.pop(0)
            path = Path(f"/proc/{parent}/task/{parent}/children")
            children = [int(word) for word in path.read_text().split()] if path.exists() else []
            found += children
            queue += children
        self.seen.update(found)
        return found

    def close(self) -> None:
        self.family()
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=40)


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def alive(pids: set[int]) -> list[int]:
    """Those of these processes that still run and still are ours."""
    running = []
    for pid in pids:
        try:
            if b"manage.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                running.append(pid)
        except OSError:
            continue
    return running


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
