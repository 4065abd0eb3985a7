"""What is not tracked whatever a filter says, and what Alice has sent herself."""

from __future__ import annotations

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
    TO_BOTH,
    contact,
    judged,
    known,
    message,
    takes,
)
from tracking.crm.identity import dup_check
from tracking.decide.exclusions import Exclusions
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


def test_mail_to_an_excluded_address_is_not_tracked_from_sent_items() -> None:
    one = message("alice@us.test", ["ann@acme.test"])
    verdict = judged(one, replace(ALICE, exclusions=NO_ACME), outgoing=True)
    assert (verdict.kept, verdict.reason) == (False, Reason.EXCLUDED)
