"""Tracking tokens in subjects: how they are made, appended and found again (6.5). Pure.

    long     Offer for 2027 [#7K3M9QXW2RTV8HNB]     random, the default of new installations
    classic  Offer for 2027 CRM:0001001             prefix, origin, number of the user, counter; it can be guessed

Square brackets and plain capitals survive mail clients, folding and encoding; 80 random bits are met by no accident. A
token is a hint, never a key: whether it counts is decided in `tracking/decide/correlation.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from mailboxes.policy import Policy

RANDOM_BITS = 80
MOST = 5  # tokens looked at in one subject
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # no I, L, O, U: nobody mistakes or reads anything into it
_LONG = rf"\[#[{_ALPHABET}]{{{RANDOM_BITS // 5}}}\]"
_ONLINE = "0"  # 6.5: the digit of the origin; offline clients wrote 1


def prefixes_of(policy: Policy) -> tuple[str, ...]:
    """The prefix of classic tokens and those that were used before: they stay recognised."""
    every = (policy.tracking_prefix, *policy.old_tracking_prefixes.split())
    return tuple(dict.fromkeys(prefix for prefix in every if prefix))


def long_token(number: int) -> str:
    """The long form of a random number of 80 bits."""
    digits = (_ALPHABET[(number >> shift) & 31] for shift in range(RANDOM_BITS - 5, -1, -5))
    return f"[#{''.join(digits)}]"


def classic_head(ordinal: int, policy: Policy) -> str:
    """All of a user's classic tokens but the counter."""
    return f"{policy.tracking_prefix}{_ONLINE}{policy.tracking_token_id_base + ordinal:0{policy.tracking_token_id_digits}d}"


def classic_token(head: str, counter: int, policy: Policy) -> str:
    """The classic token with this counter, which must be within the digits of the policy."""
    return f"{head}{counter:0{policy.tracking_number_digits}d}"


def counter_after(last: str, policy: Policy) -> int:
    """The counter that follows that of the token `last` ("" for none); after the highest comes 1 again."""
    digits = last[-policy.tracking_number_digits :]
    return int(digits) % (10**policy.tracking_number_digits - 1) + 1 if digits.isdecimal() else 1


def tokens_in(subject: str, prefixes: Sequence[str]) -> list[str]:
    """The tokens of a subject as they are stored, the last one first: a new one is appended to the end."""
    known = {prefix.casefold(): prefix for prefix in prefixes}
    found = []
    for match in _pattern(tuple(prefixes)).finditer(subject):
        prefix, digits = match["prefix"], match["digits"]
        found.append(known.get(prefix.casefold(), prefix) + digits if prefix else match[0].upper())
    return list(dict.fromkeys(reversed(found)))[:MOST]


def without_tokens(subject: str, prefixes: Sequence[str]) -> str:
    """The subject as a person wrote it."""
    return " ".join(_pattern(tuple(prefixes)).sub(" ", subject).split())


def with_token(subject: str, token: str, policy: Policy) -> str | None:
    """The subject with this token at its end in place of an earlier one, shortened to what mail servers take.

    None when the token alone would be too long: it is omitted then.
    """
    room = policy.maximum_subject_length_on_mail_server - len(token)
    if room < 0:
        return None
    written = _without_last_tokens(subject, prefixes_of(policy))
    shortened = written[: max(room - 1, 0)].rstrip()
    return f"{shortened} {token}" if shortened else token


def _without_last_tokens(subject: str, prefixes: tuple[str, ...]) -> str:
    subject = subject.strip()
    matches = list(_pattern(prefixes).finditer(subject))
    while matches and matches[-1].end() == len(subject):
        subject = subject[: matches.pop().start()].rstrip()
    return subject


@lru_cache(maxsize=16)
def _pattern(prefixes: tuple[str, ...]) -> re.Pattern[str]:
    """Either form. A classic token has at least three digits, and no letter or digit beside it."""
    words = "|".join(re.escape(prefix) for prefix in sorted(prefixes, key=len, reverse=True)) or r"(?!)"
    return re.compile(rf"{_LONG}|(?<!\w)(?P<prefix>{words})(?P<digits>[0-9]{{3,25}})(?!\w)", re.IGNORECASE)
