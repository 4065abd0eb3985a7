"""What every connector promises about folders, where the server has them (9.4, 9.5)."""

from __future__ import annotations

import pytest

from profiles.connectors.base import FolderMissing, ItemRejected, MailSource
from profiles.items import ARCHIVE, DELETED, INBOX, JUNK, SENT, Arrival, Folder, Page
from tests.profiles.samples import note
from tests.profiles.stages import FolderStage


def named(source: MailSource) -> dict[str, Folder]:
    """The folders by their paths."""
    return {folder.path: folder for folder in source.folders()}


def page_of(source: MailSource, folder: str, cursor: str = "") -> Page:
    """The one page of changes of a small folder."""
    [page] = source.changes(folder, cursor)
    return page


def keys_in(source: MailSource, folder: str) -> list[str]:
    """The keys of what a folder holds."""
    return [shown.key for shown in source.listing(folder)]


class FolderRules:
    """A mail source over a server on which people make folders."""

    def test_standard_folders_are_marked_by_their_distinguished_names(self, stage: FolderStage) -> None:
        kinds = {folder.kind: folder for folder in stage.source().folders()}
        assert {INBOX, SENT, DELETED, JUNK, ARCHIVE} <= set(kinds)
        assert (kinds[INBOX].path, kinds[INBOX].parent_key) == ("Inbox", "")
        assert stage.source().folders()[0].kind == INBOX

    def test_folders_come_with_their_paths_parents_before_children(self, stage: FolderStage) -> None:
        customers = stage.make_folder("Customers", named(stage.source())["Inbox"].key)
        shop = stage.make_folder("Shop", customers)
        stage.make_folder("Projects")
        stage.make_folder("Bids and/or offers", shop)
        folders = stage.source().folders()
        found = {folder.path: folder for folder in folders}
        assert found["Inbox/Customers"].key == customers
        assert (found["Inbox/Customers/Shop"].key, found["Inbox/Customers/Shop"].parent_key) == (shop, customers)
        assert found["Inbox/Customers/Shop/Bids and／or offers"].name == "Bids and/or offers"
        assert (found["Projects"].parent_key, found["Projects"].kind) == ("", "")
        places = {folder.key: place for place, folder in enumerate(folders)}
        assert all(places[one.parent_key] < places[one.key] for one in folders if one.parent_key)

    def test_folders_tell_how_much_they_hold(self, stage: FolderStage) -> None:
        shop = stage.make_folder("Shop")
        first = stage.put(shop, note(1))
        stage.put(shop, note(2))
        stage.read(first)
        found = named(stage.source())
        assert (found["Shop"].total, found["Shop"].unread) == (2, 1)
        assert (found["Inbox"].total, found["Inbox"].unread) == (0, 0)

    def test_a_calendar_is_no_mail_folder_but_one_below_it_may_be(self, stage: FolderStage) -> None:
        plans = stage.make_folder("Plans", for_mail=False)
        stage.make_folder("Letters", plans)
        found = named(stage.source())
        assert "Plans" not in found
        assert found["Plans/Letters"].parent_key == ""

    def test_a_folder_is_created_once(self, stage: FolderStage) -> None:
        source = stage.source()
        inbox = named(source)["Inbox"].key
        created = source.create_folder(inbox, "Shop")
        assert created == named(source)["Inbox/Shop"]
        assert source.create_folder("", "Shop").path == "Shop"
        with pytest.raises(ItemRejected, match="already a folder SHOP"):
            source.create_folder(inbox, "SHOP")
        with pytest.raises(ItemRejected):
            source.create_folder(inbox, " ")
        assert [path for path in named(source) if path.endswith("Shop")] == ["Inbox/Shop", "Shop"]

    def test_a_renamed_or_moved_folder_keeps_its_key_and_its_cursor(self, stage: FolderStage) -> None:  # 9.5
        customers = stage.make_folder("Customers")
        shop = stage.make_folder("Shop")
        old = stage.put(shop, note(1))
        source = stage.source()
        cursor = page_of(source, shop).cursor
        stage.rename_folder(shop, "Store")
        stage.move_folder(shop, customers)
        assert named(source)["Customers/Store"].key == shop
        new = stage.put(shop, note(2))
        assert [shown.key for shown in page_of(source, shop, cursor).shown] == [new]
        assert keys_in(source, shop) == [old, new]

    def test_a_deleted_folder_is_named_by_the_error(self, stage: FolderStage) -> None:  # 9.5
        shop = stage.make_folder("Shop")
        below = stage.make_folder("Letters", shop)
        stage.put(shop, note(1))
        source = stage.source()
        cursor = page_of(source, shop).cursor
        stage.delete_folder(shop)
        attempts = [
            (shop, lambda: list(source.changes(shop, cursor))),
            (shop, lambda: list(source.changes(shop, ""))),
            (shop, lambda: list(source.listing(shop))),
            (below, lambda: list(source.listing(below))),
            (shop, lambda: source.create_folder(shop, "Letters")),
        ]
        for folder, attempt in attempts:
            with pytest.raises(FolderMissing) as missing:
                attempt()
            assert missing.value.folder == folder
            assert missing.value.remedy
        assert not {shop, below} & {folder.key for folder in source.folders()}
        assert keys_in(source, INBOX) == []

    def test_a_key_that_never_was_one_is_a_missing_folder(self, stage: FolderStage) -> None:  # 9.4
        for folder in ("none", "Ä" * 40, "AAMkAGVmMDEzMTM4LTZmYWUtNDdkNC1hMDZiLTU1OGY5OTZhYmY4OAAuAAAAAADUuTJK"):
            with pytest.raises(FolderMissing) as missing:
                list(stage.source().changes(folder, ""))
            assert missing.value.folder == folder

    def test_mail_moved_between_folders_goes_here_and_comes_there_under_a_new_key(self, stage: FolderStage) -> None:
        shop, bank = stage.make_folder("Shop"), stage.make_folder("Bank")
        old = stage.put(shop, note(7))
        source = stage.source()
        cursors = {folder: page_of(source, folder).cursor for folder in (shop, bank, INBOX)}
        new = stage.move_mail(old, bank)
        assert new != old
        here, there = (page_of(source, folder, cursors[folder]) for folder in (shop, bank))
        assert (here.shown, here.gone) == ((), (old,))
        assert ([shown.key for shown in there.shown], there.gone) == ([new], ())
        assert not there.shown[0].changed
        assert page_of(source, INBOX, cursors[INBOX]).shown == ()
        [arrival] = source.fetch([new], raw=True)
        assert isinstance(arrival, Arrival)
        assert b"This is note 7." in (arrival.raw or b"")

    def test_mail_in_any_folder_is_tagged_moved_and_deleted(self, stage: FolderStage) -> None:
        shop, bank = stage.make_folder("Shop"), stage.make_folder("Bank")
        keys = [stage.put(shop, note(number)) for number in range(3)]
        source = stage.source()
        assert set(source.categorize(keys, "Tracked")) == set(keys)
        assert [shown.categories for shown in source.listing(shop)] == [("Tracked",)] * 3
        moved = source.move_to([keys[0], keys[1]], bank)
        assert set(moved) == {keys[0], keys[1]}
        assert sorted(keys_in(source, bank)) == sorted(moved.values())
        assert list(source.move_to([keys[0], keys[2]], INBOX)) == [keys[2]]
        source.delete([moved[keys[0]]])
        assert keys_in(source, bank) == [moved[keys[1]]]
        stage.delete_folder(bank)
        with pytest.raises(FolderMissing) as missing:
            source.move_to(keys_in(source, INBOX), bank)
        assert missing.value.folder == bank
        assert len(keys_in(source, INBOX)) == 1

    def test_a_stamp_changes_with_what_lies_in_the_folder_and_not_otherwise(self, stage: FolderStage) -> None:
        shop, bank, empty = (stage.make_folder(name) for name in ("Shop", "Bank", "Empty"))
        first = stage.put(shop, note(1))
        source = stage.source()
        stamps = {folder.key: folder.changed for folder in source.folders() if folder.key in (shop, bank, empty)}
        assert all(stamps.values())
        assert source.changed_folders(stamps) == {}
        steps = [
            (lambda: stage.put(shop, note(2)), {shop}),
            (lambda: stage.read(first), {shop}),
            (lambda: source.categorize([first], "Tracked"), {shop}),
            (lambda: stage.move_mail(first, bank), {shop, bank}),
            (lambda: stage.deliver(note(3)), set()),
            (lambda: list(source.fetch(keys_in(source, bank), raw=True)), set()),
            (lambda: source.delete(keys_in(source, bank)), {bank}),
            (lambda: stage.rename_folder(empty, "Void"), set()),
        ]
        for step, expected in steps:
            step()
            changed = source.changed_folders(stamps)
            assert set(changed) == expected
            assert all(changed.values())
            stamps |= changed
        assert stamps == {folder.key: folder.changed for folder in source.folders() if folder.key in stamps}

    def test_a_folder_that_is_gone_is_told_among_those_that_changed(self, stage: FolderStage) -> None:
        shop, bank, calm = (stage.make_folder(name) for name in ("Shop", "Bank", "Calm"))
        source = stage.source()
        stamps = source.changed_folders(dict.fromkeys((shop, bank, calm, INBOX), ""))
        assert set(stamps) == {shop, bank, calm, INBOX}
        stage.delete_folder(shop)
        stage.put(bank, note(1))
        changed = source.changed_folders(stamps)
        assert (set(changed), changed[shop]) == ({shop, bank}, "")
        assert source.changed_folders({shop: ""}) == {shop: ""}
        assert source.changed_folders({}) == {}

    def test_a_restored_mailbox_has_the_same_paths_under_other_keys(self, stage: FolderStage) -> None:  # 9.5
        customers = stage.make_folder("Customers", named(stage.source())["Inbox"].key)
        shop = stage.make_folder("Shop", customers)
        old = stage.put(shop, note(1))
        source = stage.source()
        before = named(source)
        cursor = page_of(source, shop).cursor
        stage.restore()
        after = named(source)
        assert set(after) == set(before)
        assert after["Inbox/Customers/Shop"].key != shop
        assert source.changed_folders({shop: before["Inbox/Customers/Shop"].changed}) == {shop: ""}
        with pytest.raises(FolderMissing):
            list(source.changes(shop, cursor))
        [new] = keys_in(source, after["Inbox/Customers/Shop"].key)
        assert new != old
