"""What holds for any bytes: reading never raises, everything can be stored, both ways agree."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.connectors.mime import (
    AutomaticKind,
    Message,
    attachment_content,
    automatic_kind,
    envelope,
    inner_messages,
    message,
    preview_of,
    received_on,
    report_of,
    split_quote,
    summary_of_html,
)
from tests.profiles.reports_samples import EXIM, POSTFIX

WHOLE = b"""Return-Path: <>
From: =?utf-8?Q?J=C3=BCrgen?= <j@x.example>
To: "A, B" <a@x.example>, Team: c@x.example;
Date: Sun, 22 Nov 2026 12:00:00 +0100 (CET)
Message-ID: <1@x.example>
References: <a@b> <c@d>
Content-Type: multipart/mixed; boundary="b"

preamble
--b
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/plain; charset=gb2312; format=flowed
Content-Transfer-Encoding: quoted-printable

=C4=E3=BA=C3 =
> a\x20
--c
Content-Type: text/html

<p>Hi
--c--
--b
Content-Type: a/b; name*0*=utf-8''%C3; name*1*=%9C
Content-Transfer-Encoding: base64

SGVsbG8=
--b
Content-Type: message/rfc822

Subject: Inner

begin 644 a
#0V%T
end
--b--
"""
LARGE = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHi\r\n--b\r\nContent-Type: a/b\r\n"
LARGE += b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(bytes(range(256)) * 150) + b"--b--\r\n"
DAMAGE = st.tuples(
    st.integers(0, 60_000),
    st.integers(0, 40),
    st.just(b"") | st.sampled_from([b"--b\r\n", b"=", b"\r\n"]) | st.binary(max_size=4),
)
PIECES = [
    b"--b\r\n",
    b"--b--",
    b"\r\n",
    b"\n\n",
    b"\r",
    b"\x00",
    b"=?utf-8?b?",
    b"?=",
    b"=?",
    b'"',
    b"<",
    b"(",
    b";",
    b":",
    b",",
    b"=",
]
PIECES += [
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"charset=utf-7",
    b"\xff\xc3",
]
PIECES += [
    b"Subject: ",
    b"To: ",
    b"Date: ",
    b"begin 644 x\n",
    b"\nend\n",
    b"+2AA-",
    b"message/rfc822",
    b"filename*0*=",
    b" ",
    b"\\",
]


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from strings(each)
    elif is_dataclass(value):
        for field in fields(value):
            yield from strings(getattr(value, field.name))


def check(raw: bytes) -> None:
    """Everything that must hold for these bytes."""
    found = message(raw)
    assert isinstance(found, Message)
    assert found == message(raw, fast=False)
    assert found.envelope == envelope(raw)
    for text in strings(found):
        assert "\x00" not in text
        text.encode("utf-8")
    numbers = [part.number for part in found.attachments]
    assert numbers == sorted(set(numbers))
    for part in found.attachments:
        assert len(attachment_content(raw, part.number)) == part.size
    report = report_of(raw, found.envelope)
    assert (report is not None) == found.envelope.carries_report
    assert automatic_kind(found.envelope, report) in AutomaticKind
    assert len(preview_of(found.text, found.html)) <= 200
    assert "".join(split_quote(found.text)) == found.text
    attached = (attachment_content(raw, part.number) for part in found.attachments if part.is_message)
    assert inner_messages(raw) == tuple(content for content in attached if content.strip())
    moment = received_on(raw)
    assert moment is None or moment.tzinfo is not None


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=500))
def test_any_bytes_are_a_mail(raw: bytes) -> None:
    check(raw)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)), max_size=40).map(b"".join))
def test_any_heap_of_mail_pieces_is_a_mail(raw: bytes) -> None:
    check(raw)


def damaged(raw: bytes, damages: list[tuple[int, int, bytes]]) -> bytes:
    for where, length, piece in damages:
        start = where % (len(raw) + 1)
        raw = raw[:start] + piece + raw[start + length :]
    return raw


@settings(max_examples=300, deadline=None)
@given(st.lists(DAMAGE, max_size=6))
def test_a_damaged_mail_is_still_a_mail(damages: list[tuple[int, int, bytes]]) -> None:
    check(damaged(WHOLE.replace(b"\n", b"\r\n"), damages))


@settings(max_examples=60, deadline=None)
@given(st.lists(DAMAGE, max_size=3))
def test_a_damaged_large_mail_reads_the_same_both_ways(damages: list[tuple[int, int, bytes]]) -> None:
    check(damaged(LARGE, damages))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([EXIM, POSTFIX]), st.lists(DAMAGE, min_size=1, max_size=4))
def test_a_damaged_report_is_still_a_mail(raw: bytes, damages: list[tuple[int, int, bytes]]) -> None:
    check(damaged(raw, damages))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(WHOLE)))
def test_a_mail_cut_off_anywhere_is_still_a_mail(length: int) -> None:
    check(WHOLE[:length])


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["<p>", "</p>", "<td>", "<br>", "<li>", "&amp;", "<!--", "<pre>", "x"])).map("".join)
)
def test_any_text_has_a_summary(html: str) -> None:
    summary = summary_of_html(html)
    assert "\x00" not in summary
    assert summary.encode("utf-8").decode("utf-8") == summary
