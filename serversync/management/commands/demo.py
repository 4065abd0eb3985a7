"""`manage.py demo`: a small company with its mail servers, console and worker, on this machine only."""

from __future__ import annotations

import os
import signal
import sys
import time
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailboxes.models import Leg
from serversync.configure import configure
from serversync.demo import place, scenes
from serversync.demo.processes import is_taken, start, stop
from serversync.demo.verdict import checks
from serversync.demo.world import World
from serversync.one_pass import Line
from serversync.progress import Progress
from tracking.facts.balance import COLUMNS, balances

COMPANY = Path(place.__file__).with_name("demo.toml")
ADMIN_PASSWORD = "admin"
PEOPLE_PASSWORD = "fernhill"
LOG_INS = (
    ("admin", ADMIN_PASSWORD, "the administrator: the console"),
    ("alice", PEOPLE_PASSWORD, "owns a mailbox and the Support queue: the owner’s pages"),
    ("carol", PEOPLE_PASSWORD, "owns a mailbox and works in the Support queue"),
)
SECONDS_BETWEEN_EVENTS = 20
PATIENCE = {"web": 10.0, "worker": 30.0}  # seconds to end by itself; the worker finishes its cycles first


class Command(BaseCommand):
    help = (
        "Show ServerSync with a small company, its mail servers and a week of mail, in a folder of its own (var/demo). "
        "Your own settings and database are not touched. End it with Ctrl-C."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="no console and no worker: play it, check it, end")
        parser.add_argument("--folder", type=Path, help="where the demo lives; it is emptied first (default var/demo)")
        parser.add_argument("--port", type=int, default=8000, help="of the console (default %(default)s)")

    def handle(self, *, once: bool, folder: Path | None, port: int, **_: Any) -> None:
        home = (folder or settings.BASE_DIR / "var" / ("demo-once" if once else "demo")).absolute()
        if not place.is_inside(home):
            try:
                place.start_inside(home, settings.BASE_DIR)
            except place.AlreadyRunning as error:
                raise CommandError(str(error)) from error
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _interrupt)
        self.progress = Progress(self.stdout.write)
        if not once and is_taken(port):
            raise CommandError(f"Port {port} is taken. Choose another one: make demo PORT={port + 1}")
        try:
            with ExitStack() as stack:
                world = World(settings.BASE_DIR)
                stack.callback(world.close)
                self._prepare(world)
                if once:
                    sys.exit(self._judge(world))
                self._show(world, home, port, stack)
        except KeyboardInterrupt:
            self.progress.say("The demo has ended.")

    def _prepare(self, world: World) -> None:
        """Database, company and a week of mail."""
        os.environ |= world.environment() | {
            "DEMO_ADMIN_PASSWORD": ADMIN_PASSWORD,
            "DEMO_PEOPLE_PASSWORD": PEOPLE_PASSWORD,
        }
        with self.progress.working("Creating the database"):
            call_command("migrate", verbosity=0)
        self.progress.say(f"The company: {configure(COMPANY, timezone.now())}.")
        with self.progress.working("A week of mail"):
            scenes.play_the_week(world, timezone.now(), self.progress.say, self._tell)
        heads = ["mailbox", *COLUMNS]
        found = [one for one in balances() if one.shown]
        self.progress.table(heads, [[one.mailbox, *(getattr(one, name) for name in COLUMNS)] for one in found])

    def _tell(self, line: Line) -> None:
        self.progress.now(f"{line.mailbox}: {Leg[line.leg.upper()].label}")

    def _judge(self, world: World) -> int:
        """The summary; the exit status is 1 where something does not balance."""
        with self.progress.working("Comparing with the servers"):
            found = checks(world)
        for check in found:
            self.progress.say(f"{'NO ' if check.faults else 'ok '} {check.what}", good=not check.faults)
            for fault in check.faults:
                self.progress.say(f"     {fault}", good=False)
        return int(any(check.faults for check in found))

    def _show(self, world: World, home: Path, port: int, stack: ExitStack) -> None:
        """Start console and worker, say where, and let things happen until Ctrl-C."""
        processes = {}
        bind = f"127.0.0.1:{port}"
        manage = str(settings.BASE_DIR / "manage.py")
        for name, words in {
            "web": ["-m", "gunicorn", "serversync.wsgi", "--bind", bind, "--threads", "4", "--log-level", "warning"],
            "worker": [manage, "work"],
        }.items():
            processes[name] = start(words, settings.BASE_DIR, home / f"{name}.log")
            stack.callback(stop, processes[name], PATIENCE[name])
        self.progress.say(f"\nOpen http://{bind}/ and log in:", good=True)
        self.progress.table(["name", "password", "who it is"], [list(one) for one in LOG_INS])
        self.progress.say(f"In another terminal: SERVERSYNC_ENV_FILE={home / 'env'} {sys.executable} manage.py ledger")
        self.progress.say(f"Something happens every {SECONDS_BETWEEN_EVENTS} seconds. End the demo with Ctrl-C.\n")
        meanwhile = scenes.Meanwhile(world)
        while True:
            time.sleep(SECONDS_BETWEEN_EVENTS)
            for name, process in processes.items():
                if process.poll() is not None:
                    raise CommandError(f"The {name} process has ended. See {home / name}.log.")
            self.progress.say(f"{timezone.localtime():%H:%M:%S} {meanwhile.tick()}")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
