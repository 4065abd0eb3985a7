"""POP3 (RFC 1939): the rules of all mail sources, and what servers do that are broken, hostile or old."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profiles.connectors import open_outbox
from profiles.connectors.base import AuthenticationFailed, MailboxUnavailable, Throttled, Transient
from profiles.connectors.pop3 import client
from profiles.connectors.pop3.source import Pop3Source, header_block
from profiles.items import INBOX, Access, Arrival, Missing, Tls, Transport
from tests.profiles.conformance import (
    MailSourceRules,
    MailSourceTroubles,
    everything,
    note,
    only_page,
    with_crlf,
)
from tests.profiles.scripted import Line, Script, ScriptedServer, pop3_script
from tests.profiles.stages import ALICE, HASTY, PASSWORD, Pop3Stage
from tests.world import SandboxProcess

CAPABILITIES = [b"+OK", b"USER", b"UIDL", b"TOP", b"PIPELINING", b"."]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file of the authority that the sandbox's certificate comes from."""
    return str(tmp_path_factory.mktemp("tls") / "authority.pem")


@pytest.fixture(scope="module")
def running(authority: str) -> Iterator[SandboxProcess]:
    with SandboxProcess("--pop3s", "0", "--tls-self-signed", authority) as sandbox:
        yield sandbox


@pytest.fixture
def world(running: SandboxProcess) -> SandboxProcess:
    running.reset()
    running.clear_faults()
    running.clear_log()
    return running


@pytest.fixture
def stage(world: SandboxProcess) -> Pop3Stage:
    return Pop3Stage(world)


class TestPop3(MailSourceRules, MailSourceTroubles):
    """With pipelining, in clear."""


class TestPop3WithoutPipelining(MailSourceRules, MailSourceTroubles):
    @pytest.fixture
    def stage(self, world: SandboxProcess) -> Pop3Stage:
        world.settings(switches=["no_pipelining"])
        return Pop3Stage(world)


@pytest.mark.parametrize("tls", [Tls.IMPLICIT, Tls.STARTTLS])
class TestPop3Encrypted(MailSourceRules, MailSourceTroubles):
    @pytest.fixture
    def stage(self, world: SandboxProcess, tls: Tls, authority: str) -> Pop3Stage:
        port = world.ports["pop3s" if tls is Tls.IMPLICIT else "pop3"]
        return Pop3Stage(world, tls=tls, port=port, ca_file=authority)


# How the line is used


def test_requests_are_sent_ahead_and_all_answers_come(stage: Pop3Stage) -> None:
    for number in range(3 * client.WINDOW + 7):
        stage.deliver(note(number))
    fetched = everything(stage.source())
    assert [b"Note %d\r\n" % n in raw for n, raw in enumerate(fetched)] == [True] * (3 * client.WINDOW + 7)


def test_one_session_serves_a_listing_and_its_fetches(stage: Pop3Stage) -> None:
    stage.deliver(note(1))
    source = stage.source()
    assert len(everything(source)) == len(everything(source)) == 1
    source.close()
    commands = stage.commands()
    assert (commands["CONNECT"], commands["UIDL"], commands["RETR"]) == (2, 2, 2)


def test_an_idle_poll_fetches_nothing(stage: Pop3Stage) -> None:
    stage.deliver(note(1))
    cursor = only_page(stage.source()).cursor
    stage.sandbox.clear_log()
    only_page(stage.source(), cursor)
    assert set(stage.commands()) == {"CONNECT", "CAPA", "USER", "PASS", "UIDL", "LIST"}


def test_the_caller_hears_of_progress(stage: Pop3Stage) -> None:
    stage.deliver(b"Subject: big\r\n\r\n" + b"x" * 3_000_000 + b"\r\n")
    heard: list[None] = []
    source = Pop3Source(stage.access, lambda: heard.append(None))
    page = only_page(source)
    before = len(heard)
    [arrival] = source.fetch([page.shown[0].key], raw=True)
    assert arrival.key == page.shown[0].key
    assert before > 0
    assert len(heard) >= before + 3_000_000 // (256 * 1024)


