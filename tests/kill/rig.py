"""One rig: a sandbox, a server of workers, and a database that is put back to its first state before each run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from cryptography.fernet import Fernet

from mailboxes.models import Leg
from tests.company import PASSWORD, SERVICE
from tests.kill.act_state import act_items, meeting_mails
from tests.kill.databases import Database
from tests.kill.scenarios import SCENARIOS
from tests.kill.worker import Order, order_line
from tests.kill.world_state import World, servers_state
from tests.world import ROOT, SandboxProcess

LEASE_IS_OVER = 120.0  # seconds; a lease lasts 45 s
RETRY_IS_DUE = 1200.0  # seconds; failed items and idle legs wait for 12 minutes at most
MOST_RUNS = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an order ended: killed, or with an answer."""

    killed: bool
    steps: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    world: World = field(default_factory=dict)
    shown: World = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    orphans: int = 0
    cycles: int = 0


class Rig:
    """Use it as a context manager: it ends its processes."""

    def __init__(self, folder: Path, database: Database, scenario: str) -> None:
        self.scenario = SCENARIOS[scenario]
        self.database = database
        self._blobs, self._kept_blobs = folder / "blobs", folder / "kept blobs"
        self._environment = environment(folder, database.url)
        self.sandbox = SandboxProcess()
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.kill.worker", "--serve"],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        answer = self._give(Order("found", database.name, str(self._blobs), scenario, self.sandbox.ports))
        self.legs: tuple[int, ...] = tuple(answer["answer"]["legs"])
        self.accounts = [box["address"] for box in self.sandbox.mailboxes() if box["account"]]
        self._deliveries = self.scenario.deliveries()
        self._keep()

    def __enter__(self) -> Rig:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.communicate(timeout=60)
        self.sandbox.close()

    def _keep(self) -> None:
        self._blobs.mkdir(exist_ok=True)
        shutil.copytree(self._blobs, self._kept_blobs)
        self.database.keep()
        if self.scenario.servers_kept:
            self.sandbox.keep()

    def restore(self) -> None:
        """Database, blobs and servers as they were before the first run."""
        shutil.rmtree(self._blobs)
        shutil.copytree(self._kept_blobs, self._blobs)
        self.database.restore()
        if self.scenario.servers_kept:
            self.sandbox.bring_back()
        if self.scenario.servers_stay or self.scenario.servers_kept:
            return
        self.sandbox.reset()
        for address in self.accounts:
            self.sandbox.account(address, PASSWORD, impersonate=address == SERVICE)
        for number, delivery in enumerate(self._deliveries):
            received = f"2026-03-01T10:{number // 60:02}:{number % 60:02}Z"
            self.sandbox.deliver(list(delivery.to), delivery.raw, received=received)

    def run(self, stop_after: int = 0, late: float = 0.0, **more: Any) -> Outcome:
        """Let one worker run the legs once."""
        outcome = self._give(self._work(stop_after=stop_after, late=late, **more))
        if outcome["signal"]:
            return Outcome(killed=True)
        return Outcome(killed=False, **outcome["answer"])

    def start(self, **more: Any) -> subprocess.Popen[str]:
        """Start a worker that runs beside others, as a program of its own; wait for it with `end_of`."""
        command = [sys.executable, "-m", "tests.kill.worker", order_line(self._work(**more))]
        return subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=subprocess.PIPE, text=True)

    def end_of(self, worker: subprocess.Popen[str]) -> Outcome:
        """How a started worker ended."""
        answer, _ = worker.communicate(timeout=100)
        assert worker.returncode == 0
        return Outcome(killed=False, **json.loads(answer))

    def _work(self, **more: Any) -> Order:
        return Order("work", self.database.name, str(self._blobs), legs=self.legs, **more)

    def finish(self, late: float = 0.0) -> Outcome:
        """Let workers run, each later than the one before, until nothing is left to do, but not for ever."""
        for number in range(MOST_RUNS):
            outcome = self.run(late=late + number * RETRY_IS_DUE)
            assert not outcome.killed
            if not outcome.errors and not unfinished(outcome.world):
                break
        return outcome

    @property
    def receives(self) -> bool:
        """Whether this scenario is about incoming mail."""
        return Leg.INCOMING in self.scenario.workloads

    def keys_shown(self) -> World:
        """The keys of what lies in the inbox of each mailbox that is received from, and in the folders of the scenario, by
        the server's own account."""
        shown = {}
        for address in self.accounts:
            key = "uidl" if address in self.scenario.pop3 else "id"
            items = self.sandbox.items(address)
            shown[address] = sorted(one[key] for one in items if one["folder"] in ("inbox", *self.scenario.folders))
        return {address: keys for address, keys in shown.items() if keys}

    def servers(self) -> World:
        """What lies in all mailboxes."""
        held = servers_state(self.sandbox)
        if Leg.ACT in self.scenario.workloads:
            held |= {
                f"{address}: calendar, contacts, tasks": act_items(self.sandbox, address) for address in self.accounts
            }
            held["meeting mails"] = meeting_mails(self.sandbox)
        return held

    def _give(self, order: Order) -> dict[str, Any]:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(order_line(order) + "\n")
        self._server.stdin.flush()
        outcome: dict[str, Any] = json.loads(self._server.stdout.readline())
        if "failed" in outcome:
            raise RuntimeError("the worker ended with an error, see its traceback")
        return outcome


def environment(folder: Path, database_url: str) -> dict[str, str]:
    """The product's settings for a process with a database and a disk of its own."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "serversync.settings",
        "SERVERSYNC_ENV_FILE": str(folder / "none.env"),
        "DATABASE_URL": database_url,
        "VAR_DIR": str(folder),
        "INSTANCE_ID": "killed",  # given, so that no run has to make one first: all runs take the same steps
        "SECRET_KEY": "a key for tests only",
        "FIELD_KEYS": f"tests:{Fernet.generate_key().decode()}",
        "ALLOWED_LOCAL_HOSTS": "127.0.0.1",
        "LOG_LEVEL": "CRITICAL",
    }


def unfinished(world: World) -> bool:
    """Whether something waits for a later run: a pending item, an email that is neither sent nor given up."""
    pending = any(row[1] == 0 for row in world["ledger"])
    waiting = any(email["status_code"] in (6, 7) and email["delivery_state"] != 2 for email in world["emails"])
    return pending or waiting or any(row["waits"] for row in world["act"]["pairs"])
