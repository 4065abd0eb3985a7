"""9.5: large folders are filed anew, and left, a part at a time: it ends, it goes on after a break, and a worker that lost its
lease writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from mailboxes.models import Mailbox, TraceLog
from mailboxes.models.leg import LeaseLost
from mailboxes.models.settings import current_policy
from profiles.items import Folder
from serversync.cycles import folders
from tests.company import assert_balanced, decide
from tests.letters import letter
from tests.tracking.filing_office import FilingOffice
from tracking.crm.models import Account, Email
from tracking.keep import filing, following
from tracking.keep.folder_rules import remove_rule, save_rule, set_regarding
from tracking.keep.following import Stamps
from tracking.models import (
    FolderHierarchy,
    FolderOnboardingStatus,
    LedgerRow,
    MailboxTrackingFolder,
    Placement,
    SyncCursor,
)

ADDRESS = "alice@us.test"


class Archive:
    """Alice's folder with seven messages, tracked for Acme."""

    def __init__(self) -> None:
        self.office = FilingOffice()
        self.alice = self.office.user("Alice")
        self.folder = self.office.box(self.alice).create_folder("Old offers").key
        for number in range(7):
            raw = letter("ann@acme.test", ADDRESS, f"Mail {number}", "x", message_id=f"<{number}@letters.test>")
            self.office.server.deliver(ADDRESS, raw, self.folder)
        self.track("Acme")
        self.office.read_all(self.alice)

    @property
    def rule(self) -> MailboxTrackingFolder:
        return MailboxTrackingFolder.objects.get(mailbox=self.alice)

    def track(self, name: str) -> None:
        found = MailboxTrackingFolder.objects.filter(mailbox=self.alice).first()
        rule = found or MailboxTrackingFolder(mailbox=self.alice, exchange_folder_id=self.folder)
        set_regarding(rule, Account.objects.get_or_create(name=name)[0])
        save_rule(rule, None, current_policy(), self.office.now, may_be_unknown=True)

    def belonging_to(self, name: str) -> int:
        return Email.objects.filter(regarding_name=name).count()


@pytest.fixture
def archive(db: None, monkeypatch: pytest.MonkeyPatch) -> Archive:
    monkeypatch.setattr(filing, "CHUNK", 2)
    monkeypatch.setattr(following, "LEFT_AT_ONCE", 2)
    return Archive()


def test_a_large_folder_is_filed_anew_in_the_end_however_little_time_a_cycle_has(archive: Archive) -> None:
    archive.track("Zeta")
    filed = []
    while archive.rule.relink_requested_on is not None:
        report = archive.office.read(archive.alice, in_time=False)
        assert report is not None
        filed.append((archive.belonging_to("Zeta"), report.more))
        assert len(filed) < 9, "it never ends"
    assert filed == [(2, True), (4, True), (6, True), (7, True)]
    assert 'filing": {}' in SyncCursor.objects.get(folder="folder stamps").value


def test_a_folder_that_is_given_to_another_record_meanwhile_begins_anew(archive: Archive) -> None:
    archive.track("Zeta")
    for _ in range(2):
        archive.office.read(archive.alice, in_time=False)
    archive.track("Initech")
    archive.office.read(archive.alice)
    assert archive.belonging_to("Initech") == 7


def test_filing_goes_on_where_it_was_broken_off(archive: Archive) -> None:
    archive.track("Zeta")
    for commits in range(1, 30):
        archive.office.read(archive.alice, commits=commits, in_time=False)
        if archive.rule.relink_requested_on is None:
            break
    assert archive.belonging_to("Zeta") == 7
    assert_balanced(archive.alice)


def test_where_folders_overrule_people_a_large_folder_is_filed_to_the_end_all_the_same(archive: Archive) -> None:
    decide(folder_overwrites_manual_regarding=True)  # every look at the tree asks for it
    Email.objects.update(regarding_type=None, regarding_id="", regarding_name="")
    archive.office.now += timedelta(hours=1)
    for _ in range(4):
        archive.office.read(archive.alice, in_time=False)
    assert archive.belonging_to("Acme") == 7


ASKING: dict[str, Callable[[Archive, MailboxTrackingFolder], bool]] = {
    "all": lambda it, rule: following.ask_to_file_anew(rule, it.office.now, lambda: None),
    "strays": lambda it, rule: following.ask_to_file_strays(rule, [it.folder], it.office.now, lambda: None),
}