def test_a_caller_that_gives_up_while_bytes_move_leaves_nothing_mixed_up(stage: Pop3Stage) -> None:
    for number in range(20):
        stage.deliver(note(number) + b"x" * 100_000)
    lease = {"kept": True}

    def renew() -> None:
        if not lease["kept"]:
            raise LookupError("the lease moved")

    source = Pop3Source(stage.access, renew)
    keys = [item.key for item in only_page(source).shown]
    results = source.fetch(keys, raw=True)
    next(results)
    lease["kept"] = False
    with pytest.raises(LookupError):
        list(results)
    lease["kept"] = True
    assert [arrival.key for arrival in source.fetch(keys, raw=True)] == keys


def test_two_fetches_at_once_are_refused_rather_than_mixed_up(stage: Pop3Stage) -> None:
    for number in range(4):
        stage.deliver(note(number))
    source = stage.source()
    keys = [item.key for item in only_page(source).shown]
    first, second = source.fetch(keys, raw=True), source.fetch(keys, raw=True)
    next(first)
    next(second)
    with pytest.raises(Transient, match="interrupted"):
        next(first)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.text(alphabet=".ab\t", max_size=4), max_size=12))
def test_whatever_dots_a_message_has_it_comes_byte_for_byte(stage: Pop3Stage, lines: list[str]) -> None:
    stage.sandbox.reset()
    stage.sandbox.account(ALICE, PASSWORD)
    raw = "".join(f"{line}\r\n" for line in lines).encode()
    stage.deliver(raw)
    stage.deliver(note(1))
    assert everything(stage.source()) == [with_crlf(raw), note(1)]


# What POP3 has not


def test_other_folders_and_categories_do_not_exist(stage: Pop3Stage) -> None:
    source = stage.source()
    for read in (source.changes("sentitems", ""), source.listing("sentitems")):
        with pytest.raises(MailboxUnavailable) as refusal:
            next(iter(read))
        assert refusal.value.remedy
    assert source.categorize(["1"], "Tracked") == {}


def test_mail_cannot_be_sent_over_pop3(stage: Pop3Stage) -> None:
    with pytest.raises(MailboxUnavailable, match="POP3"):
        open_outbox(stage.access)


def test_a_server_without_unique_ids_is_refused_with_a_remedy(world: SandboxProcess) -> None:
    world.settings(switches=["no_uidl"])
    with pytest.raises(MailboxUnavailable, match="UIDL") as refusal:
        only_page(Pop3Stage(world).source())
    assert refusal.value.remedy


# Logging in


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
    ("answer", "error"),
    [
        (b"-ERR [AUTH] no", AuthenticationFailed),
        (b"-ERR Invalid password, try again later", AuthenticationFailed),
        (b"-ERR whatever", AuthenticationFailed),
        (b"-ERR [IN-USE] open elsewhere", Transient),
        (b"-ERR Unable to lock maildrop: it is locked by another session", Transient),
        (b"-ERR [SYS/TEMP] storage", Transient),
        (b"-ERR [SYS/PERM] no such box", MailboxUnavailable),
        (b"-ERR [LOGIN-DELAY] minimum time between logins", Throttled),
        (b"-ERR too many connections", Throttled),
    ],
)
def test_what_a_refused_login_means(answer: bytes, error: type[Exception]) -> None:
    script = pop3_script({b"CAPA": [*CAPABILITIES[:-1], b"LOGIN-DELAY 120", b"."], b"PASS": [answer]})
    with ScriptedServer(script) as server:
        with pytest.raises(error) as refusal:
            only_page(scripted(server))
    assert type(refusal.value) is error
    if b"[LOGIN-DELAY]" in answer:
        assert isinstance(refusal.value, Throttled)
        assert refusal.value.delay is not None
        assert refusal.value.delay.total_seconds() == 120


