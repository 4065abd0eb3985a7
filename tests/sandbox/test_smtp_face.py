"""The SMTP face, used with the client of the standard library and with bare sockets."""

from __future__ import annotations

import contextlib
import poplib
import smtplib
import socket
import ssl
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.letters import letter
from tests.world import SandboxProcess

ALICE = "alice@us.test"
BOB = "bob@us.test"
CAROL = "carol@out.test"


@contextlib.contextmanager
def smtp(sandbox: SandboxProcess, user: str = "", password: str = "secret") -> Iterator[smtplib.SMTP]:
    client = smtplib.SMTP(sandbox.host, sandbox.smtp_port, local_hostname="client.test", timeout=10)
    try:
        client.ehlo()
        if user:
            client.login(user, password)
        yield client
    finally:
        client.close()


def talk(sandbox: SandboxProcess, words: bytes) -> bytes:
    """Send everything in one go and return all answers, up to the end of the connection."""
    with socket.create_connection((sandbox.host, sandbox.smtp_port), timeout=10) as connection:
        connection.sendall(words)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def codes(answers: bytes) -> list[int]:
    """The reply codes, one per answer."""
    return [int(line[:3]) for line in answers.splitlines() if line[3:4] == b" "]


@pytest.fixture
def office(sandbox: SandboxProcess) -> SandboxProcess:
    """A sandbox in which Alice and Bob have accounts."""
    sandbox.account(ALICE)
    sandbox.account(BOB)
    return sandbox


HELLO = letter(ALICE, CAROL, "Hello", "Hi Carol")


def test_what_alice_sends_arrives_outside_below_a_received_header(office: SandboxProcess) -> None:
    with smtp(office, ALICE) as client:
        assert client.sendmail(ALICE, [CAROL], HELLO) == {}
    (arrived,) = office.inbox(CAROL)
    raw = office.raw(CAROL, arrived["id"])
    assert raw.startswith(b"Received: from us.test by sandbox.test")
    assert raw.endswith(HELLO)


def test_a_submission_leaves_no_copy_in_sent_items(office: SandboxProcess) -> None:
    with smtp(office, ALICE) as client:
        client.sendmail(ALICE, [CAROL], HELLO)
    assert office.items(ALICE) == []


def test_mail_from_outside_needs_no_sign_in(office: SandboxProcess) -> None:
    with smtp(office) as client:
        client.sendmail(CAROL, [ALICE, BOB], letter(CAROL, [ALICE, BOB], "Hello", "Hi both"))
    assert [len(office.inbox(address)) for address in (ALICE, BOB)] == [1, 1]


def test_a_recipient_named_twice_gets_one_copy(office: SandboxProcess) -> None:
    with smtp(office) as client:
        client.sendmail(CAROL, [ALICE, "Alice@US.test"], HELLO)
    assert len(office.inbox(ALICE)) == 1


def test_a_server_may_demand_sign_in(office: SandboxProcess) -> None:
    office.settings(require_auth=True)
    with smtp(office) as client, pytest.raises(smtplib.SMTPSenderRefused) as refusal:
        client.sendmail(ALICE, [CAROL], HELLO)
    assert refusal.value.smtp_code == 530
    with smtp(office, ALICE) as client:
        assert client.sendmail(ALICE, [CAROL], HELLO) == {}


def test_the_end_of_a_message_is_found_wherever_the_network_cuts_it(office: SandboxProcess) -> None:
    with smtp(office) as client:
        for size in range(65_526, 65_540):  # the face reads 65,536 bytes at most in one go
            assert client.sendmail(CAROL, [ALICE], b"A: 1\r\n\r\n" + b"x" * (size - 10) + b"\r\n") == {}
    sizes = [office.raw(ALICE, item["id"]).count(b"x") for item in office.inbox(ALICE)]
    assert len(set(sizes)) == 14


