"""`manage.py sync`: one pass now."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from mailboxes.models import Leg, MailboxLeg
from serversync import instance
from serversync.one_pass import Line, UnknownMailbox, chosen, run_pass
from serversync.progress import Progress

HEADS = ["mailbox", "leg", "seen", "tracked", "ignored", "quarantined", "sent", "failed", "seconds", "result"]


class Command(BaseCommand):
    help = (
        "Synchronize once, now, whether something is due or not. Only a delay that a mail server asked for is obeyed. "
        "Exit status: 0 all went well, 1 something failed, 2 there is no such mailbox."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--mailbox", action="append", default=[], metavar="ADDRESS", help="only this one; repeatable"
        )
        parser.add_argument(
            "--leg", action="append", default=[], choices=[leg.name.lower() for leg in Leg], help="only this direction"
        )
        parser.add_argument("--json", dest="as_json", action="store_true", help="one JSON object per mailbox and leg")
        parser.add_argument("--verbose", action="store_true", help="list directions whose delivery method is None, too")

    def handle(self, *, mailbox: list[str], leg: list[str], as_json: bool, verbose: bool, **_: Any) -> None:
        instance.recognise(timezone.now())
        try:
            legs = chosen(mailbox, [Leg[name.upper()] for name in leg], timezone.now())
        except UnknownMailbox as error:
            self.stderr.write(self.style.ERROR(f"There is no mailbox with the address {error}."))
            sys.exit(2)
        lines = self._as_json(legs) if as_json else self._for_people(legs, verbose)
        if any(line.error for line in lines):
            sys.exit(1)

    def _as_json(self, legs: list[MailboxLeg]) -> list[Line]:
        """Each line as soon as its leg has ended."""
        lines = []
        for line in run_pass(legs, timezone.now):
            values = {key: value for key, value in asdict(line).items() if key != "is_off"}
            self.stdout.write(json.dumps(values, ensure_ascii=False))
            self.stdout.flush()
            lines.append(line)
        return lines

    def _for_people(self, legs: list[MailboxLeg], verbose: bool) -> list[Line]:
        progress = Progress(self.stdout.write)
        with progress.working("Synchronizing"):
            lines = list(run_pass(legs, timezone.now, lambda line: progress.now(f"{line.mailbox}: {line.leg}")))
        shown = [line for line in lines if verbose or not line.is_off]
        if shown:
            progress.table(HEADS, [_row(line) for line in shown])
        else:
            progress.say("No mailbox has a delivery method: there is nothing to synchronize.")
        return lines


def _row(line: Line) -> list[str | int | float]:
    result = f"failed: {line.error}" if line.error else f"skipped: {line.skipped}" if line.skipped else "ok"
    return [*(getattr(line, head) for head in HEADS[:-1]), result]
