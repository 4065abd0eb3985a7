"""Odd mail that people really receive: what Bob sees of it, with and without the fast decoder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from profiles.connectors.mime import (
    Address,
    Envelope,
    envelope,
    message,
)
from tests.profiles.mime_samples import mail


@pytest.fixture(params=[True, False], ids=["fast", "standard library"])
def fast(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


TEXTS = {
    "no header at all": (b"\r\nHello", "Hello"),
    "blank lines before the header": (b"\r\n\r\nSubject: x\r\n\r\nHello", "Hello"),
    "only a carriage return ends a line": (b"Subject: x\r\rHello\rBob", "Hello\nBob"),
    "a blank line is missing before the body": (b"Subject: x\r\nHello Bob", "Hello Bob"),
    "a mailbox file's From line": (b"From alice Sun Nov 22 2026\nSubject: x\n\nHello", "Hello"),
    "NUL in the body": (b"Subject: x\r\n\r\nHel\x00lo", "Hello"),
    "an unknown charset": (b"Content-Type: text/plain; charset=x-foo\r\n\r\nGr\xc3\xbc\xc3\x9fe", "Grüße"),
    "x-unknown": (b"Content-Type: text/plain; charset=x-unknown\r\n\r\nGr\xfc\xdfe", "Grüße"),
    "ansi": (b"Content-Type: text/plain; charset=ansi\r\n\r\nGr\xfc\xdfe", "Grüße"),
    "Windows quotes called Latin-1": (b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\n\x93Hi\x94", "“Hi”"),
    "UTF-8 called Latin-1": (b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xc3\xbc\xc3\x9fe", "Grüße"),
    "8 bit called ASCII": (b"Content-Type: text/plain; charset=us-ascii\r\n\r\nGr\xfc\xdfe", "Grüße"),
    "no charset": (b"Content-Type: text/plain\r\n\r\nGr\xc3\xbc\xc3\x9fe", "Grüße"),
    "GBK called gb2312": (b"Content-Type: text/plain; charset=gb2312\r\n\r\n" + "镕".encode("gbk"), "镕"),
    "Korean": (b"Content-Type: text/plain; charset=ks_c_5601-1987\r\n\r\n" + "똠방각하".encode("cp949"), "똠방각하"),
    "Japanese with NEC signs": (b"Content-Type: text/plain; charset=shift_jis\r\n\r\n" + "①".encode("cp932"), "①"),
    "Hebrew": (b"Content-Type: text/plain; charset=iso-8859-8-i\r\n\r\n" + "שלום".encode("iso-8859-8"), "שלום"),
    "UTF-7": (b"Content-Type: text/plain; charset=unicode-1-1-utf-7\r\n\r\nGr+APwA3w-e", "Grüße"),
    "a lone surrogate in UTF-7": (b"Content-Type: text/plain; charset=utf-7\r\n\r\na+2AA-b", "a?b"),
    "a codec that is no charset": (b"Content-Type: text/plain; charset=unicode_escape\r\n\r\n\\x41", "\\x41"),
    "a byte order mark": (b"Content-Type: text/plain; charset=utf-8\r\n\r\n\xef\xbb\xbfHello", "Hello"),
    "one broken character": (b"Content-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3e", "Grü\ufffde"),
    "a charset with a comment": (b"Content-Type: text/plain; charset=us-ascii (Plain text)\r\n\r\nHello", "Hello"),
    "quoted-printable": (b"Content-Transfer-Encoding: Quoted-Printable\r\n\r\nGr=C3=BC=\r\n=C3=9Fe", "Grüße"),
    "broken quoted-printable": (b"Content-Transfer-Encoding: quoted-printable\r\n\r\n100=% =ZZ", "100=% =ZZ"),
    "base64 text": (b"Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8=\r\n", "Hello"),
    "base64 without padding": (b"Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8\r\n", "Hello"),
    "base64 with a footer": (b"Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8=\r\n____\r\nOur list!\r\n", "Hello"),
    "two base64 texts in a row": (b"Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8=\r\nSGVsbG8=\r\n", "HelloHello"),
    "an unknown transfer encoding": (b"Content-Transfer-Encoding: x-foo\r\n\r\nHello", "Hello"),
    "a content type that is none": (b"Content-Type: text\r\n\r\nHello", "Hello"),
    "a multipart without a boundary": (b"Content-Type: multipart/mixed\r\n\r\nHello", "Hello"),
    "a boundary that never appears": (b"Content-Type: multipart/mixed; boundary=b\r\n\r\nHello", "Hello"),
    "an undeclared boundary": (b"Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nHello\r\n--b--\r\n", "Hello"),
    "the last boundary missing": (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello", "Hello"),
    "a part without a blank line": (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n--b\n\nHello\n--b--",
        "\nHello",
    ),
    "a boundary with spaces behind it": (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b \t\n\nHello\n--b-- \nepilogue",
        "Hello",
    ),
    "flowed text": (
        b"Content-Type: text/plain; format=flowed\r\n\r\nHello \r\nBob\r\n-- \r\nAlice",
        "Hello Bob\n-- \nAlice",
    ),
    "flowed text with DelSp": (b"Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\nHel \r\nlo", "Hello"),
    "a flowed quotation": (b"Content-Type: text/plain; format=flowed\r\n\r\n> a \r\n> b\r\n From c", "> a b\nFrom c"),
    "a name on the only part": (b"Content-Type: text/plain; name=body.txt\r\n\r\nHello", "Hello"),
    "empty": (b"", ""),
    "only line ends": (b"\r\n\r\n\r\n", ""),
}


@pytest.mark.parametrize(("raw", "text"), TEXTS.values(), ids=TEXTS)
def test_bob_can_read_the_text(raw: bytes, text: str, fast: bool) -> None:
    assert message(raw, fast=fast).text == text


SUBJECTS = {
    "plain": (b"Hello", "Hello"),
    "folded": (b"Hello\r\n  Bob", "Hello  Bob"),
    "an encoded word": (b"=?utf-8?Q?Gr=C3=BC=C3=9Fe?= Bob", "Grüße Bob"),
    "a character cut in two": (b"=?utf-8?B?R3LD?=\r\n =?utf-8?B?vMOfZQ==?=", "Grüße"),
    "a character cut between Q and B": (b"=?utf-8?Q?Gr=C3?= =?UTF-8?B?vMOfZQ==?=", "Grüße"),
    "two charsets side by side": (b"=?utf-8?q?Gr=C3=BC?= =?iso-8859-1?q?=DFe?=", "Grüße"),
    "a language (RFC 2231)": (b"=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
    "an unknown charset": (b"=?x-foo?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
    "a question mark inside": (b"=?utf-8?Q?Really??=", "Really?"),
    "spaces inside": (b"=?utf-8?Q?Hello Bob?=", "Hello Bob"),
    "a word that never ends": (b"=?utf-8?Q?Hello", "=?utf-8?Q?Hello"),
    "broken base64": (b"=?utf-8?B?SGVsbG8?=", "Hello"),
    "raw UTF-8": ("Grüße".encode(), "Grüße"),
    "raw Latin-1": ("Grüße".encode("latin-1"), "Grüße"),
    "control characters": (b"=?utf-8?Q?a=00b=0D=0ABcc:_x=07?=", "abBcc: x"),
    "Japanese": (b"=?iso-2022-jp?B?GyRCJDMkcyRLJEEkTxsoQg==?=", "こんにちは"),
    "empty": (b"", ""),
}


@pytest.mark.parametrize(("value", "subject"), SUBJECTS.values(), ids=SUBJECTS)
def test_bob_can_read_the_subject(value: bytes, subject: str) -> None:
    assert envelope(b"Subject: " + value + b"\r\n\r\n").subject == subject


BOB = Address("Bob", "bob@x.example")
RECIPIENTS = {
    "bare": (b"bob@x.example", [Address("", "bob@x.example")]),
    "named": (b"Bob <bob@x.example>", [BOB]),
    "quoted with a comma": (b'"Bob, A." <bob@x.example>', [Address("Bob, A.", "bob@x.example")]),
    "an escaped quote": (b'"B \\"o\\" b" <bob@x.example>', [Address('B "o" b', "bob@x.example")]),
    "an encoded comma": (b"=?utf-8?q?B=2C_A?= <bob@x.example>", [Address("B, A", "bob@x.example")]),
    "an encoded word in quotes": (b'"=?utf-8?q?B=C3=B6b?=" <bob@x.example>', [Address("Böb", "bob@x.example")]),
    "an old comment": (b"bob@x.example (Bob)", [BOB]),
    "nested comments": (
        b"bob@x.example (a (b\\)) c), Bob <bob@x.example>",
        [Address("a (b\\)) c", "bob@x.example"), BOB],
    ),
    "a group": (b"Team: bob@x.example, Bob <bob@x.example>;", [Address("", "bob@x.example"), BOB]),
    "nobody": (b"undisclosed-recipients:;", []),
    "semicolons": (b"bob@x.example; Bob <bob@x.example>", [Address("", "bob@x.example"), BOB]),
    "a source route": (b"<@a.example,@b.example:bob@x.example>", [Address("", "bob@x.example")]),
    "spaces around the @": (b"bob @ x . example", [Address("", "bob@x.example")]),
    "a quoted local part": (b'"a b"@x.example', [Address("", '"a b"@x.example')]),
    "no address": (b"Bob", [Address("", "Bob")]),
    "an empty address": (b"Bob <>", [Address("Bob", "")]),
    "an open quote": (b'"Bob <bob@x.example>', [BOB]),
    "an open comment": (b"Bob (x <bob@x.example>", [Address("Bob x", "bob@x.example")]),
    "an open angle": (b"Bob <bob@x.example", [BOB]),
    "empty places": (b", ,Bob <bob@x.example>,,", [BOB]),
    "raw UTF-8": ("Jürgen <jürgen@bücher.example>".encode(), [Address("Jürgen", "jürgen@bücher.example")]),
}


@pytest.mark.parametrize(("value", "recipients"), RECIPIENTS.values(), ids=RECIPIENTS)
def test_bob_sees_who_received_it(value: bytes, recipients: list[Address]) -> None:
    assert list(envelope(b"To: " + value + b"\r\n\r\n").to) == recipients


@pytest.mark.parametrize(
    ("address", "is_valid"),
    [
        ("bob@x.example", True),
        ("Bob@X.example", True),
        ("jürgen@bücher.example", True),
        ('"a@b"@x.example', True),
        ("bob", False),
        ("", False),
        ("@x.example", False),
        ("bob@", False),
        ("a@b@c", False),
        ("a b@x.example", False),
        ("a\x07b@x.example", False),
        ("/O=CONTOSO/CN=BOB", False),
    ],
)
def test_an_address_knows_whether_mail_can_be_sent_to_it(address: str, is_valid: bool) -> None:
    assert Address("", address).is_valid is is_valid


def test_addresses_are_looked_up_without_case() -> None:
    assert Address("", "Bob@X.Example").key == "bob@x.example"


NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DATES = {
    "Sun, 22 Nov 2026 12:00:00 +0000": NOON,
    "22 Nov 2026 13:00:00 +0100 (CET)": NOON,
    "Sun, 22 Nov 2026 12:00 GMT": NOON,
    "Sun, 22 Nov 26 07:00:00 EST": NOON,
    "Sun, 22 Nov 126 12:00:00 +0000": NOON,
    "Sun, 22 Nov 2026 12:00:00": NOON,
    "Sun, 22 Nov 2026 12:00:00 Q": NOON,
    "Sun, 22 Nov 2026 13:00:00 GMT+0100": NOON,
    "Sun, 22 Nov 2026 13:00:00 +01:00": NOON,
    "Sun, 22-Nov-2026 12.00.00 UTC and more": NOON,
    "Sunday, 22 November 2026 12:00:00 PM": NOON,
    "Sun Nov 22 12:00:00 2026": NOON,
    "Sun Nov 22 12:00:00 UTC 2026": NOON,
    "Nov 22, 2026 12:00:00 PM": NOON,
    "2026-11-22T12:00:00Z": NOON,
    "2026-11-22 12:00:00.123456 +0000": NOON,
    "Sat, 31 Dec 2016 23:59:60 +0000": datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC),
    "Mon, 1 Jan 99 00:00:00 +0000": datetime(1999, 1, 1, tzinfo=UTC),
    "Sun, 31 Feb 2026 12:00:00 +0000": None,
    "Sun, 22 Xyz 2026 12:00:00 +0000": None,
    "1 Jan 0001 00:00:00 +9999": None,
    "yesterday": None,
    "": None,
}


@pytest.mark.parametrize(("value", "moment"), DATES.items(), ids=list(DATES))
def test_bob_sees_when_it_was_sent(value: str, moment: datetime | None) -> None:
    found = envelope(f"Date: {value}\r\n\r\n".encode()).date
    assert found == moment
    assert found is None or found.utcoffset() == timedelta(0)


def test_the_time_zone_of_the_header_is_turned_into_utc() -> None:
    there = datetime(2026, 11, 22, 9, 30, tzinfo=timezone(timedelta(hours=-9, minutes=-30)))
    assert envelope(b"Date: Sun, 22 Nov 2026 09:30:00 -0930\r\n\r\n").date == there


@pytest.mark.parametrize(
    ("value", "message_id"),
    [
        (b"<a@x>", "<a@x>"),
        (b" < a@\r\n x > ", "<a@x>"),
        (b"a@x", "<a@x>"),
        (b"<>", ""),
        (b"", ""),
        (b"(comment) <a@x>", "<a@x>"),
    ],
)
def test_a_message_id_keeps_its_angle_brackets(value: bytes, message_id: str) -> None:
    assert envelope(b"Message-ID: " + value + b"\r\n\r\n").message_id == message_id


def test_a_thread_is_read_in_order() -> None:
    found = envelope(
        mail(
            "In-Reply-To: Your message of Sunday <b@x>",
            "References: <a@x>",
            "\t<b@x>",
            "Thread-Index: AdX",
            "\tYz",
            "",
            "",
        )
    )
    assert (found.in_reply_to, found.references, found.thread_index) == (("<b@x>",), ("<a@x>", "<b@x>"), "AdXYz")
    assert envelope(b"References: a@x b@x\r\n\r\n").references == ("<a@x>", "<b@x>")


def test_repeated_headers_are_read_kindly() -> None:
    found = envelope(
        mail(
            "Subject:",
            "Subject: One",
            "Subject: Two",
            "To: a@x",
            "To: b@x",
            "From: a@x",
            "From: b@x",
            "Date: no",
            "",
            "",
        )
    )
    assert found.subject == "One"
    assert [each.address for each in found.to] == ["a@x", "b@x"]
    assert found.sender == Address("", "a@x")


def test_the_sender_stands_in_for_a_missing_author() -> None:
    assert envelope(b"Sender: a@x\r\n\r\n").sender == Address("", "a@x")
    assert envelope(b"Sender: a@x\r\nFrom: b@x\r\n\r\n").sender == Address("", "b@x")
    assert envelope(b"Subject: x\r\n\r\n").sender is None


def test_the_delivery_is_known() -> None:
    found = envelope(
        mail("Return-Path: <>", "Delivered-To: a@x", "X-Original-To: <b@x>", "Envelope-To: a@x, c@x", "", "")
    )
    assert found.delivered_to == ("a@x", "b@x", "c@x")
    assert found.return_path == ""
    assert envelope(b"Return-Path: <a@x>\r\n\r\n").return_path == "a@x"
    assert envelope(b"Subject: x\r\n\r\n").return_path is None


def test_headers_that_decide_about_automatic_mail_are_kept() -> None:
    found = envelope(
        mail(
            "auto-submitted: Auto-Replied",
            "PRECEDENCE: bulk",
            "Received: no",
            "x-serversync-mark: 1/2",
            "List-ID: L <l.x>",
            "",
            "",
        )
    )
    assert found.auto_submitted == "auto-replied"
    assert found.headers == (("Precedence", "bulk"), ("X-ServerSync-Mark", "1/2"), ("List-Id", "L <l.x>"))


@pytest.mark.parametrize(
    ("lines", "is_report"),
    [
        (["Content-Type: Multipart/Report; report-type=Delivery-Status; boundary=b"], True),
        (["Content-Type: multipart/report; report-type=disposition-notification"], False),
        (["Return-Path: <>", "From: MAILER-DAEMON@x.example"], True),
        (["Return-Path: <>", "From: alice@x.example"], False),
        (["From: mailer-daemon@x.example"], False),
    ],
)
def test_a_bounce_is_recognised(lines: list[str], is_report: bool) -> None:
    assert envelope(mail(*lines, "", "")).is_delivery_report is is_report


def test_the_envelope_of_the_header_block_is_that_of_the_message(fast: bool) -> None:
    raw = mail("Subject: x", "From: a@x", "Content-Type: text/html", "", "<p>Hi")
    assert message(raw, fast=fast).envelope == envelope(raw) == envelope(raw.partition(b"\r\n\r\n")[0])
    assert isinstance(envelope(raw), Envelope)


def test_a_name_with_an_unquoted_comma_does_not_hide_the_address() -> None:
    found = envelope(b"From: Dr. Feld, Dentists at the Market <praxis@feld.example>\r\n\r\n").sender
    assert found is not None
    assert found.address == "praxis@feld.example"
