"""Real servers from Debian packages, each started from files in a directory of its own, on loopback only."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def program(name: str) -> str:
    """The path of an installed program, if we may start it. Otherwise the test is skipped, or fails in CI."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found and os.geteuid() == 0:
        return found
    reason = f"{name} is not installed" if not found else f"{name} can only be started by root"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def public_directory() -> Iterator[Path]:
    """A directory that a server's unprivileged processes can enter."""
    directory = Path(tempfile.mkdtemp(prefix="mail-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def running(command: list[str], output: Path, *ports: int) -> Iterator[None]:
    """A server that writes to the file `output`, once it listens on all its ports; it is stopped afterwards."""
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
    try:
        for port in ports:
            _wait_for(process, output, port)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(process: subprocess.Popen[bytes], output: Path, port: int) -> None:
    for _ in range(200):
        if process.poll() is not None:
            pytest.fail(f"The server ended at once: {output.read_text(errors='replace')}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"The server does not listen on port {port}.")


def refused_logins(dovecot_log: Path, user: str) -> int:
    """How often Dovecot (with auth_verbose) refused a password of `user`; its log may come a little late."""
    refusal = re.compile(rf"\({re.escape(user)},[^)]*\): Password mismatch")
    for _ in range(100):
        if found := refusal.findall(dovecot_log.read_text(errors="replace")):
            return len(found)
        time.sleep(0.05)
    return 0


def free_ports(count: int) -> list[int]:
    """Ports on which nobody listens, all different."""
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(server.getsockname()[1]) for server in servers]
    for server in servers:
        server.close()
    return ports
