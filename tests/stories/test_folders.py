"""What lies in a tracked folder is tracked and belongs to the record of its rule, over sockets (9.1–9.4)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from mailboxes.models import IncomingFilter, Mailbox, Organization, TraceLog
from mailboxes.models.settings import current_policy
from serversync.audit import compare_with_servers
from tests.company import Company, assert_balanced, decide, receive
from tests.filing import ALICE, SUPPORT, about, acme, alice, case, deliver, one_cycle, reasons, receive_later, rule
from tests.letters import letter
from tracking.crm.models import Account, Email
from tracking.decide.verdicts import Reason
from tracking.facts.folder_rules import tree_of
from tracking.keep.folder_rules import confirm_suggestion, decline_suggestion, save_rule
from tracking.keep.track_now import track_now
from tracking.keep.untrack import untrack
from tracking.models import (
    Explicit,
    FolderOnboardingStatus,
    LedgerRow,
    LedgerState,
    MailboxTrackingFolder,
    Placement,
)

__all__ = ["acme", "alice", "case"]  # fixtures


# 9.1, 9.2, 9.4: which folders


def test_a_message_in_a_tracked_folder_is_tracked_past_the_filter(
    company: Company, alice: Mailbox, acme: Account
) -> None:
    """9.3"""
    folder = company.sandbox.folder(ALICE, "Acme", "Inbox")
    tracked = rule(alice, folder, acme)
    deliver(company, "Offer", folder)
    deliver(company, "Gossip")

    receive(alice)

    email, row = Email.objects.get(), LedgerRow.objects.get(state=LedgerState.TRACKED)
    assert (email.subject, email.regarding, email.accepting_user) == ("Offer", acme, alice.regarding_user)
    assert (row.reason, row.explicit, row.tracking_folder) == (Reason.TRACKED_BY_FOLDER, Explicit.FOLDER, tracked)
    assert row.evidence["tracked_folder"] == "Inbox/Acme"
    assert row.evidence["filed_with"] == "Acme"
    assert LedgerRow.objects.get(state=LedgerState.IGNORED).reason == Reason.FILTER_TAKES_NOTHING
    assert_balanced(alice)


def test_old_messages_that_are_moved_into_the_folder_count(company: Company, alice: Mailbox, acme: Account) -> None:
    """9.3: the start date of the mailbox does not matter there."""
    now = timezone.now()
    Mailbox.objects.filter(pk=alice.pk).update(process_email_received_after=now - timedelta(days=1))
    folder = company.sandbox.folder(ALICE, "Acme")
    rule(alice, folder, acme)
    item = deliver(company, "Old", received=(now - timedelta(days=400)).isoformat())
    receive(alice)
    assert not LedgerRow.objects.exists()
    company.sandbox.move(ALICE, item, folder)

    receive(alice)

    assert about("Old") == "Acme"
    assert all(one.agrees for one in compare_with_servers(timezone.now))
    assert_balanced(alice)


def test_what_alice_has_sent_and_filed_is_tracked_as_sent(company: Company, alice: Mailbox, acme: Account) -> None:
    folder = company.sandbox.folder(ALICE, "Acme")
    rule(alice, folder, acme)
    company.sandbox.deliver(ALICE, letter(ALICE, "ann@acme.test", "Our offer", "Here"), folder=folder)

    receive(alice)

    email = Email.objects.get()
    assert (email.direction_code, email.regarding, email.sender_mailbox) == (True, acme, alice)


def test_subfolders_follow_only_where_the_rule_says_so(company: Company, alice: Mailbox, acme: Account) -> None:
    """9.2: the original never extends a rule to subfolders."""
    for name, with_subfolders in (("With", True), ("Without", False)):
        parent = company.sandbox.folder(ALICE, name)
        rule(alice, parent, acme, includes_subfolders=with_subfolders)
        deliver(company, name, company.sandbox.folder(ALICE, "Below", parent))

    receive(alice)

    assert [email.subject for email in Email.objects.all()] == ["With"]
    deliver(company, "Newer", company.sandbox.folder(ALICE, "Later", "With/Below"))
    receive_later(alice)
    assert about("Newer") == "Acme"
    assert_balanced(alice)


def test_a_queue_may_track_folders_too(company: Company, acme: Account) -> None:
    """9.1, beyond the original."""
    support = company.queue("Support", company.exchange_profile(), IncomingFilter.NO_MESSAGES)
    folder = company.sandbox.folder(SUPPORT, "Acme")
    rule(support, folder, acme)
    deliver(company, "Help", folder, SUPPORT)

    receive(support)

    assert about("Help") == "Acme"


def test_only_exchange_has_folders_and_only_so_many(company: Company, alice: Mailbox) -> None:
    """9.1"""
    bob = company.user("Bob", company.pop3_profile())
    with pytest.raises(ValidationError, match="on Exchange only"):
        save_rule(MailboxTrackingFolder(mailbox=bob, exchange_folder_id="x"), None, current_policy(), timezone.now())
    decide(maximum_tracking_folders=1)
    rule(alice, company.sandbox.folder(ALICE, "One"))
    with pytest.raises(ValidationError, match="may have 1 tracked folders at most"):
        rule(alice, company.sandbox.folder(ALICE, "Two"))


def test_rules_beyond_the_number_are_shown_as_invalid(company: Company, alice: Mailbox) -> None:
    """9.1: the number was lowered."""
    names = ("One", "Two", "Three")
    rules = [rule(alice, company.sandbox.folder(ALICE, name)) for name in names]
    decide(maximum_tracking_folders=2)

    receive(alice)

    for one in rules:
        one.refresh_from_db()
    assert [bool(one.invalid_reason) for one in rules] == [False, False, True]
    assert "more than 2" in rules[2].invalid_reason


def test_an_id_that_never_was_one_is_shown_as_invalid(company: Company, alice: Mailbox) -> None:
    """9.4: it cannot be checked when the rule is made; nothing else suffers."""
    good = company.sandbox.folder(ALICE, "Good")
    bad = rule(alice, "AAMkNoSuchFolder", exchange_folder_name="Wrong")
    rule(alice, good)
    deliver(company, "Fine", good)

    receive(alice)

    bad.refresh_from_db()
    assert "no such folder" in bad.invalid_reason
    assert TraceLog.objects.get(cause=f"folder rule {bad.pk}").closed_on is None
    assert Email.objects.get().subject == "Fine"


def test_the_switch_stops_everything_and_starts_it_again(company: Company, alice: Mailbox, acme: Account) -> None:
    """9.1"""
    folder = company.sandbox.folder(ALICE, "Acme")
    rule(alice, folder, acme)
    deliver(company, "Before", folder)
    receive(alice)
    decide(folder_based_tracking=False)
    deliver(company, "While off", folder)
    receive(alice)
    assert [email.subject for email in Email.objects.all()] == ["Before"]
    assert_balanced(alice)

    decide()
    receive(alice)
    assert about("While off") == "Acme"
    assert Email.objects.count() == 2
    assert_balanced(alice)


# 9.3: what was there before the rule


def test_earlier_messages_come_in_newest_first_over_several_cycles(
    company: Company, alice: Mailbox, acme: Account
) -> None:
    """9.3: with the progress for people, after the fresh mail."""
    decide(folder_onboarding_per_cycle=40)
    folder = company.sandbox.folder(ALICE, "Acme")
    now = timezone.now()
    for number in range(100):
        deliver(company, f"{number:03}", folder, received=(now - timedelta(days=200 - number)).isoformat())
    tracked = rule(alice, folder, acme)

    ended = one_cycle(alice)

    tracked.refresh_from_db()
    assert {email.subject for email in Email.objects.all()} == {f"{number:03}" for number in range(60, 100)}
    assert (tracked.onboarding_done, tracked.onboarding_total) == (40, 100)
    assert tracked.folder_onboarding_status == FolderOnboardingStatus.GOING_ON
    assert ended.report.more  # the next cycle comes at once
    deliver(company, "Fresh", folder)
    one_cycle(alice)
    assert Email.objects.filter(subject="Fresh").exists()
    one_cycle(alice)
    tracked.refresh_from_db()
    assert (tracked.onboarding_done, tracked.onboarding_total) == (101, 101)
    assert tracked.folder_onboarding_status == FolderOnboardingStatus.DONE
    assert not receive(alice).report.more
    assert_balanced(alice)


def test_an_idle_cycle_asks_once_for_all_tracked_folders(company: Company, alice: Mailbox) -> None:
    for number in range(3):
        rule(alice, company.sandbox.folder(ALICE, f"Folder {number}"))
    receive(alice)
    company.sandbox.clear_log()

    ended = receive(alice)

    assert company.sandbox.log()["counters"] == {"ews": {"SyncFolderItems": 1, "GetFolder": 1}}
    assert not ended.report.found_something


# Law 12, and what was decided before


def test_ignored_mail_that_is_moved_into_the_folder_is_tracked(company: Company, alice: Mailbox, acme: Account) -> None:
    folder = company.sandbox.folder(ALICE, "Acme")
    rule(alice, folder, acme)
    item = deliver(company, "Offer")
    receive(alice)
    assert reasons(alice) == [Reason.FILTER_TAKES_NOTHING]
    company.sandbox.move(ALICE, item, folder)

    receive(alice)

    assert (reasons(alice), about("Offer")) == ([Reason.TRACKED_BY_FOLDER], "Acme")
    assert_balanced(alice)


def test_untracked_mail_stays_out_though_it_lies_in_the_folder(company: Company, alice: Mailbox, acme: Account) -> None:
    folders = [company.sandbox.folder(ALICE, name) for name in ("Acme", "Other")]
    for folder in folders:
        rule(alice, folder, acme)
    item = deliver(company, "Offer", folders[0])
    receive(alice)
    untrack(LedgerRow.objects.all(), alice.owner, timezone.now())
    company.sandbox.move(ALICE, item, folders[1])

    receive(alice)
    receive_later(alice, timedelta(hours=2))

    assert (reasons(alice), Email.objects.count()) == ([Reason.IGNORED_BY_A_PERSON], 0)
    track_now(LedgerRow.objects.all(), alice.owner, timezone.now())
    receive(alice)
    assert LedgerRow.objects.get().state == LedgerState.TRACKED
    assert_balanced(alice)


@pytest.mark.parametrize("origin", ["junkemail", "Later"])
def test_mail_that_is_moved_back_to_the_inbox_is_judged(company: Company, origin: str) -> None:  # 5.1
    alice = company.user("Alice", company.exchange_profile())
    company.sandbox.folder(ALICE, "Later", "Inbox")
    item = deliver(company, "Offer", origin)
    receive(alice)
    assert not LedgerRow.objects.exists()
    company.sandbox.move(ALICE, item, "inbox")

    receive(alice)

    assert reasons(alice) == [Reason.ACCEPT_ALL]


def test_nothing_in_a_tracked_folder_is_deleted_after_processing(company: Company, acme: Account) -> None:
    """5.24 is about the Inbox: what people have filed stays where it is."""
    support = company.queue("Support", company.exchange_profile(), process_and_delete_emails=True)
    folder = company.sandbox.folder(SUPPORT, "Acme")
    rule(support, folder, acme)
    for place in (folder, "inbox"):
        deliver(company, "Offer", place, SUPPORT)

    receive(support)

    assert len(company.sandbox.inbox(SUPPORT, "Acme")) == 1
    assert company.sandbox.inbox(SUPPORT) == []


# Ids that were lost


def test_a_restored_mailbox_waits_for_a_person_to_say_which_folder_it_is(
    company: Company, alice: Mailbox, acme: Account
) -> None:
    folder = company.sandbox.folder(ALICE, "Acme")
    tracked = rule(alice, folder, acme)
    deliver(company, "Offer", folder)
    receive(alice)
    company.sandbox.restore(ALICE)
    receive_later(alice)
    tracked.refresh_from_db()
    assert tracked.invalid_reason
    assert tracked.suggested_folder_id == tree_of(alice).at("Acme").key  # type: ignore[union-attr]
    assert tracked.exchange_folder_id == folder  # nothing happens by itself
    deliver(company, "Next", "Acme")

    confirm_suggestion(tracked, current_policy(), timezone.now())
    receive(alice)

    tracked.refresh_from_db()
    assert (tracked.invalid_reason, tracked.suggested_folder_id, about("Next")) == ("", "", "Acme")
    assert Email.objects.count() == 2
    assert_balanced(alice)


def test_a_suggestion_that_is_declined_does_not_come_again(company: Company, alice: Mailbox, acme: Account) -> None:
    tracked = rule(alice, company.sandbox.folder(ALICE, "Acme"), acme)
    receive(alice)
    company.sandbox.restore(ALICE)
    receive_later(alice)
    tracked.refresh_from_db()

    decline_suggestion(tracked)
    receive_later(alice)

    tracked.refresh_from_db()
    assert (tracked.suggested_folder_id, bool(tracked.invalid_reason)) == ("", True)
    with pytest.raises(ValidationError, match="No folder is suggested"):
        confirm_suggestion(tracked, Organization.current().policy(), timezone.now())


def test_lost_synchronization_states_lose_and_double_nothing(company: Company, alice: Mailbox, acme: Account) -> None:
    folder = company.sandbox.folder(ALICE, "Acme")
    rule(alice, folder, acme)
    items = [deliver(company, f"Offer {number}", folder) for number in range(3)]
    receive(alice)
    company.sandbox.lose_sync_state(ALICE)
    company.sandbox.delete(ALICE, items[0])
    deliver(company, "Next", folder)

    receive(alice)

    assert Email.objects.count() == 4
    assert Placement.objects.filter(gone_on__isnull=False).count() == 1
    assert_balanced(alice)
