"""Mail sent over SMTP (RFC 5321): smtplib's command grammar over a connection of ours.

Extensions: AUTH PLAIN and LOGIN (RFC 4954), STARTTLS (RFC 3207), SIZE (RFC 1870), 8BITMIME (RFC 6152), SMTPUTF8
(RFC 6531), DSN (RFC 3461) and PIPELINING (RFC 2920). smtplib by itself would try a refused password again with every
mechanism, wait without an end for a server that sends a byte now and then, and look up our own name in the DNS; the
methods that do so are replaced or not used.
"""

from __future__ import annotations

import re
import smtplib
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from profiles.connectors.base import (
    AuthenticationFailed,
    Cause,
    ConnectorError,
    ItemDelayed,
    ItemRejected,
    MailboxUnavailable,
    OutcomeUnknown,
    Throttled,
    Transient,
)
from profiles.connectors.network import CHECK_PORT, Connection, wrong_greeting
from profiles.connectors.smtp_letter import check_addresses, dotted, with_crlf
from profiles.connectors.smtp_letter import commands as commands_of
from profiles.connectors.words import (
    asks_to_wait,
    delayed,
    plain_response,
    put_off,
    refused_login,
    refused_mail,
    said,
    said_of,
    told_delay,
    what_helps,
)
from profiles.items import Access, Letter, Progress, Receipt, Refused, Tls, Trace, no_progress

PORTS = {Tls.IMPLICIT: 465, Tls.STARTTLS: 587, Tls.NONE: 25}
AUTHENTICATION_CODES = {530, 534, 535, 538}
WAITING_CODES = {421, 450, 451, 452}
MOST_LINES = 1000
"""Lines in one reply; more is no reply."""
AT_ONCE = 100
"""Commands that leave together: their replies, too, fit into what a line holds."""
REPLY_LINE = re.compile(rb"[2-5]\d\d(?:[ -]|$)")
Reply = tuple[int, bytes]


class Conversation(smtplib.SMTP):
    """The commands and replies of one connection. Raises errors of the connector family only."""

    def __init__(self, access: Access, progress: Progress) -> None:
        self.name = f"{access.host}:{access.port or PORTS[access.tls]}"
        self.connection = Connection(access, PORTS[access.tls], progress)
        super().__init__(local_hostname=self.connection.own_address(), timeout=access.timeout)
        self.expected = 0  # replies to commands that have left

    def send(self, s: Any) -> None:
        """Send a command or a block of bytes; addresses may need UTF-8 (RFC 6531)."""
        self.connection.send(s.encode() if isinstance(s, str) else s)

    def getreply(self) -> tuple[int, bytes]:
        """The code and the words of the next reply, its lines joined by line feeds (RFC 5321 §4.2)."""
        deadline = self.connection.deadline()
        words: list[bytes] = []
        while len(words) < MOST_LINES:
            line = self.connection.line(deadline)
            if not REPLY_LINE.match(line):
                raise wrong_greeting(self.name, line, "SMTP")
            words.append(line[4:].strip())
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(words)
        raise Transient(f"{self.name} sent a reply without an end.", cause=Cause.PORT)

    def replies_to(self, commands: Sequence[str]) -> Iterator[Reply]:
        """The replies, one by one. With PIPELINING the commands leave in groups, the first with the first reply; without
        it each leaves when its reply is asked for."""
        together = AT_ONCE if self.has_extn("pipelining") else 1
        for first in range(0, len(commands), together):
            group = commands[first : first + together]
            self.send("".join(f"{command}\r\n" for command in group))
            self.expected = len(group)
            for _ in group:
                self.expected -= 1
                yield self.getreply()

    def forget(self, replies: Iterator[Reply]) -> None:
        """The letter is not taken: read what the server has still to answer to commands that have left, and no more."""
        while self.expected:
            code, _ = next(replies)
            if code == 354 and not self.expected:  # DATA without a recipient: an empty message ends it (RFC 2920 §3.1)
                self.send(".\r\n")
                self.getreply()

    def encrypt(self) -> None:
        """Begin TLS after the server agreed; what it offered in clear is forgotten (RFC 3207 §4.2)."""
        self.connection.start_tls()
        self.esmtp_features = {}

    def close(self) -> None:
        """Cut the line; never raises."""
        self.connection.close()

    def leave(self) -> None:
        """Say QUIT, do not wait long for the answer, and cut the line; never raises."""
        self.connection.hurry()
        with suppress(ConnectorError):
            self.docmd("QUIT")
        self.close()


