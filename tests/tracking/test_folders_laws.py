"""9: whatever people do with folders, messages and rules, and whenever it breaks off: what lies in a tracked folder belongs
to what its rule says, nothing is lost or doubled, and the ledger balances."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from mailboxes.models.settings import current_policy
from profiles.connectors import open_source
from profiles.connectors.base import Transient
from profiles.items import DELETED, INBOX
from tests.company import assert_balanced, decide
from tests.letters import letter
from tests.tracking import filing_office
from tests.tracking.filing_office import FilingOffice
from tracking.crm.models import Account, Email
from tracking.keep.belonging import belongs_to
from tracking.keep.folder_rules import confirm_suggestion, remove_rule, save_rule, set_regarding
from tracking.keep.untrack import untrack
from tracking.models import FolderOnboardingStatus, LedgerRow, LedgerState, MailboxTrackingFolder, SyncCursor

FOLDERS, LETTERS = ("One", "Two", "Three"), range(8)
RECORDS = ("Acme", "Zeta", "")
a_folder, a_letter, a_record = st.sampled_from(FOLDERS), st.sampled_from(LETTERS), st.sampled_from(RECORDS)
what_follows = st.one_of(
    st.sampled_from([("nothing", 0), ("all is read", 0), ("run", 0)]),
    st.tuples(st.just("commit"), st.integers(1, 12)),
    st.tuples(st.sampled_from(["list", "read", "folders"]), st.integers(0, 3)),
)
"""After each deed: nothing yet; reading until all is done; one run; or one that breaks off, at a commit or on the line."""


def raw(number: int) -> bytes:
    return letter("ann@acme.test", "alice@us.test", f"Mail {number}", "x", message_id=f"<{number}@letters.test>")


class Files:
    """Alice's mailbox, and beside it what may be true of each letter: None if it is not tracked, else its record."""

    def __init__(self) -> None:
        decide(folder_onboarding_per_cycle=2)
        self.office = FilingOffice()
        self.alice = self.office.user("Alice")
        self.box = self.office.box(self.alice)
        self.records = {name: Account.objects.create(name=name) for name in RECORDS if name}
        self.keys = {name: self.box.create_folder(name, INBOX).key for name in FOLDERS}
        self.place: dict[int, str] = {}
        self.rules: dict[str, tuple[str, bool]] = {}  # by folder: the record, and whether subfolders follow
        self.may_be: dict[int, set[str | None]] = {number: {None} for number in LETTERS}
        self.chosen: set[int] = set()
        self.out: set[int] = set()
        for number in LETTERS:
            self.place[number] = INBOX if number == 0 else FOLDERS[number % 3]
            self.office.server.deliver("alice@us.test", raw(number), self.key(self.place[number]))

    def key(self, place: str) -> str:
        return self.keys.get(place, place)

    def above(self, folder: str) -> list[str]:
        """The folder and those around it, from the inside out; names of ours, else keys of the server."""
        names = {key: name for name, key in self.keys.items()}
        key, found = self.key(folder), []
        while key in self.box.tree:
            found.append(names.get(key, key))
            key = self.box.tree[key].parent_key
        return found

    def can_be_tracked(self, folder: str) -> bool:
        return bool(self.above(folder)) and DELETED not in self.above(folder)

    def says(self, place: str) -> str | None:
        """9.2: the record of the nearest rule, "" if it names none; None where no rule counts."""
        if place not in self.keys or not self.can_be_tracked(place):
            return None
        for name in self.above(place):
            if name in self.rules and (name == place or self.rules[name][1]):
                return self.rules[name][0]
        return None

    def expect(self, *, complete: bool) -> None:
        """9.5 in four lines."""
        for number, place in self.place.items():
            record = self.says(place)
            if record is not None and number not in self.chosen | self.out:
                then = {record or before or "" for before in self.may_be[number]}
                self.may_be[number] = then if complete else then | self.may_be[number]

    def check(self) -> None:
        emails = {email.subject: email.regarding_name for email in Email.objects.all()}
        assert Email.objects.count() == len(emails)
        for number in LETTERS:
            found = emails.get(f"Mail {number}")
            assert found in self.may_be[number], (number, found, self.may_be[number])
            self.may_be[number] = {found}
        rows = LedgerRow.objects.filter(mailbox=self.alice, state=LedgerState.TRACKED)
        assert sorted(rows.values_list("email__subject", flat=True)) == sorted(emails)
        assert not LedgerRow.objects.filter(state=LedgerState.PENDING).exists()
        for one in MailboxTrackingFolder.objects.all():
            name = next((name for name, key in self.keys.items() if key == one.exchange_folder_id), "")
            assert bool(one.invalid_reason) == (not self.can_be_tracked(name)), one.invalid_reason
            assert one.folder_onboarding_status == FolderOnboardingStatus.DONE or one.invalid_reason
            assert one.relink_requested_on is None or one.invalid_reason
        assert_balanced(self.alice)

    def read_all(self) -> None:
        self.office.read_all(self.alice)
        self.expect(complete=True)
        self.check()

    def read_once(self, step: str, number: int) -> None:
        if step in ("run", "commit"):
            self.office.read(self.alice, commits=number)
        else:
            self.office.server.trouble(step, Transient("The line is down."), skip=number)
            self.office.read(self.alice)
            self.office.server._troubles.clear()
        self.expect(complete=False)

    def rule_of(self, folder: str) -> MailboxTrackingFolder | None:
        return MailboxTrackingFolder.objects.filter(mailbox=self.alice, exchange_folder_id=self.keys[folder]).first()


