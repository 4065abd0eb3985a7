"""What the line protocols share: reading lines, SASL PLAIN, and letting faults distort an answer."""

from __future__ import annotations

import asyncio
import base64
import binascii
import ssl
from abc import ABC, abstractmethod

from serversync.sandbox.faults import Fault
from serversync.sandbox.store import MailboxStore, World

LONGEST_LINE = 65_536
GARBAGE = b"\x00\xff\xfe\x16\x03\x01 ~~~ \x80\x81\r\n"
WEB_PAGE = b"<html><body><h1>Please sign in to the network</h1></body></html>\r\n"


class ConnectionOver(Exception):
    """The peer went away, or a fault closes the connection."""


class ProtocolError(Exception):
    """The peer said something that cannot be understood; `str()` is the text of the refusal."""


class LineConnection:
    """One TCP connection, read line by line. Its own buffer shows whether the peer has already sent more."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._buffer = bytearray()
        self.secure = writer.get_extra_info("ssl_object") is not None

    @property
    def pending(self) -> bool:
        """Whether the peer has sent more than was read so far: it is pipelining."""
        return bool(self._buffer)

    async def read_line(self) -> str:
        """The next line without its line end; bytes that are not UTF-8 become U+FFFD. Raises ConnectionOver."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > LONGEST_LINE:
                raise ConnectionOver
            await self._read_more()
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        return line.decode("utf-8", "replace")

    async def read_message(self) -> bytes:
        """Everything up to the line with a single dot, the doubled dots undone (RFC 5321, 4.5.2)."""
        self._buffer[:0] = b"\r\n"
        searched = 0
        while (end := self._buffer.find(b"\r\n.\r\n", searched)) < 0:
            searched = max(0, len(self._buffer) - 4)
            await self._read_more()
        message = bytes(self._buffer[: end + 2]).replace(b"\r\n..", b"\r\n.")
        del self._buffer[: end + 5]
        return message[2:]

    async def send(self, data: bytes) -> None:
        """Send bytes and wait until the socket has room again. Raises ConnectionOver."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except (ConnectionError, ssl.SSLError) as error:
            raise ConnectionOver from error

    async def silence(self, seconds: float) -> None:
        """Say nothing for so many seconds, or until the peer gives up."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await self._read_more()
        except TimeoutError:
            return

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Encrypt from here on. What was sent ahead in clear text is thrown away (RFC 3207, 4.2)."""
        self._buffer.clear()
        try:
            await self._writer.start_tls(context)
        except (ConnectionError, ssl.SSLError) as error:
            raise ConnectionOver from error
        self.secure = True

    def close(self) -> None:
        """Close the connection after what was sent has gone out. Nobody waits for the peer to agree."""
        self._writer.close()

    async def _read_more(self) -> None:
        try:
            data = await self._reader.read(65_536)
        except (ConnectionError, ssl.SSLError) as error:
            raise ConnectionOver from error
        if not data:
            raise ConnectionOver
        self._buffer += data


class LineSession(ABC):
    """One conversation: reads commands, asks for faults, lets the face execute, and answers.

    A face gives `face`, `greeting`, `execute`, `refusal` and `shortened`; it may tell by `concerned` whom a command is
    about, and complete a command by `complete` before faults are asked for.
    """

    face = ""
    goodbye = frozenset({"QUIT"})
    sign_in = frozenset({"PASS", "AUTH"})

    def __init__(self, world: World, connection: LineConnection, tls: ssl.SSLContext | None = None) -> None:
        self.world = world
        self.connection = connection
        self.tls = tls
        self.username = ""
        self.mailbox: MailboxStore | None = None
        self.fault: Fault | None = None

    @abstractmethod
    def greeting(self) -> bytes:
        """The first answer, before any command."""

    @abstractmethod
    async def execute(self, verb: str, argument: str) -> bytes:
        """Do what a command asks and return the whole answer."""

    @abstractmethod
    def refusal(self, fault: Fault) -> bytes:
        """The error answer with which this protocol shows the fault."""

    @abstractmethod
    def refused(self, words: str) -> bytes:
        """The error answer to a command that cannot be understood."""

    def shortened(self, reply: bytes, length: int) -> bytes:
        """An answer that ends after `length` bytes and still looks complete."""
        return reply[:length] + b"\r\n"

    def ends(self, answer: bytes) -> bool:
        """Whether the connection is closed after this answer."""
        return False

    def concerned(self, verb: str, argument: str) -> tuple[str, ...]:
        """The addresses that faults of this command may be meant for."""
        if self.mailbox is not None:
            return (self.mailbox.address,)
        return (self.username,) if verb in self.sign_in else ()

    async def complete(self, verb: str, argument: str) -> str:
        """The argument with everything the peer sends in further lines. Raises ProtocolError."""
        return argument

    async def run(self) -> None:
        """Hold the conversation until one side ends it."""
        try:
            self.note("CONNECT", "")
            if self.fault is None:
                await self.connection.send(self.greeting())
            else:
                await self.answer_with_fault("CONNECT", "", self.fault)
                self.fault = None
            while await self._serve_command():
                pass
        except ConnectionOver:
            pass
        finally:
            self.connection.close()

    def note(self, verb: str, argument: str) -> None:
        """Log a command and find its fault."""
        self.world.log.record(self.face, verb, self.mailbox.address if self.mailbox else self.username)
        self.fault = self.world.faults.match(self.face, verb, *self.concerned(verb, argument))

    async def _serve_command(self) -> bool:
        verb, _, argument = (await self.connection.read_line()).partition(" ")
        verb = verb.upper()
        if self.connection.pending and self.world.has_switch("no_pipelining", self.mailbox):
            await self.connection.send(self.refused("One command at a time, please"))
            raise ConnectionOver
        try:
            argument = await self.complete(verb, argument if verb == "PASS" else argument.strip())
            self.note(verb, argument)
            if self.fault is None:
                await self.connection.send(await self.execute(verb, argument))
            else:
                await self.answer_with_fault(verb, argument, self.fault)
        except ProtocolError as error:
            await self.connection.send(self.refused(str(error)))
        return verb not in self.goodbye

    async def answer_with_fault(self, verb: str, argument: str, fault: Fault) -> None:
        """Answer a command as the fault lets it be. Raises ConnectionOver if the connection is to be closed."""
        answers = fault.effect in ("latency", "truncate", "lie") or fault.after_bytes is not None
        reply = b""
        if fault.after_effect or answers:
            reply = self.greeting() if verb == "CONNECT" else await self.execute(verb, argument)
        if fault.effect in ("hang", "drop"):
            await self._fall_silent(fault, reply)
        elif fault.effect == "latency":
            await asyncio.sleep(fault.seconds)
            await self.connection.send(reply)
        else:
            answer = self._distorted(reply, fault)
            await self.connection.send(answer)
            if self.ends(answer) or (verb == "CONNECT" and not answers):
                raise ConnectionOver

    async def _fall_silent(self, fault: Fault, reply: bytes) -> None:
        if fault.after_bytes is not None:
            await self.connection.send(reply[: fault.after_bytes])
        if fault.effect == "hang":
            await self.connection.silence(fault.seconds)
        raise ConnectionOver

    def _distorted(self, reply: bytes, fault: Fault) -> bytes:
        if fault.effect == "truncate":
            return self.shortened(reply, fault.after_bytes or 0)
        if fault.effect == "lie":
            return reply
        return {"garbage": GARBAGE, "html": WEB_PAGE}.get(fault.effect) or self.refusal(fault)


def plain_credentials(response: str) -> tuple[str, str]:
    """User and password from a SASL PLAIN response (RFC 4616). Raises ProtocolError."""
    try:
        _, user, password = base64.b64decode(response, validate=True).decode().split("\0")
    except (binascii.Error, ValueError) as error:
        raise ProtocolError("Malformed credentials") from error
    return user, password
