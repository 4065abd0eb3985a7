"""Which email a message answers: marks, tokens, conversation indexes, words; and whom a token does not let in (6)."""

from __future__ import annotations

import base64
import uuid
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailboxes.policy import Policy, policy_from
from profiles.connectors import mime
from profiles.connectors.mime import Envelope
from tests.letters import letter
from tracking.crm.conversation_index import index_of
from tracking.crm.fingerprints import fingerprint
from tracking.crm.tokens import long_token
from tracking.decide.correlation import ancestor_ids, correlate, is_forward
from tracking.decide.marks import FORWARD, REPLY, marks_forward
from tracking.decide.threads import Threads
from tracking.decide.verdicts import Correlation, Known, Method

POLICY = Policy()
SMART = policy_from({"email_smart_matching_enabled": True})
TOKEN = long_token(4711)
GUID = bytes(range(16))
CONTACT, ACCOUNT, CASE = 1, 2, 3  # content types


def index(guid: bytes = GUID, responses: int = 0, first: int = 1, time: bytes = b"\xd0\x11\x22\x33\x44") -> str:
    return base64.b64encode(bytes([first]) + time + guid + b"\x00\x01\x02\x03\x04" * responses).decode()


def envelope(
    subject: str = "Re: Quote", sender: str = "ann@acme.test", thread_index: str = "", **more: Any
) -> Envelope:
    extra = [("Thread-Index", thread_index)] if thread_index else []
    return mime.envelope(letter(sender, more.pop("to", "alice@us.test"), subject, "x", extra_headers=extra, **more))


def known(subject: str = "Quote", regarding: tuple[int, str] | None = None, message_id: str = "<q@us.test>") -> Known:
    kind, record = regarding or (None, "")
    return Known(uuid.uuid4(), message_id, subject, uuid.uuid4(), kind, record, "x" if record else "", True)


# Marks of replies and forwards (6.4)


@pytest.mark.parametrize("language", FORWARD)
def test_a_forward_is_known_in_each_language(language: str) -> None:
    for mark in FORWARD[language]:
        for written in (f"{mark.upper()}: Quote", f"[EXTERNAL] {mark}: Quote", f"{mark.title()}[2]: Re: Quote"):
            assert marks_forward(written, names_ancestors=False), written


@pytest.mark.parametrize("language", REPLY)
def test_a_reply_is_no_forward_in_any_language(language: str) -> None:
    for mark in REPLY[language]:
        assert not marks_forward(f"{mark.upper()}: Quote", names_ancestors=True), mark
        assert not marks_forward(f"{mark}: Fwd: Quote", names_ancestors=True), mark


MARKS = [  # subject, whether the headers name an earlier message, whether it is a forward
    ("VS: Tarjous", True, False),  # Finnish: a reply
    ("VS: Tilbud", False, True),  # Danish and Norwegian: a forward
    ("Re: VS: Tilbud", False, False),
    ("转发：报价", True, True),
    ("Forward planning: 2027", False, False),
    ("Note: Fwd: x", False, False),
    ("", False, False),
]


@pytest.mark.parametrize(("subject", "names_ancestors", "expected"), MARKS)
def test_the_outermost_mark_decides(subject: str, names_ancestors: bool, expected: bool) -> None:
    assert marks_forward(subject, names_ancestors) is expected


@pytest.mark.parametrize("more", [{"in_reply_to": "<q@us.test>"}, {"references": ["<q@us.test>"]}])
def test_a_mark_with_two_meanings_is_a_reply_if_the_headers_name_an_earlier_message(
    more: dict[str, Any],
) -> None:  # 6.4
    assert not is_forward(envelope("VS: Tarjous", **more))
    assert is_forward(envelope("VS: Tarjous"))


# Message-IDs


def test_a_message_is_not_its_own_ancestor() -> None:
    loop = envelope(message_id="<me@x>", in_reply_to="<me@x>", references=["<me@x>", "<other@x>"])
    assert ancestor_ids(loop) == ["<other@x>"]


def test_a_bounce_answers_what_it_reports() -> None:
    bounce = replace(envelope("Undelivered"), reported=("<q@us.test>",))
    quote = known()
    found = correlate(bounce, {quote.message_id: quote}, POLICY)
    assert (found.email, found.evidence["header"]) == (quote, "Delivery report")


def test_of_emails_with_one_message_id_the_senders_own_conversation_is_meant() -> None:  # 5.10
    anns, newest = known(), known()
    threads = Threads(sharing={"<q@us.test>": [newest, anns]}, people={anns.conversation: {"ann@acme.test"}})
    answer = {"in_reply_to": "<q@us.test>"}
    by_message_id = {"<q@us.test>": newest}
    assert correlate(envelope(**answer), by_message_id, POLICY, threads).email == anns
    assert correlate(envelope(sender="eve@else.test", **answer), by_message_id, POLICY, threads).email == newest


