"""A server that follows a script: for what no honest server says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

Script = Callable[["Line"], None]


class Line:
    """The server's end of one connection."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self._lines = link.makefile("rb")

    def say(self, *lines: bytes) -> None:
        """Send lines, each with its CRLF."""
        self.link.sendall(b"".join(line + b"\r\n" for line in lines))

    def hear(self) -> bytes:
        """The next line of the client, without its end; b"" when it has left."""
        return self._lines.readline().rstrip(b"\r\n")


class ScriptedServer:
    """Plays `script` for every connection. Errors of a broken connection end that connection only."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.connections = 0
        self._links: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> ScriptedServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for link in self._links:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                link, _ = self._server.accept()
                self.connections += 1
                self._links.append(link)
                player = threading.Thread(target=self._play, args=(link,), daemon=True)
                self._threads.append(player)
                player.start()

    def _play(self, link: socket.socket) -> None:
        with suppress(OSError, ValueError), link:
            self._script(Line(link))


def pop3_script(answers: dict[bytes, list[bytes]], greeting: bytes = b"+OK ready") -> Script:
    """A POP3 server that gives fixed lines for each command, whole or by its verb, and +OK to all others."""

    def play(line: Line) -> None:
        line.say(greeting)
        while command := line.hear():
            verb = command.split(b" ")[0]
            line.say(*answers.get(command, answers.get(verb, [b"+OK"])))
            if verb == b"QUIT":
                return

    return play