class SmtpOutbox:
    """An `Outbox` over SMTP. The server is first reached by the first letter; one connection serves all letters, and
    one that the server has closed meanwhile is replaced. Credentials that were refused once are not tried again."""

    def __init__(self, access: Access, progress: Progress = no_progress) -> None:
        self._access = access
        self._progress = progress
        self._conversation: Conversation | None = None
        self._refused: AuthenticationFailed | None = None
        self._is_clean = True  # nothing of an earlier letter is left in the conversation

    def trace(self, letter: Letter) -> Trace:
        """An SMTP server keeps nothing that could be asked for (law 7)."""
        return Trace.CANNOT_TELL

    def send(self, letter: Letter, handing_over: Callable[[], None]) -> Receipt:
        """Send once (7.2). Line ends become CRLF as RFC 5321 §2.3.8 demands; nothing else is changed.

        Raises ItemRejected if the letter or all its recipients are refused for good, or an address or the size is
        beyond the server's abilities; ItemDelayed if it may be taken later; Throttled; Transient; OutcomeUnknown if the
        line broke after `handing_over` was called; AuthenticationFailed; MailboxUnavailable.
        """
        check_addresses(letter)
        content = with_crlf(letter.raw)
        try:
            conversation, refused = self._offered(letter, content)
            handing_over()
            words = self._hand_over(conversation, content, refused)
        except (ItemRejected, ItemDelayed):
            raise
        except Exception as error:
            # Whatever state the conversation is in now, nobody shall take it for another.
            self._hang_up()
            if isinstance(error, AuthenticationFailed):
                self._refused = error
            raise
        return Receipt(refused=refused, words=words)

    def discard(self, mark: str) -> None:
        """Nothing of a letter is left on an SMTP server before it is sent."""

    def sign_in(self) -> None:
        """Connect, and log in where credentials are given, without sending anything. Raises what `send` raises."""
        self._ready()

    def noop(self) -> str:
        """Ask whether the server is still there and would listen; returns its words (RFC 5321 §4.1.1.9)."""
        reply = self._ready().docmd("NOOP")
        self._require(reply, 250, "does not answer NOOP", Cause.SERVER)
        return said(reply[1], self._access)

    def close(self) -> None:
        """Leave politely; never raises."""
        if self._conversation:
            self._conversation.leave()
        self._conversation = None

    # The connection

    def _ready(self) -> Conversation:
        if self._refused:
            raise self._refused
        if self._conversation is None:
            self._conversation, self._is_clean = self._open(), True
        return self._conversation

    def _open(self) -> Conversation:
        conversation = Conversation(self._access, self._progress)
        try:
            self._require(conversation.getreply(), 220, "takes no mail from here", Cause.PROTOCOL_DISABLED)
            self._greet(conversation)
            if self._access.tls is Tls.STARTTLS:
                self._encrypt(conversation)
            if self._access.username:
                self._log_in(conversation)
        except BaseException:
            conversation.close()
            raise
        return conversation

    def _greet(self, conversation: Conversation) -> None:
        code, words = conversation.ehlo()
        if code >= 500:
            code, words = conversation.helo()
        self._require((code, words), 250, "refused our greeting", Cause.PORT)

    def _encrypt(self, conversation: Conversation) -> None:
        if not conversation.has_extn("starttls"):
            message = f"{conversation.name} does not offer STARTTLS."
            raise MailboxUnavailable(message, remedy=CHECK_PORT, cause=Cause.TLS_MODE)
        self._require(conversation.docmd("STARTTLS"), 220, "refused to encrypt", Cause.TLS_MODE)
        conversation.encrypt()
        self._greet(conversation)

    def _log_in(self, conversation: Conversation) -> None:
        """One attempt with one mechanism: a second one could lock the account."""
        offered = conversation.esmtp_features.get("auth", "").upper().split()
        if "PLAIN" in offered:
            answers = [plain_response(self._access)]
            reply = conversation.docmd("AUTH", f"PLAIN {answers[0]}")
        elif "LOGIN" in offered:
            answers = [b64encode(text.encode()).decode() for text in (self._access.username, self._access.password)]
            reply = conversation.docmd("AUTH", "LOGIN")
        else:
            raise MailboxUnavailable(
                f"{conversation.name} offers no way to log in that we know (AUTH PLAIN or LOGIN).",
                remedy="Many servers allow it on encrypted connections only: turn encryption on. "
                "A server that wants no login needs an empty user name.",
                cause=Cause.LOGIN_METHOD,
            )
        for answer in answers:
            if reply[0] == 334:
                reply = conversation.docmd(answer)
        self._require(reply, 235, "refused to log us in", Cause.LOGIN_METHOD)

    def _hang_up(self) -> None:
        if self._conversation:
            self._conversation.close()
        self._conversation = None

    # One letter

    def _offered(self, letter: Letter, content: bytes) -> tuple[Conversation, tuple[Refused, ...]]:
        """The letter has been offered, and the server waits for its content; on a line that was closed since the letter
        before, a second time on a new one."""
        was_used = self._conversation is not None
        try:
            conversation = self._ready()
            return conversation, self._offer(conversation, letter, content, was_used)
        except Transient as error:
            if not was_used or error.cause is not Cause.BROKEN_LINE:
                raise
            self._hang_up()
        conversation = self._ready()
        return conversation, self._offer(conversation, letter, content, was_used=False)

    def _offer(self, conversation: Conversation, letter: Letter, content: bytes, was_used: bool) -> tuple[Refused, ...]:
        """Name sender and recipients and ask to send the content; returns the refused recipients if at least one was
        taken (RFC 5321 §3.3). Where the server allows it, all commands leave together (RFC 2920)."""
        commands = [*commands_of(letter, content, conversation.esmtp_features, conversation.name), "DATA"]
        if not self._is_clean:
            commands.insert(0, "RSET")
        replies = conversation.replies_to(commands)
        if not self._is_clean:
            next(replies)
        self._is_clean = False
        code, words = next(replies)
        if code == 421 and was_used:
            raise Transient(f"{conversation.name} closed the connection.", cause=Cause.BROKEN_LINE)
        if code // 100 != 2:
            conversation.forget(replies)
            self._accept(code, words, "the sender", Cause.SEND_AS)
        refused = tuple(self._refused_among(letter.recipients, replies))
        if len(refused) == len(letter.recipients):
            conversation.forget(replies)
            raise _all_refused(conversation.name, refused, self._access)
        self._expect_go_on(conversation, *next(replies))
        return refused

    def _refused_among(self, recipients: Sequence[str], replies: Iterator[Reply]) -> Iterator[Refused]:
        for address in recipients:
            code, words = next(replies)
            if code == 421 or code in AUTHENTICATION_CODES:
                self._accept(code, words, "the recipients", Cause.RECIPIENT)
            elif code // 100 != 2:
                yield Refused(address, code, said(words, self._access), permanent=code >= 500)

    def _expect_go_on(self, conversation: Conversation, code: int, words: bytes) -> None:
        """The answer to DATA, before anything of the message has left."""
        if code == 354:
            return
        if code < 400:
            message = f"{conversation.name} answered {code} to DATA."
            raise Transient(message, words=said(words, self._access), cause=Cause.SERVER)
        self._accept_message(code, words)

    def _hand_over(self, conversation: Conversation, content: bytes, refused: tuple[Refused, ...]) -> str:
        """Send the content; returns the server's words of acceptance. From here on a broken line does not mean "not sent"
        (7.4)."""
        try:
            conversation.send(dotted(content))
            code, words = conversation.getreply()
        except ConnectorError as error:
            unknown = OutcomeUnknown(
                f"The line broke after the message was handed over: {error}",
                remedy="Ask a recipient whether it arrived before sending it again.",
                cause=error.cause,
            )
            unknown.refused = refused
            raise unknown from error
        self._is_clean = True  # whatever the answer, the server is done with this letter
        self._accept_message(code, words)
        return said(words, self._access)

    def _accept_message(self, code: int, words: bytes) -> None:
        try:
            self._accept(code, words, "the message", Cause.ITEM)
        except Transient as error:  # about this message; a server that is too busy says so and is Throttled
            raise delayed(str(error), error.words, error.cause) from error

    # What replies mean

    def _require(self, reply: tuple[int, bytes], wanted: int, failure: str, cause: Cause) -> None:
        """Pass if the reply is `wanted`; a permanent refusal means that a person must change something (12.2)."""
        code, words = reply
        if code == wanted:
            return
        refusal = self._refusal(code, words, f"The server {failure}", cause)
        if isinstance(refusal, ItemRejected):
            raise MailboxUnavailable(str(refusal), words=refusal.words, remedy=CHECK_PORT, cause=refusal.cause)
        raise refusal

    def _accept(self, code: int, words: bytes, what: str, cause: Cause) -> None:
        """Pass if the reply is positive, else raise what it means for this letter."""
        if code // 100 != 2:
            raise self._refusal(code, words, f"The server refused {what}", cause)

    def _refusal(self, code: int, words: bytes, sentence: str, cause: Cause) -> ConnectorError:
        """The error a reply stands for; `cause` is what a permanent one is about, unless its words tell more."""
        text = said(words, self._access)
        if code in AUTHENTICATION_CODES:
            return AuthenticationFailed(
                f"{sentence}: it wants other credentials, or encryption ({code}).",
                words=text,
                remedy="Enter the credentials again; check that this account may send mail over SMTP.",
                cause=_wants(code, text),
            )
        if code >= 500:
            told = _refused_for_good(code, text, cause)
            return ItemRejected(f"{sentence} ({code}).", words=text, remedy=what_helps(told, self._access), cause=told)
        return _later(code, text, sentence)