@pytest.mark.parametrize(
    ("more", "header"),
    [({"in_reply_to": "<q@us.test>"}, "In-Reply-To"), ({"references": ["<q@us.test>"]}, "References")],
)
def test_the_evidence_says_where_the_ancestor_was_named(more: dict[str, Any], header: str) -> None:  # 6.1, law 4
    quote = known()
    told = {"header": header, "message_id": "<q@us.test>", "email": str(quote.id)}
    assert correlate(envelope(**more), {"<q@us.test>": quote}, POLICY).evidence == told


# Switches (6.3, 6.4)

SWITCHES = [  # overrides, what is found in a message that has everything, if nothing: the method
    ({}, Method.IN_REPLY_TO),
    ({"email_correlation_enabled": False}, Method.TRACKING_TOKEN),
    ({"ignore_conversation_index_and_in_reply_to_for_correlation": True}, Method.TRACKING_TOKEN),
]


@pytest.mark.parametrize(("overrides", "method"), SWITCHES)
def test_each_switch_takes_out_its_own_methods(overrides: dict[str, Any], method: Method) -> None:
    quote = known()
    hints = Threads(by_token={TOKEN: [quote]}, people={quote.conversation: {"ann@acme.test"}})
    full = envelope(f"Re: Quote {TOKEN}", in_reply_to=quote.message_id, thread_index=index(responses=1))
    assert correlate(full, {quote.message_id: quote}, policy_from(overrides), hints).method == method
    base = index_of(index())
    assert base is not None
    by_index = replace(hints, by_token={}, by_index={base.base_hash: [quote]})
    found = correlate(replace(full, in_reply_to=()), {}, policy_from(overrides), by_index)
    assert (found.method == Method.CONVERSATION_INDEX) is (not overrides)


def test_skipped_means_that_nobody_looked() -> None:
    off = policy_from({"email_correlation_enabled": False})
    answer = envelope(in_reply_to="<q@us.test>")
    assert correlate(answer, {}, off) == Correlation(Method.SKIPPED)
    forward = correlate(envelope("Fwd: Quote", in_reply_to="<q@us.test>"), {}, POLICY)
    assert (forward.method, forward.evidence, forward.sought) == (Method.SKIPPED, {"forward": True}, ())
    assert correlate(answer, {}, POLICY).method == Method.NONE
    assert correlate(answer, {}, POLICY).sought == ("<q@us.test>",)


# Tokens (6.5)


def test_a_token_leads_one_who_takes_part_to_the_newest_email() -> None:
    old, new = known(), known()
    threads = Threads(by_token={TOKEN: [new, old]}, people={one.conversation: {"ann@acme.test"} for one in (old, new)})
    found = correlate(envelope(f"Re: Something else {TOKEN}"), {}, POLICY, threads)
    assert (found.email, found.method, found.subject_changed) == (new, Method.TRACKING_TOKEN, True)
    assert found.evidence == {"found_by": "tracking token in the subject", "email": str(new.id)}
    same = correlate(envelope(f"Re: Quote {TOKEN}"), {}, POLICY, threads)
    assert not same.subject_changed, "the token itself is no change"


def test_tokens_and_indexes_that_nobody_knows_lead_nowhere() -> None:
    found = correlate(envelope(f"Re: {TOKEN}", thread_index=index(responses=1)), {}, POLICY, Threads())
    assert (found.email, found.method, found.evidence) == (None, Method.NONE, {})


def test_a_token_that_has_come_round_again_leads_to_the_senders_own_conversation() -> None:
    anns, newest = known(), known()
    threads = Threads(by_token={TOKEN: [newest, anns]}, people={anns.conversation: {"ann@acme.test"}})
    assert correlate(envelope(f"Re: {TOKEN}"), {}, POLICY, threads).email == anns


CIRCLES = {
    (CONTACT, "ann"): frozenset({(CONTACT, "ann"), (ACCOUNT, "acme")}),
    (CONTACT, "carl"): frozenset({(CONTACT, "carl"), (ACCOUNT, "acme")}),
    (CASE, "1"): frozenset({(CASE, "1"), (ACCOUNT, "acme")}),
}
BELONGING = [  # what the email regards, who writes, whether the token counts
    ((ACCOUNT, "acme"), (CONTACT, "carl"), True),
    ((ACCOUNT, "acme"), (ACCOUNT, "acme"), True),
    ((CASE, "1"), (CONTACT, "ann"), True),
    ((CONTACT, "ann"), (CONTACT, "ann"), True),
    ((CONTACT, "ann"), (ACCOUNT, "acme"), True),
    ((ACCOUNT, "acme"), (CONTACT, "eve"), False),
    (None, (CONTACT, "ann"), False),
]


