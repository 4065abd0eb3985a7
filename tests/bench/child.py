"""One measurement in a process of its own: `python -m tests.bench.child TASK SERVER`, the result as one line of JSON.

Database and blobs lie in TEST_VAR_DIR. Only the process itself is measured, from the first byte to the last commit;
starting Python and Django is not part of it.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

Result = dict[str, float]


def main(task: str, server: dict[str, Any]) -> Result:
    """Do one task against `server` = {"protocol", "ports"}."""
    django.setup()
    from tests.bench.floors import FLOORS, SLOW_FLOORS
    from tests.bench.product import receive_all

    if task == "set up":
        return _set_up(server)
    if task == "statements":
        return _statements()
    if task == "idle":
        return _idle(server)
    if task == "product":
        return _measured(lambda access, mailbox: receive_all(mailbox))
    return _measured((FLOORS | SLOW_FLOORS)[task])


def _mailbox() -> Any:
    from mailboxes.models import Mailbox
    from tests.bench.corpus import OWNER

    return Mailbox.objects.get(email_address=OWNER)


def _set_up(server: dict[str, Any]) -> Result:
    from django.core.management import call_command

    from tests.bench.product import set_up
    from tests.bench.servers import DistantSandbox

    call_command("migrate", verbosity=0)
    set_up(DistantSandbox(server["ports"]), server["protocol"])
    return {}


def _measured(work: Callable[[Any, Any], int]) -> Result:
    from mailboxes.models import Leg
    from mailboxes.reach import access_to
    from profiles.connectors import open_source

    mailbox = _mailbox()
    access = access_to(mailbox, Leg.INCOMING)
    open_source(access)  # loads the client library; nothing is sent before its first use
    gc.collect()  # what starting left behind is not to be cleared away later
    before = time.process_time()
    messages = work(access, mailbox)
    return {"messages": messages, "cpu": time.process_time() - before, "peak": peak_memory()}


def _statements() -> Result:
    from tests.bench.product import receive_all, statements

    mailbox = _mailbox()
    with statements() as heard:
        messages = receive_all(mailbox)
    kinds = {kind: heard.kinds[kind] for kind in ("SELECT", "INSERT", "UPDATE", "DELETE")}
    return {"messages": messages, "tables": len(heard.inserted), **kinds}


def _idle(server: dict[str, Any]) -> Result:
    from tests.bench.product import LEDGER, POLLS, ask_server, poll, receive_all, statements
    from tests.bench.servers import DistantSandbox

    mailbox, sandbox = _mailbox(), DistantSandbox(server["ports"])
    receive_all(mailbox)
    receive_all(mailbox)  # on Exchange our own category is a change; it has been seen now
    poll(mailbox)
    watched = "control" in sandbox.ports
    if watched:
        sandbox.clear_log()
    cycle = sum(poll(mailbox) for _ in range(POLLS)) / POLLS
    requests = len(sandbox.log()["requests"]) if watched else 0
    with statements() as heard:
        poll(mailbox)
    return {
        "cycle": cycle,
        "connector": ask_server(mailbox),
        "requests": requests / POLLS,
        "statements": len(heard.texts),
        "ledger": len(heard.about(*LEDGER)),
    }


def peak_memory() -> int:
    """The most memory this process has had, in bytes."""
    status = Path("/proc/self/status")
    if status.is_file():  # ru_maxrss would also count what the parent held when it started us
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], json.loads(sys.argv[2]))))
