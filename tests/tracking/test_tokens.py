"""Tracking tokens: made, appended, found again, and met by no accident (6.5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailboxes.policy import Policy, policy_from
from tracking.crm.tokens import (
    classic_head,
    classic_token,
    counter_after,
    long_token,
    prefixes_of,
    tokens_in,
    with_token,
    without_tokens,
)

POLICY = Policy()
TOKEN = long_token(0x1234_5678_9ABC_DEF0_1234)
PREFIXES = ("CRM:", "ACME#")

FOUND = [
    (f"Offer {TOKEN}", [TOKEN]),
    (f"Re: Offer {TOKEN.lower()}", [TOKEN]),  # a client that writes everything small
    (f"AW: [EXTERNAL] Offer{TOKEN} (was: x)", [TOKEN]),
    ("Offer CRM:0001001", ["CRM:0001001"]),
    ("Re: Offer crm:0001001", ["CRM:0001001"]),
    ("Offer ACME#0012345", ["ACME#0012345"]),  # an old prefix
    (f"Offer CRM:0001001 {TOKEN}", [TOKEN, "CRM:0001001"]),  # the last one first
    ("Offer [#12345]", []),  # other systems' tickets
    ("Offer [#7K3M9QXW2RTV8HN]", []),  # a digit short
    ("Offer CRM:12", []),
    ("Offer XCRM:0001001", []),
    ("Offer CRM:0001001A", []),
    ("", []),
]


@pytest.mark.parametrize(("subject", "expected"), FOUND)
def test_a_token_is_found_whatever_clients_do_to_the_subject(subject: str, expected: list[str]) -> None:
    assert tokens_in(subject, PREFIXES) == expected


def test_many_tokens_in_one_subject_are_cut() -> None:
    subject = " ".join(f"CRM:{number:07d}" for number in range(100))
    assert tokens_in(subject, PREFIXES) == [f"CRM:{number:07d}" for number in range(99, 94, -1)]


def test_old_prefixes_stay_recognised() -> None:
    assert prefixes_of(policy_from({"tracking_prefix": "NEW:", "old_tracking_prefixes": "CRM: NEW:"})) == (
        "NEW:",
        "CRM:",
    )


def test_the_classic_form_is_that_of_the_original() -> None:
    assert classic_token(classic_head(1, POLICY), 1, POLICY) == "CRM:0001001"
    wide = policy_from({"tracking_token_id_base": 40, "tracking_token_id_digits": 5, "tracking_number_digits": 4})
    assert classic_token(classic_head(2, wide), 7, wide) == "CRM:0000420007"


COUNTERS = [("", 1), ("CRM:0001001", 2), ("CRM:0001998", 999), ("CRM:0001999", 1), ("odd", 1)]


@pytest.mark.parametrize(("last", "counter"), COUNTERS)
def test_the_counter_wraps(last: str, counter: int) -> None:
    assert counter_after(last, POLICY) == counter


APPENDED = [
    ("Offer", f"Offer {TOKEN}"),
    ("", TOKEN),
    (f"Re: Offer {long_token(7)}", f"Re: Offer {TOKEN}"),  # the earlier one goes
    (f"Offer CRM:0001001 {long_token(7)}", f"Offer {TOKEN}"),
    ("See CRM:0001001 for more", f"See CRM:0001001 for more {TOKEN}"),  # not at the end: a person wrote it
]


@pytest.mark.parametrize(("subject", "expected"), APPENDED)
def test_one_token_stands_at_the_end(subject: str, expected: str) -> None:
    assert with_token(subject, TOKEN, POLICY) == expected


def test_a_token_that_does_not_fit_is_omitted() -> None:
    assert with_token("Offer", "x" * 256, POLICY) is None
    assert with_token("Offer", "x" * 255, POLICY) == "x" * 255


@given(st.text(max_size=900), st.integers(0, 2**80 - 1))
def test_a_subject_is_never_longer_than_servers_take_and_its_token_is_found(subject: str, number: int) -> None:
    written = with_token(subject, long_token(number), POLICY)
    assert written is not None
    assert len(written) <= POLICY.maximum_subject_length_on_mail_server
    assert tokens_in(f"Re: {written}", prefixes_of(POLICY))[0] == long_token(number)


@given(st.text())
def test_no_text_breaks_the_search(text: str) -> None:
    assert tokens_in(without_tokens(text, PREFIXES), PREFIXES) == [] or "CRM" in text.upper() or "ACME" in text.upper()
