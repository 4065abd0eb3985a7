"""Mail that Alice writes arrives at Bob's as she wrote it."""

from __future__ import annotations

import email.policy
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.connectors.mime import Address, Message, attachment_content, compose, inner_messages, message

ALICE = Address("Alice Example", "alice@contoso.example")
BOB = Address("Bob Example", "bob@fabrikam.example")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ID = "<1@contoso.example>"

line = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=60).map(str.strip)
body = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00\r\ufeff"), max_size=200)
# Invisible letters are taken out of file names, because they can hide what a file is.
seen = st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")), max_size=60)
name = seen.map(lambda text: text.replace("/", "").replace("\\", "").strip())
address = st.builds(
    lambda local, domain: f"{local}@{domain}.example",
    st.from_regex("[a-z0-9äöß中文_+-]{1,9}(\\.[a-z0-9äöß]{1,9})?", fullmatch=True),
    st.text("abcdefg0123456789", min_size=1, max_size=20),
)
mailbox = st.builds(Address, line, address)
attachment = st.tuples(name, st.sampled_from(["application/pdf", "text/plain", "image/png"]), st.binary(max_size=200))


def written(**changes: object) -> bytes:
    values = {"message_id": ID, "date": NOON, "sender": ALICE, "to": [BOB], "cc": [], "subject": "Offer", "text": "Hi"}
    return compose(**{**values, **changes})  # type: ignore[arg-type]


def read(**changes: object) -> Message:
    return message(written(**changes))


def headers_of(raw: bytes) -> list[bytes]:
    return raw.partition(b"\r\n\r\n")[0].split(b"\r\n")


@settings(max_examples=150, deadline=None)
@given(
    sender=mailbox,
    to=st.lists(mailbox, max_size=3),
    subject=line,
    text=body,
    html=body,
    attachments=st.lists(attachment, max_size=2),
)
def test_what_alice_writes_is_what_bob_reads(
    sender: Address, to: list[Address], subject: str, text: str, html: str, attachments: list[tuple[str, str, bytes]]
) -> None:
    raw = written(sender=sender, to=to, subject=subject, text=text, html=html, attachments=attachments)
    mail = message(raw)
    assert mail.envelope.sender == sender
    assert mail.envelope.to == tuple(to)
    assert mail.envelope.subject == subject
    assert mail.envelope.date == NOON
    assert mail.envelope.message_id == ID
    assert (mail.text, mail.html) == (text, html)
    assert [(part.file_name, part.mime_type) for part in mail.attachments] == [part[:2] for part in attachments]
    assert [attachment_content(raw, part.number) for part in mail.attachments] == [part[2] for part in attachments]
    assert [part.size for part in mail.attachments] == [len(part[2]) for part in attachments]
    assert mail.warnings == ()


@settings(max_examples=80, deadline=None)
@given(subject=st.text(max_size=300), text=st.text(max_size=300), file=st.text(max_size=120))
def test_no_line_is_longer_than_rfc_5322_allows_and_every_line_ends_with_crlf(
    subject: str, text: str, file: str
) -> None:
    raw = written(subject=subject, text=text, attachments=[(file, "a/b", b"x" * 500)])
    lines = raw.split(b"\r\n")
    assert max(len(each) for each in lines) <= 998
    assert all(b"\n" not in each and b"\r" not in each for each in lines)
    assert raw.isascii()


@settings(max_examples=100, deadline=None)
@given(value=st.text(max_size=80))
def test_no_value_can_add_a_header(value: str) -> None:
    evil = f"{value}\r\nBcc: eve@evil.example\r\n\r\nbody {value}"
    raw = written(
        message_id=evil,
        subject=evil,
        sender=Address(evil, evil),
        to=[Address(evil, evil)],
        in_reply_to=evil,
        references=[evil],
        headers=[("X-Note", evil), (evil, "x"), ("Bcc", "eve@evil.example")],
        attachments=[(evil, evil, b"")],
    )
    names = [each.partition(b":")[0].lower() for each in headers_of(raw) if not each.startswith((b" ", b"\t"))]
    known = b"date message-id from to subject in-reply-to references x-note mime-version content-type".split()
    assert set(names) <= set(known)
    assert len(names) == len(set(names))