@pytest.mark.parametrize("mechanism", ["auth_plain", "auth_login"])
def test_both_mechanisms_accept_the_right_password_only(office: SandboxProcess, mechanism: str) -> None:
    with smtp(office) as client:
        client.user, client.password = ALICE, "wrong"
        name = mechanism.removeprefix("auth_").upper()
        with pytest.raises(smtplib.SMTPAuthenticationError) as refusal:
            client.auth(name, getattr(client, mechanism))
        assert refusal.value.smtp_code == 535
        client.password = "secret"
        assert client.auth(name, getattr(client, mechanism))[0] == 235


def test_malformed_credentials_are_a_syntax_error(office: SandboxProcess) -> None:
    answers = codes(talk(office, b"EHLO x\r\nAUTH PLAIN !!!\r\nAUTH PLAIN\r\n*\r\nAUTH CRAM-MD5\r\nQUIT\r\n"))
    assert answers == [220, 250, 501, 334, 501, 501, 221]


def test_some_servers_let_nobody_but_services_send_for_others(office: SandboxProcess) -> None:
    office.settings(switches=["own_sender_only"])
    office.account("crm@us.test", impersonate=True)
    with smtp(office, BOB) as client, pytest.raises(smtplib.SMTPSenderRefused) as refusal:
        client.sendmail(ALICE, [CAROL], HELLO)
    assert refusal.value.smtp_code == 553
    with smtp(office, "crm@us.test") as client:
        assert client.sendmail(ALICE, [CAROL], HELLO) == {}


def test_one_connection_carries_many_messages(office: SandboxProcess) -> None:
    with smtp(office, ALICE) as client:
        for number in range(5):
            client.sendmail(ALICE, [CAROL], letter(ALICE, CAROL, f"Number {number}", "Hi"))
    assert [item["subject"] for item in office.inbox(CAROL)] == [f"Number {n}" for n in range(5)]


