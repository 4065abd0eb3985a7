"""The control endpoint, and the process around it."""

from __future__ import annotations

import contextlib
import json
import poplib
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.letters import letter
from tests.world import ROOT, Refused, SandboxProcess

ALICE = "alice@us.test"
HELLO = letter("Bob <bob@out.test>", ALICE, "Grüße", "Hello", message_id="<1@out.test>")


@pytest.fixture
def alice(sandbox: SandboxProcess) -> SandboxProcess:
    """A sandbox in which Alice has an account."""
    sandbox.account(ALICE)
    return sandbox


def test_a_delivered_message_is_listed_and_kept_byte_for_byte(alice: SandboxProcess) -> None:
    (item_id,) = alice.deliver(ALICE, HELLO, received="2026-03-01T12:00:00+01:00")
    (item,) = alice.inbox(ALICE)
    assert item == {
        "id": item_id,
        "folder": "inbox",
        "message_id": "<1@out.test>",
        "subject": "Grüße",
        "from": "Bob <bob@out.test>",
        "to": ALICE,
        "size": len(HELLO),
        "uidl": item["uidl"],
        "is_draft": False,
        "is_read": False,
        "item_class": "IPM.Note",
        "categories": [],
        "received": "2026-03-01T11:00:00+00:00",
    }
    assert alice.raw(ALICE, item_id) == HELLO


def test_a_message_with_a_sender_has_travelled(alice: SandboxProcess) -> None:
    (item_id,) = alice.deliver(ALICE, HELLO, sender="bob@out.test")
    raw = alice.raw(ALICE, item_id)
    assert raw.startswith(b"Received: from out.test by sandbox.test")
    assert raw.endswith(HELLO)


def test_text_gets_proper_line_ends(alice: SandboxProcess) -> None:
    alice.post("/deliver", {"to": ALICE, "raw_text": "Subject: Hi\n\nHello"})
    (item,) = alice.inbox(ALICE)
    assert alice.raw(ALICE, item["id"]) == b"Subject: Hi\r\n\r\nHello\r\n"


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff\xfe\x00", b"Subject: =?nonsense?Q?x?=\r\n\r\n", b"Subject: =?utf-8?b?!!?=\r\nFrom: \xe9\r\n\r\n"],
)
def test_broken_messages_are_listed_too(alice: SandboxProcess, raw: bytes) -> None:
    (item_id,) = alice.deliver(ALICE, raw)
    assert [item["size"] for item in alice.inbox(ALICE)] == [len(raw)]
    assert alice.raw(ALICE, item_id) == raw


def test_alice_moves_reads_and_deletes_her_mail(alice: SandboxProcess) -> None:
    (item_id,) = alice.deliver(ALICE, HELLO)
    alice.folder(ALICE, "Projects", parent="inbox")
    moved = alice.move(ALICE, item_id, "projects")
    assert moved != item_id
    alice.update(ALICE, moved, is_read=True, categories=["Tracked"])
    (item,) = alice.inbox(ALICE, folder="Projects")
    assert (item["is_read"], item["categories"]) == (True, ["Tracked"])
    alice.delete(ALICE, moved)
    assert alice.items(ALICE) == []


def test_alice_makes_renames_moves_and_deletes_folders(alice: SandboxProcess) -> None:
    def kept() -> dict[str, str]:
        return {one["path"]: one["id"] for one in alice.folders(ALICE) if not one["kind"]}

    shop = alice.folder(ALICE, "Shop", parent="inbox")
    alice.deliver(ALICE, HELLO, folder="Inbox/Shop")
    alice.rename_folder(ALICE, "Inbox/Shop", "Store")
    assert kept() == {"Inbox/Store": shop}
    alice.move_folder(ALICE, shop)
    assert kept() == {"Store": shop}
    alice.delete_folder(ALICE, "Store", to_bin=True)
    assert kept() == {"Deleted Items/Store": shop}
    assert len(alice.items(ALICE)) == 1
    alice.delete_folder(ALICE, shop)
    assert kept() == {}
    assert alice.items(ALICE) == []


