"""From whom and to whom mail may be sent: the tables of the rules (7.5, 7.7)."""

from __future__ import annotations

from itertools import product

import pytest

from tracking.crm.sending_rules import Author, Recipient, problems_of, why_allowed, why_refused

BOB = {"name": "Bob", "address": "bob@us.test"}
SUPPORT = {"name": "Support", "address": "support@us.test", "queue": "Support"}

# what is known of the mailbox and of Alice → why she may send from it, or words of why not (7.5)
FROM: list[tuple[dict, str, list[str]]] = [
    ({**BOB, "is_own": True}, "your own mailbox", []),
    ({**BOB, "is_own": True, "allows_others": True, "sends_as_others": True}, "your own mailbox", []),
    ({**SUPPORT, "owns_queue": True}, "a queue that you own", []),
    ({**SUPPORT, "works_in_queue": True}, "a queue that you work in", []),
    ({**SUPPORT, "owns_queue": True, "works_in_queue": True}, "a queue that you own", []),
    ({**SUPPORT}, "", ["queue Support", "Ask its owner"]),
    ({**SUPPORT, "sends_as_others": True, "allows_others": True}, "", ["queue Support"]),
    ({**BOB, "sends_as_others": True, "allows_others": True}, "Bob lets others send in their name", []),
    ({**BOB, "allows_others": True}, "", ["send as Bob", "the permission", "an administrator"]),
    ({**BOB, "sends_as_others": True}, "", ["send as Bob", "has not agreed", "the page of their mailbox"]),
    ({**BOB}, "", ["the permission", "has not agreed"]),
    ({**BOB, "is_forward": True, "is_own": True}, "", ["only receives"]),
    ({"name": "Bob", "address": "", "is_own": True}, "", ["Bob has no email address"]),
]


@pytest.mark.parametrize(("known", "allowed", "refused"), FROM)
def test_from_whom_alice_may_send(known: dict, allowed: str, refused: list[str]) -> None:  # 7.5
    author = Author(**known)
    assert why_allowed(author) == allowed
    refusal = why_refused(author)
    assert bool(refusal) == bool(refused)
    for words in refused:
        assert words in refusal


def test_nobody_is_both_allowed_and_refused() -> None:
    flags = ("is_forward", "is_own", "owns_queue", "works_in_queue", "sends_as_others", "allows_others")
    for values in product([False, True], repeat=len(flags)):
        for known in (BOB, SUPPORT):
            author = Author(**known, **dict(zip(flags, values, strict=True)))
            assert bool(why_allowed(author)) != bool(why_refused(author)), author


ANN = {"role": "To", "name": "Ann", "address": "ann@acme.test", "record": "Contact Ann"}

# the recipient, whether free addresses are allowed → words of the problem (7.7)
TO: list[tuple[dict, bool, list[str]]] = [
    (ANN, False, []),
    ({**ANN, "record": ""}, True, []),
    ({**ANN, "record": ""}, False, ["To: ann@acme.test belongs to nobody here", "make a contact"]),
    ({**ANN, "refuses": "Contact Ann"}, True, ["To: Contact Ann must not be sent email", "clear that mark"]),
    ({**ANN, "address": "", "refuses": "Contact Ann"}, True, ["must not be sent email", "Take them out"]),
    ({**ANN, "role": "Bcc", "record": "", "refuses": "Lead Ann"}, False, ["Bcc: Lead Ann must not"]),
    ({**ANN, "address": "", "is_contact": True}, True, ["Contact Ann has no email address", "never written to"]),
    ({**ANN, "address": "", "record": "Account Acme"}, True, ["Account Acme has no email address", "in the record"]),
    ({**ANN, "address": "", "record": ""}, True, ["To: “Ann” has no email address. Enter one, or"]),
    ({"role": "Cc", "name": "", "address": ""}, True, ["Cc: a recipient has no email address"]),
    ({**ANN, "address": "ann.acme.test"}, True, ["To: “ann.acme.test” is not an email address. Correct it."]),
    ({**ANN, "address": "ann@acme..test"}, True, ["“ann@acme..test” is not"]),
    ({**ANN, "address": "ann@acme.test, bob@us.test"}, True, ["is not an email address"]),
    ({**ANN, "address": "ann@acme.test\r\nRCPT TO:<eve@evil.test>"}, True, ["is not an email address"]),
    ({**ANN, "address": "ann@☃☃.test"}, True, ["no domain can have that name"]),
    ({**ANN, "address": "ann@bücher.test"}, True, []),
    ({**ANN, "address": "grüße@bücher.test"}, True, []),
    ({**ANN, "address": '"ann of acme"@acme.test'}, True, []),
    ({**ANN, "address": "ann@[192.0.2.1]"}, True, []),
]


@pytest.mark.parametrize(("recipient", "allows_free", "words"), TO)
def test_to_whom_mail_may_be_sent(recipient: dict, allows_free: bool, words: list[str]) -> None:  # 7.7
    found = problems_of([Recipient(**recipient)], allows_free)
    assert len(found) == bool(words)
    for expected in words:
        assert expected in found[0]
    assert all("\n" not in sentence and "\r" not in sentence for sentence in found)


def test_each_recipient_is_named_once_and_an_email_to_nobody_is_refused() -> None:  # 7.7
    wrong = Recipient("To", "", "nobody")
    assert problems_of([], True) == ["To: the email has no recipient. Add at least one."]
    assert len(problems_of([wrong, wrong, Recipient("Cc", "", "nobody"), Recipient(**ANN)], True)) == 2
