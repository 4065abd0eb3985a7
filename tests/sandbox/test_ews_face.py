"""The EWS face as exchangelib, a client we did not write, sees it over real sockets: access and reading."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from exchangelib import (
    DELEGATE,
    Account,
    Configuration,
    Credentials,
    HTMLBody,
    Message,
)
from exchangelib.errors import (
    ErrorAccessDenied,
    ErrorFolderExists,
    ErrorImpersonateUserDenied,
    ErrorInvalidSyncStateData,
    ErrorItemNotFound,
    ErrorNonExistentMailbox,
    UnauthorizedError,
)
from exchangelib.folders import Folder
from exchangelib.protocol import close_connections

from tests.letters import letter
from tests.sandbox.ews_client import EXCHANGE_2016, account, inbox, sync, sync_pages
from tests.world import SandboxProcess

ALICE, BOB, SERVICE = "alice@us.test", "bob@us.test", "service@us.test"
ANN = "ann@acme.test"


@pytest.fixture(scope="module", autouse=True)
def connections() -> Iterator[None]:
    yield
    close_connections()


@pytest.fixture
def sandbox(sandbox: SandboxProcess) -> SandboxProcess:
    sandbox.account(ALICE)
    sandbox.account(BOB)
    sandbox.account(SERVICE, impersonate=True)
    return sandbox


@pytest.fixture
def alice(sandbox: SandboxProcess) -> Account:
    return account(sandbox.ews_url, ALICE, SERVICE)


def stored(owner: Account, item_id: str, *fields: str) -> Message:
    only = [Message.get_field_by_fieldname(name) for name in fields]
    [item] = owner.fetch([Message(id=item_id)], only_fields=only, folder=inbox(owner))
    if isinstance(item, Exception):
        raise item
    return item


# Signing in and whose mailbox it is


def test_a_wrong_password_is_refused_and_counted(sandbox: SandboxProcess) -> None:
    stranger = account(sandbox.ews_url, ALICE, SERVICE, "wrong")
    with pytest.raises(UnauthorizedError):
        sync(stranger, inbox(stranger))
    assert sandbox.log()["counters"]["ews"] == {"Unauthorized": 1}


def test_alice_may_not_impersonate_bob(sandbox: SandboxProcess) -> None:
    bob = account(sandbox.ews_url, BOB, ALICE)
    with pytest.raises(ErrorImpersonateUserDenied):
        sync(bob, inbox(bob))


def test_nobody_can_impersonate_a_mailbox_that_does_not_exist(sandbox: SandboxProcess) -> None:
    nobody = account(sandbox.ews_url, "nobody@us.test", SERVICE)
    with pytest.raises(ErrorNonExistentMailbox):
        sync(nobody, inbox(nobody))


def test_bob_opens_alices_mailbox_only_as_her_delegate(sandbox: SandboxProcess) -> None:
    as_bob = account(sandbox.ews_url, ALICE, BOB, impersonate=False)
    sandbox.deliver(ALICE, letter(ANN, ALICE, "Quote", "Please."))
    with pytest.raises(ErrorAccessDenied):
        sync(as_bob, inbox(as_bob))
    sandbox.delegate(ALICE, BOB)
    assert len(sync(as_bob, inbox(as_bob)).changes) == 1


def test_a_delegate_opens_only_mailboxes_that_exist(sandbox: SandboxProcess) -> None:
    nobody = account(sandbox.ews_url, "nobody@us.test", BOB, impersonate=False)
    with pytest.raises(ErrorNonExistentMailbox):
        sync(nobody, inbox(nobody))


def test_an_item_of_alice_is_denied_to_bob_by_its_id(sandbox: SandboxProcess) -> None:
    [item_id] = sandbox.deliver(ALICE, letter(ANN, ALICE, "Quote", "Please."))
    bob = account(sandbox.ews_url, BOB, BOB, impersonate=False)
    with pytest.raises(ErrorAccessDenied):
        stored(bob, item_id, "subject")


# Reading


def test_a_message_is_shown_with_all_that_tracking_needs(sandbox: SandboxProcess, alice: Account) -> None:
    raw = letter(
        "Ann <ann@acme.test>",
        [ALICE, "Bob <bob@us.test>"],
        "Grüße",
        "Plain words.",
        cc=["carl@acme.test"],
        in_reply_to="<q1@us.test>",
        references=["<q0@us.test>", "<q1@us.test>"],
        attachments=[("offer.pdf", "application/pdf", b"%PDF")],
        extra_headers=[("Thread-Index", "AQHZ1234"), ("Importance", "high")],
        message_id="<r1@acme.test>",
    )
    [item_id] = sandbox.deliver(ALICE, raw)
    item = stored(
        alice, item_id, "subject", "sender", "author", "to_recipients", "cc_recipients", "message_id", "in_reply_to",
        "references", "headers", "is_read", "is_draft", "has_attachments", "size", "importance", "mime_content",
        "datetime_received", "datetime_sent", "conversation_index", "item_class", "parent_folder_id",
    )  # fmt: skip
    assert item.subject == "Grüße"
    assert (item.author.name, item.author.email_address) == ("Ann", ANN)
    assert item.sender.email_address == ANN
    assert [box.email_address for box in item.to_recipients] == [ALICE, BOB]
    assert [box.email_address for box in item.cc_recipients] == ["carl@acme.test"]
    assert item.message_id == "<r1@acme.test>"
    assert item.in_reply_to == "<q1@us.test>"
    assert item.references == "<q0@us.test> <q1@us.test>"
    assert ("Message-ID", "<r1@acme.test>") in [(header.name, header.value) for header in item.headers]
    assert (item.is_read, item.is_draft, item.has_attachments) == (False, False, True)
    assert (item.size, item.importance, item.item_class) == (len(raw), "High", "IPM.Note")
    assert item.mime_content == raw
    assert item.datetime_sent.isoformat() == "2026-03-01T09:00:00+00:00"
    assert item.datetime_received is not None
    assert item.conversation_index


def test_hostile_mail_still_makes_a_readable_answer(sandbox: SandboxProcess, alice: Account) -> None:
    raw = (
        b"From: \xff\xfe <x@y.test>\r\nSubject: a\x00\x08b \xe9 =?nocharset?b?AAA=?=\r\nDate: whenever\r\n\r\n\x01\xff"
    )
    [item_id] = sandbox.deliver(ALICE, raw)
    item = stored(alice, item_id, "subject", "headers", "body", "mime_content", "author")
    assert item.mime_content == raw
    assert "a\ufffd\ufffdb" in item.subject


def test_the_body_is_html_where_there_is_one(sandbox: SandboxProcess, alice: Account) -> None:
    [item_id] = sandbox.deliver(ALICE, letter(ANN, ALICE, "Both", "plain", html="<p>rich</p>"))
    body = stored(alice, item_id, "body").body
    assert isinstance(body, HTMLBody)
    assert "<p>rich</p>" in body


def test_a_missing_item_spoils_no_other(sandbox: SandboxProcess, alice: Account) -> None:
    ids = sandbox.deliver(ALICE, letter(ANN, ALICE, "One", "1")) + sandbox.deliver(
        ALICE, letter(ANN, ALICE, "Two", "2")
    )
    sandbox.delete(ALICE, ids[0])
    subject = Message.get_field_by_fieldname("subject")
    wanted = [Message(id=item_id) for item_id in ids]
    gone, there = alice.fetch(wanted, only_fields=[subject], folder=inbox(alice))
    assert isinstance(gone, ErrorItemNotFound)
    assert there.subject == "Two"


# Synchronization


def test_sync_shows_mail_once_newest_first(sandbox: SandboxProcess, alice: Account) -> None:
    ids = [sandbox.deliver(ALICE, letter(ANN, ALICE, f"Mail {n}", "x"))[0] for n in range(3)]
    first = sync(alice, inbox(alice))
    assert [(kind, item.id) for kind, item in first.changes] == [("create", item_id) for item_id in reversed(ids)]
    second = sync(alice, inbox(alice), first.state)
    assert (second.changes, second.state) == ([], first.state)


def test_every_page_of_the_first_sync_can_be_resumed(sandbox: SandboxProcess, alice: Account) -> None:
    ids = {sandbox.deliver(ALICE, letter(ANN, ALICE, f"Mail {n}", "x"))[0] for n in range(7)}
    start = next(sync_pages(alice, inbox(alice), size=3))
    assert (len(start.changes), start.last) == (3, False)
    late = sandbox.deliver(ALICE, letter(ANN, ALICE, "Late", "x"))[0]
    rest = [change for page in sync_pages(alice, inbox(alice), start.state, size=3) for change in page.changes]
    assert [item.id for _, item in rest].count(late) == 1
    assert {item.id for _, item in start.changes + rest} == ids | {late}


def test_sync_tells_changes_apart(sandbox: SandboxProcess, alice: Account) -> None:
    ids = [sandbox.deliver(ALICE, letter(ANN, ALICE, f"Mail {n}", "x"))[0] for n in range(4)]
    state = sync(alice, inbox(alice)).state
    sandbox.update(ALICE, ids[0], is_read=True)
    sandbox.update(ALICE, ids[1], categories=["Tracked"])
    sandbox.delete(ALICE, ids[2])
    sandbox.move(ALICE, ids[3], "junkemail")
    changes = {
        (item[0].id, kind, item[1]) if kind == "read_flag_change" else (item.id, kind, None)
        for kind, item in sync(alice, inbox(alice), state).changes
    }
    assert changes == {
        (ids[0], "read_flag_change", True),
        (ids[1], "update", None),
        (ids[2], "delete", None),
        (ids[3], "delete", None),
    }


def test_a_message_that_came_and_went_between_two_syncs_is_not_mentioned(
    sandbox: SandboxProcess, alice: Account
) -> None:
    state = sync(alice, inbox(alice)).state
    [item_id] = sandbox.deliver(ALICE, letter(ANN, ALICE, "Gone", "x"))
    sandbox.delete(ALICE, item_id)
    assert sync(alice, inbox(alice), state).changes == []


@pytest.mark.parametrize("state", ["lost", "of another folder", "nonsense"])
def test_a_state_that_is_not_valid_asks_for_a_new_start(sandbox: SandboxProcess, alice: Account, state: str) -> None:
    given = {
        "lost": sync(alice, inbox(alice)).state,
        "of another folder": sync(alice, alice.sent).state,
        "nonsense": "bm9uc2Vuc2U=",
    }[state]
    if state == "lost":
        sandbox.lose_sync_state(ALICE)
    with pytest.raises(ErrorInvalidSyncStateData):
        sync(alice, inbox(alice), given)
    assert sync(alice, inbox(alice)).changes == []


def test_the_hierarchy_tells_new_renamed_and_deleted_folders(alice: Account) -> None:
    root = alice.msg_folder_root
    names = {folder.name for _, folder in root.sync_hierarchy()}
    assert {"Inbox", "Drafts", "Sent Items"} <= names
    folder = Folder(parent=alice.inbox, name="Projects").save()
    assert [(kind, made.name) for kind, made in root.sync_hierarchy()] == [("create", "Projects")]
    folder.name = "Deals"
    folder.save(update_fields=["name"])
    assert [(kind, made.name) for kind, made in root.sync_hierarchy()] == [("update", "Deals")]
    folder.delete()
    assert [kind for kind, _ in root.sync_hierarchy()] == ["delete"]


def test_a_folder_moved_out_of_sight_is_deleted_for_whoever_watches_the_inbox(
    sandbox: SandboxProcess, alice: Account
) -> None:
    projects = sandbox.folder(ALICE, "Projects", "inbox")
    found = alice.inbox
    list(found.sync_hierarchy())
    sandbox.move_folder(ALICE, projects)
    assert [kind for kind, _ in found.sync_hierarchy()] == ["delete"]
    sandbox.move_folder(ALICE, projects, "inbox")
    assert [(kind, one.name) for kind, one in found.sync_hierarchy()] == [("update", "Projects")]


def test_folders_are_moved_and_deleted_under_their_own_ids(sandbox: SandboxProcess, alice: Account) -> None:
    folder = Folder(parent=alice.inbox, name="Projects").save()
    folder_id = folder.id
    folder.move(to_folder=alice.sent)
    assert {one["path"]: one["id"] for one in sandbox.folders(ALICE)}["Sent Items/Projects"] == folder_id
    folder.delete(delete_type="MoveToDeletedItems")
    assert {one["path"]: one["id"] for one in sandbox.folders(ALICE)}["Deleted Items/Projects"] == folder_id


# Folders and searching


def test_folders_are_found_by_walking_the_tree(sandbox: SandboxProcess, alice: Account) -> None:
    sandbox.folder(ALICE, "Projects", "inbox")
    assert (alice.inbox / "Projects").name == "Projects"
    assert {folder.name for folder in alice.msg_folder_root.walk()} >= {"Inbox", "Projects", "Calendar"}
    with pytest.raises(ErrorFolderExists):
        Folder(parent=alice.inbox, name="projects").save()


def test_a_search_combines_conditions_order_and_pages(sandbox: SandboxProcess, alice: Account) -> None:
    for number in range(5):
        sandbox.deliver(ALICE, letter(ANN, ALICE, f"Quote {number}", "x"))
    sandbox.deliver(ALICE, letter("spam@bad.test", ALICE, "Win", "x"))
    found = inbox(alice).filter(subject__icontains="QUOTE", is_read=False).exclude(subject="Quote 3")
    assert list(found.order_by("-subject").values_list("subject", flat=True)) == [
        "Quote 4",
        "Quote 2",
        "Quote 1",
        "Quote 0",
    ]
    assert found.count() == 4
    assert [item.subject for item in found.order_by("subject").only("subject")[1:3]] == ["Quote 1", "Quote 2"]


# Other kinds of clients


def test_every_operation_is_logged_with_its_mailbox(sandbox: SandboxProcess, alice: Account) -> None:
    sandbox.clear_log()
    sync(alice, inbox(alice))
    [request] = sandbox.log()["requests"]
    assert (request["face"], request["operation"], request["mailbox"]) == ("ews", "SyncFolderItems", ALICE)


def test_a_client_can_probe_the_version_and_the_kind_of_authentication(sandbox: SandboxProcess) -> None:
    config = Configuration(service_endpoint=sandbox.ews_url, credentials=Credentials(ALICE, "secret"))
    probing = Account(ALICE, config=config, access_type=DELEGATE, autodiscover=False)
    assert probing.inbox.total_count == 0
    assert probing.version.build == EXCHANGE_2016.build


def test_names_are_resolved(alice: Account) -> None:
    assert [box.email_address for box in alice.protocol.resolve_names(["bob"])] == [BOB]
    everybody = {box.email_address for box in alice.protocol.resolve_names(["us.test"])}
    assert everybody >= {ALICE, BOB, SERVICE}
