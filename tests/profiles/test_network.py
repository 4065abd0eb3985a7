"""Who may be reached, how it is encrypted, and which words are repeated (laws 8 and 10)."""

from __future__ import annotations

import socket
import ssl
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.connectors.base import Cause, MailboxUnavailable, Transient
from profiles.connectors.network import Connection, is_local
from profiles.connectors.words import LONGEST, asks_to_wait, plain_response, said, told_delay
from profiles.items import Access, Tls, Transport, no_progress
from tests.profiles.certificates import make_certificate
from tests.profiles.scripted import Line, ScriptedServer
from tests.profiles.stages import ALICE, HASTY, closed_port

LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


def access(**changes: Any) -> Access:
    """Alice's way to a server on this machine."""
    usual: dict[str, Any] = {"host": "127.0.0.1", "tls": Tls.NONE, "timeout": 5, "allowed_local_hosts": LOCAL}
    return Access(Transport.POP3, ALICE, **{**usual, **changes})


def connect(**changes: Any) -> Connection:
    return Connection(access(**changes), 110, no_progress)


def greet(line: Line) -> None:
    line.say(b"hello")
    line.hear()


# The host guard


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.8.8", "localhost", "0.0.0.0", "169.254.169.254", "224.0.0.1", "127.1", "2130706433"]
)
def test_local_hosts_are_refused_with_the_name_of_the_setting(host: str) -> None:
    with pytest.raises(MailboxUnavailable) as refusal:
        connect(host=host, port=closed_port(), allowed_local_hosts=frozenset())
    assert refusal.value.cause is Cause.LOCAL_HOST
    assert "ALLOWED_LOCAL_HOSTS" in refusal.value.remedy
    assert host in refusal.value.remedy


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", False),
        ("2002:7f00:1::", True),
        ("fe80::1%eth0", True),
        ("ff02::1", True),
        ("10.0.0.1", False),
        ("192.168.1.1", False),
        ("8.8.8.8", False),
        ("2001:4860:4860::8888", False),
    ],
)
def test_which_addresses_are_local(address: str, local: bool) -> None:
    assert is_local(address) is local


def test_only_the_host_as_it_was_allowed_is_allowed() -> None:
    with ScriptedServer(greet) as server:
        assert connect(port=server.port, allowed_local_hosts=frozenset({"127.0.0.1"})).line() == b"hello"
        with pytest.raises(MailboxUnavailable):
            connect(port=server.port, allowed_local_hosts=frozenset({"127.0.0.2", "localhost"}))
        assert server.connections == 1


