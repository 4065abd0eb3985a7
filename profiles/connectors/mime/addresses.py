"""Address lists (RFC 5322 §3.4) and message ids (§3.6.4), as real mail writes them. Nothing here raises."""

from __future__ import annotations

import re

from profiles.connectors.mime.charsets import one_line
from profiles.connectors.mime.headers import decode_words
from profiles.connectors.mime.values import Address

# The common forms, "Name <a@b>" and "a@b", without anything that needs the tokens below.
_PLAIN = re.compile(r'\s*+(?:"([^"\\@<>]*+)"|([^"<>@()\[\]\\,;:]*+))\s*+<([^<>\s"(),;:]++)>\s*+')
_BARE = re.compile(r'[^\s<>"(),;:\\]++@[^\s<>"(),;:\\]++')
_TOKEN = re.compile(
    r'"(?P<quoted>(?:[^"\\]|\\.)*+)"|<(?P<angle>(?:"(?:[^"\\]|\\.)*+"|[^>"])*+)>?|(?P<mark>[(,;:])|(?P<text>[^"<(,;:]++)|.',
    re.DOTALL,
)
_COMMENT_MARK = re.compile(r"[()\\]")
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_AROUND_MARKS = re.compile(r"\s*+([@.])\s*+")
_MESSAGE_ID = re.compile(r"<([^<>]+)>")
_SPACES = re.compile(r"\s+")


def addresses(value: str) -> tuple[Address, ...]:
    """The mailboxes of an address header; groups are flattened. Text that is no address is kept as a malformed one."""
    if not value:
        return ()
    if "," not in value or '"' not in value:
        simple = [_simple(piece) for piece in value.split(",")]
        if all(simple):
            return tuple(address for address in simple if address)
    return tuple(_Reader(value).read())


def _simple(piece: str) -> Address | None:
    found = _PLAIN.fullmatch(piece)
    if found:
        return Address(decode_words(found[1] or found[2] or ""), one_line(found[3]))
    bare = piece.strip()
    return Address("", one_line(bare)) if _BARE.fullmatch(bare) else None


class _Reader:
    """Reads one address header from left to right, once."""

    def __init__(self, value: str) -> None:
        self.value = value
        self.found: list[Address] = []
        self.comments_end = True  # False once one did not, so that nobody looks for the end again and again
        self._clear()

    def _clear(self) -> None:
        self.words: list[str] = []  # the phrase, quotes removed
        self.written: list[str] = []  # the same as written, for an address without angle brackets
        self.comment = ""
        self.angle: str | None = None

    def read(self) -> list[Address]:
        position = 0
        while position < len(self.value):
            token = _TOKEN.match(self.value, position)
            assert token is not None  # the last alternative takes any character
            position = token.end()
            if token["mark"] == "(":
                position = self._comment(position)
            elif token["mark"]:
                self._mark(token["mark"])
            else:
                self._word(token)
        self._finish()
        return self.found

    def _comment(self, position: int) -> int:
        found = _comment(self.value, position) if self.comments_end else None
        if found is None:
            self.comments_end = False
            return position
        self.comment, end = found
        return end

    def _mark(self, mark: str) -> None:
        starts_a_group = mark == ":" and self.angle is None and not any("@" in word for word in self.written)
        if starts_a_group:
            self._clear()
        elif mark == ":":
            self.words.append(mark)
            self.written.append(mark)
        else:
            self._finish()

    def _word(self, token: re.Match[str]) -> None:
        if token["angle"] is not None:
            if self.angle is None:
                self.angle = token["angle"]
        elif token["quoted"] is not None:
            self.words.append(_QUOTED_PAIR.sub(r"\1", token["quoted"]))
            self.written.append(token[0])
        elif token["text"]:
            self.words.append(token["text"])
            self.written.append(token["text"])

    def _finish(self) -> None:
        if self.angle is not None:
            name = decode_words("".join(self.words)) or decode_words(self.comment)
            self.found.append(Address(name, _address(self.angle)))
        elif written := "".join(self.written).strip():
            self.found.append(Address(decode_words(self.comment), _address(written)))
        self._clear()


def _comment(value: str, position: int) -> tuple[str, int] | None:
    """The text of a comment that begins at `position`, behind its parenthesis, and where it ends; None if it does not.

    Comments nest (RFC 5322 §3.2.2).
    """
    depth, start = 1, position
    for mark in _COMMENT_MARK.finditer(value, position):
        if mark.start() < position:
            continue
        position = mark.end() + (mark[0] == "\\")
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if depth == 0:
            return value[start : mark.start()], position
    return None


def _address(written: str) -> str:
    """The address as written, without a source route (obsolete, RFC 5322 §4.4) and without spaces around @ and dots."""
    text = one_line(written)
    if text.startswith("@") and ":" in text:
        text = text.rpartition(":")[2]
    if " " in text and "@" in text and '"' not in text:
        text = _AROUND_MARKS.sub(r"\1", text)
    return text.strip()


def message_ids(value: str) -> tuple[str, ...]:
    """The message ids of In-Reply-To or References, in order, with angle brackets and without inner white space."""
    found = [f"<{_without_spaces(inner)}>" for inner in _MESSAGE_ID.findall(value)]
    if not found:
        found = [
            f"<{_without_spaces(word)}>" for word in value.replace("<", " ").replace(">", " ").split() if "@" in word
        ]
    return tuple(message_id for message_id in found if message_id != "<>")


def message_id(value: str) -> str:
    """A Message-ID with its angle brackets, also where the mail forgot them; "" if there is none."""
    found = _MESSAGE_ID.search(value)
    inner = _without_spaces(found[1] if found else value.replace("<", "").replace(">", ""))
    return f"<{inner}>" if inner else ""


def _without_spaces(text: str) -> str:
    return _SPACES.sub("", one_line(text))
