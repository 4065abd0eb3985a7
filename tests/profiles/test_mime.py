"""Odd mail that people really receive: what Bob sees of it, with and without the fast decoder."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest

from profiles.connectors.mime import (
    Address,
    Envelope,
    Message,
    attachment_content,
    envelope,
    inner_message,
    message,
    summary_of_html,
)


@pytest.fixture(params=[True, False], ids=["fast", "standard library"])
def fast(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def mail(*lines: str, charset: str = "utf-8") -> bytes:
    return "\r\n".join(lines).encode(charset)


def part(content_type: str, body: str, *fields: str) -> list[str]:
    return ["--b", f"Content-Type: {content_type}", *fields, "", body]


def multipart(kind: str, *parts: list[str]) -> bytes:
    lines = [line for each in parts for line in each]
    return mail(f"Content-Type: multipart/{kind}; boundary=b", "", *lines, "--b--", "")


def encoded(data: bytes) -> str:
    return base64.encodebytes(data).decode().strip()


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


FILE_NAMES = {
    'filename="report.pdf"': "report.pdf",
    "filename=my report.pdf": "my report.pdf",
    "filename*=utf-8''%C3%9Cbersicht.pdf": "Übersicht.pdf",
    "filename*0*=utf-8''%C3%9Cber; filename*1*=sicht; filename*2=.pdf": "Übersicht.pdf",
    "filename*1=b.pdf; filename*0=a": "ab.pdf",
    'filename="=?utf-8?B?w5xiZXJzaWNodC5wZGY=?="': "Übersicht.pdf",
    'filename="=?utf-8?Q?=C3?= =?utf-8?Q?=9Cber.pdf?="': "Über.pdf",
    'filename="Übersicht.pdf"': "Übersicht.pdf",
    "filename=\"a.txt\"; filename*=utf-8''b.txt": "b.txt",
    'filename="C:\\docs\\a.txt"': "C:_docs_a.txt",
    'filename="../../etc/passwd"': ".._.._etc_passwd",
    'filename="a;b.txt"': "a;b.txt",
    'filename="open.txt': "open.txt",
    'filename="a\x00b.txt"': "ab.txt",
    "filename*=nonsense": "nonsense",
    "": "",
}


@pytest.mark.parametrize(("parameter", "name"), FILE_NAMES.items(), ids=list(FILE_NAMES))
def test_an_attachment_has_its_file_name(parameter: str, name: str, fast: bool) -> None:
    raw = multipart("mixed", part("text/plain", "x"), part("a/b", "x", f"Content-Disposition: attachment; {parameter}"))
    assert [each.file_name for each in message(raw, fast=fast).attachments] == [name]


def files(found: Message) -> list[tuple[int, str, str]]:
    return [(each.number, each.file_name, each.mime_type) for each in found.attachments]


def test_apple_mail_puts_text_around_a_picture(fast: bool) -> None:
    picture = part(
        "image/png; name=a.png", encoded(b"png"), "Content-Transfer-Encoding: base64", "Content-Disposition: inline"
    )
    found = message(multipart("mixed", part("text/plain", "Above"), picture, part("text/plain", "Below")), fast=fast)
    assert found.text == "Above\nBelow"
    assert found.attachments[0].is_inline
    assert files(found) == [(2, "a.png", "image/png")]


def test_a_footer_in_plain_text_is_shown_in_both_forms(fast: bool) -> None:
    forms = [
        "--b",
        "Content-Type: multipart/alternative; boundary=c",
        "",
        "--c",
        "",
        "Hi",
        "--c",
        "Content-Type: text/html",
        "",
    ]
    found = message(multipart("mixed", [*forms, "<p>Hi</p>", "--c--", ""], part("text/plain", "a < b")), fast=fast)
    assert found.text == "Hi\na < b"
    assert found.html == "<p>Hi</p>\n<pre>a &lt; b</pre>"


def test_inline_pictures_keep_their_content_id(fast: bool) -> None:
    picture = part("image/png", "x", "Content-ID: <logo@x>")
    found = message(multipart("related", part("text/html", '<img src="cid:logo@x">'), picture), fast=fast)
    assert (found.attachments[0].content_id, found.attachments[0].is_inline) == ("logo@x", True)


@pytest.mark.parametrize(
    ("content_type", "fields"),
    [
        ("application/ms-tnef; name=winmail.dat", []),
        ("text/calendar; method=REQUEST; name=winmail.dat", []),
        ("text/plain; name=winmail.dat", []),
        ("text/html", ["Content-Disposition: attachment; filename=winmail.dat"]),
        ("image/png; name=winmail.dat", ["Content-Disposition: inline"]),
    ],
)
def test_files_are_attachments_and_not_text(content_type: str, fields: list[str], fast: bool) -> None:
    found = message(multipart("mixed", part("text/plain", "Hi"), part(content_type, "DATA", *fields)), fast=fast)
    assert (found.text, found.html) == ("Hi", "")
    assert files(found) == [(2, "winmail.dat", content_type.partition(";")[0])]


def test_uuencoded_files_are_taken_out_of_the_text(fast: bool) -> None:
    raw = mail(
        "Subject: x", "", "Above", "begin 644 cat.txt", "#0V%T", "`", "end", "Below", "begin 644 none", "words", ""
    )
    found = message(raw, fast=fast)
    assert found.text == "Above\nBelow\nbegin 644 none\nwords\n"
    assert files(found) == [(2, "cat.txt", "application/octet-stream")]
    assert attachment_content(raw, 2) == b"Cat"


def test_a_bounce_holds_its_report_and_the_original(fast: bool) -> None:
    report = part("message/delivery-status", "Reporting-MTA: dns; x\r\n\r\nAction: failed")
    original = part("message/rfc822", "Subject: Original\r\n\r\nHi")
    raw = multipart("report; report-type=delivery-status", part("text/plain", "Sorry"), report, original)
    found = message(raw, fast=fast)
    assert found.text == "Sorry"
    assert files(found) == [(2, "", "message/delivery-status"), (3, "", "message/rfc822")]
    assert [each.is_message for each in found.attachments] == [False, True]
    assert inner_message(raw) == attachment_content(raw, 3) == b"Subject: Original\r\n\r\nHi"


def test_an_attached_mail_is_one_part_whatever_it_holds(fast: bool) -> None:
    inner = (
        multipart("mixed", part("text/plain", "inner"), part("a/b", "x")).replace(b"--b", b"--i").replace(b"=b", b"=i")
    )
    raw = multipart(
        "mixed", part("text/plain", "outer"), part("message/rfc822", inner.decode()), part("a/c; name=z", "z")
    )
    found = message(raw, fast=fast)
    assert found.text == "outer"
    assert files(found) == [(2, "", "message/rfc822"), (3, "z", "a/c")]
    assert inner_message(raw) == inner


def test_a_forwarded_mail_may_be_base64_encoded() -> None:
    body = encoded(b"Subject: Inner\n\nHi")
    raw = multipart("mixed", part("text/plain", "x"), part("message/rfc822", body, "Content-Transfer-Encoding: base64"))
    assert inner_message(raw) == b"Subject: Inner\n\nHi"


def test_a_digest_holds_mails_without_saying_so(fast: bool) -> None:
    raw = mail("Content-Type: multipart/digest; boundary=b", "", "--b", "", "Subject: One", "", "Hi", "--b--", "")
    assert message(raw, fast=fast).attachments[0].is_message
    assert inner_message(raw) == b"Subject: One\r\n\r\nHi"


def test_a_mail_without_attachments_has_none() -> None:
    raw = mail("Subject: x", "", "Hi")
    assert inner_message(raw) is None
    assert [attachment_content(raw, number) for number in (-1, 0, 2, 99)] == [b""] * 4


@pytest.mark.parametrize("size", [10, 100_000])
def test_both_ways_give_the_same_attachments(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    field = "Content-Transfer-Encoding: base64"
    broken = part("a/broken", encoded(content)[:-3], field)
    raw = multipart(
        "mixed", part("text/plain", "Hi"), part("a/whole", encoded(content), field), broken, part("a/raw", "x\r\n")
    )
    found = message(raw, fast=True)
    assert found == message(raw, fast=False)
    assert [each.size for each in found.attachments] == [len(attachment_content(raw, number)) for number in (2, 3, 4)]
    assert attachment_content(raw, 2) == content
    assert found.warnings == ("Part 3: The base64 encoding is broken; what could be read was kept.",)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHi", "last boundary is missing"),
        (b"Content-Type: multipart/mixed; boundary=b\n\nHi", "never appears"),
        (b"Content-Type: multipart/mixed\n\nHi", "names no boundary"),
        (b"Content-Type: text/plain; charset=x-foo\n\nGr\xfc\xdfe", "“x-foo” does not fit"),
        (b"Content-Type: text/plain; charset=utf-8\n\n" + b"a" * 300 + b"\xff", "were replaced"),
        (b"Content-Transfer-Encoding: base64\n\nSGVsbG8", "base64 encoding is broken"),
        (b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 10_001, "more than 10000 parts"),
        (b"Subject: x\n\n" + b"x" * (17 << 20), "longer than 16 MB"),
        (b"Subject: " + b"x" * (2 << 20), "read in part only"),
    ],
    ids=range(9),
)
def test_repairs_are_named(raw: bytes, words: str, fast: bool) -> None:
    assert words in " ".join(message(raw, fast=fast).warnings)


def test_a_sound_mail_has_no_warnings(fast: bool) -> None:
    assert message(multipart("mixed", part("text/plain; charset=utf-8", "Grüße")), fast=fast).warnings == ()


def test_500_levels_are_read_to_the_bottom(fast: bool) -> None:
    levels = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (each, each) for each in range(500))
    found = message(levels + b"Content-Type: a/b; name=deep.txt\n\nx", fast=fast)
    assert files(found) == [(1, "deep.txt", "a/b")]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello <b>Bob</b>,</p><p>bye</p>", "Hello Bob,\n\nbye"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>", "a\tb\nc\td"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("<head><title>t</title><style>x{}</style></head><script>alert(1)</script>Hi", "Hi"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("a  &nbsp; b\n\nc", "a b c"),
        ("<!-- hidden -->shown", "shown"),
        ('<?xml version="1.0" encoding="utf-16"?><p>Grüße', "Grüße"),
        ("", ""),
        ("\ud800<p>\x00x", "?\n\nx"),
        ("<p>unclosed <b>tags", "unclosed tags"),
    ],
)
def test_an_html_body_has_a_plain_summary(html: str, text: str) -> None:
    assert summary_of_html(html) == text


def test_a_hostile_html_body_is_cut_and_never_raises() -> None:
    assert len(summary_of_html("x" * 3_000_000)) == 2_000_000
    assert summary_of_html("<p>Hi</p>" + "<div>" * 100_000).startswith("Hi")
