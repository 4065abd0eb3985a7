"""Who stands behind an address: every row of 5.12 and 5.13, and the word of a person before all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailboxes.policy import Policy, policy_from
from tracking.decide.parties import choose_sender, eligible, recipients_of, sender_of
from tracking.decide.verdicts import Match

POLICY = Policy()
INACTIVE_TOO = policy_from({"resolve_for_inactive_entities": True})
OPEN = policy_from({"unresolve_sender_in_case_of_multiple_match": True})
RECIPIENTS_OPEN = policy_from({"unresolve_email_address_if_multiple_match": True})
NO_LIKE = policy_from({"apply_manual_resolution_to_like_addresses": False})
RANKS = {"systemuser": 0, "contact": 1, "account": 2, "lead": 3, "queue": 9, "project": 9}


def match(kind: str, record_id: str = "", **more) -> Match:
    values = {"owner_id": "", "is_active": True, "since": 0.0, **more}
    return Match(10 + list(RANKS).index(kind), record_id or kind, kind, RANKS[kind], kind.title(), **values)


ORDER = [
    ("a user before a contact", [match("contact"), match("systemuser")], "systemuser"),
    ("a contact before an account", [match("account"), match("contact")], "contact"),
    ("an account before a lead", [match("lead"), match("account")], "account"),
    ("a lead before a queue", [match("queue"), match("lead")], "lead"),
    ("a queue may be the sender", [match("queue")], "queue"),
    ("Alice's lead before the contact of nobody", [match("contact"), match("lead", owner_id="alice")], "lead"),
    ("Alice's lead before Bob's contact", [match("contact", owner_id="bob"), match("lead", owner_id="alice")], "lead"),
    ("an active lead before an inactive contact", [match("contact", is_active=False), match("lead")], "lead"),
    ("one inactive record alone", [match("account", is_active=False)], "account"),
    ("of two inactive records none", [match("account", is_active=False), match("lead", is_active=False)], None),
    ("a disabled user never", [match("systemuser", is_active=False)], None),
    ("beside a disabled user the contact", [match("systemuser", is_active=False), match("contact")], "contact"),
    (
        "beside a disabled user the only inactive one",
        [match("systemuser", is_active=False), match("lead", is_active=False)],
        "lead",
    ),
    ("nobody", [], None),
]


@pytest.mark.parametrize(("why", "matches", "expected"), ORDER, ids=[row[0] for row in ORDER])
def test_alice_reads_mail_and_its_sender_is(why: str, matches: list[Match], expected: str | None) -> None:  # 5.12
    found, is_open = sender_of(matches, "alice", POLICY)
    assert (found.kind if found else None, is_open) == (expected, False)


def test_inactive_records_count_if_the_organization_wants_it_so_after_active_ones_of_their_kind() -> None:  # 5.12 b, c
    gone, here = match("contact", "1", is_active=False, since=1.0), match("contact", "2", since=2.0)
    lead = match("lead")
    assert sender_of([lead, gone, here], "", INACTIVE_TOO) == (here, False)
    assert sender_of([lead, gone], "", INACTIVE_TOO) == (gone, False)  # the kind comes first
    assert sender_of([lead, gone], "", POLICY) == (lead, False)


def test_one_record_with_the_address_in_two_columns_is_one_record() -> None:
    twice = [match("contact"), match("contact")]
    assert sender_of(twice, "", OPEN) == (match("contact"), False)
    assert recipients_of(twice, POLICY) == [match("contact")]
    assert sender_of([match("lead", is_active=False)] * 2, "", POLICY)[0] is not None  # it is alone


RECIPIENTS = [
    ("everybody who has the address", [match("lead"), match("contact")], POLICY, ["contact", "lead"]),
    ("nobody if it is open", [match("lead"), match("contact")], RECIPIENTS_OPEN, []),
    ("the only one even so", [match("lead")], RECIPIENTS_OPEN, ["lead"]),
    ("what a person said even so", [match("lead"), match("contact", is_chosen=True)], RECIPIENTS_OPEN, ["contact"]),
    ("no disabled user", [match("systemuser", is_active=False), match("lead")], POLICY, ["lead"]),
    ("active ones only", [match("contact", is_active=False), match("lead")], POLICY, ["lead"]),
    ("inactive ones by setting", [match("contact", is_active=False), match("lead")], INACTIVE_TOO, ["contact", "lead"]),
    ("nobody of more than a hundred", [match("contact", str(n)) for n in range(101)], POLICY, []),
]


@pytest.mark.parametrize(("why", "matches", "policy", "expected"), RECIPIENTS, ids=[row[0] for row in RECIPIENTS])
def test_a_recipient_is(why: str, matches: list[Match], policy: Policy, expected: list[str]) -> None:  # 5.13
    assert [one.kind for one in recipients_of(matches, policy)] == expected


def test_what_a_person_said_comes_before_the_order_and_before_open_senders() -> None:  # 5.13
    said = match("lead", is_chosen=True)
    for policy in (POLICY, OPEN):
        assert sender_of([match("systemuser"), match("lead"), said], "", policy) == (said, False)
    assert sender_of([match("contact", str(n)) for n in range(200)] + [said], "", POLICY) == (said, False)
    assert sender_of([match("systemuser"), match("lead"), said], "", NO_LIKE) == (match("systemuser"), False)
    assert sender_of([said], "", NO_LIKE) == (None, False)


def test_a_disabled_user_is_nobody_even_by_the_word_of_a_person() -> None:
    gone = match("systemuser", is_active=False, is_chosen=True)
    assert sender_of([gone, match("contact")], "", POLICY) == (match("contact"), False)


WHY = [
    ([match("lead", owner_id="alice"), match("contact")], "it belongs to the owner of the mailbox"),
    ([match("lead"), match("contact")], "its kind comes first"),
    ([match("lead", "1", is_active=False), match("lead", "2", since=1.0)], "it is active"),
    ([match("lead", "1", since=2.0), match("lead", "2", since=1.0)], "it is the oldest"),
    ([match("lead"), match("contact", is_chosen=True)], "a person has said so"),
]


@pytest.mark.parametrize(("matches", "because"), WHY)
def test_the_evidence_says_why_this_one(matches: list[Match], because: str) -> None:  # law 4
    told = choose_sender(matches, "alice", INACTIVE_TOO).told
    assert told is not None
    assert told["because"] == because


def test_the_evidence_names_the_records_the_chosen_one_first() -> None:  # law 4
    told = choose_sender([match("lead"), match("contact")], "alice", POLICY).told
    assert told == {
        "first": [{"name": "Contact", "kind": "contact"}, {"name": "Lead", "kind": "lead"}],
        "number": 2,
        "chosen": "Contact",
        "because": "its kind comes first",
    }


def test_the_evidence_says_why_nobody_was_chosen() -> None:  # 5.12, law 4
    two = [match("lead"), match("contact")]
    crowd = [match("contact", str(n)) for n in range(101)]
    for found, policy, because in (
        (two, OPEN, "the organization leaves the sender open if several fit"),
        (crowd, POLICY, "more than 100 records have the address"),
    ):
        told = choose_sender(found, "", policy).told
        assert told is not None
        assert (told["number"], told["chosen"], told["because"]) == (len(found), "", because)


def test_what_a_person_said_is_the_only_recipient() -> None:  # 5.13
    said = [match("lead", is_chosen=True), match("contact", is_chosen=True), match("account")]
    assert recipients_of(said, POLICY) == said[:1]


def test_of_a_hundred_records_one_is_still_chosen() -> None:  # 5.12
    crowd = [match("contact", str(n), since=float(n)) for n in range(100)]
    assert sender_of(crowd, "", POLICY) == (crowd[0], False)


def test_the_evidence_is_bounded_and_empty_where_there_was_nothing_to_choose() -> None:
    told = choose_sender([match("contact", str(n)) for n in range(101)], "", POLICY).told
    assert told is not None
    assert (len(told["first"]), told["number"], told["chosen"]) == (5, 101, "")
    assert choose_sender([match("contact")], "", POLICY).told is None
    assert choose_sender([], "", POLICY).told is None


matches = st.builds(
    lambda kind, number, active, owner, since, chosen: match(
        kind, number, is_active=active, owner_id=owner, since=since, is_chosen=chosen
    ),
    st.sampled_from(list(RANKS)),
    st.sampled_from("123"),
    st.booleans(),
    st.sampled_from(["", "alice", "bob"]),
    st.sampled_from([0.0, 1.0]),
    st.just(False),
)
crowds = st.lists(matches, max_size=6, unique_by=lambda one: one.record)
policies = st.sampled_from([POLICY, INACTIVE_TOO, OPEN, RECIPIENTS_OPEN, NO_LIKE])


@given(crowds, st.none() | matches, policies, st.randoms(use_true_random=False))
def test_the_order_in_which_records_are_found_changes_nothing(crowd, said, policy, random) -> None:
    if said is not None:
        crowd = [*crowd, match(said.kind, said.record_id, is_active=said.is_active, is_chosen=True)]
    mixed = list(crowd)
    random.shuffle(mixed)
    assert choose_sender(mixed, "alice", policy) == choose_sender(crowd, "alice", policy)
    assert recipients_of(mixed, policy) == recipients_of(crowd, policy)


@given(crowds, policies)
def test_only_who_has_the_address_is_taken_and_never_a_disabled_user(crowd, policy) -> None:
    found, is_open = sender_of(crowd, "alice", policy)
    assert found is None or found in crowd
    assert not (found is not None and is_open)
    assert not [one for one in recipients_of(crowd, policy) if one.kind == "systemuser" and not one.is_active]
    assert is_open <= (len(eligible(crowd, policy)) > 1)