def test_the_same_letter_is_the_same_bytes() -> None:
    files = [("a.pdf", "application/pdf", b"%PDF")]
    assert written(html="<p>Hi", attachments=files) == written(html="<p>Hi", attachments=files)


def test_blind_copies_are_never_written() -> None:
    raw = written(headers=[("Bcc", "eve@x.example"), ("Resent-Bcc", "eve@x.example"), ("X-Kept", "yes")])
    assert b"eve@x.example" not in raw
    assert b"X-Kept: yes" in raw


def test_a_thread_is_carried_by_its_ids() -> None:
    references = [f"<{number}.{'x' * 40}@contoso.example>" for number in range(20)]
    envelope = read(in_reply_to=references[-1], references=references, reply_to=[BOB]).envelope
    assert envelope.in_reply_to == (references[-1],)
    assert envelope.references == tuple(references)
    assert envelope.reply_to == (BOB,)


def test_an_international_local_part_needs_utf_8_but_an_international_domain_does_not() -> None:
    assert "jürgen@bücher.example" in written(to=[Address("", "jürgen@bücher.example")]).decode()
    assert b"info@xn--bcher-kva.example" in written(to=[Address("", "info@bücher.example")])


@pytest.mark.parametrize(
    "strange",
    [
        Address("", '"two words"@x.example'),
        Address('He said "no", twice', "a@x.example"),
        Address("back\\slash", "a@x.example"),
        Address("=?utf-8?q?not_a_word?=", "a@x.example"),
        Address("a" * 300, "a@x.example"),
        Address("Support: Queue; (all)", "support@[192.0.2.1]"),
    ],
)
def test_strange_names_survive(strange: Address) -> None:
    assert read(sender=strange).envelope.sender == strange


def test_an_attached_mail_is_not_encoded_and_comes_back() -> None:
    inner = written(subject="Inner", text="Grüße", message_id="<inner@contoso.example>")
    raw = written(attachments=[("mail.eml", "message/rfc822", inner)])
    assert inner_messages(raw) == (inner,)
    assert read(attachments=[("mail.eml", "message/rfc822", inner)]).attachments[0].is_message


def test_a_mail_with_the_same_id_inside_does_not_share_its_boundary() -> None:
    inner = written(html="<p>Hi")
    raw = written(html="<p>Outer", attachments=[("", "message/rfc822", inner)])
    assert inner_messages(raw) == (inner,)
    assert message(raw).html == "<p>Outer"


def test_other_readers_understand_it_too() -> None:
    files = [("Übersicht.pdf", "a/b", b"1")]
    raw = written(subject="Grüße an alle 👋" * 5, text="ä" * 300 + "\nFrom here\n.\n", html="<p>ä", attachments=files)
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert parsed["subject"] == "Grüße an alle 👋" * 5
    assert parsed.get_body(("plain",)).get_content().split() == ["ä" * 300, "From", "here", "."]
    assert [part.get_filename() for part in parsed.iter_attachments()] == ["Übersicht.pdf"]
    assert parsed.defects == []


def test_a_date_without_a_zone_counts_as_utc() -> None:
    assert read(date=datetime(2026, 11, 22, 12, 0)).envelope.date == NOON
    east = NOON + timedelta(hours=3)
    assert read(date=east).envelope.date == east


def test_pictures_of_the_text_stand_beside_it_with_their_names() -> None:  # RFC 2387, RFC 2392
    raw = written(
        html='<img src="cid:logo@us">',
        images=[("logo.png", "image/png", b"PNG", "logo@us\r\nBcc: x@y.test")],
        attachments=[("a.pdf", "application/pdf", b"PDF")],
    )
    logo, pdf = message(raw).attachments
    assert (logo.content_id, logo.is_inline, attachment_content(raw, logo.number)) == (
        "logo@usBcc:x@y.test",
        True,
        b"PNG",
    )
    assert (pdf.content_id, pdf.is_inline) == ("", False)
    parts = [part.get_content_type() for part in email.message_from_bytes(raw, policy=email.policy.default).walk()]
    assert parts == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
