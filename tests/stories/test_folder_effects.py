"""What becomes of mail when rules, folders and messages change: each line of 9.5, and 9.6, over sockets."""

from __future__ import annotations

import pytest
from django.utils import timezone

from mailboxes.models import IncomingFilter, Mailbox, TraceLog
from tests.company import Company, assert_balanced, decide, receive
from tests.filing import ALICE, BOB, about, acme, alice, case, change, deliver, receive_later, rule
from tests.letters import letter
from tracking.crm.models import Account, Case, Email
from tracking.decide.verdicts import Reason
from tracking.keep.belonging import belongs_to
from tracking.keep.folder_rules import remove_rule
from tracking.models import (
    LedgerRow,
    LedgerState,
    MailboxTrackingFolder,
    Placement,
    SyncCursor,
)

__all__ = ["acme", "alice", "case"]  # fixtures


def with_mail(company: Company, alice: Mailbox, acme: Account, subject: str) -> tuple[str, MailboxTrackingFolder]:
    """Alice's folder “Acme”, its rule, and one message that was read in it."""
    folder = company.sandbox.folder(ALICE, "Acme")
    tracked = rule(alice, folder, acme)
    deliver(company, subject, folder)
    receive(alice)
    return folder, tracked


# 9.5, line by line


def test_a_deleted_rule_leaves_old_mail_and_ignores_new(company: Company, alice: Mailbox, acme: Account) -> None:
    # 9.5: rule deleted
    folder, tracked = with_mail(company, alice, acme, "Old")
    remove_rule(tracked, timezone.now())
    deliver(company, "New", folder)

    receive(alice)

    assert [(email.subject, email.regarding) for email in Email.objects.all()] == [("Old", acme)]
    assert {cursor.folder for cursor in SyncCursor.objects.all()} <= {"inbox", "folder stamps"}
    assert_balanced(alice)


def test_a_deleted_folder_leaves_its_mail_and_makes_the_rule_invalid(
    company: Company, alice: Mailbox, acme: Account
) -> None:
    # 9.5: folder deleted
    folder, tracked = with_mail(company, alice, acme, "Offer")
    company.sandbox.delete_folder(ALICE, folder)

    receive(alice)

    tracked.refresh_from_db()
    assert "no such folder" in tracked.invalid_reason
    assert (about("Offer"), tracked.suggested_folder_id) == ("Acme", "")
    alert = TraceLog.objects.get(cause=f"folder rule {tracked.pk}")
    assert "“Acme” of alice@us.test is not tracked" in alert.text
    receive_later(alice)
    alert.refresh_from_db()
    assert (alert.occurrences, alert.closed_on) == (1, None)
    assert_balanced(alice)


def test_a_folder_in_deleted_items_is_a_deleted_folder_until_it_is_moved_back(
    company: Company, alice: Mailbox, acme: Account
) -> None:
    # 9.5: folder deleted, and brought back
    folder, tracked = with_mail(company, alice, acme, "Offer")
    company.sandbox.delete_folder(ALICE, folder, to_bin=True)
    receive_later(alice)
    tracked.refresh_from_db()
    assert "Deleted Items" in tracked.invalid_reason

    company.sandbox.move_folder(ALICE, folder)
    deliver(company, "Next", folder)
    receive_later(alice)

    tracked.refresh_from_db()
    assert (tracked.invalid_reason, about("Next")) == ("", "Acme")
    assert TraceLog.objects.get(cause=f"folder rule {tracked.pk}").closed_on is not None
    assert Email.objects.count() == 2
    assert_balanced(alice)


@pytest.mark.parametrize("below_inbox_only", [True, False])
def test_a_folder_that_is_moved_out_of_the_inbox(
    company: Company, alice: Mailbox, acme: Account, below_inbox_only: bool
) -> None:
    """9.5: within the Inbox it goes on; outside only if the organization allows other folders."""
    # 9.5: folder moved within the Inbox, folder moved outside
    decide(tracking_folders_below_inbox_only=below_inbox_only)
    company.sandbox.folder(ALICE, "Customers", "Inbox")
    folder = company.sandbox.folder(ALICE, "Acme", "Inbox")
    tracked = rule(alice, folder, acme)
    receive(alice)
    company.sandbox.move_folder(ALICE, folder, "Inbox/Customers")
    deliver(company, "Within", folder)
    receive_later(alice)
    tracked.refresh_from_db()
    assert (tracked.folder_path, tracked.invalid_reason) == ("Inbox/Customers/Acme", "")
    assert about("Within") == "Acme"

    company.sandbox.move_folder(ALICE, folder)
    deliver(company, "Outside", folder)
    receive_later(alice)

    tracked.refresh_from_db()
    assert ("below the Inbox" in tracked.invalid_reason) == below_inbox_only
    assert Email.objects.filter(subject="Outside").exists() != below_inbox_only
    assert_balanced(alice)


def test_a_renamed_folder_goes_on_under_its_new_name(company: Company, alice: Mailbox, acme: Account) -> None:
    # 9.5: folder renamed
    folder = company.sandbox.folder(ALICE, "Acme")
    tracked = rule(alice, folder, acme)
    receive(alice)
    company.sandbox.rename_folder(ALICE, folder, "Acme Ltd")
    deliver(company, "Offer", folder)

    receive_later(alice)

    tracked.refresh_from_db()
    assert (tracked.exchange_folder_name, tracked.folder_path, about("Offer")) == ("Acme Ltd", "Acme Ltd", "Acme")


