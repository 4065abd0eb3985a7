"""The POP3 face, read with the client of the standard library and with bare sockets."""

from __future__ import annotations

import contextlib
import poplib
import socket
import ssl
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serversync.sandbox.pop3 import dotted, first_lines, wire_form, wire_size
from tests.letters import letter
from tests.world import SandboxProcess

ALICE = "alice@us.test"


@contextlib.contextmanager
def signed_in(sandbox: SandboxProcess, address: str = ALICE) -> Iterator[poplib.POP3]:
    client = poplib.POP3(sandbox.host, sandbox.pop3_port, timeout=10)
    try:
        client.user(address)
        client.pass_("secret")
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def telnet(sandbox: SandboxProcess) -> Iterator[socket.socket]:
    with socket.create_connection((sandbox.host, sandbox.pop3_port), timeout=10) as connection:
        yield connection


def read_all(connection: socket.socket) -> bytes:
    """Everything until the server closes the connection."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def mail(subject: str, body: str = "Hello") -> bytes:
    return letter("bob@out.test", ALICE, subject, body)


@pytest.fixture
def alice(sandbox: SandboxProcess) -> SandboxProcess:
    """A sandbox in which Alice has an account."""
    sandbox.account(ALICE)
    return sandbox


def test_alice_reads_her_mail_byte_for_byte(alice: SandboxProcess) -> None:
    raw = mail("Dots", ".\n..\n.one dot\ntext\n")
    alice.deliver(ALICE, raw)
    with signed_in(alice) as client:
        _, lines, _ = client.retr(1)
        assert b"\r\n".join(lines) + b"\r\n" == raw
        assert client.stat() == (1, len(raw))
        assert client.list(1) == b"+OK 1 %d" % len(raw)


def test_messages_come_oldest_first_whatever_the_order_of_delivery(alice: SandboxProcess) -> None:
    alice.deliver(ALICE, mail("second"), received="2026-03-02T10:00:00Z")
    alice.deliver(ALICE, mail("first"), received="2026-03-01T10:00:00Z")
    with signed_in(alice) as client:
        subjects = [line for n in (1, 2) for line in client.top(n, 0)[1] if line.startswith(b"Subject")]
    assert subjects == [b"Subject: first", b"Subject: second"]


def test_only_the_inbox_is_shown(alice: SandboxProcess) -> None:
    alice.deliver(ALICE, mail("spam"), folder="junkemail")
    with signed_in(alice) as client:
        assert client.stat() == (0, 0)


def test_unique_ids_stay_from_one_session_to_the_next(alice: SandboxProcess) -> None:
    for subject in ("one", "two"):
        alice.deliver(ALICE, mail(subject))
    with signed_in(alice) as client:
        first = client.uidl()[1]
    with signed_in(alice) as client:
        assert client.uidl()[1] == first
        assert len(set(first)) == 2
        assert client.uidl(2) == b"+OK " + first[1]


def test_deleted_messages_go_at_quit_only(alice: SandboxProcess) -> None:
    alice.deliver(ALICE, mail("one"))
    alice.deliver(ALICE, mail("two"))
    with signed_in(alice) as client:
        client.dele(1)
        assert client.stat()[0] == 1
        with pytest.raises(poplib.error_proto, match="deleted"):
            client.retr(1)
    assert len(alice.inbox(ALICE)) == 2
    with signed_in(alice) as client:
        client.dele(1)
        client.rset()
        client.dele(2)
        client.quit()
    assert [item["subject"] for item in alice.inbox(ALICE)] == ["one"]


def test_a_wrong_password_is_refused_with_its_code(alice: SandboxProcess) -> None:
    client = poplib.POP3(alice.host, alice.pop3_port, timeout=10)
    client.user(ALICE)
    with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
        client.pass_("wrong")
    client.quit()


def test_nothing_can_be_read_before_signing_in(alice: SandboxProcess) -> None:
    client = poplib.POP3(alice.host, alice.pop3_port, timeout=10)
    with pytest.raises(poplib.error_proto):
        client.stat()
    client.quit()


@pytest.mark.parametrize("argument", ["0", "2", "x", "-1", "²"])
def test_a_message_that_is_not_there_is_refused(alice: SandboxProcess, argument: str) -> None:
    alice.deliver(ALICE, mail("one"))
    with signed_in(alice) as client:
        client.encoding = "utf-8"
        with pytest.raises(poplib.error_proto):
            client.retr(argument)
        assert client.noop() == b"+OK"


def test_auth_plain_works_with_and_without_an_initial_response(alice: SandboxProcess) -> None:
    response = b"AGFsaWNlQHVzLnRlc3QAc2VjcmV0\r\n"
    for command in (b"AUTH PLAIN " + response, b"AUTH PLAIN\r\n" + response):
        with telnet(alice) as connection:
            connection.sendall(command + b"STAT\r\nQUIT\r\n")
            assert b"+OK 0 messages\r\n+OK 0 0\r\n" in read_all(connection)


def test_commands_sent_in_one_go_are_answered_in_order(alice: SandboxProcess) -> None:
    for number in range(20):
        alice.deliver(ALICE, mail(f"Number {number}", "x" * 100))
    commands = "".join(f"RETR {n}\r\n" for n in range(1, 21))
    with telnet(alice) as connection:
        connection.sendall(f"USER {ALICE}\r\nPASS secret\r\n{commands}QUIT\r\n".encode())
        answer = read_all(connection)
    assert [line for line in answer.split(b"\r\n") if line.startswith(b"Subject")] == [
        b"Subject: Number %d" % n for n in range(20)
    ]


def test_a_server_without_pipelining_ends_the_conversation(alice: SandboxProcess) -> None:
    alice.settings(switches=["no_pipelining"])
    with signed_in(alice) as client:
        assert "PIPELINING" not in client.capa()
    with telnet(alice) as connection:
        connection.sendall(f"USER {ALICE}\r\nPASS secret\r\nQUIT\r\n".encode())
        assert read_all(connection).endswith(b"-ERR One command at a time, please\r\n")


def test_a_server_may_lack_uidl_and_top(alice: SandboxProcess) -> None:
    alice.account("bob@us.test", switches=("no_uidl", "no_top"))
    alice.deliver("bob@us.test", mail("one"))
    with signed_in(alice, "bob@us.test") as client:
        assert not {"UIDL", "TOP"} & set(client.capa())
        with pytest.raises(poplib.error_proto):
            client.uidl()
        with pytest.raises(poplib.error_proto):
            client.top(1, 0)
    with signed_in(alice) as client:
        assert {"UIDL", "TOP"} <= set(client.capa())


def test_a_locked_maildrop_opens_again_when_the_first_session_ends(alice: SandboxProcess) -> None:
    alice.settings(switches=["maildrop_lock"])
    with signed_in(alice) as first:
        with pytest.raises(poplib.error_proto, match=r"\[IN-USE\]"), signed_in(alice):
            pass
        first.quit()
    with signed_in(alice) as again:
        assert again.stat() == (0, 0)


def test_a_message_of_ten_megabytes_arrives_whole(alice: SandboxProcess) -> None:
    raw = letter(
        "bob@out.test", ALICE, "Big", "Hi", attachments=[("b.bin", "application/octet-stream", bytes(7_500_000))]
    )
    alice.deliver(ALICE, raw)
    with signed_in(alice) as client:
        _, lines, octets = client.retr(1)
    assert b"\r\n".join(lines) + b"\r\n" == raw
    assert octets == len(raw)


def test_tls_from_the_start_and_by_command(alice: SandboxProcess, trusting: ssl.SSLContext) -> None:
    encrypted = poplib.POP3_SSL("localhost", alice.ports["pop3s"], context=trusting, timeout=10)
    upgraded = poplib.POP3("localhost", alice.pop3_port, timeout=10)
    assert "STLS" in upgraded.capa()
    upgraded.stls(trusting)
    assert "STLS" not in upgraded.capa()
    for client in (encrypted, upgraded):
        client.user(ALICE)
        client.pass_("secret")
        assert client.stat() == (0, 0)
        client.quit()


def test_a_client_that_knows_nothing_of_the_authority_refuses_the_certificate(alice: SandboxProcess) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        poplib.POP3_SSL("localhost", alice.ports["pop3s"], context=ssl.create_default_context(), timeout=10)


# Faults


def test_the_connection_drops_in_the_middle_of_a_message(alice: SandboxProcess) -> None:
    raw = mail("Half", "x\n" * 500)
    alice.deliver(ALICE, raw)
    alice.fault(face="pop3", operation="RETR", effect="drop", after_bytes=200, times=1)
    with telnet(alice) as connection:
        connection.sendall(f"USER {ALICE}\r\nPASS secret\r\nRETR 1\r\nQUIT\r\n".encode())
        received = read_all(connection).split(b"messages\r\n")[1]
    assert len(received) == 200
    assert received.endswith(raw[: 200 - len(b"+OK %d octets\r\n" % len(raw))])


def test_a_message_may_end_early_and_look_whole(alice: SandboxProcess) -> None:
    alice.deliver(ALICE, mail("Short", "x\n" * 500))
    alice.fault(face="pop3", operation="RETR", effect="truncate", after_bytes=40, times=1)
    with signed_in(alice) as client:
        assert sum(len(line) + 2 for line in client.retr(1)[1]) <= 42
        assert sum(len(line) + 2 for line in client.retr(1)[1]) > 1000


def test_quit_is_done_though_its_answer_is_lost(alice: SandboxProcess) -> None:
    alice.deliver(ALICE, mail("one"))
    alice.fault(face="pop3", operation="QUIT", effect="drop", after_effect=True, mailbox=ALICE)
    with signed_in(alice) as client:
        client.dele(1)
        with pytest.raises(poplib.error_proto):
            client.quit()
    assert alice.inbox(ALICE) == []


def test_quit_that_never_arrived_deletes_nothing(alice: SandboxProcess) -> None:
    alice.deliver(ALICE, mail("one"))
    alice.fault(face="pop3", operation="QUIT", effect="drop")
    with signed_in(alice) as client:
        client.dele(1)
        with pytest.raises(poplib.error_proto):
            client.quit()
    assert len(alice.inbox(ALICE)) == 1


def test_a_server_may_lie_about_sizes(alice: SandboxProcess) -> None:
    raw = mail("one")
    alice.deliver(ALICE, raw)
    alice.fault(face="pop3", operation="LIST", effect="lie", extra_bytes=-100)
    with signed_in(alice) as client:
        assert client.list()[1] == [b"1 %d" % (len(raw) - 100)]
        assert client.stat() == (1, len(raw))


def test_a_hanging_server_says_nothing_and_lets_go_when_the_client_does(alice: SandboxProcess) -> None:
    alice.fault(face="pop3", operation="STAT", effect="hang")
    with signed_in(alice) as client:
        client.sock.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.stat()
    with signed_in(alice) as client:
        assert client.noop() == b"+OK"


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ({"effect": "pop3", "text": "[SYS/TEMP] Busy"}, b"-ERR [SYS/TEMP] Busy\r\n"),
        ({"effect": "throttle", "delay_seconds": 30}, b"-ERR [SYS/TEMP] Try again in 30 seconds\r\n"),
        ({"effect": "garbage"}, b"\x00\xff"),
        ({"effect": "html"}, b"<html>"),
    ],
)
def test_an_answer_may_be_something_else(alice: SandboxProcess, fault: dict[str, object], answer: bytes) -> None:
    alice.fault(face="pop3", operation="NOOP", times=1, **fault)
    with telnet(alice) as connection:
        connection.sendall(f"USER {ALICE}\r\nPASS secret\r\nNOOP\r\nQUIT\r\n".encode())
        assert read_all(connection).split(b"messages\r\n")[1].startswith(answer)


def test_a_server_may_refuse_at_the_door(alice: SandboxProcess) -> None:
    alice.fault(face="pop3", operation="CONNECT", effect="pop3", text="Too many connections", times=1)
    with pytest.raises(poplib.error_proto, match="Too many connections"):
        poplib.POP3(alice.host, alice.pop3_port, timeout=10)
    poplib.POP3(alice.host, alice.pop3_port, timeout=10).quit()


@pytest.mark.parametrize(
    ("address", "says"), [("temperror@us.test", r"\[SYS/TEMP\]"), ("permerror@us.test", r"\[SYS/PERM\]")]
)
def test_some_mailboxes_can_never_be_opened(sandbox: SandboxProcess, address: str, says: str) -> None:
    sandbox.account(address)
    with pytest.raises(poplib.error_proto, match=says), signed_in(sandbox, address):
        pass


# Laws of the wire

LINES = st.lists(st.sampled_from([b".", b"..", b"", b"text", b".text", b"\r", b"caf\xe9"])).map(b"\r\n".join)


@given(LINES)
def test_dots_are_doubled_so_that_only_the_last_stands_alone(text: bytes) -> None:
    message = wire_form(text)
    sent = dotted(message)
    assert sent.endswith(b"\r\n.\r\n")
    lines = sent.removesuffix(b".\r\n").split(b"\r\n")
    assert b"." not in lines
    assert b"\r\n".join(line.removeprefix(b".") for line in lines) == message


@given(st.binary() | LINES)
def test_the_size_told_is_the_size_sent(raw: bytes) -> None:
    assert wire_size(raw) == len(wire_form(raw))


def test_top_gives_the_header_and_so_many_lines() -> None:
    message = b"A: 1\r\nB: 2\r\n\r\none\r\ntwo\r\nthree\r\n"
    assert first_lines(message, 0) == b"A: 1\r\nB: 2\r\n\r\n"
    assert first_lines(message, 2) == b"A: 1\r\nB: 2\r\n\r\none\r\ntwo\r\n"
    assert first_lines(message, 99) == message
    assert first_lines(b"A: 1\r\n", 5) == b"A: 1\r\n"
