"""Counting what a process does to database, disk and network, from outside the product, and ending it after a step.

A step is one database statement, one commit or rollback, one change of the disk, one write to the network, or one
answer from it. An answer is one step in however many pieces it arrives, because that differs from run to run and no
piece changes the world.
"""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

COMMIT = "database: COMMIT"
ANSWER = "network: answer"
OPERATION = re.compile(rb"<(?:\w+:)?Body[^>]*>\s*<(?:\w+:)?(\w+)")


class Steps:
    """The names of the steps so far. After step number `stop_after` (from 1; 0 = never) the process kills itself."""

    def __init__(self, stop_after: int = 0) -> None:
        self.names: list[str] = []
        self._stop_after = stop_after

    def done(self, name: str) -> None:
        """A step has just been made."""
        if name == ANSWER and self.names and self.names[-1] == ANSWER:
            return
        self.names.append(name)
        if len(self.names) == self._stop_after:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Count everything this process does from here on; call it once, and not in a process that tests go on in."""
        self._watch_database()
        self._watch_disk()
        self._watch_network()

    def stop(self) -> list[str]:
        """Count no more; returns the names of the steps."""
        names, self.names, self._stop_after = self.names, [], 0
        return names

    def _watch_database(self) -> None:
        def execute(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
            result = run(sql, params, many, context)
            self.done(f"database: {sql[:60]}")
            return result

        connection.execute_wrappers.append(execute)
        self._wrap(BaseDatabaseWrapper, "_commit", lambda *_: COMMIT)
        self._wrap(BaseDatabaseWrapper, "_rollback", lambda *_: "database: ROLLBACK")

    def _watch_disk(self) -> None:
        for name in ("fsync", "replace", "mkdir", "unlink"):
            self._wrap(os, name, lambda *_, name=name: f"disk: {name}")
        self._wrap(os, "open", lambda path, flags, *_: "disk: create" if flags & os.O_CREAT else "")

    def _watch_network(self) -> None:
        for name in ("send", "sendall"):
            self._wrap(socket.socket, name, lambda _, data, *__: f"network: {_words(bytes(data))}")
        for name in ("recv", "recv_into"):
            self._wrap(socket.socket, name, lambda *_: ANSWER)
        self._wrap(socket.socket, "connect", lambda *_: "network: connect")

    def _wrap(self, owner: Any, attribute: str, name_of: Callable[..., str]) -> None:
        """Let a function count as a step after it has done its work; an empty name counts for nothing."""
        original = getattr(owner, attribute)

        def counted(*arguments: Any, **more: Any) -> Any:
            result = original(*arguments, **more)
            if name := name_of(*arguments):
                self.done(name)
            return result

        setattr(owner, attribute, counted)


def _words(data: bytes) -> str:
    """What is sent: the operation of a SOAP request, else how it begins."""
    operation = OPERATION.search(data)
    return operation[1].decode() if operation else repr(data[:30])
