"""The POP3 face (RFC 1939, 2449, 2595, 3206, 5034): the inbox of an account, oldest message first.

Messages marked by DELE go at QUIT only. Commands may be pipelined unless the switch `no_pipelining` is set.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable

from serversync.sandbox.faults import Fault
from serversync.sandbox.lines import LineConnection, LineSession, ProtocolError, plain_credentials
from serversync.sandbox.store import Item, MailboxStore, World

BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
OK = b"+OK\r\n"


def wire_form(raw: bytes) -> bytes:
    """The message as it goes over the wire: every line ends in CRLF."""
    lines = BARE_LINE_FEED.sub(b"\r\n", raw)
    return lines if lines.endswith(b"\r\n") else lines + b"\r\n"


def wire_size(raw: bytes) -> int:
    """The length of `wire_form(raw)` in bytes, without building it."""
    line_feeds = raw.count(b"\n")
    return len(raw) + line_feeds - raw.count(b"\r\n") + (0 if raw.endswith(b"\n") else 2)


def dotted(text: bytes) -> bytes:
    """The lines with leading dots doubled, and the closing dot (RFC 1939, 3). The text must end in CRLF or be empty."""
    stuffed = text.replace(b"\r\n.", b"\r\n..")
    return (b"." if stuffed.startswith(b".") else b"") + stuffed + b".\r\n"


def first_lines(message: bytes, count: int) -> bytes:
    """The header block, the empty line, and so many lines of the body, for TOP. The message is in wire form."""
    header, separator, body = message.partition(b"\r\n\r\n")
    return header + separator + b"".join(body.splitlines(keepends=True)[:count]) if separator else message


class Pop3Session(LineSession):
    """One POP3 conversation. Message numbers stay what they were at sign-in."""

    face = "pop3"

    def __init__(self, world: World, connection: LineConnection, locked: set[str], tls: ssl.SSLContext | None) -> None:
        super().__init__(world, connection, tls)
        self.locked = locked
        self.holds_lock = False
        self.messages: list[Item] = []
        self.deleted: set[int] = set()

    def greeting(self) -> bytes:
        """The first answer."""
        return f"+OK {self.world.settings.host_name} is ready\r\n".encode()

    def refusal(self, fault: Fault) -> bytes:
        """`-ERR` with the code of RFC 2449 or 3206 that fits the fault."""
        code = {"throttle": "[SYS/TEMP] ", "response": "[SYS/PERM] "}.get(fault.effect, "")
        return f"-ERR {code}{fault.words()}\r\n".encode()

    def refused(self, words: str) -> bytes:
        """The error answer to a command that cannot be understood."""
        return f"-ERR {words}\r\n".encode()

    def shortened(self, reply: bytes, length: int) -> bytes:
        """A message that ends early and is closed by the usual dot; the status line is not counted."""
        status, separator, body = reply.partition(b"\r\n")
        return status + separator + body[:length].rstrip(b"\r\n") + b"\r\n.\r\n" if body else reply

    async def complete(self, verb: str, argument: str) -> str:
        """Notes who wants to sign in, and asks for the SASL response if it did not come with the command."""
        if verb == "USER":
            self.username = argument
        if verb != "AUTH" or not argument.upper().startswith("PLAIN"):
            return argument
        response = argument[5:].strip()
        if not response:
            await self.connection.send(b"+ \r\n")
            response = await self.connection.read_line()
        self.username, _ = plain_credentials(response)
        return response

    async def execute(self, verb: str, argument: str) -> bytes:
        """Do what a command asks; commands of the wrong state are refused."""
        if verb == "STLS":
            return await self._start_tls()
        command = self._commands().get(verb)
        if command is None:
            raise ProtocolError("Unknown command, or not now")
        return command(argument)

    async def run(self) -> None:
        """Hold the conversation, and free the maildrop afterwards."""
        try:
            await super().run()
        finally:
            self._unlock()

    def _unlock(self) -> None:
        if self.holds_lock and self.mailbox is not None:
            self.locked.discard(self.mailbox.address.lower())

    def _commands(self) -> dict[str, Callable[[str], bytes]]:
        always = {"CAPA": self._capa, "QUIT": self._quit}
        if self.mailbox is None:
            return always | {"USER": self._user, "PASS": self._pass, "AUTH": self._auth}
        transaction = {
            "STAT": self._stat,
            "LIST": self._list,
            "RETR": self._retr,
            "DELE": self._dele,
            "RSET": self._rset,
            "NOOP": lambda _: OK,
        }
        if not self._switched("no_uidl"):
            transaction["UIDL"] = self._uidl
        if not self._switched("no_top"):
            transaction["TOP"] = self._top
        return always | transaction

    def _switched(self, name: str) -> bool:
        return self.world.has_switch(name, self.mailbox)

    # Before and at sign-in

    async def _start_tls(self) -> bytes:
        if self.tls is None or self.connection.secure or self.mailbox is not None:
            raise ProtocolError("TLS is not possible now")
        await self.connection.send(b"+OK Begin TLS\r\n")
        await self.connection.start_tls(self.tls)
        return b""

    def _capa(self, _: str) -> bytes:
        abilities = ["USER", "RESP-CODES", "AUTH-RESP-CODE"]
        abilities += [] if self._switched("no_uidl") else ["UIDL"]
        abilities += [] if self._switched("no_top") else ["TOP"]
        abilities += [] if self._switched("no_pipelining") else ["PIPELINING"]
        abilities += [] if self._switched("no_auth_plain") else ["SASL PLAIN"]
        abilities += ["STLS"] if self.tls is not None and not self.connection.secure else []
        return "+OK\r\n{}\r\n.\r\n".format("\r\n".join(abilities)).encode()

    def _user(self, argument: str) -> bytes:
        return OK if argument else b"-ERR USER needs a name\r\n"

    def _pass(self, password: str) -> bytes:
        return self._sign_in(self.username, password)

    def _auth(self, argument: str) -> bytes:
        if not argument:
            return b"+OK\r\nPLAIN\r\n.\r\n"
        if self._switched("no_auth_plain"):
            raise ProtocolError("Unknown mechanism")
        return self._sign_in(*plain_credentials(argument))

    def _sign_in(self, user: str, password: str) -> bytes:
        account = self.world.authenticate(user, password)
        if account is None:
            return b"-ERR [AUTH] Wrong user name or password\r\n"
        if self.world.has_switch("maildrop_lock", account) and not self._lock(account):
            return b"-ERR [IN-USE] Another session has this mailbox open\r\n"
        self.mailbox = account
        self.messages = sorted(account.folder("inbox").items.values(), key=lambda item: (item.received, item.seq))
        return f"+OK {len(self.messages)} messages\r\n".encode()

    def _lock(self, account: MailboxStore) -> bool:
        key = account.address.lower()
        if key in self.locked:
            return False
        self.locked.add(key)
        self.holds_lock = True
        return True

    # After sign-in

    def _shown(self) -> list[tuple[int, Item]]:
        return [(n, item) for n, item in enumerate(self.messages, 1) if n not in self.deleted]

    def _message(self, number: str) -> tuple[int, Item]:
        """The message with this number. Raises ProtocolError."""
        if not (number.isascii() and number.isdigit() and 1 <= int(number) <= len(self.messages)):
            raise ProtocolError("No such message")
        if int(number) in self.deleted:
            raise ProtocolError("That message is deleted")
        return int(number), self.messages[int(number) - 1]

    def _size_told(self, item: Item) -> int:
        lie = self.fault.extra_bytes if self.fault and self.fault.effect == "lie" else 0
        return max(0, wire_size(item.raw) + lie)

    def _stat(self, _: str) -> bytes:
        shown = self._shown()
        return f"+OK {len(shown)} {sum(self._size_told(item) for _, item in shown)}\r\n".encode()

    def _list(self, argument: str) -> bytes:
        return self._listing(argument, lambda item: str(self._size_told(item)))

    def _uidl(self, argument: str) -> bytes:
        return self._listing(argument, lambda item: item.uidl)

    def _listing(self, argument: str, tell: Callable[[Item], str]) -> bytes:
        if argument:
            number, item = self._message(argument)
            return f"+OK {number} {tell(item)}\r\n".encode()
        lines = [f"{number} {tell(item)}\r\n" for number, item in self._shown()]
        return f"+OK {len(lines)} messages\r\n{''.join(lines)}.\r\n".encode()

    def _retr(self, argument: str) -> bytes:
        _, item = self._message(argument)
        return f"+OK {self._size_told(item)} octets\r\n".encode() + dotted(wire_form(item.raw))

    def _top(self, argument: str) -> bytes:
        number, _, count = argument.partition(" ")
        _, item = self._message(number)
        if not (count.isascii() and count.isdigit()):
            raise ProtocolError("TOP needs a number of lines")
        return OK + dotted(first_lines(wire_form(item.raw), int(count)))

    def _dele(self, argument: str) -> bytes:
        number, _ = self._message(argument)
        self.deleted.add(number)
        return OK

    def _rset(self, _: str) -> bytes:
        self.deleted.clear()
        return OK

    def _quit(self, _: str) -> bytes:
        if self.mailbox is not None:
            for number in self.deleted:
                self.mailbox.delete(self.messages[number - 1])
        return b"+OK Good bye\r\n"


async def serve(
    world: World, host: str, port: int, tls: ssl.SSLContext | None = None, *, implicit_tls: bool = False
) -> asyncio.Server:
    """Start the POP3 face on a port (0 = any free one). With `tls` it offers STLS, or is encrypted throughout."""
    locked: set[str] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Pop3Session(world, LineConnection(reader, writer), locked, tls).run()

    return await asyncio.start_server(converse, host, port, ssl=tls if implicit_tls else None)
