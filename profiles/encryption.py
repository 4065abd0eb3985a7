"""The encryption of a direction, the ports it usually has, and those it surely does not fit (2.6). Pure."""

from __future__ import annotations

from profiles.items import Tls, Transport

USUAL_PORTS = {
    (Transport.POP3, Tls.IMPLICIT): 995,
    (Transport.POP3, Tls.STARTTLS): 110,
    (Transport.POP3, Tls.NONE): 110,
    (Transport.SMTP, Tls.IMPLICIT): 465,
    (Transport.SMTP, Tls.STARTTLS): 587,
    (Transport.SMTP, Tls.NONE): 25,
}
TLS_WORDS = [
    (Tls.IMPLICIT.value, "TLS from the start"),
    (Tls.STARTTLS.value, "STARTTLS"),
    (Tls.NONE.value, "None (not encrypted)"),
]


BEGINS_ENCRYPTED = frozenset({465, 993, 995})
BEGINS_IN_CLEAR = frozenset({25, 110, 143, 587})
"""Ports whose meaning every server keeps (RFC 8314); any other port may speak in any way."""


def misfit(tls: Tls, port: int) -> str:
    """Why this encryption will surely not work at this port, as a sentence that says what to change; else ""."""
    if port in BEGINS_ENCRYPTED and tls is not Tls.IMPLICIT:
        return f"Port {port} begins with TLS at every usual server. Choose “TLS from the start”, or another port."
    if port in BEGINS_IN_CLEAR and tls is Tls.IMPLICIT:
        return f"Port {port} begins in clear at every usual server. Choose STARTTLS, or another port."
    return ""


def tls_of(transport: Transport, use_ssl: bool, port: int | None) -> Tls:
    """What "TLS on" means where nobody said how it begins: STARTTLS at SMTP ports but 465, and at the POP3 port 110;
    else TLS from the first byte."""
    if not use_ssl:
        return Tls.NONE
    if transport is Transport.SMTP:
        return Tls.IMPLICIT if port == 465 else Tls.STARTTLS
    if transport is Transport.POP3:
        return Tls.STARTTLS if port == 110 else Tls.IMPLICIT
    return Tls.IMPLICIT
