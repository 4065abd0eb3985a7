"""People say in Outlook what is tracked, by a category: put on, it tracks; taken away, it unlinks (5.6, 5.23)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mailboxes.models import IncomingFilter, Mailbox, Organization, TraceLog
from tests.company import Company, assert_balanced, leg, receive, run
from tests.letters import letter
from tracking.crm.models import Email
from tracking.decide.verdicts import Reason
from tracking.keep import wishes
from tracking.models import Acknowledgement, Explicit, LedgerRow, LedgerState, Placement, SyncCursor

ALICE = "alice@us.test"
TAG = "Tracked to CRM"


@pytest.fixture
def alice(company: Company) -> Mailbox:
    """Alice, whose filter takes nothing."""
    return company.user("Alice", company.exchange_profile(), IncomingFilter.NO_MESSAGES)


@pytest.fixture
def keen_alice(company: Company) -> Mailbox:
    """Alice, whose filter takes everything."""
    return company.user("Alice", company.exchange_profile())


def deliver(company: Company, subject: str = "Hello", **how) -> str:
    raw = letter("ann@acme.test", ALICE, subject, f"About {subject}")
    return company.sandbox.deliver(ALICE, raw, **how)[0]


def tag(company: Company, item: str, *categories: str) -> None:
    """A person gives an item these categories in Outlook, and takes all others away."""
    company.sandbox.update(ALICE, item, categories=list(categories))


def categories(company: Company) -> list[list[str]]:
    return [item["categories"] for item in company.sandbox.inbox(ALICE)]


# Put on


def test_ignored_mail_that_alice_tags_is_tracked_in_the_next_cycle(company: Company, alice: Mailbox) -> None:
    item = deliver(company)
    receive(alice)
    assert LedgerRow.objects.get().state == LedgerState.IGNORED
    tag(company, item, "Family", TAG)

    ended = receive(alice)

    row = LedgerRow.objects.get()
    assert (row.state, row.reason, row.explicit) == (
        LedgerState.TRACKED,
        Reason.TRACKED_BY_CATEGORY,
        Explicit.CATEGORY,
    )
    email = Email.objects.get()
    assert (row.email, email.subject, email.accepting_user) == (email, "Hello", alice.regarding_user)
    assert ended.report.tracked == 1
    assert categories(company) == [["Family", TAG]]
    assert_balanced(alice)


def test_new_mail_that_is_tagged_already_is_tracked(company: Company, alice: Mailbox) -> None:
    item = deliver(company)
    tag(company, item, TAG.upper())  # the case does not matter to Exchange

    receive(alice)

    assert LedgerRow.objects.get().reason == Reason.TRACKED_BY_CATEGORY
    assert_balanced(alice)


def test_another_category_asks_for_nothing(company: Company, alice: Mailbox) -> None:
    item = deliver(company)
    receive(alice)
    tag(company, item, "Tracked", "Family")

    receive(alice)

    assert LedgerRow.objects.get().state == LedgerState.IGNORED
    assert not Email.objects.exists()


def test_mail_from_before_the_start_date_is_tracked_when_somebody_tags_it(company: Company, alice: Mailbox) -> None:
    now = timezone.now()
    Mailbox.objects.filter(pk=alice.pk).update(process_email_received_after=now - timedelta(days=1))
    tagged_before, old = [
        deliver(company, subject, received=(now - timedelta(days=9)).isoformat()) for subject in ("Older", "Old")
    ]
    tag(company, tagged_before, TAG)
    receive(alice)
    assert not LedgerRow.objects.exists()  # a first listing brings no flood of what was tagged long ago
    tag(company, old, TAG)

    receive(alice)

    assert Email.objects.get().subject == "Old"
    assert (SyncCursor.objects.get().older, assert_balanced(alice).shown) == (2, 1)
    tag(company, old)
    receive(alice)
    assert LedgerRow.objects.get().reason == Reason.CATEGORY_REMOVED
    assert_balanced(alice)


def test_mail_that_is_tagged_while_it_is_moved_away_and_back_is_tracked(company: Company, alice: Mailbox) -> None:
    """It comes back under another key, as another copy of a message that was decided."""
    company.sandbox.folder(ALICE, "Later")
    item = deliver(company)
    receive(alice)
    item = company.sandbox.move(ALICE, item, "Later")
    receive(alice)
    tag(company, item, TAG)
    company.sandbox.move(ALICE, item, "inbox")

    receive(alice)

    row = LedgerRow.objects.get()
    assert (row.state, row.reason) == (LedgerState.TRACKED, Reason.TRACKED_BY_CATEGORY)
    assert Email.objects.count() == 1
    assert assert_balanced(alice).copies == 1


def test_mail_that_could_not_be_tracked_is_tried_again_when_it_is_tagged(company: Company, keen_alice: Mailbox) -> None:
    item = deliver(company)
    company.sandbox.fault(face="ews", operation="GetItem", effect="response", code="ErrorItemCorrupt")
    for _ in range(5):
        run(keen_alice)
        LedgerRow.objects.update(retry_on=None)
    assert LedgerRow.objects.get().state == LedgerState.QUARANTINED
    company.sandbox.clear_faults()
    tag(company, item, TAG)

    receive(keen_alice)

    assert LedgerRow.objects.get().state == LedgerState.TRACKED
    assert not TraceLog.objects.filter(closed_on=None, cause="messages not tracked").exists()
    assert_balanced(keen_alice)


# Our own


def test_the_category_that_we_set_ourselves_asks_for_nothing(company: Company, keen_alice: Mailbox) -> None:
    deliver(company)
    receive(keen_alice)
    placement = Placement.objects.get()
    assert (placement.is_tagged, placement.acknowledge) == (True, Acknowledgement.NONE)
    before = LedgerRow.objects.values().get()

    ended = receive(keen_alice)

    assert not ended.report.found_something
    assert LedgerRow.objects.values().get() == before
    assert (before["explicit"], before["reason"]) == (Explicit.NO, Reason.ACCEPT_ALL)
    assert categories(company) == [[TAG]]


def test_a_crash_between_the_server_and_the_row_makes_no_wish_of_it(company: Company, keen_alice: Mailbox) -> None:
    deliver(company)
    receive(keen_alice)
    Placement.objects.update(is_tagged=False, acknowledge=Acknowledgement.CATEGORIZE)  # as before the commit

    receive(keen_alice)

    row = LedgerRow.objects.get()
    assert (row.state, row.explicit, Placement.objects.get().is_tagged) == (LedgerState.TRACKED, Explicit.NO, True)


def test_what_could_not_be_tagged_does_not_count_as_untagged(company: Company, keen_alice: Mailbox) -> None:
    item = deliver(company)
    company.sandbox.fault(face="ews", operation="UpdateItem", effect="response", code="ErrorAccessDenied")
    receive(keen_alice)
    assert (Placement.objects.get().is_tagged, categories(company)) == (False, [[]])
    company.sandbox.clear_faults()
    tag(company, item, "Family")

    receive(keen_alice)

    assert LedgerRow.objects.get().state == LedgerState.TRACKED


# Taken away


def test_taking_the_category_away_unlinks_and_keeps_the_email(company: Company, keen_alice: Mailbox) -> None:
    item = deliver(company)
    receive(keen_alice)
    tag(company, item, "Family")

    ended = receive(keen_alice)

    row = LedgerRow.objects.get()
    assert (row.state, row.reason) == (LedgerState.IGNORED, Reason.CATEGORY_REMOVED)
    assert ended.report.ignored == 1
    assert Email.objects.get().subject == "Hello"
    assert_balanced(keen_alice)
    receive(keen_alice)
    receive(keen_alice)
    assert LedgerRow.objects.get().state == LedgerState.IGNORED
    assert categories(company) == [["Family"]]  # not tagged again by us


def test_who_changes_their_mind_twice_has_one_email(company: Company, keen_alice: Mailbox) -> None:
    item = deliver(company)
    receive(keen_alice)
    tag(company, item)
    receive(keen_alice)
    tag(company, item, TAG)

    receive(keen_alice)

    row = LedgerRow.objects.get()
    assert (row.state, row.email) == (LedgerState.TRACKED, Email.objects.get())
    assert_balanced(keen_alice)


def test_the_copy_of_bob_stays_tracked(company: Company, keen_alice: Mailbox) -> None:
    bob = company.user("Bob", keen_alice.email_server_profile)
    raw = letter("ann@acme.test", [ALICE, "bob@us.test"], "Both", "x")
    item, _ = company.sandbox.deliver([ALICE, "bob@us.test"], raw)
    receive(keen_alice)
    receive(bob)
    tag(company, item)

    receive(keen_alice)
    receive(bob)

    states = dict(LedgerRow.objects.values_list("mailbox", "state"))
    assert states == {keen_alice.pk: LedgerState.IGNORED, bob.pk: LedgerState.TRACKED}
    assert Email.objects.count() == 1


def test_a_message_stays_tracked_while_another_copy_bears_the_category(company: Company, keen_alice: Mailbox) -> None:
    raw = letter("ann@acme.test", ALICE, "Twice", "x")
    first, second = (company.sandbox.deliver(ALICE, raw)[0] for _ in range(2))
    receive(keen_alice)
    tag(company, first)
    receive(keen_alice)
    assert LedgerRow.objects.get().state == LedgerState.TRACKED
    tag(company, second)

    receive(keen_alice)

    assert LedgerRow.objects.get().reason == Reason.CATEGORY_REMOVED
    assert_balanced(keen_alice)


def test_moving_tracked_mail_away_unlinks_nothing(company: Company, keen_alice: Mailbox) -> None:
    company.sandbox.folder(ALICE, "Later")
    item = deliver(company)
    receive(keen_alice)
    company.sandbox.move(ALICE, item, "Later")

    receive(keen_alice)

    assert LedgerRow.objects.get().state == LedgerState.TRACKED
    assert_balanced(keen_alice)


def test_reading_mail_unlinks_nothing(company: Company, keen_alice: Mailbox) -> None:
    item = deliver(company)
    receive(keen_alice)
    company.sandbox.update(ALICE, item, is_read=True)

    receive(keen_alice)

    assert LedgerRow.objects.get().state == LedgerState.TRACKED


def test_untracking_in_the_console_takes_the_category_away(company: Company, keen_alice: Mailbox) -> None:
    item = deliver(company)
    receive(keen_alice)
    tag(company, item, "Family", TAG)
    receive(keen_alice)
    LedgerRow.objects.update(state=LedgerState.IGNORED, reason=Reason.IGNORED_BY_A_PERSON)
    Placement.objects.update(acknowledge=Acknowledgement.UNCATEGORIZE)

    run(keen_alice)
    run(keen_alice)

    placement = Placement.objects.get()
    assert (placement.is_tagged, placement.acknowledge, categories(company)) == (
        False,
        Acknowledgement.NONE,
        [["Family"]],
    )
    assert LedgerRow.objects.get().state == LedgerState.IGNORED


# Accidents


def test_lost_synchronization_state_unlinks_and_asks_for_nothing(company: Company, keen_alice: Mailbox) -> None:
    items = [deliver(company, f"Mail {number}") for number in range(3)]
    receive(keen_alice)
    before = list(LedgerRow.objects.order_by("id").values())
    company.sandbox.lose_sync_state(ALICE)

    receive(keen_alice)
    receive(keen_alice)

    assert list(LedgerRow.objects.order_by("id").values()) == before
    tag(company, items[0])  # afterwards people are understood as before
    receive(keen_alice)
    assert LedgerRow.objects.filter(reason=Reason.CATEGORY_REMOVED).count() == 1
    assert_balanced(keen_alice)


def test_a_mailbox_restored_from_a_backup_without_categories_unlinks_nothing(
    company: Company, keen_alice: Mailbox
) -> None:
    """The listing shows what is there, not what somebody did."""
    items = [deliver(company, f"Mail {number}") for number in range(3)]
    receive(keen_alice)
    for item in items:
        tag(company, item)
    company.sandbox.lose_sync_state(ALICE)

    receive(keen_alice)
    tag(company, items[0], "Family")
    receive(keen_alice)

    assert set(LedgerRow.objects.values_list("state", flat=True)) == {LedgerState.TRACKED}


def test_what_was_taken_out_is_not_taken_in_by_a_listing_that_still_shows_the_category(
    company: Company, keen_alice: Mailbox
) -> None:  # law 12
    item = deliver(company)
    receive(keen_alice)
    tag(company, item)
    receive(keen_alice)
    tag(company, item, TAG)
    company.sandbox.lose_sync_state(ALICE)

    receive(keen_alice)

    assert LedgerRow.objects.get().reason == Reason.CATEGORY_REMOVED


def test_many_that_lose_the_category_at_once_stay_tracked_and_somebody_is_told(
    company: Company, keen_alice: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:  # law 9
    monkeypatch.setattr(wishes, "MOST_AT_ONCE", 2)
    items = [deliver(company, f"Mail {number}") for number in range(3)]
    receive(keen_alice)
    for item in items:
        tag(company, item, "Tracked to our CRM")

    receive(keen_alice)

    assert set(LedgerRow.objects.values_list("state", flat=True)) == {LedgerState.TRACKED}
    alert = TraceLog.objects.get(closed_on=None, cause="category lost by many")
    assert "3 messages" in alert.text
    assert "renamed" in alert.remedy
    assert_balanced(keen_alice)


def test_with_category_tracking_off_categories_ask_for_nothing(company: Company, alice: Mailbox) -> None:
    Organization.objects.update_or_create(pk=1, defaults={"overrides": {"track_categorized_items": False}})
    first, second = deliver(company, "Tagged before"), deliver(company, "Tagged later")
    tag(company, first, TAG)
    receive(alice)
    tag(company, second, TAG)

    receive(alice)

    assert set(LedgerRow.objects.values_list("state", flat=True)) == {LedgerState.IGNORED}
    assert leg(alice).last_error == ""


def test_the_category_of_the_organization_counts(company: Company, alice: Mailbox) -> None:
    Organization.objects.update_or_create(pk=1, defaults={"overrides": {"compatibility": "dynamics"}})
    item, other = deliver(company), deliver(company, "Other")
    receive(alice)
    tag(company, item, "Tracked to Dynamics 365")
    tag(company, other, TAG)

    receive(alice)

    assert Email.objects.get().subject == "Hello"
