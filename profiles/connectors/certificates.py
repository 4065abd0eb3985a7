"""What a server's certificate says of itself, in words for people (12.2 "No secure connection")."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import NameOID

EXPIRES_SOON = timedelta(days=14)
MOST_NAMES = 5
EXPIRED, NOT_YET_VALID = 10, 9
NOT_TRUSTED = frozenset({18, 19, 20, 21})  # self-signed, or of an authority that is not known here
WRONG_NAME = frozenset({62, 64})
"""The codes with which OpenSSL tells why it refused a certificate."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """For whom a certificate was made, by whom, and until when it is valid."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    valid_until: datetime

    @property
    def sentence(self) -> str:
        """All of it in one sentence."""
        shown = ", ".join(self.names[:MOST_NAMES]) or self.subject
        more = f" and {len(self.names) - MOST_NAMES} more" if len(self.names) > MOST_NAMES else ""
        return (
            f"certificate of {self.subject or 'nobody'} for {shown or 'no name'}{more}, "
            f"issued by {self.issuer or 'nobody'}, valid until {self.valid_until:%Y-%m-%d %H:%M} UTC"
        )

    def ends_soon(self, now: datetime) -> bool:
        """Whether somebody should renew it within two weeks."""
        return self.valid_until - now < EXPIRES_SOON


def read_certificate(der: bytes) -> Certificate | None:
    """The certificate of these bytes; None if they are none that can be read."""
    try:
        found = x509.load_der_x509_certificate(der)
        return Certificate(
            subject=_common_name(found.subject),
            issuer=_common_name(found.issuer),
            names=_names(found),
            valid_until=found.not_valid_after_utc,
        )
    except ValueError:
        return None


def what_helps(verify_code: int, host: str, certificate: Certificate | None) -> str:
    """The remedy for a refused certificate; "" when the code is none that we know."""
    if verify_code == EXPIRED:
        return "Renew the certificate on the mail server."
    if verify_code == NOT_YET_VALID:
        return "Check the clocks of both machines, or install a certificate that is valid already."
    if verify_code in NOT_TRUSTED:
        return (
            "If this is your own server, put the certificate of its authority into the file that MAIL_CA_FILE names; "
            "otherwise have a certificate of a public authority installed there."
        )
    if verify_code in WRONG_NAME:
        names = ", ".join(certificate.names[:MOST_NAMES]) if certificate else ""
        borne = f"a name that the certificate bears ({names})" if names else "a name that the certificate bears"
        return f"Enter {borne} as the server instead of {host}, or install a certificate for {host}."
    return ""


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = [str(address) for address in held.get_values_for_type(x509.IPAddress)]
    return (*held.get_values_for_type(x509.DNSName), *addresses)
