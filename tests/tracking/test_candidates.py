"""Who is asked and what decides: several recipients, lists and Bcc, queues; and what holds for every house."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailboxes.eligibility import receives
from mailboxes.policy import filters_offered, policy_from
from tests.tracking.house import (
    ALICE,
    BOB,
    DYNAMICS,
    NO_ACME,
    NOT_ALICE,
    NOT_BOB,
    POLICY,
    SALES,
    SILENT,
    SUPPORT,
    TO_BOTH,
    contact,
    facts,
    judged,
    known,
    message,
    takes,
)
from tracking.crm.identity import dup_check
from tracking.decide.acceptance import MOST_TOLD
from tracking.decide.exclusions import Exclusions
from tracking.decide.relevance import judge
from tracking.decide.verdicts import Candidate, Filter, Reason

# Whoever is named may accept (5.7)

BOTH = [
    ("both take it, the reader's owner counts", ALICE, BOB, True, "Alice"),
    ("only Bob takes it", NOT_ALICE, BOB, True, "Bob"),
    ("only Alice takes it", ALICE, NOT_BOB, True, "Alice"),
    ("nobody takes it", NOT_ALICE, NOT_BOB, False, None),
    ("Bob does not receive here", NOT_ALICE, replace(BOB, receives=False), False, None),
]


@pytest.mark.parametrize(("why", "alice", "bob", "kept", "accepted_by"), BOTH)
def test_whoever_the_headers_name_may_accept(why: str, alice, bob, kept: bool, accepted_by: str | None) -> None:
    verdict = judged(TO_BOTH, alice, bob)
    assert verdict.kept is kept, why
    assert (verdict.accepted_by.name if verdict.accepted_by else None) == accepted_by
    assert {one["name"] for one in verdict.evidence["candidates"]} >= {"Alice"}


def test_the_reason_of_a_rejection_is_that_of_the_owner_of_the_mailbox() -> None:
    verdict = judged(TO_BOTH, takes(ALICE, Filter.NONE), NOT_BOB)
    assert (verdict.reason, verdict.evidence["candidate"]) == (Reason.FILTER_TAKES_NOTHING, "Alice")
    assert [(one["name"], one["reason"]) for one in verdict.evidence["candidates"]] == [
        ("Alice", Reason.FILTER_TAKES_NOTHING),
        ("Bob", Reason.NO_CORRELATION_MATCH),
    ]


def test_in_the_original_whoever_has_a_mailbox_may_accept() -> None:
    silent = replace(BOB, receives=False)
    assert judged(TO_BOTH, NOT_ALICE, silent, policy=DYNAMICS).kept


def test_only_the_mailbox_read_is_asked_if_the_organization_wants_it_so() -> None:
    policy = policy_from({"use_filtering_method_of_syncing_mailbox_only_for_correlation": True})
    verdict = judged(TO_BOTH, NOT_ALICE, policy=policy)
    assert not verdict.kept
    assert [one["name"] for one in verdict.evidence["candidates"]] == ["Alice"]


def test_a_crowd_of_colleagues_does_not_swell_the_evidence() -> None:
    crowd = [replace(BOB, id=str(n), name=f"B{n}", address=f"b{n}@us.test", filter=Filter.NONE) for n in range(10, 60)]
    one = message("ann@acme.test", [person.address for person in crowd])
    verdict = judge(one, facts(NOT_ALICE, [NOT_ALICE, *crowd]), POLICY)
    assert len(verdict.evidence["candidates"]) == MOST_TOLD
    assert verdict.evidence["further_candidates"] == 51 - MOST_TOLD


RECEIVING = [
    (2, True, True, 1, True, True),
    (3, True, True, 1, True, True),
    (0, True, True, 1, True, False),
    (1, True, True, 1, True, False),
    (2, False, True, 1, True, False),
    (2, True, False, 1, True, False),
    (2, True, True, 2, True, False),
    (2, True, True, 0, False, True),
]


@pytest.mark.parametrize(("method", "active", "owner_active", "approval", "needed", "expected"), RECEIVING)
def test_who_receives_here(method, active, owner_active, approval, needed, expected) -> None:
    assert receives(method, active, owner_active, approval, needed) is expected


# Lists and Bcc (5.9)

LISTS = [  # filter, recognized, is an answer, kept
    (Filter.ALL, True, False, True),
    (Filter.ALL, False, False, True),
    (Filter.RESPONSES, True, True, True),
    (Filter.RESPONSES, False, True, False),
    (Filter.RESPONSES, True, False, False),
    (Filter.LEADS_CONTACTS_ACCOUNTS, True, False, True),
    (Filter.LEADS_CONTACTS_ACCOUNTS, False, False, False),
]


@pytest.mark.parametrize(("filter", "recognized", "answers", "kept"), LISTS)
def test_mail_through_a_list(filter, recognized: bool, answers: bool, kept: bool) -> None:
    quote = known()
    one = message(
        "ann@acme.test",
        ["team@lists.test"],
        in_reply_to=quote.message_id if answers else None,
        extra_headers=[("Delivered-To", "alice@us.test")],
    )
    more = {"by_message_id": {quote.message_id: quote}, "by_address": contact("ann@acme.test")}
    policy = policy_from({"recognize_list_and_bcc_delivery": recognized})
    verdict = judged(one, takes(ALICE, filter), policy=policy, **more)
    assert verdict.kept is kept
    assert verdict.evidence["delivered"] == "through a list or Bcc"
    assert verdict.evidence["delivered_to"] == ["alice@us.test"]
    assert recognized or kept or verdict.reason is Reason.NO_RECIPIENT_MATCH


def test_mail_that_names_its_recipient_says_nothing_of_lists() -> None:
    assert "delivered" not in judged(TO_BOTH, ALICE).evidence


@pytest.mark.parametrize("named", ["alice@us.test", "a.smith@us.test"])
def test_alice_is_named_by_the_address_of_her_record_and_by_that_of_her_mailbox(named: str) -> None:
    here = replace(facts(ALICE), candidates=(replace(ALICE, address="a.smith@us.test"),))
    verdict = judge(message("ann@acme.test", [named]), here, POLICY)
    assert verdict.evidence == {
        "candidate": "Alice",
        "filter": Filter.ALL,
        "candidates": [
            {"name": "Alice", "kind": "systemuser", "filter": 0, "accepted": True, "reason": int(Reason.ACCEPT_ALL)}
        ],
    }


# Queue items (5.18)

TO_ALL = message("ann@acme.test", ["alice@us.test", "support@us.test", "sales@us.test"])
NO_ITEMS = {"create_queue_items_for_accepting_queue_recipients": False}
NO_READER_ITEM = {"create_queue_item_for_synchronizing_mailbox": False}
ONCE = {"sss_create_additional_queue_items_for_already_tracked_email": False}
QUEUES = [
    ("every accepting queue, though Alice accepts first", TO_ALL, ALICE, SALES, {}, False, {"3", "4"}),
    ("not one that does not accept", TO_ALL, ALICE, takes(SALES, Filter.NONE), {}, False, {"3"}),
    ("not one that does not receive", TO_ALL, ALICE, replace(SALES, receives=False), {}, False, {"3"}),
    ("none if the organization wants none", TO_ALL, ALICE, SALES, NO_ITEMS, False, set()),
    ("the one whose mailbox was read", SILENT, SUPPORT, SALES, {}, False, {"3"}),
    ("which can be switched off", SILENT, SUPPORT, SALES, NO_READER_ITEM, False, set()),
    ("and does not depend on the other switch", SILENT, SUPPORT, SALES, NO_ITEMS, False, {"3"}),
    ("of what is tracked already, the one whose mailbox shows it", TO_ALL, SUPPORT, SALES, {}, True, {"3"}),
    ("through a list as well", SILENT, SUPPORT, SALES, {}, True, {"3"}),
    ("only once if the organization wants it so", TO_ALL, SUPPORT, SALES, ONCE, True, set()),
    ("never in a user's mailbox", TO_ALL, ALICE, SALES, {}, True, set()),
]


@pytest.mark.parametrize(("why", "one", "reader", "sales", "settings", "is_tracked", "queues"), QUEUES)
def test_which_queues_it_waits_in(why: str, one, reader, sales, settings, is_tracked: bool, queues: set[str]) -> None:
    guards = {dup_check(one.key, outgoing=False): known(outgoing=False)} if is_tracked else {}
    verdict = judged(one, reader, sales, policy=policy_from(settings), by_dup_check=guards)
    assert verdict.kept
    assert set(verdict.queues) == queues, why
    assert len(verdict.queues) == len(set(verdict.queues))


# Choices (5.5)

OFFERS = [
    ({}, 1, {0, 1, 2, 3, 4}),
    ({"hide_track_all_option": True}, 1, {1, 2, 3, 4}),
    ({"hide_track_all_option": True}, 0, {0, 1, 2, 3, 4}),
    ({"hide_email_auto_track_options": True}, 1, {1, 4}),
    ({"do_not_auto_track_email": False}, 1, {0, 1, 2, 3}),
    ({"sss_force_filtering_method_for_user_mailboxes": 2}, 0, {2}),
]


@pytest.mark.parametrize(("settings", "chosen", "offered"), OFFERS)
def test_which_filters_a_user_may_choose_from(settings, chosen: int, offered: set[int]) -> None:
    assert filters_offered(policy_from(settings), chosen) == offered


# Laws

people = st.builds(
    lambda number, filter, kind, receiving, picky: Candidate(
        kind,
        str(number),
        f"P{number}",
        f"p{number}@us.test",
        filter,
        receives=receiving,
        exclusions=NO_ACME if picky else Exclusions(),
    ),
    st.integers(10, 20),
    st.sampled_from(list(Filter)),
    st.sampled_from(["systemuser", "queue"]),
    st.booleans(),
    st.booleans(),
)
houses = st.lists(people, min_size=1, max_size=6, unique_by=lambda one: one.address)
policies = st.builds(
    lambda names: policy_from({name: not getattr(POLICY, name) for name in names}),
    st.sets(
        st.sampled_from(
            [
                "use_filtering_method_of_syncing_mailbox_only_for_correlation",
                "accept_only_for_receiving_mailboxes",
                "recognize_list_and_bcc_delivery",
                "track_mail_between_users_as_two_activities",
                "keep_related_internal_email",
                "ignore_internal_email_detection_enhancement",
                "do_not_ignore_internal_email_to_queues",
                "ignore_internal_email_from_queues",
            ]
        )
    ),
)
senders = st.sampled_from(["ann@acme.test", "zoe@else.test", "p10@us.test", "p11@us.test"])


@given(houses, policies, senders, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_the_recipients_changes_who_accepts_but_not_whether(
    house, policy, sender, answers, random
) -> None:
    quote = known()
    reader, addresses = house[0], [one.address for one in house]
    shuffled = random.sample(addresses, len(addresses))
    more = {"by_message_id": {quote.message_id: quote}, "by_address": contact("ann@acme.test")}
    verdicts = [
        judge(
            message(sender, to, in_reply_to=quote.message_id if answers else None, message_id="<same@x.test>"),
            facts(reader, house, **more),
            policy,
        )
        for to in (addresses, shuffled)
    ]
    assert verdicts[0].kept is verdicts[1].kept
    assert set(verdicts[0].queues) == set(verdicts[1].queues)
    if not verdicts[0].kept:
        assert verdicts[0].reason is verdicts[1].reason


@given(houses, policies, senders, st.booleans())
def test_the_same_message_twice_decides_the_same(house, policy, sender, answers) -> None:
    quote = known()
    around = facts(house[0], house, by_message_id={quote.message_id: quote}, by_address=contact("ann@acme.test"))
    to, ancestor = [one.address for one in house], quote.message_id if answers else None
    one, again = (message(sender, to, in_reply_to=ancestor, message_id="<same@x.test>") for _ in range(2))
    first = judge(one, around, policy)
    judge(message("zoe@else.test", to), around, policy)  # what comes between leaves no trace
    assert judge(again, around, policy) == first


@given(houses, policies, senders)
def test_only_who_accepts_is_named_as_accepting_and_every_served_queue_accepted(house, policy, sender) -> None:
    verdict = judge(message(sender, [one.address for one in house]), facts(house[0], house), policy)
    accepting = {one["name"] for one in verdict.evidence["candidates"] if one["accepted"]}
    assert verdict.kept is bool(accepting)
    assert (verdict.accepted_by is not None) is verdict.kept
    assert verdict.accepted_by is None or verdict.accepted_by.name in accepting
    assert {one.name for one in house if one.id in verdict.queues and one.kind == "queue"} <= accepting


@given(houses, senders)
def test_asking_more_people_never_loses_a_message(house, sender) -> None:
    alone = policy_from({"use_filtering_method_of_syncing_mailbox_only_for_correlation": True})
    one = message(sender, [person.address for person in house])
    if judge(one, facts(house[0], house), alone).kept:
        assert judge(one, facts(house[0], house), POLICY).kept
