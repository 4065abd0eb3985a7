"""`manage.py sync`: one pass now."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from mailboxes.models import Leg, Mailbox, MailboxLeg
from serversync import instance
from serversync.cycles.act_counting import HERE, THERE
from serversync.cycles.act_preview import Preview, preview_now
from serversync.one_pass import Line, UnknownMailbox, chosen, run_pass
from serversync.progress import Cell, Progress

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
        parser.add_argument(
            "--preview",
            action="store_true",
            help="with --leg act: only count what would be done with appointments, contacts and tasks, on both sides",
        )

    def handle(
        self, *, mailbox: list[str], leg: list[str], as_json: bool, verbose: bool, preview: bool, **_: Any
    ) -> None:
        instance.recognise(timezone.now())
        if preview and leg != ["act"]:
            raise CommandError(
                "--preview counts appointments, contacts and tasks: give --leg act with it, and no other."
            )
        try:
            legs = chosen(mailbox, [Leg[name.upper()] for name in leg], timezone.now())
        except UnknownMailbox as error:
            self.stderr.write(self.style.ERROR(f"There is no mailbox with the address {error}."))
            sys.exit(2)
        if preview:
            return self._preview([one.mailbox for one in legs if mailbox or one.enabled], as_json)
        lines = self._as_json(legs) if as_json else self._for_people(legs, verbose)
        if any(line.error for line in lines):
            sys.exit(1)
        return None

    def _preview(self, mailboxes: list[Mailbox], as_json: bool) -> None:
        """Count, and say what was counted: one line or table for each mailbox."""
        progress, failed = Progress(self.stdout.write), False
        for mailbox in mailboxes:
            with progress.working(f"Counting {mailbox}") if not as_json else nullcontext():
                found = preview_now(mailbox, timezone.now)
            failed |= any(one.error for one in found)
            if as_json:
                told = {one.kind: {"error": one.error} if one.error else one.numbers for one in found}
                self.stdout.write(json.dumps({"mailbox": mailbox.email_address, **told}, ensure_ascii=False))
            else:
                self._tell(mailbox, found, progress)
        if failed:
            sys.exit(1)

    def _tell(self, mailbox: Mailbox, found: list[Preview], progress: Progress) -> None:
        for one in found:
            if one.error:
                progress.say(f"{mailbox}, {one.kind}s: {one.error}", good=False)
        counted = [one for one in found if not one.error]
        lines: list[list[Cell]] = [
            [words, *(one.numbers.get(name, 0) for one in counted)] for name, words in {**THERE, **HERE}.items()
        ]
        if counted:
            progress.table([str(mailbox), *(f"{one.kind}s" for one in counted)], lines)

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
