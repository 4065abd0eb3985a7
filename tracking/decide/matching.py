"""Whether a contact that comes in is one that is here already. Pure (10.1 f, 10.1 k, 10.6).

The link is looked for first; only a contact without one is compared. Sure means the same address and no other name, or
the same name and the same phone; a shared address (info@…) with another name is a question.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mailboxes.policy import Policy
from profiles.act_items import Fields

_PHONES = ("business_phone", "business_phone_2", "home_phone", "home_phone_2", "mobile_phone", "other_phone")
_EMAILS = ("email_1", "email_2", "email_3")
_DIGITS = 9  # from the end: the country may be written or not
_FEWEST_DIGITS = 6
_WORDS = re.compile(r"[^\W_]+")


class Likeness(StrEnum):
    """What is done with a contact that comes in."""

    SAME = "same"
    ASK = "ask"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Person:
    """A contact as far as it tells who it is."""

    ref: str
    name: frozenset[str]
    emails: frozenset[str]
    phones: frozenset[str]
    company: frozenset[str]

    @classmethod
    def of(cls, ref: str, fields: Fields) -> Person:
        """The person that these fields describe."""
        name = words(fields.get("full_name")) or words(f"{fields.get('first_name', '')} {fields.get('last_name', '')}")
        return cls(
            ref,
            name,
            frozenset(str(fields[key]).strip().lower() for key in _EMAILS if fields.get(key)),
            frozenset(filter(None, (phone(fields.get(key)) for key in _PHONES))),
            words(fields.get("company")),
        )


@dataclass(frozen=True, slots=True)
class Matching:
    """What was found: the record, how sure that is in percent, and why."""

    likeness: Likeness
    ref: str = ""
    score: int = 0
    because: str = ""
    others: tuple[str, ...] = ()  # as like as the first one

    def facts(self) -> dict[str, Any]:
        """For the person who is asked."""
        return {"record": self.ref, "score": self.score, "because": self.because, "others": list(self.others)}


def words(text: object) -> frozenset[str]:
    """The words of a name without accents, case and order: "Smith, Ann" is "Ann Smith"."""
    plain = unicodedata.normalize("NFKD", str(text or "")).casefold()
    return frozenset(_WORDS.findall("".join(letter for letter in plain if not unicodedata.combining(letter))))


def phone(number: object) -> str:
    """The last digits of a phone number; "" for what is too short to tell anybody."""
    digits = "".join(str(int(letter)) for letter in str(number or "") if letter.isdecimal())
    return digits[-_DIGITS:] if len(digits) >= _FEWEST_DIGITS else ""


def likeness(one: Person, other: Person) -> tuple[int, str]:
    """How sure it is that two are the same, in percent, and why."""
    same_name = bool(one.name) and one.name == other.name
    similar = bool(one.name and other.name) and (one.name <= other.name or other.name <= one.name)
    same_phone = bool(one.phones & other.phones)
    if one.emails & other.emails:
        if same_name:
            return 100, "the same email address and name"
        if similar or not one.name or not other.name:
            return 95, "the same email address, and no other name"
        return (85, "the same email address and phone, another name") if same_phone else (70, "the same email address")
    if same_name and same_phone:
        return 95, "the same name and phone"
    if same_name and one.company and one.company == other.company:
        return 80, "the same name and company"
    if same_name:
        return (40, "only the same name") if one.emails and other.emails else (65, "the same name")
    return (30, "only the same phone") if same_phone else (0, "")


def match(incoming: Person, known: Iterable[Person], policy: Policy) -> Matching:
    """What becomes of a contact that comes in: linked with one that is here, asked about, or made anew. Two that are as
    like are asked about, however like."""
    scored = sorted(((*likeness(incoming, one), one.ref) for one in known), key=lambda found: (-found[0], found[2]))
    if not scored or scored[0][0] < policy.contact_match_ask:
        return Matching(Likeness.NEW, score=scored[0][0] if scored else 0)
    score, because, ref = scored[0]
    others = tuple(found[2] for found in scored[1:] if found[0] == score)
    is_sure = score >= policy.contact_match_sure and not others
    return Matching(Likeness.SAME if is_sure else Likeness.ASK, ref, score, because, others)


def keys_of(people: Sequence[Person]) -> Mapping[str, set[str]]:
    """What to look for in the database so that every record that could be like one of these is among the candidates."""
    return {
        "emails": {email for one in people for email in one.emails},
        "phones": {digits for one in people for digits in one.phones},
        "names": {word for one in people for word in one.name},
    }