def test_a_restored_mailbox_has_everything_under_new_ids(alice: SandboxProcess) -> None:
    shop = alice.folder(ALICE, "Shop", parent="inbox")
    (letter_id,) = alice.deliver(ALICE, HELLO, folder=shop)
    before = {one["path"]: one["id"] for one in alice.folders(ALICE)}
    alice.restore(ALICE)
    after = {one["path"]: one["id"] for one in alice.folders(ALICE)}
    assert set(after) == set(before)
    assert not set(after.values()) & set(before.values())
    (item,) = alice.items(ALICE)
    assert item["id"] != letter_id
    assert (item["folder"], alice.raw(ALICE, item["id"])) == ("Shop", HELLO)


def test_mailboxes_are_counted_by_folder_and_told_apart(alice: SandboxProcess) -> None:
    alice.deliver([ALICE, "carol@out.test"], HELLO)
    alice.deliver(ALICE, HELLO, folder="junkemail")
    seen = {box["address"]: box for box in alice.mailboxes()}
    assert (seen[ALICE]["account"], seen["carol@out.test"]["account"]) == (True, False)
    assert (seen[ALICE]["folders"]["inbox"], seen[ALICE]["folders"]["junkemail"]) == (1, 1)


def test_a_reset_brings_back_the_accounts_of_the_command_line_only(alice: SandboxProcess) -> None:
    alice.deliver(ALICE, HELLO)
    alice.fault(effect="drop")
    alice.settings(require_auth=True, switches=["no_uidl"])
    alice.reset()
    assert [box["address"] for box in alice.mailboxes()] == ["founder@us.test"]
    assert alice.faults() == []
    assert alice.log() == {"requests": [], "counters": {}}
    usual = {"size_limit": 50_000_000, "require_auth": False, "ews_location": "", "switches": []}
    assert alice.post("/settings", {}) == usual


def test_the_clock_of_the_world_can_be_shifted(alice: SandboxProcess) -> None:
    before = alice.get("/health")["time"]
    after = alice.post("/clock", {"offset_seconds": 30 * 86_400})["time"]
    assert after[:10] > before[:10]
    alice.deliver(ALICE, HELLO)
    assert alice.inbox(ALICE)[0]["received"][:10] >= after[:10]


def test_faults_are_listed_with_what_is_left_of_them(alice: SandboxProcess) -> None:
    fault_id = alice.fault(face="pop3", operation="CONNECT", effect="latency", seconds=0, times=2)
    poplib.POP3(alice.host, alice.pop3_port, timeout=10).quit()
    assert [(fault["id"], fault["times"]) for fault in alice.faults()] == [(fault_id, 1)]
    alice.clear_faults()
    assert alice.faults() == []


def test_the_log_counts_from_its_last_clearing(alice: SandboxProcess) -> None:
    poplib.POP3(alice.host, alice.pop3_port, timeout=10).quit()
    assert alice.log()["counters"] == {"pop3": {"CONNECT": 1, "QUIT": 1}}
    alice.clear_log()
    assert alice.log() == {"requests": [], "counters": {}}


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/nowhere", {}, 404, "There is no POST /nowhere here"),
        ("/mailboxes", {}, 405, "There is no POST /mailboxes here"),
        ("/accounts", {"address": ALICE}, 400, "The body needs 'password'"),
        ("/accounts", {"address": "alice", "password": "x"}, 400, "is not an address"),
        ("/accounts", {"address": ALICE, "password": "x", "switches": ["fast"]}, 400, "The switches are"),
        ("/deliver", {"to": [ALICE]}, 400, "The body needs 'raw_base64'"),
        ("/deliver", {"to": [ALICE], "raw_base64": "!"}, 400, "not base64"),
        ("/deliver", {"to": [ALICE], "raw_text": "", "folder": "Nowhere"}, 400, "has no folder 'Nowhere'"),
        ("/deliver", {"to": [ALICE], "raw_text": "", "received": "today"}, 400, "not a time"),
        ("/faults", {"effect": "explode"}, 400, "must be one of"),
        ("/mailboxes/nobody@us.test/delete", {"id": "x"}, 404, "There is no mailbox nobody@us.test"),
        ("/mailboxes/alice@us.test/delete", {"id": "x"}, 404, "no item with this id"),
        ("/mailboxes/alice@us.test/folders", {"name": "Inbox"}, 400, "already has a folder"),
        ("/clock", {"offset_seconds": "soon"}, 400, "is not a number"),
    ],
)
def test_every_mistake_is_answered_with_a_sentence(
    alice: SandboxProcess, path: str, body: dict[str, object], status: int, says: str
) -> None:
    with pytest.raises(Refused, match=says) as refusal:
        alice.post(path, body)
    assert refusal.value.status == status


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST /accounts HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]", 400),
        (b"POST /accounts HTTP/1.1\r\nContent-Length: 1\r\n\r\n{", 400),
        (b"POST /accounts HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 413),
        (b"GET /health?now HTTP/1.0\r\n\r\n", 200),
    ],
)
def test_bad_http_is_refused(alice: SandboxProcess, request_: bytes, status: int) -> None:
    with socket.create_connection((alice.host, alice.ports["control"]), timeout=10) as connection:
        connection.sendall(request_)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 %d " % status)


