"""What somebody asks for explicitly goes past every filter, and past nothing else (5.6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from mailboxes.policy import Policy, policy_from
from profiles.connectors import mime
from tests.letters import letter
from tracking.crm.identity import content_key, dup_check
from tracking.decide.acceptance import EXPLICITLY
from tracking.decide.exclusions import Exclusions
from tracking.decide.relevance import judge
from tracking.decide.verdicts import Candidate, Facts, Filter, Known, Message, Reason
from tracking.models import Explicit

POLICY = Policy()
ALICE = Candidate("systemuser", "1", "Alice", "alice@us.test", Filter.NONE)
SUPPORT = Candidate("queue", "2", "Support", "support@us.test", Filter.NONE)
WISHES = [
    (Explicit.PERSON, Reason.TRACKED_BY_A_PERSON),
    (Explicit.CATEGORY, Reason.TRACKED_BY_CATEGORY),
    (Explicit.FOLDER, Reason.TRACKED_BY_FOLDER),
]


def asked_for(explicit: Explicit, sender: str = "ann@acme.test", to: str = "alice@us.test") -> Message:
    raw = letter(sender, to, "Hello", "x")
    envelope = mime.envelope(raw)
    return Message(envelope, content_key(envelope), envelope.message_id, len(raw), None, explicit=explicit)


def reading(*candidates: Candidate, **more) -> Facts:
    return Facts(candidates=candidates, start=more.pop("start", None), **more)


def test_every_wish_has_a_reason_of_its_own() -> None:
    assert {Explicit(number): reason for number, reason in EXPLICITLY.items()} == dict(WISHES)


@pytest.mark.parametrize(("explicit", "reason"), WISHES)
@pytest.mark.parametrize("takes", Filter)
def test_a_wish_goes_past_every_filter(explicit: Explicit, reason: Reason, takes: Filter) -> None:
    verdict = judge(asked_for(explicit), reading(replace(ALICE, filter=takes)), POLICY)
    assert (verdict.kept, verdict.reason) == (True, reason)
    assert verdict.accepted_by is not None
    assert verdict.accepted_by.name == "Alice"


def test_without_a_wish_the_filter_decides() -> None:
    assert judge(asked_for(Explicit.NO), reading(ALICE), POLICY).reason == Reason.FILTER_TAKES_NOTHING


@pytest.mark.parametrize(("explicit", "reason"), WISHES)
def test_a_wish_goes_past_the_start_date(explicit: Explicit, reason: Reason) -> None:
    old = replace(asked_for(explicit), received_on=datetime(2020, 1, 1, tzinfo=UTC))
    assert judge(old, reading(ALICE, start=datetime(2026, 1, 1, tzinfo=UTC)), POLICY).reason == reason


@pytest.mark.parametrize("explicit", Explicit)
def test_only_a_person_who_asks_for_a_message_here_overrules_an_exclusion(explicit: Explicit) -> None:
    never = Exclusions(addresses=frozenset({"ann@acme.test"}))
    verdict = judge(asked_for(explicit), reading(replace(ALICE, exclusions=never)), POLICY)
    assert verdict.kept is (explicit == Explicit.PERSON)
    assert (verdict.reason == Reason.EXCLUDED) is (explicit != Explicit.PERSON)


def test_mail_of_nobodys_mailbox_is_tracked_when_it_is_asked_for() -> None:
    verdict = judge(asked_for(Explicit.CATEGORY), reading(), POLICY)
    assert (verdict.kept, verdict.reason, verdict.accepted_by) == (True, Reason.TRACKED_BY_CATEGORY, None)


def test_it_answers_what_it_answers_and_is_joined_to_what_was_sent_from_here() -> None:  # 6.1, 5.11
    wanted = asked_for(Explicit.CATEGORY)
    wanted = replace(wanted, envelope=replace(wanted.envelope, in_reply_to=("<q@us.test>",)))
    quote, ours = (Known(uuid4(), name, "", uuid4(), None, "", "", True) for name in ("<q@us.test>", "<own@us.test>"))
    guards = {dup_check(wanted.key, outgoing=True): ours}
    two = policy_from({"track_mail_between_users_as_two_activities": True})
    verdict = judge(wanted, reading(by_message_id={"<q@us.test>": quote}, by_dup_check=guards), two)
    assert (verdict.correlation.email, verdict.counterpart) == (quote, ours)


def test_what_is_asked_for_in_the_mailbox_of_a_queue_waits_in_the_queue() -> None:  # 5.18
    verdict = judge(asked_for(Explicit.CATEGORY, to="support@us.test"), reading(SUPPORT), POLICY)
    assert verdict.queues == ("2",)


def test_a_message_without_a_sender_stays_out() -> None:  # 5.7
    raw = b"From: nobody here\r\nTo: alice@us.test\r\nMessage-ID: <x@y>\r\n\r\nHello"
    envelope = mime.envelope(raw)
    broken = replace(asked_for(Explicit.CATEGORY), envelope=envelope)
    assert judge(broken, reading(ALICE), POLICY).reason == Reason.INVALID_SENDER


def test_a_category_does_not_bring_back_what_was_removed() -> None:  # law 12
    message = asked_for(Explicit.CATEGORY)
    facts = reading(ALICE, removed=frozenset({message.key}))
    assert judge(message, facts, POLICY).reason == Reason.REMOVED_BEFORE
