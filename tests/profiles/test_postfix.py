"""SMTP against Debian's Postfix, which asks Dovecot about passwords and delivers into Maildirs: the rules of all
outboxes."""

from __future__ import annotations

import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from profiles.connectors import mime, open_outbox
from profiles.connectors.base import Cause, ItemRejected, Outbox
from profiles.items import Access, Tls, Transport
from tests.profiles.certificates import make_certificate
from tests.profiles.conformance import OutboxRules
from tests.profiles.debian import free_ports, program, public_directory, refused_logins, running
from tests.profiles.samples import BOB, CAROL, nothing, to
from tests.profiles.stages import ALICE, PASSWORD, closed_port

pytestmark = pytest.mark.debian

DOVECOT = """
protocols = none
base_dir = {home}/dovecot
state_dir = {home}/dovecot-state
log_path = {home}/dovecot-log
ssl = no
auth_mechanisms = plain login
auth_verbose = yes
auth_failure_delay = 0
disable_plaintext_auth = no
passdb {{
  driver = passwd-file
  args = {home}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={home}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {home}/auth {{
    mode = 0666
  }}
}}
"""
MAIN = """
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = /dev/stdout
myhostname = mail.us.test
mydestination =
alias_maps =
local_header_rewrite_clients =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
message_size_limit = 30000000
virtual_mailbox_limit = 0
virtual_mailbox_domains = us.test, out.test
virtual_mailbox_base = {home}/mail
virtual_mailbox_maps = texthash:{home}/mailboxes
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_error_sleep_time = 0
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {home}/auth
smtpd_tls_security_level = may
smtpd_tls_cert_file = {home}/certificate.pem
smtpd_tls_key_file = {home}/key.pem
smtpd_recipient_restrictions = check_recipient_access texthash:{home}/refused, permit_sasl_authenticated, reject
"""
MASTER = """
127.0.0.1:{smtp} inet n - n - - smtpd
127.0.0.1:{smtps} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
virtual unix - n n - - virtual
error unix - - n - - error
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""
MAILBOXES = {BOB: "bob/", CAROL: "carol/", ALICE: "alice/"}
REFUSED = "permerror@out.test 550 5.1.1 No such mailbox\ntemperror@out.test 450 4.2.1 Mailbox busy\n"
NUMBERS = count(1)  # everybody logs in under a name of her own, so that logs can be told apart
QUEUES = ("maildrop", "incoming", "active", "deferred")


class PostfixStage:
    """Alice's way out, and the Maildirs of the others."""

    def __init__(self, home: Path, access: Access) -> None:
        self.home = home
        self.access = access

    def outbox(self, **changes: Any) -> Outbox:
        return open_outbox(replace(self.access, **changes))

    def elsewhere(self) -> Outbox:
        return self.outbox(port=closed_port())

    def arrived(self, address: str) -> list[bytes]:
        """What is in the Maildir once the queue is empty, with the line ends that mail has."""
        self._wait_for_the_queue()
        files = sorted((self.home / "mail" / MAILBOXES[address] / "new").glob("*"))
        return [file.read_bytes().replace(b"\n", b"\r\n") for file in files]

    def logins(self) -> int:
        return refused_logins(self.home / "dovecot-log", self.access.username)

    def _wait_for_the_queue(self) -> None:
        for _ in range(400):
            if not any(map(accepted, self._queue_files())):
                return
            time.sleep(0.025)
        pytest.fail("Postfix did not deliver.")

    def _queue_files(self) -> list[Path]:
        return [file for name in QUEUES for file in (self.home / "queue" / name).rglob("*")]


def accepted(queue_file: Path) -> bool:
    """Whether a queue file is a whole letter: Postfix then makes it executable."""
    try:
        mode = queue_file.stat().st_mode
    except FileNotFoundError:  # it has just moved to another queue, or was delivered: look again
        return True
    return stat.S_ISREG(mode) and bool(mode & stat.S_IXUSR)


def write_files(home: Path, smtp: int, smtps: int) -> None:
    """Everything that Postfix and Dovecot read."""
    (home / "etc").mkdir()
    (home / "queue").mkdir()
    for name, owner in (("data", "postfix"), ("mail", "nobody")):
        (home / name).mkdir()
        shutil.chown(home / name, owner)
    make_certificate(home, "127.0.0.1")
    (home / "etc" / "main.cf").write_text(MAIN.format(home=home))
    (home / "etc" / "master.cf").write_text(MASTER.format(smtp=smtp, smtps=smtps))
    (home / "dovecot.conf").write_text(DOVECOT.format(home=home))
    users = [f"alice{number}@us.test:{{PLAIN}}{PASSWORD}\n" for number in range(1, 1000)]
    (home / "users").write_text("".join(users))
    (home / "mailboxes").write_text("".join(f"{address} {place}\n" for address, place in MAILBOXES.items()))
    (home / "refused").write_text(REFUSED)


