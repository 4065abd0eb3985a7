"""The owner's word: what is never tracked, what is taken out of tracking, what is tracked all the same (law 12)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from mailboxes import brake
from mailboxes.models import IncomingFilter, Mailbox, Organization
from serversync import instance
from serversync.instance import ThisIs
from tests.company import Company, assert_balanced, receive, row_of, write
from tests.letters import letter
from tracking.crm import removed
from tracking.crm.models import ActivityParty, Blob, DomainEvent, Email
from tracking.crm.sweeping import sweep_blobs
from tracking.decide.verdicts import Reason
from tracking.facts.removable import since
from tracking.keep import exclusions
from tracking.keep.redo import redo
from tracking.keep.track_now import Asked, track_now
from tracking.keep.untrack import Untracked, untrack
from tracking.models import Acknowledgement, Explicit, LedgerRow, LedgerState, Placement, Tombstone
from tracking.models.exclusions import ExclusionKind

ALICE, BOB = "alice@us.test", "bob@us.test"
DENTIST = "reception@dentist.test"
TAG = "Tracked to CRM"


@pytest.fixture(autouse=True)
def storage(tmp_path: Any, settings: Any) -> None:
    """A disk of one's own: what one story removed is no other's business."""
    options = {"location": str(tmp_path / "blobs")}
    settings.STORAGES = settings.STORAGES | {"blobs": settings.STORAGES["blobs"] | {"OPTIONS": options}}


@pytest.fixture
def alice(company: Company) -> Mailbox:
    return company.user("Alice", company.exchange_profile())


@pytest.fixture
def bob(company: Company) -> Mailbox:
    return company.user("Bob", company.exchange_profile())


def deliver(company: Company, to: str | list[str] = ALICE, subject: str = "Your teeth", **how: Any) -> list[str]:
    people = [to] if isinstance(to, str) else to
    return company.sandbox.deliver(people, letter(DENTIST, people, subject, f"About {subject}"), **how)


def rows(mailbox: Mailbox) -> Any:
    return LedgerRow.objects.filter(mailbox=mailbox)


def take_out(mailbox: Mailbox) -> Untracked:
    return untrack(rows(mailbox), mailbox.regarding_user, timezone.now())


def verdict(mailbox: Mailbox) -> tuple[int, int | None]:
    row = row_of(mailbox)
    return row.state, row.reason


# Never track


def test_alice_excludes_her_dentist_and_bobs_copy_stays(company: Company, alice: Mailbox, bob: Mailbox) -> None:
    made = exclusions.add(
        alice, ExclusionKind.ADDRESS, " Reception@Dentist.test ", alice.regarding_user, timezone.now()
    )
    assert [one.value for one in made] == [DENTIST]
    deliver(company, ALICE, "For Alice")
    deliver(company, [ALICE, BOB], "For both")
    receive(bob)
    receive(alice)

    assert Email.objects.get().subject == "For both"
    assert set(rows(alice).values_list("reason", flat=True)) <= {Reason.EXCLUDED, Reason.DUPLICATE}
    assert rows(alice).filter(state=LedgerState.IGNORED, reason=Reason.EXCLUDED).exists()
    assert verdict(bob)[0] == LedgerState.TRACKED


# Untrack


def test_untracked_mail_is_gone_with_all_that_was_kept_of_it(company: Company, alice: Mailbox) -> None:
    deliver(company)
    receive(alice)
    digest = Email.objects.get().original_id

    assert take_out(alice) == Untracked(messages=1, deleted=1)

    assert verdict(alice) == (LedgerState.IGNORED, Reason.IGNORED_BY_A_PERSON)
    assert row_of(alice).evidence == {"untracked_by": "alice"}
    assert not Email.objects.exists()
    assert not ActivityParty.objects.exists()
    assert DomainEvent.objects.get(kind="email.untracked").facts == {"deleted": True}
    assert_balanced(alice)
    later = timezone.now() + timedelta(days=2)
    sweep_blobs(later)
    assert not Blob.objects.filter(pk=digest).exists()


def test_the_category_goes_and_its_going_asks_for_nothing(company: Company, alice: Mailbox) -> None:  # 5.23
    deliver(company)
    receive(alice)
    assert [one["categories"] for one in company.sandbox.inbox(ALICE)] == [[TAG]]
    take_out(alice)
    assert Placement.objects.get().acknowledge == Acknowledgement.UNCATEGORIZE

    receive(alice)
    receive(alice)

    assert [one["categories"] for one in company.sandbox.inbox(ALICE)] == [[]]
    assert verdict(alice) == (LedgerState.IGNORED, Reason.IGNORED_BY_A_PERSON)


def test_bob_keeps_what_alice_takes_out(company: Company, alice: Mailbox, bob: Mailbox) -> None:
    deliver(company, [ALICE, BOB])
    receive(alice)
    receive(bob)
    assert Email.objects.get().receiving_mailbox == alice

    assert take_out(alice) == Untracked(messages=1, deleted=0)

    email = Email.objects.get()
    assert (email.receiving_mailbox, email.owner, email.accepting_user) == (bob, bob.regarding_user, None)
    assert verdict(bob)[0] == LedgerState.TRACKED
    assert DomainEvent.objects.get(kind="email.untracked").mailbox_id == alice.pk
    assert take_out(bob) == Untracked(messages=1, deleted=1)


def test_replies_keep_their_conversation(company: Company, alice: Mailbox) -> None:
    first = letter("ann@acme.test", ALICE, "Offer", "x", message_id="<offer@acme.test>")
    answer = letter("ann@acme.test", ALICE, "Re: Offer", "y", in_reply_to="<offer@acme.test>")
    for raw in (first, answer):
        company.sandbox.deliver(ALICE, raw)
        receive(alice)
    conversation = Email.objects.get(subject="Re: Offer").conversation_tracking_id

    untrack(rows(alice).filter(message_id="<offer@acme.test>"), alice.regarding_user, timezone.now())

    left = Email.objects.get()
    assert (left.subject, left.conversation_tracking_id, left.correlated_activity) == ("Re: Offer", conversation, None)


def test_what_bob_shows_later_is_not_accepted_in_the_name_of_alice(company: Company, alice: Mailbox) -> None:  # 5.7
    bob = company.user("Bob", company.exchange_profile(), IncomingFilter.NO_MESSAGES)
    deliver(company, [ALICE, BOB])
    receive(alice)
    take_out(alice)

    receive(bob)

    assert verdict(bob)[0] == LedgerState.IGNORED
    assert not Email.objects.exists()


@pytest.mark.parametrize("transport", ["exchange", "pop3"])
def test_what_was_removed_stays_removed_however_it_is_shown_again(company: Company, transport: str) -> None:
    alice = company.user("Alice", getattr(company, f"{transport}_profile")())
    raw = letter(DENTIST, ALICE, "Your teeth", "x")
    (item,) = company.sandbox.deliver(ALICE, raw)
    receive(alice)
    take_out(alice)

    company.sandbox.lose_sync_state(ALICE)  # Exchange
    receive(alice)
    company.sandbox.delete(ALICE, item)
    company.sandbox.deliver(ALICE, raw)  # another key, another UIDL
    receive(alice)
    redo(rows(alice), timezone.now())
    receive(alice)

    assert verdict(alice) == (LedgerState.IGNORED, Reason.REMOVED_BEFORE)
    assert not Email.objects.exists()
    assert_balanced(alice)


def test_mail_that_was_written_here_is_no_tracked_mail(company: Company, alice: Mailbox) -> None:
    Organization.objects.update_or_create(pk=1, defaults={"overrides": {"auto_track_sent_folder_items": True}})
    receive(alice)
    write(alice, "ann@acme.test")
    receive(alice)
    assert verdict(alice) == (LedgerState.TRACKED, Reason.OUR_OWN_COPY)

    assert take_out(alice) == Untracked()

    assert Email.objects.count() == 1


def test_who_tags_untracked_mail_in_outlook_has_changed_their_mind(
    company: Company, alice: Mailbox, django_capture_on_commit_callbacks: Any
) -> None:
    (item,) = deliver(company)
    receive(alice)
    take_out(alice)
    receive(alice)
    company.sandbox.update(ALICE, item, categories=[TAG])

    with django_capture_on_commit_callbacks(execute=True):
        receive(alice)

    assert verdict(alice) == (LedgerState.TRACKED, Reason.TRACKED_BY_CATEGORY)
    assert not Tombstone.objects.exists()
    assert list(removed.written_down()) == []


# Track now


def test_alice_tracks_what_her_filter_left_out(company: Company) -> None:
    alice = company.user("Alice", company.exchange_profile(), IncomingFilter.NO_MESSAGES)
    deliver(company)
    receive(alice)
    assert verdict(alice) == (LedgerState.IGNORED, Reason.FILTER_TAKES_NOTHING)

    assert track_now(rows(alice), alice.regarding_user, timezone.now()) == Asked(asked=1)
    receive(alice)

    row = row_of(alice)
    assert (row.state, row.reason) == (LedgerState.TRACKED, Reason.TRACKED_BY_A_PERSON)
    assert (row.explicit, row.explicit_by) == (Explicit.PERSON, alice.regarding_user)
    assert_balanced(alice)


def test_a_single_mail_is_tracked_past_an_exclusion_and_a_tombstone(
    company: Company, alice: Mailbox, django_capture_on_commit_callbacks: Any
) -> None:
    deliver(company)
    receive(alice)
    exclusions.add(alice, ExclusionKind.DOMAIN, "dentist.test", alice.regarding_user, timezone.now())
    take_out(alice)

    with django_capture_on_commit_callbacks(execute=True):
        track_now(rows(alice), alice.regarding_user, timezone.now())
    receive(alice)

    assert verdict(alice) == (LedgerState.TRACKED, Reason.TRACKED_BY_A_PERSON)
    assert Email.objects.get().subject == "Your teeth"  # fetched again from the server
    assert list(removed.written_down()) == []


def test_what_the_server_shows_no_more_cannot_be_tracked(company: Company, alice: Mailbox) -> None:
    (item,) = deliver(company)
    receive(alice)
    take_out(alice)
    company.sandbox.delete(ALICE, item)
    receive(alice)

    assert track_now(rows(alice), alice.regarding_user, timezone.now()) == Asked(asked=0, gone=1)
    assert verdict(alice)[0] == LedgerState.IGNORED
    assert Tombstone.objects.count() == 1


# Everything since


def test_alice_takes_out_everything_since_monday(company: Company, alice: Mailbox) -> None:
    monday = timezone.now().replace(microsecond=0) - timedelta(days=3)
    for number in range(5):
        received = monday + timedelta(hours=number - 2)
        deliver(company, subject=f"Mail {number}", received=received.isoformat())
    receive(alice)
    assert since(alice, monday).count() == 3

    assert untrack(since(alice, monday), alice.regarding_user, timezone.now(), most=2).messages == 2
    assert untrack(since(alice, monday), alice.regarding_user, timezone.now()).messages == 1

    assert set(Email.objects.values_list("subject", flat=True)) == {"Mail 0", "Mail 1"}
    assert_balanced(alice)


# Backups


def restore_the_backup_of(before: dict[str, Any], mailbox: Mailbox, now: datetime) -> None:
    """As if the database were that of before the removal: the rows are back, the tombstone is not."""
    Tombstone.objects.all().delete()
    Email.objects.create(**before)
    rows(mailbox).update(state=LedgerState.TRACKED, reason=Reason.ACCEPT_ALL, email=before["id"])
    mailbox.ledger_total.__class__.objects.filter(pk=mailbox.pk).update(tracked=1, ignored=0)
    brake.hold(now)


def test_a_restored_backup_obeys(company: Company, alice: Mailbox) -> None:
    deliver(company)
    receive(alice)
    before = Email.objects.values().get()
    take_out(alice)
    assert [one.mailbox_id for one in removed.written_down()] == [alice.pk]
    instance.recognise(timezone.now())
    restore_the_backup_of(before, alice, timezone.now())

    instance.confirm(ThisIs.RESTORED, alice.regarding_user, timezone.now())
    receive(alice)

    assert verdict(alice) == (LedgerState.IGNORED, Reason.IGNORED_BY_A_PERSON)
    assert not Email.objects.exists()
    assert Tombstone.objects.count() == 1
    assert_balanced(alice)


def test_a_restored_backup_without_the_mail_knows_that_it_was_removed(company: Company, alice: Mailbox) -> None:
    deliver(company)
    receive(alice)
    take_out(alice)
    Tombstone.objects.all().delete()
    rows(alice).delete()
    alice.ledger_total.delete()
    alice.legs.get(leg=0).cursors.all().delete()
    instance.recognise(timezone.now())
    brake.hold(timezone.now())

    instance.confirm(ThisIs.RESTORED, alice.regarding_user, timezone.now())
    receive(alice)

    assert verdict(alice) == (LedgerState.IGNORED, Reason.REMOVED_BEFORE)


def test_what_alice_tracked_again_is_not_taken_out_by_a_file_that_was_left(company: Company, alice: Mailbox) -> None:
    deliver(company)
    receive(alice)
    take_out(alice)
    (removal,) = removed.written_down()
    track_now(rows(alice), alice.regarding_user, timezone.now())
    receive(alice)
    removed.write_down([removal])  # the process died before it was struck out
    instance.recognise(timezone.now())
    brake.hold(timezone.now())

    instance.confirm(ThisIs.RESTORED, alice.regarding_user, timezone.now())

    assert verdict(alice) == (LedgerState.TRACKED, Reason.TRACKED_BY_A_PERSON)
    assert not Tombstone.objects.exists()
