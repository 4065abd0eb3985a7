"""What a mailbox of the sandbox promises: journals that tell the whole story, and ids that behave like Exchange's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serversync.sandbox.mailbox import Folder, FolderError, MailboxStore
from serversync.sandbox.store import World

ACTS = st.lists(st.tuples(st.sampled_from(["deliver", "move", "delete", "read", "update", "copy"]), st.integers(0, 9)))
FOLDERS = ("inbox", "deleteditems", "junkemail")


def lived(acts: list[tuple[str, int]]) -> MailboxStore:
    """Alice's mailbox after these acts, each on one of the items that are there."""
    alice = MailboxStore("alice@us.test", "secret")
    for act, number in acts:
        items = list(alice.items())
        if act == "deliver" or not items:
            alice.deliver(b"Subject: %d\r\n\r\n" % number, FOLDERS[number % 3])
            continue
        item = items[number % len(items)]
        if act == "move":
            alice.move(item, FOLDERS[number % 3])
        elif act == "copy":
            alice.copy(item, FOLDERS[number % 3])
        elif act == "delete":
            alice.delete(item)
        elif act == "read":
            alice.update(item, is_read=not item.is_read)
        else:
            alice.update(item, categories=[str(number)])
    return alice


def retold(folder: Folder) -> set[str]:
    """The ids that the journal of a folder says are in it."""
    present: set[str] = set()
    for change in folder.changes:
        if change.kind == "create":
            present.add(change.item_id)
        elif change.kind == "delete":
            present.remove(change.item_id)
        else:
            assert change.item_id in present
    return present


@given(ACTS)
def test_the_journal_of_every_folder_tells_what_is_in_it(acts: list[tuple[str, int]]) -> None:
    for folder in lived(acts).folders.values():
        assert retold(folder) == set(folder.items)


@given(ACTS)
def test_journal_lines_are_numbered_upwards_and_no_number_comes_twice(acts: list[tuple[str, int]]) -> None:
    alice = lived(acts)
    journals = [alice.hierarchy, *(folder.changes for folder in alice.folders.values())]
    for journal in journals:
        assert [c.seq for c in journal] == sorted(c.seq for c in journal)
    numbers = [change.seq for journal in journals for change in journal]
    assert len(numbers) == len(set(numbers))
    assert alice.seq == max(numbers)


@given(ACTS)
def test_every_item_is_found_by_its_id_and_has_a_unique_id_of_its_own(acts: list[tuple[str, int]]) -> None:
    alice = lived(acts)
    items = list(alice.items())
    assert all(alice.find(item.id) is item for item in items)
    assert all(alice.folders[item.folder_id].items[item.id] is item for item in items)
    assert len({item.uidl for item in items}) == len(items)


def test_a_moved_message_gets_a_new_id_and_keeps_its_unique_id() -> None:
    alice = MailboxStore("alice@us.test", "secret")
    before = alice.deliver(b"Subject: Hi\r\n\r\n")
    after = alice.move(before, "deleteditems")
    assert after.id != before.id
    assert (after.uidl, after.seq, after.raw) == (before.uidl, before.seq, before.raw)
    assert alice.find(before.id) is None
    assert alice.folder("deleteditems").changes[-1].kind == "create"
    assert alice.folder("inbox").changes[-1].kind == "delete"


def test_reading_a_message_is_journalled_as_reading_and_renews_its_change_key() -> None:
    alice = MailboxStore("alice@us.test", "secret")
    item = alice.deliver(b"Subject: Hi\r\n\r\n")
    before = item.change_key
    alice.update(item, is_read=True)
    assert alice.folder("inbox").changes[-1].kind == "read"
    alice.update(item, is_read=False, categories=["Tracked"])
    assert alice.folder("inbox").changes[-1].kind == "update"
    assert item.change_key != before


def test_deleting_a_message_that_was_moved_away_leaves_the_moved_one_alone() -> None:
    alice = MailboxStore("alice@us.test", "secret")
    before = alice.deliver(b"Subject: Hi\r\n\r\n")
    after = alice.move(before, "junkemail")
    alice.delete(before)
    assert list(alice.items()) == [after]


