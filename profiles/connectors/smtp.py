"""Mail sent over SMTP (RFC 5321): smtplib's command grammar over a connection of ours.

Extensions: AUTH PLAIN and LOGIN (RFC 4954), STARTTLS (RFC 3207), SIZE (RFC 1870), 8BITMIME (RFC 6152) and SMTPUTF8
(RFC 6531). smtplib by itself would try a refused password again with every mechanism, wait without an end for a server
that sends a byte now and then, and look up our own name in the DNS; the methods that do so are replaced or not used.
"""

from __future__ import annotations

import re
import smtplib
from base64 import b64encode
from collections.abc import Callable
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
from profiles.connectors.words import asks_to_wait, plain_response, refused_login, refused_mail, said, told_delay
from profiles.items import Access, Letter, Progress, Receipt, Refused, Tls, Trace, no_progress

PORTS = {Tls.IMPLICIT: 465, Tls.STARTTLS: 587, Tls.NONE: 25}
AUTHENTICATION_CODES = {530, 534, 535, 538}
WAITING_CODES = {421, 450, 451, 452}
MOST_LINES = 1000
"""Lines in one reply; more is no reply."""
REPLY_LINE = re.compile(rb"[2-5]\d\d(?:[ -]|$)")
LINE_END = re.compile(rb"\r\n|\r|\n")
# A local part may be quoted and then contain spaces and brackets (RFC 5321 §4.1.2).
ADDRESS = re.compile(r'(?:"[^"\x00-\x1f\x7f]*"|[^"<>()\[\]:;,\\@\s\x00-\x1f\x7f]+)@[^"<>();,\\@\s\x00-\x1f\x7f]+')


class Conversation(smtplib.SMTP):
    """The commands and replies of one connection. Raises errors of the connector family only."""

    def __init__(self, access: Access, progress: Progress) -> None:
        self.name = f"{access.host}:{access.port or PORTS[access.tls]}"
        self.connection = Connection(access, PORTS[access.tls], progress)
        super().__init__(local_hostname=self.connection.own_address(), timeout=access.timeout)

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

    def trace(self, letter: Letter) -> Trace:
        """An SMTP server keeps nothing that could be asked for (law 7)."""
        return Trace.CANNOT_TELL

    def send(self, letter: Letter, handing_over: Callable[[], None]) -> Receipt:
        """Send once (7.2). Line ends become CRLF as RFC 5321 §2.3.8 demands; nothing else is changed.

        Raises ItemRejected if the letter or all its recipients are refused for good, or an address or the size is
        beyond the server's abilities; ItemDelayed if it may be taken later; Throttled; Transient; OutcomeUnknown if the
        line broke after `handing_over` was called; AuthenticationFailed; MailboxUnavailable.
        """
        _check_addresses(letter)
        content = _with_crlf(letter.raw)
        try:
            conversation = self._ready()
            options = self._mail_options(conversation, letter, content)
            refused = self._envelope(conversation, letter, options)
            handing_over()
            words = self._hand_over(conversation, content)
        except (ItemRejected, ItemDelayed):
            raise
        except Exception as error:
            # Whatever state the conversation is in now, nobody shall take it for another.
            self._hang_up()
            if isinstance(error, AuthenticationFailed):
                self._refused = error
            raise
        return Receipt(refused=refused, words=words)

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
        if self._conversation and not _alive(self._conversation):
            self._hang_up()
        if self._conversation is None:
            self._conversation = self._open()
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

    def _mail_options(self, conversation: Conversation, letter: Letter, content: bytes) -> list[str]:
        """The parameters of MAIL, or ItemRejected if the server cannot take this letter at all."""
        options = []
        size = conversation.esmtp_features.get("size")
        if size is not None:
            if size.isdigit() and 0 < int(size) < len(content):
                raise ItemRejected(
                    f"The message has {len(content)} bytes, but {conversation.name} takes no more than {size}.",
                    remedy="Send smaller attachments, or have the server's limit raised.",
                    cause=Cause.SIZE,
                )
            options.append(f"SIZE={len(content)}")
        if not content.isascii() and conversation.has_extn("8bitmime"):
            options.append("BODY=8BITMIME")
        foreign = [address for address in (letter.sender, *letter.recipients) if not address.isascii()]
        if conversation.has_extn("smtputf8"):
            if foreign or not content.partition(b"\r\n\r\n")[0].isascii():
                options.append("SMTPUTF8")
        elif foreign:
            raise ItemRejected(
                f"{conversation.name} takes no addresses with letters beyond ASCII (SMTPUTF8): {', '.join(foreign)}.",
                remedy="Use an ASCII address of this person, or send through another server.",
                cause=Cause.RECIPIENT,
            )
        return options

    def _envelope(self, conversation: Conversation, letter: Letter, options: list[str]) -> tuple[Refused, ...]:
        """Name sender and recipients; returns the refused ones if at least one was taken (RFC 5321 §3.3)."""
        code, words = conversation.docmd("MAIL", " ".join([f"FROM:<{letter.sender}>", *options]))
        self._accept(code, words, "the sender", Cause.SEND_AS)
        refused: list[Refused] = []
        for address in letter.recipients:
            code, words = conversation.docmd("RCPT", f"TO:<{address}>")
            if code == 421 or code in AUTHENTICATION_CODES:
                self._accept(code, words, "the recipients", Cause.RECIPIENT)
            elif code // 100 != 2:
                refused.append(Refused(address, code, said(words, self._access), permanent=code >= 500))
        if len(refused) == len(letter.recipients):
            raise _all_refused(conversation.name, refused)
        return tuple(refused)

    def _hand_over(self, conversation: Conversation, content: bytes) -> str:
        """DATA; returns the server's words of acceptance. Once the message itself is on its way, a broken line does not
        mean "not sent" (7.4); before that it does."""
        code, words = conversation.docmd("DATA")
        ready = code == 354
        try:
            if ready:
                conversation.send(_dotted(content))
                code, words = conversation.getreply()
        except ConnectorError as error:
            raise OutcomeUnknown(
                f"The line broke after the message was handed over: {error}",
                remedy="Ask a recipient whether it arrived before sending it again.",
                cause=error.cause,
            ) from error
        if not ready and code < 400:
            message = f"{conversation.name} answered {code} to DATA."
            raise Transient(message, words=said(words, self._access), cause=Cause.SERVER)
        try:
            self._accept(code, words, "the message", Cause.ITEM)
        except Transient as error:  # about this message; a server that is too busy says so and is Throttled
            raise ItemDelayed(str(error), words=error.words, cause=error.cause) from error
        return said(words, self._access)

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
            return ItemRejected(f"{sentence} ({code}).", words=text, cause=_refused_for_good(code, text, cause))
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


