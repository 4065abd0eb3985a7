"""`manage.py health`: is everything in order for mail to flow?"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from serversync import readiness
from serversync.progress import Progress


class Command(BaseCommand):
    help = "Check database, migrations, storage and worker. Exit status 1: something is missing."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", dest="as_json", action="store_true", help="one JSON object")

    def handle(self, *, as_json: bool, **_: Any) -> None:
        now = timezone.now()
        found, lines = readiness.readiness(now), readiness.surroundings(now)
        if as_json:
            whole = {"ready": found.is_ready, **asdict(found), "surroundings": [asdict(line) for line in lines]}
            self.stdout.write(json.dumps(whole, ensure_ascii=False))
        else:
            self._tell(found, lines)
        if not found.is_ready:
            sys.exit(1)

    def _tell(self, found: readiness.Readiness, lines: list[readiness.Line]) -> None:
        progress = Progress(self.stdout.write)
        for check in found.checks:
            progress.say(f"{check.name}: {check.words}", good=check.is_fine)
        if found.is_held or found.is_paused:
            progress.say("Everything is held." if found.is_held else "The organization is paused.")
        for line in lines:
            progress.say(f"{line.title}: {line.words}", good=False if line.is_fine is False else None)
