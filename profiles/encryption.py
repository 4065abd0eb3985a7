"""Which encryption a port stands for, and which port an encryption usually has (2.6). Pure."""

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


def tls_of(transport: Transport, use_ssl: bool, port: int | None) -> Tls:
    """2.6: TLS on means TLS from the first byte on 465 and 995, and STARTTLS on every other SMTP or POP3 port; a POP3
    port other than 110 begins with TLS as well."""
    if not use_ssl:
        return Tls.NONE
    if transport is Transport.SMTP:
        return Tls.IMPLICIT if port == 465 else Tls.STARTTLS
    if transport is Transport.POP3:
        return Tls.STARTTLS if port == 110 else Tls.IMPLICIT
    return Tls.IMPLICIT
