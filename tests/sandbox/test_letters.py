"""The builder of test mails."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default

from tests.letters import letter

ALICE = "alice@us.test"
BOB = "Bob Böhm <bob@out.test>"


def test_the_same_letter_has_the_same_bytes_and_another_has_another_id() -> None:
    pdf = [("a.pdf", "application/pdf", b"%PDF")]
    first = letter(BOB, ALICE, "Offer", "Hi", html="<p>Hi</p>", attachments=pdf)
    assert first == letter(BOB, ALICE, "Offer", "Hi", html="<p>Hi</p>", attachments=pdf)
    ids = {message_from_bytes(letter(BOB, ALICE, "Offer", body))["Message-ID"] for body in ("Hi", "Hello")}
    assert len(ids) == 2
    assert all(message_id.endswith("@out.test>") for message_id in ids)


def test_a_letter_says_what_it_was_told() -> None:
    raw = letter(
        BOB,
        [ALICE, "carol@us.test"],
        "Re: Grüße",
        "Ja\n",
        message_id="<2@out.test>",
        in_reply_to="<1@us.test>",
        references=("<0@us.test>", "<1@us.test>"),
        cc=["dave@us.test"],
        html="<p>Ja</p>",
        attachments=[("ä.txt", "text/plain", b"x")],
        extra_headers=[("X-Mailer", "Quill")],
    )
    message = message_from_bytes(raw, policy=default)
    told = [message[name] for name in ("From", "To", "Cc", "Subject", "Message-ID", "In-Reply-To", "X-Mailer")]
    assert told == [
        BOB, "alice@us.test, carol@us.test", "dave@us.test", "Re: Grüße", "<2@out.test>", "<1@us.test>", "Quill",
    ]  # fmt: skip
    assert message["References"] == "<0@us.test> <1@us.test>"
    assert [part.get_filename() for part in message.iter_attachments()] == ["ä.txt"]
    body = message.get_body(("html",))
    assert body is not None
    assert body.get_content().strip() == "<p>Ja</p>"
    assert raw.count(b"\n") == raw.count(b"\r\n")
