"""SMTP (RFC 5321): the rules of all outboxes, and what SMTP servers are like."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profiles.connectors import open_source
from profiles.connectors.base import (
    AuthenticationFailed,
    ConnectorError,
    ItemRejected,
    MailboxUnavailable,
    OutcomeUnknown,
    Throttled,
    Transient,
)
from profiles.connectors.smtp import SmtpOutbox
from profiles.items import Access, Tls, Trace, Transport
from tests.profiles.conformance import BOB, CAROL, OutboxRules, OutboxTroubles, nothing, to
from tests.profiles.scripted import Line, Script, ScriptedServer
from tests.profiles.stages import ALICE, HASTY, PASSWORD, SmtpStage
from tests.world import SandboxProcess


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file of the authority that the sandbox's certificate comes from."""
    return str(tmp_path_factory.mktemp("tls") / "authority.pem")


@pytest.fixture(scope="module")
def running(authority: str) -> Iterator[SandboxProcess]:
    with SandboxProcess("--smtps", "0", "--tls-self-signed", authority) as sandbox:
        yield sandbox


@pytest.fixture
def world(running: SandboxProcess) -> SandboxProcess:
    running.reset()
    running.clear_faults()
    running.clear_log()
    return running


@pytest.fixture
def stage(world: SandboxProcess) -> SmtpStage:
    return SmtpStage(world)


class TestSmtp(OutboxRules, OutboxTroubles):
    """With a login, in clear."""


@pytest.mark.parametrize("tls", [Tls.IMPLICIT, Tls.STARTTLS])
class TestSmtpEncrypted(OutboxRules, OutboxTroubles):
    @pytest.fixture
    def stage(self, world: SandboxProcess, tls: Tls, authority: str) -> SmtpStage:
        port = world.ports["smtps" if tls is Tls.IMPLICIT else "smtp"]
        return SmtpStage(world, tls=tls, port=port, ca_file=authority)


# The connection


def test_one_connection_serves_many_letters(stage: SmtpStage) -> None:
    outbox = stage.outbox()
    for number in range(5):
        outbox.send(to(BOB, number=number), nothing)
    outbox.close()
    commands = stage.commands()
    assert (commands["CONNECT"], commands["AUTH"], commands["DATA"], commands["QUIT"]) == (1, 1, 5, 1)
    assert len(stage.arrived(BOB)) == 5


def test_a_connection_that_the_server_closed_meanwhile_is_replaced(stage: SmtpStage) -> None:
    outbox = stage.outbox()
    outbox.send(to(BOB, number=1), nothing)
    stage.fault("RSET", "drop")
    outbox.send(to(BOB, number=2), nothing)
    assert stage.commands()["CONNECT"] == 2
    assert len(stage.arrived(BOB)) == 2


def test_without_a_user_name_nobody_logs_in(stage: SmtpStage) -> None:
    stage.outbox(username="", password="").send(to(BOB), nothing)
    assert stage.logins() == 0
    assert len(stage.arrived(BOB)) == 1


def test_a_server_that_wants_a_login_says_so(stage: SmtpStage) -> None:
    stage.sandbox.settings(require_auth=True)
    try:
        with pytest.raises(AuthenticationFailed):
            stage.outbox(username="", password="").send(to(BOB), nothing)
    finally:
        stage.sandbox.settings(require_auth=False)


def test_smtp_cannot_tell_what_was_sent(stage: SmtpStage) -> None:
    outbox = stage.outbox()
    outbox.send(to(BOB), nothing)
    assert outbox.trace(to(BOB)) is Trace.CANNOT_TELL


def test_mail_cannot_be_read_over_smtp(stage: SmtpStage) -> None:
    with pytest.raises(MailboxUnavailable, match="SMTP"):
        open_source(stage.access)


def test_the_caller_hears_of_progress_within_a_big_letter(stage: SmtpStage) -> None:
    heard: list[None] = []
    raw = b"Subject: big\r\n\r\n" + (b"x" * 78 + b"\r\n") * 40_000
    SmtpOutbox(stage.access, lambda: heard.append(None)).send(to(BOB, raw=raw), nothing)
    assert len(heard) > len(raw) // (256 * 1024)


