"""What of a mail may be shown in a browser: sanitised HTML without anything active or remote. Pure.

The page that shows it is sandboxed by its own headers as well; neither wall relies on the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape, unescape
from urllib.parse import quote, unquote

import nh3

from profiles.connectors.mime import split_quote

VERSION = 1
"""Counted up when the rules below change: what was sanitised by older ones is sanitised anew."""
CidUrl = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class SafeBody:
    """An HTML body that may be shown. Images of the mail itself are still `cid:` links, so that it can be stored."""

    fragment: str
    left_out: int  # remote images, tracking pixels among them


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TAGS = _words(
    "a abbr acronym address b bdi bdo big blockquote br caption center cite code col colgroup dd del dfn div dl dt em "
    "figcaption figure font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp section small span strike "
    "strong sub sup table tbody td tfoot th thead tr tt u ul var wbr"
)
_CONTENT_GOES_TOO = _words("script style iframe frame object embed applet template noscript title svg math")
_ATTRIBUTES: dict[str, set[str]] = {
    "*": {"align", "bgcolor", "color", "dir", "lang", "style", "title", "valign"},
    "blockquote": {"class", "type"},
    "div": {"class", "id"},
    "a": {"href"},
    "font": {"face", "size"},
    "img": {"alt", "border", "height", "src", "width"},
    "table": {"border", "cellpadding", "cellspacing", "width"},
    "td": {"colspan", "height", "nowrap", "rowspan", "width"},
    "th": {"colspan", "height", "nowrap", "rowspan", "scope", "width"},
    "ol": {"start"},
    "col": {"span", "width"},
}
_STYLES = _words(
    "background-color border border-bottom border-collapse border-color border-left border-radius border-right "
    "border-spacing border-style border-top border-width color direction display font font-family font-size font-style "
    "font-weight height letter-spacing line-height margin margin-bottom margin-left margin-right margin-top max-width "
    "padding padding-bottom padding-left padding-right padding-top text-align text-decoration text-indent "
    "text-transform vertical-align white-space width word-break word-spacing"
)
_ACTIVE_STYLE = re.compile(r"url|image|expression|import|attr|behavio|binding|script|[\\@<>]", re.IGNORECASE)
_LINK = re.compile(r"(?:https?|mailto|tel):", re.IGNORECASE)
_EMBEDDED_IMAGE = re.compile(r"data:image/(?:png|jpeg|jpg|gif|webp);base64,[A-Za-z0-9+/=\s]*\Z", re.IGNORECASE)
_REMOTE = re.compile(r"(?:https?:)?//", re.IGNORECASE)
_CID_OR_REMOTE = re.compile(r"cid:\S|https?://", re.IGNORECASE)
_SHOWN_SOURCE = re.compile(r"/[^\s#]*#src:(\S+)")
# In what the cleaner wrote: it closes every element, and escapes quotation marks in attributes.
_TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)([^>"]*(?:"[^"]*"[^>"]*)*)>')
_IMAGE = re.compile(r'<img\b[^>"]*(?:"[^"]*"[^>"]*)*>')
_CID = re.compile(r'\bsrc="cid:([^"]*)"')
_SOURCE = re.compile(r'\bsrc="([^"]*)"')
_LINKED = re.compile(r'<a href="https?://([^"/?#]*)[^"]*"[^>"]*(?:"[^"]*"[^>"]*)*>(.*?)</a>', re.DOTALL)
_HOST_IN_TEXT = re.compile(r"(?:https?://)?((?:[\w-]{1,63}\.){1,8}[a-z]{2,24})(?:[/?#:]\S*)?$", re.IGNORECASE)
_VOID = _words("br col hr img wbr")
_QUOTE_MARKS: dict[str, tuple[str, ...]] = {
    "class": ("gmail_quote", "yahoo_quoted", "protonmail_quote", "zmail_extra", "OutlookMessageHeader"),
    "id": ("divRplyFwdMsg", "appendonsend"),
    "type": ("cite",),
}
_IS_QUOTE = re.compile(r'class="(?:gmail_quote|yahoo_quoted|protonmail_quote|zmail_extra)"')
_OPENED_BEFORE = re.compile(r"<div(?: [^<>]*)?>\s*\Z")
_MOST_BOXES = 3
_FROM_LINE = re.compile(r"(?:From|Von|De|Da|Van|Från|Fra|Od|От)\s?:", re.IGNORECASE)
FOLD = "<details><summary>Show what is quoted</summary>"
FOLD_OPEN = FOLD.replace("<details>", "<details open>")
PLACEHOLDER = "data:image/svg+xml," + quote(
    '<svg xmlns="http://www.w3.org/2000/svg" width="150" height="26"><rect width="150" height="26" fill="#eee" '
    'stroke="#bbb"/><text x="75" y="17" font-family="sans-serif" font-size="12" fill="#555" text-anchor="middle">'
    "image not loaded</text></svg>"
)


def safe_html(html: str, cid_url: CidUrl) -> str:
    """The HTML of a mail without scripts, forms, frames, handlers or remote loads; see `sanitised`, `with_images`."""
    return with_images(sanitised(html).fragment, cid_url)


def sanitised(html: str) -> SafeBody:
    """What may be shown of an HTML body. Remote images become a placeholder and are counted; links keep their target,
    open elsewhere, tell nobody where they were clicked, and name their host where their text names another. What is
    quoted below is folded."""
    remote: list[str] = []
    fragment = _cleaner(lambda source: _image_source(source, remote.append)).clean(html)
    return SafeBody(_folded(_LINKED.sub(_named_honestly, fragment)), len(remote))


def with_images(fragment: str, cid_url: CidUrl) -> str:
    """A sanitised fragment with the images of the mail itself (RFC 2392). `cid_url` gives the address to show one from,
    or "" for none."""

    def shown(image: re.Match[str]) -> str:
        return _CID.sub(lambda found: f'src="{_address_of(found[1], cid_url)}"', image[0], count=1)

    return _IMAGE.sub(shown, fragment) if 'src="cid:' in fragment else fragment


def _address_of(written: str, cid_url: CidUrl) -> str:
    return escape(cid_url(unquote(unescape(written))) or PLACEHOLDER)


def sendable(html: str) -> str:
    """What may go out of an HTML body that somebody wrote, or quotes, in a browser: nothing active. Its images stay, also
    remote ones: the recipient of a forward shall see what its author has seen."""
    return _cleaner(_sent_image).clean(html)


def editable(html: str, address_of: CidUrl) -> str:
    """A body that may go out as an editor shows it: its images from addresses of ours, each with its source behind a "#",
    so that nothing is loaded from elsewhere. `address_of` is given the source; `sendable` puts it back."""

    def shown(image: re.Match[str]) -> str:
        return _SOURCE.sub(lambda source: f'src="{escape(_kept(unescape(source[1]), address_of))}"', image[0], count=1)

    return _IMAGE.sub(shown, sendable(html))


def _kept(source: str, address_of: CidUrl) -> str:
    return f"{address_of(source)}#src:{quote(source, safe='')}" if _CID_OR_REMOTE.match(source) else source


def _sent_image(source: str) -> str | None:
    shown = _SHOWN_SOURCE.fullmatch(source)
    if shown:
        source = unquote(shown[1])
    return source if _CID_OR_REMOTE.match(source) or _EMBEDDED_IMAGE.match(source) else None


def _cleaner(image: Callable[[str], str | None]) -> nh3.Cleaner:
    def attribute(tag: str, name: str, value: str) -> str | None:
        if name == "src":
            return image(value.strip())
        if name == "href":
            return value if _LINK.match(value.strip()) else None
        if name == "style":
            return ";".join(part for part in value.split(";") if not _ACTIVE_STYLE.search(part)) or None
        if name in _QUOTE_MARKS:
            return next((mark for mark in _QUOTE_MARKS[name] if mark in value), None)
        return value

    return nh3.Cleaner(
        tags=set(_TAGS),
        clean_content_tags=set(_CONTENT_GOES_TOO),
        attributes=_ATTRIBUTES,
        attribute_filter=attribute,
        url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
        filter_style_properties=set(_STYLES),
        set_tag_attribute_values={"a": {"target": "_blank"}},
        link_rel="noopener noreferrer",
    )


def _image_source(source: str, note_remote: Callable[[str], None]) -> str:
    if source[:4].lower() == "cid:":
        return "cid:" + source[4:]
    if _EMBEDDED_IMAGE.match(source):
        return source
    if _REMOTE.match(source):
        note_remote(source)
    return PLACEHOLDER


def _named_honestly(link: re.Match[str]) -> str:
    """A link whose text looks like an address on one host and that leads to another says so."""
    host, text = link[1].rpartition("@")[2].partition(":")[0].lower(), _TAG.sub("", link[2]).strip()
    shown = _HOST_IN_TEXT.match(unescape(text))
    if shown is None or _same_site(shown[1].lower(), host):
        return link[0]
    return f"{link[0]} <b>[leads to {escape(host)}]</b>"


def _same_site(shown: str, host: str) -> bool:
    shown, host = shown.removeprefix("www."), host.removeprefix("www.")
    return shown == host or host.endswith("." + shown)


def _folded(fragment: str) -> str:
    """The quoted part behind a button that works without scripts; open where nothing is new above it."""
    for tag in _TAG.finditer(fragment):
        if tag[1]:
            continue
        to_the_end = _begins_header_block(tag, fragment)
        if to_the_end or ('class="' in tag[3] and _IS_QUOTE.search(tag[3])) or 'type="cite"' in tag[3]:
            start = _outermost_start(fragment, tag.start()) if to_the_end else tag.start()
            end = _end_of(fragment, start, whole_parent=to_the_end)
            above, quoted = fragment[:start], fragment[start:end]
            is_new = bool(_TAG.sub("", above).strip()) or "<img" in above
            return f"{above}{FOLD if is_new else FOLD_OPEN}{quoted}</details>{fragment[end:]}"
    return fragment


def _begins_header_block(tag: re.Match[str], fragment: str) -> bool:
    """Outlook's From, Sent, To, Subject: everything below is quoted."""
    if 'id="' in tag[3] or 'class="OutlookMessageHeader' in tag[3]:
        return True
    if tag[2] != "div" or "border-top" not in tag[3]:
        return False
    text = unescape(_TAG.sub("", fragment[tag.end() : tag.end() + 600])).lstrip()
    return bool(_FROM_LINE.match(text))


