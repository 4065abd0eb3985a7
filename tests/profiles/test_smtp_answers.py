"""SMTP: what servers answer, and what it means for a letter."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from profiles.connectors.base import (
    AuthenticationFailed,
    Cause,
    ConnectorError,
    ItemDelayed,
    ItemRejected,
    MailboxUnavailable,
    OutcomeUnknown,
    Throttled,
    Transient,
)
from profiles.connectors.smtp import SmtpOutbox
from profiles.items import Access, Tls, Transport
from tests.profiles.samples import BOB, CAROL, nothing, to
from tests.profiles.scripted import Line, Script, ScriptedServer
from tests.profiles.stages import ALICE, HASTY, PASSWORD


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


ANSWERS: list[tuple[bytes, bytes, type[ConnectorError], Cause]] = [
    (b"", b"554 no service here", MailboxUnavailable, Cause.PROTOCOL_DISABLED),
    (b"", b"421 busy", Transient, Cause.SERVER),
    (b"", b"421 4.7.0 too many connections", Throttled, Cause.BUSY),
    (b"", b"+OK POP3 ready", MailboxUnavailable, Cause.PORT),
    (b"", b"garbage", Transient, Cause.PORT),
    (b"EHLO", b"421 busy", Transient, Cause.SERVER),
    (b"AUTH", b"535 5.7.8 wrong", AuthenticationFailed, Cause.CREDENTIALS),
    (b"AUTH", b"535 5.7.139 SmtpClientAuthentication is disabled", AuthenticationFailed, Cause.PROTOCOL_DISABLED),
    (b"AUTH", b"535 5.7.8 this account is disabled", AuthenticationFailed, Cause.ACCOUNT_DISABLED),
    (b"AUTH", b"534 mechanism too weak", AuthenticationFailed, Cause.LOGIN_METHOD),
    (b"AUTH", b"538 encryption required", AuthenticationFailed, Cause.TLS_MODE),
    (b"AUTH", b"454 4.7.0 try later", Transient, Cause.SERVER),
    (b"AUTH", b"504 unknown mechanism", MailboxUnavailable, Cause.LOGIN_METHOD),
    (b"MAIL", b"530 5.7.0 Must issue a STARTTLS command first", AuthenticationFailed, Cause.TLS_MODE),
    (b"MAIL", b"550 5.7.60 not allowed to send as this sender", ItemRejected, Cause.SEND_AS),
    (b"MAIL", b"552 5.3.4 message too big", ItemRejected, Cause.SIZE),
    (b"MAIL", b"452 4.3.1 disk full", Transient, Cause.SERVER),
    (b"MAIL", b"451 4.7.1 Rate limit exceeded", Throttled, Cause.BUSY),
    (b"MAIL", b"garbage", Transient, Cause.PORT),
    (b"RCPT", b"550 no such user", ItemRejected, Cause.RECIPIENT),
    (b"RCPT", b"553 5.7.1 Sender address rejected: not owned by user", ItemRejected, Cause.SEND_AS),
    (b"RCPT", b"552 5.2.2 mailbox full", ItemRejected, Cause.QUOTA),
    (b"RCPT", b"450 4.2.0 Greylisted, try again later", ItemDelayed, Cause.RECIPIENT),
    (b"RCPT", b"452 4.2.2 over quota", ItemDelayed, Cause.QUOTA),
    (b"RCPT", b"421 closing", Transient, Cause.SERVER),
    (b"RCPT", b"530 login first", AuthenticationFailed, Cause.CREDENTIALS),
    (b"DATA", b"554 no valid recipients", ItemRejected, Cause.ITEM),
    (b"DATA", b"451 not now", ItemDelayed, Cause.SERVER),
    (b"DATA", b"250 what?", Transient, Cause.SERVER),
    (b".", b"554 5.7.1 spam", ItemRejected, Cause.ITEM),
    (b".", b"550 5.7.60 Client does not have permissions to send as this sender", ItemRejected, Cause.SEND_AS),
    (b".", b"451 4.3.0 not now", ItemDelayed, Cause.SERVER),
    (b".", b"452 4.7.0 too many messages", Throttled, Cause.BUSY),
    (b".", b"garbage", OutcomeUnknown, Cause.PORT),
]


@pytest.mark.parametrize(("verb", "answer", "error", "cause"), ANSWERS)
def test_what_an_answer_means(verb: bytes, answer: bytes, error: type[ConnectorError], cause: Cause) -> None:
    with ScriptedServer(smtp_script({verb: [answer]})) as server:
        with pytest.raises(ConnectorError) as refusal:
            scripted(server).send(to(BOB), nothing)
    assert (type(refusal.value), refusal.value.cause) == (error, cause)


@pytest.mark.parametrize("verb", [b"", b"EHLO", b"AUTH", b"MAIL", b"RCPT", b"DATA", b"."])
def test_a_line_that_breaks_is_unknown_only_once_the_letter_is_on_its_way(verb: bytes) -> None:
    handed_over: list[bool] = []
    with ScriptedServer(smtp_script({verb: []})) as server:
        with pytest.raises(Transient) as failure:
            scripted(server).send(to(BOB), lambda: handed_over.append(True))
    assert isinstance(failure.value, OutcomeUnknown) is (verb == b".")
    assert bool(handed_over) is (verb == b".")


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


def test_what_was_said_of_each_recipient_is_one_sentence() -> None:
    answers = {b"RCPT": [b"550 no such user"]}
    with ScriptedServer(smtp_script(answers)) as server:
        with pytest.raises(ItemRejected) as refusal:
            scripted(server).send(to(BOB, CAROL), nothing)
    assert refusal.value.words == f"{BOB}: 550 no such user; {CAROL}: 550 no such user."
