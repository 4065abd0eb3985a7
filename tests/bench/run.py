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
from collections.abc import Iterator
from contextlib import ExitStack
from math import ceil
from pathlib import Path
from statistics import median

from cryptography.fernet import Fernet

from tests.bench.corpus import corpus, large_message
from tests.world import ROOT

AIMS = {"pop3": 0.45, "ews": 0.3}
BATCH = 50
MB = 1024 * 1024
LARGE = 50 * MB
LARGEST_PEAK = 100 * MB + 8 * LARGE
KEY = f"bench:{Fernet.generate_key().decode()}"


class Bench:
    """Runs children over one server, each on a copy of a database that was set up once."""

    def __init__(self, server: Server, home: Path) -> None:
        self.server = server
        self.home = home / server.name
        self.child("set up", self.home / "template")

    def fresh(self, task: str) -> dict[str, float]:
        """One child on a new copy of the database."""
        self.server.restore()
        copy = self.home / "copy"
        shutil.copytree(self.home / "template", copy)
        try:
            return self.child(task, copy)
        finally:
            shutil.rmtree(copy)

    def child(self, task: str, folder: Path) -> dict[str, float]:
        """What one child measured. Raises CalledProcessError; its complaints go to standard error."""
        server = json.dumps({"protocol": self.server.protocol, "ports": self.server.ports})
        around = {"DJANGO_SETTINGS_MODULE": "tests.settings", "TEST_VAR_DIR": str(folder), "FIELD_KEYS": KEY}
        without = {"TEST_DATABASE", "TEST_POSTGRES_URL", "PYTEST_XDIST_WORKER"}
        environment = {name: value for name, value in os.environ.items() if name not in without} | around
        command = [sys.executable, "-m", "tests.bench.child", task, server]
        answer = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
        result: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
        return result
