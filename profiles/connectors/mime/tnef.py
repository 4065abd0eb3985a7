"""winmail.dat: what Outlook wraps mail into for other Outlooks (MS-OXTNEF). Linear in its size; nothing here raises.

Our own reader, because the one library for it (tnefparse, last released in 2021) copies the rest of the file for every
attribute, and takes numbers from the file as loop counts: a hostile attachment of a few megabytes stops a worker.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import Struct

from profiles.connectors.mime.charsets import codec_of, decode, without_nul
from profiles.connectors.mime.rtf import uncompressed, unwrapped

MOST_FILES = 1_000
_MOST_PROPERTIES = 10_000
_SIGNATURE = b"\x78\x9f\x3e\x22"
_ATTRIBUTE = Struct("<BHHI")  # level, id, type, length; a check sum of two bytes follows the data
_NUMBER = Struct("<I")
_TAG = Struct("<HH")
_BODY, _ATTACH_DATA, _ATTACH_TITLE, _ATTACH_BEGINS = 0x800C, 0x800F, 0x8010, 0x9002
_MESSAGE_PROPERTIES, _ATTACH_PROPERTIES, _CODE_PAGE = 0x9003, 0x9005, 0x9007
_FIXED = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0xA: 4, 0xB: 4, 0x14: 8, 0x40: 8, 0x48: 16}  # bytes with their padding
_STRING, _UNICODE, _OBJECT, _BINARY = 0x1E, 0x1F, 0x0D, 0x102
_TEXT, _RTF, _HTML, _INTERNET_CODE_PAGE = 0x1000, 0x1009, 0x1013, 0x3FDE
_DISPLAY_NAME, _DATA, _SHORT_NAME, _LONG_NAME, _MIME_TAG, _CONTENT_ID = 0x3001, 0x3701, 0x3704, 0x3707, 0x370E, 0x3712


@dataclass(slots=True)
class TnefFile:
    """One file in a winmail.dat."""

    name: str = ""
    mime_type: str = ""
    content_id: str = ""
    content: bytes = b""


@dataclass(slots=True)
class Tnef:
    """What a winmail.dat holds. `is_whole` is False where it broke off or was not understood to its end."""

    files: list[TnefFile] = field(default_factory=list)
    text: str = ""
    html: str = ""
    is_whole: bool = True


def tnef_of(data: bytes) -> Tnef | None:
    """The content of a winmail.dat; None if it is none, or nothing in it can be read."""
    if not data.startswith(_SIGNATURE):
        return None
    found = _Reader(data).read()
    return found if found.files or found.text or found.html or found.is_whole else None


class _Broken(Exception):
    """The bytes end too early."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = memoryview(data)
        self.found = Tnef()
        self.code_page = "cp1252"

    def read(self) -> Tnef:
        position = 6
        try:
            while position < len(self.data):
                position = self._attribute(position)
        except _Broken:
            self.found.is_whole = False
        self.found.files = [file for file in self.found.files if file.content or file.name]
        return self.found

    def _attribute(self, position: int) -> int:
        start = position + _ATTRIBUTE.size
        if start > len(self.data):
            raise _Broken
        level, name, _, length = _ATTRIBUTE.unpack_from(self.data, position)
        if level not in (1, 2) or start + length > len(self.data):
            raise _Broken
        value = self.data[start : start + length]
        if level == 1:
            self._of_message(name, value)
        else:
            self._of_attachment(name, value)
        return int(start + length + 2)

    def _of_message(self, name: int, value: memoryview) -> None:
        if name == _CODE_PAGE and len(value) >= 4:
            self.code_page = codec_of(f"cp{_NUMBER.unpack_from(value)[0]}") or self.code_page
        elif name == _BODY and not self.found.text:
            self.found.text = self._string(value)
        elif name == _MESSAGE_PROPERTIES:
            self._bodies(dict(self._properties(value)))

    def _bodies(self, values: dict[int, tuple[int, memoryview]]) -> None:
        kind, text = values.get(_TEXT, (0, memoryview(b"")))
        self.found.text = self._string(text, kind) or self.found.text
        kind, html = values.get(_HTML, (0, memoryview(b"")))
        if html:
            page = _NUMBER.unpack(values[_INTERNET_CODE_PAGE][1])[0] if _INTERNET_CODE_PAGE in values else 0
            charset = "utf-8" if page == 65001 else f"cp{page}" if page else ""
            self.found.html = self._string(html, kind) if kind == _UNICODE else _cut(decode(bytes(html), charset)[0])
        elif _RTF in values:
            as_html, text_of_rtf = unwrapped(uncompressed(bytes(values[_RTF][1])))
            self.found.html = as_html
            self.found.text = self.found.text or text_of_rtf

    def _of_attachment(self, name: int, value: memoryview) -> None:
        files = self.found.files
        if name == _ATTACH_BEGINS or not files:
            if len(files) >= MOST_FILES:
                raise _Broken
            files.append(TnefFile())
        file = files[-1]
        if name == _ATTACH_TITLE:
            file.name = file.name or self._string(value)
        elif name == _ATTACH_DATA:
            file.content = bytes(value)
        elif name == _ATTACH_PROPERTIES:
            self._describe(file, dict(self._properties(value)))

    def _describe(self, file: TnefFile, values: dict[int, tuple[int, memoryview]]) -> None:
        texts = {
            name: self._string(value, kind) for name, (kind, value) in values.items() if kind in (_STRING, _UNICODE)
        }
        file.name = texts.get(_LONG_NAME) or file.name or texts.get(_SHORT_NAME) or texts.get(_DISPLAY_NAME, "")
        file.mime_type = texts.get(_MIME_TAG, "")
        file.content_id = texts.get(_CONTENT_ID, "").strip("<> ")
        kind, value = values.get(_DATA, (0, memoryview(b"")))
        if kind == _OBJECT:
            value = value[16:]  # the id of its class
        if kind == _OBJECT and value[:4] == _SIGNATURE:  # an attached mail; what else there is shows only its icon
            file.content, file.mime_type = bytes(value), "application/ms-tnef"
        elif not file.content:
            file.content = bytes(value)

    def _properties(self, data: memoryview) -> Iterator[tuple[int, tuple[int, memoryview]]]:
        """The properties by their id, with type and value; of several values the first."""
        count, position = self._number(data, 0), 4
        for _ in range(min(count, _MOST_PROPERTIES)):
            if position + 4 > len(data):
                raise _Broken
            kind, name = _TAG.unpack_from(data, position)
            position += 4
            if name >= 0x8000:
                position = self._after_name(data, position)
            is_many, kind = bool(kind & 0x1000), kind & 0x0FFF
            if kind in _FIXED:
                number = self._number(data, position) if is_many else 1
                position += 4 * is_many
                value, end = data[position : position + _FIXED[kind]], position + number * _FIXED[kind]
            else:
                value, end = self._variable(data, position)
            if end > len(data):
                raise _Broken
            position = end
            yield name, (kind, value)

    def _after_name(self, data: memoryview, position: int) -> int:
        """Where a named property goes on behind its name: a class id, then a number or a text."""
        if self._number(data, position + 16) == 0:
            return position + 24
        length = self._number(data, position + 20)
        return position + 24 + length + -length % 4

    def _variable(self, data: memoryview, position: int) -> tuple[memoryview, int]:
        count, position = self._number(data, position), position + 4
        first = memoryview(b"")
        for index in range(count):
            length = self._number(data, position)  # raises at the end of the data, whatever the count says
            position += 4
            if index == 0:
                first = data[position : position + length]
            position += length + -length % 4
        return first, position

    def _number(self, data: memoryview, position: int) -> int:
        if position + 4 > len(data):
            raise _Broken
        return int(_NUMBER.unpack_from(data, position)[0])

    def _string(self, value: memoryview, kind: int = _STRING) -> str:
        return _cut(bytes(value).decode("utf-16-le" if kind == _UNICODE else self.code_page, "replace"))


def _cut(text: str) -> str:
    return without_nul(text.rstrip("\x00"))