@pytest.mark.parametrize("ask", ASKING)
def test_a_change_of_the_rule_is_not_lost_where_filing_is_asked_for_at_that_moment(archive: Archive, ask: str) -> None:
    LedgerRow.objects.update(tracking_folder=None)  # 9.5
    read_before = archive.rule
    archive.track("Zeta")
    asked_on = archive.rule.relink_requested_on
    archive.office.now += timedelta(minutes=1)
    assert ASKING[ask](archive, read_before)
    assert (archive.rule.relink_requested_on, read_before.relink_requested_on) == (asked_on, None)
    assert not ASKING["strays"](archive, archive.rule)  # who read the rule as it is now may ask
    assert archive.rule.relink_requested_on == archive.office.now


def test_a_folder_that_gets_another_record_during_a_cycle_has_its_mail_filed_there(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:  # 9.5
    decide(folder_overwrites_manual_regarding=True)

    def a_moment_later(*told: Any) -> None:
        if archive.rule.regarding_name != "Zeta":
            archive.track("Zeta")
        following.store_tree(*told)

    monkeypatch.setattr(folders, "store_tree", a_moment_later)
    archive.office.now += timedelta(hours=1)
    report = archive.office.read(archive.alice)
    assert report is not None
    assert report.more
    monkeypatch.undo()
    archive.office.read(archive.alice)
    assert archive.belonging_to("Zeta") == 7


def live(archive: Archive) -> int:
    return Placement.objects.filter(mailbox=archive.alice, folder=archive.folder, gone_on=None).count()


def test_a_large_folder_is_left_in_parts_and_it_goes_on_after_a_break(archive: Archive) -> None:
    remove_rule(archive.rule, archive.office.now)
    left = []
    for commits in range(1, 12):
        archive.office.read(archive.alice, commits=commits)
        left.append(live(archive))
    assert (left, left[-1]) == (sorted(left, reverse=True), 0)
    assert {*left} - {7, 0}, "it was broken off between two parts"
    assert not SyncCursor.objects.filter(folder=archive.folder).exists()
    assert Email.objects.count() == 7  # what was tracked stays
    assert_balanced(archive.alice)


def test_a_folder_that_is_tracked_again_while_it_is_left_has_all_its_mail(archive: Archive) -> None:
    remove_rule(archive.rule, archive.office.now)
    commits = 1
    while live(archive) in (7, 0):
        archive.office.read(archive.alice, commits=commits)
        commits += 1
        assert commits < 12, "it is left at once"
    archive.track("Zeta")
    archive.office.read_all(archive.alice)
    assert (live(archive), archive.belonging_to("Zeta")) == (7, 7)
    assert_balanced(archive.alice)


def test_a_folder_that_was_left_by_a_run_that_broke_off_is_read_from_the_beginning(archive: Archive) -> None:
    remove_rule(archive.rule, archive.office.now)  # 9.5
    commits = 1
    while SyncCursor.objects.filter(folder=archive.folder).exists():
        archive.office.read(archive.alice, commits=commits)
        commits += 1
    assert archive.folder in Stamps.of(SyncCursor.objects.get(folder="folder stamps")).by_folder
    archive.track("Zeta")
    archive.office.read_all(archive.alice)
    assert (live(archive), archive.belonging_to("Zeta")) == (7, 7)


def lost() -> None:
    raise LeaseLost("another worker took over")


RENAMED = Folder("f", "", "Renamed", "Renamed")
WRITES: dict[str, Callable[[Archive], object]] = {
    "valid": lambda it: following.note_valid(it.rule, it.office.now, lost),
    "invalid": lambda it: following.note_invalid(it.rule, "It is gone.", it.office.now, lost),
    "renamed": lambda it: following.note_folder(it.rule, RENAMED, it.office.now, lost),
    "progress": lambda it: following.note_progress(it.rule, [], lost),
    "asked": lambda it: following.ask_to_file_anew(it.rule, it.office.now, lost),
    "tree": lambda it: following.store_tree(it.alice, [], it.office.now, lost),
    "stamps": lambda it: following.Stamps({"f": "1"}).store(it.alice.legs.get(leg=0).pk, it.office.now, lost),
    "left": lambda it: following.leave(SyncCursor.objects.filter(folder=it.folder), it.alice, it.office.now, lost),
}


def rows(mailbox: Mailbox) -> list[object]:
    tables = (MailboxTrackingFolder, FolderHierarchy, SyncCursor, Placement, TraceLog)
    return [list(table.objects.order_by("pk").values()) for table in tables]


@pytest.mark.parametrize("write", WRITES)
def test_whoever_lost_the_lease_writes_nothing_about_folders(archive: Archive, write: str) -> None:  # law 6
    changes = (
        {"suggested_folder_id": "s"}
        if write == "valid"
        else {"folder_onboarding_status": FolderOnboardingStatus.GOING_ON}
    )
    MailboxTrackingFolder.objects.update(**changes)
    before = rows(archive.alice)
    with pytest.raises(LeaseLost):
        WRITES[write](archive)
    assert rows(archive.alice) == before
