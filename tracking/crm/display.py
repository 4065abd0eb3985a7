"""What of a mail may be shown in a browser: sanitised HTML without anything active or remote. Pure.

The page that shows it is sandboxed by its own headers as well; neither wall relies on the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from urllib.parse import quote, unquote

import nh3

CidUrl = Callable[[str], str]


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
    "a": {"href"},
    "font": {"face", "size"},
    "img": {"alt", "border", "height", "src", "width"},
    "table": {"border", "cellpadding", "cellspacing", "width"},
    "td": {"colspan", "height", "nowrap", "rowspan", "width"},
    "th": {"colspan", "height", "nowrap", "rowspan", "scope", "width"},
    "ol": {"start", "type"},
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
PLACEHOLDER = "data:image/svg+xml," + quote(
    '<svg xmlns="http://www.w3.org/2000/svg" width="150" height="26"><rect width="150" height="26" fill="#eee" '
    'stroke="#bbb"/><text x="75" y="17" font-family="sans-serif" font-size="12" fill="#555" text-anchor="middle">'
    "image not loaded</text></svg>"
)


def safe_html(html: str, cid_url: CidUrl) -> str:
    """The HTML of a mail without scripts, forms, frames, handlers or remote loads.

    `cid_url` gives the address to show an image of the mail itself from (RFC 2392), or "" for none. Remote images
    become a placeholder; links keep their target, open elsewhere and tell nobody where they were clicked.
    """
    return _cleaner(cid_url).clean(html)


def _cleaner(cid_url: CidUrl) -> nh3.Cleaner:
    def attribute(tag: str, name: str, value: str) -> str | None:
        if name == "src":
            return _image_source(value.strip(), cid_url)
        if name == "href":
            return value if _LINK.match(value.strip()) else None
        if name == "style":
            return ";".join(part for part in value.split(";") if not _ACTIVE_STYLE.search(part)) or None
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


def _image_source(source: str, cid_url: CidUrl) -> str:
    if source[:4].lower() == "cid:":
        return cid_url(unquote(source[4:])) or PLACEHOLDER
    return source if _EMBEDDED_IMAGE.match(source) else PLACEHOLDER


def plain_html(text: str) -> str:
    """Plain text as HTML: escaped, line ends and runs of spaces kept."""
    return f'<div style="white-space:pre-wrap;overflow-wrap:anywhere">{escape(text)}</div>'


def page(fragment: str) -> str:
    """A whole document around a safe fragment, readable on any background."""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Message</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<style>body{margin:1rem;background:#fff;color:#1f2937;font:15px/1.5 system-ui,sans-serif;"
        "overflow-wrap:anywhere}img{max-width:100%;height:auto}pre{white-space:pre-wrap}"
        "blockquote{border-left:3px solid #d1d5db;margin-left:0;padding-left:1rem;color:#4b5563}</style>"
        f"</head><body>{fragment}</body></html>"
    )
