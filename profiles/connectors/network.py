"""A connection to a mail server: who may be reached, how it is encrypted, how long anything may take.

Shared by the protocols made of lines (POP3, SMTP). Whatever can go wrong below those protocols is translated here into
the errors of `base` (law 8). Three things are decided once, for all of them:

- **Who may be reached (law 10).** The host is resolved once, every address it resolves to is checked, and the
  connection goes to an address that was checked: a second answer of the name server cannot lead elsewhere.
- **Encryption (2.6).** Certificates are verified against the system's authorities plus `Access.ca_file`.
- **Time.** No wait is longer than `Access.timeout`; no reply takes longer than PATIENCE time-outs, and longer bodies
  must arrive at LOWEST_RATE at least. So a server that sends one byte now and then cannot hold us for ever.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any

from profiles.connectors.base import Cause, MailboxUnavailable, Transient
from profiles.connectors.certificates import WRONG_NAME
from profiles.items import Access, Progress, Tls

PATIENCE = 10
"""How many time-outs one reply may take until its last byte."""
LOWEST_RATE = 4096
"""Bytes per second; what a body must bring for every further second it takes."""
LONGEST_LINE = 64 * 1024
"""Bytes in one line of a status reply; lines inside a message may be of any length."""
GOODBYE_SECONDS = 5.0
"""How long a polite leave may take."""
BLOCK = 256 * 1024
END_OF_BODY = b"\r\n.\r\n"
OTHER_GREETINGS = {b"+OK": "POP3", b"-ERR": "POP3", b"220": "SMTP", b"* ": "IMAP", b"HTTP/": "HTTP", b"\x15\x03": "TLS"}
CHECK_PORT = "Check host, port and encryption of the server profile: they must fit together."
PASSING_ALERTS = {"TLSV1_ALERT_INTERNAL_ERROR"}

SocketAddress = tuple[socket.AddressFamily, Any]


class ReplyTooLong(Transient):
    """A body grew beyond the limit the caller set; the connection is of no further use."""


class Deadline:
    """When one reply must be complete. Time flows while the server is silent; bytes that arrive buy more of it."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._until = monotonic() + PATIENCE * timeout

    def wait(self, received: int = 0) -> float:
        """Seconds the next wait may last, after `received` bytes of the reply. Raises TimeoutError if none are left."""
        left = self._until + received / LOWEST_RATE - monotonic()
        if left <= 0:
            raise TimeoutError
        return min(self._timeout, left)