@pytest.mark.parametrize(("regarding", "writer", "counts"), BELONGING)
def test_a_token_counts_for_those_who_belong_to_the_record(regarding, writer, counts: bool) -> None:
    threads = Threads(by_token={TOKEN: [known(regarding=regarding)]}, circles=CIRCLES)
    found = correlate(envelope(f"Re: {TOKEN}"), {}, POLICY, threads, [writer])
    assert (found.email is not None) is counts
    assert ("suggested" in found.evidence) is not counts


@given(
    st.sampled_from(["eve@else.test", "mallory@evil.test", "ann@acme.test.evil.test", "xann@acme.test"]),
    st.sampled_from([None, (CONTACT, "ann"), (ACCOUNT, "acme"), (CASE, "1")]),
    st.lists(st.tuples(st.sampled_from([CONTACT, ACCOUNT]), st.sampled_from(["eve", "other"])), max_size=3),
    st.sampled_from(["Re: Quote {}", "{}", "Quote {} {}", "AW: RE: {} x"]),
)
def test_a_token_never_attaches_a_strangers_mail_to_a_record(stranger, regarding, records, subject: str) -> None:
    quote = known(regarding=regarding)
    threads = Threads(
        by_token={TOKEN: [quote]}, people={quote.conversation: {"ann@acme.test", "alice@us.test"}}, circles=CIRCLES
    )
    found = correlate(envelope(subject.format(TOKEN, TOKEN), stranger), {}, POLICY, threads, records)
    assert found.email is None
    assert found.evidence["suggested"] == str(quote.id)
    assert TOKEN not in str(found.evidence)


# Conversation index

MALFORMED = ["", "x", "!!!!", "AQ==", index()[:-4], index(first=2), index(guid=bytes(16)), index() + "AAAA", "é" * 40]
MALFORMED += [base64.b64encode(b"\x01" * length).decode() for length in (17, 21, 24)]  # too short; no whole response


@pytest.mark.parametrize("value", MALFORMED)
def test_a_malformed_index_is_ignored(value: str) -> None:
    assert index_of(value) is None


def test_the_guid_is_the_conversation() -> None:  # [MS-OXOMSG] 2.2.1.3, [MS-OXOCFG] 2.2.8.8
    one, two = index_of(index()), index_of(index(responses=3, time=bytes(5)))
    assert one is not None
    assert two is not None
    assert one.base_hash == two.base_hash != index_of(index(guid=b"y" * 16)).base_hash
    assert (one.responses, two.responses) == (0, 3)
    assert -(2**63) <= one.base_hash < 2**63
    assert index_of(index().rstrip("=")) == one
    assert index_of(index(responses=2).rstrip("=")) == index_of(index(responses=2))


@given(st.text(max_size=200))
def test_no_index_breaks_the_reader(text: str) -> None:
    found = index_of(text)
    assert found is None or found.responses >= 0


JOINS = [  # sender, subject, responses, further recipient, whether the index counts
    ("ann@acme.test", "Re: Quote", 1, "", True),
    ("ann@acme.test", "Quote", 0, "", True),
    ("ann@acme.test", "Renamed", 1, "", True),  # a reply whose subject was edited
    ("ann@acme.test", "Another matter", 0, "", False),  # a client that keeps the index for a new message
    ("eve@else.test", "Quote", 1, "", False),  # an index made of the subject alone
    ("carl@acme.test", "Re: Quote", 1, "ann@acme.test", True),  # a colleague of theirs, with them in copy
    ("carl@acme.test", "Another matter", 1, "ann@acme.test", False),
]


@pytest.mark.parametrize(("sender", "subject", "responses", "cc", "joined"), JOINS)
def test_an_index_alone_proves_little(sender: str, subject: str, responses: int, cc: str, joined: bool) -> None:
    quote = known()
    base = index_of(index())
    assert base is not None
    threads = Threads(
        by_index={base.base_hash: [quote]}, people={quote.conversation: {"ann@acme.test", "alice@us.test"}}
    )
    message = envelope(subject, sender, index(responses=responses), cc=[cc] if cc else ())
    found = correlate(message, {}, POLICY, threads)
    assert (found.method == Method.CONVERSATION_INDEX) is joined
    assert ("because" if joined else "suggested") in found.evidence


def test_an_index_of_a_conversation_of_which_nobody_is_known_is_a_suggestion() -> None:
    quote, base = known(), index_of(index())
    assert base is not None
    found = correlate(
        envelope(thread_index=index(responses=1)), {}, POLICY, Threads(by_index={base.base_hash: [quote]})
    )
    assert (found.email, found.evidence) == (
        None,
        {"suggested": str(quote.id), "suggested_by": "conversation index"},
    )


