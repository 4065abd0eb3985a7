"""SMTP (RFC 5321): the rules of all outboxes, and how the line to the sandbox is used."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profiles.connectors import open_source
from profiles.connectors.base import (
    AuthenticationFailed,
    Cause,
    ItemRejected,
    MailboxUnavailable,
)
from profiles.connectors.smtp import SmtpOutbox
from profiles.items import Tls, Trace
from tests.profiles.conformance import OutboxRules, OutboxTroubles
from tests.profiles.samples import BOB, nothing, to
from tests.profiles.stages import ALICE, PASSWORD, SmtpStage
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
    stage.fault("MAIL", "drop")
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
        outbox.send(to(BOB, raw=b"Subject: Letter 1\r\n\r\n" + b"x\r\n" * 300_000), lambda: lease.update(kept=False))
    lease["kept"] = True
    outbox.send(to(BOB, number=2), nothing)
    [arrived] = stage.arrived(BOB)
    assert b"Letter 2" in arrived
    assert b"Letter 1" not in arrived


def test_a_letter_larger_than_the_server_takes_is_not_even_offered(stage: SmtpStage) -> None:
    stage.sandbox.settings(size_limit=1000)
    try:
        with pytest.raises(ItemRejected, match="1000") as refusal:
            stage.outbox().send(to(BOB, raw=b"Subject: x\r\n\r\n" + b"x" * 1000), nothing)
    finally:
        stage.sandbox.settings(size_limit=200_000_000)
    assert refusal.value.remedy
    assert stage.commands()["MAIL"] == 0


@pytest.mark.parametrize("recipients", [("bürgerbüro@us.test",), ("grüße@bücher.test", BOB)])
def test_addresses_beyond_ascii_are_sent_as_smtputf8(stage: SmtpStage, recipients: tuple[str, ...]) -> None:
    stage.outbox().send(to(*recipients, raw=b"Subject: x\r\n\r\n"), nothing)
    assert all(len(stage.arrived(address)) == 1 for address in recipients)


def test_a_domain_beyond_ascii_asks_for_no_ability_of_the_server(stage: SmtpStage) -> None:  # RFC 5890
    receipt = stage.outbox().send(to("bob@straße.test", "permerror@bücher.test", raw=b"Subject: x\r\n\r\n"), nothing)
    assert len(stage.arrived("bob@xn--strae-oqa.test")) == 1
    assert [one.address for one in receipt.refused] == ["permerror@bücher.test"]


REFUSED_FOR_GOOD = [
    # the command, what the server says to it, the cause, and words of what helps
    ("MAIL", 553, "5.7.1 Sender address rejected: not owned by user alice@us.test", Cause.SEND_AS, "right to send"),
    ("MAIL", 550, "5.7.60 Client does not have permissions to send as this sender", Cause.SEND_AS, "right to send"),
    ("EOD", 554, "5.2.252 SendAsDenied; alice@us.test not allowed to send as bob@us.test", Cause.SEND_AS, "SendAs"),
    ("RCPT", 550, "5.5.3 Too many recipients", Cause.TOO_MANY_RECIPIENTS, "fewer people"),
    ("EOD", 554, "Transaction failed: Recipient count exceeds 50.", Cause.TOO_MANY_RECIPIENTS, "fewer people"),
    ("EOD", 552, "5.3.4 Message too big", Cause.SIZE, "smaller attachments"),
]


@pytest.mark.parametrize(("command", "code", "words", "cause", "helps"), REFUSED_FOR_GOOD)
def test_what_is_refused_for_good_says_what_helps(
    stage: SmtpStage, command: str, code: int, words: str, cause: Cause, helps: str
) -> None:
    stage.fault(command, "smtp", code=str(code), text=words)
    with pytest.raises(ItemRejected) as refusal:
        stage.outbox().send(to(BOB), nothing)
    assert refusal.value.cause is cause
    assert helps in refusal.value.remedy
    assert words in refusal.value.words


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