def _wants(code: int, words: str) -> Cause:
    """What an answer about authentication asks for (RFC 4954 §6): 530 and 538 may ask for encryption first."""
    if code == 538 or (code == 530 and "TLS" in words.upper()):
        return Cause.TLS_MODE
    return Cause.LOGIN_METHOD if code == 534 else refused_login(words, Cause.CREDENTIALS)


def _refused_for_good(code: int, words: str, cause: Cause) -> Cause:
    """552 is about room or size (RFC 5321 §4.2.2), whatever was asked for."""
    told = refused_mail(words, cause)
    return Cause.SIZE if code == 552 and told is not Cause.QUOTA else told


def _later(code: int, words: str, sentence: str) -> Throttled | Transient:
    if code in WAITING_CODES and asks_to_wait(words):
        return Throttled(f"{sentence} for now: we come too often ({code}).", delay=told_delay(words), words=words)
    return Transient(f"{sentence} for now ({code}).", words=words, cause=refused_mail(words, Cause.SERVER))


def _all_refused(name: str, refused: tuple[Refused, ...], access: Access) -> ConnectorError:
    words = said_of(refused)
    cause = refused_mail(words, Cause.RECIPIENT)
    if all(one.permanent for one in refused):
        message = f"{name} refused every recipient."
        remedy = what_helps(cause, access) or "Correct the addresses."
        rejected = ItemRejected(message, words=words, remedy=remedy, cause=cause)
        rejected.refused = refused
        return rejected
    return put_off(f"{name} takes none of the recipients for now.", refused)
