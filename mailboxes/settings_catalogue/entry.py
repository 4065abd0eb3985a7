"""What is said about one setting of the organization, and which values it may have. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

KB, MB = 1024, 1024 * 1024


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `name` is that of the field of Policy, whose default is the default.

    `original` says in short what Dynamics 365 does, "" where it has no such setting. `least` and `most` bound a number,
    `choices` name the values there are; `wrong` is asked about a value of the right type: a sentence, or "".
    """

    name: str
    label: str
    help: str
    rule: str = ""
    original: str = ""
    choices: tuple[tuple[Any, str], ...] = ()
    least: int | None = None
    most: int | None = None
    unit: str = ""
    may_be_empty: bool = False
    wrong: Callable[[Any], str] | None = None

    def problem(self, value: Any) -> str:
        """What is wrong with a value of the right type, as the rest of a sentence that begins with the name; else ""."""
        if self.choices and value not in dict(self.choices):
            possible = ", ".join(f"{key!r} ({words})" for key, words in self.choices)
            return f"must be one of {possible}"
        if (self.least is not None and value < self.least) or (self.most is not None and value > self.most):
            return f"must be {self.range_words()}"
        if isinstance(value, str) and not value and not self.choices and not self.may_be_empty:
            return "must not be empty"
        return self.wrong(value) if self.wrong else ""

    def range_words(self) -> str:
        """ "from 1 to 9", "at least 0"; "" for what is no number."""
        if self.least is not None and self.most is not None:
            return f"from {self.least:,} to {self.most:,}"
        return f"at least {self.least:,}" if self.least is not None else ""

    def words(self, value: Any) -> str:
        """A value as people say it."""
        if self.choices:
            return str(dict(self.choices).get(value, value))
        if isinstance(value, bool):
            return "on" if value else "off"
        if self.unit == "bytes" and isinstance(value, int):
            return _size(value)
        if isinstance(value, int):
            return f"{value:,} {self.unit}".strip()
        return str(value) or "empty"


def _size(number: int) -> str:
    for size, unit in ((MB, "MB"), (KB, "KB")):
        if number and number % size == 0:
            return f"{number // size:,} {unit}"
    return f"{number:,} bytes"


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that belong together, as a part of the form and of the help."""

    title: str
    about: str
    settings: tuple[Setting, ...]