class People(RuleBasedStateMachine):
    """What Alice does with her folders, her mail and her rules."""

    def __init__(self) -> None:
        super().__init__()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        self.files = Files()

    def teardown(self) -> None:
        try:
            self.files.read_all()
        finally:
            transaction.set_rollback(True)
            self.undone.__exit__(None, None, None)

    def then(self, what: tuple[str, int]) -> None:
        kind, number = what
        if kind == "all is read":
            self.files.read_all()
        elif kind != "nothing":
            self.files.read_once(kind, number)

    def item(self, number: int) -> Any:
        return next(item for item in self.files.box.items.values() if item.raw == raw(number))

    def is_there(self, folder: str) -> bool:
        return folder in ("", INBOX, DELETED) or self.files.keys[folder] in self.files.box.tree

    @initialize(nested=st.booleans(), first=st.tuples(a_record, st.booleans()), what=what_follows)
    def it_begins(self, nested: bool, first: tuple[str, bool], what: tuple[str, int]) -> None:
        if nested:
            self.files.box.move_folder(self.files.keys["Two"], self.files.keys["One"])
        self.track("One", *first)
        self.then(what)

    @rule(number=a_letter, place=st.sampled_from((*FOLDERS, INBOX, None)), what=what_follows)
    def a_message_is_moved_or_deleted(self, number: int, place: str | None, what: tuple[str, int]) -> None:
        files = self.files
        if place is None and files.place.pop(number, None) is not None:
            files.box.remove(self.item(number).key)
        elif place is not None and files.place.get(number, place) != place and self.is_there(place):
            files.box.move(self.item(number).key, files.key(place))
            files.place[number] = place
        self.then(what)

    @rule(folder=a_folder, record=a_record, with_subfolders=st.booleans(), is_anew=st.booleans(), what=what_follows)
    def a_folder_is_tracked(
        self, folder: str, record: str, with_subfolders: bool, is_anew: bool, what: tuple[str, int]
    ) -> None:
        if is_anew:
            self.stop_tracking(folder)
        self.track(folder, record, with_subfolders)
        self.then(what)

    def track(self, folder: str, record: str, with_subfolders: bool) -> None:
        files = self.files
        tracked = files.rule_of(folder)
        if tracked is None and self.is_there(folder):
            tracked = MailboxTrackingFolder(mailbox=files.alice, exchange_folder_id=files.keys[folder])
        if tracked is None:
            return
        tracked.includes_subfolders = with_subfolders
        set_regarding(tracked, files.records.get(record))
        try:
            save_rule(tracked, None, current_policy(), files.office.now, may_be_unknown=True)
            files.rules[folder] = (record, with_subfolders)
        except ValidationError:
            assert tracked._state.adding  # it lies in Deleted Items, or lay there when the tree was fetched

    @rule(folder=a_folder, what=what_follows)
    def a_folder_is_tracked_no_more(self, folder: str, what: tuple[str, int]) -> None:
        self.stop_tracking(folder)
        self.then(what)

    def stop_tracking(self, folder: str) -> None:
        if (tracked := self.files.rule_of(folder)) is not None:
            remove_rule(tracked, self.files.office.now)
            del self.files.rules[folder]

    @rule(folder=a_folder, place=st.sampled_from((*FOLDERS, "", INBOX, DELETED, "renamed", "gone")), what=what_follows)
    def a_folder_is_moved_renamed_or_deleted(self, folder: str, place: str, what: tuple[str, int]) -> None:
        files, key = self.files, self.files.keys[folder]
        if not self.is_there(folder):
            return
        if place == "renamed":
            files.box.rename_folder(key, f"{files.box.tree[key].name}+")
        elif place == "gone":
            files.box.delete_folder(key)
            files.place = {number: where for number, where in files.place.items() if self.is_there(where)}
        elif (
            self.is_there(place)
            and folder not in files.above(place)
            and files.above(folder)[1:2] != files.above(place)[:1]
        ):
            files.box.move_folder(key, files.key(place))
        self.then(what)

    @rule(number=a_letter, record=a_record, what=what_follows)
    def alice_says_what_it_belongs_to(self, number: int, record: str, what: tuple[str, int]) -> None:
        files = self.files
        email = Email.objects.filter(subject=f"Mail {number}").first()
        if email is not None:
            belongs_to(email, files.records.get(record), False, files.alice.owner, files.office.now)
            files.may_be[number] = {record}
            files.chosen.add(number)
        self.then(what)

    @rule(number=a_letter, what=what_follows)
    def alice_untracks_it(self, number: int, what: tuple[str, int]) -> None:
        files = self.files
        rows = LedgerRow.objects.filter(email__subject=f"Mail {number}", state=LedgerState.TRACKED)
        if rows.exists():
            untrack(rows, files.alice.owner, files.office.now)
            files.may_be[number] = {None}
            files.out.add(number)
        self.then(what)

    @rule(what=what_follows)
    def the_server_forgets_our_cursors(self, what: tuple[str, int]) -> None:
        self.files.box.lose_sync_state()
        self.then(what)

    @rule()
    def the_mailbox_is_restored_and_alice_says_which_folder_is_which(self) -> None:
        files = self.files
        files.read_all()
        names = {
            folder.path: name for folder in files.box.folders() for name, key in files.keys.items() if key == folder.key
        }
        files.box.restore()
        files.keys |= {names[folder.path]: folder.key for folder in files.box.folders() if folder.path in names}
        files.office.read_all(files.alice)
        for one in MailboxTrackingFolder.objects.all():
            assert one.invalid_reason
            if one.suggested_folder_id:
                confirm_suggestion(one, current_policy(), files.office.now)
            elif one.exchange_folder_id not in files.keys.values():  # it lies in Deleted Items
                remove_rule(one, files.office.now)
        files.rules = {name: said for name, said in files.rules.items() if files.rule_of(name) is not None}
        files.read_all()


