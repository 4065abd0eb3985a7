"""POP3: what servers say that are broken, hostile or old, and what it means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from profiles.connectors.base import (
    AuthenticationFailed,
    Cause,
    ConnectorError,
    MailboxUnavailable,
    Throttled,
    Transient,
)
from profiles.connectors.pop3 import client
from profiles.connectors.pop3.source import Pop3Source, header_block
from profiles.items import Access, Tls, Transport
from tests.profiles.samples import only_page
from tests.profiles.scripted import Line, Script, ScriptedServer, pop3_script
from tests.profiles.stages import ALICE, HASTY, PASSWORD

CAPABILITIES = [b"+OK", b"USER", b"UIDL", b"TOP", b"PIPELINING", b"."]


def test_auth_plain_is_used_where_there_is_no_user_command() -> None:
    heard: list[bytes] = []

    def play(line: Line) -> None:
        line.say(b"+OK")
        while command := line.hear():
            heard.append(command)
            answers = {b"CAPA": [b"+OK", b"UIDL", b"SASL PLAIN LOGIN", b"."], b"UIDL": [b"+OK", b"."]}
            line.say(*answers.get(command, [b"+OK", b"."] if command == b"LIST" else [b"+OK"]))

    with ScriptedServer(play) as server:
        assert only_page(scripted(server)).shown == ()
    assert heard[1].startswith(b"AUTH PLAIN ")
    assert not any(command.startswith((b"USER", b"PASS")) for command in heard)


@pytest.mark.parametrize(
    ("answer", "error", "cause"),
    [
        (b"-ERR [AUTH] no", AuthenticationFailed, Cause.CREDENTIALS),
        (b"-ERR Invalid password, try again later", AuthenticationFailed, Cause.CREDENTIALS),
        (b"-ERR whatever", AuthenticationFailed, Cause.CREDENTIALS),
        (b"-ERR [AUTH] POP3 access disabled for this account", AuthenticationFailed, Cause.PROTOCOL_DISABLED),
        (b"-ERR Your account has been disabled", AuthenticationFailed, Cause.ACCOUNT_DISABLED),
        (b"-ERR [IN-USE] open elsewhere", Transient, Cause.SERVER),
        (b"-ERR Unable to lock maildrop: it is locked by another session", Transient, Cause.SERVER),
        (b"-ERR [SYS/TEMP] storage", Transient, Cause.SERVER),
        (b"-ERR [SYS/PERM] no such box", MailboxUnavailable, Cause.SERVER),
        (b"-ERR [SYS/PERM] not enabled for POP access", MailboxUnavailable, Cause.PROTOCOL_DISABLED),
        (b"-ERR [LOGIN-DELAY] minimum time between logins", Throttled, Cause.BUSY),
        (b"-ERR too many connections", Throttled, Cause.BUSY),
    ],
)
def test_what_a_refused_login_means(answer: bytes, error: type[ConnectorError], cause: Cause) -> None:
    script = pop3_script({b"CAPA": [*CAPABILITIES[:-1], b"LOGIN-DELAY 120", b"."], b"PASS": [answer]})
    with ScriptedServer(script) as server:
        with pytest.raises(error) as refusal:
            only_page(scripted(server))
    assert (type(refusal.value), refusal.value.cause) == (error, cause)
    if b"[LOGIN-DELAY]" in answer:
        assert isinstance(refusal.value, Throttled)
        assert refusal.value.delay is not None
        assert refusal.value.delay.total_seconds() == 120


def test_a_password_is_not_sent_where_the_server_offers_no_login() -> None:
    heard: list[bytes] = []

    def play(line: Line) -> None:
        line.say(b"+OK")
        while command := line.hear():
            heard.append(command)
            line.say(*([b"+OK", b"UIDL", b"STLS", b"."] if command == b"CAPA" else [b"-ERR"]))

    with ScriptedServer(play) as server:
        with pytest.raises(MailboxUnavailable) as refusal:
            only_page(scripted(server))
    assert "encryption" in refusal.value.remedy
    assert refusal.value.cause is Cause.LOGIN_METHOD
    assert heard == [b"CAPA"]


def scripted(server: ScriptedServer, **changes: Any) -> Pop3Source:
    """Alice's mailbox on a scripted server."""
    access = Access(
        Transport.POP3,
        ALICE,
        host="127.0.0.1",
        port=server.port,
        tls=Tls.NONE,
        username=ALICE,
        password=PASSWORD,
        timeout=5,
        allowed_local_hosts=frozenset({"127.0.0.1"}),
    )
    return Pop3Source(replace(access, **changes))