def test_a_regarding_that_is_removed_leaves_old_links(company: Company, alice: Mailbox, acme: Account) -> None:
    # 9.5: regarding removed
    folder = company.sandbox.folder(ALICE, "Acme")
    tracked = rule(alice, folder, acme)
    deliver(company, "Old", folder)
    receive(alice)
    tracked.refresh_from_db()
    change(tracked, None)
    deliver(company, "New", folder)

    receive(alice)

    assert (about("Old"), about("New")) == ("Acme", "")


def test_a_regarding_that_is_changed_takes_all_mail_of_the_folder_along(
    company: Company, alice: Mailbox, acme: Account, case: Case
) -> None:
    # 9.5: regarding changed
    folder = company.sandbox.folder(ALICE, "Acme")
    tracked = rule(alice, folder, acme)
    items = {subject: deliver(company, subject, folder) for subject in ("Stays", "Moved away", "Filed by Alice")}
    receive(alice)
    company.sandbox.move(ALICE, items["Moved away"], "inbox")
    belongs_to(Email.objects.get(subject="Filed by Alice"), None, False, alice.owner, timezone.now())
    receive(alice)
    tracked.refresh_from_db()
    change(tracked, case)

    receive(alice)

    assert (about("Stays"), about("Moved away"), about("Filed by Alice")) == ("The broken press", "Acme", "")
    tracked.refresh_from_db()
    assert tracked.relink_requested_on is None
    assert_balanced(alice)


def test_a_message_that_is_moved_into_a_folder_is_filed_anew(company: Company, acme: Account, case: Case) -> None:
    """9.5: into one with a record; into one without it keeps what it has; back in the Inbox as well."""
    # 9.5: message moved to a folder with, without regarding, untracked
    alice = company.user("Alice", company.exchange_profile())
    folders = [company.sandbox.folder(ALICE, name) for name in ("Acme", "Case", "Plain")]
    for folder, record in zip(folders, (acme, case, None), strict=True):
        rule(alice, folder, record)
    item = deliver(company, "Offer")
    receive(alice)
    assert about("Offer") == ""
    found = []
    for target in (*folders, folders[0], "inbox", company.sandbox.folder(ALICE, "Private")):
        item = company.sandbox.move(ALICE, item, target)
        receive(alice)
        found.append(about("Offer"))

    assert found == ["Acme", "The broken press", "The broken press", "Acme", "Acme", "Acme"]
    assert (Email.objects.count(), LedgerRow.objects.get().state) == (1, LedgerState.TRACKED)
    assert_balanced(alice)


@pytest.mark.parametrize("overwrites", [False, True])
def test_what_a_person_chose_wins_unless_the_organization_says_otherwise(
    company: Company, alice: Mailbox, acme: Account, case: Case, overwrites: bool
) -> None:
    """9.5: the original overwrites it at the next synchronization of the folder."""
    # 9.5: regarding edited by hand
    decide(folder_overwrites_manual_regarding=overwrites)
    folder = company.sandbox.folder(ALICE, "Acme")
    rule(alice, folder, acme)
    deliver(company, "Offer", folder)
    receive(alice)
    belongs_to(Email.objects.get(), case, False, alice.owner, timezone.now())

    receive_later(alice)

    assert about("Offer") == ("Acme" if overwrites else "The broken press")


def test_of_two_people_the_first_folder_wins(company: Company, alice: Mailbox, acme: Account, case: Case) -> None:
    """9.5: one email, both placements."""
    # 9.5: same mail in folders of two users
    bob = company.user("Bob", company.exchange_profile(), IncomingFilter.NO_MESSAGES)
    raw = letter("ann@acme.test", [ALICE, BOB], "Offer", "For both")
    rules = []
    for mailbox, record in ((alice, acme), (bob, case)):
        folder = company.sandbox.folder(mailbox.email_address, "Ours")
        rules.append(rule(mailbox, folder, record))
        company.sandbox.deliver(mailbox.email_address, raw, folder=folder)

    receive(alice)
    receive(bob)

    assert about("Offer") == "Acme"
    assert list(LedgerRow.objects.order_by("pk").values_list("tracking_folder", flat=True)) == [rules[0].pk, None]
    assert Placement.objects.filter(ledger_row__email=Email.objects.get()).count() == 2
    assert LedgerRow.objects.get(mailbox=bob).evidence["filed_first"] == "a folder of another mailbox"
    rules[1].refresh_from_db()
    change(rules[1], Account.objects.create(name="Zeta"))
    receive(bob)
    assert about("Offer") == "Acme"


def test_answers_are_tracked_by_their_own_arrival_in_the_inbox(company: Company, acme: Account) -> None:
    """They inherit what the message in the folder belongs to (9.6)."""
    # 9.6
    alice = company.user("Alice", company.exchange_profile(), IncomingFilter.RESPONSES_TO_OUR_MAIL)
    folder = company.sandbox.folder(ALICE, "Acme")
    rule(alice, folder, acme)
    first = letter("ann@acme.test", ALICE, "Offer", "Here", message_id="<offer@acme.test>")
    company.sandbox.deliver(ALICE, first, folder=folder)
    receive(alice)
    answer = letter("ben@acme.test", ALICE, "Re: Offer", "And?", in_reply_to="<offer@acme.test>")
    company.sandbox.deliver(ALICE, answer)

    receive(alice)

    assert about("Re: Offer") == "Acme"
    assert LedgerRow.objects.order_by("pk").last().reason == Reason.CORRELATION_MATCH  # type: ignore[union-attr]
