"""9: whatever people do with folders, messages and rules, and whenever it breaks off: what lies in a tracked folder belongs
to what its rule says, nothing is lost or doubled, and the ledger balances."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailboxes.models.settings import current_policy
from profiles.connectors.base import Transient
from profiles.items import DELETED, INBOX
from tests.company import assert_balanced, decide
from tests.letters import letter
from tests.tracking.filing_office import FilingOffice
from tracking.crm.models import Account, Email
from tracking.keep.belonging import belongs_to
from tracking.keep.folder_rules import remove_rule, save_rule, set_regarding
from tracking.models import FolderOnboardingStatus, LedgerRow, LedgerState, MailboxTrackingFolder

FOLDERS, LETTERS = ("One", "Two", "Three"), range(5)
RECORDS = ("Acme", "Zeta", "")
a_folder, a_letter, a_record = st.sampled_from(FOLDERS), st.sampled_from(LETTERS), st.sampled_from(RECORDS)
a_step = st.one_of(
    st.tuples(st.just("move"), a_letter, st.sampled_from((*FOLDERS, INBOX))),
    st.tuples(st.just("rule"), a_folder, a_record),
    st.tuples(st.just("unrule"), a_folder, st.none()),
    st.tuples(st.sampled_from(["rename", "throw_away", "bring_back", "nest"]), a_folder, st.none()),
    st.tuples(st.just("choose"), a_letter, a_record),
    st.tuples(st.just("resync"), st.none(), st.none()),
)
a_crash = st.one_of(
    st.none(),
    st.tuples(st.just("commit"), st.integers(1, 12)),
    st.tuples(st.sampled_from(["list", "read", "folders"]), st.integers(0, 3)),
)


def raw(number: int) -> bytes:
    return letter("ann@acme.test", "alice@us.test", f"Mail {number}", "x", message_id=f"<{number}@letters.test>")


class Files:
    """Alice's mailbox, and beside it what should be true of each letter: None if it is not tracked, else its record."""

    def __init__(self) -> None:
        decide(folder_onboarding_per_cycle=2)
        self.office = FilingOffice()
        self.alice = self.office.user("Alice")
        self.box = self.office.box(self.alice)
        self.records = {name: Account.objects.create(name=name) for name in RECORDS if name}
        self.keys = {name: self.box.create_folder(name, INBOX).key for name in FOLDERS}
        self.place: dict[int, str] = {}
        self.rules: dict[str, str] = {}
        self.about: dict[int, str | None] = dict.fromkeys(LETTERS)
        self.chosen: set[int] = set()
        self.thrown: set[str] = set()
        for number in LETTERS:
            self.place[number] = FOLDERS[number % 3] if number % 2 else INBOX
            self.office.server.deliver("alice@us.test", raw(number), self._key(self.place[number]))

    def _key(self, place: str) -> str:
        return self.keys.get(place, place)

    def take(self, step: tuple[str, Any, Any], crash: tuple[str, int] | None) -> None:
        what, first, second = step
        getattr(self, f"_{what}")(first, second)
        if crash is not None:
            self._crash(*crash)
        self.office.read_all(self.alice)
        self._expect()
        self.check()

    def _crash(self, step: str, number: int) -> None:
        if step == "commit":
            self.office.read(self.alice, commits=number)
            return
        self.office.server.trouble(step, Transient("The line is down."), skip=number)
        self.office.read(self.alice)
        self.office.server._troubles.clear()

    def _move(self, number: int, place: str) -> None:
        item = next(item for item in self.box.items.values() if item.raw == raw(number))
        if item.folder != self._key(place):
            self.box.move(item.key, self._key(place))
            self.place[number] = place

    def _rule(self, folder: str, record: str) -> None:
        found = MailboxTrackingFolder.objects.filter(mailbox=self.alice, exchange_folder_id=self.keys[folder]).first()
        if found is None and self._is_thrown(folder):
            return  # it is refused
        rule = found or MailboxTrackingFolder(mailbox=self.alice, exchange_folder_id=self.keys[folder])
        set_regarding(rule, self.records.get(record))
        save_rule(rule, None, current_policy(), self.office.now, may_be_unknown=True)
        self.rules[folder] = record

    def _unrule(self, folder: str, _: None) -> None:
        for rule in MailboxTrackingFolder.objects.filter(exchange_folder_id=self.keys[folder]):
            remove_rule(rule, self.office.now)
            del self.rules[folder]

    def _rename(self, folder: str, _: None) -> None:
        self.box.rename_folder(self.keys[folder], f"{self.box.tree[self.keys[folder]].name}+")

    def _throw_away(self, folder: str, _: None) -> None:
        self.box.move_folder(self.keys[folder], DELETED) if folder not in self.thrown else None
        self.thrown.add(folder)

    def _bring_back(self, folder: str, _: None) -> None:
        if folder in self.thrown:
            self.box.move_folder(self.keys[folder], "")
            self.thrown.discard(folder)

    def _nest(self, folder: str, _: None) -> None:
        other = FOLDERS[FOLDERS.index(folder) - 1]
        inside = [self.box.tree[key].parent_key for key in self.keys.values()]
        if folder not in self.thrown and other not in self.thrown and not set(inside) & set(self.keys.values()):
            self.box.move_folder(self.keys[folder], self.keys[other])

    def _choose(self, number: int, record: str) -> None:
        email = Email.objects.filter(subject=f"Mail {number}").first()
        if email is not None:
            belongs_to(email, self.records.get(record), False, self.alice.owner, self.office.now)
            self.about[number] = record
            self.chosen.add(number)

    def _resync(self, *_: None) -> None:
        self.box.lose_sync_state()

    def _is_thrown(self, folder: str) -> bool:
        key = self.keys[folder]
        while key:
            if key == DELETED:
                return True
            key = self.box.tree[key].parent_key
        return False

    def _expect(self) -> None:
        """9.5 in four lines."""
        for number, place in self.place.items():
            if place in self.rules and not self._is_thrown(place):
                before = self.about[number] or ""
                self.about[number] = before if number in self.chosen else self.rules[place] or before

    def check(self) -> None:
        tracked = {number for number in LETTERS if self.about[number] is not None}
        emails = {email.subject: email.regarding_name for email in Email.objects.all()}
        assert emails == {f"Mail {number}": self.about[number] for number in tracked}
        assert Email.objects.count() == len(tracked)
        rows = LedgerRow.objects.filter(mailbox=self.alice, state=LedgerState.TRACKED)
        assert sorted(rows.values_list("email__subject", flat=True)) == sorted(emails)
        for rule in MailboxTrackingFolder.objects.all():
            name = next(name for name, key in self.keys.items() if key == rule.exchange_folder_id)
            assert bool(rule.invalid_reason) == self._is_thrown(name)
            done = rule.folder_onboarding_status == FolderOnboardingStatus.DONE
            assert done or rule.invalid_reason
            assert rule.relink_requested_on is None or rule.invalid_reason
        assert_balanced(self.alice)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(a_step, a_crash), min_size=3, max_size=9))
def test_what_lies_in_a_tracked_folder_belongs_to_what_its_rule_says(db: None, steps: list[Any]) -> None:
    with transaction.atomic():
        files = Files()
        for step, crash in steps:
            files.take(step, crash)
        transaction.set_rollback(True)


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
    for number in range(5_000):
        office.server.deliver("alice@us.test", raw(number), history)

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
