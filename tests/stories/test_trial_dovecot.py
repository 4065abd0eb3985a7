"""Test and enable against Debian's Dovecot with TLS: each thing that can be wrong has its own words (12.2)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from mailboxes.models import Approval, Mailbox, Trial
from profiles.models import EmailServerProfile, ServerType
from serversync.cycles import trial_steps as at
from tests.profiles.certificates import make_certificate
from tests.profiles.debian import free_ports, program, public_directory, refused_logins, running
from tests.profiles.test_dovecot import CONFIGURATION
from tests.trials import RECEIVED, change, failure, steps, try_out

pytestmark = [pytest.mark.debian, pytest.mark.django_db]
ALICE, PASSWORD = "alice@us.test", "a secret of Alice"


@dataclass(frozen=True)
class Dovecot:
    """A running server: its directory, the port of TLS from the start, and the one of STARTTLS."""

    home: Path
    pop3: int
    pop3s: int

    @property
    def authority(self) -> str:
        return str(self.home / "certificate.pem")


def started(*names: str) -> Iterator[Dovecot]:
    """A server whose certificate, its own authority, bears these names."""
    executable = program("dovecot")
    pop3, pop3s = free_ports(2)
    with public_directory() as home:
        make_certificate(home, *names)
        (home / "mail" / "alice").mkdir(parents=True)
        shutil.chown(home / "mail" / "alice", "nobody", "nogroup")
        (home / "log").touch()
        (home / "users").write_text(f"{ALICE}:{{PLAIN}}{PASSWORD}\n")
        (home / "dovecot.conf").write_text(CONFIGURATION.format(home=home, pop3=pop3, pop3s=pop3s))
        with running([executable, "-F", "-c", str(home / "dovecot.conf")], home / "output", pop3, pop3s):
            yield Dovecot(home, pop3, pop3s)


@pytest.fixture(scope="module")
def good() -> Iterator[Dovecot]:
    yield from started("127.0.0.1")


@pytest.fixture(scope="module")
def misnamed() -> Iterator[Dovecot]:
    yield from started("mail.elsewhere.test")


def alice_at(port: int, **columns: Any) -> Mailbox:
    """Alice's mailbox, which is read with TLS at this port."""
    profile = EmailServerProfile.objects.create(
        name="Dovecot",
        server_type=ServerType.OTHER_POP3_SMTP,
        incoming_server_location="127.0.0.1",
        incoming_port_number=port,
        timeout_mailbox_connection_after_amount=10_000,
        **columns,
    )
    alice = get_user_model().objects.create_user("alice", ALICE, first_name="Alice").mailbox
    change(
        alice,
        email_server_profile=profile,
        incoming_email_delivery_method=2,
        email_router_access_approval=Approval.APPROVED,
        allow_email_connector_to_use_credentials=True,
        password=PASSWORD,
    )
    return alice


def received(alice: Mailbox) -> Trial:
    return try_out(alice, RECEIVED)[RECEIVED]


def test_a_certificate_of_a_known_authority_passes(good: Dovecot, settings: Any) -> None:
    settings.MAIL_CA_FILE = good.authority
    passed = received(alice_at(good.pop3s))
    assert passed.succeeded, passed.steps
    told = {step["name"]: step["words"] for step in passed.steps}
    assert told[at.ENCRYPT] == "TLS from the start; the certificate is valid for 127.0.0.1."
    assert told[at.LOG_IN] == f"As {ALICE}."


def test_a_self_signed_certificate_is_named(good: Dovecot) -> None:
    failed = received(alice_at(good.pop3s))
    assert steps(failed)[-3:] == [(at.FIND, True), (at.CONNECT, True), (at.ENCRYPT, False)]
    told = failure(failed)
    assert "cannot be trusted: self-signed certificate" in told["words"]
    assert "add its authority" in told["remedy"]
    assert "send us the certificate of your own authority" in told["remedy"]


def test_a_certificate_for_another_name_is_named(misnamed: Dovecot, settings: Any) -> None:
    settings.MAIL_CA_FILE = misnamed.authority
    told = failure(received(alice_at(misnamed.pop3s)))
    assert told["name"] == at.ENCRYPT
    assert "IP address mismatch, certificate is not valid for '127.0.0.1'" in told["words"]
    assert "Use the name that the certificate bears" in told["remedy"]
    assert "a certificate that is valid for the name 127.0.0.1" in told["remedy"]


def test_tls_at_a_port_without_it_is_named(good: Dovecot, settings: Any) -> None:
    settings.MAIL_CA_FILE = good.authority
    told = failure(received(alice_at(good.pop3)))
    assert told["name"] == at.ENCRYPT
    assert "Check host, port and encryption" in told["remedy"]


def test_a_plain_connection_to_a_port_with_tls_is_named(good: Dovecot) -> None:
    told = failure(received(alice_at(good.pop3s, incoming_tls="none")))
    assert told["name"] == at.REACH
    assert "Check host, port and encryption" in told["remedy"]


def test_a_wrong_password_is_named_and_tried_once(good: Dovecot, settings: Any) -> None:
    settings.MAIL_CA_FILE = good.authority
    alice = alice_at(good.pop3s)
    change(alice, password="wrong horse")
    failed = received(alice)
    assert steps(failed)[-2:] == [(at.ENCRYPT, True), (at.LOG_IN, False)]
    assert "refused the user name or the password" in failure(failed)["words"]
    assert "Authentication failed" in failure(failed)["words"]
    assert "-PopEnabled $true" in failure(failed)["remedy"]
    assert refused_logins(good.home / "log", ALICE) == 1
