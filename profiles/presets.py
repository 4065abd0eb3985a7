"""Well-known mail servers: hosts, ports and encryption as their providers publish them. Facts only, no accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from profiles.items import Tls

EXCHANGE_SERVER, OTHER_POP3_SMTP = 0, 1
APP_PASSWORD = "Sign in with an app password, which the provider gives for accounts with a second factor."


@dataclass(frozen=True, slots=True)
class Server:
    """One direction."""

    host: str
    port: int
    tls: Tls


@dataclass(frozen=True, slots=True)
class Preset:
    """One provider. `note` is what else must be known; `refused` says why it cannot be used, if so."""

    key: str
    name: str
    receiving: Server | None = None
    sending: Server | None = None
    note: str = ""
    refused: str = ""

    def initial(self) -> dict[str, Any]:
        """What a new profile's form is filled in with."""
        values: dict[str, Any] = {"name": self.name}
        if self.receiving is None or self.sending is None:
            return values | ({} if self.refused else {"server_type": EXCHANGE_SERVER})
        values |= {"server_type": OTHER_POP3_SMTP, "use_same_settings_for_outgoing_connections": False}
        for side, server in (("incoming", self.receiving), ("outgoing", self.sending)):
            values |= {
                f"{side}_server_location": server.host,
                f"{side}_port_number": server.port,
                f"{side}_tls": server.tls.value,
            }
        return values


def _pop3(host: str) -> Server:
    return Server(host, 995, Tls.IMPLICIT)


def _smtps(host: str) -> Server:
    return Server(host, 465, Tls.IMPLICIT)


def _submission(host: str) -> Server:
    return Server(host, 587, Tls.STARTTLS)


PRESETS = (
    Preset(
        "exchange",
        "Exchange Server",
        note="Enter the EWS address as incoming server: https://, the name of your Exchange server, /EWS/Exchange.asmx.",
    ),
    Preset(
        "gmail",
        "Gmail",
        _pop3("pop.gmail.com"),
        _submission("smtp.gmail.com"),
        f"Turn POP on in the settings of each Gmail account. {APP_PASSWORD} Gmail hides mail that was fetched "
        "elsewhere unless the user name begins with “recent:”.",  # 2.12
    ),
    Preset("yahoo", "Yahoo Mail", _pop3("pop.mail.yahoo.com"), _smtps("smtp.mail.yahoo.com"), APP_PASSWORD),
    Preset("fastmail", "Fastmail", _pop3("pop.fastmail.com"), _smtps("smtp.fastmail.com"), APP_PASSWORD),
    Preset("ionos", "IONOS", _pop3("pop.ionos.de"), _smtps("smtp.ionos.de"), "Outside Germany: pop.ionos.com."),
    Preset(
        "gmx",
        "GMX",
        _pop3("pop.gmx.net"),
        _submission("mail.gmx.net"),
        "Allow POP3 and IMAP in the settings of each account.",
    ),
    Preset(
        "web.de",
        "WEB.DE",
        _pop3("pop3.web.de"),
        _submission("smtp.web.de"),
        "Allow POP3 and IMAP in the settings of each account.",
    ),
    Preset("t-online", "Telekom Mail", _pop3("securepop.t-online.de"), _smtps("securesmtp.t-online.de")),
    Preset("mailbox.org", "mailbox.org", _pop3("pop3.mailbox.org"), _smtps("smtp.mailbox.org")),
    Preset(
        "outlook",
        "Outlook.com",
        refused="Outlook.com takes no passwords over POP3 and SMTP any more, only OAuth, which this version does not speak.",
    ),
    Preset(
        "exchange-online",
        "Exchange Online",
        refused="Exchange Online takes no passwords over EWS any more, only OAuth, which this version does not speak.",
    ),
    Preset("icloud", "iCloud Mail", refused="iCloud offers IMAP only, which this version does not speak."),
)
BY_KEY = {preset.key: preset for preset in PRESETS}
