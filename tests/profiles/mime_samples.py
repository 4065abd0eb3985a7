"""Builders of small, odd mails, line by line."""

from __future__ import annotations

import base64


def mail(*lines: str, charset: str = "utf-8") -> bytes:
    return "\r\n".join(lines).encode(charset)


def part(content_type: str, body: str, *fields: str) -> list[str]:
    return ["--b", f"Content-Type: {content_type}", *fields, "", body]


def multipart(kind: str, *parts: list[str]) -> bytes:
    lines = [line for each in parts for line in each]
    return mail(f"Content-Type: multipart/{kind}; boundary=b", "", *lines, "--b--", "")


def encoded(data: bytes) -> str:
    return base64.encodebytes(data).decode().strip()
