"""The structure of a mail: where each part begins and ends. One pass over the bytes, whatever the depth.

Both ways of reading a mail take their part numbers from here, so that they cannot disagree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from profiles.connectors.mime.headers import (
    LONGEST_BLOCK,
    LONGEST_BLOCK_OF_A_PART,
    Fields,
    read_fields,
    type_and_parameters,
)
from profiles.connectors.mime.transfer import decoded

MOST_PARTS = 10_000
_DELIMITER = re.compile(rb"\n--([^\r\n]{1,300})")
_FIRST_LINE = re.compile(rb"\s*+--([^\r\n]{1,200})")
_TOKEN = re.compile(r"[\w-]+")
_TOO_MANY = f"The message has more than {MOST_PARTS} parts; the rest was left out."
_LONG_HEADER = "A header is so long that it was read in part only; what follows was taken for the text."
_CUT_OFF = "The last boundary is missing; the message may have been cut off."
_NEVER = "The boundary between the parts never appears; the content was read as text."
_NONE = "A multipart content names no boundary."


@dataclass(slots=True, eq=False)
class Part:
    """One part: its fields and the span of its body in the raw message. Leaves have no children."""

    fields: Fields
    content_type: str
    parameters: dict[str, str]
    start: int
    end: int
    parent: Part | None = None
    children: list[Part] = field(default_factory=list)

    @property
    def is_message(self) -> bool:
        """An attached mail; it is one part, whatever it holds."""
        return self.content_type in ("message/rfc822", "message/global")

    @property
    def disposition(self) -> tuple[str, dict[str, str]]:
        """ "attachment", "inline" or "", and the parameters (RFC 2183)."""
        value = self.fields.first(b"content-disposition")
        return type_and_parameters(value) if value else ("", {})

    @property
    def encoding(self) -> str:
        """The content transfer encoding, lower-cased; "" if there is none."""
        token = _TOKEN.search(self.fields.first(b"content-transfer-encoding").lower())
        return token[0] if token else ""

    def content(self, raw: bytes) -> tuple[bytes, str]:
        """The decoded bytes, and a sentence if they had to be repaired."""
        return decoded(raw[self.start : self.end], self.encoding)


@dataclass(slots=True)
class Structure:
    """The parts of one mail. `leaves` are in the order of a depth-first walk: number n is `leaves[n - 1]`."""

    root: Part
    leaves: list[Part]
    warnings: list[str]


def structure_of(raw: bytes) -> Structure:
    """The parts of `raw`, whose line ends hold LF. Never raises; what is broken becomes text."""
    walk = _Walk(raw)
    walk.run()
    return Structure(walk.root, [part for part in walk.parts if not part.children], walk.warnings)


def with_line_feeds(raw: bytes) -> bytes:
    """`raw`, with LF for CR if it has only CRs, and without blank lines in front."""
    if b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")
    return raw.lstrip(b"\r\n") if raw[:1] in (b"\r", b"\n") else raw


class _Walk:
    """Goes through the delimiter lines from top to bottom with the stack of the multiparts that are open."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.parts: list[Part] = []
        self.warnings: list[str] = []
        self.open: list[tuple[bytes, Part]] = []
        self.depth_of: dict[bytes, int] = {}
        self.current: Part | None = None  # the part whose end has not been seen
        self.root = self._begin(0, None)

    def run(self) -> None:
        position = self.root.start
        while self.open and (found := _DELIMITER.search(self.raw, max(position - 1, 0))):
            position = found.end()
            line = found[1].rstrip()
            closes = False
            depth = self.depth_of.get(line)
            if depth is None and line.endswith(b"--"):
                depth, closes = self.depth_of.get(line[:-2]), True
            if depth is None:
                continue
            self._end_current(found.start())
            self._close_down_to(depth)
            if closes:
                continue
            if len(self.parts) >= MOST_PARTS:
                self._warn(_TOO_MANY)
                break
            position = self._begin(self._line_end(found.end()), self.open[-1][1]).start
        if self.current is not None and self.open:
            self._warn(_CUT_OFF)
        self._close_down_to(-1)

    def _begin(self, start: int, parent: Part | None) -> Part:
        longest = LONGEST_BLOCK_OF_A_PART if parent else LONGEST_BLOCK
        fields = read_fields(self.raw, start, longest)
        if fields.end - start >= longest:
            self._warn(_LONG_HEADER)
        default = "message/rfc822" if parent and parent.content_type == "multipart/digest" else "text/plain"
        value = fields.first(b"content-type")
        content_type, parameters = type_and_parameters(value) if value else (default, {})
        if "/" not in content_type:
            content_type = default
        part = Part(fields, content_type, parameters, fields.end, len(self.raw), parent)
        self.parts.append(part)
        if parent:
            parent.children.append(part)
        self.current = part
        if content_type.startswith("multipart/"):
            self._open(part)
        return part

    def _open(self, part: Part) -> None:
        boundary = part.parameters.get("boundary", "").rstrip().encode("utf-8", "replace")
        if not boundary:
            first = _FIRST_LINE.match(self.raw, part.start)
            boundary = first[1].rstrip() if first else b""
            self._warn(_NONE)
        if not boundary:
            part.content_type = "text/plain"
        else:
            self.depth_of.setdefault(boundary, len(self.open))
            self.open.append((boundary, part))

    def _end_current(self, at: int) -> None:
        if self.current is None:
            return
        end = at - 1 if self.raw[at - 1 : at] == b"\r" else at
        self.current.end = max(self.current.start, end)
        self.current = None

    def _close_down_to(self, depth: int) -> None:
        while len(self.open) - 1 > depth:
            boundary, part = self.open.pop()
            if self.depth_of.get(boundary) == len(self.open):
                del self.depth_of[boundary]
            if not part.children:
                self._warn(_NEVER)
                part.content_type = "text/plain"

    def _line_end(self, position: int) -> int:
        end = self.raw.find(b"\n", position)
        return len(self.raw) if end < 0 else end + 1

    def _warn(self, sentence: str) -> None:
        if sentence not in self.warnings:
            self.warnings.append(sentence)