def test_what_lies_in_a_tracked_folder_belongs_to_what_its_rule_says(db: None) -> None:
    """9.1–9.5, as a state machine."""
    few = settings(max_examples=10, stateful_step_count=10, deadline=None)
    run_state_machine_as_test(People, settings=few)  # type: ignore[no-untyped-call]


class Meddler:
    """A connection; while it lists a folder, somebody ends the rule."""

    def __init__(self, source: Any, folder: str) -> None:
        self._source, self._folder = source, folder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def changes(self, folder: str, cursor: str) -> Any:
        if folder == self._folder:
            for one in MailboxTrackingFolder.objects.all():
                remove_rule(one, timezone.now())
        return self._source.changes(folder, cursor)


@pytest.mark.django_db(transaction=True)
def test_a_rule_that_is_ended_while_its_folder_is_listed_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """9.5"""
    office = FilingOffice()
    alice = office.user("Alice")
    folder = office.box(alice).create_folder("Acme").key
    office.server.deliver("alice@us.test", raw(1), folder)
    made = MailboxTrackingFolder(mailbox=alice, exchange_folder_id=folder)
    save_rule(made, None, current_policy(), office.now, may_be_unknown=True)
    monkeypatch.setattr(filing_office, "open_source", lambda access: Meddler(open_source(access), folder))

    office.read_all(alice)

    assert not LedgerRow.objects.exists()
    assert not SyncCursor.objects.filter(folder=folder).exists()


def test_five_thousand_earlier_messages_delay_nobody(db: None) -> None:
    """9.3: each cycle serves the Inbox first and takes in no more than its portion."""
    office = FilingOffice()
    decide(folder_onboarding_per_cycle=50)
    alice, bob = office.user("Alice"), office.user("Bob")
    box = office.box(alice)
    for mailbox, folder in ((alice, box.create_folder("Archive of 2025")), (bob, office.box(bob).create_folder("New"))):
        save_rule(
            MailboxTrackingFolder(mailbox=mailbox, exchange_folder_id=folder.key),
            None,
            current_policy(),
            office.now,
            may_be_unknown=True,
        )
    history = next(key for key, folder in box.tree.items() if folder.name == "Archive of 2025")
    form = raw(87_654)  # to write each of them as it is written takes longer than all else
    for number in range(5_000):
        office.server.deliver("alice@us.test", form.replace(b"87654", b"%d" % number), history)

    report = office.read(alice)

    assert report is not None
    assert (report.seen, report.tracked, report.more) == (5_000, 50, True)
    office.server.deliver("alice@us.test", letter("ann@acme.test", "alice@us.test", "Fresh", "x"))
    report = office.read(alice)
    assert report is not None
    assert (report.seen, report.ignored, report.tracked) == (1, 1, 50)
    rule = MailboxTrackingFolder.objects.get(mailbox=alice)
    assert (rule.onboarding_done, rule.onboarding_total) == (100, 5_000)
    newest = {f"Mail {number}" for number in range(4_900, 5_000)}
    assert set(Email.objects.values_list("subject", flat=True)) == newest
    assert_balanced(alice)