def maildrop(uids: list[bytes], texts: list[bytes], capabilities: list[bytes] = CAPABILITIES) -> Script:
    """A maildrop with these messages under these UIDL lines (without their numbers)."""
    numbered = [(str(n).encode(), text) for n, text in enumerate(texts, 1)]
    answers = {
        b"CAPA": capabilities,
        b"UIDL": [b"+OK", *(n + b" " + uid for (n, _), uid in zip(numbered, uids, strict=False)), b"."],
        b"LIST": [b"+OK", *(n + b" " + str(len(text)).encode() for n, text in numbered), b"."],
    }
    for n, text in numbered:
        answers[b"RETR " + n] = [b"+OK", *text.split(b"\r\n"), b"."]
        answers[b"TOP " + n + b" 0"] = [b"+OK", *header_block(text).split(b"\r\n"), b"."]
    return pop3_script(answers)


def text(number: int) -> bytes:
    return b"Subject: message %d\r\n\r\nbody %d" % (number, number)


LIES = {
    "the same id twice": [b"a", b"b", b"a"],
    "the same id for all": [b"a", b"a", b"a"],
    "no ids": [b"", b"", b""],
    "one line missing": [b"a", b"b"],
    "spaces and control characters": [b"a b", b"a\x01b", b"a c"],
    "bytes beyond ASCII": [b"\xe4", b"\xf6", b"\x80"],
    "ids without an end": [b"x" * 3000 + b"1", b"x" * 3000 + b"2", b"x" * 3000 + b"3"],
}


@pytest.mark.parametrize("tops", [True, False], ids=["with TOP", "without TOP"])
@pytest.mark.parametrize("uids", LIES.values(), ids=LIES.keys())
def test_no_lie_about_unique_ids_hides_a_message(uids: list[bytes], tops: bool) -> None:
    capabilities = [line for line in CAPABILITIES if tops or line != b"TOP"]
    with ScriptedServer(maildrop(uids, [text(1), text(2), text(3)], capabilities)) as server:
        source = scripted(server)
        page = only_page(source)
        assert len({item.key for item in page.shown}) == 3
        assert all(item.key.isprintable() and len(item.key) < 300 for item in page.shown)
        fetched = [arrival.raw for arrival in source.fetch([i.key for i in page.shown], raw=True)]
        assert fetched == [text(n) + b"\r\n" for n in (1, 2, 3)]
        assert only_page(source, page.cursor).shown == ()


def test_a_shared_id_stays_with_its_message_when_another_goes() -> None:
    with ScriptedServer(maildrop([b"a", b"a", b"a"], [text(1), text(2), text(3)])) as server:
        before = [item.key for item in only_page(scripted(server)).shown]
    with ScriptedServer(maildrop([b"a", b"a"], [text(2), text(3)])) as server:
        after = [item.key for item in only_page(scripted(server)).shown]
    assert after == before[1:]


def test_identical_copies_under_one_id_are_both_shown() -> None:
    with ScriptedServer(maildrop([b"a", b"a"], [text(1), text(1)])) as server:
        keys = [item.key for item in only_page(scripted(server)).shown]
        assert keys[1] == keys[0] + "#2"
        assert len(list(scripted(server).fetch(keys, raw=True))) == 2


def test_a_message_behind_the_same_ids_is_new_when_the_text_is() -> None:
    """The UIDL answer alone would say that nothing changed."""
    with ScriptedServer(maildrop([b"a", b"a"], [text(1), text(2)])) as server:
        cursor = only_page(scripted(server)).cursor
    with ScriptedServer(maildrop([b"a", b"a"], [text(1), text(3)])) as server:
        assert len(only_page(scripted(server), cursor).shown) == 2