def test_listeners_hear_of_every_change() -> None:
    alice = MailboxStore("alice@us.test", "secret")
    heard: list[tuple[str | None, str]] = []
    alice.listeners.append(lambda folder, change: heard.append((folder.distinguished, change.kind)))
    alice.move(alice.deliver(b"Subject: Hi\r\n\r\n"), "junkemail")
    assert heard == [("inbox", "create"), ("inbox", "delete"), ("junkemail", "create")]


def test_losing_the_sync_state_starts_a_new_epoch() -> None:
    alice = MailboxStore("alice@us.test", "secret")
    before = alice.epoch
    alice.lose_sync_state()
    assert alice.epoch != before


def test_folders_are_created_renamed_moved_and_deleted_with_what_is_in_them() -> None:
    alice = MailboxStore("alice@us.test", "secret")
    projects = alice.create_folder("Projects", "inbox")
    alpha = alice.create_folder("Alpha", projects.id)
    alice.deliver(b"Subject: Hi\r\n\r\n", alpha.id)
    alice.rename_folder(alpha, "Beta")
    alice.move_folder(projects, "msgfolderroot")
    assert alice.folder_named("beta", projects.id) is alpha
    alice.delete_folder(projects)
    assert list(alice.items()) == []
    kinds = [(change.kind, change.item_id) for change in alice.hierarchy[-6:]]
    assert kinds == [
        ("create", projects.id),
        ("create", alpha.id),
        ("update", alpha.id),
        ("update", projects.id),
        ("delete", alpha.id),
        ("delete", projects.id),
    ]


def test_folders_refuse_what_exchange_refuses() -> None:
    alice = MailboxStore("alice@us.test", "secret")
    projects = alice.create_folder("Projects", "inbox")
    alpha = alice.create_folder("Alpha", projects.id)
    refusals = [
        (lambda: alice.create_folder("PROJECTS", "inbox"), "ErrorFolderExists"),
        (lambda: alice.move_folder(projects, alpha.id), "ErrorMoveCopyFailed"),
        (lambda: alice.delete_folder(alice.folder("inbox")), "ErrorDeleteDistinguishedFolder"),
        (lambda: alice.folder("nowhere"), "ErrorFolderNotFound"),
    ]
    for act, code in refusals:
        with pytest.raises(FolderError) as refusal:
            act()
        assert refusal.value.code == code


def test_mail_to_a_stranger_lands_in_a_mailbox_that_nobody_can_open() -> None:
    world = World()
    world.route("alice@us.test", ["Carol@out.test", "carol@out.test"], b"Subject: Hi\r\n\r\n")
    assert [item.raw.startswith(b"Received: ") for item in world.mailbox("carol@OUT.test").items()] == [True]
    assert world.authenticate("carol@out.test", "") is None


def test_a_stranger_who_gets_an_account_finds_the_mail_that_came_before() -> None:
    world = World()
    world.route("alice@us.test", ["bob@us.test"], b"Subject: Hi\r\n\r\n")
    bob = world.add_account("bob@us.test", "secret")
    assert len(list(bob.items())) == 1
    assert world.authenticate("BOB@us.test", "secret") is bob
    assert world.outside == {}


def test_only_owners_and_their_delegates_may_open_a_mailbox() -> None:
    world = World()
    alice, bob, carol = (world.add_account(f"{name}@us.test", "secret") for name in ("alice", "bob", "carol"))
    world.delegates["alice@us.test"] = {"Bob@us.test"}
    assert world.may_open(alice, alice)
    assert world.may_open(bob, alice)
    assert not world.may_open(carol, alice)
    assert not world.may_open(alice, bob)


def test_a_received_time_can_be_given() -> None:
    alice = MailboxStore("alice@us.test", "secret")
    noon = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    assert alice.deliver(b"Subject: Hi\r\n\r\n", received=noon).received == noon