def test_a_caller_that_gives_up_within_a_letter_leaves_no_half_of_it_behind(stage: SmtpStage) -> None:
    lease = {"kept": True}

    def renew() -> None:
        if not lease["kept"]:
            raise LookupError("the lease moved")

    outbox = SmtpOutbox(stage.access, renew)
    with pytest.raises(LookupError):
        outbox.send(to(BOB, number=1), lambda: lease.update(kept=False))
    lease["kept"] = True
    outbox.send(to(BOB, number=2), nothing)
    [arrived] = stage.arrived(BOB)
    assert b"Letter 2" in arrived
    assert b"Letter 1" not in arrived


# What the server can take


def test_a_letter_larger_than_the_server_takes_is_not_even_offered(stage: SmtpStage) -> None:
    stage.sandbox.settings(size_limit=1000)
    try:
        with pytest.raises(ItemRejected, match="1000") as refusal:
            stage.outbox().send(to(BOB, raw=b"Subject: x\r\n\r\n" + b"x" * 1000), nothing)
    finally:
        stage.sandbox.settings(size_limit=200_000_000)
    assert refusal.value.remedy
    assert stage.commands()["MAIL"] == 0


@pytest.mark.parametrize("recipients", [("bürgerbüro@us.test",), ("bob@bücher.test", BOB)])
def test_addresses_beyond_ascii_are_sent_as_smtputf8(stage: SmtpStage, recipients: tuple[str, ...]) -> None:
    stage.outbox().send(to(*recipients, raw=b"Subject: x\r\n\r\n"), nothing)
    assert all(len(stage.arrived(address)) == 1 for address in recipients)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "bob",
        "bob@",
        "@us.test",
        "bob @us.test",
        "bob@us.test>",
        "<bob@us.test>",
        "a@us.test,b@us.test",
        "b\0b@us.test",
    ],
)
def test_what_is_no_address_is_rejected_before_the_server_hears_it(stage: SmtpStage, address: str) -> None:
    with pytest.raises(ItemRejected):
        stage.outbox().send(to(BOB, address, raw=b"Subject: x\r\n\r\n"), nothing)
    assert stage.commands()["CONNECT"] == 0


def test_a_letter_to_nobody_is_rejected(stage: SmtpStage) -> None:
    with pytest.raises(ItemRejected, match="no recipient"):
        stage.outbox().send(to(raw=b"Subject: x\r\n\r\n"), nothing)


def test_the_null_sender_of_bounces_and_automatic_answers_is_sent(stage: SmtpStage) -> None:
    stage.outbox().send(to(BOB, sender="", raw=b"Subject: away\r\n\r\n"), nothing)
    assert len(stage.arrived(BOB)) == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.text(alphabet=".a\r\n", max_size=24))
def test_no_line_ends_or_dots_can_end_a_letter_early(stage: SmtpStage, raw: str) -> None:
    """SMTP smuggling: every bare CR or LF becomes a line end before dots are doubled."""
    stage.sandbox.reset()
    stage.sandbox.account(ALICE, PASSWORD)
    stage.outbox().send(to(BOB, raw=b"Subject: x\r\n\r\n" + raw.encode() + b"\r\nthe end"), nothing)
    [arrived] = stage.arrived(BOB)
    body = arrived.partition(b"\r\n\r\n")[2]
    assert body.endswith(b"\r\nthe end\r\n")
    assert body.splitlines() == [
        *raw.encode().splitlines(),
        *([b""] if raw.endswith(("\r", "\n")) or not raw else []),
        b"the end",
    ]


# What the server answers


def smtp_script(answers: dict[bytes, list[bytes]], heard: list[bytes] | None = None) -> Script:
    """An SMTP server that gives fixed lines for each verb ("." is the end of the data); [] means it hangs up."""
    usual = {
        b"": [b"220 mail.us.test"],
        b"EHLO": [b"250-mail.us.test", b"250 AUTH PLAIN LOGIN"],
        b"AUTH": [b"235 welcome"],
        b"DATA": [b"354 go on"],
    }
    said = usual | answers

    def play(line: Line) -> None:
        line.say(*said[b""])
        while command := line.hear():
            if heard is not None:
                heard.append(command)
            verb = command.split(b" ")[0].upper()
            lines = said.get(verb, [b"250 ok"])
            if not lines:
                return
            line.say(*lines)
            if verb == b"DATA" and lines[0].startswith(b"354"):
                while line.hear() != b".":
                    pass
                if not said.get(b".", [b"250 ok"]):
                    return
                line.say(*said.get(b".", [b"250 ok"]))

    return play


