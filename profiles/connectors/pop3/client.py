"""A POP3 client (RFC 1939) that keeps the line full: many requests are under way while answers are read.

Extensions: CAPA, PIPELINING, RESP-CODES and LOGIN-DELAY (RFC 2449), STLS (RFC 2595), AUTH PLAIN (RFC 5034). One object
is one session: the server shows one unchanging maildrop during it, numbered from 1, oldest first.

Nothing is deleted unless `delete` is called. Some servers note in `QUIT` which messages were read; `RSET` makes them
forget it, so a session that only read leaves no trace (5.2).
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from profiles.connectors.base import (
    AuthenticationFailed,
    Cause,
    ConnectorError,
    MailboxUnavailable,
    Throttled,
    Transient,
)
from profiles.connectors.network import CHECK_PORT, Connection, wrong_greeting
from profiles.connectors.words import asks_to_wait, plain_response, refused_login, said, told_delay
from profiles.items import Access, Progress, Tls

PORTS = {Tls.IMPLICIT: 995, Tls.STARTTLS: 110, Tls.NONE: 110}
WINDOW = 100
"""Requests under way at once."""
WINDOW_BYTES = 8 * 1024 * 1024
"""Bytes of messages under way at once, as LIST tells their sizes; a bigger message goes alone."""
LARGEST_MESSAGE = 512 * 1024 * 1024
"""Bytes; bigger messages are never fetched, whoever asks for them (5.19)."""
LARGEST_BODY = LARGEST_MESSAGE + 1024 * 1024
LONGEST_UID = 255
TEMPORARY = re.compile(
    r"^\[(?:IN-USE|SYS/TEMP)\]|(?:maildrop|mailbox|mail drop).*\b(?:locked|in use|busy)\b", re.IGNORECASE
)

WRONG_LOGIN = re.compile(
    r"^\[AUTH\]|^(?!.*too many).*\b(?:invalid|wrong|incorrect|bad|unknown)\b.*\b(?:password|credential|user|log-?in)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The server answered -ERR, with these words."""

    words: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One message of the maildrop: its number in this session, its unique id ("" if the server gave none that can be
    used) and its size in bytes (0 if not told)."""

    number: int
    uid: str
    size: int


class Pop3Session:
    """One session, logged in on creation. Raises only errors of the connector family; after any of them it is of no
    further use, call `close`."""

    def __init__(self, access: Access, progress: Progress) -> None:
        self._access = access
        self._name = f"{access.host}:{access.port or PORTS[access.tls]}"
        self._capabilities: dict[str, str] = {}
        self._owed = 0  # multi-line answers that were asked for and not yet read
        self._turn: object = None  # the retrieval that may read answers
        _check_credentials(access)
        self._connection = Connection(access, PORTS[access.tls], progress)
        try:
            self._begin()
        except BaseException:
            self._connection.close()
            raise

    @property
    def pipelining(self) -> bool:
        """Whether the server takes several commands at once."""
        return "PIPELINING" in self._capabilities

    @property
    def tops(self) -> bool:
        """Whether the server can send the header block alone."""
        return "TOP" in self._capabilities

    def maildrop(self) -> list[Listed]:
        """Every message in maildrop order, oldest first (UIDL and LIST). A message that only one of the two answers
        names is not lost. Raises MailboxUnavailable if the server has no UIDL: without it nothing can be told apart."""
        uids, sizes = self._exchange("UIDL", "LIST")
        if isinstance(uids, Refusal):
            raise self._translated(uids, self._no_unique_ids(uids))
        uid_of = _numbered(uids)
        size_of = {} if isinstance(sizes, Refusal) else _numbered(sizes)
        return [
            Listed(number, _usable_uid(uid_of.get(number, b"")), _size(size_of.get(number, b"")))
            for number in sorted(uid_of.keys() | size_of.keys())
        ]

    def retrieve(self, wanted: Sequence[Listed]) -> Iterator[bytes | Refusal]:
        """The messages, whole and in the order asked for; a Refusal in the place of each that the server refuses.

        Every line ends with CRLF, as POP3 sends it. A retrieval that another command overtakes raises Transient.
        Raises ReplyTooLong for a message that grows beyond LARGEST_BODY.
        """
        return self._stream([(f"RETR {message.number}", message.size) for message in wanted])

    def headers(self, wanted: Sequence[Listed]) -> Iterator[bytes | Refusal]:
        """The header blocks of the messages, like `retrieve`; only where the server `tops`."""
        return self._stream([(f"TOP {message.number} 0", 1) for message in wanted])

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete the messages and end the session: servers delete when they answer QUIT (RFC 1939 §6).

        Raises Transient if any was refused or the end was not acknowledged: then list again to see what is gone.
        """
        self._require("RSET")  # forgets what was only read, 5.2
        refused = [answer for answer in self._commands([f"DELE {number}" for number in numbers]) if answer]
        self._require("QUIT")
        self._connection.close()
        if refused:
            message = f"{self._name} refused to delete {len(refused)} of {len(numbers)} messages."
            raise self._translated(refused[0], Transient(message, words=refused[0].words))

    def close(self) -> None:
        """End a session that only read; never raises. With answers still under way the line is simply cut, which
        changes nothing on the server either (RFC 1939 §6)."""
        if not self._owed:
            self._connection.hurry()
            with suppress(ConnectorError):
                list(self._commands(["RSET", "QUIT"]))
        self._connection.close()

    def cut(self) -> None:
        """Cut the line at once, after an error; never raises."""
        self._connection.close()

    # The beginning

    def _begin(self) -> None:
        greeting = self._connection.line()
        if not greeting.startswith((b"+OK", b"-ERR")):
            raise wrong_greeting(self._name, greeting, "POP3")
        if refusal := self._refusal(greeting):
            busy = Transient(f"{self._name} takes no one now.", words=refusal.words, cause=Cause.SERVER)
            raise self._translated(refusal, busy)
        self._learn_capabilities()
        if self._access.tls is Tls.STARTTLS:
            self._start_tls()
        self._log_in()

    def _learn_capabilities(self) -> None:
        [answer] = self._exchange("CAPA")
        lines = [] if isinstance(answer, Refusal) else answer.decode("ascii", "replace").upper().splitlines()
        self._capabilities = {name: rest.strip() for name, _, rest in (line.partition(" ") for line in lines)}

    def _start_tls(self) -> None:
        if refusal := self._command("STLS"):
            message = f"{self._name} does not offer STLS."
            raise MailboxUnavailable(message, words=refusal.words, remedy=CHECK_PORT, cause=Cause.TLS_MODE)
        self._connection.start_tls()
        self._learn_capabilities()  # what was said in clear may have been forged (RFC 2595 §4)

    def _log_in(self) -> None:
        if "USER" in self._capabilities or not self._capabilities:
            user, password = f"USER {self._access.username}", f"PASS {self._access.password}"
            refusal = self._command(user) or self._command(password)
        elif "PLAIN" in self._capabilities.get("SASL", "").split():
            refusal = self._command(f"AUTH PLAIN {plain_response(self._access)}")
        else:
            raise MailboxUnavailable(
                f"{self._name} offers no way to log in that we know (USER or AUTH PLAIN).",
                remedy="Many servers allow it on encrypted connections only: turn encryption on in the server profile.",
                cause=Cause.LOGIN_METHOD,
            )
        if refusal:
            raise self._login_refused(refusal)

    # Requests and answers

    def _stream(self, requests: Sequence[tuple[str, int]]) -> Iterator[bytes | Refusal]:
        waiting, asked = deque(requests), deque[int]()
        self._drain()
        turn = self._turn = object()
        while waiting or asked:
            if self._turn is not turn:
                raise Transient(f"Reading from {self._name} was interrupted by another command.")
            # Asking again only when half of the window is read keeps the packets few.
            if len(asked) <= WINDOW // 2:
                self._ask(waiting, asked)
            answer = self._multiline()
            self._owed -= 1
            asked.popleft()
            if isinstance(answer, Refusal) and asks_to_wait(answer.words):
                raise self._translated(answer, Transient(f"{self._name} refused a message.", words=answer.words))
            yield answer

    def _ask(self, waiting: deque[tuple[str, int]], asked: deque[int]) -> None:
        """Send as many requests as the window has room for, but at least one if none is under way."""
        window = WINDOW if self.pipelining else 1
        batch: list[str] = []
        under_way = sum(asked)
        while waiting and len(asked) < window:
            command, size = waiting[0]
            cost = size or WINDOW_BYTES  # an untold size may be anything
            if asked and under_way + cost > WINDOW_BYTES:
                break
            waiting.popleft()
            batch.append(command)
            asked.append(cost)
            under_way += cost
        if batch:
            self._owed += len(batch)
            self._send(*batch)

    def _drain(self) -> None:
        """Read the answers that an abandoned retrieval left under way."""
        self._turn = None
        while self._owed:
            self._multiline()
            self._owed -= 1

    def _exchange(self, *commands: str) -> list[bytes | Refusal]:
        """The multi-line answers to the commands, sent at once if the server takes it."""
        self._drain()
        if self.pipelining:
            self._send(*commands)
            return [self._multiline() for _ in commands]
        answers = []
        for command in commands:
            self._send(command)
            answers.append(self._multiline())
        return answers

    def _command(self, command: str) -> Refusal | None:
        return next(self._commands([command]))

    def _commands(self, commands: Sequence[str]) -> Iterator[Refusal | None]:
        """The one-line answers to the commands, which are sent in windows if the server takes it."""
        self._drain()
        window = WINDOW if self.pipelining else 1
        for start in range(0, len(commands), window):
            batch = commands[start : start + window]
            self._send(*batch)
            # All are read before the first is handed out, so that nobody leaves any behind.
            yield from [self._status() for _ in batch]

    def _require(self, command: str) -> None:
        if refusal := self._command(command):
            raise self._translated(refusal, Transient(f"{self._name} refused {command}.", words=refusal.words))

    def _send(self, *commands: str) -> None:
        self._connection.send("".join(f"{command}\r\n" for command in commands).encode())

    def _status(self) -> Refusal | None:
        return self._refusal(self._connection.line())

    def _refusal(self, line: bytes) -> Refusal | None:
        if line.startswith(b"+OK"):
            return None
        if line.startswith(b"-ERR"):
            return Refusal(said(line.partition(b" ")[2], self._access))
        raise Transient(
            f"{self._name} gave an answer that is not POP3.", words=said(line, self._access), cause=Cause.PORT
        )

    def _multiline(self) -> bytes | Refusal:
        return self._status() or self._connection.dotted(LARGEST_BODY)

    # What refusals mean

    def _translated(self, refusal: Refusal, otherwise: ConnectorError) -> ConnectorError:
        """The error that the words of a refusal ask for (RFC 2449 §8, RFC 3206), or else `otherwise`."""
        words = refusal.words
        if words.upper().startswith("[LOGIN-DELAY]") or asks_to_wait(words):
            return Throttled(f"{self._name} asks to come less often.", delay=self._delay(words), words=words)
        if TEMPORARY.search(words):
            return Transient(f"{self._name} cannot serve this mailbox now.", words=words, cause=Cause.SERVER)
        if words.upper().startswith("[SYS/PERM]"):
            return MailboxUnavailable(
                f"{self._name} cannot serve this mailbox.",
                words=words,
                remedy="Ask the administrator of the server.",
                cause=refused_login(words, Cause.SERVER),
            )
        return otherwise

    def _login_refused(self, refusal: Refusal) -> ConnectorError:
        wrong = AuthenticationFailed(
            f"{self._name} refused the user name or the password.",
            words=refusal.words,
            remedy="Enter the credentials again; check that POP3 is allowed for this account.",
            cause=refused_login(refusal.words, Cause.CREDENTIALS),
        )
        # "Wrong password, try again later" must not make us try again.
        return wrong if WRONG_LOGIN.search(refusal.words) else self._translated(refusal, wrong)

    def _delay(self, words: str) -> timedelta | None:
        told = self._capabilities.get("LOGIN-DELAY", "").split()
        if words.upper().startswith("[LOGIN-DELAY]") and told and told[0].isdigit():
            return timedelta(seconds=int(told[0]))
        return told_delay(words)

    def _no_unique_ids(self, refusal: Refusal) -> ConnectorError:
        if "UIDL" in self._capabilities:
            message = f"{self._name} refused UIDL although it offers it."
            return Transient(message, words=refusal.words, cause=Cause.UNIQUE_IDS)
        return MailboxUnavailable(
            f"{self._name} has no unique ids (UIDL), so new mail cannot be told from old.",
            words=refusal.words,
            remedy="Turn UIDL on at the server, or reach this mailbox through Exchange.",
            cause=Cause.UNIQUE_IDS,
        )