def test_case_does_not_matter_in_host_names() -> None:
    with ScriptedServer(greet) as server:
        assert connect(host="LocalHost", port=server.port).line() == b"hello"


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that answers differently the second time leads nowhere else."""
    answers = [[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 110))]]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers.pop(0))
    with pytest.raises(Transient, match="could not be reached"):
        connect(host="rebinding.test", port=110, timeout=HASTY, allowed_local_hosts=frozenset())
    assert answers == []


def test_one_local_address_among_others_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = ["192.0.2.1", "127.0.0.1"]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 110)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(MailboxUnavailable):
        connect(host="mixed.test", allowed_local_hosts=frozenset())


def test_a_host_that_does_not_exist_is_transient() -> None:
    with pytest.raises(Transient, match="host not found") as failure:
        connect(host="no-such-host.invalid")
    assert failure.value.cause is Cause.DNS


@pytest.mark.parametrize("host", ["", "a..b", "x" * 80 + ".test"])
def test_what_is_no_host_name_needs_a_person(host: str) -> None:
    with pytest.raises(MailboxUnavailable) as refusal:
        connect(host=host)
    assert refusal.value.remedy
    assert refusal.value.cause is Cause.SETTINGS


def test_a_closed_port_is_transient() -> None:
    with pytest.raises(Transient, match="refused") as failure:
        connect(port=closed_port())
    assert failure.value.cause is Cause.REFUSED_CONNECTION


def test_a_port_that_answers_to_no_attempt_is_told_apart_from_a_closed_one() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(8)]
        for link in waiting:
            link.setblocking(False)
            link.connect_ex(full.getsockname())  # fills the queue of connections that nobody accepts
        with pytest.raises(Transient, match="within") as failure:
            connect(port=full.getsockname()[1], timeout=HASTY)
        for link in waiting:
            link.close()
    assert failure.value.cause is Cause.UNREACHABLE


def test_a_resolver_that_hangs_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    end = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: end.wait(30) and [])
    with pytest.raises(Transient, match="host not found"):
        connect(timeout=HASTY)
    end.set()


# Encryption


def encrypted_greeting(context: ssl.SSLContext) -> Any:
    """A script that speaks TLS from the start."""

    def play(line: Line) -> None:
        with context.wrap_socket(line.link, server_side=True) as secure:
            secure.sendall(b"hello\r\n")
            secure.recv(1)

    return play


def test_a_trusted_certificate_is_accepted(tmp_path: Path) -> None:
    files = make_certificate(tmp_path, "127.0.0.1")
    with ScriptedServer(encrypted_greeting(files.server_context())) as server:
        connection = connect(port=server.port, tls=Tls.IMPLICIT, ca_file=str(files.certificate))
        assert connection.line() == b"hello"
        connection.close()


@pytest.mark.parametrize(
    ("names", "age", "trusted"),
    [
        (["127.0.0.1"], timedelta(hours=1), False),
        (["other.test"], timedelta(hours=1), True),
        (["127.0.0.1"], timedelta(days=3), True),
        (["127.0.0.1"], timedelta(days=-3), True),
    ],
    ids=["self-signed", "another name", "expired", "not yet valid"],
)
def test_a_certificate_that_cannot_be_trusted_needs_a_person(
    tmp_path: Path, names: list[str], age: timedelta, trusted: bool
) -> None:
    files = make_certificate(tmp_path, *names, age=age)
    with ScriptedServer(encrypted_greeting(files.server_context())) as server:
        with pytest.raises(MailboxUnavailable, match="certificate") as refusal:
            connect(port=server.port, tls=Tls.IMPLICIT, ca_file=str(files.certificate) if trusted else "")
    assert refusal.value.remedy
    assert refusal.value.cause is (Cause.TLS_NAME if names == ["other.test"] else Cause.TLS_CERTIFICATE)


def test_a_server_that_speaks_in_clear_on_an_encrypted_port_needs_a_person() -> None:
    with ScriptedServer(greet) as server:
        with pytest.raises(MailboxUnavailable, match="No secure connection") as refusal:
            connect(port=server.port, tls=Tls.IMPLICIT)
    assert refusal.value.cause is Cause.TLS_MODE


@pytest.mark.parametrize(("hang", "cause"), [(True, Cause.TIMEOUT), (False, Cause.BROKEN_LINE)])
def test_a_server_that_says_nothing_or_leaves_is_told_apart(hang: bool, cause: Cause) -> None:
    with ScriptedServer(Line.hear if hang else lambda line: None) as server:
        with pytest.raises(Transient) as failure:
            connect(port=server.port, timeout=HASTY).line()
    assert failure.value.cause is cause


@pytest.mark.parametrize("hang", [True, False])
def test_a_server_that_leaves_or_hangs_when_encryption_begins_is_transient(hang: bool) -> None:
    def play(line: Line) -> None:
        line.link.recv(5)
        if hang:
            line.hear()

    with ScriptedServer(play) as server:
        with pytest.raises(Transient) as failure:
            connect(port=server.port, tls=Tls.IMPLICIT, timeout=HASTY)
    assert failure.value.cause is Cause.TLS_MODE


# Lines


def test_a_line_without_an_end_is_transient() -> None:
    def play(line: Line) -> None:
        line.link.sendall(b"x" * 1_000_000)
        line.hear()

    with ScriptedServer(play) as server:
        with pytest.raises(Transient, match="without an end"):
            connect(port=server.port).line()


# Words

SECRETS = st.text(min_size=1, max_size=40)


@given(password=SECRETS, before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_words_repeat_the_password(password: str, before: str, after: str) -> None:
    alice = access(username=ALICE, password=password)
    for secret in (password, b64encode(password.encode()).decode(), plain_response(alice)):
        if secret.strip() == secret and secret.isprintable() and "  " not in secret and "•" not in secret:
            assert secret not in said(f"{before}{secret}{after}".encode(), alice)


@given(length=st.integers(6, 30))
def test_no_words_repeat_a_telling_part_of_the_password(length: int) -> None:
    password = "correct horse battery staple 1"
    assert password[:6] not in said(b"bad command PASS " + password[:length].encode(), access(password=password))


@given(words=st.binary(max_size=2000))
def test_words_are_one_short_printable_line(words: bytes) -> None:
    text = said(words, access())
    assert len(text) <= LONGEST
    assert text.isprintable()


@pytest.mark.parametrize(
    ("words", "waiting"),
    [
        ("4.7.0 Too many messages", True),
        ("Rate limit exceeded", True),
        ("your ratelimit is reached", True),
        ("Throttling in effect", True),
        ("Greylisted, please try again later", True),
        ("Try again in 30 seconds", True),
        ("slow down", True),
        ("mailbox is full", False),
        ("This corporate account generates an accurate answer", False),
        ("", False),
    ],
)
def test_which_words_ask_to_wait(words: str, waiting: bool) -> None:
    assert asks_to_wait(words) is waiting


@pytest.mark.parametrize(
    ("words", "delay"),
    [
        ("Try again in 30 seconds", timedelta(seconds=30)),
        ("retry after 5 minutes", timedelta(minutes=5)),
        ("wait 2 h", timedelta(hours=2)),
        ("Greylisted for 300 secs", timedelta(seconds=300)),
        ("blocked in 2 sessions", None),
        ("refused after 3 attempts", None),
        ("try again later", None),
    ],
)
def test_which_delay_the_words_tell(words: str, delay: timedelta | None) -> None:
    assert told_delay(words) == delay
