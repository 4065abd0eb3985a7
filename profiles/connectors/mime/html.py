"""The plain text of an HTML body: blocks, lists and tables keep their lines. Never raises."""

from __future__ import annotations

import re

from lxml import etree

from profiles.connectors.mime.charsets import without_nul

LONGEST_HTML = 2_000_000  # characters that are read
_HIDDEN = {"head", "script", "style", "title", "template", "noscript", "object", "select", "textarea", "svg", "math"}
_BLOCKS = {"address", "article", "aside", "blockquote", "center", "dd", "div", "dl", "dt", "fieldset", "figcaption"}
_BLOCKS |= {"figure", "footer", "form", "header", "hr", "li", "main", "nav", "section", "table", "tr", "caption"}
_PARAGRAPHS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "pre"}
_CELLS = {"td", "th"}
_SPACES = re.compile(r"\s+")


def summary_of_html(html: str) -> str:
    """The plain text of an HTML body of at most 2 million characters; the rest is not read. Never raises."""
    data = without_nul(html[:LONGEST_HTML]).encode("utf-8")
    if not data.strip():
        return ""
    # The parser keeps what it can; text nested deeper than it allows is lost, never an error.
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True, huge_tree=True)
    try:
        root = etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError):
        return ""
    return "" if root is None else _Walker().read(root)


class _Walker:
    """Collects text in document order. `gap` is the number of line ends owed before the next text."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.gap = 0
        self.space = False
        self.hidden = 0
        self.verbatim = 0

    def read(self, root: etree._Element) -> str:
        for event, element in etree.iterwalk(root, events=("start", "end")):
            if event == "start":
                self._enter(element)
            else:
                self._leave(element)
        return without_nul("".join(self.pieces)).strip()

    def _enter(self, element: etree._Element) -> None:
        tag = element.tag
        if tag in _HIDDEN:
            self.hidden += 1
        elif tag == "br":
            self._flush_line()
        elif tag in _CELLS and element.getprevious() is not None:
            self._add_cell_mark()
        else:
            self._break(tag)
        if tag == "pre":
            self.verbatim += 1
        if tag == "li" and not self.hidden:
            self._add("- ")
        self._text(element.text)

    def _leave(self, element: etree._Element) -> None:
        tag = element.tag
        if tag in _HIDDEN:
            self.hidden -= 1
        if tag == "pre":
            self.verbatim -= 1
        self._break(tag)
        self._text(element.tail)

    def _break(self, tag: object) -> None:
        if tag in _PARAGRAPHS:
            self.gap = max(self.gap, 2)
        elif tag in _BLOCKS:
            self.gap = max(self.gap, 1)

    def _flush_line(self) -> None:
        if not self.hidden:
            self.gap, self.space = min(self.gap + 1, 3), False

    def _add_cell_mark(self) -> None:
        if not self.hidden and not self.gap:
            self.pieces.append("\t")
            self.space = False

    def _text(self, text: str | None) -> None:
        if not text or self.hidden:
            return
        if self.verbatim:
            self._add(text)
            return
        collapsed = _SPACES.sub(" ", text)
        if collapsed == " ":
            self.space = True
            return
        self.space = self.space or collapsed[0] == " "
        self._add(collapsed.strip())
        self.space = collapsed[-1] == " "

    def _add(self, text: str) -> None:
        if self.gap:
            self.pieces.append("\n" * self.gap)
        elif self.space and self.pieces and not self.pieces[-1].endswith(("\t", " ", "\n")):
            self.pieces.append(" ")
        self.gap, self.space = 0, False
        self.pieces.append(text)
