"""Which settings of a profile do not go together, in sentences that say what to change (1.10, 2.2–2.10). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from profiles.encryption import misfit
from profiles.items import Tls, Transport

POP3_SMTP, IMAP_SMTP = 1, 4
EXCHANGE = frozenset({0, 2, 3})
BY_USER_OR_QUEUE, IN_PROFILE, ANONYMOUS = 0, 1, 4
HIGHEST_PORT = 65535
HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?|\[?[0-9a-fA-F:]*:[0-9a-fA-F:.]*\]?")
Problem = tuple[str, str]
"""A field of the form and what is wrong with it."""


def problems(values: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything that does not fit, field by field. What is missing in `values` was refused already."""
    kind = values.get("server_type")
    if kind == IMAP_SMTP:
        yield (
            "server_type",
            "IMAP is not spoken by this version. Choose “Other (POP3/SMTP)”: nearly all servers offer both.",
        )
        return
    yield from _advanced(values)
    same = values.get("use_same_settings_for_outgoing_connections")
    for side in ("incoming",) if same else ("incoming", "outgoing"):
        if kind in EXCHANGE:
            yield from _exchange_server(values, side)
        elif kind == POP3_SMTP:
            yield from _host_and_port(values, side)
        yield from _credentials(values, side)


def warnings(values: Mapping[str, Any]) -> Iterator[Problem]:
    """What surely does not fit together, but is up to whoever knows the server better: it is said, not refused (2.6)."""
    if values.get("server_type") != POP3_SMTP:
        return
    for side in ("incoming",) if values.get("use_same_settings_for_outgoing_connections") else ("incoming", "outgoing"):
        port, tls = values.get(f"{side}_port_number"), values.get(f"{side}_tls")
        words = misfit(Tls(tls), port) if port and tls else ""
        if words:
            yield f"{side}_port_number", words


def _exchange_server(values: Mapping[str, Any], side: str) -> Iterator[Problem]:
    field, location = f"{side}_server_location", str(values.get(f"{side}_server_location") or "")
    if not location and values.get("use_auto_discover"):
        return  # 2.7: the server is found by the address
    if not location:
        yield field, "Enter the EWS address, such as https://mail.example.com/EWS/Exchange.asmx, or only the host."
        return
    url = urlsplit(location if "://" in location else f"https://{location}")
    if url.scheme not in ("http", "https") or not HOST.fullmatch(url.hostname or ""):
        yield (
            field,
            "This is no address of an Exchange server. It looks like https://mail.example.com/EWS/Exchange.asmx.",
        )
    elif url.username or url.password:
        yield field, "Leave user name and password out of the address: they have fields of their own."
    elif url.scheme == "http" and values.get(f"{side}_tls") != Tls.NONE.value:
        yield field, "This address is not encrypted. Let it begin with https://, or choose no encryption."
    if values.get(f"{side}_tls") == Tls.STARTTLS.value:
        yield f"{side}_tls", "Exchange begins with TLS. Choose “TLS from the start”."


def _host_and_port(values: Mapping[str, Any], side: str) -> Iterator[Problem]:
    location = str(values.get(f"{side}_server_location") or "")
    if not location:
        example = "pop.example.com" if side == "incoming" else "smtp.example.com"
        yield f"{side}_server_location", f"Enter the host name of the server, such as {example}."
    elif not HOST.fullmatch(location):
        yield (
            f"{side}_server_location",
            "Enter the host name alone, such as mail.example.com; the port has its own field.",
        )
    yield from _port(values, side)


def _port(values: Mapping[str, Any], side: str) -> Iterator[Problem]:
    port = values.get(f"{side}_port_number")
    if port is not None and not 0 < port <= HIGHEST_PORT:
        yield f"{side}_port_number", f"A port is a number from 1 to {HIGHEST_PORT}."


def _credentials(values: Mapping[str, Any], side: str) -> Iterator[Problem]:
    retrieval, username = values.get(f"{side}_credential_retrieval"), str(values.get(f"{side}_username") or "")
    exchange, field = values.get("server_type") in EXCHANGE, f"{side}_credential_retrieval"
    if retrieval not in (None, BY_USER_OR_QUEUE, IN_PROFILE, ANONYMOUS):
        yield field, "This way is not supported yet. Store the credentials on each mailbox or in this profile."
    if retrieval == ANONYMOUS and (exchange or side == "incoming"):
        yield field, "Nobody reads mail without credentials. Store them on each mailbox or in this profile."  # 2.2
    if retrieval == IN_PROFILE and not username:
        yield f"{side}_username", "Enter the user name, because the credentials are stored in this profile."
    if not values.get(f"{side}_use_impersonation") or not exchange:
        return
    if retrieval != IN_PROFILE:
        yield (
            f"{side}_use_impersonation",
            "Only an account stored in this profile can impersonate. Store one, or turn this off.",
        )
    elif "\\" in username:  # 2.9
        yield (
            f"{side}_username",
            "An account that impersonates is named as an address (sync@example.com), not DOMAIN\\user.",
        )


def _advanced(values: Mapping[str, Any]) -> Iterator[Problem]:
    if values.get("send_email_alert") and not values.get("owner_email_address"):
        yield "owner_email_address", "Enter the address that alerts are sent to, or turn the e-mail alert off."


def transport_of(server_type: int | None, side: str) -> Transport:
    """What is spoken in one direction of a profile of this type."""
    if server_type in EXCHANGE:
        return Transport.EWS
    return Transport.POP3 if side == "incoming" else Transport.SMTP
