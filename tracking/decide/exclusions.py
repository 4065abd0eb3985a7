"""What is never to be tracked, by the word of an owner or of the organization (law 12). Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from profiles.connectors.mime import Address

LONGEST = 320
_DOMAIN = re.compile(r"[^\s@.,;:/<>]{1,63}(?:\.[^\s@.,;:/<>]{1,63})+")


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Addresses, domains with their subdomains, and conversations; all in lower case.

    A conversation is named by its id, or, of nothing tracked, by the Message-ID of its first message.
    """

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    threads: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.addresses or self.domains or self.threads)

    def met(self, addresses: Collection[str], threads: Collection[str]) -> tuple[str, str] | None:
        """What of this stands against mail with these addresses in these conversations: its kind and its value."""
        for address in addresses:
            if address in self.addresses:
                return "address", address
            for domain in _domains_of(address):
                if domain in self.domains:
                    return "domain", domain
        for thread in threads:
            if thread in self.threads:
                return "conversation", thread
        return None


NOTHING_EXCLUDED = Exclusions()


def _domains_of(address: str) -> list[str]:
    """The domain of an address and those above it: a.shop.test, shop.test, test."""
    labels = address.rpartition("@")[2].split(".")
    return [".".join(labels[first:]) for first in range(len(labels))]


def as_stored(kind: str, value: str) -> str:
    """What somebody wrote, as it is compared. Raises ValueError with a sentence that says what is missing."""
    value = value.strip().strip("<>").lower() if kind == "address" else value.strip().lower()
    if kind == "address":
        if not Address("", value).is_valid:
            raise ValueError("Write a whole address, such as reception@dentist.example.")
    elif kind == "domain":
        value = value.removeprefix("@").removeprefix("*").removeprefix(".").rstrip(".")
        if not _DOMAIN.fullmatch(value):
            raise ValueError("Write a domain in full, such as dentist.example; its subdomains belong to it.")
    elif not value or " " in value:
        raise ValueError("Write the Message-ID of the first message, such as <abc@mail.example>.")
    if len(value) > LONGEST:
        raise ValueError(f"That is longer than {LONGEST} characters.")
    return value
