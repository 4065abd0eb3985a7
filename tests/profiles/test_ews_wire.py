"""Below Exchange mail: connections, encryption, time and size limits, forks, threads, answers that are none."""

from __future__ import annotations

import base64
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from exchangelib.protocol import CachingProtocol
from hypothesis import given
from hypothesis import strategies as st

from profiles.connectors.base import AuthenticationFailed, ConnectorError, MailboxUnavailable, Throttled, Transient
from profiles.connectors.ews import headers, wire
from profiles.connectors.ews.mail import EwsSource
from profiles.connectors.ews.outbox import EwsOutbox
from profiles.items import Arrival, Letter, Missing, Tls
from tests.letters import letter
from tests.profiles.exchange import (
    ALICE,
    BOB,
    CAROL,
    PASSWORD,
    access,
    canned,
    keys,
    refusal,
    requests,
    says,
    set_up,
    soap,
    success,
)
from tests.world import SandboxProcess

IDLE = soap(
    "SyncFolderItems",
    success(
        "SyncFolderItems",
        "<m:SyncState>state</m:SyncState><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange><m:Changes/>",
    ),
)


@pytest.fixture
def exchange(sandbox: SandboxProcess) -> SandboxProcess:
    return set_up(sandbox)


def poll(url: str, **changes: object) -> list[str]:
    """The keys in Alice's inbox."""
    return keys(list(EwsSource(access(url, **changes)).changes("inbox", "")))


# Who is reached


def test_a_host_of_this_machine_must_be_allowed(exchange: SandboxProcess) -> None:
    with pytest.raises(MailboxUnavailable) as refused:
        poll(exchange.ews_url, allowed_local_hosts=frozenset(), tls=Tls.NONE)
    assert "ALLOWED_LOCAL_HOSTS" in refused.value.remedy
    assert requests(exchange) == {}


@pytest.mark.parametrize("url", ["", "mail.us.test", "ftp://mail.us.test/", "https://", "http:///EWS"])
def test_what_is_no_address_of_a_server_is_said_before_anything_is_sent(url: str) -> None:
    with pytest.raises(MailboxUnavailable) as refused:
        poll(url)
    assert "https://" in refused.value.remedy


def test_a_password_goes_over_the_net_in_clear_only_if_that_was_chosen() -> None:
    with pytest.raises(MailboxUnavailable, match="without encryption"):
        poll("http://mail.us.test/EWS/Exchange.asmx")


def test_without_a_user_name_nothing_is_asked(exchange: SandboxProcess) -> None:
    with pytest.raises(AuthenticationFailed):
        poll(exchange.ews_url, username="")
    assert requests(exchange) == {}


def test_a_password_may_hold_any_character(exchange: SandboxProcess) -> None:
    exchange.account("zoë@us.test", "パスワード ü")
    zoe = access(exchange.ews_url, "zoë@us.test", username="zoë@us.test", password="パスワード ü", impersonate=False)
    assert list(EwsSource(zoe).listing("inbox")) == []


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate of `name`, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@pytest.mark.parametrize(("name", "trusted", "works"), [
    ("localhost", True, True),
    ("localhost", False, False),
    ("other.test", True, False),
])  # fmt: skip
def test_certificates_are_verified_and_an_authority_can_be_added(
    tmp_path: Path, name: str, trusted: bool, works: bool
) -> None:
    cert, key = certificate(tmp_path, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with canned(says(IDLE), context) as url:
        ca_file = str(cert) if trusted else ""
        if works:
            assert poll(url, ca_file=ca_file) == []
        else:
            with pytest.raises(MailboxUnavailable) as refused:
                poll(url, ca_file=ca_file)
            assert "certificate" in f"{refused.value}".lower()
            assert refused.value.remedy


def test_encryption_with_a_server_that_has_none_is_not_transient() -> None:
    def greet(listener: socket.socket) -> None:
        link, _ = listener.accept()
        with link:
            link.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            link.recv(10_000)

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as threads:
        threads.submit(greet, listener)
        with pytest.raises(MailboxUnavailable):
            poll(f"https://127.0.0.1:{listener.getsockname()[1]}/EWS/Exchange.asmx")


def test_a_missing_authority_file_is_named(exchange: SandboxProcess) -> None:
    with pytest.raises(MailboxUnavailable, match="authorities"):
        poll(exchange.ews_url.replace("http://", "https://"), ca_file="/nowhere/authority.pem")


# Connections


def test_mailboxes_of_the_service_account_share_connections_and_persons_leave_none(exchange: SandboxProcess) -> None:
    def kept() -> int:
        return sum(endpoint == exchange.ews_url for endpoint, _ in CachingProtocol._protocol_cache)

    CachingProtocol.clear_cache()
    for address in (ALICE, BOB):
        service = EwsSource(access(exchange.ews_url, address, max_connections=3))
        assert list(service.listing("inbox")) == []
        service.close()
        person = EwsSource(access(exchange.ews_url, address, username=address, impersonate=False))
        assert list(person.listing("inbox")) == []
        assert kept() == 2
        person.close()
    assert kept() == 1


def test_ways_of_access_that_differ_share_nothing(exchange: SandboxProcess) -> None:
    assert poll(exchange.ews_url) == []
    with pytest.raises(MailboxUnavailable):
        poll(exchange.ews_url, allowed_local_hosts=frozenset(), tls=Tls.NONE)
    with pytest.raises(AuthenticationFailed):
        poll(exchange.ews_url, password="other")


def test_threads_get_the_mail_they_asked_for(exchange: SandboxProcess) -> None:
    people = {f"person{n}@us.test": f"Letter for {n}" for n in range(6)}
    for address, subject in people.items():
        exchange.account(address, PASSWORD)
        exchange.deliver(address, letter(CAROL, address, subject, "Hello"))

    def read(address: str) -> bytes:
        source = EwsSource(access(exchange.ews_url, address, max_connections=4))
        [found] = source.fetch(keys(list(source.changes("inbox", ""))), raw=False)
        assert isinstance(found, Arrival)
        return found.headers

    with ThreadPoolExecutor(4) as threads:
        for address, found in zip(list(people) * 4, threads.map(read, list(people) * 4), strict=True):
            assert people[address].encode() in found


def test_forked_processes_share_no_connection(exchange: SandboxProcess) -> None:
    people = [f"person{n}@us.test" for n in range(4)]
    for address in people:
        exchange.account(address, PASSWORD)
        exchange.deliver(address, letter(CAROL, address, f"For {address}", "Hello"))
    held = EwsSource(access(exchange.ews_url))
    assert list(held.listing("inbox")) == []

    def child(address: str) -> int:
        for _ in range(10):
            source = EwsSource(access(exchange.ews_url, address))
            [found] = source.fetch(keys(list(source.changes("inbox", ""))), raw=False)
            if not isinstance(found, Arrival) or f"For {address}".encode() not in found.headers:
                return 1
        return len(list(held.listing("inbox")))  # a source of the parent works on, too

    children = []
    for address in people:
        pid = os.fork()
        if pid == 0:
            status = 2
            try:
                status = child(address)
            finally:
                os._exit(status)
        children.append(pid)
    assert list(held.listing("inbox")) == []
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0, 0, 0, 0]
    assert list(held.listing("inbox")) == []