def _outermost_start(fragment: str, start: int) -> int:
    """Outlook puts its header block into boxes of their own: where the outermost that begins with it begins."""
    for _ in range(_MOST_BOXES):
        around = _OPENED_BEFORE.search(fragment, max(0, start - 300), start)
        if around is None:
            break
        start = around.start()
    return start


def _end_of(fragment: str, start: int, *, whole_parent: bool) -> int:
    """Where the element that starts here ends, or its parent. The fragment is well-formed: the cleaner wrote it."""
    depth = 1 if whole_parent else 0
    for one in _TAG.finditer(fragment, start):
        if one[2] in _VOID:
            continue
        depth += -1 if one[1] else 1
        if depth == 0:
            return one.start() if whole_parent else one.end()
    return len(fragment)


def plain_html(text: str) -> str:
    """Plain text as HTML: escaped, line ends and runs of spaces kept, what is quoted below folded."""
    new, quoted = split_quote(text)
    return _plain(new) + (f"{FOLD}{_plain(quoted)}</details>" if quoted else "")


def _plain(text: str) -> str:
    return f'<div style="white-space:pre-wrap;overflow-wrap:anywhere">{escape(text)}</div>'


def page(fragment: str, left_out: int = 0) -> str:
    """A whole document around a safe fragment, readable on any background. Says how many remote images are not in it."""
    note = ""
    if left_out:
        images = "One image" if left_out == 1 else f"{left_out:,} images"
        verb = "was" if left_out == 1 else "were"
        note = f'<div class="note">{images} from elsewhere {verb} left out, so that nobody learns that this was read.</div>'
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Message</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<style>body{margin:1rem;background:#fff;color:#1f2937;font:15px/1.5 system-ui,sans-serif;"
        "overflow-wrap:anywhere}img{max-width:100%;height:auto}pre{white-space:pre-wrap}"
        "blockquote{border-left:3px solid #d1d5db;margin-left:0;padding-left:1rem;color:#4b5563}"
        ".note{margin:0 0 1rem;padding:.4rem .75rem;background:#f3f4f6;color:#374151;font-size:13px;border-radius:6px}"
        "summary{margin:.75rem 0;color:#1d4ed8;cursor:pointer;font-size:13px}</style>"
        f"</head><body>{note}{fragment}</body></html>"
    )
