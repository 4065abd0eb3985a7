"""The HTTP/1.1 that the EWS face needs: keep-alive requests in, plain or chunked answers out (RFC 9112)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus

MAX_BODY = 200 * 1024 * 1024
MAX_LINE = 64 * 1024


class BadRequest(Exception):
    """What arrived is not a request this server can read."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request with its whole body; header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def keep_alive(self) -> bool:
        """HTTP/1.1 connections stay open unless the client asks for the end (RFC 9112, 9.3)."""
        return self.headers.get("connection", "").lower() != "close"


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One answer; with `chunks` it is streamed, one chunk per piece, and `body` is ignored.

    With `cut_after` the connection is closed once so many bytes of the answer have been sent.
    """

    status: int
    body: bytes = b""
    content_type: str = "text/xml; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    chunks: AsyncIterator[bytes] | None = None
    cut_after: int | None = None

    def head(self) -> bytes:
        """The status line and the header block, the empty line included."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}", f"Content-Type: {self.content_type}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines.append("Transfer-Encoding: chunked" if self.chunks else f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> HttpRequest | None:
    """The next request of a connection, None when the client has left. Raises BadRequest."""
    start = await _line(reader)
    if not start:
        return None
    parts = start.split()
    if len(parts) != 3:
        raise BadRequest(f"Not an HTTP request line: {start[:80]!r}")
    headers = await _headers(reader)
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return HttpRequest(parts[0], parts[1].partition("?")[0], headers, await _body(reader, headers))


async def send(writer: asyncio.StreamWriter, response: HttpResponse) -> None:
    """Write one answer and wait until it has left this process."""
    if response.cut_after is not None:
        writer.write((response.head() + response.body)[: response.cut_after])
    elif response.chunks is None:
        writer.write(response.head() + response.body)
    else:
        writer.write(response.head())
        async for piece in response.chunks:
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _line(reader: asyncio.StreamReader) -> str:
    try:
        line = await reader.readline()
    except ValueError as error:
        raise BadRequest("A line of the request is too long.") from error
    return line.decode("latin-1").strip()


async def _headers(reader: asyncio.StreamReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    while line := await _line(reader):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _chunked_body(reader)
    length = _number(headers.get("content-length", "0"), 10)
    return await reader.readexactly(length)


async def _chunked_body(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := _number((await _line(reader)).partition(";")[0], 16):
        body += await reader.readexactly(size)
        if len(body) > MAX_BODY:
            raise BadRequest("The request is too large.")
        await _line(reader)
    await _headers(reader)
    return bytes(body)


def _number(text: str, base: int) -> int:
    try:
        number = int(text, base)
    except ValueError as error:
        raise BadRequest(f"Not a length: {text[:20]!r}") from error
    if not 0 <= number <= MAX_BODY:
        raise BadRequest("The request is too large.")
    return number
