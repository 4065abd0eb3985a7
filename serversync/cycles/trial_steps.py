"""The steps of a test in words: what was tried, what the server said, which setting to change (3.10, 12.2)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from profiles.act_items import ItemKind
from profiles.connectors.base import Cause, ConnectorError, ItemDelayed, ItemRejected
from profiles.items import Access, Tls, Transport
from serversync.cycles.for_administrators import request, server_of

ALLOWED = "Allowed here"
SETTINGS = "Settings complete"
DISCOVER = "Find the server by autodiscover"
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
LISTS = {
    ItemKind.APPOINTMENT: "Open the calendar",
    ItemKind.CONTACT: "Open the contacts",
    ItemKind.TASK: "Open the tasks",
}

STEP = {
    Cause.SETTINGS: FIND,
    Cause.DNS: FIND,
    Cause.LOCAL_HOST: FIND,
    Cause.REFUSED_CONNECTION: CONNECT,
    Cause.UNREACHABLE: CONNECT,
    Cause.PORT: CONNECT,
    Cause.TLS_NAME: ENCRYPT,
    Cause.TLS_CERTIFICATE: ENCRYPT,
    Cause.TLS_MODE: ENCRYPT,
    Cause.CA_FILE: ENCRYPT,
    Cause.UNENCRYPTED: ENCRYPT,
    Cause.NO_CREDENTIALS: LOG_IN,
    Cause.CREDENTIALS: LOG_IN,
    Cause.ACCOUNT_DISABLED: LOG_IN,
    Cause.LOGIN_METHOD: LOG_IN,
    Cause.PROTOCOL_DISABLED: LOG_IN,
}
"""The step that a cause is about."""
BEHIND_THE_LOG_IN = frozenset(
    {
        Cause.IMPERSONATION,
        Cause.FULL_ACCESS,
        Cause.MAILBOX_MISSING,
        Cause.LICENCE,
        Cause.FOLDER,
        Cause.UNIQUE_IDS,
        Cause.QUOTA,
        Cause.SEND_AS,
        Cause.RECIPIENT,
        Cause.TOO_MANY_RECIPIENTS,
        Cause.SIZE,
        Cause.ITEM,
    }
)
"""What a server says only to somebody it has let in. Any other cause may be about any step; then none is ticked off."""
NOT_TRIED = frozenset({Cause.SETTINGS, Cause.CA_FILE, Cause.UNENCRYPTED, Cause.NO_CREDENTIALS})


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried. `ok` is None while it is under way, and for what was left out with a reason."""

    name: str
    ok: bool | None
    words: str = ""
    remedy: str = ""
    cause: str = ""

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
    asked = request(error.cause, access)
    remedy = " ".join(filter(None, [error.remedy, f"To the server's administrator: “{asked}”" if asked else ""]))
    told = Step(at, False, _in_full(error), remedy, error.cause)
    if at == REACH or error.cause in NOT_TRIED:
        return [told]
    before = REACHING[: REACHING.index(at)] if at in REACHING else REACHING
    return [*(step for step in reached(access) if step.name in before), told]


def _place(error: ConnectorError, doing: str) -> str:
    if isinstance(error, ItemRejected | ItemDelayed) or error.cause in BEHIND_THE_LOG_IN:
        return doing
    return STEP.get(error.cause, REACH)


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
