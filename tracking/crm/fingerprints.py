"""Words of a subject and addresses as numbers, for smart matching (6.6) and other look-ups by hash. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from mailboxes.policy import Policy
from profiles.connectors.mime import Envelope


def hash_of(text: str) -> int:
    """A number of 64 bits with a sign, as databases index it."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), signed=True)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The words of a subject and the addresses of a message as numbers."""

    words: frozenset[int]
    addresses: frozenset[int]

    def agrees_with(self, other: Fingerprint, policy: Policy) -> bool:
        """6.6: as many words, up to the delta, all of the shorter subject's; and enough addresses. No word, no match."""
        fewer, more = sorted((self.words, other.words), key=len)
        if not fewer or len(more) - len(fewer) > policy.hash_delta_subject_count or not fewer <= more:
            return False
        return len(self.addresses & other.addresses) >= policy.hash_min_address_count


def fingerprint(envelope: Envelope, policy: Policy) -> Fingerprint:
    """The numbers of this message, at most `hash_max_count` of each kind, regardless of case."""
    addresses = list(dict.fromkeys(addresses_of(envelope)))[: policy.hash_max_count]
    words = words_of(envelope.subject, policy)
    return Fingerprint(frozenset(map(hash_of, words)), frozenset(map(hash_of, addresses)))


def words_of(subject: str, policy: Policy) -> list[str]:
    """The words of a subject without its leading marks, each once."""
    bare = _noise(policy.hash_filter_keywords).sub("", subject, count=1)
    return list(dict.fromkeys(bare.casefold().split()))[: policy.hash_max_count]


@lru_cache(maxsize=8)
def _noise(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def addresses_of(envelope: Envelope) -> Iterator[str]:
    """Everybody whom the headers name, lower case: the sender first."""
    if envelope.sender is not None and envelope.sender.address:
        yield envelope.sender.key
    for people in (envelope.to, envelope.cc, envelope.bcc):
        yield from (person.key for person in people if person.address)
