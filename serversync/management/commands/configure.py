"""`manage.py configure FILE.toml`: profiles, users, queues, mailboxes, records and folder rules from a file."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from profiles import history
from serversync.configure import BadConfiguration, Outcome, configure
from serversync.configure.writing import Change


class Command(BaseCommand):
    help = "Apply a configuration file: all of it or, if anything is wrong with it, nothing. Twice changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE.toml", type=Path)
        parser.add_argument("--check", action="store_true", help="say what would change, and change nothing")
        parser.add_argument(
            "--json", dest="as_json", action="store_true", help="one JSON object instead of lines for people"
        )

    def handle(self, *, file: Path, check: bool, as_json: bool, **_: Any) -> None:
        try:
            with history.acting("configure"):
                outcome = configure(file, timezone.now(), check=check)
        except BadConfiguration as error:
            self.stdout.write(_problems(error)) if as_json else self.stderr.write(self.style.ERROR(str(error)))
            sys.exit(1)
        if as_json:
            self.stdout.write(_counts(outcome, check))
            return
        for line in outcome.lines:
            self.stdout.write(line)
        self.stdout.write(f"{'Nothing was applied; it would be: ' if check else ''}{outcome}")


def _counts(outcome: Outcome, check: bool) -> str:
    counts = {change.name.lower(): outcome.counts[change] for change in Change}
    return json.dumps({"applied": not check, **counts, "entries": outcome.lines}, ensure_ascii=False)


def _problems(error: BadConfiguration) -> str:
    problems = [{"file": error.file, **asdict(problem)} for problem in error.problems]
    return json.dumps({"applied": False, "problems": problems}, ensure_ascii=False)
