"""Late joining: a message may be seen before what it answers is tracked, and joins it all the same (6.1, peers 20)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailboxes.models import IncomingFilter, Leg, MailboxLeg, Organization
from profiles.connectors.mime import Address
from tests.company import assert_balanced
from tests.letters import letter
from tests.tracking.post_office import PostOffice, conversations
from tracking.crm import delivery
from tracking.crm.models import Contact, DomainEvent, Email
from tracking.crm.writing import NewEmail, write_draft
from tracking.decide.verdicts import Reason
from tracking.keep.belonging import belongs_to
from tracking.keep.joining import JOINABLE, join_late
from tracking.keep.redo import ignore
from tracking.models import AwaitedAncestor, LedgerRow, LedgerState

ALL, RESPONSES = IncomingFilter.ALL_MESSAGES, IncomingFilter.RESPONSES_TO_OUR_MAIL


@pytest.fixture
def office(db: None) -> PostOffice:
    return PostOffice()


def question(**more: Any) -> bytes:
    return letter("ann@acme.test", "alice@us.test", "Quote", "?", message_id="<q@acme.test>", **more)


def answer(**more: Any) -> bytes:
    named = {"in_reply_to": "<q@acme.test>", "message_id": "<a@acme.test>", **more}
    return letter("ann@acme.test", "bob@us.test", "Re: Quote", "!", **named)


def row_of(mailbox: Any) -> LedgerRow:
    return LedgerRow.objects.get(mailbox=mailbox)


def test_bobs_reply_joins_when_alice_tracks_what_it_answers(office: PostOffice) -> None:
    alice, bob = office.user("Alice", ALL), office.user("Bob", RESPONSES)
    office.deliver([bob], answer())
    office.read(bob)
    assert (row_of(bob).state, row_of(bob).reason) == (LedgerState.IGNORED, Reason.NO_CORRELATION_MATCH)
    MailboxLeg.objects.update(requested_on=None)

    office.deliver([alice], question())
    office.read(alice)

    assert row_of(bob).state == LedgerState.PENDING
    assert_balanced(bob)
    assert MailboxLeg.objects.get(mailbox=bob, leg=Leg.INCOMING).requested_on is not None
    office.read(bob)
    reply, asked = Email.objects.get(message_id="<a@acme.test>"), Email.objects.get(message_id="<q@acme.test>")
    assert (reply.parent_activity, reply.conversation_tracking_id) == (asked, asked.pk)
    assert row_of(bob).reason == Reason.CORRELATION_MATCH
    assert not AwaitedAncestor.objects.exists()
    assert_balanced(bob)


def test_a_tracked_reply_joins_with_all_that_followed_it(office: PostOffice) -> None:
    alice = office.user("Alice", ALL)
    office.deliver([alice], answer())
    office.deliver([alice], letter("x@acme.test", "alice@us.test", "Re: Quote", "x", in_reply_to="<a@acme.test>"))
    office.read(alice)
    office.deliver([alice], question())
    office.read(alice)
    asked = Email.objects.get(message_id="<q@acme.test>")
    reply = Email.objects.get(message_id="<a@acme.test>")
    assert reply.parent_activity == reply.correlated_activity == asked
    assert set(Email.objects.values_list("conversation_tracking_id", flat=True)) == {asked.pk}
    assert DomainEvent.objects.get(kind="email.changed").facts == {"joined": str(asked.pk)}
    assert not AwaitedAncestor.objects.exists()


def test_a_reply_listed_before_what_it_answers_joins_in_the_same_run(office: PostOffice) -> None:
    bob, alice = office.user("Bob", RESPONSES), office.user("Alice", ALL)
    office.deliver([alice], question(date=None))
    office.read(alice)
    office.deliver(
        [bob],
        letter("x@acme.test", "bob@us.test", "Re: Quote", "2", in_reply_to="<a@acme.test>", message_id="<b@acme.test>"),
    )
    office.deliver([bob], answer())
    report = office.read(bob)
    assert (report.tracked, report.ignored) == (2, 0)
    assert len(conversations()) == 1
    assert_balanced(bob)


def test_what_is_no_longer_on_the_server_keeps_its_verdict(office: PostOffice) -> None:
    alice, bob = office.user("Alice", ALL), office.user("Bob", RESPONSES)
    [item] = office.deliver([bob], answer())
    office.read(bob)
    before = row_of(bob)
    office.deliver([alice], question())
    office.read(alice)
    office.remove(bob, item)
    office.read(bob)
    after = row_of(bob)
    assert (after.state, after.reason, after.evidence) == (LedgerState.IGNORED, before.reason, before.evidence)
    assert_balanced(bob)


def test_what_has_gone_before_is_not_opened_again(office: PostOffice) -> None:
    alice, bob = office.user("Alice", ALL), office.user("Bob", RESPONSES)
    [item] = office.deliver([bob], answer())
    office.read(bob)
    office.remove(bob, item)
    office.read(bob)
    office.deliver([alice], question())
    office.read(alice)
    assert row_of(bob).state == LedgerState.IGNORED
    assert_balanced(bob)


def test_what_was_kept_out_for_another_reason_stays_out(office: PostOffice) -> None:
    alice, bob = office.user("Alice", ALL), office.user("Bob", RESPONSES)
    office.deliver([bob], answer())
    office.read(bob)
    office.deliver([alice], question())
    policy, now = Organization.current().policy(), timezone.now()
    for reason in Reason:
        LedgerRow.objects.filter(mailbox=bob).update(reason=reason)
        with transaction.atomic():
            reopened = join_late([Email(message_id="<q@acme.test>")], (), policy, now)
            transaction.set_rollback(True)
        assert bool(reopened) is (reason in JOINABLE), reason
    LedgerRow.objects.filter(mailbox=bob).update(reason=Reason.EXCLUDED)
    office.read(alice)
    assert (row_of(bob).state, row_of(bob).reason) == (LedgerState.IGNORED, Reason.EXCLUDED)


def test_what_a_person_ignored_stays_ignored(office: PostOffice) -> None:
    alice, bob = office.user("Alice", ALL), office.user("Bob", RESPONSES)
    office.deliver([bob], answer())
    office.read(bob)
    LedgerRow.objects.update(state=LedgerState.QUARANTINED)
    ignore(LedgerRow.objects.all(), "Bob", timezone.now())
    office.deliver([alice], question())
    office.read(alice)
    assert row_of(bob).state == LedgerState.IGNORED


def test_a_filter_that_takes_nothing_waits_for_nothing(office: PostOffice) -> None:
    bob = office.user("Bob", IncomingFilter.NO_MESSAGES)
    office.deliver([bob], answer())
    office.read(bob)
    assert not AwaitedAncestor.objects.exists()


def test_a_forward_waits_for_nothing(office: PostOffice) -> None:  # 6.4
    bob = office.user("Bob", RESPONSES)
    office.deliver([bob], answer().replace(b"Re: Quote", b"Fwd: Quote"))
    office.read(bob)
    assert (row_of(bob).state, AwaitedAncestor.objects.count()) == (LedgerState.IGNORED, 0)


def test_no_more_is_kept_of_an_ignored_message_than_hashes(office: PostOffice) -> None:  # law 3
    bob = office.user("Bob", RESPONSES)
    office.deliver([bob], answer(references=[f"<{number}@acme.test>" for number in range(100)]))
    office.read(bob)
    assert AwaitedAncestor.objects.count() == 30
    assert all(isinstance(one, int) for one in AwaitedAncestor.objects.values_list("message_id_hash", flat=True))


def test_a_reply_joins_what_was_sent_from_here(office: PostOffice) -> None:
    alice, bob = office.user("Alice", ALL), office.user("Bob", RESPONSES)
    draft = write_draft(NewEmail(alice, [Address("", "ann@acme.test")], "Offer", text="x"), timezone.now())
    named = f"<{draft.pk}@us.test>"
    office.deliver([bob], answer(in_reply_to=named))
    office.read(bob)
    assert row_of(bob).state == LedgerState.IGNORED
    delivery.submit(draft, timezone.now())
    sent = Email.objects.get(pk=draft.pk)
    assert sent.message_id == named
    with transaction.atomic():
        reopened = join_late([sent], (), Organization.current().policy(), timezone.now())
    assert reopened == {row_of(bob).pk: bob.pk}
    office.read(bob)
    assert Email.objects.get(message_id="<a@acme.test>").parent_activity == sent


def test_another_workers_answer_and_question_find_each_other(office: PostOffice) -> None:
    """The question is committed after the facts for the answer were read, and before the answer is."""
    alice, bob = office.user("Alice", ALL), office.user("Bob", RESPONSES)
    office.deliver([alice], question())
    office.read(alice)
    Email.objects.update(message_id="<not yet@acme.test>")  # so the facts do not hold it
    office.deliver([bob], answer())
    office.read(bob)
    Email.objects.update(message_id="<q@acme.test>")
    with transaction.atomic():  # what the end of the same transaction does
        reopened = join_late([], {"<q@acme.test>"}, Organization.current().policy(), timezone.now())
    assert reopened == {row_of(bob).pk: bob.pk}


def test_what_joins_late_inherits_the_record_unless_a_person_chose(office: PostOffice) -> None:  # 5.17, 6.2
    alice = office.user("Alice", ALL)
    ann, carl = (Contact.objects.create(full_name=name) for name in ("Ann", "Carl"))
    office.deliver([alice], answer())
    office.deliver([alice], answer(message_id="<c@acme.test>", in_reply_to="<a@acme.test>"))
    office.read(alice)
    chosen = Email.objects.get(message_id="<c@acme.test>")
    belongs_to(chosen, carl, False, alice.regarding_user, timezone.now())
    office.deliver([alice], letter("ann@acme.test", "alice@us.test", "Root", "x", message_id="<r@acme.test>"))
    office.read(alice)
    root = Email.objects.get(message_id="<r@acme.test>")
    belongs_to(root, ann, False, alice.regarding_user, timezone.now())
    office.deliver([alice], question(in_reply_to="<r@acme.test>"))
    office.read(alice)
    assert {email.message_id[1]: email.regarding for email in Email.objects.all()} == {
        "r": ann,
        "q": ann,
        "a": ann,
        "c": carl,
    }


def test_messages_that_name_each_other_make_no_circle(office: PostOffice) -> None:
    alice = office.user("Alice", ALL)
    office.deliver([alice], letter("a@x.test", "alice@us.test", "1", "x", message_id="<1@x>", in_reply_to="<2@x>"))
    office.deliver([alice], letter("a@x.test", "alice@us.test", "2", "x", message_id="<2@x>", in_reply_to="<1@x>"))
    office.deliver([alice], letter("a@x.test", "alice@us.test", "3", "x", message_id="<3@x>", in_reply_to="<3@x>"))
    office.read_all()
    parents = {email.message_id: email.parent_activity for email in Email.objects.all()}
    assert parents["<3@x>"] is None
    assert [parents["<1@x>"], parents["<2@x>"]].count(None) == 1
    assert len(conversations()) == 2


def test_one_message_id_with_two_contents_is_two_marked_emails(office: PostOffice) -> None:  # 5.10
    alice = office.user("Alice", ALL)
    office.deliver([alice], question())
    office.deliver([alice], letter("eve@else.test", "alice@us.test", "Forged", "x", message_id="<q@acme.test>"))
    office.read(alice)
    assert list(Email.objects.values_list("shares_message_id", flat=True)) == [True, True]
    office.deliver([alice], letter("zoe@else.test", "alice@us.test", "Third", "x", message_id="<q@acme.test>"))
    office.deliver([alice], letter("zoe@else.test", "alice@us.test", "Alone", "x"))
    office.read(alice)
    assert dict(Email.objects.values_list("subject", "shares_message_id")) == {
        "Quote": True,
        "Forged": True,
        "Third": True,
        "Alone": False,
    }
    office.deliver([alice], answer())
    office.read(alice)
    assert Email.objects.get(message_id="<a@acme.test>").parent_activity.subject == "Quote"  # Ann's own conversation


# The law: conversations do not depend on the order of arrival


@dataclass(frozen=True)
class Post:
    """A message of a made-up correspondence, and who gets it: 0 Alice (responses), 1 Bob (everything), 2 both."""

    number: int
    named: tuple[int, ...]  # ancestors, the nearest last
    to: int

    def raw(self) -> bytes:
        named = [f"<{number}@acme.test>" for number in self.named]
        return letter(
            "ann@acme.test",
            "all@us.test",
            f"Mail {self.number}",
            "x",
            message_id=f"<{self.number}@acme.test>",
            in_reply_to=named[-1] if named else None,
            references=named,
        )


@st.composite
def correspondences(draw: st.DrawFn) -> list[Post]:
    """Threads as mail programs make them: a reply names its parent and some of the nearest that the parent names."""
    posts: list[Post] = []
    for number in range(draw(st.integers(2, 7))):
        parent = draw(st.none() | st.sampled_from(posts)) if posts else None
        path = (*parent.named, parent.number) if parent else ()
        named = path[-draw(st.integers(1, len(path))) :] if path else ()
        posts.append(Post(number, named, draw(st.integers(0, 2))))
    return posts


def outcome(posts: list[Post], read_between: bool) -> set[frozenset[str]]:
    """The conversations after these messages have come in this order."""
    with transaction.atomic():
        office = PostOffice()
        alice, bob = office.user("Alice", RESPONSES), office.user("Bob", ALL)
        for post in posts:
            office.deliver([[alice], [bob], [alice, bob]][post.to], post.raw())
            if read_between:
                office.read_all()
        office.read_all()
        for mailbox in office.mailboxes:
            if mailbox.ledger.exists():
                assert_balanced(mailbox)
        found = conversations()
        transaction.set_rollback(True)
    return found


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), correspondences(), st.booleans())
def test_conversations_do_not_depend_on_the_order_of_arrival(
    db: None, data: st.DataObject, posts: list[Post], read_between: bool
) -> None:
    shuffled = data.draw(st.permutations(posts))
    assert outcome(posts, read_between=True) == outcome(shuffled, read_between)
