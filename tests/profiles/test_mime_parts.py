"""What hangs on a mail: files, pictures, attached mails, repairs; with and without the fast decoder."""

from __future__ import annotations

import pytest

from profiles.connectors.mime import (
    Message,
    attachment_content,
    inner_messages,
    message,
    summary_of_html,
)
from tests.profiles.mime_samples import encoded, mail, multipart, part


@pytest.fixture(params=[True, False], ids=["fast", "standard library"])
def fast(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


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
    assert inner_messages(raw) == (attachment_content(raw, 3),) == (b"Subject: Original\r\n\r\nHi",)


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
    assert inner_messages(raw) == (inner,)


def test_a_forwarded_mail_may_be_base64_encoded() -> None:
    body = encoded(b"Subject: Inner\n\nHi")
    raw = multipart("mixed", part("text/plain", "x"), part("message/rfc822", body, "Content-Transfer-Encoding: base64"))
    assert inner_messages(raw) == (b"Subject: Inner\n\nHi",)


def test_a_digest_holds_mails_without_saying_so(fast: bool) -> None:
    raw = mail("Content-Type: multipart/digest; boundary=b", "", "--b", "", "Subject: One", "", "Hi", "--b--", "")
    assert message(raw, fast=fast).attachments[0].is_message
    assert inner_messages(raw) == (b"Subject: One\r\n\r\nHi",)


def test_a_mail_without_attachments_has_none() -> None:
    raw = mail("Subject: x", "", "Hi")
    assert inner_messages(raw) == ()
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