class Connection:
    """One connection to the host of `access`, opened on creation, with a buffer for what was received.

    Raises Transient when host or network do not work now, MailboxUnavailable when a person must change something.
    `progress` is called whenever bytes have moved.
    """

    def __init__(self, access: Access, default_port: int, progress: Progress) -> None:
        self._access = access
        self._name = f"{access.host}:{access.port or default_port}"
        self._timeout = access.timeout
        self._progress = progress
        self._buffer = bytearray()
        self._socket = _connect(access, access.port or default_port)
        if access.tls is Tls.IMPLICIT:
            self.start_tls()

    def start_tls(self) -> None:
        """Encrypt from here on (RFC 2595, RFC 3207). What the server sent in clear beforehand must have been read:
        anything left may have been slipped in by somebody else and ends the connection with Transient."""
        if self._buffer:
            self.close()
            raise Transient(
                f"{self._name} sent more than its answer before the encryption began.", cause=Cause.TLS_MODE
            )
        try:
            context = _tls_context(self._access)
            with _handshake(self._name):
                self._socket.settimeout(self._timeout)
                self._socket = context.wrap_socket(self._socket, server_hostname=self._access.host)
        except BaseException:
            self.close()
            raise
        self._progress()

    def encryption(self) -> tuple[str, bytes]:
        """The TLS version and the certificate (DER) of a line that is encrypted; "" and b"" in clear."""
        if not isinstance(self._socket, ssl.SSLSocket):
            return "", b""
        return self._socket.version() or "", self._socket.getpeercert(binary_form=True) or b""

    def shown_certificate(self) -> bytes:
        """Begin TLS without trusting anybody, only to see which certificate is shown (DER), then cut the line.

        It helps to explain why a certificate was refused; nothing is ever said over such a line. b"" if none is seen.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            self._socket.settimeout(self._timeout)
            with context.wrap_socket(self._socket, server_hostname=self._access.host) as seen:
                return seen.getpeercert(binary_form=True) or b""
        except (OSError, ValueError):
            return b""
        finally:
            self.close()

    def send(self, data: bytes) -> None:
        """Send all of `data`; each block of it must leave within the time-out. Raises Transient."""
        with self._translated(), memoryview(data) as view:
            self._socket.settimeout(self._timeout)
            for start in range(0, len(view), BLOCK):
                self._socket.sendall(view[start : start + BLOCK])
                self._progress()

    def deadline(self) -> Deadline:
        """A deadline for one reply of several lines."""
        return Deadline(self._timeout)

    def line(self, deadline: Deadline | None = None) -> bytes:
        """The next line without its end. Raises Transient if it does not come, or has no end."""
        deadline = deadline or self.deadline()
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > LONGEST_LINE:
                raise Transient(f"{self._name} sent a line without an end.", remedy=CHECK_PORT, cause=Cause.PORT)
            self._receive(deadline, 0)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    def dotted(self, limit: int) -> bytes:
        """A body that ends with a line of one dot (RFC 1939 §3), the doubled dots undone. Works on whole blocks, so
        lines may be of any length. Raises ReplyTooLong after `limit` bytes, or Transient."""
        deadline = self.deadline()
        self._buffer[:0] = b"\r\n"  # so that a dot in the very first line follows a line end, too
        searched = 0
        while (end := self._buffer.find(END_OF_BODY, searched)) < 0:
            searched = max(0, len(self._buffer) - len(END_OF_BODY) + 1)
            if searched > limit:
                raise ReplyTooLong(f"{self._name} sent more than {limit} bytes in one reply.", cause=Cause.SERVER)
            self._receive(deadline, len(self._buffer))
        with memoryview(self._buffer) as view:
            body = bytes(view[2 : end + 2])
        del self._buffer[: end + len(END_OF_BODY)]
        body = body.replace(b"\r\n..", b"\r\n.")
        return body[1:] if body.startswith(b"..") else body

    def hurry(self) -> None:
        """From here on wait only as long as a goodbye may take."""
        self._timeout = min(self._timeout, GOODBYE_SECONDS / PATIENCE)

    def own_address(self) -> str:
        """Our end of the connection as an address literal (RFC 5321 §4.1.3), for HELO and EHLO."""
        with self._translated():
            own = self._socket.getsockname()[0].partition("%")[0]
        return f"[IPv6:{own}]" if ":" in own else f"[{own}]"

    def close(self) -> None:
        """Cut the line; never raises."""
        with suppress(OSError):
            self._socket.close()

    def _receive(self, deadline: Deadline, received: int) -> None:
        with self._translated():
            self._socket.settimeout(deadline.wait(received))
            block = self._socket.recv(BLOCK)
        if not block:
            raise Transient(f"{self._name} closed the connection.", cause=Cause.BROKEN_LINE)
        self._buffer += block
        self._progress()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise Transient(
                f"{self._name} did not answer in time (time-out {self._timeout:g} s).",
                remedy=CHECK_PORT,
                cause=Cause.TIMEOUT,
            ) from error
        except OSError as error:
            words = f"The connection to {self._name} broke: {_reason(error)}."
            raise Transient(words, cause=Cause.BROKEN_LINE) from error


def wrong_greeting(name: str, line: bytes, expected: str) -> Transient | MailboxUnavailable:
    """What to raise about a greeting that is not of the `expected` protocol: another protocol that we know means that
    port or encryption are set wrongly (12.2), anything else may be an accident."""
    spoken = next((spoken for start, spoken in OTHER_GREETINGS.items() if line.startswith(start)), "")
    if spoken and spoken != expected:
        return MailboxUnavailable(f"{name} speaks {spoken}, not {expected}.", remedy=CHECK_PORT, cause=Cause.PORT)
    return Transient(f"{name} does not speak {expected}.", remedy=CHECK_PORT, cause=Cause.PORT)


def _connect(access: Access, port: int) -> socket.socket:
    """A connected socket to a checked address. All addresses of the host together get one time-out."""
    name = f"{access.host}:{port}"
    found = _resolve(access, port)
    _refuse_local(access, found)
    until = monotonic() + access.timeout
    failure: OSError = TimeoutError("no address")
    for tried, (family, address) in enumerate(found):
        # A dead first address leaves time for the others.
        wait = max(0.1, (until - monotonic()) / (len(found) - tried))
        try:
            return _connected(family, address, wait)
        except OSError as error:
            failure = error
    cause = Cause.REFUSED_CONNECTION if isinstance(failure, ConnectionRefusedError) else Cause.UNREACHABLE
    why = f" within {access.timeout:g} s" if isinstance(failure, TimeoutError) else f": {_reason(failure)}"
    raise Transient(f"{name} could not be reached{why}.", remedy=CHECK_PORT, cause=cause) from failure


def _connected(family: socket.AddressFamily, address: Any, wait: float) -> socket.socket:
    link = socket.socket(family, socket.SOCK_STREAM)
    try:
        link.settimeout(wait)
        link.connect(address)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        link.close()
        raise
    return link


def _resolve(access: Access, port: int) -> list[SocketAddress]:
    """The addresses of the host. The resolver knows no time-out of its own, so it is asked in a thread of its own."""
    answers: list[list[SocketAddress] | Exception] = []

    def ask() -> None:
        try:
            found = socket.getaddrinfo(access.host, port, type=socket.SOCK_STREAM)
            answers.append([(family, address) for family, _, _, _, address in found])
        except (OSError, UnicodeError) as error:
            answers.append(error)

    if not access.host:
        remedy = "Set the host in the server profile."
        raise MailboxUnavailable("The server profile names no host.", remedy=remedy, cause=Cause.SETTINGS)
    resolver = threading.Thread(target=ask, name="resolver", daemon=True)
    resolver.start()
    resolver.join(access.timeout)
    answer = answers[0] if answers else TimeoutError("no answer")
    if isinstance(answer, UnicodeError):
        remedy = "Correct the host in the server profile."
        raise MailboxUnavailable(f"{access.host} is not a host name.", remedy=remedy, cause=Cause.SETTINGS)
    if isinstance(answer, Exception):
        raise Transient(
            f"host not found: {access.host}",
            words=_reason(answer),
            remedy="Check the host in the server profile.",
            cause=Cause.DNS,
        ) from answer
    return answer


def _refuse_local(access: Access, found: list[SocketAddress]) -> None:
    """Law 10. One local address among several is enough to refuse: nobody means a host that is also this machine."""
    if access.host.lower() in {host.lower() for host in access.allowed_local_hosts}:
        return
    for _, address in found:
        if is_local(str(address[0])):
            raise MailboxUnavailable(
                f"{access.host} leads to {address[0]}, which is local to this machine or network link.",
                remedy=f"If that is meant, an administrator adds {access.host} to the setting ALLOWED_LOCAL_HOSTS.",
                cause=Cause.LOCAL_HOST,
            )


def is_local(address: str) -> bool:
    """Whether an IP address is loopback, link-local, unspecified or multicast, also as an IPv4 address inside IPv6."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip.sixtofour or ip
    return ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast


def _tls_context(access: Access) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if access.ca_file:
        try:
            context.load_verify_locations(cafile=access.ca_file)
        except OSError as error:
            raise MailboxUnavailable(
                f"The file of certificate authorities cannot be used: {_reason(error)}.",
                remedy="Give the path of a readable PEM file.",
                cause=Cause.CA_FILE,
            ) from error
    return context


@contextmanager
def _handshake(name: str) -> Iterator[None]:
    """Translates what can happen while TLS begins (12.2 "No secure connection")."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise MailboxUnavailable(
            f"The certificate of {name} cannot be trusted: {error.verify_message}",
            words=error.verify_message,
            remedy="Use the name that the certificate bears, renew it, or add its authority to the profile's CA file.",
            cause=Cause.TLS_NAME if error.verify_code in WRONG_NAME else Cause.TLS_CERTIFICATE,
        ) from error
    except TimeoutError as error:
        words = f"{name} did not answer in time when encryption began."
        raise Transient(words, remedy=CHECK_PORT, cause=Cause.TLS_MODE) from error
    except ssl.SSLError as error:
        passing = isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or error.reason in PASSING_ALERTS
        kind = Transient if passing else MailboxUnavailable
        words = f"No secure connection to {name}: {_reason(error)}."
        raise kind(words, remedy=CHECK_PORT, cause=Cause.TLS_MODE) from error
    except (OSError, ValueError) as error:
        words = f"The connection to {name} broke when encryption began: {_reason(error)}."
        raise Transient(words, cause=Cause.TLS_MODE) from error


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")
