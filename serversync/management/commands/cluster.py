"""`manage.py cluster`: django-q2's cluster, tied to the life of the supervisor that started it. Not for people."""

from __future__ import annotations

import os
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "Run the task cluster; started by `manage.py work`."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--lifeline", type=int, required=True, help="End of a pipe that the supervisor holds open.")

    def handle(self, *args: Any, **options: Any) -> None:
        from django_q.cluster import Cluster

        _end_with(options["lifeline"])
        cluster = Cluster()
        cluster.start()
        if cluster.sentinel is not None:
            cluster.sentinel.join()


def _end_with(lifeline: int) -> None:
    """End this process, and each one forked from it, as soon as the supervisor is gone, however it ended.

    dependencies.md §4.12: otherwise a killed parent leaves a sentinel and workers that go on working.
    """

    def wait() -> None:
        os.read(lifeline, 1)  # nothing is ever written; the read ends when the last writer has died
        os._exit(1)

    def watch() -> None:
        threading.Thread(target=wait, name="lifeline", daemon=True).start()

    watch()
    os.register_at_fork(after_in_child=watch)
