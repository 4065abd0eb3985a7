"""The text of an RTF body, and the HTML that Exchange hides in one (MS-OXRTFCP, MS-OXRTFEX). Nothing here raises."""

from __future__ import annotations

import re
from struct import Struct

from profiles.connectors.mime.charsets import codec_of, without_nul

LONGEST = 4 << 20  # bytes of uncompressed RTF that are read
_DEEPEST = 1_000
_HEADER = Struct("<II4s4s")
_DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor "
    b"MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_WINDOW = 4096
_TOKEN = re.compile(r"\\([a-z]{1,32})(-?\d{1,9})? ?|\\'([0-9a-fA-F]{2})|\\(.)|([{}])|([^\\{}\r\n]+)", re.DOTALL)
_CODE_PAGE = re.compile(r"\\ansicpg(\d{1,5})")
_UNSEEN = {"fonttbl", "colortbl", "stylesheet", "info", "pict", "object", "header", "footer", "themedata", "datastore"}
_UNSEEN |= {"listtable", "listoverridetable", "xmlnstbl", "generator", "pntext", "fldinst"}
_WORDS = {
    "par": "\n",
    "line": "\n",
    "tab": "\t",
    "cell": "\t",
    "row": "\n",
    "lquote": "‘",
    "rquote": "’",
    "bullet": "•",
}
_WORDS |= {"ldblquote": "“", "rdblquote": "”", "endash": "–", "emdash": "—", "emspace": " ", "enspace": " "}


def uncompressed(data: bytes) -> bytes:
    """Compressed RTF as plain RTF, at most LONGEST bytes; b"" if it is neither form."""
    if len(data) < _HEADER.size:
        return b""
    _, size, kind, _ = _HEADER.unpack_from(data)
    if kind == b"MELA":
        return data[_HEADER.size : _HEADER.size + min(size, LONGEST)]
    return _expanded(data, min(size, LONGEST)) if kind == b"LZFu" else b""


def _expanded(data: bytes, size: int) -> bytes:
    window = bytearray(_DICTIONARY.ljust(_WINDOW, b"\x00"))
    write = len(_DICTIONARY)
    out = bytearray()
    position = _HEADER.size
    while position < len(data) and len(out) < size:
        flags = data[position]
        position += 1
        for bit in range(8):
            if flags >> bit & 1:
                if position + 2 > len(data):
                    return bytes(out[:size])
                token = data[position] << 8 | data[position + 1]
                position += 2
                start, length = token >> 4, (token & 15) + 2
                if start == write % _WINDOW:
                    return bytes(out[:size])
                for offset in range(start, start + length):
                    out.append(window[offset % _WINDOW])
                    window[write % _WINDOW] = out[-1]
                    write += 1
            elif position < len(data):
                out.append(data[position])
                window[write % _WINDOW] = data[position]
                position += 1
                write += 1
    return bytes(out[:size])


def unwrapped(rtf: bytes) -> tuple[str, str]:
    """The HTML that was wrapped into this RTF, or "", and its text, or "". One of the two at most."""
    text = rtf[:LONGEST].decode("latin-1")
    if not text.startswith("{\\rtf"):
        return "", ""
    is_html = "\\fromhtml1" in text[:2000]
    found = without_nul("".join(_Walk(text, is_html).pieces())).strip()
    return (found, "") if is_html else ("", found)


class _Walk:
    """Goes through the tokens with a stack of groups: whether they are shown, and how many characters follow a \\u."""

    def __init__(self, text: str, is_html: bool) -> None:
        page = _CODE_PAGE.search(text, 0, 2000)
        self.text, self.is_html = text, is_html
        self.codec = (codec_of(f"cp{page[1]}") if page else "") or "cp1252"
        self.found: list[str] = []
        self.bytes = bytearray()
        self.shown, self.fallback, self.skip = True, 1, 0
        self.rtf_only = False
        self.is_optional = False  # after \*: a destination that may be skipped
        self.stack: list[tuple[bool, int]] = []

    def pieces(self) -> list[str]:
        for token in _TOKEN.finditer(self.text):
            word, number, code, symbol, brace, text = token.groups()
            if code:
                self._byte(int(code, 16))
                continue
            self._flush()
            if brace:
                self._brace(brace)
            elif word:
                self._word(word, number)
            elif symbol:
                self._symbol(symbol)
            else:
                self._add(text)
        self._flush()
        return self.found

    def _brace(self, brace: str) -> None:
        self.is_optional = False
        if brace == "{" and len(self.stack) < _DEEPEST:
            self.stack.append((self.shown, self.fallback))
        elif brace == "}" and self.stack:
            self.shown, self.fallback = self.stack.pop()

    def _word(self, word: str, number: str | None) -> None:
        if word == "htmltag":
            self.shown = self.is_html
        elif self.is_optional or word in _UNSEEN:
            self.shown = False
        elif word == "htmlrtf":
            self.rtf_only = self.is_html and number != "0"
        elif word == "uc":
            self.fallback = min(int(number or 1), 4)
        elif word == "u" and number:
            self._unicode(int(number))
        elif word in _WORDS:
            self._add(_WORDS[word])
        self.is_optional = False

    def _symbol(self, symbol: str) -> None:
        if symbol == "*":
            self.is_optional = True
        elif symbol in "\\{}":
            self._add(symbol)
        elif symbol in "~\r\n":
            self._add({"~": "\xa0"}.get(symbol, "\n"))

    def _unicode(self, number: int) -> None:
        self._add(chr(number & 0xFFFF))
        self.skip = self.fallback

    def _byte(self, value: int) -> None:
        if self.skip:
            self.skip -= 1
        elif self.shown and not self.rtf_only:
            self.bytes.append(value)

    def _flush(self) -> None:
        if self.bytes:
            self.found.append(self.bytes.decode(self.codec, "replace"))
            self.bytes.clear()

    def _add(self, text: str) -> None:
        if self.skip and text:
            text, self.skip = text[self.skip :], max(0, self.skip - len(text))
        if self.shown and not self.rtf_only:
            self.found.append(text)