def test_a_list_of_messages_without_an_end_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LARGEST_BODY", 100_000)
    with ScriptedServer(maildrop([b"x" * 60_000] * 9, [text(n) for n in range(9)])) as server:
        source = scripted(server)
        with pytest.raises(Transient):
            list(source.fetch(["a", "b"], raw=True))
        assert server.connections == 1


@pytest.mark.parametrize(
    ("greeting", "error"),
    [
        (b"220 mail.us.test ESMTP", MailboxUnavailable),
        (b"* OK IMAP4rev1", MailboxUnavailable),
        (b"HTTP/1.1 400 Bad Request", MailboxUnavailable),
        (b"hello", Transient),
        (b"-ERR [SYS/TEMP] maintenance", Transient),
        (b"-ERR too many connections", Throttled),
    ],
)
def test_what_a_strange_greeting_means(greeting: bytes, error: type[Exception]) -> None:
    with ScriptedServer(pop3_script({}, greeting)) as server:
        with pytest.raises(error) as refusal:
            only_page(scripted(server))
    assert type(refusal.value) is error


def test_what_is_slipped_in_before_the_encryption_is_not_believed() -> None:
    def play(line: Line) -> None:
        line.say(b"+OK")
        line.hear()
        line.say(b"+OK", b"STLS", b"USER", b".")
        line.hear()
        line.say(b"+OK begin", b"+OK slipped in")
        line.hear()

    with ScriptedServer(play) as server:
        with pytest.raises(Transient, match="before the encryption"):
            only_page(scripted(server, tls=Tls.STARTTLS))


def test_a_server_without_stls_is_refused_before_the_password_is_sent() -> None:
    heard: list[bytes] = []

    def play(line: Line) -> None:
        line.say(b"+OK")
        while command := line.hear():
            heard.append(command)
            line.say(*(CAPABILITIES if command == b"CAPA" else [b"-ERR unknown"]))

    with ScriptedServer(play) as server:
        with pytest.raises(MailboxUnavailable) as refusal:
            only_page(scripted(server, tls=Tls.STARTTLS))
    assert refusal.value.cause is Cause.TLS_MODE
    assert heard == [b"CAPA", b"STLS"]


@pytest.mark.parametrize("in_body", [False, True])
def test_a_server_that_dribbles_does_not_hold_us_for_ever(in_body: bool) -> None:
    """Each byte comes well within the time-out, but the answer never ends."""

    def play(line: Line) -> None:
        line.say(b"+OK")
        while (command := line.hear()) and not command.startswith(b"RETR"):
            answers = {b"CAPA": CAPABILITIES, b"UIDL": [b"+OK", b"1 a", b"."], b"LIST": [b"+OK", b"1 9", b"."]}
            line.say(*answers.get(command, [b"+OK"]))
        if in_body:
            line.say(b"+OK")
        while True:
            line.link.sendall(b"x")
            line.link.settimeout(0.01)
            try:
                if not line.link.recv(1):
                    return
            except TimeoutError:
                continue

    with ScriptedServer(play) as server:
        source = scripted(server, timeout=HASTY / 8)
        page = only_page(source)
        with pytest.raises(Transient, match="in time"):
            list(source.fetch([page.shown[0].key], raw=True))


@pytest.mark.parametrize(
    ("raw", "headers"),
    [
        (b"A: 1\r\nB: 2\r\n\r\nbody\r\n", b"A: 1\r\nB: 2\r\n"),
        (b"A: 1\nB: 2\n\nbody\n\nmore", b"A: 1\nB: 2\r\n"),
        (b"A: 1\r\n\r\n", b"A: 1\r\n"),
        (b"A: 1\r\n", b"A: 1\r\n"),
        (b"\r\nbody\r\n\r\nmore", b""),
        (b"\n\n", b""),
        (b"", b""),
    ],
)
def test_the_header_block_of(raw: bytes, headers: bytes) -> None:
    assert header_block(raw) == headers
