"""Addresses as they go over the wire: domains as A-labels (RFC 5890), and nothing that could be taken for a command."""

from __future__ import annotations

import re

import idna

LONGEST_DOMAIN = 255
_LOCAL_PART = re.compile(r'"[^"\\\x00-\x1f\x7f]*"|[^"<>()\[\]:;,\\@\s\x00-\x1f\x7f-\x9f]+')
_LABEL = r"[^\s\x00-\x2c./:-@\[-^`{-\x9f]+"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Za-z.:]+\]")


def wire_address(address: str) -> str:
    """The address as servers are told it (RFC 5321 §4.1.2): a domain in Unicode becomes A-labels, unless the local part
    needs SMTPUTF8 anyway (RFC 6531). Raises ValueError, a sentence that names the address, if it is none."""
    local, _, domain = address.rpartition("@")
    if not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(domain) or len(domain) > LONGEST_DOMAIN:
        raise ValueError(f"“{_in_one_line(address)}” is not an email address")
    try:
        labels = ascii_domain(domain)
    except ValueError:
        raise ValueError(f"“{_in_one_line(address)}” is not an email address: no domain can have that name") from None
    return f"{local}@{labels if local.isascii() else domain}"


def ascii_domain(domain: str) -> str:
    """The domain as A-labels by IDNA 2008, in which “ß” is a letter of its own and not “ss”. Raises ValueError."""
    return domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")


def _in_one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
