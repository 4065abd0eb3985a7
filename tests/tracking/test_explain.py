"""The answer to "why?" (law 4, 5.8): every reason has its words and says what would change it."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailboxes.models import IncomingFilter
from mailboxes.policy import Policy
from profiles.items import INBOX, Sighting
from tracking.decide.changing import FILTER_TEXTS, NOTHING, changes
from tracking.decide.explain import EXPIRED, SETTINGS, VERDICTS, Decided, answer
from tracking.decide.verdicts import REASON_TEXTS, Reason
from tracking.decide.whereabouts import Reading, whereabouts
from tracking.models import LedgerState

TRACKED, IGNORED = int(LedgerState.TRACKED), int(LedgerState.IGNORED)
NOBODY_CAN = (Reason.DUPLICATE, Reason.OUR_OWN_COPY, Reason.OUR_TEST_MESSAGE, Reason.UNPACKED)
"""Reasons after which nothing would change the verdict."""
START = datetime(2026, 11, 1, tzinfo=UTC)


def said(name: str, takes: int, reason: Reason, accepted: bool = False) -> dict[str, Any]:
    return {"name": name, "kind": "systemuser", "filter": takes, "accepted": accepted, "reason": int(reason)}


@pytest.mark.parametrize("reason", list(Reason), ids=lambda one: one.name)
def test_every_reason_has_words_and_says_what_would_change_it(reason: Reason) -> None:
    for state in (TRACKED, IGNORED):
        told = answer(Decided(state, int(reason), {}))
        assert told.because == REASON_TEXTS[reason]
        assert told.changes
        assert all(one.endswith(".") and len(one) > 20 for one in told.changes)
        assert told.changes[0].startswith(NOTHING) == (reason in NOBODY_CAN)


@pytest.mark.parametrize("state", list(LedgerState), ids=lambda one: one.name)
def test_every_state_says_what_comes_next(state: LedgerState) -> None:
    told = answer(Decided(int(state), None, {}))
    assert told.verdict == VERDICTS[int(state)]
    assert told.changes


def test_filters_are_called_as_everywhere_else() -> None:
    assert dict(FILTER_TEXTS) == {int(one.value): str(one.label) for one in IncomingFilter}


def test_settings_that_had_a_say_exist() -> None:
    known = {field.name for field in fields(Policy)}
    assert {name for names in SETTINGS.values() for name in names} <= known


CASES = [
    (
        Reason.NO_CORRELATION_MATCH,
        [said("Alice", 1, Reason.NO_CORRELATION_MATCH)],
        {},
        "Alice’s filter were “All email",
    ),
    (Reason.NO_CORRELATION_MATCH, [said("Alice", 1, Reason.NO_CORRELATION_MATCH)], {}, "and bob@them.test were one of"),
    (
        Reason.NO_CORRELATION_MATCH,
        [said("Alice", 1, Reason.NO_CORRELATION_MATCH)],
        {"looked_for": ["<a@x>"]},
        "if the message it answers were tracked before it",
    ),
    (Reason.NO_SENDER_MATCH, [said("Alice", 2, Reason.NO_SENDER_MATCH)], {}, "bob@them.test were a contact, lead or"),
    (Reason.NO_SENDER_MATCH, [said("Alice", 3, Reason.NO_SENDER_MATCH)], {}, "were an active record with this address"),
    (Reason.FILTER_TAKES_NOTHING, [said("Alice", 4, Reason.FILTER_TAKES_NOTHING)], {}, "it is “No email messages”"),
    (
        Reason.EXCLUDED,
        [said("Alice", 0, Reason.EXCLUDED)],
        {"excluded": "domain", "value": "them.test"},
        "if “never track” for the domain them.test were removed",
    ),
    (Reason.NO_RECIPIENT_MATCH, [said("Alice", 1, Reason.NO_RECIPIENT_MATCH)], {}, "recognised delivery through lists"),
    (Reason.INTERNAL_EMAIL_REJECT, [said("Alice", 1, Reason.INTERNAL_EMAIL_REJECT)], {}, "if it answered an email"),
    (
        Reason.BEFORE_START_DATE,
        [],
        {"received": "2026-03-01T08:00:00+00:00"},
        "were before 2026-03-01 08:00 UTC (2.10)",
    ),
    (Reason.TOO_LARGE, [], {"size": 200_000_000}, "200,000,000 bytes or more"),
]


@pytest.mark.parametrize(("reason", "candidates", "more", "words"), CASES)
def test_it_says_precisely_what_would_change_it(
    reason: Reason, candidates: list[dict[str, Any]], more: dict[str, Any], words: str
) -> None:
    evidence = ({"candidate": "Alice", "candidates": candidates} if candidates else {}) | more
    told = answer(Decided(IGNORED, int(reason), evidence, sender="bob@them.test", mailbox="alice@us.test"))
    assert any(words in one for one in told.changes), told.changes


def test_each_candidate_is_told_with_its_filter_and_what_it_said() -> None:  # 5.7
    evidence = {
        "candidate": "Support",
        "candidates": [said("Alice", 4, Reason.FILTER_TAKES_NOTHING), said("Support", 0, Reason.ACCEPT_ALL, True)],
        "further_candidates": 3,
    }
    told = answer(Decided(TRACKED, int(Reason.ACCEPT_ALL), evidence))
    assert [(one.name, one.filter, one.accepted) for one in told.asked] == [
        ("Alice", "No email messages", False),
        ("Support", "All email messages", True),
    ]
    assert told.further == 3
    assert "It would not be tracked if Support’s filter were “No email messages”." in told.changes


def test_a_suggestion_is_told_with_what_would_make_it_count() -> None:  # 6.5
    evidence = {"candidate": "Alice", "suggested": "e1", "suggested_by": "tracking token in the subject"}
    told = answer(Decided(IGNORED, int(Reason.NO_CORRELATION_MATCH), evidence))
    assert [(one.label, one.email) for one in told.conversation] == [
        ("May belong to email", "e1"),
        ("Suggested by", ""),
    ]
    assert any("took part in that conversation" in one for one in told.changes)


def test_private_evidence_names_nobody() -> None:
    evidence = {"candidate": "Alice", "sender": "private", "candidates": "private"}
    told = answer(Decided(TRACKED, int(Reason.SENDER_MATCH), evidence))
    assert [(one.name, one.filter) for one in told.asked] == [("private", "")]
    assert [one.text for one in told.people] == ["private"]


def test_expired_evidence_says_so() -> None:
    assert answer(Decided(IGNORED, 1, {}, has_expired=True)).note == EXPIRED
    assert answer(Decided(IGNORED, 1, {})).note == ""


def test_no_reason_is_left_without_an_answer_by_broken_evidence() -> None:
    for reason in Reason:
        odd = {"candidate": None, "candidates": None, "looked_for": "x", "size": "?", "received": None, "excluded": ""}
        assert changes(int(reason), odd)


def seen(kind: str = "", folder: str = "f1", path: str = "Deals", within: bool = False) -> Sighting:
    return Sighting("k", folder, path, kind, within, "<a@them.test>", START + timedelta(days=1))


@pytest.mark.parametrize(
    ("sighting", "reading", "words"),
    [
        (seen(INBOX), Reading(), "will be read with the next cycle"),
        (seen(INBOX), Reading(obstacle="The mailbox is inactive."), "is not read: The mailbox is inactive."),
        (seen(INBOX), Reading(start=START + timedelta(days=2)), "older than the start date"),
        (seen("junkemail"), Reading(), "In Junk, which is never read, so it was never shown to us."),
        (seen("deleteditems"), Reading(), "In Deleted Items"),
        (seen(INBOX, path="Inbox/Shop", within=True), Reading(), "In “Inbox/Shop”, a subfolder that is not tracked."),
        (seen(), Reading(), "In “Deals”, a folder that is not tracked."),
        (seen(), Reading(folders=frozenset({"f1"})), "In “Deals”, a tracked folder: it will be read"),
        (seen("sentitems"), Reading(), "In Sent Items, which is not read."),
        (seen("sentitems"), Reading(sent_items=True), "In Sent Items: it will be read"),
    ],
)
def test_where_a_message_lies_is_told_with_what_it_means(sighting: Sighting, reading: Reading, words: str) -> None:
    assert words in whereabouts(sighting, reading)
