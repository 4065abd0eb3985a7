"""The servers the figures are measured against: the sandbox, and Debian's Dovecot where it is installed.

They are processes of their own, so their CPU is never counted.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from profiles.items import Access, Tls, Transport
from tests.bench.corpus import OWNER
from tests.profiles.certificates import make_certificate
from tests.profiles.debian import free_ports, public_directory, running
from tests.profiles.test_dovecot import CONFIGURATION, DovecotStage
from tests.world import SandboxProcess

PASSWORD = "secret"
"""The one that `tests.company` gives to its mailboxes."""


@dataclass(frozen=True, slots=True)
class Server:
    """One way to the corpus: its name in the table, its protocol, its ports, and what puts it back between two runs."""

    name: str
    protocol: str  # "pop3" or "ews"
    ports: dict[str, int]
    restore: Callable[[], None] = lambda: None


class DistantSandbox(SandboxProcess):
    """A sandbox that another process has started and will end."""

    def __init__(self, ports: dict[str, int]) -> None:
        self.ports = ports

    def account(
        self, address: str, password: str = "secret", impersonate: bool = False, switches: tuple[str, ...] = ()
    ) -> None:
        """Dovecot has its accounts from the start, and no control endpoint."""
        if "control" in self.ports:
            super().account(address, password, impersonate, switches)


@contextmanager
def sandbox_with(messages: Iterable[bytes]) -> Iterator[SandboxProcess]:
    """A sandbox that holds the messages in the inbox of OWNER."""
    with SandboxProcess() as sandbox:
        sandbox.account(OWNER, PASSWORD)
        for raw in messages:
            sandbox.deliver(OWNER, raw)
        yield sandbox


def sandbox_servers(sandbox: SandboxProcess) -> list[Server]:
    """Both faces of a sandbox."""

    def uncategorize() -> None:
        for item in sandbox.items(OWNER):
            if item["categories"]:
                sandbox.update(OWNER, item["id"], categories=[])

    return [
        Server("POP3, sandbox", "pop3", sandbox.ports),
        Server("EWS, sandbox", "ews", sandbox.ports, uncategorize),
    ]


@contextmanager
def dovecot_with(messages: Iterable[bytes]) -> Iterator[Server | None]:
    """A Dovecot that holds the messages in a Maildir; None where there is none or it cannot be started."""
    executable = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if executable is None or os.geteuid() != 0:
        yield None
        return
    pop3, pop3s = free_ports(2)
    with public_directory() as home:
        _furnish(home, pop3, pop3s)
        stage = DovecotStage(home, Access(Transport.POP3, OWNER, username=OWNER, tls=Tls.NONE))
        for raw in messages:
            stage.deliver(raw)
        with running([executable, "-F", "-c", str(home / "dovecot.conf")], home / "output", pop3, pop3s):
            yield Server("POP3, Dovecot", "pop3", {"pop3": pop3, "smtp": 1})


def _furnish(home: Path, pop3: int, pop3s: int) -> None:
    make_certificate(home, "127.0.0.1")
    (home / "mail").mkdir()
    (home / "log").touch()
    (home / "users").write_text(f"{OWNER}:{{PLAIN}}{PASSWORD}\n")
    (home / "dovecot.conf").write_text(CONFIGURATION.format(home=home, pop3=pop3, pop3s=pop3s))