def _all_refused(name: str, refused: list[Refused]) -> ConnectorError:
    words = "; ".join(f"{one.address}: {one.code} {one.words}" for one in refused)
    cause = refused_mail(words, Cause.RECIPIENT)
    if all(one.permanent for one in refused):
        message = f"{name} refused every recipient."
        return ItemRejected(message, words=words, remedy="Correct the addresses.", cause=cause)
    return ItemDelayed(f"{name} takes none of the recipients for now.", words=words, cause=cause)


def _alive(conversation: Conversation) -> bool:
    """Whether an idle connection still works; RSET also forgets whatever an earlier letter left (RFC 5321 §4.1.1.5)."""
    try:
        return conversation.docmd("RSET")[0] == 250
    except ConnectorError:
        return False


def _check_addresses(letter: Letter) -> None:
    """Nothing in an address may be taken for another address or command. An empty sender is the null return path."""
    if not letter.recipients:
        raise ItemRejected("The message has no recipient.", remedy="Add a recipient.", cause=Cause.RECIPIENT)
    for address in filter(None, (letter.sender, *letter.recipients)):
        if not ADDRESS.fullmatch(address):
            message = f"{address!r} is not a mail address."
            raise ItemRejected(message, remedy="Correct the address.", cause=Cause.RECIPIENT)
    if not all(letter.recipients):
        raise ItemRejected("A recipient has no address.", remedy="Add the address.", cause=Cause.RECIPIENT)


def _with_crlf(raw: bytes) -> bytes:
    """The message with CRLF line ends throughout, the last line included (RFC 5321 §2.3.8)."""
    if not raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n"):
        raw = LINE_END.sub(b"\r\n", raw)
    return raw if raw.endswith(b"\r\n") else raw + b"\r\n"


def _dotted(content: bytes) -> bytes:
    """The message as DATA wants it: leading dots doubled, a lone dot at the end (RFC 5321 §4.5.2)."""
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    return (b"." if content.startswith(b".") else b"") + stuffed + b".\r\n"
