"""Folders of Exchange: how they are asked for, and what only Exchange says about them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from profiles.connectors.base import Cause, FolderMissing, ItemRejected, MailboxUnavailable, ResyncRequired, Throttled
from profiles.connectors.ews import folders
from profiles.connectors.ews.mail import EwsSource
from profiles.items import INBOX, SENT
from tests.profiles.exchange import ALICE, access, canned, refusal, requests, says, set_up, soap, success
from tests.profiles.samples import note
from tests.world import SandboxProcess

FOLDERS = (
    "<m:RootFolder IncludesLastItemInRange='true'><t:Folders>"
    "<t:Folder><t:FolderId Id='shop'/><t:ParentFolderId Id='in'/><t:FolderClass>IPF.Imap</t:FolderClass>"
    "<t:DisplayName>Shop</t:DisplayName></t:Folder>"
    "<t:Folder><t:FolderId Id='in'/><t:ParentFolderId Id='top'/><t:DisplayName>Posteingang</t:DisplayName>"
    "<t:TotalCount>3</t:TotalCount></t:Folder>"
    "<t:SearchFolder><t:FolderId Id='s'/><t:ParentFolderId Id='top'/><t:DisplayName>Unread</t:DisplayName>"
    "</t:SearchFolder>"
    "<t:Folder><t:FolderId Id='h'/><t:ParentFolderId Id='top'/><t:FolderClass>IPF.Note</t:FolderClass>"
    "<t:DisplayName>Rules of a program</t:DisplayName><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag='0x10F4' "
    "PropertyType='Boolean'/><t:Value>true</t:Value></t:ExtendedProperty></t:Folder>"
    "</t:Folders></m:RootFolder>"
)


@pytest.fixture
def exchange(sandbox: SandboxProcess) -> SandboxProcess:
    return set_up(sandbox)


@pytest.fixture
def alice(exchange: SandboxProcess) -> Iterator[EwsSource]:
    source = EwsSource(access(exchange.ews_url))
    yield source
    source.close()


def test_all_folders_are_one_request(exchange: SandboxProcess, alice: EwsSource) -> None:
    exchange.folder(ALICE, "Shop", "inbox")
    exchange.clear_log()
    assert "Inbox/Shop" in [folder.path for folder in alice.folders()]
    assert requests(exchange) == {"FindFolder": 1}


def test_one_request_tells_which_of_many_folders_have_changed(exchange: SandboxProcess, alice: EwsSource) -> None:
    made = [exchange.folder(ALICE, f"Folder {number}") for number in range(25)]
    stamps = {folder.key: folder.changed for folder in alice.folders() if folder.key in made}
    exchange.deliver(ALICE, note(1), folder=made[7])
    exchange.clear_log()
    assert list(alice.changed_folders({**stamps, SENT: "", "nothing": ""})) == [made[7], SENT, "nothing"]
    assert requests(exchange) == {"GetFolder": 1}


def test_many_folders_come_on_several_pages(
    exchange: SandboxProcess, alice: EwsSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "FOLDERS_AT_ONCE", 4)
    for number in range(9):
        exchange.folder(ALICE, f"Folder {number}", "inbox")
    found = [folder.path for folder in alice.folders()]
    assert [path for path in found if "Folder" in path] == [f"Inbox/Folder {number}" for number in range(9)]


def test_a_server_that_does_not_tell_which_is_the_inbox_is_asked_for_it() -> None:
    asked = []

    def answer(handler: object) -> None:
        asked.append(len(asked))
        missing = [refusal("GetFolder", "ErrorFolderNotFound", "<m:Folders/>")] * 5
        inbox = success("GetFolder", "<m:Folders><t:Folder><t:FolderId Id='in'/></t:Folder></m:Folders>")
        first = soap("FindFolder", success("FindFolder", FOLDERS))
        says(first if len(asked) == 1 else soap("GetFolder", inbox, *missing))(handler)  # type: ignore[arg-type]

    with canned(answer) as url:
        found = EwsSource(access(url)).folders()
    assert [(folder.path, folder.key, folder.parent_key, folder.kind) for folder in found] == [
        ("Posteingang", "in", "", INBOX),
        ("Posteingang/Shop", "shop", "in", ""),
    ]
    assert (found[0].total, found[0].changed, len(asked)) == (3, "", 2)


def test_a_folder_whose_last_change_is_not_told_always_counts_as_changed() -> None:
    silent = success("GetFolder", "<m:Folders><t:Folder><t:FolderId Id='in'/></t:Folder></m:Folders>")
    closed = refusal("GetFolder", "ErrorAccessDenied", "<m:Folders/>")
    with canned(says(soap("GetFolder", silent, closed))) as url:
        assert EwsSource(access(url)).changed_folders({"in": "?", "shop": "x"}) == {"in": "?", "shop": "?"}


def test_a_state_that_remembers_a_folder_no_more_asks_for_a_new_listing(
    exchange: SandboxProcess, alice: EwsSource
) -> None:
    """ "Not found" with a cursor may be about the folder as the cursor knows it, in a mailbox that was moved."""
    [page] = alice.changes(INBOX, "")
    exchange.fault(face="ews", operation="SyncFolderItems", effect="response", code="ErrorSyncFolderNotFound")
    with pytest.raises(ResyncRequired):
        list(alice.changes(INBOX, page.cursor))
    with pytest.raises(FolderMissing) as missing:
        list(alice.changes(INBOX, ""))
    assert missing.value.cause is Cause.FOLDER


def test_a_busy_server_is_obeyed_when_asked_for_changes(exchange: SandboxProcess, alice: EwsSource) -> None:
    exchange.fault(face="ews", operation="GetFolder", effect="throttle", delay_seconds=7)
    with pytest.raises(Throttled) as busy:
        alice.changed_folders({INBOX: ""})
    assert busy.value.delay is not None
    assert busy.value.delay.total_seconds() == 7


def test_who_may_not_create_a_folder_can_still_read(exchange: SandboxProcess, alice: EwsSource) -> None:
    exchange.fault(face="ews", operation="CreateFolder", effect="response", code="ErrorAccessDenied", times=1)
    with pytest.raises(ItemRejected, match="Shop is not created") as refused:
        alice.create_folder("", "Shop")
    assert not isinstance(refused.value, MailboxUnavailable)
    assert alice.create_folder("", "Shop").path == "Shop"


def test_a_folder_in_the_bin_is_still_followed_by_its_id(exchange: SandboxProcess, alice: EwsSource) -> None:
    shop = exchange.folder(ALICE, "Shop", "inbox")
    exchange.folder(ALICE, "Shop", "deleteditems")
    exchange.delete_folder(ALICE, shop, to_bin=True)
    assert [folder.path for folder in alice.folders() if folder.key == shop] == ["Deleted Items/Shop1"]
    assert list(alice.listing(shop)) == []
