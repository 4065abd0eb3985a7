"""Server times of the console's pages with 2,000 mailboxes: `python -m tests.bench.pages`, the result as one line of JSON.

The database lies in TEST_VAR_DIR. A time is that of Django alone, from the request to the last byte of the answer, in the
middle of several; the network and the browser are not part of it.
"""

from __future__ import annotations

import json
import time
from statistics import median

import django

MAILBOXES, RUNS = 2_000, 5


def main() -> dict[str, dict[str, float]]:
    """Milliseconds, queries and kilobytes of each page."""
    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.test import Client

    from tests.serversync.console.crowd import PAGES, grow

    call_command("migrate", verbosity=0)
    mailboxes = grow(0, MAILBOXES)
    client = Client(headers={"host": "localhost"})
    client.force_login(get_user_model().objects.create_superuser("ada", "ada@us.test", "x"))
    pages = PAGES | {"mailbox page": f"/mailbox/{mailboxes[0].pk}/?window=14d"}
    return {name: _measure(client, address) for name, address in pages.items()}


def _measure(client: object, address: str) -> dict[str, float]:
    from tests.bench.product import statements

    def opened() -> bytes:
        answer = client.get(address)  # type: ignore[attr-defined]
        assert answer.status_code in (200, 503), (address, answer.status_code)
        return bytes(answer.content)

    opened()
    with statements() as heard:
        size = len(opened())
    times = []
    for _ in range(RUNS):
        before = time.perf_counter()
        opened()
        times.append(time.perf_counter() - before)
    return {"ms": median(times) * 1000, "queries": len(heard.texts), "kb": size / 1024}


if __name__ == "__main__":
    print(json.dumps(main()))