@pytest.fixture(scope="module")
def postfix() -> Iterator[dict[str, Any]]:
    """A running Postfix: its directory and its ports."""
    executable, dovecot = program("postfix"), program("dovecot")
    smtp, smtps = free_ports(2)
    with public_directory() as home:
        write_files(home, smtp, smtps)
        start = [executable, "-c", str(home / "etc")]
        with (
            running([dovecot, "-F", "-c", str(home / "dovecot.conf")], home / "dovecot-output"),
            running([*start, "start-fg"], home / "output", smtp, smtps),
        ):
            try:
                yield {"home": home, Tls.NONE: smtp, Tls.STARTTLS: smtp, Tls.IMPLICIT: smtps}
            finally:
                subprocess.run([*start, "stop"], check=False, capture_output=True)


@pytest.fixture(params=[Tls.NONE, Tls.STARTTLS, Tls.IMPLICIT], ids=lambda tls: tls.value)
def stage(postfix: dict[str, Any], request: pytest.FixtureRequest) -> PostfixStage:
    home: Path = postfix["home"]
    for place in MAILBOXES.values():
        shutil.rmtree(home / "mail" / place, ignore_errors=True)
    access = Access(
        Transport.SMTP,
        ALICE,
        host="127.0.0.1",
        port=postfix[request.param],
        tls=request.param,
        username=f"alice{next(NUMBERS)}@us.test",
        password=PASSWORD,
        timeout=20,
        ca_file=str(home / "certificate.pem"),
        allowed_local_hosts=frozenset({"127.0.0.1"}),
    )
    return PostfixStage(home, access)


class TestPostfix(OutboxRules):
    """In clear, with STARTTLS and with TLS from the start."""


def test_postfix_takes_many_letters_on_one_connection(stage: PostfixStage) -> None:
    outbox = stage.outbox()
    for number in range(20):
        outbox.send(to(BOB, number=number), nothing)
    outbox.close()
    assert len(stage.arrived(BOB)) == 20


def test_postfix_is_told_everything_at_once(stage: PostfixStage) -> None:
    """PIPELINING (RFC 2920): a hundred recipients and two that are refused, in one breath, and the next letter after it."""
    outbox = stage.outbox()
    receipt = outbox.send(to(*[BOB] * 120, CAROL, "permerror@out.test", "temperror@out.test"), nothing)
    assert {one.code for one in receipt.refused} == {550, 450}
    assert len(stage.arrived(BOB)) == len(stage.arrived(CAROL)) == 1
    with pytest.raises(ItemRejected) as refusal:
        outbox.send(to("permerror@out.test"), nothing)
    assert [(one.address, one.permanent) for one in refusal.value.refused] == [("permerror@out.test", True)]
    outbox.send(to(BOB, number=2), nothing)
    assert len(stage.arrived(BOB)) == 2


def test_a_letter_beyond_postfix_limit_is_rejected_before_it_leaves(stage: PostfixStage) -> None:
    outbox = stage.outbox()
    with pytest.raises(ItemRejected, match="30000000") as refusal:
        outbox.send(to(BOB, raw=b"Subject: x\r\n\r\n" + b"x" * 78 * 400_000), nothing)
    assert refusal.value.cause is Cause.SIZE
    outbox.send(to(BOB), nothing)
    assert len(stage.arrived(BOB)) == 1


def test_postfix_reports_the_delivery_that_was_asked_for(stage: PostfixStage) -> None:
    """RFC 3461 and 3464: the report comes back to Alice and names Bob and the message (7.9)."""
    letter = replace(to(BOB, sender=ALICE), wants_report=True)
    stage.outbox().send(letter, nothing)
    assert len(stage.arrived(BOB)) == 1
    [raw] = stage.arrived(ALICE)
    report = mime.report_of(raw, mime.envelope(raw))
    assert [(one.addresses, one.action) for one in report.recipients] == [((BOB,), "delivered")]
    assert report.message_ids == (letter.message_id,)


def test_postfix_takes_addresses_beyond_ascii(stage: PostfixStage) -> None:
    """It knows nobody of that name, but the reason is not the alphabet."""
    receipt = stage.outbox().send(to(BOB, "bürgerbüro@us.test", raw=b"Subject: x\r\n\r\nx\r\n"), nothing)
    assert [(one.address, one.code) for one in receipt.refused] == [("bürgerbüro@us.test", 550)]
