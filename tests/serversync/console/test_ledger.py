""" "Why was this not tracked?", and what a person decides about it. The ledger balances all the while."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from mailboxes.models import Leg
from tests.company import assert_balanced
from tests.serversync.console.people import kept, mailbox, plain_letter, profile, row
from tracking.crm.models.states import EmailStatus
from tracking.decide.verdicts import REASON_TEXTS, Reason
from tracking.facts.why import explain, sent_with
from tracking.keep.redo import ignore, redo
from tracking.models import Acknowledgement, Explicit, LedgerRow, LedgerState, Placement

ALL = LedgerRow.objects.all


@pytest.mark.parametrize("written", ["<a.b@them.test>", "a.b@them.test", "  <a.b@them.test> ", "a.b@"])
def test_a_message_is_found_however_its_id_is_written(db: None, written: str) -> None:
    bobs = mailbox("Bob", profile())
    row(bobs, LedgerState.IGNORED, reason=Reason.NO_SENDER_MATCH, message_id="<a.b@them.test>")
    row(bobs, LedgerState.TRACKED, reason=Reason.ACCEPT_ALL, message_id="<other@them.test>")
    (found,) = explain(written)
    assert found.mailbox == "bob@us.test"
    assert found.sentence == REASON_TEXTS[Reason.NO_SENDER_MATCH]
    assert [seen.folder for seen in found.placements] == ["inbox"]


def test_an_exact_id_does_not_bring_its_neighbours(db: None) -> None:
    bobs = mailbox("Bob", profile())
    for message_id in ("<1@them.test>", "<11@them.test>"):
        row(bobs, LedgerState.IGNORED, reason=1, message_id=message_id)
    assert [found.message_id for found in explain("1@them.test")] == ["<1@them.test>"]
    assert explain("") == []


@pytest.mark.parametrize(
    ("state", "columns", "words"),
    [
        (LedgerState.PENDING, {}, "not been judged yet"),
        (LedgerState.PENDING, {"explicit": Explicit.PERSON}, "A person asked to track it"),
        (LedgerState.PENDING, {"attempts": 2}, "failed 2 times and is tried again"),
        (LedgerState.QUARANTINED, {"attempts": 5}, "failed 5 times and is kept aside"),
        (LedgerState.GONE, {}, "stopped showing it"),
        (LedgerState.IGNORED, {"reason": 7}, "missing or malformed"),
        (LedgerState.IGNORED, {"reason": 4711}, "not known"),
    ],
)
def test_every_state_has_its_sentence(db: None, state: LedgerState, columns: dict[str, int], words: str) -> None:
    row(mailbox("Bob", profile()), state, message_id="<x@them.test>", **columns)
    assert words in explain("<x@them.test>")[0].sentence


def test_evidence_is_told_in_words(db: None) -> None:
    evidence = {"candidate": "Bob", "filter": 1, "looked_for": ["<a@x>", "<b@x>"], "forward": True}
    row(mailbox("Bob", profile()), LedgerState.IGNORED, reason=1, message_id="<x@them.test>", evidence=evidence)
    told = dict(explain("<x@them.test>")[0].evidence_lines)
    assert told == {
        "Asked on behalf of": "Bob",
        "Filter": "Email messages in response to our email",
        "Looked for": "<a@x>, <b@x>",
        "Marked as a forward": "yes",
    }


def test_the_page_answers_for_what_was_sent_from_here_too(alice: Client) -> None:
    email = kept(mailbox("Bob", profile()), plain_letter("Offer"), status=EmailStatus.SENT)
    assert sent_with(email.message_id) == [email]
    page = alice.get("/why/", {"message_id": email.message_id}).content.decode()
    assert "Sent from here" in page
    assert "Offer" in page


def test_the_page_says_so_when_nobody_has_seen_the_message(alice: Client) -> None:
    assert "No mailbox has seen this message." in alice.get("/why/", {"message_id": "<no@x>"}).content.decode()


def test_redo_judges_again_and_the_ledger_balances(db: None) -> None:
    bobs, charlies = mailbox("Bob", profile()), mailbox("Charlie")
    poison = row(bobs, LedgerState.QUARANTINED, attempts=5, error="It broke.")
    row(bobs, LedgerState.IGNORED, reason=1)
    kept_row = row(bobs, LedgerState.TRACKED, reason=6)
    row(charlies, LedgerState.IGNORED, reason=1)
    Placement.objects.filter(ledger_row=poison).update(acknowledge=Acknowledgement.DELETE)
    assert redo(ALL(), timezone.now()) == 3
    poison.refresh_from_db()
    assert (poison.state, poison.attempts, poison.error) == (LedgerState.PENDING, 0, "")
    # What is judged again must not be deleted from the server first.
    assert Placement.objects.get(ledger_row=poison).acknowledge == Acknowledgement.NONE
    kept_row.refresh_from_db()
    assert kept_row.state == LedgerState.TRACKED
    assert assert_balanced(bobs).pending == 2
    assert assert_balanced(charlies).pending == 1
    assert bobs.legs.get(leg=Leg.INCOMING).requested_on is not None
    assert bobs.legs.get(leg=Leg.OUTGOING).requested_on is None


def test_what_the_server_no_longer_shows_cannot_be_judged_again(db: None) -> None:
    bobs = mailbox("Bob", profile())
    row(bobs, LedgerState.QUARANTINED)
    Placement.objects.update(gone_on=timezone.now())
    assert redo(ALL(), timezone.now()) == 0
    assert assert_balanced(bobs).quarantined == 1


def test_ignoring_settles_what_is_quarantined_and_names_who_decided(db: None) -> None:
    bobs = mailbox("Bob", profile())
    row(bobs, LedgerState.QUARANTINED, message_id="<x@them.test>")
    pending = row(bobs, LedgerState.PENDING)
    assert ignore(ALL(), "alice", timezone.now()) == 1
    assert explain("<x@them.test>")[0].sentence == "alice chose to ignore it."
    pending.refresh_from_db()
    assert pending.state == LedgerState.PENDING
    assert assert_balanced(bobs).ignored == 1


@pytest.mark.parametrize(("action", "state"), [("redo", LedgerState.PENDING), ("ignore", LedgerState.IGNORED)])
def test_alice_decides_in_the_list(alice: Client, action: str, state: LedgerState) -> None:
    bobs = mailbox("Bob", profile())
    poison = row(bobs, LedgerState.QUARANTINED)
    alice.post("/tracking/ledgerrow/", {"action": action, "_selected_action": [poison.pk]})
    poison.refresh_from_db()
    assert poison.state == state
    assert_balanced(bobs)
