"""What a person sees of a body: sanitised once, its own pictures, no remote ones, quotes folded, links honest."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests.letters import letter
from tests.serversync.console.people import kept, mailbox, profile
from tracking.crm import display, showing
from tracking.crm.display import FOLD, FOLD_OPEN, page, plain_html, safe_html, sanitised
from tracking.crm.models import Email

NEWS = '<p>Hi</p><img src="https://t.test/pixel.gif" width="1"><img src="//t.test/b.png"><script>x</script>'


def shown(client: Client, email: Email) -> str:
    return client.get(reverse("console:body", args=[email.pk])).content.decode()


@pytest.fixture
def news(db: None) -> Email:
    return kept(mailbox("Bob", profile()), letter("ann@acme.test", "bob@us.test", "News", "Hi", html=NEWS))


def test_it_is_sanitised_when_first_read_and_the_original_stays(alice: Client, news: Email) -> None:
    assert news.safe_description == ""
    first = shown(alice, news)
    news.refresh_from_db()
    assert "<script" not in news.safe_description
    assert news.description.strip() == NEWS
    assert shown(alice, news) == first


def test_alice_is_told_how_many_images_were_left_out(alice: Client, news: Email) -> None:
    assert "2 images from elsewhere were left out" in shown(alice, news)
    assert "One image from elsewhere was left out" in page("x", 1)
    assert "left out" not in page("x", 0)


def test_it_is_made_anew_by_new_rules_and_for_a_new_body(
    alice: Client, news: Email, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown(alice, news)
    Email.objects.filter(pk=news.pk).update(description="<p>Other</p>")
    assert "Other" in shown(alice, news)
    forged = Email.objects.get(pk=news.pk).safe_description.replace("Other", "Old rules")
    Email.objects.filter(pk=news.pk).update(safe_description=forged)
    assert "Old rules" in shown(alice, news)
    monkeypatch.setattr(showing, "VERSION", display.VERSION + 1)
    assert "Old rules" not in shown(alice, news)


def test_what_a_mail_writes_into_its_body_is_not_taken_for_our_mark(alice: Client) -> None:
    body = f"<!--{display.VERSION} 0 0123456789abcdef--><p>Hi<script>x</script></p>"
    email = kept(mailbox("Bob", profile()), letter("ann@acme.test", "bob@us.test", "x", "Hi", html=body))
    assert "<script" not in shown(alice, email)


@pytest.mark.parametrize(
    ("link", "warning"),
    [
        ('<a href="https://evil.test/x">https://bank.test/login</a>', "[leads to evil.test]"),
        ('<a href="https://evil.test/x"><b>www.bank.test</b></a>', "[leads to evil.test]"),
        ('<a href="https://bank.test@evil.test/">bank.test</a>', "[leads to evil.test]"),
        ('<a href="https://notbank.test/">bank.test</a>', "[leads to notbank.test]"),
        ('<a href="https://www.bank.test/a">bank.test</a>', ""),
        ('<a href="https://login.bank.test/">bank.test</a>', ""),
        ('<a href="https://bank.test:8443/a">https://bank.test/a</a>', ""),
        ('<a href="https://t.test/x">Read more</a>', ""),
    ],
)
def test_a_link_that_shows_another_host_says_where_it_leads(link: str, warning: str) -> None:
    fragment = sanitised(link).fragment
    assert ("[leads to" in fragment) == bool(warning)
    assert warning in fragment


QUOTES = {
    "Gmail": '<p>Yes</p><div class="gmail_quote">On x wrote:<blockquote class="gmail_quote">old</blockquote></div>',
    "Apple": '<p>Yes</p><blockquote type="cite">old</blockquote>',
    "Outlook on the web": '<p>Yes</p><hr><div id="divRplyFwdMsg"><b>From:</b> Bob</div><div>old</div>',
    "Outlook": '<div><p>Yes</p><div><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>Von:</b> B</p></div></div>'
    "<p>old</p></div>",
}


@pytest.mark.parametrize("html", QUOTES.values(), ids=QUOTES.keys())
def test_the_quoted_part_is_folded(html: str) -> None:
    new, _, quoted = sanitised(html).fragment.partition(FOLD)
    assert "Yes" in new
    assert "old" not in new
    assert quoted.index("old") < quoted.index("</details>")


def test_where_nothing_is_new_the_quote_is_open() -> None:
    assert FOLD_OPEN in sanitised('<div class="gmail_quote">all of it</div>').fragment


def test_a_quotation_of_the_author_is_not_folded() -> None:
    assert "<details" not in sanitised("<p>As Kant says:</p><blockquote>Sapere aude</blockquote>").fragment


def test_the_quoted_part_of_a_plain_text_is_folded() -> None:
    html = plain_html("Yes <b>\n\nOn Mon, 1 Mar 2026 Bob wrote:\n> old\n")
    assert html.index("Yes &lt;b&gt;") < html.index(FOLD) < html.index("&gt; old")


def test_only_an_image_may_use_a_content_id() -> None:
    html = 'src="cid:a" <img src="cid:a%40x" alt="src=&quot;cid:a&quot;"><a href="cid:a">x</a>'
    asked: list[str] = []
    shown = safe_html(html, lambda cid: asked.append(cid) or "data:image/png;base64,AAAA")
    assert asked == ["a@x"]
    assert shown.count("data:image/png") == 1


def test_what_only_calls_itself_an_image_is_not_put_into_the_page(alice: Client) -> None:
    html = '<img src="cid:p@x"><img src="cid:q@x">'
    raw = letter("ann@acme.test", "bob@us.test", "Picture", "x", html=html).replace(
        b"multipart/alternative", b"multipart/related"
    )
    pictures = b"".join(
        b"--=_part_0\r\nContent-Type: image/png\r\nContent-ID: <%b@x>\r\n\r\n%b\r\n" % (name, content)
        for name, content in ((b"p", b"\x89PNG\r\n\x1a\n"), (b"q", b"<svg onload=alert(1)>"))
    )
    email = kept(mailbox("Bob", profile()), raw.replace(b"--=_part_0--", pictures + b"--=_part_0--"))
    body = shown(alice, email)
    assert body.count('src="data:image/png;base64,') == 1
    assert "onload" not in body