def test_the_exchange_client_is_loaded_only_when_it_is_used() -> None:
    program = "import sys, profiles.connectors; sys.exit('exchangelib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# Answers


def test_a_server_that_sends_a_byte_now_and_then_does_not_hold_us() -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"<")
            handler.wfile.flush()
            time.sleep(0.05)

    with canned(drip) as url, pytest.raises(Transient, match="slowly"):
        poll(url, timeout=0.25)


def test_an_answer_without_an_end_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LARGEST_ANSWER", 200_000)
    with canned(says(soap("SyncFolderItems", " " * 300_000))) as url, pytest.raises(Transient, match="larger"):
        poll(url)


def test_a_caller_who_lost_his_lease_is_not_told_of_the_network(exchange: SandboxProcess) -> None:
    class LostLease(Exception):
        pass

    def progress() -> None:
        raise LostLease

    with pytest.raises(LostLease):
        list(EwsSource(access(exchange.ews_url), progress).changes("inbox", ""))
    assert poll(exchange.ews_url) == []


def test_nothing_of_a_letter_gets_into_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("an accident")

    monkeypatch.setattr(wire.EndpointAdapter, "send", fail)
    private = Letter("m", "<m@x>", ALICE, (CAROL,), letter(ALICE, CAROL, "Private matter", "Hush"))
    with pytest.raises(Transient):
        EwsOutbox(access("https://mail.us.test/")).send(private, lambda: None)
    assert "CreateItem" not in caplog.text
    assert base64.b64encode(private.raw).decode()[:40] not in caplog.text


@pytest.mark.parametrize("date", ["", "Mon, 02 Mar 2026 10:00:00 GMT"])
def test_a_delay_may_be_told_as_a_date(date: str) -> None:
    answer = says("", 503, Retry_After="Mon, 02 Mar 2026 10:01:30 GMT", **({"Date": date} if date else {}))
    with canned(answer) as url, pytest.raises(Throttled) as asked:
        poll(url)
    assert asked.value.delay is not None
    assert asked.value.delay >= timedelta()
    assert not date or asked.value.delay <= timedelta(seconds=90)


def test_a_delay_inside_a_response_message_is_kept() -> None:
    wait = '<m:MessageXml><t:Value Name="BackOffMilliseconds">2750</t:Value></m:MessageXml>'
    with canned(says(soap("SyncFolderItems", refusal("SyncFolderItems", "ErrorServerBusy", wait)))) as url:
        with pytest.raises(Throttled) as asked:
            poll(url)
    assert asked.value.delay == timedelta(seconds=2.75)


