"""The SMTP face (RFC 5321, 4954, 3207, 1870, 6531): submission by accounts and arrival from outside, on one port.

What is accepted is routed at once. A submission leaves no copy in Sent Items, as with any plain SMTP server. Faults of
the operation `EOD` (end of mail data) strike the answer to the final dot; a fault of `DATA` with `after_effect` does so
too, after the message was routed.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import ssl
from dataclasses import dataclass, field

from serversync.sandbox.faults import Fault
from serversync.sandbox.lines import LineConnection, LineSession, ProtocolError, plain_credentials
from serversync.sandbox.store import SEND_AS, World

PATH = re.compile(r"^(FROM|TO):\s*<(?:@[^:]*:)?([^<>\s]*)>\s*(.*)$", re.IGNORECASE)
MAILBOX = re.compile(r"[^@\s]+@[^@\s]+")


def reply(code: int, *lines: str) -> bytes:
    """An SMTP answer of one or more lines (RFC 5321, 4.2.1)."""
    marks = ["-"] * (len(lines) - 1) + [" "]
    return "".join(f"{code}{mark}{line}\r\n" for mark, line in zip(marks, lines, strict=True)).encode()


@dataclass
class Envelope:
    """The transaction in progress: where the message comes from and where it goes."""

    sender: str
    smtputf8: bool = False
    recipients: list[str] = field(default_factory=list)


class SmtpSession(LineSession):
    """One SMTP conversation."""

    face = "smtp"

    def __init__(self, world: World, connection: LineConnection, tls: ssl.SSLContext | None) -> None:
        super().__init__(world, connection, tls)
        self.greeted = False
        self.envelope: Envelope | None = None
        self.received: tuple[Envelope, bytes] | None = None

    def greeting(self) -> bytes:
        """The first answer."""
        return reply(220, f"{self.world.settings.host_name} ESMTP")

    def refusal(self, fault: Fault) -> bytes:
        """The reply code and text of the fault; without a code 451 for being too busy, else 554."""
        code = int(fault.code) if fault.code.isdigit() else {"throttle": 451}.get(fault.effect, 554)
        return reply(code, fault.text or f"{code // 100}.0.0 {fault.words()}")

    def ends(self, answer: bytes) -> bool:
        """421 means that the server closes the connection (RFC 5321, 3.8)."""
        return answer.startswith(b"421")

    def refused(self, words: str) -> bytes:
        """The error answer to a command that cannot be understood."""
        return reply(501, f"5.5.2 {words}")

    def concerned(self, verb: str, argument: str) -> tuple[str, ...]:
        """The recipient of a RCPT first, then whoever is signed in."""
        path = PATH.match(argument) if verb == "RCPT" else None
        return (path[2] if path else "", *super().concerned(verb, argument))

    async def complete(self, verb: str, argument: str) -> str:
        """Asks for the SASL responses that did not come with AUTH, and notes who wants to sign in."""
        if verb != "AUTH":
            return argument
        mechanism, _, response = argument.partition(" ")
        if mechanism.upper() == "PLAIN":
            credentials = plain_credentials(response or await self._challenge(""))
        elif mechanism.upper() == "LOGIN":
            user = self._decoded(response or await self._challenge("Username:"))
            credentials = user, self._decoded(await self._challenge("Password:"))
        else:
            raise ProtocolError("Unknown mechanism")
        self.username = credentials[0]
        return "\0".join(credentials)

    async def execute(self, verb: str, argument: str) -> bytes:
        """Do what a command asks."""
        if verb == "STARTTLS":
            return await self._start_tls()
        if verb == "DATA":
            return await self._data()
        commands = {
            "EHLO": self._ehlo,
            "HELO": self._helo,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "RSET": self._rset,
            "NOOP": lambda _: reply(250, "2.0.0 Ok"),
            "EOD": lambda _: self._end_of_data(),
            "VRFY": lambda _: reply(252, "2.5.0 Send some mail and see"),
            "QUIT": lambda _: reply(221, "2.0.0 Good bye"),
        }
        command = commands.get(verb)
        return command(argument) if command else reply(500, "5.5.1 Unknown command")

    # Opening, TLS, sign-in

    def _ehlo(self, _: str) -> bytes:
        self.greeted = True
        self.envelope = None
        settings = self.world.settings
        abilities = ["8BITMIME", "ENHANCEDSTATUSCODES", f"SIZE {settings.size_limit}"]
        abilities += [] if self.world.has_switch("no_smtputf8", self.mailbox) else ["SMTPUTF8"]
        abilities += [] if self.world.has_switch("no_pipelining", self.mailbox) else ["PIPELINING"]
        abilities += ["STARTTLS"] if self.tls is not None and not self.connection.secure else []
        return reply(250, settings.host_name, *abilities, "AUTH PLAIN LOGIN")

    def _helo(self, _: str) -> bytes:
        self.greeted = True
        self.envelope = None
        return reply(250, self.world.settings.host_name)

    async def _start_tls(self) -> bytes:
        if self.tls is None or self.connection.secure:
            return reply(503, "5.5.1 TLS is not possible now")
        await self.connection.send(reply(220, "2.0.0 Begin TLS"))
        await self.connection.start_tls(self.tls)
        self.greeted = False
        self.envelope = None
        return b""

    async def _challenge(self, words: str) -> str:
        await self.connection.send(reply(334, base64.b64encode(words.encode()).decode()))
        return await self.connection.read_line()

    def _decoded(self, response: str) -> str:
        try:
            return base64.b64decode(response, validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise ProtocolError("Malformed credentials") from error

    def _auth(self, credentials: str) -> bytes:
        if self.mailbox is not None or not self.greeted:
            return reply(503, "5.5.1 Not now")
        user, _, password = credentials.partition("\0")
        self.mailbox = self.world.authenticate(user, password)
        if self.mailbox is None:
            return reply(535, "5.7.8 Wrong user name or password")
        return reply(235, "2.7.0 Welcome")

    # The transaction

    def _mail(self, argument: str) -> bytes:
        path = PATH.match(argument)
        if path is None or path[1].upper() != "FROM" or (path[2] and not MAILBOX.fullmatch(path[2])):
            return reply(501, "5.1.7 Malformed sender")
        if not self.greeted or self.envelope is not None:
            return reply(503, "5.5.1 Not now")
        if self.mailbox is None and self.world.settings.require_auth:
            return reply(530, "5.7.0 Sign in first")
        parameters = dict(word.upper().partition("=")[::2] for word in path[3].split())
        size = parameters.get("SIZE", "")
        if size.isdigit() and int(size) > self.world.settings.size_limit:
            return self._too_large()
        if not path[2].isascii() and "SMTPUTF8" not in parameters:
            return reply(553, "5.6.7 This address needs SMTPUTF8")
        if not self._may_send_as(path[2]):
            return reply(553, "5.7.1 That is not your address")
        self.envelope = Envelope(path[2], "SMTPUTF8" in parameters)
        return reply(250, "2.1.0 Ok")

    def _may_send_as(self, sender: str) -> bool:
        account = self.mailbox
        if account is None or account.impersonate or not self.world.has_switch("own_sender_only", account):
            return True
        return self.world.sender_right(account, sender) == SEND_AS

    def _rcpt(self, argument: str) -> bytes:
        path = PATH.match(argument)
        if self.envelope is None:
            return reply(503, "5.5.1 MAIL comes first")
        if path is None or path[1].upper() != "TO" or not MAILBOX.fullmatch(path[2]):
            return reply(501, "5.1.3 Malformed recipient")
        if not path[2].isascii() and not self.envelope.smtputf8:
            return reply(553, "5.6.7 This address needs SMTPUTF8")
        self.envelope.recipients.append(path[2])
        return reply(250, "2.1.5 Ok")

    def _rset(self, _: str) -> bytes:
        self.envelope = None
        return reply(250, "2.0.0 Ok")

    async def _data(self) -> bytes:
        if self.envelope is None:
            return reply(503, "5.5.1 MAIL comes first")
        if not self.envelope.recipients:
            return reply(554, "5.5.1 No valid recipients")
        await self.connection.send(reply(354, "End with a single dot"))
        raw = await self.connection.read_message()
        envelope, self.envelope = self.envelope, None
        if len(raw) > self.world.settings.size_limit:
            return self._too_large()
        self.received = envelope, raw
        if self.fault is None:
            self.note("EOD", "")
            if self.fault is not None:
                await self.answer_with_fault("EOD", "", self.fault)
                self.received = None
                return b""
        return self._end_of_data()

    def _end_of_data(self) -> bytes:
        """Route what was received; a client that sends `EOD` as a command has received nothing."""
        if self.received is None:
            return reply(500, "5.5.1 Unknown command")
        (envelope, raw), self.received = self.received, None
        self.world.route(envelope.sender, envelope.recipients, raw)
        return reply(250, "2.0.0 Ok, delivered")

    def _too_large(self) -> bytes:
        return reply(552, "5.3.4 The message is too large")


async def serve(
    world: World, host: str, port: int, tls: ssl.SSLContext | None = None, *, implicit_tls: bool = False
) -> asyncio.Server:
    """Start the SMTP face on a port (0 = any free one). With `tls` it offers STARTTLS, or is encrypted throughout."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await SmtpSession(world, LineConnection(reader, writer), tls).run()

    return await asyncio.start_server(converse, host, port, ssl=tls if implicit_tls else None)
