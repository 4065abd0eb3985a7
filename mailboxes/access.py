"""How one leg of one mailbox reaches its server: profile and mailbox together give an `Access` (2.2–2.9). Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from profiles.encryption import USUAL_PORTS
from profiles.items import Access, Tls, Transport

BY_USER_OR_QUEUE, IN_PROFILE, ANONYMOUS = 0, 1, 4
POP3_SMTP = 1
EXCHANGE = frozenset({0, 2, 3})
ANYWHERE = "https://autodiscover/"  # stands for an address that is not known yet


class AccessIncomplete(Exception):
    """The settings do not say how to reach the server; `str()` tells what is missing and where to enter it."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One direction of a profile, as stored. `reveal_password` opens the sealed secret at the last moment."""

    server_type: int
    location: str
    port: int | None
    tls: Tls
    retrieval: int
    username: str
    reveal_password: Callable[[], str]
    impersonate: bool
    timeout: float
    max_connections: int
    auto_discover: bool = False
    discovered_url: str = ""


@dataclass(frozen=True, slots=True)
class MailboxCredentials:
    """What the mailbox itself has to log in with."""

    address: str
    allowed: bool
    username: str
    reveal_password: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the installation allows."""

    allowed_local_hosts: frozenset[str] = frozenset()
    ca_file: str = ""


def access_for(connection: Connection, mailbox: MailboxCredentials, outgoing: bool, around: Surroundings) -> Access:
    """The one value a connector needs. Raises AccessIncomplete; KeyUnavailable when a secret cannot be opened."""
    transport = _transport(connection.server_type, outgoing)
    discovers = connection.auto_discover and transport is Transport.EWS
    if not connection.location and not discovers:
        raise AccessIncomplete("The email server profile names no server. Enter its location in the profile.")
    username, password = _credentials(connection, mailbox)
    tls = Tls.IMPLICIT if transport is Transport.EWS and connection.tls is Tls.STARTTLS else connection.tls
    return Access(
        transport=transport,
        address=mailbox.address,
        host="" if transport is Transport.EWS else connection.location,
        port=connection.port or USUAL_PORTS.get((transport, tls), 0),
        url=_ews_url(connection) if transport is Transport.EWS else "",
        tls=tls,
        username=username,
        password=password,
        impersonate=connection.impersonate and connection.retrieval == IN_PROFILE,
        timeout=connection.timeout,
        max_connections=connection.max_connections,
        ca_file=around.ca_file,
        allowed_local_hosts=around.allowed_local_hosts,
    )


def autodiscover_access(
    connection: Connection, mailbox: MailboxCredentials, outgoing: bool, around: Surroundings
) -> Access:
    """How autodiscover is asked: with the same credentials; `url` is the host or address that the profile names to be
    asked first, if any (2.7). Raises AccessIncomplete and KeyUnavailable."""
    first, port = connection.location, f":{connection.port}" if connection.port else ""
    if first and "://" not in first:
        first = f"{'http' if connection.tls is Tls.NONE else 'https'}://{first}{port}"
    access = access_for(replace(connection, discovered_url=first or ANYWHERE), mailbox, outgoing, around)
    return replace(access, url=first)


def _transport(server_type: int, outgoing: bool) -> Transport:
    if server_type in EXCHANGE:
        return Transport.EWS
    if server_type == POP3_SMTP:
        return Transport.SMTP if outgoing else Transport.POP3
    raise AccessIncomplete("Profiles of the type IMAP/SMTP cannot be connected yet. Choose Other (POP3/SMTP).")


def _credentials(connection: Connection, mailbox: MailboxCredentials) -> tuple[str, str]:
    """2.2, 2.3: from the mailbox only if it allows that; from the profile otherwise."""
    if connection.retrieval == ANONYMOUS:
        return "", ""
    if connection.retrieval == IN_PROFILE:
        if not connection.username:
            raise AccessIncomplete("The email server profile has no user name. Enter one in the profile.")
        return connection.username, connection.reveal_password()
    if connection.retrieval == BY_USER_OR_QUEUE:
        if not mailbox.allowed:
            raise AccessIncomplete(
                "The mailbox does not allow its credentials to be used. Tick that box or use the profile's."
            )
        return mailbox.username or mailbox.address, mailbox.reveal_password()
    raise AccessIncomplete(
        "This way of finding credentials is not supported yet. Store them on the mailbox or the profile."
    )


def _ews_url(connection: Connection) -> str:
    """What autodiscover found; else a full address as it stands, and a bare host with the usual path (2.7)."""
    if connection.auto_discover:
        if not connection.discovered_url:
            raise AccessIncomplete(
                "Autodiscover has not found the Exchange server of this mailbox yet. "
                "Wait for its next run, or enter the EWS address in the profile and turn autodiscover off."
            )
        return connection.discovered_url
    if "://" in connection.location:
        return connection.location
    port = f":{connection.port}" if connection.port else ""
    return f"{'http' if connection.tls is Tls.NONE else 'https'}://{connection.location}{port}/EWS/Exchange.asmx"
