"""`make bench`: messages per CPU second from servers into the database, beside floors on the same corpus.

Each measurement is a fresh process with a fresh SQLite database under the product's settings. The kinds take turns, so
that a slow minute of the machine touches all alike; the median of the runs counts.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from math import ceil
from pathlib import Path
from statistics import median

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from tests.bench.corpus import corpus, large_message  # noqa: E402
from tests.bench.floors import FLOORS, INSERT, SLOW_FLOORS  # noqa: E402
from tests.bench.outgoing import print_outgoing  # noqa: E402
from tests.bench.product import LARGE, LARGEST_PEAK, MB, POLLS  # noqa: E402
from tests.bench.servers import Server, dovecot_with, sandbox_servers, sandbox_with  # noqa: E402
from tests.world import ROOT  # noqa: E402
from tracking.keep.pending import BATCH_ITEMS  # noqa: E402

AIMS = {"pop3": 0.45, "ews": 0.3}
LOOKUP_GROWTH = 1.3
PRODUCT = "product"
Result = dict[str, float]


class Bench:
    """Runs children against one server, each on a copy of a database that was set up once."""

    def __init__(self, server: Server, home: Path) -> None:
        self.server = server
        self.copies = 0
        self.home = home / server.name.replace(", ", "-").lower()
        self.child("set up", self.home / "template")

    def measure(self, task: str) -> Result:
        """One child on a new copy of the database. Nothing is deleted before the end: a file system that has just lost
        many files is slow to make new ones."""
        self.server.restore()
        self.copies += 1
        copy = self.home / f"copy{self.copies}"
        shutil.copytree(self.home / "template", copy)
        return self.child(task, copy)

    def child(self, task: str, folder: Path) -> Result:
        """What one child measured. Raises CalledProcessError; its complaints go to standard error."""
        folder.mkdir(parents=True, exist_ok=True)
        server = json.dumps({"protocol": self.server.protocol, "ports": self.server.ports})
        answer = subprocess.run(
            [sys.executable, "-m", "tests.bench.child", task, server],
            cwd=ROOT,
            env=os.environ | {"TEST_VAR_DIR": str(folder)},
            stdout=subprocess.PIPE,
            check=True,
        )
        result: Result = json.loads(answer.stdout)
        return result


def tasks_of(server: Server) -> list[str]:
    """The floors, lowest effort first, then the product."""
    slow = SLOW_FLOORS if server.protocol == "pop3" else {}
    return [*slow, *FLOORS, PRODUCT]


def print_rates(bench: Bench, messages: int, runs: int) -> None:
    """Messages per CPU second of each task, and its share of the last floor."""
    tasks = tasks_of(bench.server)
    results: dict[str, list[Result]] = {task: [] for task in tasks}
    for _ in range(runs):
        for task in tasks:
            results[task].append(bench.measure(task))
    rates = {task: median(one["messages"] / one["cpu"] for one in found) for task, found in results.items()}
    print(f"\n{bench.server.name}: messages per CPU second")
    for task in tasks:
        read = {int(one["messages"]) for one in results[task]}
        assert read == {messages}, f"{task} read {read} of {messages} messages"
        print(f"  {task:<40}{rates[task]:>8.0f}{rates[task] / rates[INSERT]:>8.2f}")
    aim = AIMS[bench.server.protocol]
    word = "reached" if rates[PRODUCT] >= aim * rates[INSERT] else "MISSED"
    print(f"  aim: {aim} of the floor, {word}")


def print_statements(bench: Bench) -> None:
    """How much is said to the database for each batch."""
    found = bench.measure("statements")
    batches = ceil(found["messages"] / BATCH_ITEMS)
    told = ", ".join(f"{kind} {found[kind] / batches:.2f}" for kind in ("SELECT", "INSERT", "UPDATE", "DELETE"))
    print(f"  statements per batch of {BATCH_ITEMS}: {told}; tables inserted into: {found['tables']:.0f}")


def print_idle(bench: Bench) -> None:
    """What a poll costs that finds nothing."""
    found = bench.measure("idle")
    requests = f"{found['requests']:.2f} requests, " if bench.server.protocol == "ews" else ""
    print(
        f"  an idle poll (mean of {POLLS}): {requests}{found['connector'] * 1000:.1f} ms of CPU in the connector, "
        f"{found['cycle'] * 1000:.1f} ms from claim to release with {found['statements']:.0f} statements, "
        f"{found['ledger']:.0f} of them about the ledger"
    )


def print_memory(bench: Bench) -> None:
    """The most memory the product had while it took in one large message."""
    peak = bench.measure(PRODUCT)["peak"]
    word = "reached" if peak <= LARGEST_PEAK else "MISSED"
    print(f"  peak memory, a message of {LARGE // MB} MB, {bench.server.name}: {peak / MB:.0f} MB")
    print(f"  aim: at most {LARGEST_PEAK // MB} MB, {word}")


def print_pages(folder: Path) -> None:
    """How long the server works on each page of the console when there are 2,000 mailboxes."""
    folder.mkdir(parents=True)
    command, around = [sys.executable, "-m", "tests.bench.pages"], os.environ | {"TEST_VAR_DIR": str(folder)}
    answer = subprocess.run(command, cwd=ROOT, env=around, stdout=subprocess.PIPE, check=True)
    print("\nPages: the console with 2,000 mailboxes, server time")
    for name, found in json.loads(answer.stdout).items():
        print(f"  {name:<40}{found['ms']:>8.0f} ms{found['queries']:>6.0f} queries{found['kb']:>8.0f} KB")


def print_lookups(folder: Path) -> None:
    """What judging costs where few and where many emails are stored."""
    print("\nLook-ups: judging and correlating, microseconds of CPU per message by the number of stored emails")
    for database in ("sqlite", "postgres"):
        (folder / database).mkdir(parents=True, exist_ok=True)
        around = os.environ | {"TEST_VAR_DIR": str(folder / database), "TEST_DATABASE": database}
        command = [sys.executable, "-m", "tests.bench.lookups"]
        answer = subprocess.run(command, cwd=ROOT, env=around, stdout=subprocess.PIPE, check=True)
        found: Result = json.loads(answer.stdout.splitlines()[-1])
        growth = found.pop("growth")
        told = ", ".join(f"{int(size):,}: {cost:.0f}" for size, cost in found.items())
        word = "reached" if growth <= LOOKUP_GROWTH else "MISSED"
        print(f"  {database:<10}{told}; largest to smallest {growth:.2f} (aim {LOOKUP_GROWTH}, {word})")


def print_act(folder: Path) -> None:
    """What keeping appointments the same on Exchange costs."""
    folder.mkdir(parents=True)
    command, around = [sys.executable, "-m", "tests.bench.act"], os.environ | {"TEST_VAR_DIR": str(folder)}
    answer = subprocess.run(command, cwd=ROOT, env=around, stdout=subprocess.PIPE, check=True)
    print("\nAppointments over EWS: a thousand for the first time, and cycles that find nothing")
    for name, one in json.loads(answer.stdout.splitlines()[-1]).items():
        told = f"{one['ms']:.0f} ms of CPU, {one['statements']:.0f} statements, {one['requests']:.0f} requests"
        print(f"  {name:<30}{told}")


def main() -> None:
    """Everything in one run."""
    options = argparse.ArgumentParser(prog="python -m tests.bench.run", description=__doc__)
    options.add_argument("--messages", type=int, default=1000)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument(
        "--only", default="", help="servers whose name contains this; or: pages, lookups, act, outgoing"
    )
    options.add_argument("--keep", type=Path, help="a folder for the databases of the look-ups, to be used again")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        if chosen.only in ("", "pages"):
            print_pages(Path(home) / "pages")
        if chosen.only in ("", "lookups"):
            print_lookups((chosen.keep or Path(home) / "lookups").resolve())
        if chosen.only in ("", "act"):
            print_act(Path(home) / "act")
        if chosen.only in ("", "outgoing"):
            print_outgoing(Path(home) / "outgoing", chosen.messages, chosen.runs)
    if chosen.only not in ("pages", "lookups", "act", "outgoing"):
        measure_mail(chosen)


def measure_mail(chosen: argparse.Namespace) -> None:
    """Every server, then the memory of one large message."""
    messages = list(corpus(chosen.messages))
    size = sum(map(len, messages)) / MB
    print(f"{len(messages)} messages, {size:.0f} MB; client CPU, user and system; median of {chosen.runs} runs")
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        dovecot = stack.enter_context(dovecot_with(messages))
        if dovecot is None:
            print("Dovecot is not installed or not startable: left out.")
        sandbox = stack.enter_context(sandbox_with(messages))
        for server in [*([dovecot] if dovecot else []), *sandbox_servers(sandbox)]:
            if chosen.only not in server.name:
                continue
            bench = Bench(server, home)
            print_rates(bench, len(messages), chosen.runs)
            print_statements(bench)
            print_idle(bench)
        large = stack.enter_context(sandbox_with([large_message(LARGE)]))
        print("\nMemory")
        for server in sandbox_servers(large):
            print_memory(Bench(server, home / "large"))


if __name__ == "__main__":
    main()
