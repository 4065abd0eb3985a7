"""What is not tracked whatever a filter says, and what Alice has sent herself."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mailboxes.policy import policy_from
from profiles.connectors import mime
from tests.letters import letter
from tests.tracking.house import (
    ALICE,
    BOB,
    NO_ACME,
    NOT_ALICE,
    POLICY,
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
from tracking.decide.exclusions import LONGEST, Exclusions, as_stored
from tracking.decide.relevance import judge
from tracking.decide.verdicts import Candidate, Filter, Reason

# Exclusions and tombstones (law 12)

ANSWER_MAIL = message(
    "ann@shop.acme.test", ["alice@us.test", "bob@us.test"], references=["<First@acme.test>", "<q@acme.test>"]
)
QUOTE = known()
EXCLUDING = [
    (Exclusions(addresses=frozenset({"ann@shop.acme.test"})), "address"),
    (Exclusions(addresses=frozenset({"other@shop.acme.test"})), None),
    (Exclusions(domains=frozenset({"acme.test"})), "domain"),
    (Exclusions(domains=frozenset({"shop.acme.test"})), "domain"),
    (Exclusions(domains=frozenset({"cme.test"})), None),
    (Exclusions(threads=frozenset({"<first@acme.test>"})), "conversation"),
    (Exclusions(threads=frozenset({str(QUOTE.conversation)})), "conversation"),
    (Exclusions(threads=frozenset({"<q@acme.test>"})), None),
]


@pytest.mark.parametrize(("exclusions", "by"), EXCLUDING)
@pytest.mark.parametrize("of", ["the organization", "Alice"])
def test_what_is_excluded_is_not_tracked_even_as_an_answer(exclusions: Exclusions, by: str | None, of: str) -> None:
    more = {"by_message_id": {QUOTE.message_id: QUOTE}}
    if of == "Alice":
        verdict = judged(ANSWER_MAIL, replace(ALICE, exclusions=exclusions), takes(BOB, Filter.NONE), **more)
    else:
        verdict = judged(ANSWER_MAIL, ALICE, exclusions=exclusions, **more)
    assert verdict.kept is (by is None)
    assert verdict.evidence.get("excluded") == by
    assert (verdict.reason is Reason.EXCLUDED) is (by is not None)


def test_what_alice_excludes_bob_may_take() -> None:
    verdict = judged(TO_BOTH, replace(ALICE, exclusions=NO_ACME))
    assert (verdict.kept, verdict.accepted_by) == (True, BOB)
    assert "acme.test" not in str(verdict.evidence)
    assert not judged(TO_BOTH, ALICE, exclusions=NO_ACME).kept


@pytest.mark.parametrize(("bob", "kept"), [(BOB, True), (takes(BOB, Filter.NONE), False)])
def test_an_owners_exclusion_stands_against_a_copy_as_well(bob: Candidate, kept: bool) -> None:
    same = {dup_check(TO_BOTH.key, outgoing=False): known(outgoing=False)}
    verdict = judged(TO_BOTH, replace(ALICE, exclusions=NO_ACME), bob, by_dup_check=same)
    assert (verdict.kept, verdict.reason) == ((True, Reason.DUPLICATE) if kept else (False, Reason.EXCLUDED))
    if not kept:
        assert (verdict.evidence["candidate"], verdict.evidence["excluded"]) == ("Alice", "domain")


def test_mail_without_a_sender_meets_no_exclusion() -> None:
    nobody = replace(TO_BOTH, envelope=replace(TO_BOTH.envelope, sender=None))
    assert judged(nobody, ALICE, exclusions=NO_ACME).reason is Reason.INVALID_SENDER


def test_what_alice_never_wants_is_told_to_nobody_but_her() -> None:
    picky = replace(ALICE, exclusions=NO_ACME)
    of_nobody = replace(facts(ALICE, [picky, takes(BOB, Filter.NONE)]), candidates=())
    verdict = judge(TO_BOTH, of_nobody, POLICY)
    assert (verdict.kept, verdict.reason) == (False, Reason.EXCLUDED)
    assert "acme.test" not in str(verdict.evidence)
    assert judged(TO_BOTH, picky, takes(BOB, Filter.NONE)).evidence["value"] == "acme.test"


def test_what_bob_removed_alices_mailbox_does_not_bring_back_to_him() -> None:
    removed_by = {TO_BOTH.key: frozenset({BOB.key})}
    assert judged(TO_BOTH, NOT_ALICE).accepted_by == BOB
    verdict = judged(TO_BOTH, NOT_ALICE, removed_by=removed_by)
    assert not verdict.kept
    assert [one["reason"] for one in verdict.evidence["candidates"]] == [
        Reason.NO_CORRELATION_MATCH,
        Reason.REMOVED_BEFORE,
    ]
    assert judged(TO_BOTH, ALICE, removed_by=removed_by).accepted_by == ALICE


STORED = [  # kind, what somebody writes → what is compared
    ("address", " <Dora@Dentist.Test> ", "dora@dentist.test"),
    ("domain", " Dentist.Test ", "dentist.test"),
    ("domain", "@dentist.test", "dentist.test"),
    ("domain", "*.dentist.test.", "dentist.test"),
    ("domain", "a." + "x" * 60 + ".test", "a." + "x" * 60 + ".test"),
    ("conversation", " <First@Acme.Test> ", "<first@acme.test>"),
]


@pytest.mark.parametrize(("kind", "written", "stored"), STORED)
def test_what_is_never_to_be_tracked_is_compared_in_one_form(kind: str, written: str, stored: str) -> None:
    assert as_stored(kind, written) == stored


REFUSED = [
    ("address", "dora", "Write a whole address, such as reception@dentist.example."),
    ("address", "", "Write a whole address"),
    ("domain", "test", "Write a domain in full, such as dentist.example; its subdomains belong to it."),
    ("domain", "dora@them.test", "Write a domain in full"),
    ("domain", ".".join(["x" * 63] * 6), "That is longer than 320 characters."),
    ("conversation", "", "Write the Message-ID of the first message, such as <abc@mail.example>."),
    ("conversation", "about teeth", "Write the Message-ID"),
    ("conversation", "<" + "x" * 320, "That is longer than 320 characters."),
]


@pytest.mark.parametrize(("kind", "written", "remedy"), REFUSED)
def test_what_cannot_be_compared_is_refused_with_the_remedy(kind: str, written: str, remedy: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(remedy)):
        as_stored(kind, written)


def test_the_longest_conversation_fits() -> None:
    assert len(as_stored("conversation", "x" * LONGEST)) == 320


def test_what_was_removed_stays_removed_even_as_an_answer_or_a_copy() -> None:
    removed = frozenset({ANSWER_MAIL.key})
    for guards in ({}, {dup_check(ANSWER_MAIL.key, outgoing=False): known(outgoing=False)}):
        verdict = judged(
            ANSWER_MAIL, ALICE, removed=removed, by_dup_check=guards, by_message_id={QUOTE.message_id: QUOTE}
        )
        assert (verdict.kept, verdict.reason) == (False, Reason.REMOVED_BEFORE)


def test_a_person_who_asks_for_it_is_stronger_than_exclusions_and_tombstones() -> None:
    wanted = replace(TO_BOTH, explicit=1)
    verdict = judged(wanted, replace(ALICE, exclusions=NO_ACME), removed=frozenset({wanted.key}), exclusions=NO_ACME)
    assert verdict.kept


@pytest.mark.parametrize("explicit", [2, 3])
def test_a_category_or_a_folder_is_not(explicit: int) -> None:
    wanted = replace(TO_BOTH, explicit=explicit)
    assert judged(wanted, replace(ALICE, exclusions=NO_ACME), takes(BOB, Filter.NONE)).reason is Reason.EXCLUDED
    assert judged(wanted, ALICE, exclusions=NO_ACME).reason is Reason.EXCLUDED
    assert judged(wanted, ALICE, removed=frozenset({wanted.key})).reason is Reason.REMOVED_BEFORE


# Protected mail (5.20)

RIGHTS = [
    (b"Content-Class: rpmsg.message\r\n" + letter("a@b.test", "c@d.test", "x", "x"), True),
    (b"Content-Class: urn:content-classes:message\r\n" + letter("a@b.test", "c@d.test", "x", "x"), False),
    (
        letter("a@b.test", "c@d.test", "x", "x", attachments=[("message.rpmsg", "application/octet-stream", b"x")]),
        True,
    ),
    (
        letter("a@b.test", "c@d.test", "x", "x", attachments=[("a", "application/x-microsoft-rpmsg-message", b"x")]),
        True,
    ),
    (letter("a@b.test", "c@d.test", "x", "do you know message.rpmsg?"), False),
]


@pytest.mark.parametrize(("raw", "is_protected"), RIGHTS)
def test_which_mail_is_protected(raw: bytes, is_protected: bool) -> None:
    assert mime.is_rights_protected(mime.envelope(raw), raw) is is_protected


def test_protected_mail_is_taken_unless_the_organization_says_no() -> None:
    one = replace(TO_BOTH, is_rights_protected=True)
    assert judged(one, ALICE).kept
    verdict = judged(one, ALICE, policy=policy_from({"restrict_irm_email_items": True}))
    assert (verdict.kept, verdict.reason) == (False, Reason.RIGHTS_PROTECTED)


# Sent Items (5.3)

SENT_ITEMS = [  # filter of Alice, to whom → reason
    (Filter.ALL, ["ann@acme.test"], Reason.ACCEPT_ALL),
    (Filter.LEADS_CONTACTS_ACCOUNTS, ["zoe@else.test", "ann@acme.test"], Reason.SENDER_MATCH),
    (Filter.LEADS_CONTACTS_ACCOUNTS, ["zoe@else.test"], Reason.NO_SENDER_MATCH),
    (Filter.RESPONSES, ["ann@acme.test"], Reason.NO_CORRELATION_MATCH),
    (Filter.NONE, ["ann@acme.test"], Reason.FILTER_TAKES_NOTHING),
    (Filter.ALL, ["bob@us.test"], Reason.INTERNAL_EMAIL_REJECT),
    (Filter.ALL, ["bob@us.test", "ann@acme.test"], Reason.ACCEPT_ALL),
]


@pytest.mark.parametrize(("filter", "to", "reason"), SENT_ITEMS)
def test_sent_mail_is_judged_by_its_recipients(filter, to: list[str], reason: Reason) -> None:
    one = message("alice@us.test", to)
    verdict = judged(one, takes(ALICE, filter), outgoing=True, by_address=contact("ann@acme.test"))
    assert verdict.reason is reason
    if reason is Reason.SENDER_MATCH:
        assert verdict.evidence["recipient"] == "ann@acme.test"
    if reason is Reason.NO_SENDER_MATCH:
        assert verdict.evidence["recipients"] == to
    assert "delivered" not in verdict.evidence
    assert {said["name"] for said in verdict.evidence["candidates"]} == {"Alice"}
    assert verdict.queues == ()


def test_sent_mail_that_answers_is_taken_and_what_was_sent_from_here_is_recognised() -> None:
    quote = known(outgoing=False)
    one = message("alice@us.test", ["ann@acme.test"], in_reply_to=quote.message_id)
    verdict = judged(one, NOT_ALICE, outgoing=True, by_message_id={quote.message_id: quote})
    assert verdict.reason is Reason.CORRELATION_MATCH
    ours = known()
    verdict = judged(one, ALICE, outgoing=True, by_dup_check={dup_check(one.key, outgoing=True): ours})
    assert (verdict.reason, verdict.same_as) == (Reason.OUR_OWN_COPY, ours)


def test_what_a_queue_has_sent_does_not_wait_in_it() -> None:  # 5.3, 5.18
    verdict = judged(message("support@us.test", ["ann@acme.test", "sales@us.test"]), SUPPORT, outgoing=True)
    assert (verdict.kept, verdict.queues) == (True, ())


def test_mail_to_an_excluded_address_is_not_tracked_from_sent_items() -> None:
    one = message("alice@us.test", ["ann@acme.test"])
    verdict = judged(one, replace(ALICE, exclusions=NO_ACME), outgoing=True)
    assert (verdict.kept, verdict.reason) == (False, Reason.EXCLUDED)
