"""Just enough HTTP/1.1 to answer JSON requests: one request per connection, bodies with a Content-Length."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

LARGEST_BODY = 200_000_000
PATIENCE_SECONDS = 30


class HttpError(Exception):
    """The request cannot be fulfilled; `str()` is a sentence for people."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `path` is still percent-encoded, so that it can be split at its slashes."""

    method: str
    path: str
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object, {} if it is empty. Raises HttpError (400)."""
        if not self.body:
            return {}
        try:
            value = json.loads(self.body)
        except ValueError as error:
            raise HttpError(400, f"The body is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise HttpError(400, "The body must be a JSON object.")
        return value


Answer = bytes | dict[str, Any] | list[Any]
Handler = Callable[[Request], Answer]


async def serve(handle: Handler, host: str, port: int) -> asyncio.Server:
    """Answer every request on a port with what `handle` returns: JSON for objects and lists, bytes as they are."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                writer.write(_respond(handle, await _read(reader)))
                await writer.drain()
        except HttpError as error:
            writer.write(_response(error.status, {"error": str(error)}))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(converse, host, port)


async def _read(reader: asyncio.StreamReader) -> Request:
    """The next request. Raises HttpError for what is not HTTP, or too large."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    words = head[0].split(" ")
    if len(words) != 3:
        raise HttpError(400, "This is not an HTTP request.")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > LARGEST_BODY:
        raise HttpError(413, f"The body must have a length of at most {LARGEST_BODY} bytes.")
    return Request(words[0].upper(), urlsplit(words[1]).path, await reader.readexactly(int(length)))


def _respond(handle: Handler, request: Request) -> bytes:
    try:
        return _response(200, handle(request))
    except HttpError as error:
        return _response(error.status, {"error": str(error)})
    except Exception as error:  # a mistake of ours must reach the one who asked, not vanish in a closed connection
        return _response(500, {"error": f"The sandbox stumbled: {type(error).__name__}: {error}"})


def _response(status: int, answer: Answer) -> bytes:
    is_raw = isinstance(answer, bytes)
    body = answer if isinstance(answer, bytes) else json.dumps(answer, indent=1).encode() + b"\n"
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        f"Content-Type: {'message/rfc822' if is_raw else 'application/json'}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
