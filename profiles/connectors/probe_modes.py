"""Which other encryption a port speaks, when the one of the profile failed there: a look or two, nobody signs in (2.6)."""

from __future__ import annotations

from dataclasses import replace

from profiles.connectors.base import Cause, ConnectorError
from profiles.connectors.probe_talks import TALKS
from profiles.encryption import TLS_WORDS
from profiles.items import Access, Tls, Transport

LONGEST_LOOK = 2.0
"""Seconds of a single wait: what a server speaks it says at once."""
ABOUT_THE_MODE = frozenset({Cause.TLS_MODE, Cause.TIMEOUT, Cause.BROKEN_LINE, Cause.PORT})
"""What a wrong mode looks like: nobody answers, or not in words that are understood."""
WORDS = dict(TLS_WORDS)


def what_answers(access: Access, cause: Cause) -> tuple[str, str]:
    """What was found and which setting to change, in sentences; "" and "" when no other mode answers there either, or
    the failure is about something else."""
    if cause not in ABOUT_THE_MODE or access.transport is Transport.EWS:
        return "", ""
    found = _mode_that_answers(access)
    if found is None:
        return "", ""
    word = WORDS[found.value]
    spoken = "unencrypted connections only" if found is Tls.NONE else word
    helps = (
        "Use another port, or have encryption switched on at the server."
        if found is Tls.NONE
        else f"Choose “{word}” as the encryption of this direction."
    )
    return f"Port {access.port} answers to {spoken}.", helps


def _mode_that_answers(access: Access) -> Tls | None:
    quick = replace(access, tls=Tls.NONE, timeout=min(access.timeout, LONGEST_LOOK))
    if access.tls is not Tls.IMPLICIT and _begins_encrypted(quick):
        return Tls.IMPLICIT
    found = _begins_in_clear(quick)
    return None if found is access.tls else found


def _begins_encrypted(access: Access) -> bool:
    try:
        return bool(TALKS[access.transport](access).connection.shown_certificate())
    except ConnectorError:
        return False


def _begins_in_clear(access: Access) -> Tls | None:
    """STARTTLS where the server offers it, else nothing; None for a server that does not greet."""
    try:
        talk = TALKS[access.transport](access)
    except ConnectorError:
        return None
    try:
        talk.greeting()
    except ConnectorError:
        talk.connection.close()
        return None
    try:
        talk.ask_for_tls()
    except ConnectorError:
        return Tls.NONE
    finally:
        talk.connection.close()
    return Tls.STARTTLS
