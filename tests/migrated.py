"""A SQLite database with every migration applied, kept in var/ for as long as the migrations stay what they are.

Applying them takes longer than most tests do, so each test process, and each worker that a test starts, begins with a copy.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from tests.world import ROOT

FOLDER = ROOT / "var" / "migrated"
FLOORS = ("profiles", "mailboxes", "tracking")
A_DAY = 86_400  # seconds


def database() -> Path:
    """The file, made if it is not there; of several processes one makes it, and the others wait."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{_state()}.sqlite3"
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _make(path)
    return path


def fill(connection: sqlite3.Connection) -> None:
    """Copy it into a database that holds nothing yet; others are left alone."""
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
        with closing(sqlite3.connect(database())) as source:
            source.backup(connection)


def copy_to(path: Path) -> None:
    """A new file for a worker of its own."""
    shutil.copyfile(database(), path)


def _state() -> str:
    """Changes with the migrations, with the models (whose permissions `migrate` writes as well) and with Django."""
    files = [ROOT / "requirements.txt"]
    files += [path for floor in FLOORS for path in (ROOT / floor).rglob("*.py") if _counts(path)]
    found = sha256()
    for path in sorted(files):
        found.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def _counts(path: Path) -> bool:
    return path.name in ("models.py", "apps.py") or path.parent.name in ("migrations", "models")


def _make(path: Path) -> None:
    making = path.with_suffix(".making")
    making.unlink(missing_ok=True)
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "serversync.settings",
        "DATABASE_URL": f"sqlite:///{making}",
        "SERVERSYNC_ENV_FILE": str(FOLDER / "none.env"),
        "SECRET_KEY": "a key for tests only",
        "VAR_DIR": str(FOLDER / "var"),
    }
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    with closing(sqlite3.connect(making)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")  # all of it in one file
    for old in FOLDER.glob("*.sqlite3"):
        if old.stat().st_mtime < time.time() - A_DAY:
            old.unlink()
    making.rename(path)
