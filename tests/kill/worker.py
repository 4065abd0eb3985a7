"""A worker that runs given legs once, counts its steps, and kills itself after one of them if told so.

    python -m tests.kill.worker ORDER      one order (JSON), in this process
    python -m tests.kill.worker --serve    an order per line of standard input, each in a forked process of its own

The second form saves the start of Python and Django, a second for each order. The answer to an order is one line of
JSON: {"signal": 9} for a process that was killed, else {"signal": 0, "answer": …}. The settings come from the
environment, as for the product's own commands.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import django

if __name__ == "__main__":
    django.setup()

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.utils import timezone

# All that a cycle would import on first use, so that forked processes have it already.
import profiles.connectors.ews.act.store
import profiles.connectors.ews.mail
import profiles.connectors.pop3.source
import profiles.connectors.smtp  # noqa: F401
from mailboxes.models import MailboxLeg
from serversync.cycles import engine
from tests.company import Company
from tests.kill.act_state import links
from tests.kill.scenarios import SCENARIOS
from tests.kill.steps import Steps
from tests.kill.world_state import orphans, shown_keys, world_state
from tests.world import SandboxProcess

SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Order:
    """What to do: "found" a scenario with the sandbox on `ports`, or "work" on `legs`.

    `database` is the name of the database (for SQLite its file), `blobs` the folder of the original messages. `late`
    moves the clock forward by so many seconds: leases end by the clock, so no run has to wait for one. `stop_after` is
    the number of the step after which the process kills itself, 0 for never. `ask` requests the legs first, as
    `manage.py sync` does. `together` lets the legs be claimed in any order, as several workers do.
    """

    do: str
    database: str
    blobs: str
    scenario: str = ""
    ports: dict[str, int] | None = None
    legs: tuple[int, ...] = ()
    late: float = 0.0
    stop_after: int = 0
    ask: bool = True
    together: bool = False


def obey(order: Order) -> dict[str, Any]:
    """Do what the order says, in the database and the folder it names."""
    settings.DATABASES["default"]["NAME"] = order.database
    settings.STORAGES["blobs"]["OPTIONS"]["location"] = order.blobs
    answer = found(order) if order.do == "found" else work(order)
    connections.close_all()
    return answer


def found(order: Order) -> dict[str, Any]:
    """Make the tables and the company; the answer names the legs that a worker shall run."""
    call_command("migrate", verbosity=0, interactive=False)
    scenario = SCENARIOS[order.scenario]
    scenario.found(Company(Far(order.ports or {})))
    return {"legs": scenario.legs()}


class Far(SandboxProcess):
    """A sandbox that another process has started."""

    def __init__(self, ports: dict[str, int]) -> None:
        self.ports = ports


def work(order: Order) -> dict[str, Any]:
    """Run the legs; the answer holds the steps, the errors, and what the database looks like afterwards."""
    steps = Steps(order.stop_after)
    steps.watch()
    late = timedelta(seconds=order.late)

    def clock() -> datetime:
        return timezone.now() + late

    if order.ask:
        MailboxLeg.objects.filter(pk__in=order.legs).request(clock())
    ended = []
    for legs in [list(order.legs)] if order.together else [[leg] for leg in order.legs]:
        ended += engine.drain(clock, SECONDS, among=legs)
    names = steps.stop()
    errors = [
        str(one.error or one.skipped or "lost its lease") for one in ended if one.error or one.skipped or one.lost
    ]
    found = {"world": world_state(), "shown": shown_keys(), "orphans": orphans(), "links": links()}
    return {"steps": names, "cycles": len(ended), "errors": errors, **found}


def serve() -> None:
    """Obey orders until standard input ends."""
    for line in sys.stdin:
        print(json.dumps(in_a_process_of_its_own(Order(**json.loads(line)), obey)), flush=True)


def in_a_process_of_its_own(order: Order, do: Callable[[Order], dict[str, Any]]) -> dict[str, Any]:
    """Fork, let the child do it, wait for its end. An error of the child ends it with status 1 and a traceback."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _report(writing, order, do)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return {"signal": os.WTERMSIG(status)}
    return {"signal": 0, "answer": json.loads(answer)} if answer else {"signal": 0, "failed": True}


def _report(writing: int, order: Order, do: Callable[[Order], dict[str, Any]]) -> None:
    """The whole life of a forked process; never returns."""
    try:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(do(order)).encode())
        os._exit(0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)


def order_line(order: Order) -> str:
    """The order as one line of JSON."""
    return json.dumps(asdict(order))


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        print(json.dumps(obey(Order(**json.loads(sys.argv[1])))))
