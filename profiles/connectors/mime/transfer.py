"""Content transfer encodings (RFC 2045 §6) and uuencode, read as leniently as mail needs. Nothing here raises."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} ([^\r\n]{1,255})\r*$", re.MULTILINE)
_PADDED = re.compile(rb"([^=]++)(=*+)")
_MOST_FILES = 1_000
_BROKEN_BASE64 = "The base64 encoding is broken; what could be read was kept."


@dataclass(frozen=True, slots=True)
class Encoded:
    """One uuencoded file found in a text."""

    name: bytes
    content: bytes


def decoded(data: bytes, encoding: str) -> tuple[bytes, str]:
    """`data` without its transfer encoding, and a sentence if it was repaired. Unknown encodings are left alone."""
    if encoding == "quoted-printable":
        return binascii.a2b_qp(data), ""
    if encoding == "base64":
        return from_base64(data)
    if encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        _, files = split_uuencoded(data)
        return (files[0].content, "") if files else (data, "The uuencoding is broken; the part was kept as it is.")
    return data, ""


def from_base64(data: bytes) -> tuple[bytes, str]:
    """The bytes of a base64 text, and a sentence if it was broken. Never raises."""
    padding = data.find(b"=")
    if padding >= 0 and data[padding : padding + 80].strip(b"= \t\r\n\v\f"):
        return _from_pieces(data)
    try:
        return binascii.a2b_base64(data), ""
    except binascii.Error:
        return _from_characters(data), _BROKEN_BASE64


def _from_pieces(data: bytes) -> tuple[bytes, str]:
    """Several base64 texts in a row, each with its own padding. A footer that a mailing list put behind is left out."""
    head, _, rest = data.partition(b"=")
    if rest.translate(None, _BASE64 + b"=\r\n\v\f \t"):
        return _from_characters(head), "Something that is not base64 follows the content; it was left out."
    pieces = _PADDED.findall(data.translate(None, b"\r\n\v\f \t"))
    whole = all((len(characters) + len(padding)) % 4 == 0 for characters, padding in pieces)
    return b"".join(_from_characters(characters) for characters, _ in pieces), "" if whole else _BROKEN_BASE64


def _from_characters(data: bytes) -> bytes:
    """As many whole bytes as the base64 characters in `data` hold, everything else ignored."""
    characters = data.translate(None, _NOT_BASE64)
    if len(characters) % 4 == 1:
        characters = characters[:-1]
    return binascii.a2b_base64(characters + b"=" * (-len(characters) % 4))


def split_uuencoded(data: bytes) -> tuple[bytes, list[Encoded]]:
    """A text without its uuencoded files, and these files. A block without its end is text."""
    if not _UU_BEGIN.search(data):
        return data, []
    kept: list[bytes] = []
    files: list[Encoded] = []
    position = 0
    while len(files) < _MOST_FILES and (begin := _UU_BEGIN.search(data, position)):
        content, end = _uu_block(data, begin.end() + 1)
        if content is None:
            kept.append(data[position:end])
        else:
            kept.append(data[position : begin.start()])
            files.append(Encoded(begin[1].strip(), content))
        position = end
    return b"".join([*kept, data[position:]]), files


def _uu_block(data: bytes, start: int) -> tuple[bytes | None, int]:
    """The content of a block whose lines begin at `start`, and where it ends; None when it is not one after all."""
    pieces: list[bytes] = []
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        line = data[start:end].rstrip(b"\r\n")
        if line == b"end":
            return b"".join(pieces), end
        piece = _uu_line(line)
        if piece is None:
            return None, start
        pieces.append(piece)
        start = end
    return None, len(data)


def _uu_line(line: bytes) -> bytes | None:
    if not line.strip(b" `"):
        return b""
    length = (((line[0] - 32) & 63) * 4 + 5) // 3
    try:
        return binascii.a2b_uu(line[: length + 1])
    except binascii.Error:
        return None
