"""Recipients as people type them: addresses, and names that the directory knows, with commas or semicolons between."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.contrib.auth.models import AnonymousUser, User

from profiles.connectors.mime import Address
from profiles.connectors.mime.addresses import addresses
from tracking.facts.directory import Entry, named

_PIECE = re.compile(r'(?:"(?:[^"\\]|\\.)*"|<[^<>]*>|[^,;\n<>"]|["<>])+')
_PLAIN_NAME = re.compile(r"[\w .'’-]+")
MOST_NAMED = 5


def as_typed(people: Iterable[Address]) -> str:
    """Recipients as they stand in the field: a name with a comma or another mark in it is in quotation marks."""
    return ", ".join(_typed(person) for person in people)


def _typed(person: Address) -> str:
    if not person.name or person.name == person.address:
        return person.address
    if _PLAIN_NAME.fullmatch(person.name):
        return f"{person.name} <{person.address}>"
    name = person.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}" <{person.address}>'


def read_people(text: str, user: User | AnonymousUser) -> tuple[list[Address], list[str]]:
    """The recipients of a field, each address once, and a sentence for each piece that is none."""
    people: dict[str, Address] = {}
    problems = []
    for piece in (found.strip() for found in _PIECE.findall(text.replace("\r", ""))):
        if not piece:
            continue
        person, problem = _read(piece, user)
        if person is None:
            problems.append(problem)
        else:
            people.setdefault(person.key, person)
    return list(people.values()), problems


def _read(piece: str, user: User | AnonymousUser) -> tuple[Address | None, str]:
    if "@" in piece:
        found = addresses(piece)
        if len(found) == 1 and found[0].is_valid:
            return found[0], ""
        return None, f"“{piece}” is not an email address. Correct it or take it out."
    known = named(user, piece)
    if len(known) == 1:
        return known[0].as_address, ""
    return None, _which(piece, known)


def _which(name: str, known: list[Entry]) -> str:
    if not known:
        return f"Nobody that you may see is called “{name}”. Enter an email address."
    some = "; ".join(f"{one.name} <{one.address}>" for one in known[:MOST_NAMED])
    more = f"; and {len(known) - MOST_NAMED} more" if len(known) > MOST_NAMED else ""
    return f"“{name}” may be {some}{more}. Enter the address of the one you mean."