def scripted(server: ScriptedServer, **changes: Any) -> SmtpOutbox:
    """Alice's outbox at a scripted server."""
    access = Access(
        Transport.SMTP,
        ALICE,
        host="127.0.0.1",
        port=server.port,
        tls=Tls.NONE,
        username=ALICE,
        password=PASSWORD,
        timeout=5,
        allowed_local_hosts=frozenset({"127.0.0.1"}),
    )
    return SmtpOutbox(replace(access, **changes))


ANSWERS: list[tuple[bytes, bytes, type[ConnectorError]]] = [
    (b"", b"554 no service here", MailboxUnavailable),
    (b"", b"421 busy", Transient),
    (b"", b"421 4.7.0 too many connections", Throttled),
    (b"", b"+OK POP3 ready", MailboxUnavailable),
    (b"", b"garbage", Transient),
    (b"EHLO", b"421 busy", Transient),
    (b"AUTH", b"535 5.7.8 wrong", AuthenticationFailed),
    (b"AUTH", b"534 mechanism too weak", AuthenticationFailed),
    (b"AUTH", b"454 4.7.0 try later", Transient),
    (b"AUTH", b"504 unknown mechanism", MailboxUnavailable),
    (b"MAIL", b"530 5.7.0 Must issue a STARTTLS command first", AuthenticationFailed),
    (b"MAIL", b"550 5.7.60 not allowed to send as this sender", ItemRejected),
    (b"MAIL", b"452 4.3.1 disk full", Transient),
    (b"MAIL", b"451 4.7.1 Rate limit exceeded", Throttled),
    (b"MAIL", b"garbage", Transient),
    (b"RCPT", b"550 no such user", ItemRejected),
    (b"RCPT", b"450 4.2.0 Greylisted, try again later", Throttled),
    (b"RCPT", b"421 closing", Transient),
    (b"RCPT", b"530 login first", AuthenticationFailed),
    (b"DATA", b"554 no valid recipients", ItemRejected),
    (b"DATA", b"451 not now", Transient),
    (b"DATA", b"250 what?", Transient),
    (b".", b"554 5.7.1 spam", ItemRejected),
    (b".", b"451 4.3.0 not now", Transient),
    (b".", b"452 4.7.0 too many messages", Throttled),
    (b".", b"garbage", OutcomeUnknown),
]


@pytest.mark.parametrize(("verb", "answer", "error"), ANSWERS)
def test_what_an_answer_means(verb: bytes, answer: bytes, error: type[ConnectorError]) -> None:
    with ScriptedServer(smtp_script({verb: [answer]})) as server:
        with pytest.raises(ConnectorError) as refusal:
            scripted(server).send(to(BOB), nothing)
    assert type(refusal.value) is error


@pytest.mark.parametrize("verb", [b"", b"EHLO", b"AUTH", b"MAIL", b"RCPT", b"DATA", b"."])
def test_a_line_that_breaks_is_unknown_only_after_the_letter_was_handed_over(verb: bytes) -> None:
    handed_over: list[bool] = []
    with ScriptedServer(smtp_script({verb: []})) as server:
        with pytest.raises(Transient) as failure:
            scripted(server).send(to(BOB), lambda: handed_over.append(True))
    assert isinstance(failure.value, OutcomeUnknown) is bool(handed_over) is (verb in (b"DATA", b"."))


def test_the_words_of_acceptance_are_kept() -> None:
    with ScriptedServer(smtp_script({b".": [b"250-2.0.0 Ok", b"250 queued as 4711"]})) as server:
        assert scripted(server).send(to(BOB), nothing).words == "2.0.0 Ok queued as 4711"


def test_a_server_without_ehlo_is_greeted_the_old_way() -> None:
    with ScriptedServer(smtp_script({b"EHLO": [b"502 unknown"]})) as server:
        assert scripted(server, username="").send(to(BOB), nothing).refused == ()