def test_mail_without_a_sender_belongs_to_nobodys_conversation() -> None:  # 6.5
    quote = known()
    threads = Threads(by_token={TOKEN: [quote]}, people={quote.conversation: {"ann@acme.test"}})
    found = correlate(replace(envelope(f"Re: {TOKEN}"), sender=None), {}, POLICY, threads)
    assert (found.email, found.evidence["suggested"]) == (None, str(quote.id))


# Smart matching (6.6)

ALIKE = [  # subject, sender, policy, whether it matches mail about "Offer for pumps" between Alice and Ann
    ("RE: AW: offer FOR pumps", "ann@acme.test", {}, True),
    ("Offer for pumps", "eve@else.test", {}, False),  # one address in common
    ("Offer for pumps", "eve@else.test", {"hash_min_address_count": 1}, True),
    ("Offer for two pumps", "ann@acme.test", {}, False),
    ("Offer for two pumps", "ann@acme.test", {"hash_delta_subject_count": 1}, True),
    ("Offer for fans", "ann@acme.test", {"hash_delta_subject_count": 1}, False),
    ("Re:", "ann@acme.test", {}, False),
    ("Offer for pumps", "ann@acme.test", {"email_smart_matching_enabled": False}, False),
]


@pytest.mark.parametrize(("subject", "sender", "overrides", "matches"), ALIKE)
def test_smart_matching_takes_the_same_words_and_enough_addresses(subject, sender, overrides, matches: bool) -> None:
    policy = policy_from({"email_smart_matching_enabled": True, **overrides})
    offer = envelope("Offer for pumps", "alice@us.test", to="ann@acme.test")
    email = known("Offer for pumps")
    threads = Threads(fingerprints=[(email, fingerprint(offer, policy))])
    found = correlate(envelope(subject, sender), {}, policy, threads)
    assert (found.method == Method.SMART_MATCHING) is matches
    shared = 1 if sender == "eve@else.test" else 2
    told = {"found_by": "words of the subject", "shared_addresses": shared, "email": str(email.id)}
    assert found.evidence == (told if matches else {})


def test_long_subjects_and_lists_are_cut() -> None:  # 6.6
    crowd = [f"p{number}@acme.test" for number in range(500)]
    long = fingerprint(envelope(" ".join(map(str, range(200))), to=crowd), SMART)
    assert (len(long.words), len(long.addresses)) == (20, 20)


# What a batch keeps is known to the rest of it


@given(st.permutations(["token", "index", "ancestor"]))
def test_the_first_method_wins_in_whatever_order_hints_come(order: list[str]) -> None:  # 6.1
    by = {name: known(name) for name in order}
    base = index_of(index())
    assert base is not None
    threads = Threads(
        by_token={TOKEN: [by["token"]]},
        by_index={base.base_hash: [by["index"]]},
        people={one.conversation: {"ann@acme.test"} for one in by.values()},
    )
    full = {"subject": f"Re: x {TOKEN}", "thread_index": index(responses=1)}
    named = {"<a@x>": by["ancestor"]}
    assert correlate(envelope(in_reply_to="<a@x>", **full), named, POLICY, threads).email == by["ancestor"]
    assert correlate(envelope(**full), named, POLICY, threads).email == by["token"]
    full["subject"] = "Re: x"
    assert correlate(envelope(**full), named, POLICY, threads).email == by["index"]


def test_a_kept_message_leads_later_ones_of_its_batch() -> None:
    threads, first = Threads(), known("Quote")
    threads.note_kept(envelope("Quote", thread_index=index()), first, None, POLICY)
    found = correlate(
        envelope("Re: Quote", "alice@us.test", index(responses=1), to="ann@acme.test"), {}, POLICY, threads
    )
    assert found.email == first
    twin = replace(known(), message_id=first.message_id)
    threads.note_kept(envelope("Other"), twin, first, POLICY)
    assert threads.sharing[first.message_id] == [twin, first]


def test_of_the_messages_of_a_batch_the_newest_comes_first() -> None:
    threads = Threads()
    one, two, three = (known() for _ in range(3))
    before = None
    for email in (one, two, three):
        threads.note_kept(envelope("Quote", thread_index=index()), email, before, SMART)
        before = email
    base = index_of(index())
    assert base is not None
    assert threads.by_index == {base.base_hash: [three, two, one]}
    assert threads.sharing == {"<q@us.test>": [three, two, one]}
    assert [email for email, _ in threads.fingerprints] == [three, two, one]
    found = correlate(envelope("AW: Quote", "alice@us.test", to="ann@acme.test"), {}, SMART, threads)  # 6.6
    assert (found.email, found.method) == (three, Method.SMART_MATCHING)
