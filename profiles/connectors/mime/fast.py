"""Large base64 parts decoded by fast-mail-parser, about three times faster than the standard library does it.

Only the bytes of a part are taken from it, and only where it saw the very same parts as `parts`. Texts, headers
and part numbers never come from here, so a mail reads the same with and without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from profiles.connectors.mime.parts import Part

try:
    from fast_mail_parser import ParseError, PyLazyMimePart, parse_email_tree

    _AVAILABLE = True
except ImportError:  # everything works without it, large attachments are only slower
    _AVAILABLE = False

_WORTH_IT = 32_768  # bytes of base64; below, the detour costs more than it saves
_MOST_AROUND = 65_536  # bytes of headers and boundaries; the parser needs quadratic time for some headers
_MOST_LEAVES = 100
_DEEPEST = 10


class FastContents:
    """Decoded contents by part; `content` gives None for every part that has to be decoded the usual way."""

    def __init__(self, raw: bytes, leaves: list[Part]) -> None:
        self.nodes: dict[int, PyLazyMimePart] = {}
        if not _AVAILABLE or not _is_ordinary(raw, leaves):
            return
        try:
            found = list(_leaves(parse_email_tree(raw, mode="lazy"), _DEEPEST + 1))
        except ParseError:
            return
        except BaseException as error:
            _only_a_panic(error)
            return
        if all(part and node and _same(part, node) for part, node in zip_longest(leaves, found)):
            self.nodes = {id(part): node for part, node in zip(leaves, found, strict=True) if part.encoding == "base64"}

    def content(self, part: Part) -> bytes | None:
        """The decoded bytes of a base64 part, once; None if it is not one or its encoding is broken."""
        node = self.nodes.pop(id(part), None)
        if node is None:
            return None
        try:
            return node.content
        except ParseError:
            return None
        except BaseException as error:
            _only_a_panic(error)
            return None


def _is_ordinary(raw: bytes, leaves: list[Part]) -> bool:
    """Whether the mail is worth the detour and cannot lead the parser astray."""
    encoded = sum(part.end - part.start for part in leaves if part.encoding == "base64")
    around = len(raw) - sum(part.end - part.start for part in leaves)
    if encoded < _WORTH_IT or around > _MOST_AROUND or len(leaves) > _MOST_LEAVES:
        return False
    return not any(part.content_type.startswith("message/") or _depth(part) > _DEEPEST for part in leaves)


def _leaves(node: PyLazyMimePart, depth: int) -> Iterator[PyLazyMimePart]:
    """The leaves in order; an attached mail is one. A node deeper than `depth` is given itself and matches nothing."""
    if node.is_message or not node.children or not depth:
        yield node
        return
    for child in node.children:
        yield from _leaves(child, depth - 1)


def _same(part: Part, node: PyLazyMimePart) -> bool:
    """Whether both are the same bytes: same type, same length but for the line end before the boundary."""
    difference = abs((node.encoded_size or 0) - (part.end - part.start))
    return difference <= 2 and node.content_type.lower() == part.content_type


def _depth(part: Part) -> int:
    depth = 0
    while part.parent is not None:
        part, depth = part.parent, depth + 1
    return depth


def _only_a_panic(error: BaseException) -> None:
    """Raises `error` again unless it is a defect inside the parser, which is no reason to lose a mail."""
    if type(error).__name__ != "PanicException":
        raise error
