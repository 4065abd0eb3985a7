"""`manage.py ledger`: the equation of every mailbox, and whether the servers agree."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from serversync.audit import Comparison, compare_with_servers
from serversync.progress import Cell, Progress
from tracking.facts.balance import COLUMNS, Balance, balances

KEYS_SHOWN = 10


class Command(BaseCommand):
    help = (
        "Print what every mailbox was shown and what became of it: "
        "shown = copies + pending + tracked + ignored + quarantined + gone. Exit status 1: something does not balance."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--against-server", action="store_true", help="list every mailbox anew and compare")
        parser.add_argument(
            "--json", dest="as_json", action="store_true", help="one JSON object per mailbox and folder"
        )

    def handle(self, *, against_server: bool, as_json: bool, **_: Any) -> None:
        progress = Progress(self.stdout.write, fancy=False if as_json else None)
        with progress.working("Reading the ledger"):
            found = balances()
        compared: list[Comparison] = []
        if against_server:
            with progress.working("Listing the mailboxes on their servers"):
                compared = compare_with_servers(timezone.now)
        if as_json:
            for line in [*map(_balance_json, found), *map(_comparison_json, compared)]:
                self.stdout.write(json.dumps(line, default=str, ensure_ascii=False))
        else:
            print_balances(progress, found)
            if against_server:
                print_comparisons(progress, compared)
        if not (all(one.balances for one in found) and all(one.agrees for one in compared)):
            sys.exit(1)


def _balance_json(one: Balance) -> dict[str, Any]:
    return {"kind": "balance", **asdict(one), "balances": one.balances}


def _comparison_json(one: Comparison) -> dict[str, Any]:
    return {"kind": "comparison", **asdict(one), "agrees": one.agrees}


def print_balances(progress: Progress, found: list[Balance]) -> None:
    """The equations as a table, then what is wrong with them."""
    rows: list[list[Cell]] = [
        [one.mailbox, *(getattr(one, column) for column in COLUMNS), one.older, "yes" if one.balances else "NO"]
        for one in found
    ]
    progress.table(["mailbox", *COLUMNS, "older", "balances"], rows, title="The ledger")
    for one in found:
        for fault in one.faults:
            progress.say(f"{one.mailbox}: {fault}", good=False)
    if all(one.balances for one in found):
        progress.say("Every mailbox balances.", good=True)


def print_comparisons(progress: Progress, compared: list[Comparison]) -> None:
    """The folders as a table, then every difference."""
    rows: list[list[Cell]] = [
        [one.mailbox, one.folder, one.on_server, one.older, len(one.unknown), len(one.vanished)]
        for one in compared
        if not one.skipped
    ]
    heads = ["mailbox", "folder", "on the server", "older", "not in the ledger", "not on the server"]
    if rows:
        progress.table(heads, rows, title="Compared with the servers")
    for one in compared:
        for line in _differences(one):
            progress.say(line, good=None if one.agrees else False)
    if not rows:
        progress.say("No mailbox could be compared.")
    elif all(one.agrees for one in compared):
        progress.say("The servers hold what the ledger says.", good=True)


def _differences(one: Comparison) -> Iterable[str]:
    if one.skipped:
        yield f"{one.mailbox}: not compared. {one.skipped}"
    if one.error:
        yield f"{one.mailbox}: cannot be listed. {one.error}"
    if one.unknown:
        yield f"{one.mailbox}, {one.folder}: on the server, not in the ledger (run `manage.py sync`): {_some(one.unknown)}"
    if one.vanished:
        yield f"{one.mailbox}, {one.folder}: in the ledger, not on the server (run `manage.py sync`): {_some(one.vanished)}"


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - KEYS_SHOWN} more" if len(keys) > KEYS_SHOWN else ""
    return ", ".join(keys[:KEYS_SHOWN]) + more
