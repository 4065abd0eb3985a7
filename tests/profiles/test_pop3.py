"""POP3 (RFC 1939): the rules of all mail sources, and how the line to the sandbox is used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profiles.connectors import open_outbox
from profiles.connectors.base import AuthenticationFailed, MailboxUnavailable, Throttled, Transient
from profiles.connectors.pop3 import client
from profiles.connectors.pop3.source import Pop3Source
from profiles.items import INBOX, Arrival, Folder, Missing, Tls
from tests.profiles.conformance import MailSourceRules, MailSourceTroubles
from tests.profiles.samples import everything, note, only_page, with_crlf
from tests.profiles.stages import ALICE, PASSWORD, Pop3Stage
from tests.world import SandboxProcess


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


def test_other_folders_and_categories_do_not_exist(stage: Pop3Stage) -> None:
    source = stage.source()
    for read in (source.changes("sentitems", ""), source.listing("sentitems")):
        with pytest.raises(MailboxUnavailable) as refusal:
            next(iter(read))
        assert refusal.value.remedy
    assert source.categorize(["1"], "Tracked", instead_of="Undeliverable") == {}
    assert source.uncategorize(["1"], "Tracked") == {}
    assert source.move(["1"], "Undeliverable") == source.move_to(["1"], "sentitems") == {}


def test_the_inbox_is_the_only_folder(stage: Pop3Stage) -> None:  # 2.13
    stage.deliver(note(1))
    source = stage.source()
    assert source.folders() == [Folder(INBOX, "", "Inbox", "Inbox", total=1, kind=INBOX)]
    for attempt in (lambda: source.create_folder("", "Shop"), lambda: source.changed_folders({INBOX: ""})):
        with pytest.raises(MailboxUnavailable, match="no folder but the inbox") as refusal:
            attempt()
        assert refusal.value.remedy


def test_mail_cannot_be_sent_over_pop3(stage: Pop3Stage) -> None:
    with pytest.raises(MailboxUnavailable, match="POP3"):
        open_outbox(stage.access)


def test_a_server_without_unique_ids_is_refused_with_a_remedy(world: SandboxProcess) -> None:
    world.settings(switches=["no_uidl"])
    with pytest.raises(MailboxUnavailable, match="UIDL") as refusal:
        only_page(Pop3Stage(world).source())
    assert refusal.value.remedy


@pytest.mark.parametrize("change", [{"username": ""}, {"username": "alice\r\nDELE 1"}, {"password": "x\nDELE 1"}])
def test_credentials_that_cannot_be_meant_are_never_sent(stage: Pop3Stage, change: dict[str, str]) -> None:
    with pytest.raises(AuthenticationFailed):
        only_page(stage.source(**change))
    assert stage.commands()["CONNECT"] == 0


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
    assert "512 MB" in missing.error
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


def test_the_configured_authority_must_be_readable(stage: Pop3Stage, tmp_path: Path) -> None:
    with pytest.raises(MailboxUnavailable, match="authorities"):
        only_page(stage.source(tls=Tls.IMPLICIT, ca_file=str(tmp_path / "none.pem")))
