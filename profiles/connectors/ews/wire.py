"""HTTP below exchangelib: who may be reached, over which TLS, how long an answer may take and how large it may be.

exchangelib reads answers byte by byte, repairs broken XML silently and has one time-out for the whole process. Here an
answer is read in blocks, has a deadline and a largest size, and counts only if it is a whole SOAP envelope.
"""

from __future__ import annotations

import io
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache
from time import monotonic
from typing import Any

import requests
import urllib3
from exchangelib.protocol import FailFast
from exchangelib.util import is_xml
from requests.adapters import HTTPAdapter

from profiles.connectors import network
from profiles.connectors.base import Cause, ConnectorError, Transient
from profiles.connectors.ews.errors import BrokenAnswer, HttpStatus, NotReached, Stopped, retry_after
from profiles.connectors.ews.meanings import UnreadableAnswer
from profiles.items import Access, Progress, Transport, no_progress

BLOCK = 64 * 1024
LARGEST_ANSWER = 256 * 1024 * 1024
"""Bytes. A message of 150 MB in base64 fits."""

_progress: ContextVar[Progress] = ContextVar("progress", default=no_progress)


@contextmanager
def reporting(progress: Progress) -> Iterator[None]:
    """Call `progress` whenever bytes move on this thread. Connections are shared between mailboxes, callers are not."""
    token = _progress.set(progress)
    try:
        yield
    finally:
        _progress.reset(token)


def _tell_progress() -> None:
    try:
        _progress.get()()
    except Exception as error:
        raise Stopped(error) from error


class BlockResponse(requests.Response):
    """An answer that is read in blocks; `timeout` is the longest wait for one of them, in seconds."""

    timeout: float

    def iter_content(self, chunk_size: int | None = 1, decode_unicode: bool = False) -> Iterator[Any]:
        """The content; exchangelib asks for it in blocks of one byte and gets larger ones."""
        if self._content_consumed:
            return super().iter_content(BLOCK)
        return self._arriving()

    def _arriving(self) -> Iterator[bytes]:
        deadline = monotonic() + network.PATIENCE * self.timeout
        received = 0
        try:
            while block := self.raw.read1(BLOCK, decode_content=True):
                received += len(block)
                if received > LARGEST_ANSWER:
                    raise Stopped(
                        UnreadableAnswer(f"The answer is larger than {LARGEST_ANSWER // 2**20} MB.", cause=Cause.SERVER)
                    )
                if monotonic() > deadline + received / network.LOWEST_RATE:
                    raise Stopped(Transient("The server sends its answer too slowly.", cause=Cause.TIMEOUT))
                _tell_progress()
                yield block
        except urllib3.exceptions.HTTPError as error:
            raise requests.exceptions.ChunkedEncodingError(error) from error
        self._content_consumed = True


class Upload(io.BytesIO):
    """A request body that leaves in blocks, so that each has its own time-out and is reported."""

    def read(self, size: int | None = -1, /) -> bytes:
        """The next block; urllib3 asks for small ones."""
        _tell_progress()
        return super().read(BLOCK)


class EndpointAdapter(HTTPAdapter):
    """Carries the requests of one `requests.Session` to one endpoint, over one connection, as `access` says."""

    def __init__(self, access: Access) -> None:
        self.access = access
        super().__init__(pool_connections=1, pool_maxsize=1, pool_block=True, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        """Connections of our own kind, which go only to addresses that were checked (law 10)."""
        if self.access.url.lower().startswith("https:"):
            pool_kwargs["ssl_context"] = trust(self.access.ca_file)
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _pool(urllib3.HTTPConnectionPool, self.access),
            "https": _pool(urllib3.HTTPSConnectionPool, self.access),
        }

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Always verify; whom to trust is in the context of the pool."""
        conn.cert_reqs = "CERT_REQUIRED"

    def send(self, request: Any, stream: bool = False, timeout: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Send one request. Streamed answers stay as exchangelib wants them: byte by byte."""
        sent = request
        if len(request.body or b"") > BLOCK:
            sent = request.copy()
            sent.body = Upload(request.body)
        response: Any = super().send(sent, stream, timeout, *args, **kwargs)
        response.request = request
        _tell_progress()
        if not stream:
            response.__class__ = BlockResponse
            response.timeout = self.access.timeout
        return response


def trust(ca_file: str) -> ssl.SSLContext:
    """The TLS context that trusts the system's authorities and those in `ca_file`. Raises MailboxUnavailable.

    Reading the authorities takes long, so a context is kept until its file changes.
    """
    changed = os.stat(ca_file).st_mtime if ca_file and os.path.exists(ca_file) else 0.0
    return _trust(ca_file, changed)


@lru_cache(maxsize=32)
def _trust(ca_file: str, changed: float) -> ssl.SSLContext:
    return network._tls_context(Access(Transport.EWS, address="", ca_file=ca_file))


def _pool(kind: Any, access: Access) -> type[Any]:
    """A pool of connections that open through the host guard."""

    base: Any = kind.ConnectionCls

    class Guarded(base):
        def connect(self) -> None:
            try:
                with network._handshake(f"{self.host}:{self.port}"):
                    super().connect()
            except ConnectorError as refusal:
                raise NotReached(refusal) from refusal

        def _new_conn(self) -> Any:
            return network._connect(replace(access, host=self.host), self.port)

    return type("GuardedPool", (kind,), {"ConnectionCls": Guarded})


class RaiseAtOnce(FailFast):
    """Never waits and never repeats: who calls decides when to come back. Keeps the delay a server asks for."""

    def raise_response_errors(self, response: requests.Response) -> None:
        """Raise what an HTTP status, a web page or a cut envelope means; SOAP faults are read later."""
        if response.status_code == 200 or (response.status_code == 500 and is_xml(response.content)):
            _require_envelope(response)
        elif "X-CasErrorCode" in response.headers:
            super().raise_response_errors(response)
        elif response.status_code >= 400 and b"account is currently locked out" in response.content:
            raise HttpStatus(401)
        elif "genericerrorpage" in response.headers.get("Location", "").lower():
            raise HttpStatus(503)  # how Exchange reports an outage when it redirects
        else:
            raise HttpStatus(response.status_code, retry_after(response.headers))


def _require_envelope(response: requests.Response) -> None:
    """A forgiving XML parser would take half an answer for a whole one, and half a message for a message (law 3)."""
    if not isinstance(response, BlockResponse):
        return
    if not (is_xml(response.content) and response.content.rstrip().endswith(b"Envelope>")):
        raise BrokenAnswer("The answer is not a whole SOAP envelope.")
