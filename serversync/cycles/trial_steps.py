"""The steps of a test in words: what was tried, what the server said, which setting to change (3.10, 12.2)."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from profiles.connectors.base import AuthenticationFailed, ConnectorError, ItemDelayed, ItemRejected
from profiles.items import Access, Tls, Transport

ALLOWED = "Allowed here"
SETTINGS = "Settings complete"
FIND = "Find the server"
CONNECT = "Connect"
ENCRYPT = "Encrypt the connection"
LOG_IN = "Log in"
REACHING = (FIND, CONNECT, ENCRYPT, LOG_IN)
REACH = "Reach the server"
OPEN = "Open the Inbox"
SEND = "Send a message to itself"
ARRIVED = "Find that message in the Inbox"
REMOVED = "Remove that message"
ACT = "Synchronize appointments, contacts and tasks"

# Which of the steps an error is about; whatever matches none of them may be about any, and then none is ticked off.
_SIGNS = (
    (FIND, r"^host not found|is not a host name|names no host|is local to this machine|is no address of"),
    (ENCRYPT, r"certificate|secure connection|encryption began|STARTTLS|STLS|without encryption|to encrypt"),
    (CONNECT, r"could not be reached|speaks \w+, not|does not speak"),
    (LOG_IN, r"way to log in|log us in"),
)
_NOT_TRIED = re.compile(r"needs a user name|contains a line break|There are no credentials")
_LOGGED_IN = re.compile(r"unique ids|refused UIDL|may not act as|knows no mailbox|may not open|^The folder")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried. `ok` is None while it is under way, and for what was left out with a reason."""

    name: str
    ok: bool | None
    words: str = ""
    remedy: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As `Trial.steps` keeps it."""
        return asdict(self)


def reached(access: Access) -> list[Step]:
    """The steps up to the log-in, all of which went well: something behind them has worked."""
    return [Step(name, True, words) for name, words in _facts(access).items()]


def failed(error: ConnectorError, access: Access, doing: str) -> list[Step]:
    """What worked before `error`, as far as that is certain, and the step it is about. `doing` is what came after
    logging in."""
    at = _place(error, doing)
    told = Step(at, False, _in_full(error), " ".join(filter(None, [error.remedy, _to_administrator(at, access)])))
    if at == REACH or _NOT_TRIED.search(str(error)):
        return [told]
    before = REACHING[: REACHING.index(at)] if at in REACHING else REACHING
    return [*(step for step in reached(access) if step.name in before), told]


def _place(error: ConnectorError, doing: str) -> str:
    if isinstance(error, AuthenticationFailed):
        return LOG_IN
    if isinstance(error, ItemRejected | ItemDelayed) or _LOGGED_IN.search(str(error)):
        return doing
    return next((name for name, sign in _SIGNS if re.search(sign, str(error))), REACH)


def _in_full(error: ConnectorError) -> str:
    """What happened, and the server's own words where they say more."""
    if error.words and error.words not in str(error):
        return f"{error} The server said: {error.words}"
    return str(error)


def _facts(access: Access) -> dict[str, str]:
    host, port, encrypted = server_of(access)
    if not encrypted:
        encryption = "Not encrypted: TLS is off in the server profile."
    else:
        kind = (
            "STARTTLS" if access.tls is Tls.STARTTLS and access.transport is not Transport.EWS else "TLS from the start"
        )
        encryption = f"{kind}; the certificate is valid for {host}."
    return {
        FIND: f"{host} is known.",
        CONNECT: f"It answers on port {port}.",
        ENCRYPT: encryption,
        LOG_IN: f"As {access.username}." if access.username else "Without credentials, as the server profile says.",
    }


def server_of(access: Access) -> tuple[str, int, bool]:
    """Host, port, and whether the connection is encrypted."""
    if access.transport is not Transport.EWS:
        return access.host, access.port, access.tls is not Tls.NONE
    url = urlsplit(access.url)
    encrypted = url.scheme == "https"
    try:
        port = url.port
    except ValueError:
        port = None
    return url.hostname or access.url, port or (443 if encrypted else 80), encrypted


_FOR_ADMINISTRATORS = {
    (
        Transport.POP3,
        CONNECT,
    ): "Please switch POP3 on at {host} and let us reach port {port} "
    "(Exchange: Set-Service MSExchangePOP3 -StartupType Automatic; Start-Service MSExchangePOP3).",
    (Transport.POP3, LOG_IN): "Please allow POP3 for {username} "
    '(Exchange: Set-CASMailbox -Identity "{address}" -PopEnabled $true).',
    (Transport.SMTP, CONNECT): "Please let us reach port {port} of {host} for authenticated mail submission.",
    (
        Transport.SMTP,
        ENCRYPT,
    ): "Please offer STARTTLS on port {port} of {host}, with a certificate that is valid for the "
    "name {host}, or send us the certificate of your own authority.",
    (Transport.SMTP, LOG_IN): "Please allow authenticated SMTP for {username} "
    '(Exchange Online: Set-CASMailbox -Identity "{address}" -SmtpClientAuthenticationDisabled $false).',
    (Transport.SMTP, SEND): "Please allow {username} to send as {address}.",
    (Transport.EWS, CONNECT): "Please let us reach Exchange Web Services at {host}, port {port}.",
    (Transport.EWS, LOG_IN): "Please see that the account {username} is active and that Basic authentication is on for "
    "EWS (Set-WebServicesVirtualDirectory -BasicAuthentication $true).",
}
_CERTIFICATE = (
    "Please give {host} a certificate that is valid for the name {host}, "
    "or send us the certificate of your own authority."
)


def _to_administrator(at: str, access: Access) -> str:
    """The sentence to pass on to whoever runs the server; "" where the remedy says it all."""
    otherwise = _CERTIFICATE if at == ENCRYPT else ""
    sentence = _FOR_ADMINISTRATORS.get((access.transport, at), otherwise)
    if not sentence:
        return ""
    host, port, _ = server_of(access)
    filled = sentence.format(host=host, port=port, username=access.username or "this service", address=access.address)
    return f"To the server's administrator: “{filled}”"