@pytest.mark.parametrize("change", [{"username": ""}, {"username": "alice\r\nDELE 1"}, {"password": "x\nDELE 1"}])
def test_credentials_that_cannot_be_meant_are_never_sent(stage: Pop3Stage, change: dict[str, str]) -> None:
    with pytest.raises(AuthenticationFailed):
        only_page(stage.source(**change))
    assert stage.commands()["CONNECT"] == 0


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
    assert heard == [b"CAPA"]


# Servers that lie


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


def test_a_size_that_is_a_lie_does_no_harm(stage: Pop3Stage) -> None:
    stage.deliver(note(1))
    stage.fault("LIST", "lie", extra_bytes=1_000_000)
    source = stage.source()
    [shown] = only_page(source).shown
    [arrival] = source.fetch([shown.key], raw=True)
    assert isinstance(arrival, Arrival)
    assert arrival.size == len(note(1)) == shown.size - 1_000_000


def test_a_message_beyond_the_limit_is_not_fetched(stage: Pop3Stage) -> None:
    stage.deliver(note(1))
    stage.fault("LIST", "lie", extra_bytes=client.LARGEST_MESSAGE)
    source = stage.source()
    [shown] = only_page(source).shown
    [missing] = source.fetch([shown.key], raw=True)
    assert isinstance(missing, Missing)
    assert not missing.gone
    assert "150 MB" in missing.error
    assert stage.commands()["RETR"] == 0


def test_a_message_that_grows_beyond_the_limit_costs_only_itself(
    stage: Pop3Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LARGEST_BODY", 100_000)
    stage.deliver(note(1))
    stage.deliver(note(2) + b"x" * 900_000)
    stage.deliver(note(3))
    source = stage.source()
    keys = [item.key for item in only_page(source).shown]
    results = list(source.fetch(keys, raw=True))
    assert [type(result) for result in results] == [Arrival, Missing, Arrival]
    assert [result.key for result in results] == keys


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


def test_a_throttled_message_stops_the_fetch_instead_of_being_called_bad(stage: Pop3Stage) -> None:
    for number in range(3):
        stage.deliver(note(number))
    source = stage.source()
    keys = [item.key for item in only_page(source).shown]
    stage.fault("RETR", "throttle", skip=1, delay_seconds=7)
    results = source.fetch(keys, raw=True)
    assert next(results).key == keys[0]
    with pytest.raises(Throttled):
        next(results)


# Deleting


def test_a_deletion_that_was_not_confirmed_is_transient(stage: Pop3Stage) -> None:
    stage.deliver(note(1))
    source = stage.source()
    keys = [item.key for item in only_page(source).shown]
    stage.fault("QUIT", "drop")
    with pytest.raises(Transient):
        source.delete(keys)
    source.delete(keys)
    assert stage.sandbox.inbox(ALICE) == []


def test_a_deletion_whose_confirmation_was_lost_can_be_repeated(stage: Pop3Stage) -> None:
    stage.deliver(note(1))
    source = stage.source()
    keys = [item.key for item in only_page(source).shown]
    stage.fault("QUIT", "drop", after_effect=True)
    with pytest.raises(Transient):
        source.delete(keys)
    source.delete(keys)
    assert stage.sandbox.inbox(ALICE) == []


def test_one_message_that_cannot_be_deleted_is_told_and_the_others_go(stage: Pop3Stage) -> None:
    for number in range(3):
        stage.deliver(note(number))
    source = stage.source()
    keys = [item.key for item in only_page(source).shown]
    stage.fault("DELE", "pop3", skip=1, text="This message is held")
    with pytest.raises(Transient, match="1 of 3") as failure:
        source.delete(keys)
    assert failure.value.words == "This message is held"
    assert [item.key for item in source.listing(INBOX)] == [keys[1]]


# Encryption and time


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
        with pytest.raises(MailboxUnavailable):
            only_page(scripted(server, tls=Tls.STARTTLS))
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


# The header block


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


def test_the_configured_authority_must_be_readable(stage: Pop3Stage, tmp_path: Path) -> None:
    with pytest.raises(MailboxUnavailable, match="authorities"):
        only_page(stage.source(tls=Tls.IMPLICIT, ca_file=str(tmp_path / "none.pem")))
