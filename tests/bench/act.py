"""What keeping appointments the same on Exchange costs: `python -m tests.bench.act`, the result as one line of JSON.

The database lies in TEST_VAR_DIR, the sandbox is another process. Measured are requests, statements and CPU of this
process: the first synchronization of a thousand, and idle cycles with a thousand and with ten thousand linked.
"""

from __future__ import annotations

import json
import time
from datetime import timedelta
from statistics import median

import django

FIRST, MANY, RUNS = 1_000, 10_000, 5


def main() -> dict[str, dict[str, float]]:
    """Figures by what was done."""
    django.setup()
    from django.core.management import call_command

    from tests.company import Company
    from tests.synchronizing import alice_on, appointment, soon
    from tests.world import SandboxProcess

    call_command("migrate", verbosity=0)
    with SandboxProcess() as sandbox:
        alice = alice_on(Company(sandbox))
        _cycle(sandbox, alice)
        found = {}

        def plan(numbers: range) -> None:
            for number in numbers:
                appointment(alice, f"Visit {number}", soon(3 + number // 10, 8 + number % 10))

        plan(range(FIRST))
        found["first"] = _until_quiet(sandbox, alice)
        found["idle, a thousand linked"] = _idle(sandbox, alice)
        plan(range(FIRST, MANY))
        _until_quiet(sandbox, alice)
        found["idle, ten thousand linked"] = _idle(sandbox, alice)
        return found


def _cycle(sandbox: object, mailbox: object) -> dict[str, float]:
    from tests.bench.product import statements
    from tests.profiles.exchange import requests
    from tests.synchronizing import synchronize

    sandbox.clear_log()  # type: ignore[attr-defined]
    before = time.process_time()
    with statements() as heard:
        report = synchronize(mailbox).report  # type: ignore[arg-type]
    spent = time.process_time() - before
    asked = sum(requests(sandbox).values())  # type: ignore[arg-type]
    return {"ms": spent * 1000, "statements": len(heard.texts), "requests": asked, "written": report.sent}


def _until_quiet(sandbox: object, mailbox: object) -> dict[str, float]:
    """Cycles until nothing is left to do, added up."""
    from tracking.models import ExchangeSyncIdMapping

    total: dict[str, float] = {}
    while True:
        one = _cycle(sandbox, mailbox)
        total = {name: total.get(name, 0) + value for name, value in one.items()}
        if not ExchangeSyncIdMapping.objects.filter(next_attempt_on__isnull=False).exists():
            return total


def _idle(sandbox: object, mailbox: object) -> dict[str, float]:
    """As it is when nobody has changed anything for an hour: what changed within ten minutes is looked at once more."""
    from django.db.models import F

    from tracking.crm.models import Appointment
    from tracking.models import ExchangeSyncIdMapping

    Appointment.objects.update(modified_on=F("modified_on") - timedelta(hours=1))
    ExchangeSyncIdMapping.objects.update(crm_modified_on=F("crm_modified_on") - timedelta(hours=1))
    runs = [_cycle(sandbox, mailbox) for _ in range(RUNS)]
    assert all(one["written"] == 0 for one in runs)
    return {name: median(one[name] for one in runs) for name in runs[0]}


if __name__ == "__main__":
    print(json.dumps(main()))
