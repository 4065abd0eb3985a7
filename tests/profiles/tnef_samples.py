"""Builds a winmail.dat, attribute by attribute (MS-OXTNEF)."""

from __future__ import annotations

import struct

Property = tuple[int, int, bytes]  # type, id, value
STRING, UNICODE, BINARY, LONG = 0x1E, 0x1F, 0x102, 3


def winmail(
    *files: tuple[str, bytes],
    rtf: bytes = b"",
    html: bytes = b"",
    content_id: str = "",
) -> bytes:
    """A winmail.dat with these files and this body."""
    found = struct.pack("<IH", 0x223E9F78, 1) + attribute(1, 0x9007, struct.pack("<II", 1252, 0))
    properties: list[Property] = []
    if rtf:
        properties.append((BINARY, 0x1009, struct.pack("<II4sI", len(rtf) + 12, len(rtf), b"MELA", 0) + rtf))
    if html:
        properties += [(LONG, 0x3FDE, struct.pack("<I", 65001)), (BINARY, 0x1013, html)]
    found += attribute(1, 0x9003, block(properties)) if properties else b""
    for name, content in files:
        found += attribute(2, 0x9002, bytes(14)) + attribute(2, 0x8010, name.encode("cp1252") + b"\x00")
        found += attribute(2, 0x800F, content)
        described: list[Property] = [(UNICODE, 0x3707, name.encode("utf-16-le") + b"\x00\x00")]
        described += [(STRING, 0x370E, b"image/png\x00"), (STRING, 0x3712, content_id.encode())] if content_id else []
        found += attribute(2, 0x9005, block(described))
    return found


def attribute(level: int, name: int, value: bytes) -> bytes:
    return struct.pack("<BHHI", level, name, 6, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def block(properties: list[Property]) -> bytes:
    found = struct.pack("<I", len(properties))
    for kind, name, value in properties:
        found += struct.pack("<HH", kind, name)
        if kind == LONG:
            found += value
        else:
            found += struct.pack("<II", 1, len(value)) + value + bytes(-len(value) % 4)
    return found
