"""What Outlook wraps into winmail.dat, Bob finds as attachments and text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.connectors.mime import Message, attachment_content, message
from profiles.connectors.mime.rtf import uncompressed, unwrapped
from profiles.connectors.mime.tnef import tnef_of
from tests.profiles.mime_samples import encoded, multipart, part
from tests.profiles.tnef_samples import attribute, winmail

TYPE = "application/ms-tnef; name=winmail.dat"
PLAN = ("Plän.pdf", b"%PDF-1.4 plan")
# The example of MS-OXRTFCP §3.1.1.
COMPRESSED = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
)
RTF = (
    rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\*\generator X;}\pard Gr\'fc\'dfe,\par \u8364?5\tab \{a\}\~b\par}"
)
WRAPPED = (
    rb"{\rtf1\ansi\fromhtml1 {\*\htmltag64 <p>}Hi\htmlrtf {\b\htmlrtf0 {\*\htmltag84 <b>}Bob"
    rb"\htmlrtf }\htmlrtf0 {\*\htmltag92 </b>}}"
)


def mail_with(dat: bytes, text: str = "", content_type: str = TYPE) -> bytes:
    parts = [part("text/plain", text)] if text else []
    return multipart("mixed", *parts, part(content_type, encoded(dat), "Content-Transfer-Encoding: base64"))


def files(found: Message) -> list[tuple[str, int]]:
    return [(one.file_name, one.size) for one in found.attachments]


@pytest.mark.parametrize(
    "content_type", [TYPE, "application/vnd.ms-tnef", "application/octet-stream; name=WINMAIL.DAT"]
)
def test_files_inside_are_attachments(content_type: str) -> None:
    raw = mail_with(winmail(PLAN, ("a.txt", b"abc")), "See the plan", content_type)
    found = message(raw)
    assert found.text == "See the plan"
    assert files(found) == [("Plän.pdf", 13), ("a.txt", 3)]
    assert [attachment_content(raw, one.number) for one in found.attachments] == [PLAN[1], b"abc"]
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("dat", "text", "html"),
    [
        (winmail(html="<p>Grüße</p>".encode()), "", "<p>Grüße</p>"),
        (winmail(rtf=RTF), "Grüße,\n€5\t{a}\xa0b", ""),
        (winmail(rtf=WRAPPED), "", "<p>Hi<b>Bob</b>"),
    ],
    ids=["html", "rtf", "html in rtf"],
)
def test_its_body_is_read_where_the_mail_has_no_other(dat: bytes, text: str, html: str) -> None:
    found = message(mail_with(dat))
    assert (found.text, found.html) == (text, html)
    other = message(mail_with(dat, "Hello"))
    assert (other.text, other.html) == ("Hello", "")


def test_a_picture_inside_keeps_its_content_id() -> None:
    [picture] = message(mail_with(winmail(("p.png", b"\x89PNG"), content_id="p@x"), "See")).attachments
    assert (picture.mime_type, picture.content_id, picture.is_inline) == ("image/png", "p@x", True)


@pytest.mark.parametrize(
    "dat", [b"no tnef at all", winmail()[:20] + b"\x09garbage", b""], ids=["other", "garbage", "empty"]
)
def test_a_broken_one_stays_an_attachment_with_a_warning(dat: bytes) -> None:
    found = message(mail_with(dat, "Hello"))
    assert files(found) == [("winmail.dat", len(dat))]
    assert "winmail.dat could not be unpacked" in found.warnings[0]


def test_one_that_breaks_off_gives_what_could_be_read_and_stays() -> None:
    dat = winmail(PLAN, ("b.txt", b"x" * 500))[:-300]
    assert files(message(mail_with(dat, "Hello"))) == [("winmail.dat", len(dat)), ("Plän.pdf", 13), ("b.txt", 0)]


def test_compressed_rtf_is_unpacked() -> None:
    assert unwrapped(uncompressed(COMPRESSED)) == ("", "hello world")


def test_a_compressed_text_that_says_it_is_huge_is_as_long_as_its_bytes_give() -> None:
    bomb = b"\xff\xff\xff\x7f\xff\xff\xff\x7fLZFu\x00\x00\x00\x00" + b"\xff\x00\x0f" * 2_000
    assert len(uncompressed(bomb)) <= 18 * len(bomb)


def test_numbers_in_the_file_are_not_believed() -> None:
    many = attribute(1, 0x9003, b"\xff\xff\xff\xff" + b"\x1e\x00\x01\x30" + b"\xff\xff\xff\xff" * 3)
    found = tnef_of(winmail(PLAN) + many)
    assert found is not None
    assert [file.name for file in found.files] == ["Plän.pdf"]
    assert not found.is_whole


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_one_never_raises(data: st.DataObject) -> None:
    whole = winmail(PLAN, ("b.txt", b"xyz"), rtf=WRAPPED, html=b"<p>")
    where, length = data.draw(st.integers(0, len(whole))), data.draw(st.integers(0, 8))
    damaged = whole[:where] + data.draw(st.binary(max_size=8)) + whole[where + length :]
    raw = mail_with(damaged, data.draw(st.sampled_from(["", "Hello"])))
    for one in message(raw).attachments:
        assert len(attachment_content(raw, one.number)) == one.size


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from([b"{", b"}", b"\\*", b"\\htmltag1 ", b"\\u-1?", b"\\uc9 ", b"\\'e4", b"\\htmlrtf", b"a", b"\\"])
    )
)
def test_any_rtf_is_read(pieces: list[bytes]) -> None:
    for head in (b"{\\rtf1", b"{\\rtf1\\fromhtml1 "):
        html, text = unwrapped(head + b"".join(pieces))
        (html + text).encode("utf-8")
