"""The first words with a server, before anybody signs in, for the probe: one class for each protocol."""

from __future__ import annotations

from typing import ClassVar, Protocol

from profiles.connectors.base import Cause, MailboxUnavailable, Transient
from profiles.connectors.network import CHECK_PORT, Connection, wrong_greeting
from profiles.connectors.pop3 import client as pop3
from profiles.connectors.smtp import PORTS as SMTP_PORTS
from profiles.connectors.smtp import Conversation
from profiles.connectors.words import said
from profiles.items import Access, Tls, Transport, no_progress

LONGEST_ANSWER = 64 * 1024


class Talk(Protocol):
    """One connection, opened in clear on creation. Everything raises errors of the connector family."""

    greets: ClassVar[bool]
    connection: Connection

    def greeting(self) -> str:
        """What the server says first."""
        ...

    def ask_for_tls(self) -> None:
        """Ask the server to go on encrypted (STLS, STARTTLS)."""
        ...

    def start_tls(self) -> None:
        """Encrypt from here on, with a certificate that is trusted."""
        ...

    def abilities(self) -> list[str]:
        """What the server offers."""
        ...


class Pop3Talk:
    """POP3 (RFC 1939, 2449, 2595)."""

    greets: ClassVar[bool] = True
    ports: ClassVar[dict[Tls, int]] = pop3.PORTS

    def __init__(self, access: Access) -> None:
        self._access = access
        self._name = f"{access.host}:{access.port}"
        self.connection = Connection(access, access.port, no_progress)

    def greeting(self) -> str:
        line = self.connection.line()
        if line.startswith(b"-ERR"):
            words = said(line[4:], self._access)
            raise Transient(f"{self._name} takes no one now.", words=words, cause=Cause.SERVER)
        if not line.startswith(b"+OK"):
            raise wrong_greeting(self._name, line, "POP3")
        return said(line[3:], self._access)

    def ask_for_tls(self) -> None:
        self.connection.send(b"STLS\r\n")
        line = self.connection.line()
        if not line.startswith(b"+OK"):
            words = said(line.partition(b" ")[2], self._access)
            message = f"{self._name} does not offer STLS."
            raise MailboxUnavailable(message, words=words, remedy=CHECK_PORT, cause=Cause.TLS_MODE)

    def start_tls(self) -> None:
        self.connection.start_tls()

    def abilities(self) -> list[str]:
        self.connection.send(b"CAPA\r\n")
        if not self.connection.line().startswith(b"+OK"):
            return []
        lines = self.connection.dotted(LONGEST_ANSWER).splitlines()
        return [said(line, self._access) for line in lines if line.strip()]


class SmtpTalk:
    """SMTP (RFC 5321, 3207)."""

    greets: ClassVar[bool] = True
    ports: ClassVar[dict[Tls, int]] = SMTP_PORTS

    def __init__(self, access: Access) -> None:
        self._access = access
        self._conversation = Conversation(access, no_progress)
        self.connection = self._conversation.connection

    def greeting(self) -> str:
        code, words = self._conversation.getreply()
        if code != 220:
            message = f"{self._conversation.name} takes no one now."
            raise Transient(message, words=f"{code} {said(words, self._access)}", cause=Cause.SERVER)
        return said(words, self._access)

    def ask_for_tls(self) -> None:
        self._conversation.ehlo()
        if not self._conversation.has_extn("starttls"):
            message = f"{self._conversation.name} does not offer STARTTLS."
            raise MailboxUnavailable(message, remedy=CHECK_PORT, cause=Cause.TLS_MODE)
        code, words = self._conversation.docmd("STARTTLS")
        if code != 220:
            message = f"{self._conversation.name} refused to encrypt."
            raise Transient(message, words=said(words, self._access), cause=Cause.TLS_MODE)

    def start_tls(self) -> None:
        self._conversation.encrypt()

    def abilities(self) -> list[str]:
        code, words = self._conversation.ehlo()
        if code >= 400:
            return []
        return [said(line, self._access) for line in words.splitlines()[1:]]


class HttpTalk:
    """HTTP, where the server says nothing before it is asked for a mailbox."""

    greets: ClassVar[bool] = False
    ports: ClassVar[dict[Tls, int]] = {Tls.IMPLICIT: 443, Tls.NONE: 80}

    def __init__(self, access: Access) -> None:
        self.connection = Connection(access, access.port, no_progress)

    def greeting(self) -> str:
        return ""

    def ask_for_tls(self) -> None:
        """HTTPS begins with TLS."""

    def start_tls(self) -> None:
        self.connection.start_tls()

    def abilities(self) -> list[str]:
        return []


TALKS: dict[Transport, type[Pop3Talk] | type[SmtpTalk] | type[HttpTalk]] = {
    Transport.POP3: Pop3Talk,
    Transport.SMTP: SmtpTalk,
    Transport.EWS: HttpTalk,
}
