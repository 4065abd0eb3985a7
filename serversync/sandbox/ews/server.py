"""The EWS face of the sandbox: an HTTP server that answers SOAP requests at /EWS/Exchange.asmx, and tells at
/autodiscover/autodiscover.xml that it does.

Basic authentication only. Every request goes the same way: read, sign in, find out whose mailbox it is about, log,
let a planted fault strike, else do the work.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import logging
from dataclasses import replace

from serversync.sandbox.ews import autodiscover, soap, wire
from serversync.sandbox.ews.access import Call, acting_mailbox, target_address
from serversync.sandbox.ews.events import Subscriptions
from serversync.sandbox.ews.operations import OPERATIONS, Operation
from serversync.sandbox.ews.soap import EwsError, SoapRequest
from serversync.sandbox.ews.trouble import fault_response, planted_error, strike
from serversync.sandbox.ews.wire import HttpRequest, HttpResponse
from serversync.sandbox.store import FolderError, MailboxStore, World

PATH = "/ews/exchange.asmx"
FACE = "ews"
STREAM = "GetStreamingEvents"

log = logging.getLogger(__name__)


async def serve(world: World, host: str = "127.0.0.1", port: int = 0) -> asyncio.Server:
    """Start listening; port 0 picks a free one. Close the returned server to stop."""
    face = Face(world)
    return await asyncio.start_server(face.connection, host, port, limit=wire.MAX_LINE)


class Face:
    """The EWS face of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.subscriptions = Subscriptions(world)
        self.operations: dict[str, Operation] = {
            **OPERATIONS,
            "GetEvents": self.subscriptions.get_events,
            "Subscribe": self.subscriptions.subscribe,
            "Unsubscribe": self.subscriptions.unsubscribe,
        }

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side closes it."""
        # Cancelled only when the process ends: a streaming task that stays cancelled makes asyncio print a traceback.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._serve_requests(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def _serve_requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        keep_alive = True
        while keep_alive:
            try:
                request = await wire.read_request(reader, writer)
            except wire.BadRequest as error:
                await wire.send(writer, HttpResponse(400, str(error).encode(), "text/plain"))
                return
            if request is None:
                return
            answer = await self.answer(request)
            await wire.send(writer, answer)
            keep_alive = request.keep_alive and answer.cut_after is None

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """The answer to one HTTP request."""
        path = request.path.lower()
        if path not in (PATH, autodiscover.PATH):
            return HttpResponse(404, b"There is nothing here.", "text/plain")
        caller = self._sign_in(request)
        if caller is None:
            return _challenge()
        if path == autodiscover.PATH:
            return await self._tell_where(request)
        if request.method != "POST":
            return HttpResponse(405, b"Requests are posted here.", "text/plain", {"Allow": "POST"})
        try:
            envelope = soap.read_request(request.body)
            acting = acting_mailbox(self.world, caller, envelope.header)
        except EwsError as error:
            return fault_response(error)
        return await self._perform(Call(self.world, caller, acting, envelope.operation, envelope.body), envelope)

    async def _tell_where(self, request: HttpRequest) -> HttpResponse:
        """Autodiscover: this server has the mailboxes of all accounts."""
        address = autodiscover.address_in(request.body)
        self.world.log.record(FACE, autodiscover.OPERATION, address)

        def work() -> HttpResponse:
            ours = f"http://{request.headers.get('host', 'localhost')}/EWS/Exchange.asmx"
            url = self.world.settings.ews_location or ours
            return HttpResponse(200, autodiscover.answer(address, self.world.accounts.get(address.lower()), url))

        fault = self.world.faults.match(FACE, autodiscover.OPERATION, address)
        return work() if fault is None else await strike(fault, work)

    async def _perform(self, call: Call, envelope: SoapRequest) -> HttpResponse:
        mailbox = target_address(call, envelope)
        self.world.log.record(FACE, call.operation, mailbox)
        fault = self.world.faults.match(FACE, call.operation, mailbox)
        if fault is None:
            return self._work(call)
        planted = replace(call, planted=planted_error(fault), planted_after=fault.after_effect)
        return await strike(fault, lambda: self._work(planted))

    def _work(self, call: Call) -> HttpResponse:
        """Do the operation. Its refusals as a whole become faults, and so do mistakes of this server."""
        if call.operation == STREAM:
            return HttpResponse(200, chunks=self.subscriptions.stream(call))
        operation = self.operations.get(call.operation)
        try:
            if operation is None:
                raise EwsError("ErrorInvalidOperation", f"This server does not know {call.operation}.")
            return HttpResponse(200, soap.response(call.operation, operation(call)))
        except EwsError as error:
            return fault_response(error)
        except FolderError as error:
            return fault_response(EwsError(error.code, str(error)))
        except Exception as error:
            log.exception("The operation %s failed.", call.operation)
            return fault_response(EwsError("ErrorInternalServerError", f"The sandbox made a mistake: {error}"))

    def _sign_in(self, request: HttpRequest) -> MailboxStore | None:
        """The account whose credentials a request carries. Wrong ones are logged, so that tests can count them."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(token, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        account = self.world.authenticate(user.rpartition("\\")[2], password)
        if account is None:
            self.world.log.record(FACE, "Unauthorized", user)
        return account


def _challenge() -> HttpResponse:
    return HttpResponse(401, b"", "text/html; charset=utf-8", {"WWW-Authenticate": 'Basic realm="sandbox"'})
