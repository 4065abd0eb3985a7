"""Header fields (RFC 5322 §2.2), their encoded words (RFC 2047) and their parameters (RFC 2045 §5.1, RFC 2231)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from profiles.connectors.mime.charsets import codec_of, decode, header_text, one_line
from profiles.connectors.mime.transfer import from_base64

LONGEST_BLOCK = 1 << 20  # bytes of the header block of a message that are read
LONGEST_BLOCK_OF_A_PART = 1 << 16
_EMPTY_LINE = re.compile(rb"\r*+\n")
_END = re.compile(rb"\n\r*+\n")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_FIELD = re.compile(rb"^([!-9;-~]++)[ \t]*+:(.*)$", re.MULTILINE)
# Each piece stops at the next "?", so the cost stays linear; up to 5 stray "?" inside a word are forgiven.
# No possessive group here: Python before 3.11.4 loses what such a group captured.
_WORD = re.compile(r"=\?([^?\s]{1,100})\?([BbQq])\?([^?]*+(?:\?(?!=)[^?]*+){0,5})\?=")
_TYPE = re.compile(r"\s*([\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127})")
_PARAMETER = re.compile(r';\s*+([^\s=;"]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"?|([^;]*+))', re.DOTALL)
_CONTINUED = re.compile(r"([^*]+)\*(\d{1,4})(\*?)")
_QUOTED_PAIR = re.compile(r'\\(["\\])')


@dataclass(slots=True)
class Fields:
    """The fields of one header block: lower-cased names and raw values, unfolded, in order.

    `end` is where the body starts.
    """

    pairs: list[tuple[bytes, bytes]]
    end: int

    def first(self, name: bytes) -> str:
        """The first value of this name that is not empty, its encoded words left alone; "" if there is none."""
        for found, value in self.pairs:
            if found == name and (text := header_text(value)):
                return text
        return ""

    def all(self, name: bytes) -> list[str]:
        """Every value of this name, as text with its encoded words left alone."""
        return [header_text(value) for found, value in self.pairs if found == name]


def read_fields(raw: bytes, start: int = 0, longest: int = LONGEST_BLOCK) -> Fields:
    """The header block that begins at `start`, at most `longest` bytes of it.

    A line that is no field, or looks like a boundary, ends it as if the blank line had been forgotten.
    """
    limit = min(len(raw), start + longest)
    if empty := _EMPTY_LINE.match(raw, start):
        return Fields([], empty.end())
    blank = _END.search(raw, start, limit)
    block_end, body = (blank.start() + 1, blank.end()) if blank else (limit, limit)
    dashes = start if raw.startswith(b"--", start) else raw.find(b"\n--", start, block_end) + 1
    if dashes or raw.startswith(b"--", start):
        block_end = body = dashes
    block = raw[start:block_end]
    text = _FOLD.sub(b"", block) if b"\n " in block or b"\n\t" in block else block
    found = _FIELD.findall(text)
    if len(found) != text.count(b"\n") + (text[-1:] not in (b"\n", b"")):
        length, text = _length_of_fields(block)
        found = _FIELD.findall(text)
        body = body if length == len(block) else start + length
    return Fields([(name.lower(), value.strip()) for name, value in found], body)


def _length_of_fields(block: bytes) -> tuple[int, bytes]:
    """How many bytes from the start are fields, and these bytes unfolded."""
    position = 0
    for line in _lines(block):
        is_envelope_line = position == 0 and line.startswith((b"From ", b">From "))
        if not (_FIELD.match(line) or (position and line[:1] in b" \t") or is_envelope_line or not line.strip()):
            break
        position += len(line)
    return position, _FOLD.sub(b"", block[:position])


def _lines(block: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(block):
        end = block.find(b"\n", start) + 1 or len(block)
        yield block[start:end]
        start = end


def decode_words(text: str) -> str:
    """`text` with its encoded words decoded, on one line.

    Neighbours of one charset are joined before they are decoded, because mailers cut multi-byte characters in two.
    """
    if "=?" not in text:
        return one_line(text)
    pieces: list[str] = []
    pending, charset, position = b"", "", 0
    for word in _WORD.finditer(text):
        between = text[position : word.start()]
        name = word[1].partition("*")[0]
        if between.strip() or codec_of(name) != codec_of(charset):
            pieces.append(decode(pending, charset)[0])
            pending = b""
        if between.strip() or not position:
            pieces.append(between)
        pending += _word_bytes(word[2], word[3])
        charset, position = name, word.end()
    pieces += [decode(pending, charset)[0], text[position:]]
    return one_line("".join(pieces))


def _word_bytes(kind: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if kind in "Bb":
        return from_base64(data)[0]
    return binascii.a2b_qp(data.replace(b" ", b"_"), header=True)


def type_and_parameters(value: str) -> tuple[str, dict[str, str]]:
    """A Content-Type or Content-Disposition: its lower-cased token and its parameters, decoded and on one line."""
    token = value.partition(";")[0]
    found = _TYPE.match(token)
    kind = found[1].lower() if found else token.strip().lower()
    if ";" not in value:
        return kind, {}
    plain: dict[str, str] = {}
    continued: dict[str, dict[int, tuple[str, bool]]] = {}
    for match in _PARAMETER.finditer(value):
        name = match[1].lower()
        text = _QUOTED_PAIR.sub(r"\1", match[2]) if match[2] is not None else match[3].strip()
        if "*" not in name:
            plain.setdefault(name, decode_words(text))
        elif piece := _CONTINUED.fullmatch(name):
            continued.setdefault(piece[1], {}).setdefault(int(piece[2]), (text, bool(piece[3])))
        elif name.endswith("*"):
            continued.setdefault(name[:-1], {}).setdefault(0, (text, True))
    for name, pieces in continued.items():
        plain[name] = _joined(pieces)
    return kind, plain


def _joined(pieces: dict[int, tuple[str, bool]]) -> str:
    """The value of a parameter that RFC 2231 cut into numbered pieces, some of them percent-encoded."""
    charset, data = "", b""
    for index, (_, (text, encoded)) in enumerate(sorted(pieces.items())):
        if encoded and index == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        data += unquote_to_bytes(text) if encoded else text.encode("utf-8", "replace")
    return one_line(decode(data, charset)[0])
