"""Mail between people of the house, as a table of every switch."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailboxes.policy import policy_from
from tests.tracking.house import (
    ALICE,
    BOB,
    NOT_ALICE,
    POLICY,
    SALES,
    SUPPORT,
    facts,
    judged,
    known,
    message,
    takes,
)
from tracking.crm.identity import dup_check
from tracking.decide.internal import owner_of
from tracking.decide.relevance import judge
from tracking.decide.verdicts import Filter, Match, Reason

# Internal mail (5.11)

TWO = {"track_mail_between_users_as_two_activities": True}
DETECT = {"ignore_internal_email_detection_enhancement": True}
STRICT = {"keep_related_internal_email": False}
NO_QUEUES = {"do_not_ignore_internal_email_to_queues": False}
FROM_QUEUES = {"ignore_internal_email_from_queues": True}
REJECT, ALL, OWN, ANSWER = (
    Reason.INTERNAL_EMAIL_REJECT,
    Reason.ACCEPT_ALL,
    Reason.OUR_OWN_COPY,
    Reason.CORRELATION_MATCH,
)
INTERNAL = [  # sender, reader, settings, sent from here, answers tracked mail → reason
    (BOB, ALICE, {}, False, False, REJECT),
    (BOB, ALICE, {}, False, True, ANSWER),
    (BOB, ALICE, {}, True, False, OWN),
    (BOB, ALICE, {}, True, True, OWN),
    (BOB, ALICE, TWO, False, False, ALL),
    (BOB, ALICE, TWO, True, False, ALL),
    (BOB, ALICE, DETECT, False, False, ALL),
    (BOB, ALICE, DETECT, True, False, OWN),
    (BOB, ALICE, STRICT, False, False, REJECT),
    (BOB, ALICE, STRICT, False, True, REJECT),
    (BOB, ALICE, STRICT, True, False, REJECT),
    (BOB, ALICE, STRICT | DETECT, False, False, ALL),
    (BOB, ALICE, STRICT | DETECT, True, True, REJECT),
    (BOB, ALICE, STRICT | TWO, True, False, ALL),
    (BOB, SUPPORT, {}, False, False, ALL),
    (BOB, SUPPORT, {}, True, False, OWN),
    (BOB, SUPPORT, TWO, True, False, ALL),
    (BOB, SUPPORT, STRICT, True, False, ALL),
    (BOB, SUPPORT, NO_QUEUES, False, False, REJECT),
    (BOB, SUPPORT, NO_QUEUES, False, True, ANSWER),
    (SUPPORT, ALICE, {}, False, False, ALL),
    (SUPPORT, ALICE, {}, True, False, OWN),
    (SUPPORT, ALICE, STRICT, True, False, ALL),
    (SUPPORT, ALICE, FROM_QUEUES, False, False, REJECT),
    (SUPPORT, SALES, FROM_QUEUES, False, False, ALL),
    (SUPPORT, SALES, FROM_QUEUES | NO_QUEUES, False, False, REJECT),
    (ALICE, ALICE, {}, True, False, OWN),
    (ALICE, ALICE, TWO, True, False, OWN),
    (ALICE, ALICE, STRICT, True, False, OWN),
    (ALICE, ALICE, {}, False, False, REJECT),
]


@pytest.mark.parametrize(("sender", "reader", "settings", "sent_here", "answers", "reason"), INTERNAL)
def test_internal_mail(sender, reader, settings, sent_here: bool, answers: bool, reason: Reason) -> None:
    quote, ours = known(message_id="<q@us.test>"), known(message_id="<own@us.test>")
    one = message(sender.address, [reader.address], in_reply_to=quote.message_id if answers else None)
    guards = {dup_check(one.key, outgoing=True): ours} if sent_here else {}
    verdict = judged(
        one,
        reader,
        policy=policy_from(settings),
        by_message_id={quote.message_id: quote},
        by_dup_check=guards,
    )
    assert verdict.reason is reason
    assert verdict.kept is (reason is not REJECT)
    assert verdict.same_as == (ours if reason is OWN else None)
    assert verdict.counterpart == (ours if sent_here and reason in (ALL, ANSWER) else None)


ORIGINAL = [  # the preset: two activities, so internal mail is judged like any other
    (BOB, ALICE, {}, True, ALL),
    (BOB, ALICE, {}, False, ALL),
    (BOB, ALICE, {"track_mail_between_users_as_two_activities": False}, True, REJECT),
    (BOB, ALICE, {"track_mail_between_users_as_two_activities": False}, False, ALL),
    (BOB, SUPPORT, {"track_mail_between_users_as_two_activities": False}, True, ALL),
    (SUPPORT, ALICE, {"track_mail_between_users_as_two_activities": False}, True, ALL),
]


@pytest.mark.parametrize(("sender", "reader", "settings", "sent_here", "reason"), ORIGINAL)
def test_internal_mail_as_in_the_original(sender, reader, settings, sent_here: bool, reason: Reason) -> None:
    one = message(sender.address, [reader.address])
    guards = {dup_check(one.key, outgoing=True): known()} if sent_here else {}
    policy = policy_from({"compatibility": "dynamics", **settings})
    assert judged(one, reader, policy=policy, by_dup_check=guards).reason is reason


def test_mail_of_a_queue_to_itself_does_not_wait_there() -> None:
    one = message("support@us.test", ["ann@acme.test", "support@us.test"])
    verdict = judged(one, SUPPORT, by_dup_check={dup_check(one.key, outgoing=True): known()})
    assert (verdict.reason, verdict.queues) == (OWN, ())


def test_a_copy_of_ours_that_its_receiver_does_not_take_is_joined_all_the_same() -> None:
    one, ours = message("bob@us.test", ["alice@us.test"]), known()
    verdict = judged(one, NOT_ALICE, policy=policy_from(TWO), by_dup_check={dup_check(one.key, outgoing=True): ours})
    assert (verdict.kept, verdict.same_as) == (True, ours)


def test_internal_mail_that_answers_is_not_taken_by_a_filter_that_takes_nothing() -> None:
    quote = known()
    one = message("bob@us.test", ["alice@us.test"], in_reply_to=quote.message_id)
    verdict = judged(one, takes(ALICE, Filter.NONE), by_message_id={quote.message_id: quote})
    assert verdict.reason is Reason.FILTER_TAKES_NOTHING


def test_what_alice_writes_under_another_address_of_hers_is_internal() -> None:  # 5.11
    alias = replace(ALICE, address="a.smith@us.test")
    here = replace(facts(ALICE), candidates=(alias,))
    one = message("a.smith@us.test", ["alice@us.test"])
    assert judge(one, here, POLICY).reason is REJECT
    ours = known()
    sent = replace(here, by_dup_check={dup_check(one.key, outgoing=True): ours})
    assert judge(one, sent, POLICY).same_as == ours  # 7.8


def test_of_an_address_that_bob_shares_with_a_queue_bob_counts() -> None:  # 5.11
    bob, queue = Match(0, "2", "systemuser", 0, "Bob", "", True, 1.0), Match(1, "3", "queue", 9, "S", "", True, 0.0)
    for shared in ((bob, queue), (queue, bob)):
        here = facts(ALICE, by_address={"bob@us.test": shared})
        assert owner_of("bob@us.test", here) == BOB
        assert judge(message("bob@us.test", ["alice@us.test"]), here, POLICY).reason is REJECT
    older = Match(1, "4", "queue", 9, "Sales", "", True, -1.0)
    assert owner_of("both@us.test", facts(ALICE, by_address={"both@us.test": (queue, older)})) == SALES


def test_what_alice_sends_to_a_queue_is_internal_only_if_mail_to_queues_is() -> None:  # 5.3, 5.11
    one = message("alice@us.test", ["support@us.test"])
    assert judged(one, ALICE, outgoing=True).reason is ALL
    assert judged(one, ALICE, outgoing=True, policy=policy_from(NO_QUEUES)).reason is REJECT
