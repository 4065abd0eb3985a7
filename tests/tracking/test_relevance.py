"""Judging, as tables: which filter takes what, in which order things are settled, and what is inherited."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailboxes.policy import Policy, policy_from
from profiles.connectors import mime
from tests.letters import letter
from tracking.crm.identity import bare_subject, content_key, dup_check, synthetic_message_id
from tracking.crm.tokens import long_token
from tracking.decide.correlation import ancestor_ids, correlate
from tracking.decide.parties import recipients_of, sender_of
from tracking.decide.relevance import judge, needs_raw, takes_everything
from tracking.decide.threads import Threads
from tracking.decide.verdicts import REASON_TEXTS, Candidate, Facts, Filter, Known, Match, Message, Method, Reason

POLICY = Policy()
ALICE = Candidate("systemuser", "1", "Alice", "alice@us.test", Filter.ALL)


def message(raw: bytes) -> Message:
    envelope = mime.envelope(raw)
    key = content_key(envelope)
    return Message(envelope, key, envelope.message_id or synthetic_message_id(key), len(raw), None)


def known(message_id: str = "<q@acme.test>", subject: str = "Quote", outgoing: bool = True) -> Known:
    return Known(uuid4(), message_id, subject, uuid4(), None, "", "", outgoing)


def match(kind: str, rank: int, record_id: str = "1", **more) -> Match:
    columns = {"name": kind, "owner_id": "", "is_active": True, "since": 0.0, **more}
    return Match(type_id=rank, record_id=record_id, kind=kind, rank=rank, **columns)


def facts(takes: Filter = Filter.ALL, **more) -> Facts:
    return Facts(candidates=(replace(ALICE, filter=takes),), start=None, **more)


LETTER = message(letter("ann@acme.test", "alice@us.test", "Re: Quote", "x", in_reply_to="<q@acme.test>"))


def test_a_response_is_taken_by_every_filter_but_none() -> None:
    for takes in Filter:
        quote = known()
        verdict = judge(LETTER, facts(takes, by_message_id={quote.message_id: quote}), POLICY)
        assert verdict.kept is (takes is not Filter.NONE), takes
        assert verdict.correlation.email == quote  # also of what is not kept: "why?" tells it
        assert verdict.accepted_by is None or verdict.accepted_by.name == "Alice"


PEOPLE, ANYBODY = Filter.LEADS_CONTACTS_ACCOUNTS, Filter.EMAIL_ENABLED
SENDERS_TAKEN = [  # filter, the records that have Ann's address → the one that her mail is taken for
    (PEOPLE, [match("contact", 1)], "contact"),
    (PEOPLE, [match("account", 2)], "account"),
    (PEOPLE, [match("lead", 3)], "lead"),
    (PEOPLE, [match("project", 9)], None),
    (PEOPLE, [match("project", 0), match("lead", 3)], "lead"),
    (PEOPLE, [match("contact", 1, "1", is_active=False), match("project", 9, "2")], None),
    (PEOPLE, [], None),
    (ANYBODY, [match("project", 9)], "project"),
    (ANYBODY, [match("account", 2), match("contact", 1)], "contact"),
    (ANYBODY, [match("contact", 1, "1", since=2.0, name="new"), match("contact", 1, "2", name="old")], "old"),
    (ANYBODY, [], None),
]


@pytest.mark.parametrize(("takes", "records", "taken"), SENDERS_TAKEN)
def test_mail_is_taken_for_the_record_of_its_sender(takes: Filter, records: list[Match], taken: str | None) -> None:
    # 5.4, 5.12: new mail, which answers nothing
    first = message(letter("ann@acme.test", "alice@us.test", "Hello", "x"))
    verdict = judge(first, facts(takes, by_address={"ann@acme.test": tuple(records)}), POLICY)
    assert verdict.kept is (taken is not None)
    assert verdict.reason is (Reason.SENDER_MATCH if taken else Reason.NO_SENDER_MATCH)
    assert (verdict.evidence["sender"], verdict.evidence.get("record")) == ("ann@acme.test", taken)
    kind = next((one.kind for one in records if one.name == taken), None)
    assert verdict.evidence.get("kind") == kind


def test_what_a_response_was_looked_for_by_is_told() -> None:  # law 4
    verdict = judge(LETTER, facts(Filter.RESPONSES), POLICY)
    assert (verdict.kept, verdict.reason) == (False, Reason.NO_CORRELATION_MATCH)
    assert verdict.evidence["looked_for"] == ["<q@acme.test>"]


def test_the_same_content_is_a_duplicate_whatever_the_filter() -> None:  # 5.10
    same = known(outgoing=False)
    verdict = judge(LETTER, facts(Filter.NONE, by_dup_check={dup_check(LETTER.key, False): same}), POLICY)
    assert (verdict.kept, verdict.reason, verdict.same_as) == (True, Reason.DUPLICATE, same)
    assert verdict.evidence == {"email": str(same.id)}


def test_our_own_mail_coming_back_is_our_own_copy() -> None:  # 7.8
    ours = known()
    verdict = judge(LETTER, facts(by_dup_check={dup_check(LETTER.key, True): ours}), POLICY)
    assert (verdict.reason, verdict.same_as) == (Reason.OUR_OWN_COPY, ours)


def test_a_sender_without_an_address_is_invalid() -> None:  # 5.7
    broken = message(b"From: nobody here\r\nTo: alice@us.test\r\nMessage-ID: <x@y>\r\n\r\nHello")
    endless = replace(broken, envelope=replace(broken.envelope, sender=mime.Address("", "x" * 400)))
    nobody = replace(broken, envelope=replace(broken.envelope, sender=None))
    for one, told in ((endless, "x" * 320), (nobody, "")):
        verdict = judge(one, facts(), POLICY)
        assert (verdict.kept, verdict.reason, verdict.evidence) == (False, Reason.INVALID_SENDER, {"sender": told})
    assert judge(broken, facts(), POLICY).reason == Reason.INVALID_SENDER


def test_a_message_over_the_limit_is_judged_like_any_other() -> None:  # 5.19: its header is kept
    huge = replace(LETTER, size=POLICY.maximum_message_size + 1, is_truncated=True)
    assert judge(huge, facts(), POLICY) == judge(LETTER, facts(), POLICY)


def test_the_start_date_goes_by_the_time_of_arrival_before_the_date_header() -> None:  # 2.10
    start = datetime(2026, 3, 1, tzinfo=UTC)
    arrived = replace(LETTER, received_on=datetime(2026, 2, 1, tzinfo=UTC))
    old = judge(arrived, replace(facts(), start=start), POLICY)
    assert (old.kept, old.reason) == (False, Reason.BEFORE_START_DATE)
    assert old.evidence == {"received": "2026-02-01T00:00:00+00:00", "start": "2026-03-01T00:00:00+00:00"}
    assert judge(replace(arrived, received_on=start), replace(facts(), start=start), POLICY).kept


def test_a_mailbox_of_nobody_takes_nothing() -> None:
    verdict = judge(LETTER, Facts(candidates=(), start=None), POLICY)
    assert (verdict.kept, verdict.reason, verdict.evidence) == (False, Reason.NO_RECIPIENT_MATCH, {})


@pytest.mark.parametrize("takes", Filter)
def test_what_will_be_wanted_whole_is_known_beforehand(takes: Filter) -> None:  # 5.4
    assert takes_everything((replace(ALICE, filter=takes),)) is (takes is Filter.ALL)
    assert takes_everything((replace(ALICE, filter=takes), ALICE))
    assert not takes_everything(())


@pytest.mark.parametrize(("writer", "taken"), [("ann@acme.test", True), ("eve@else.test", False)])
def test_a_token_lets_ann_in_by_her_record_and_nobody_else(writer: str, taken: bool) -> None:  # 6.5
    token = long_token(4711)
    quote = replace(known(), regarding_type_id=1, regarding_id="ann")
    ann = match("contact", 1, "ann")
    here = facts(Filter.RESPONSES, by_address={"ann@acme.test": (ann,)}, threads=Threads(by_token={token: [quote]}))
    verdict = judge(message(letter(writer, "alice@us.test", f"Re: {token}", "x")), here, POLICY)
    assert verdict.kept is taken
    assert verdict.correlation.email == (quote if taken else None)


OUR_TEST = "<1.test@us.test>"
TESTS = [  # 3.10: Message-ID, value of the header ("" = no header), whether it counts as a test of ours
    (OUR_TEST, OUR_TEST, True),
    (OUR_TEST, "anything", True),
    ("<rewritten@relay.test>", OUR_TEST, True),
    (OUR_TEST, "", False),
    ("<other@them.test>", "<forged.test@us.test>", False),
]


@pytest.mark.parametrize(("message_id", "header", "is_ours"), TESTS)
def test_a_test_of_ours_has_the_header_and_the_id_of_a_test(message_id: str, header: str, is_ours: bool) -> None:
    headers = [("X-ServerSync-Test", header)] if header else []
    raw = letter("probe@else.test", "alice@us.test", "x", "x", message_id=message_id, extra_headers=headers)
    verdict = judge(message(raw), facts(tests=frozenset({OUR_TEST})), POLICY)
    assert verdict.kept is (not is_ours)
    assert not is_ours or verdict.evidence == {"message_id": message_id}
    assert (verdict.reason == Reason.OUR_TEST_MESSAGE) is is_ours


def test_every_reason_has_a_sentence() -> None:
    assert set(REASON_TEXTS) == set(Reason)


def test_evidence_never_carries_subject_or_body() -> None:  # law 3
    for takes in Filter:
        verdict = judge(LETTER, facts(takes), POLICY)
        assert "Quote" not in str(verdict.evidence)


# Correlation


def test_the_nearest_ancestor_wins() -> None:  # 6.1
    old, near = known("<old@x>"), known("<near@x>")
    raw = letter("ann@acme.test", "alice@us.test", "Re: Quote", "x", references=["<old@x>", "<near@x>"])
    found = correlate(message(raw).envelope, {"<old@x>": old, "<near@x>": near}, POLICY)
    assert (found.email, found.method, found.evidence["header"]) == (near, Method.IN_REPLY_TO, "References")


FORWARDS = [("Fwd: Quote", False), ("WG: Quote", False), ("Re: Quote", True), ("Forward planning", True)]


@pytest.mark.parametrize(("subject", "joined"), FORWARDS)
def test_a_forward_is_no_reply_unless_the_organization_wants_it_so(subject: str, joined: bool) -> None:  # 6.4
    quote = known()
    envelope = message(letter("a@b.test", "c@d.test", subject, "x", in_reply_to=quote.message_id)).envelope
    assert (correlate(envelope, {quote.message_id: quote}, POLICY).email is not None) is joined
    as_dynamics = policy_from({"compatibility": "dynamics"})
    assert correlate(envelope, {quote.message_id: quote}, as_dynamics).email == quote


def test_a_changed_subject_is_told() -> None:  # 6.2
    quote = known(subject="Quote")
    for subject, changed in (("Re: Quote", False), ("AW: RE: quote", False), ("Something else", True)):
        envelope = message(letter("a@b.test", "c@d.test", subject, "x", in_reply_to=quote.message_id)).envelope
        assert correlate(envelope, {quote.message_id: quote}, POLICY).subject_changed is changed


def test_correlation_can_be_switched_off() -> None:  # 6.3
    quote = known()
    off = policy_from({"email_correlation_enabled": False})
    assert correlate(LETTER.envelope, {quote.message_id: quote}, off).email is None


def test_a_list_of_a_thousand_ancestors_is_cut() -> None:
    raw = letter("a@b.test", "c@d.test", "x", "x", references=[f"<{number}@x.test>" for number in range(1000)])
    assert ancestor_ids(mime.envelope(raw))[0] == "<999@x.test>"
    assert len(ancestor_ids(mime.envelope(raw))) == 30


# Parties


SENDERS = [
    ("the user before the contact", [match("contact", 1), match("systemuser", 0)], "systemuser"),
    ("the contact before the account", [match("account", 2), match("contact", 1)], "contact"),
    ("the owner's before all", [match("systemuser", 0), match("lead", 3, owner_id="7")], "lead"),
    ("an inactive one alone", [match("contact", 1, is_active=False)], "contact"),
    ("a disabled user never", [match("systemuser", 0, is_active=False)], None),
    ("an active one before an inactive", [match("contact", 1, is_active=False), match("lead", 3)], "lead"),
]


@pytest.mark.parametrize(("why", "matches", "expected"), SENDERS)
def test_the_sender_is_one_record_in_a_fixed_order(
    why: str, matches: list[Match], expected: str | None
) -> None:  # 5.12
    found, _ = sender_of(matches, "7", POLICY)
    assert (found.kind if found else None) == expected, why


def test_of_equals_the_oldest_is_the_sender() -> None:  # 5.12 d
    older, newer = match("contact", 1, "b", since=1.0), match("contact", 1, "a", since=2.0)
    assert sender_of([newer, older], "", POLICY)[0] == older


def test_more_than_a_hundred_hits_stay_unresolved() -> None:  # 5.12
    crowd = [match("contact", 1, str(number)) for number in range(101)]
    assert sender_of(crowd, "", POLICY) == (None, True)
    assert recipients_of(crowd, POLICY) == []
    assert len(recipients_of(crowd[:100], POLICY)) == 100


def test_several_matches_stay_open_when_the_organization_wants_it_so() -> None:  # 5.12, 5.13
    two = [match("contact", 1, "a"), match("contact", 1, "b")]
    strict = policy_from(
        {"unresolve_sender_in_case_of_multiple_match": True, "unresolve_email_address_if_multiple_match": True}
    )
    assert sender_of(two, "", strict) == (None, True)
    assert recipients_of(two, strict) == []
    assert len(recipients_of(two, POLICY)) == 2


# Identity


@given(st.text(), st.text())
def test_white_space_and_case_do_not_make_another_subject(one: str, two: str) -> None:
    assert bare_subject(f"Re:  {one} {two}") == bare_subject(f"RE: {one}   {two} ")


def test_without_message_id_the_body_tells_two_letters_apart() -> None:  # peers 10
    raw = b"From: a@b.test\r\nTo: c@d.test\r\nSubject: Same\r\nDate: Sun, 1 Mar 2026 09:00:00 +0000\r\n\r\n"
    envelope = mime.envelope(raw)
    assert content_key(envelope, "one") != content_key(envelope, "two")
    assert content_key(envelope, "one  \r\n") == content_key(envelope, "one")


def test_with_message_id_the_body_does_not_matter() -> None:
    assert content_key(LETTER.envelope, "one") == content_key(LETTER.envelope, "two")


def test_another_content_under_the_same_message_id_is_another_message() -> None:  # peers 2
    one = message(letter("ann@acme.test", "a@us.test", "One", "x", message_id="<same@x>"))
    two = message(letter("ann@acme.test", "a@us.test", "Two", "x", message_id="<same@x>"))
    assert one.key != two.key
    assert dup_check(one.key, False) != dup_check(one.key, True)


WHOLE = [
    (letter("a@b.test", "c@d.test", "x", "x"), False),
    (letter("a@b.test", "c@d.test", "x", "x").replace(b"Message-ID", b"X-Was-Id"), True),
    (
        b"From: a@b.test\r\nContent-Type: multipart/report; report-type=delivery-status\r\nMessage-ID: <x@y>\r\n\r\n",
        True,
    ),
]


@pytest.mark.parametrize(("raw", "needed"), WHOLE)
def test_the_whole_message_is_fetched_only_where_headers_do_not_do(raw: bytes, needed: bool) -> None:
    envelope = mime.envelope(raw)
    assert needs_raw(envelope, transport_gives_raw=False, is_forward_mailbox=False) is needed
    assert needs_raw(envelope, transport_gives_raw=True, is_forward_mailbox=False)
    assert needs_raw(envelope, transport_gives_raw=False, is_forward_mailbox=True)
