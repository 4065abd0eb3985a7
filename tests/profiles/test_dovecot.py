"""POP3 against Debian's Dovecot 2.3, over a Maildir: the rules of all mail sources, read state included."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from profiles.connectors import open_source
from profiles.connectors.base import MailSource
from profiles.connectors.pop3.client import Pop3Session
from profiles.items import Access, Tls, Transport, no_progress
from tests.profiles.certificates import make_certificate
from tests.profiles.conformance import MailSourceRules
from tests.profiles.debian import free_ports, program, public_directory, refused_logins, running
from tests.profiles.samples import everything, note, only_page
from tests.profiles.stages import ALICE, PASSWORD, closed_port

pytestmark = pytest.mark.debian

CONFIGURATION = """
protocols = pop3
listen = 127.0.0.1
base_dir = {home}/base
state_dir = {home}/state
log_path = {home}/log
auth_verbose = yes
auth_failure_delay = 0
ssl = yes
ssl_cert = <{home}/certificate.pem
ssl_key = <{home}/key.pem
disable_plaintext_auth = no
mail_location = maildir:{home}/mail/%n
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = {home}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={home}/mail/%n
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
  }}
}}
"""


NUMBERS = count(1)


class DovecotStage:
    """Alice's Maildir. Its file names tell the read state: the flag S after ":2," means read."""

    exact = True

    def __init__(self, home: Path, access: Access) -> None:
        self.access = access
        self._log = home / "log"
        self._maildir = home / "mail" / access.username.partition("@")[0]
        self._delivered = 0
        for folder in (self._maildir, *(self._maildir / name for name in ("new", "cur", "tmp"))):
            folder.mkdir()
            shutil.chown(folder, "nobody", "nogroup")

    def source(self, **changes: Any) -> MailSource:
        return open_source(replace(self.access, **changes))

    def elsewhere(self) -> MailSource:
        return self.source(port=closed_port())

    def deliver(self, raw: bytes) -> None:
        self._delivered += 1
        file = self._maildir / "new" / f"{1_700_000_000 + self._delivered}.M1P1.test"
        file.write_bytes(raw)
        shutil.chown(file, "nobody", "nogroup")

    def remove(self, position: int) -> None:
        self._files()[position].unlink()

    def snapshot(self) -> object:
        """Name, flags and content of each message; that a look moves it from new to cur is Maildir's own business."""
        return [(*self._name(file), file.read_bytes()) for file in self._files()]

    def logins(self) -> int:
        return refused_logins(self._log, self.access.username)

    def _files(self) -> list[Path]:
        found = [file for folder in ("new", "cur") for file in (self._maildir / folder).iterdir()]
        return sorted(found, key=self._name)

    @staticmethod
    def _name(file: Path) -> tuple[str, str]:
        name, _, flags = file.name.partition(":2,")
        return name, flags


@pytest.fixture(scope="module")
def dovecot() -> Iterator[dict[str, Any]]:
    """A running Dovecot: its directory and its ports."""
    executable = program("dovecot")
    pop3, pop3s = free_ports(2)
    with public_directory() as home:
        make_certificate(home, "127.0.0.1")
        (home / "mail").mkdir()
        (home / "log").touch()
        users = [f"alice{number}@us.test:{{PLAIN}}{PASSWORD}\n" for number in range(1, 1000)]
        (home / "users").write_text("".join(users))
        (home / "dovecot.conf").write_text(CONFIGURATION.format(home=home, pop3=pop3, pop3s=pop3s))
        with running([executable, "-F", "-c", str(home / "dovecot.conf")], home / "output", pop3, pop3s):
            yield {"home": home, Tls.NONE: pop3, Tls.STARTTLS: pop3, Tls.IMPLICIT: pop3s}


@pytest.fixture(params=[Tls.NONE, Tls.STARTTLS, Tls.IMPLICIT], ids=lambda tls: tls.value)
def stage(dovecot: dict[str, Any], request: pytest.FixtureRequest) -> DovecotStage:
    home: Path = dovecot["home"]
    # Everybody has a maildrop of her own, because Dovecot may still be busy with the one of the test before.
    user = f"alice{next(NUMBERS)}@us.test"
    access = Access(
        Transport.POP3,
        ALICE,
        host="127.0.0.1",
        port=dovecot[request.param],
        tls=request.param,
        username=user,
        password=PASSWORD,
        timeout=20,
        ca_file=str(home / "certificate.pem"),
        allowed_local_hosts=frozenset({"127.0.0.1"}),
    )
    return DovecotStage(home, access)


class TestDovecot(MailSourceRules):
    """In clear, with STLS and with TLS from the start."""


def test_dovecot_takes_requests_sent_ahead(stage: DovecotStage) -> None:
    session = Pop3Session(stage.access, no_progress)
    assert session.pipelining
    assert session.tops
    session.close()


def test_a_corpus_comes_whole_and_unread(stage: DovecotStage) -> None:
    for number in range(350):
        stage.deliver(note(number))
    source = stage.source()
    assert everything(source) == [note(number) for number in range(350)]
    source.close()
    assert {flags for _, flags, _ in stage.snapshot()} == {""}  # type: ignore[attr-defined]


def test_unique_ids_survive_the_deletion_of_others(stage: DovecotStage) -> None:
    for number in range(4):
        stage.deliver(note(number))
    source = stage.source()
    keys = [item.key for item in only_page(source).shown]
    source.delete(keys[:2])
    assert [item.key for item in only_page(source).shown] == keys[2:]
