"""The connection test, step by step: against the sandbox in clear, and against a real Dovecot with TLS (2.14)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from profiles import probing
from profiles.connectors.base import Cause
from profiles.connectors.probe import Step, probe
from profiles.encryption import TLS_WORDS
from profiles.items import Access, Tls, Transport
from profiles.probing import CannotTry, TestResult, as_trace, from_trace, try_out, verdict
from tests.profiles.certificates import make_certificate
from tests.profiles.debian import free_ports, program, public_directory, refused_logins, running
from tests.profiles.stages import ALICE, PASSWORD, closed_port
from tests.profiles.test_dovecot import CONFIGURATION
from tests.world import SandboxProcess

WAY = ["Find the host", "Allowed host", "Connect"]


def access_to(sandbox: SandboxProcess, transport: Transport) -> Access:
    sandbox.account(ALICE, PASSWORD)
    ports = {Transport.POP3: sandbox.pop3_port, Transport.SMTP: sandbox.smtp_port, Transport.EWS: 0}
    return Access(
        transport,
        ALICE,
        host="" if transport is Transport.EWS else "127.0.0.1",
        port=ports[transport],
        url=sandbox.ews_url if transport is Transport.EWS else "",
        tls=Tls.NONE,
        username=ALICE,
        password=PASSWORD,
        timeout=3,
        allowed_local_hosts=frozenset({"127.0.0.1"}),
    )


def names(steps: tuple[Step, ...]) -> list[str]:
    return [step.name for step in steps]


def last(steps: tuple[Step, ...]) -> Step:
    """The step that failed: all before it went well."""
    assert all(step.ok for step in steps[:-1])
    assert not steps[-1].ok
    assert steps[-1].words
    assert steps[-1].remedy
    return steps[-1]


ALL_STEPS = {
    Transport.POP3: [*WAY, "Greeting", "Abilities", "Sign in", "Open the inbox"],
    Transport.SMTP: [*WAY, "Greeting", "Abilities", "Sign in", "Ready to send"],
    Transport.EWS: [*WAY, "Sign in", "Open the inbox", "Open Drafts"],
}
TRANSPORTS = pytest.mark.parametrize("transport", list(ALL_STEPS), ids=lambda one: one.value)


@TRANSPORTS
def test_everything_that_was_tried_is_told_and_nothing_is_sent(sandbox: SandboxProcess, transport: Transport) -> None:
    steps = probe(access_to(sandbox, transport))
    assert names(steps) == ALL_STEPS[transport]
    assert all(step.ok and step.words for step in steps)
    assert sandbox.inbox(ALICE) == []
    assert PASSWORD not in repr(steps)


@TRANSPORTS
def test_a_wrong_password_is_tried_once(sandbox: SandboxProcess, transport: Transport) -> None:
    access = replace(access_to(sandbox, transport), password="not the password")
    sandbox.clear_log()
    failed = last(probe(access))
    assert failed.name == "Sign in"
    assert "not the password" not in repr(failed)
    login = {Transport.POP3: "PASS", Transport.SMTP: "AUTH", Transport.EWS: "Unauthorized"}[transport]
    assert sandbox.log()["counters"][transport.value][login] == 1


@TRANSPORTS
def test_a_closed_port_is_named(sandbox: SandboxProcess, transport: Transport) -> None:
    port = closed_port()
    access = replace(access_to(sandbox, transport), port=port, url=f"http://127.0.0.1:{port}/EWS/Exchange.asmx")
    failed = last(probe(access))
    assert failed.name == "Connect"
    assert str(port) in failed.words


@TRANSPORTS
def test_a_local_host_that_is_not_listed_is_never_connected_to(sandbox: SandboxProcess, transport: Transport) -> None:
    access = replace(access_to(sandbox, transport), allowed_local_hosts=frozenset())
    sandbox.clear_log()
    failed = last(probe(access))
    assert failed.name == "Allowed host"
    assert "ALLOWED_LOCAL_HOSTS" in failed.remedy
    assert sandbox.log()["requests"] == []


@TRANSPORTS
def test_a_host_without_an_address_is_named(sandbox: SandboxProcess, transport: Transport) -> None:
    nowhere = replace(access_to(sandbox, transport), host="mail.invalid", url="https://mail.invalid/EWS/Exchange.asmx")
    failed = last(probe(nowhere))
    assert failed.name == "Find the host"
    assert "mail.invalid" in failed.words


def test_what_is_no_address_of_exchange_is_told_before_anything_is_tried(sandbox: SandboxProcess) -> None:
    for url in ("", "mail.us.test", "https://", "https://mail.us.test:port/"):
        assert last(probe(replace(access_to(sandbox, Transport.EWS), url=url))).name == "Find the host"


def test_a_server_without_unique_ids_cannot_be_used(sandbox: SandboxProcess) -> None:
    sandbox.fault(face="pop3", operation="UIDL", effect="pop3", text="unknown command")
    sandbox.fault(face="pop3", operation="CAPA", effect="pop3", text="unknown command")
    steps = probe(access_to(sandbox, Transport.POP3))
    failed = last(steps)
    assert failed.name == "Open the inbox"
    assert "UIDL" in failed.words
    [abilities] = [step for step in steps if step.name == "Abilities"]
    assert abilities.warning


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
@pytest.mark.parametrize("transport", [Transport.POP3, Transport.SMTP])
def test_a_port_that_does_not_speak_tls(sandbox: SandboxProcess, transport: Transport, tls: Tls) -> None:
    failed = last(probe(replace(access_to(sandbox, transport), tls=tls)))
    assert failed.name == "Encrypt"
    assert failed.words.startswith(f"Tried with {dict(TLS_WORDS)[tls.value]}: ")
    assert "answers to unencrypted connections only." in failed.words
    assert failed.cause == Cause.TLS_MODE


def test_the_port_of_another_protocol(sandbox: SandboxProcess) -> None:
    failed = last(probe(replace(access_to(sandbox, Transport.POP3), port=sandbox.smtp_port)))
    assert failed.name == "Greeting"
    assert "Tried without encryption: " in failed.words
    assert "speaks SMTP, not POP3" in failed.words
    assert failed.cause == Cause.PORT


def test_without_credentials_the_way_is_tried_and_nobody_signs_in(sandbox: SandboxProcess) -> None:
    steps = probe(replace(access_to(sandbox, Transport.POP3), username="", password=""))
    assert steps[-1].name == "Sign in"
    assert steps[-1].warning
    assert "Choose a mailbox" in steps[-1].remedy


# What is made of the steps


def test_one_failed_step_fails_the_test_and_a_warning_warns() -> None:
    good, warning, bad = Step("a", True), Step("b", True, warning=True), Step("c", False)
    verdicts = [verdict([probing.Tried("Incoming", steps)]) for steps in ((good,), (good, warning), (warning, bad))]
    assert verdicts == [TestResult.SUCCESS, TestResult.WARNING, TestResult.FAILURE]
    assert [int(one) for one in verdicts] == [1, 2, 0]  # 2.14


def test_a_kept_test_is_read_as_it_was(sandbox: SandboxProcess) -> None:
    tried = try_out({"Incoming": lambda: access_to(sandbox, Transport.POP3), "Outgoing": incomplete})
    assert tried[1].steps == (Step("Read the settings", False, "Enter the server."),)
    assert from_trace(as_trace(tried)) == tried


def incomplete() -> Access:
    raise CannotTry("Enter the server.")


def test_two_directions_of_one_exchange_server_are_asked_once(sandbox: SandboxProcess) -> None:
    access = access_to(sandbox, Transport.EWS)
    sandbox.clear_log()
    tried = try_out({"Incoming": lambda: access, "Outgoing": lambda: access})
    assert tried[0].steps == tried[1].steps
    assert sandbox.log()["counters"]["ews"]["SyncFolderItems"] == 2  # Inbox and Drafts


# A real server with TLS


@contextmanager
def dovecot(*names: str, age: timedelta = timedelta(hours=1)) -> Iterator[tuple[Path, dict[Tls, int]]]:
    """A Dovecot whose certificate bears these names and was made `age` ago, for a day."""
    executable = program("dovecot")
    pop3, pop3s = free_ports(2)
    with public_directory() as home:
        make_certificate(home, *names, age=age)
        (home / "mail").mkdir(mode=0o777)
        (home / "mail").chmod(0o777)
        (home / "users").write_text(f"{ALICE}:{{PLAIN}}{PASSWORD}\n")
        (home / "conf").write_text(CONFIGURATION.format(home=home, pop3=pop3, pop3s=pop3s))
        with running([executable, "-F", "-c", str(home / "conf")], home / "output", pop3, pop3s):
            yield home, {Tls.STARTTLS: pop3, Tls.IMPLICIT: pop3s}


def secure(home: Path, port: int, tls: Tls, trusted: bool = True) -> Access:
    return Access(
        Transport.POP3,
        ALICE,
        host="127.0.0.1",
        port=port,
        tls=tls,
        username=ALICE,
        password=PASSWORD,
        timeout=10,
        ca_file=str(home / "certificate.pem") if trusted else "",
        allowed_local_hosts=frozenset({"127.0.0.1"}),
    )


@pytest.mark.debian
def test_dovecot_shows_its_certificate_and_a_wrong_password_is_refused_once() -> None:
    with dovecot("127.0.0.1", "mail.us.test") as (home, ports):
        for tls, port in ports.items():
            steps = probe(secure(home, port, tls), now=datetime.now(UTC) - timedelta(days=30))
            assert all(step.ok and not step.warning for step in steps), steps
            [encrypt] = [step for step in steps if step.name == "Encrypt"]
            assert "TLSv1.3, certificate of 127.0.0.1 for mail.us.test, 127.0.0.1" in encrypt.words

            failed = last(probe(secure(home, port, tls, trusted=False)))
            assert (failed.name, failed.cause) == ("Encrypt", Cause.TLS_CERTIFICATE)
            assert "self-signed" in failed.words
            assert "certificate of 127.0.0.1" in failed.words
            assert "MAIL_CA_FILE" in failed.remedy

        for port_of, tried, name, mode in (
            (Tls.IMPLICIT, Tls.STARTTLS, "Greeting", "TLS from the start"),
            (Tls.IMPLICIT, Tls.NONE, "Greeting", "TLS from the start"),
            (Tls.STARTTLS, Tls.IMPLICIT, "Encrypt", "STARTTLS"),
        ):
            failed = last(probe(replace(secure(home, ports[port_of], tried), timeout=1)))
            assert (failed.name, failed.cause) == (name, Cause.TLS_MODE)
            assert f"Port {ports[port_of]} answers to {mode}." in failed.words
            assert failed.remedy == f"Choose “{mode}” as the encryption of this direction."

        soon = probe(secure(home, ports[Tls.IMPLICIT], Tls.IMPLICIT))
        assert [step.name for step in soon if step.warning] == ["Encrypt"]
        assert "two weeks" in soon[3].remedy

        wrong = last(probe(replace(secure(home, ports[Tls.IMPLICIT], Tls.IMPLICIT), password="wrong one")))
        assert wrong.name == "Sign in"
        assert refused_logins(home / "log", ALICE) == 1


FAULTY = [
    (("mail.us.test",), timedelta(hours=1), "IP address mismatch", "a name that the certificate bears (mail.us.test)"),
    (("127.0.0.1",), timedelta(days=2), "certificate has expired", "Renew the certificate"),
]


@pytest.mark.debian
@pytest.mark.parametrize(("borne", "age", "words", "remedy"), FAULTY, ids=["wrong name", "expired"])
def test_a_faulty_certificate_is_told_with_what_helps(borne, age: timedelta, words: str, remedy: str) -> None:
    with dovecot(*borne, age=age) as (home, ports):
        for tls, port in ports.items():
            failed = last(probe(secure(home, port, tls)))
            assert failed.name == "Encrypt"
            assert words in failed.words
            assert "valid until" in failed.words
            assert remedy in failed.remedy