ANSWERS: list[tuple[str, int, dict[str, str], type[ConnectorError]]] = [
    (soap("SyncFolderItems"), 200, {}, Transient),
    (soap("SyncFolderItems", success("SyncFolderItems", "")), 200, {}, Transient),
    (soap("GetItem", success("GetItem", "")), 200, {}, Transient),
    (soap("SyncFolderItems", refusal("SyncFolderItems", "ErrorWeNeverHeardOf")), 200, {}, Transient),
    (soap("SyncFolderItems", refusal("SyncFolderItems", "ErrorADUnavailable")), 200, {}, Transient),
    ("", 302, {"Location": "https://other.test/EWS/Exchange.asmx"}, MailboxUnavailable),
    ("", 302, {"Location": "/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx"}, Transient),
    ("", 401, {"Connection": "close"}, AuthenticationFailed),
    ("The referenced account is currently locked out", 500, {}, AuthenticationFailed),
    ("Nothing here", 404, {}, MailboxUnavailable),
    ("", 418, {}, Transient),
    (IDLE, 200, {"Content-Encoding": "gzip"}, Transient),
]


@pytest.mark.parametrize(("body", "status", "more", "kind"), ANSWERS, ids=lambda value: str(value)[-60:])
def test_every_odd_answer_is_one_error_of_the_family(
    body: str, status: int, more: dict[str, str], kind: type[ConnectorError]
) -> None:
    with canned(says(body, status, **more)) as url, pytest.raises(kind):
        poll(url)


def message(content: str) -> str:
    return success("GetItem", f"<m:Items><t:Message>{content}</t:Message></m:Items>")


def test_items_that_cannot_be_read_cost_only_themselves() -> None:
    odd = [
        message('<t:MimeContent CharacterSet="UTF-8">U3ViamVj\ndDogZ29vZA0KDQo=</t:MimeContent><t:ItemId Id="0"/>'),
        message('<t:MimeContent>U3Viam-VjdDogZ29vZA0KDQo=</t:MimeContent><t:ItemId Id="1"/>'),
        success("GetItem", "<m:Items/>"),
        message("<t:MimeContent>U3ViamVjdDogZ29vZA0KDQo=</t:MimeContent>"),
        refusal("GetItem", "ErrorItemNotFound", "<m:Items/>"),
        refusal("GetItem", "ErrorItemCorrupt", "<m:Items/>"),
    ]

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked = re.findall(rb'ItemId Id="(\d)"', handler.body)  # type: ignore[attr-defined]
        says(soap("GetItem", *(odd[int(key)] for key in asked)))(handler)

    with canned(answer) as url:
        found = list(EwsSource(access(url)).fetch(list("012345"), raw=True))
    assert isinstance(found[0], Arrival)
    assert found[0].raw == b"Subject: good\r\n\r\n"
    assert [isinstance(one, Missing) and one.gone for one in found] == [False, False, False, False, True, False]
    assert all(isinstance(one, Missing) and (one.gone or one.error) for one in found[1:])


def test_changes_of_every_kind_and_of_odd_items_are_read() -> None:
    changes = "".join(
        [
            '<t:Create><t:Message><t:ItemId Id="new" ChangeKey="a"/><t:Size>10</t:Size></t:Message></t:Create>',
            '<t:Create><t:SharingMessage><t:ItemId Id="odd"/><t:Size>much</t:Size></t:SharingMessage></t:Create>',
            '<t:Update><t:Message><t:ItemId Id="new" ChangeKey="b"/></t:Message></t:Update>',
            '<t:ReadFlagChange><t:ItemId Id="read"/><t:IsRead>true</t:IsRead></t:ReadFlagChange>',
            '<t:Create><t:Message><t:ItemId Id="brief"/></t:Message></t:Create>',
            '<t:Delete><t:ItemId Id="brief"/></t:Delete>',
        ]
    )
    state = "<m:SyncState>s2</m:SyncState><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>"
    answer = soap("SyncFolderItems", success("SyncFolderItems", f"{state}<m:Changes>{changes}</m:Changes>"))
    with canned(says(answer)) as url:
        [page] = EwsSource(access(url)).changes("inbox", "s1")
    assert {(one.key, one.size, one.change_key) for one in page.shown} == {("new", 0, "b"), ("odd", 0, "")}
    assert (page.gone, page.cursor) == (("brief",), "s2")


def test_a_server_that_stays_on_one_page_does_not_hold_us() -> None:
    with canned(says(IDLE.replace(">true<", ">false<"))) as url:
        pages = list(EwsSource(access(url)).changes("inbox", "state"))
    assert [page.more for page in pages] == [False]


NAMES = st.text(st.characters(codec="utf-8"), max_size=20)


@given(told=st.lists(st.tuples(NAMES, st.text(max_size=80))))
def test_no_value_can_begin_another_header(told: list[tuple[str, str]]) -> None:
    block = headers.block(told)
    lines = block.decode().split("\r\n")
    assert lines.pop() == ""
    assert "\n" not in "".join(lines)
    assert [line.partition(":")[0] for line in lines] == [name for name, _ in told if headers._NAME.fullmatch(name)]
