"""Names of people, whole and in parts; and streets in lines. Pure (10.8)."""

from __future__ import annotations

LINES = 3


def full_name_of(first: str, middle: str, last: str, suffix: str = "") -> str:
    """The whole name that these parts make; "" if there is none."""
    name = " ".join(part for part in (first.strip(), middle.strip(), last.strip()) if part)
    return f"{name}, {suffix.strip()}" if name and suffix.strip() else name or suffix.strip()


def lines_of(street: str) -> tuple[str, str, str]:
    """A street as the three columns for its lines; the last one takes what is too much."""
    lines = street.replace("\r\n", "\n").rstrip().split("\n", LINES - 1)
    first, second, third = [*lines, "", ""][:LINES]
    return first, second, third


def street_of(first: str, second: str, third: str) -> str:
    """The street that the three columns hold."""
    return "\n".join((first, second, third)).rstrip()