# The process


def test_the_ready_line_names_every_port(sandbox: SandboxProcess) -> None:
    assert set(sandbox.ports) == {"smtp", "pop3", "ews", "control", "smtps", "pop3s"}
    assert len(set(sandbox.ports.values())) == 6


@contextlib.contextmanager
def start(*options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A sandbox of its own, which does not outlive the test."""
    command = [sys.executable, "-m", "serversync.sandbox", "--smtp", "0", "--pop3", "0", "--ews", "0", "--control", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, *options], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_even_with_an_open_conversation(number: signal.Signals) -> None:
    with start() as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["pop3"]
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.recv(100)
            process.send_signal(number)
            _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, b"")


def test_an_encrypted_conversation_that_stays_open_does_not_hold_it_up(tmp_path: Path) -> None:
    authority = tmp_path / "authority.pem"
    with start("--tls-self-signed", str(authority), "--pop3s", "0") as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["pop3s"]
        trusting = ssl.create_default_context(cafile=str(authority))
        client = poplib.POP3_SSL("localhost", port, context=trusting, timeout=10)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
        client.close()
    assert (process.returncode, errors) == (0, b"")


def test_it_ends_with_its_standard_input_if_told_so() -> None:
    with start("--exit-with-stdin") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def test_the_right_to_send_in_anothers_name_is_given_and_taken_back(alice: SandboxProcess) -> None:
    assert alice.post("/senders", {"owner": "Bob@us.test", "sender": ALICE, "right": "send-as"}) == {
        "owner": "bob@us.test",
        "senders": {ALICE: "send-as"},
    }
    assert alice.post("/senders", {"owner": "bob@us.test", "sender": ALICE, "right": ""})["senders"] == {ALICE: ""}
    with pytest.raises(Refused, match="send-as and send-on-behalf"):
        alice.sender("bob@us.test", ALICE, "full access")


def test_it_ends_at_once_if_its_authority_cannot_be_written(tmp_path: Path) -> None:
    with start("--tls-self-signed", str(tmp_path / "missing" / "authority.pem")) as process:
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert b"The sandbox cannot start" in errors


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--account", "alice"), b"ADDRESS:PASSWORD"),
        (("--host", "0.0.0.0"), b"not a loopback address"),
        (("--host", "example.test"), b"not a loopback address"),
        (("--pop3s", "0"), b"need --tls-cert"),
        (("--tls-cert", "x.pem"), b"go together"),
    ],
)
def test_a_senseless_command_line_is_explained(options: tuple[str, ...], says: bytes) -> None:
    with start(*options) as process:
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert says in errors


def test_a_world_is_brought_back_as_it_was_kept(alice: SandboxProcess) -> None:
    with pytest.raises(Refused, match="Nothing was kept"):
        alice.bring_back()
    task = alice.put_act_item(ALICE, "task", {"subject": "Call Acme"})
    alice.keep()
    for _ in range(2):
        alice.patch_act_item(ALICE, "task", task["id"], fields={"subject": "Changed"})
        alice.put_act_item(ALICE, "task", {"subject": "New"})
        alice.fault(effect="drop")
        alice.account("bob@us.test")
        alice.bring_back()
        assert alice.act_items(ALICE, "task") == [task]
        assert alice.faults() == []
        assert "bob@us.test" not in [box["address"] for box in alice.mailboxes()]
    alice.delete_act_item(ALICE, "task", task["id"])
    assert alice.act_items(ALICE, "task") == []