def _check_credentials(access: Access) -> None:
    """A line break in a name or password would smuggle in a command of its own."""
    if not access.username:
        remedy = "Enter the mailbox's credentials."
        raise AuthenticationFailed("POP3 needs a user name and a password.", remedy=remedy, cause=Cause.NO_CREDENTIALS)
    if re.search(r"[\r\n\0]", access.username + access.password):
        raise AuthenticationFailed(
            "The user name or the password contains a line break.",
            remedy="Enter the mailbox's credentials again.",
            cause=Cause.NO_CREDENTIALS,
        )


def _numbered(answer: bytes) -> dict[int, bytes]:
    """The lines "number rest" of a UIDL or LIST answer; of lines with the same number the first counts."""
    found: dict[int, bytes] = {}
    for line in answer.split(b"\r\n"):
        number, _, rest = line.strip().partition(b" ")
        if number.isdigit() and len(number) < 10:
            found.setdefault(int(number), rest.strip())
    return found


def _usable_uid(uid: bytes) -> str:
    """The unique id as text. One outside RFC 1939 §7 (visible ASCII; we allow LONGEST_UID instead of 70 characters) is
    replaced by its hash, which is as unique as it was."""
    if len(uid) <= LONGEST_UID and all(0x21 <= byte <= 0x7E for byte in uid):
        return uid.decode("ascii")
    return "sha256:" + hashlib.sha256(uid).hexdigest()


def _size(text: bytes) -> int:
    first = text.split(b" ")[0]
    return int(first) if first.isdigit() and len(first) < 16 else 0
