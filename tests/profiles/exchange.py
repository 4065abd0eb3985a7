"""Exchange as the tests of the EWS connector see it: the sandbox with Alice, Bob and a service account."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from profiles.connectors import open_outbox, open_source
from profiles.connectors.base import MailSource, Outbox
from profiles.items import Access, Missing, Page, Tls, Transport
from tests.profiles import stages
from tests.profiles.stages import SandboxStage
from tests.world import SandboxProcess

ALICE = "alice@us.test"
BOB = "bob@us.test"
SERVICE = "service@us.test"
CAROL = "carol@them.test"
PASSWORD = "wonder-land-9"
LOCAL = frozenset({"127.0.0.1", "localhost"})


def set_up(sandbox: SandboxProcess) -> SandboxProcess:
    """Our three accounts in an empty world."""
    sandbox.account(ALICE, PASSWORD)
    sandbox.account(BOB, PASSWORD)
    sandbox.account(SERVICE, PASSWORD, impersonate=True)
    return sandbox


def access(url: str, address: str = ALICE, **changes: Any) -> Access:
    """How the service account reaches a mailbox, by impersonation unless told otherwise."""
    usual = Access(
        Transport.EWS,
        address,
        url=url,
        tls=Tls.IMPLICIT,
        username=SERVICE,
        password=PASSWORD,
        impersonate=True,
        timeout=3.0,
        allowed_local_hosts=LOCAL,
    )
    return replace(usual, **changes)


def keys(pages: list[Page]) -> list[str]:
    """The keys that pages showed, in order."""
    return [shown.key for page in pages for shown in page.shown]


def requests(sandbox: SandboxProcess) -> dict[str, int]:
    """How often each EWS operation was asked for since the log was cleared."""
    return dict(sandbox.log()["counters"].get("ews", {}))


def errors(found: list[object]) -> list[str]:
    """What is said about the items that could not be had."""
    return [one.error for one in found if isinstance(one, Missing)]


Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def canned(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that gives one and the same answer to everything; the value is its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        body = b""

        def do_POST(self) -> None:
            self.body = self.rfile.read(int(self.headers["Content-Length"]))
            answer(self)

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        start = "https://localhost" if tls else "http://127.0.0.1"
        yield f"{start}:{server.server_port}/EWS/Exchange.asmx"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def says(body: bytes | str, status: int = 200, **headers: str) -> Answer:
    """An answer with this body."""
    content = body.encode() if isinstance(body, str) else body

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response_only(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def soap(operation: str, *messages: str) -> str:
    """An envelope with response messages; `m` and `t` are the usual prefixes."""
    return (
        '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" '
        'xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Body>'
        f"<m:{operation}Response><m:ResponseMessages>{''.join(messages)}</m:ResponseMessages></m:{operation}Response>"
        "</s:Body></s:Envelope>"
    )


def success(operation: str, content: str) -> str:
    """A response message of something that worked."""
    return (
        f'<m:{operation}ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>{content}'
        f"</m:{operation}ResponseMessage>"
    )


def refusal(operation: str, code: str, content: str = "") -> str:
    """A response message of something that did not work."""
    return (
        f'<m:{operation}ResponseMessage ResponseClass="Error"><m:MessageText>No.</m:MessageText>'
        f"<m:ResponseCode>{code}</m:ResponseCode>{content}</m:{operation}ResponseMessage>"
    )


class EwsStage(SandboxStage):
    """Alice's mailbox in Exchange, read and sent from with her own password; the stage of the conformance suite."""

    exact = True
    face = "ews"
    login = "Unauthorized"  # how the sandbox logs a wrong password

    def base_access(self) -> Access:
        """Basic authentication, not encrypted."""
        return access(self.sandbox.ews_url, username=ALICE, password=stages.PASSWORD, impersonate=False, timeout=10)

    def source(self, **changes: Any) -> MailSource:
        return open_source(replace(self.access, **changes))

    def outbox(self, **changes: Any) -> Outbox:
        return open_outbox(replace(self.access, **changes))

    def deliver(self, raw: bytes) -> None:
        self.sandbox.deliver(ALICE, raw)

    def remove(self, position: int) -> None:
        self.sandbox.delete(ALICE, self.sandbox.inbox(ALICE)[position]["id"])

    def tag(self, position: int, *categories: str) -> None:
        self.sandbox.update(ALICE, self.sandbox.inbox(ALICE)[position]["id"], categories=list(categories))

    def make_folder(self, name: str, parent: str = "", *, for_mail: bool = True) -> str:
        return self.sandbox.folder(ALICE, name, parent or None, "" if for_mail else "IPF.Appointment")

    def rename_folder(self, folder: str, name: str) -> None:
        self.sandbox.rename_folder(ALICE, folder, name)

    def move_folder(self, folder: str, parent: str) -> None:
        self.sandbox.move_folder(ALICE, folder, parent or None)

    def delete_folder(self, folder: str) -> None:
        self.sandbox.delete_folder(ALICE, folder)

    def put(self, folder: str, raw: bytes) -> str:
        return self.sandbox.deliver(ALICE, raw, folder=folder)[0]

    def move_mail(self, key: str, folder: str) -> str:
        return self.sandbox.move(ALICE, key, folder)

    def read(self, key: str) -> None:
        self.sandbox.update(ALICE, key, is_read=True)

    def restore(self) -> None:
        self.sandbox.restore(ALICE)

    def held(self, folder: str) -> list[str]:
        return [item["id"] for item in self.sandbox.inbox(ALICE, folder)]

    def snapshot(self) -> object:
        return self.sandbox.inbox(ALICE)

    def arrived(self, address: str) -> list[bytes]:
        return [self.sandbox.raw(address, item["id"]) for item in self.sandbox.inbox(address)]

    def lose_answer(self) -> None:
        self.fault("SendItem", "drop", after_effect=True)

    def echo_password(self) -> None:
        """Exchange answers the next request with the password in its words."""
        self.fault("*", "soap", code="ErrorServerBusy", text=f"Not with {stages.PASSWORD}")


class EwsSourceStage(EwsStage):
    """Where Alice reads."""

    def elsewhere(self) -> MailSource:
        return self.source(url=f"http://127.0.0.1:{stages.closed_port()}/EWS/Exchange.asmx")

    def hang(self) -> None:
        self.fault("SyncFolderItems", "hang", seconds=2)

    def throttle(self, delay: timedelta) -> None:
        self.fault("SyncFolderItems", "throttle", delay_seconds=delay.total_seconds())


class EwsOutboxStage(EwsStage):
    """Where Alice sends."""

    def elsewhere(self) -> Outbox:
        return self.outbox(url=f"http://127.0.0.1:{stages.closed_port()}/EWS/Exchange.asmx")

    def hang(self) -> None:
        self.fault("CreateItem", "hang", seconds=2)

    def throttle(self, delay: timedelta) -> None:
        self.fault("CreateItem", "throttle", delay_seconds=delay.total_seconds())
