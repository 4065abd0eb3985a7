"""Alice sees what is new in a mail; what it quotes is folded away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.connectors.mime import preview_of, split_quote

QUOTED = {
    "Gmail": "Yes.\n\nOn Mon, Mar 1, 2026 at 10:00 AM Bob <bob@x.test> wrote:\n\n> old\n",
    "Gmail, wrapped": "Yes.\n\nOn Mon, Mar 1, 2026 at 10:00 AM Bob Brown\n<bob@x.test> wrote:\n> old\n",
    "Thunderbird, German": "Yes.\n\nAm 01.03.2026 um 10:00 schrieb Bob Brown:\n> old\n",
    "French, wrapped": "Yes.\n\nLe lun. 1 mars 2026 à 10:00, Bob <bob@x.test> a\nécrit :\n\n> old\n",
    "Dutch": "Yes.\n\nOp ma 1 mrt 2026 om 10:00 schreef Bob <bob@x.test>:\n> old\n",
    "Spanish": "Yes.\n\nEl lun, 1 mar 2026 a las 10:00, Bob (<bob@x.test>) escribió:\n> old\n",
    "Apple Mail": "Yes.\n\n> On 1 Mar 2026, at 10:00, Bob <bob@x.test> wrote:\n> \n> old\n",
    "Outlook": "Yes.\n\nFrom: Bob <bob@x.test>\nSent: Monday, March 1, 2026\nTo: Ann\nSubject: Plan\n\nold\n",
    "Outlook, German": "Yes.\n\nVon: Bob\nGesendet: Montag, 1. März 2026\nAn: Ann\nBetreff: Plan\n\nold\n",
    "Outlook on the web": "Yes.\n________________________________\nFrom: Bob\nSent: x\nTo: Ann\nSubject: Plan\n\nold\n",
    "Outlook Express": "Yes.\n\n-----Original Message-----\nFrom: Bob\n\nold\n",
    "a signature below": "Yes.\n\n> old\n\n-- \nAnn\nAcme\n",
}


@pytest.mark.parametrize("text", QUOTED.values(), ids=QUOTED.keys())
def test_a_reply_is_split_from_what_it_answers(text: str) -> None:
    new, quoted = split_quote(text)
    assert new.strip() == "Yes."
    assert "old" in quoted
    assert new + quoted == text
    assert preview_of(text, "") == "Yes."


@pytest.mark.parametrize(
    "text",
    [
        "Hello\nthis is all.\n",
        "> When?\nAt five.\n> Where?\nHere.\n",
        "On Mon, 1 Mar 2026 Bob wrote:\n> When?\nAt five.\n",
        "> all is quoted\n",
        "I wrote this:\na list\nof things\n",
        "From: the bottom of my heart\nthank you\n",
    ],
)
def test_what_is_new_or_written_between_is_not_folded(text: str) -> None:
    assert split_quote(text) == (text, "")


@pytest.mark.parametrize(
    ("text", "html", "preview"),
    [
        ("  Hello \n\n Bob \n", "", "Hello Bob"),
        ("> When?\nAt five.\n> Where?\nHere.\n", "", "At five. Here."),
        ("Yes.\n-- \nAnn, Acme Inc., Tel. 1", "", "Yes."),
        ("> all of it\n", "", "> all of it"),
        ("a\x00\x07b\u202egnp.exe\u200b c", "", "a b gnp.exe c"),
        ("text wins", "<p>html", "text wins"),
        ("", "<html><head><title>t</title><style>p{}</style></head><body><p>Hi&nbsp;<b>Bob</b></p></body>", "Hi Bob"),
        ("", "<!-- x > y --><p>Yes</p><div class='gmail_quote'>old</div>", "Yes"),
        ("", "<div class='gmail_quote'>only this</div>", "only this"),
        ("", "<style>never closed", ""),
        ("", "", ""),
    ],
)
def test_a_list_shows_the_beginning_of_what_is_new(text: str, html: str, preview: str) -> None:
    assert preview_of(text, html) == preview


@given(st.text(alphabet=st.sampled_from(list("> \nabO-_:<&;0\u2028\x00"))), st.text(max_size=300))
def test_a_preview_is_short_and_splitting_loses_nothing(text: str, html: str) -> None:
    preview = preview_of(text, html)
    assert len(preview) <= 200
    assert not any(letter < " " for letter in preview)
    assert "".join(split_quote(text)) == text


@pytest.mark.parametrize(
    "piece", ["On ", "On 1 wrote:\n", "From: a\n", ">\nx\n", "<", "<style", "<!--", "a:", "____\n"]
)
def test_any_repetition_is_read_to_its_end(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    assert "".join(split_quote(text)) == text
    assert len(preview_of(text, "")) <= 200
    assert len(preview_of("", text)) <= 200