def test_the_password_goes_by_login_where_there_is_no_plain() -> None:
    heard: list[bytes] = []

    def play(line: Line) -> None:
        line.say(b"220 x")
        for answer in (
            b"250-x\r\n250 AUTH LOGIN CRAM-MD5",
            b"334 VXNlcm5hbWU6",
            b"334 UGFzc3dvcmQ6",
            b"235 ok",
            b"550 no",
        ):
            heard.append(line.hear())
            line.say(answer)

    with ScriptedServer(play) as server:
        with pytest.raises(ItemRejected):
            scripted(server).send(to(BOB), nothing)
    assert heard[1:4] == [b"AUTH LOGIN", b64encode(ALICE.encode()), b64encode(PASSWORD.encode())]


def test_a_refused_password_is_not_tried_with_another_mechanism() -> None:
    heard: list[bytes] = []
    with ScriptedServer(smtp_script({b"AUTH": [b"535 wrong"]}, heard)) as server:
        with pytest.raises(AuthenticationFailed):
            scripted(server).send(to(BOB), nothing)
    assert [command.split()[:2] for command in heard if command.startswith(b"AUTH")] == [[b"AUTH", b"PLAIN"]]


@pytest.mark.parametrize(("features", "tls"), [([b"250 x"], Tls.NONE), ([b"250-x", b"250 AUTH PLAIN"], Tls.STARTTLS)])
def test_a_password_is_not_sent_to_a_server_that_lacks_the_means(features: list[bytes], tls: Tls) -> None:
    heard: list[bytes] = []
    with ScriptedServer(smtp_script({b"EHLO": features}, heard)) as server:
        with pytest.raises(MailboxUnavailable) as refusal:
            scripted(server, tls=tls).send(to(BOB), nothing)
    assert refusal.value.remedy
    assert not any(command.startswith(b"AUTH") for command in heard)


def test_what_is_slipped_in_before_the_encryption_is_not_believed() -> None:
    answers = {b"EHLO": [b"250-x", b"250 STARTTLS"], b"STARTTLS": [b"220 go", b"250 slipped in"]}
    with ScriptedServer(smtp_script(answers)) as server:
        with pytest.raises(Transient, match="before the encryption"):
            scripted(server, tls=Tls.STARTTLS).send(to(BOB), nothing)


@pytest.mark.parametrize("sender", [ALICE, "älice@us.test"])
def test_addresses_beyond_ascii_are_rejected_where_the_server_lacks_smtputf8(sender: str) -> None:
    address = BOB if sender != ALICE else "bürgerbüro@us.test"
    with ScriptedServer(smtp_script({})) as server:
        with pytest.raises(ItemRejected, match="SMTPUTF8") as refusal:
            scripted(server).send(to(address, sender=sender, raw=b"Subject: x\r\n\r\n"), nothing)
    assert refusal.value.remedy


@pytest.mark.parametrize(
    ("raw", "parameters"),
    [
        (b"Subject: x\r\n\r\nplain", b""),
        ("Subject: x\r\n\r\nGrüße".encode(), b" BODY=8BITMIME"),
        ("Subject: Grüße\r\n\r\nx".encode(), b" BODY=8BITMIME SMTPUTF8"),
    ],
)
def test_the_server_is_told_what_the_letter_needs(raw: bytes, parameters: bytes) -> None:
    heard: list[bytes] = []
    features = [b"250-x", b"250-8BITMIME", b"250-SMTPUTF8", b"250 AUTH PLAIN"]
    with ScriptedServer(smtp_script({b"EHLO": features}, heard)) as server:
        scripted(server).send(to(BOB, CAROL, raw=raw), nothing)
    assert b"MAIL FROM:<" + ALICE.encode() + b">" + parameters in heard


def test_an_answer_without_an_end_is_transient() -> None:
    with ScriptedServer(smtp_script({b"EHLO": [b"250-and"] * 5000})) as server:
        with pytest.raises(Transient, match="without an end"):
            scripted(server).send(to(BOB), nothing)


def test_a_server_that_dribbles_does_not_hold_us_for_ever() -> None:
    """Each line comes well within the time-out, but the answer never ends."""

    def play(line: Line) -> None:
        line.say(b"220 x")
        line.hear()
        line.link.settimeout(0.01)
        while True:
            line.say(b"250-and")
            try:
                if not line.link.recv(1):
                    return
            except TimeoutError:
                continue

    with ScriptedServer(play) as server:
        with pytest.raises(Transient, match="in time"):
            scripted(server, timeout=HASTY / 8).send(to(BOB), nothing)
