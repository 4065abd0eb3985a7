"""`manage.py work`: the worker. Supervises the cluster, sees what is asked for within a second, leaves no orphans."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from serversync.supervisor import Supervisor


class Command(BaseCommand):
    help = "Run the worker until it is told to stop (SIGTERM or Ctrl-C)."

    def handle(self, *args: Any, **options: Any) -> None:
        supervisor = Supervisor(self.stdout.write)

        def stop(number: int, frame: FrameType | None) -> None:
            supervisor.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        supervisor.run()
