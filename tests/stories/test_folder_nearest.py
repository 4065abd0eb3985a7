"""The nearest rule counts, also when it comes or goes: mail in a folder follows the rule that covers it now (9.2, 9.5)."""

from __future__ import annotations

import pytest
from django.utils import timezone

from mailboxes.models import Mailbox
from tests.company import Company, assert_balanced, decide, receive
from tests.filing import ALICE, about, acme, alice, case, deliver, one_cycle, receive_later, rule
from tracking.crm.models import Account, Case, Email
from tracking.keep.folder_rules import remove_rule
from tracking.models import FolderOnboardingStatus, LedgerRow, LedgerState

__all__ = ["acme", "alice", "case"]  # fixtures


def receive_all(mailbox: Mailbox) -> None:
    while one_cycle(mailbox).report.more:
        pass


def test_mail_follows_the_rule_above_when_the_nearer_one_goes_and_the_nearer_one_when_it_comes(
    company: Company, alice: Mailbox, acme: Account, case: Case
) -> None:
    """9.2, 9.5"""
    above = company.sandbox.folder(ALICE, "Customers")
    below = company.sandbox.folder(ALICE, "Acme", above)
    rule(alice, above, acme, includes_subfolders=True)
    deliver(company, "Offer", below)
    receive(alice)
    assert about("Offer") == "Acme"

    nearer = rule(alice, below, case)
    receive(alice)
    assert (about("Offer"), LedgerRow.objects.get().tracking_folder) == ("The broken press", nearer)

    nearer.refresh_from_db()
    remove_rule(nearer, timezone.now())
    receive(alice)
    assert (about("Offer"), LedgerRow.objects.get().evidence["filed_with"]) == ("Acme", "Acme")
    assert_balanced(alice)


def test_a_folder_that_is_moved_below_another_tracked_one_follows_that(
    company: Company, alice: Mailbox, acme: Account, case: Case
) -> None:
    """9.2, 9.5"""
    for name, record in (("Acme", acme), ("Case", case)):
        rule(alice, company.sandbox.folder(ALICE, name), record, includes_subfolders=True)
    below = company.sandbox.folder(ALICE, "Letters", "Acme")
    deliver(company, "Offer", below)
    receive(alice)
    assert about("Offer") == "Acme"

    company.sandbox.move_folder(ALICE, below, "Case")
    receive_later(alice)

    assert about("Offer") == "The broken press"
    assert_balanced(alice)


@pytest.mark.parametrize("record_of_the_next", [True, False])
def test_what_waits_under_a_rule_that_goes_is_taken_in_under_the_next(
    company: Company, alice: Mailbox, acme: Account, case: Case, record_of_the_next: bool
) -> None:
    """9.3, 9.5: the rest of what lay there is taken in as before, in portions."""
    decide(folder_onboarding_per_cycle=2)
    above = company.sandbox.folder(ALICE, "Customers")
    below = company.sandbox.folder(ALICE, "Acme", above)
    for number in range(6):
        deliver(company, f"Offer {number}", below)
    upper = rule(alice, above, acme if record_of_the_next else None, includes_subfolders=True)
    nearer = rule(alice, below, case)
    one_cycle(alice)
    assert Email.objects.count() == 2

    remove_rule(nearer, timezone.now())
    one_cycle(alice)

    upper.refresh_from_db()
    assert (Email.objects.count(), upper.folder_onboarding_status) == (4, FolderOnboardingStatus.GOING_ON)
    receive_all(alice)
    names = [about(f"Offer {number}") for number in range(6)]
    assert names == (["Acme"] * 6 if record_of_the_next else [*[""] * 4, *["The broken press"] * 2])
    assert LedgerRow.objects.filter(state=LedgerState.TRACKED, tracking_folder=upper).count() >= 4
    assert_balanced(alice)


def test_a_rule_that_is_made_anew_takes_in_what_waited_under_the_old_one(
    company: Company, alice: Mailbox, acme: Account, case: Case
) -> None:
    """9.3, 9.5: whether a run came between or not."""
    decide(folder_onboarding_per_cycle=2)
    folder = company.sandbox.folder(ALICE, "Acme")
    for number in range(6):
        deliver(company, f"Offer {number}", folder)
    first = rule(alice, folder, acme)
    one_cycle(alice)
    remove_rule(first, timezone.now())
    second = rule(alice, folder, case)
    one_cycle(alice)
    remove_rule(second, timezone.now())
    receive(alice)
    assert Email.objects.count() == 4

    rule(alice, folder, acme)
    receive_all(alice)

    assert {about(f"Offer {number}") for number in range(6)} == {"Acme"}
    assert_balanced(alice)