def test_a_whole_transaction_may_be_pipelined(office: SandboxProcess) -> None:
    words = b"EHLO x\r\nMAIL FROM:<c@out.test>\r\nRCPT TO:<alice@us.test>\r\nRCPT TO:<550@us.test>\r\nDATA\r\n"
    answers = talk(office, words + b"Subject: Hi\r\n\r\n..dot\r\n.\r\nRSET\r\nQUIT\r\n")
    assert codes(answers) == [220, 250, 250, 250, 550, 354, 250, 250, 221]
    (arrived,) = office.inbox(ALICE)
    assert office.raw(ALICE, arrived["id"]).endswith(b"Subject: Hi\r\n\r\n.dot\r\n")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (b"MAIL FROM:<a@b.test>\r\n", 503),
        (b"EHLO x\r\nRCPT TO:<a@b.test>\r\n", 503),
        (b"EHLO x\r\nDATA\r\n", 503),
        (b"EHLO x\r\nEOD\r\n", 500),
        (b"EHLO x\r\nMAIL FROM:<>\r\nDATA\r\n", 554),
        (b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nMAIL FROM:<a@b.test>\r\n", 503),
        (b"EHLO x\r\nMAIL FROM:<nobody>\r\n", 501),
        (b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<nobody>\r\n", 501),
        (b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<\xc3\xbc@b.test>\r\n", 553),
        (b"EHLO x\r\nMAIL FROM:<> SMTPUTF8\r\nRCPT TO:<\xc3\xbc@b.test>\r\n", 250),
        (b"EHLO x\r\nTURN\r\n", 500),
        (b"HELO x\r\nNOOP\r\n", 250),
    ],
)
def test_commands_out_of_order_or_form_are_refused(office: SandboxProcess, words: bytes, expected: int) -> None:
    assert codes(talk(office, words + b"QUIT\r\n"))[-2] == expected


def test_a_server_can_be_without_smtputf8(office: SandboxProcess) -> None:
    with smtp(office) as client:
        assert client.has_extn("smtputf8")
    office.settings(switches=["no_smtputf8"])
    with smtp(office) as client:
        assert not client.has_extn("smtputf8")


def test_too_large_a_message_is_refused_when_announced_and_when_sent(office: SandboxProcess) -> None:
    office.settings(size_limit=1000)
    with smtp(office) as client:
        assert client.esmtp_features["size"] == "1000"
        assert client.mail(CAROL, ["SIZE=1001"])[0] == 552
        client.mail(CAROL)
        client.rcpt(ALICE)
        assert client.data(b"x" * 2000)[0] == 552
    assert office.items(ALICE) == []


def test_tls_from_the_start_and_by_command(office: SandboxProcess, trusting: ssl.SSLContext) -> None:
    with smtplib.SMTP_SSL("localhost", office.ports["smtps"], context=trusting, timeout=10) as encrypted:
        encrypted.login(ALICE, "secret")
        assert not encrypted.has_extn("starttls")
    with smtplib.SMTP("localhost", office.smtp_port, timeout=10) as upgraded:
        upgraded.starttls(context=trusting)
        upgraded.login(ALICE, "secret")
        assert upgraded.sendmail(ALICE, [CAROL], HELLO) == {}
        assert not upgraded.has_extn("starttls")


def test_words_smuggled_in_before_tls_are_thrown_away(office: SandboxProcess, trusting: ssl.SSLContext) -> None:
    with socket.create_connection((office.host, office.smtp_port), timeout=10) as plain:
        plain.sendall(b"STARTTLS\r\nMAIL FROM:<evil@out.test>\r\n")
        answers = b""
        while b"220 2.0.0" not in answers:
            answers += plain.recv(1000)
        with trusting.wrap_socket(plain, server_hostname="localhost") as encrypted:
            encrypted.sendall(b"NOOP\r\nQUIT\r\n")
            assert codes(b"".join(iter(lambda: encrypted.recv(1000), b""))) == [250, 221]


@pytest.mark.parametrize("faulty", [False, True])
def test_the_end_of_data_is_no_command(office: SandboxProcess, faulty: bool) -> None:
    if faulty:
        office.fault(face="smtp", operation="EOD", effect="smtp", code=554, times=1)
    words = b"EHLO x\r\nMAIL FROM:<c@out.test>\r\nRCPT TO:<alice@us.test>\r\nDATA\r\nA: 1\r\n\r\n.\r\nEOD\r\nQUIT\r\n"
    assert codes(talk(office, words))[-3:] == [554 if faulty else 250, 500, 221]
    assert len(office.inbox(ALICE)) == (0 if faulty else 1)


# Faults


@pytest.mark.parametrize(
    ("address", "code"),
    [("temperror@out.test", 451), ("permerror@out.test", 550), ("421@out.test", 421), ("bob.552@out.test", 552)],
)
def test_an_address_refuses_with_its_code(office: SandboxProcess, address: str, code: int) -> None:
    with smtp(office, ALICE) as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        client.sendmail(ALICE, [address], HELLO)
    assert refusal.value.recipients[address][0] == code


def test_one_refused_recipient_does_not_hold_up_the_others(office: SandboxProcess) -> None:
    with smtp(office, ALICE) as client:
        refused = client.sendmail(ALICE, ["permerror@out.test", CAROL], HELLO)
    assert list(refused) == ["permerror@out.test"]
    assert len(office.inbox(CAROL)) == 1
    assert office.items("permerror@out.test") == []


def test_a_timeout_address_never_answers(office: SandboxProcess) -> None:
    with smtp(office) as client:
        client.mail(CAROL)
        assert client.sock is not None
        client.sock.settimeout(0.1)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.rcpt("timeout@us.test")


@pytest.mark.parametrize("operation", ["DATA", "EOD"])
def test_an_accepted_message_whose_answer_is_lost_arrives_all_the_same(office: SandboxProcess, operation: str) -> None:
    office.fault(face="smtp", operation=operation, effect="drop", after_effect=True, times=1)
    with smtp(office, ALICE) as client, pytest.raises(smtplib.SMTPServerDisconnected):
        client.sendmail(ALICE, [CAROL], HELLO)
    assert len(office.inbox(CAROL)) == 1


@pytest.mark.parametrize("operation", ["DATA", "EOD"])
def test_a_message_cut_off_before_it_was_accepted_arrives_nowhere(office: SandboxProcess, operation: str) -> None:
    office.fault(face="smtp", operation=operation, effect="drop", times=1)
    with smtp(office, ALICE) as client, pytest.raises(smtplib.SMTPServerDisconnected):
        client.sendmail(ALICE, [CAROL], HELLO)
    assert office.items(CAROL) == []
    with smtp(office, ALICE) as client:
        assert client.sendmail(ALICE, [CAROL], HELLO) == {}


@pytest.mark.parametrize(
    ("operation", "fault", "code"),
    [
        ("EOD", {"effect": "smtp", "code": 554, "text": "5.7.1 Spam"}, 554),
        ("EOD", {"effect": "throttle", "delay_seconds": 60}, 451),
        ("DATA", {"effect": "smtp", "code": 452, "text": "4.3.1 Disk full"}, 452),
    ],
)
def test_a_message_may_be_refused_with_a_code(
    office: SandboxProcess, operation: str, fault: dict[str, object], code: int
) -> None:
    office.fault(face="smtp", operation=operation, times=1, **fault)
    with smtp(office, ALICE) as client, pytest.raises(smtplib.SMTPDataError) as refusal:
        client.sendmail(ALICE, [CAROL], HELLO)
    assert refusal.value.smtp_code == code
    assert office.items(CAROL) == []


def test_a_fault_can_wait_for_one_account_only(office: SandboxProcess) -> None:
    office.fault(face="smtp", operation="MAIL", mailbox=ALICE, effect="smtp", code=450)
    with smtp(office, BOB) as client:
        assert client.mail(BOB)[0] == 250
    with smtp(office, ALICE) as client:
        assert client.mail(ALICE)[0] == 450


def test_421_closes_the_connection(office: SandboxProcess) -> None:
    office.fault(face="smtp", operation="NOOP", effect="smtp", code=421, text="4.3.2 Shutting down")
    assert codes(talk(office, b"EHLO x\r\nNOOP\r\nQUIT\r\n")) == [220, 250, 421]


def test_a_server_may_refuse_at_the_door(office: SandboxProcess) -> None:
    office.fault(face="smtp", operation="CONNECT", effect="smtp", code=421, text="4.3.2 Too busy", times=1)
    with pytest.raises(smtplib.SMTPConnectError) as refusal:
        smtplib.SMTP(office.host, office.smtp_port, timeout=10)
    assert refusal.value.smtp_code == 421


def test_a_locked_account_cannot_sign_in(office: SandboxProcess) -> None:
    office.account("temperror@us.test")
    with pytest.raises(smtplib.SMTPAuthenticationError) as refusal, smtp(office, "temperror@us.test"):
        pass
    assert refusal.value.smtp_code == 451


def test_every_command_is_logged_under_its_account(office: SandboxProcess) -> None:
    with smtp(office, ALICE) as client:
        client.sendmail(ALICE, [CAROL], HELLO)
        client.quit()
    log = office.log()
    assert log["counters"]["smtp"] == {
        "CONNECT": 1, "EHLO": 1, "AUTH": 1, "MAIL": 1, "RCPT": 1, "DATA": 1, "EOD": 1, "QUIT": 1,
    }  # fmt: skip
    assert {r["mailbox"] for r in log["requests"] if r["operation"] == "MAIL"} == {ALICE}


# The law of the wire

BODIES = st.lists(st.sampled_from([b".", b"..", b"", b"text", b".text", b"caf\xc3\xa9", b" "]), max_size=8)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BODIES)
def test_what_goes_in_by_smtp_comes_out_by_pop3(office: SandboxProcess, lines: list[bytes]) -> None:
    raw = b"Subject: Lines\r\n\r\n" + b"".join(line + b"\r\n" for line in lines)
    with smtp(office) as client:
        client.sendmail(CAROL, [ALICE], raw)
    reader = poplib.POP3(office.host, office.pop3_port, timeout=10)
    reader.user(ALICE)
    reader.pass_("secret")
    received = b"".join(line + b"\r\n" for line in reader.retr(1)[1])
    reader.dele(1)
    reader.quit()
    assert received.endswith(raw)
