"""What an answer or a forward takes over: one mark before the subject, the original below, in forms that mailers know."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.connectors.mime import Address, preview_of, split_quote
from tracking.crm.display import FOLD, sanitised
from tracking.crm.identity import bare_subject
from tracking.crm.quoted import (
    CUT,
    LONGEST_HTML,
    LONGEST_TEXT,
    Original,
    answered_html,
    answered_text,
    forward_subject,
    forwarded_html,
    forwarded_text,
    reply_subject,
)

DORA = Address("Dora Miller", "dora@them.test")
ALICE = Address("", "alice@us.test")
SENT = datetime(2026, 3, 1, 9, 5, tzinfo=UTC)


def original(text: str = "Can you?\nPlease.", html: str = "") -> Original:
    return Original(DORA, [ALICE], [Address("Bob", "bob@us.test")], "Offer", SENT, text, html)


@pytest.mark.parametrize(
    ("subject", "reply", "forward"),
    [
        ("Offer", "Re: Offer", "Fwd: Offer"),
        ("Re: Offer", "Re: Offer", "Fwd: Re: Offer"),
        ("RE: AW: Re[2]: Offer", "Re: Offer", "Fwd: RE: AW: Re[2]: Offer"),
        ("Fwd: Offer", "Re: Fwd: Offer", "Fwd: Offer"),
        ("WG: FW: Offer", "Re: WG: FW: Offer", "Fwd: Offer"),
        ("Regarding: Offer", "Re: Regarding: Offer", "Fwd: Regarding: Offer"),
        ("Offer [#7K3M9QXW2RTV8HNB]", "Re: Offer [#7K3M9QXW2RTV8HNB]", "Fwd: Offer [#7K3M9QXW2RTV8HNB]"),
        ("", "Re:", "Fwd:"),
    ],
)
def test_the_subject_bears_one_mark(subject: str, reply: str, forward: str) -> None:
    assert (reply_subject(subject), forward_subject(subject)) == (reply, forward)


@given(st.text(max_size=60))
def test_a_second_answer_changes_the_subject_no_more(subject: str) -> None:
    once = reply_subject(subject)
    assert reply_subject(once) == once
    assert bare_subject(once) == bare_subject(reply_subject(once))


def test_a_plain_answer_quotes_line_by_line() -> None:
    assert answered_text("Yes.", original("Can you?\n\n> earlier")) == (
        "Yes.\n\nOn 1 March 2026 at 09:05 UTC, Dora Miller <dora@them.test> wrote:\n> Can you?\n>\n>> earlier"
    )


def test_mail_programs_tell_the_answer_from_what_it_quotes() -> None:
    text = answered_text("Yes.", original())
    assert split_quote(text)[0].strip() == "Yes."
    assert preview_of("", answered_html("<p>Yes.</p>", original(html="<p>Can you?</p>"))) == "Yes."
    shown = sanitised(answered_html("<p>Yes.</p>", original(html="<p>Can you?</p>"))).fragment
    new, _, quoted = shown.partition(FOLD)
    assert "Yes." in new
    assert "Dora Miller &lt;dora@them.test&gt; wrote:" in quoted


def test_a_forward_tells_who_wrote_to_whom() -> None:
    text = forwarded_text("See below.", original())
    assert split_quote(text)[0].strip() == "See below."
    for line in (
        "From: Dora Miller <dora@them.test>",
        "Date: 1 March 2026 at 09:05 UTC",
        "Subject: Offer",
        "To: alice@us.test",
        "Cc: Bob <bob@us.test>",
    ):
        assert line in text.split("\n")
    assert "<b>To:</b> alice@us.test" in forwarded_html("", original())


def test_markup_in_names_and_plain_text_stays_text() -> None:
    evil = Original(Address("<img src=x>", "x@y.test"), [], [], "<b>", None, "<script>1</script>  two")
    for html in (answered_html("", evil), forwarded_html("", evil)):
        assert "<script>" not in html
        assert "<img" not in html
        assert "&lt;script&gt;1&lt;/script&gt;&nbsp; two" in html


def test_what_is_too_long_to_quote_is_cut_and_says_so() -> None:
    assert answered_text("", original("x" * (LONGEST_TEXT + 1))).endswith(f"> {CUT}")
    assert "<p>" not in answered_html("", original("short", "<p>" + "x" * LONGEST_HTML)).replace("<p><br></p>", "")
