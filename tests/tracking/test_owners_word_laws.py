"""Law 12: whatever happens in whatever order, what was removed stays removed unless a person tracked it again."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailboxes.models import IncomingFilter, Mailbox
from tests.company import assert_balanced
from tests.letters import letter
from tests.tracking.post_office import PostOffice
from tracking.crm.models import Email
from tracking.keep import exclusions
from tracking.keep.redo import redo
from tracking.keep.track_now import track_now
from tracking.keep.untrack import untrack
from tracking.models import LedgerRow, LedgerState, Tombstone, TrackingExclusion
from tracking.models.exclusions import ExclusionKind

PEOPLE, LETTERS = ("Alice", "Bob"), range(4)
DOMAIN = "dentist.test"
a_step = st.one_of(
    st.tuples(
        st.sampled_from(["untrack", "track", "redo", "deliver"]), st.sampled_from(PEOPLE), st.sampled_from(LETTERS)
    ),
    st.tuples(st.sampled_from(["resync", "exclude", "lift"]), st.sampled_from(PEOPLE), st.just(0)),
)


def message_id(number: int) -> str:
    return f"<{number}@letters.test>"


def raw(number: int) -> bytes:
    sender = f"x@{DOMAIN}" if number % 2 else "ann@acme.test"
    return letter(sender, ["alice@us.test", "bob@us.test"], f"Mail {number}", "x", message_id=message_id(number))


class House:
    """Alice and Bob with their mail, and beside them what should be true of it."""

    def __init__(self) -> None:
        self.office = PostOffice()
        self.mailboxes = {name: self.office.user(name, IncomingFilter.ALL_MESSAGES) for name in PEOPLE}
        self.delivered: dict[str, set[int]] = defaultdict(set)
        self.removed: dict[str, set[int]] = defaultdict(set)
        self.wanted: dict[str, set[int]] = defaultdict(set)
        self.has_excluded: set[str] = set()

    def take(self, step: tuple[str, str, int]) -> None:
        what, who, number = step
        mailbox, now = self.mailboxes[who], timezone.now()
        rows = LedgerRow.objects.filter(mailbox=mailbox, message_id=message_id(number))
        getattr(self, f"_{what}")(who, mailbox, number, rows, now)
        self.office.read_all()
        self.check()

    def give(self, who: str, number: int) -> None:
        """Somebody writes to this person."""
        self.office.deliver([self.mailboxes[who]], raw(number))
        self.delivered[who].add(number)

    def _deliver(self, who: str, mailbox: Mailbox, number: int, rows: Any, now: Any) -> None:
        self.give(who, number)

    def _untrack(self, who: str, mailbox: Mailbox, number: int, rows: Any, now: Any) -> None:
        if untrack(rows, mailbox.regarding_user, now).messages:
            self.removed[who].add(number)
            self.wanted[who].discard(number)

    def _track(self, who: str, mailbox: Mailbox, number: int, rows: Any, now: Any) -> None:
        if track_now(rows, mailbox.regarding_user, now).asked:
            self.wanted[who].add(number)
            self.removed[who].discard(number)

    def _redo(self, who: str, mailbox: Mailbox, number: int, rows: Any, now: Any) -> None:
        redo(rows, now)

    def _resync(self, who: str, mailbox: Mailbox, number: int, rows: Any, now: Any) -> None:
        self.office.server.mailboxes[mailbox.email_address].lose_sync_state()

    def _exclude(self, who: str, mailbox: Mailbox, number: int, rows: Any, now: Any) -> None:
        exclusions.add(mailbox, ExclusionKind.DOMAIN, DOMAIN, mailbox.regarding_user, now)
        self.has_excluded.add(who)

    def _lift(self, who: str, mailbox: Mailbox, number: int, rows: Any, now: Any) -> None:
        for one in TrackingExclusion.objects.filter(mailbox=mailbox):
            exclusions.remove(one)

    def check(self) -> None:
        for who, mailbox in self.mailboxes.items():
            for number in self.delivered[who]:
                row = LedgerRow.objects.get(mailbox=mailbox, message_id=message_id(number))
                if number in self.removed[who]:
                    assert row.state == LedgerState.IGNORED
                elif number in self.wanted[who] or who not in self.has_excluded:
                    assert row.state == LedgerState.TRACKED
                assert (row.email_id is not None) == (row.state == LedgerState.TRACKED)
            assert Tombstone.objects.filter(mailbox=mailbox).count() == len(self.removed[who])
            if self.delivered[who]:
                assert_balanced(mailbox)
        assert not Email.objects.filter(ledger_rows__isnull=True).exists()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(a_step, min_size=4, max_size=14))
def test_what_was_removed_stays_removed_unless_a_person_tracked_it_again(db: None, steps: list[Any]) -> None:
    with transaction.atomic():
        house = House()
        for who, number in ((who, number) for number in range(2) for who in PEOPLE):
            house.give(who, number)
        for step in steps:
            house.take(step)
        transaction.set_rollback(True)
