"""`manage.py work` as a process of its own, on a database of its own, against the sandbox."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests import migrated
from tests.world import ROOT, SandboxProcess

SETUP = """
from django.utils import timezone
from tests.company import Company
from tests import migrated
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

    root = ROOT

    def __init__(self, folder: Path, sandbox: SandboxProcess, setup: str = SETUP, **environment: str) -> None:
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
            **environment,
        }
        migrated.copy_to(self.database)
        self.manage("shell", "-v0", "-c", setup.format(ports=sandbox.ports))
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

    def end_leases(self) -> None:
        """What time does: the leases of processes that died are over."""
        with sqlite3.connect(self.database, timeout=20) as connection:
            past = "strftime('%Y-%m-%d %H:%M:%f', 'now', '-1 second')"
            connection.execute(f"update mailboxes_mailboxleg set leased_until={past} where leased_until is not null")

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
