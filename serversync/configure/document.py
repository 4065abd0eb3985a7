"""A configuration file as text with places: every value knows its table, its key and its line.

The standard TOML reader gives values without lines. They are found by reading the text once more, piece by piece: a
piece is the shortest run of lines that is TOML by itself, which is a header, or a key with the whole of its value.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]
_SYNTAX_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: the table as people write it ("[[users]] alice"), and the path to its key and line."""

    table: str
    path: Path

    @property
    def key(self) -> str:
        """The last key of the path; "" for the table itself."""
        return str(self.path[-1]) if self.path and isinstance(self.path[-1], str) else ""

    def at(self, *keys: str | int) -> Place:
        """A place inside this one."""
        return Place(self.table, (*self.path, *keys))


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong: where, what, and what to do about it. `line` counts from 1."""

    line: int
    table: str
    key: str
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.table}, {self.key}" if self.key and self.table else self.table or self.key
        return " ".join(part for part in (f"{where}:" if where else "", self.text, self.remedy) if part)


class BadConfiguration(Exception):
    """The file cannot be applied, and nothing of it was. `problems` tells everything that is wrong with it."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = sorted(problems)
        super().__init__("\n".join(f"{file}:{problem.line}: {problem}" for problem in self.problems))


class Document:
    """One file: its values, the lines they stand in, and what was found wrong so far."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.problems: list[Problem] = []
        try:
            self.tables: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise BadConfiguration(name, [_syntax_problem(str(error), text)]) from error
        self._lines = line_numbers(text)

    def line(self, path: Path) -> int:
        """The line in which the value at `path` begins, or the closest thing around it; 1 for the file itself."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def blame(self, place: Place, text: str, remedy: str = "") -> None:
        """Note that something is wrong at this place."""
        self.problems.append(Problem(self.line(place.path), place.table, place.key, text, remedy))

    def raise_problems(self) -> None:
        """Raise BadConfiguration if anything is wrong so far."""
        if self.problems:
            raise BadConfiguration(self.name, self.problems)


def _syntax_problem(message: str, text: str) -> Problem:
    found = _SYNTAX_PLACE.search(message)
    line = int(found[1]) if found and found[1] else text.count("\n") + 1
    return Problem(line, "", "", f"This is not TOML: {_SYNTAX_PLACE.sub('', message)}.")


def line_numbers(text: str) -> dict[Path, int]:
    """The line of every table and key of a text that is valid TOML."""
    lines: dict[Path, int] = {}
    sizes: Counter[Path] = Counter()
    here: Path = ()
    for number, piece, values in _pieces(text):
        if piece.startswith("["):
            here = _header_path(values, sizes, opens_entry=piece.startswith("[["))
            lines.setdefault(here, number)
        else:
            for path in _paths(values):
                lines.setdefault(here + path, number)
    return lines


def _pieces(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The shortest runs of lines that are TOML by themselves, each with its first line's number and its values."""
    piece, first = "", 1
    for number, line in enumerate(text.split("\n"), start=1):
        if not piece:
            first = number
        piece += line + "\n"
        try:
            values = tomllib.loads(piece)
        except tomllib.TOMLDecodeError:
            continue  # a value that goes on in the next line
        if values:
            yield first, piece.strip(), values
        piece = ""


def _header_path(values: Any, sizes: Counter[Path], opens_entry: bool) -> Path:
    """The path a header opens; inside a list of tables it means the latest entry. `sizes` counts the entries."""
    path: Path = ()
    while values:
        if isinstance(values, list):
            values = values[0]
            continue
        key, values = next(iter(values.items()))
        path = (*path, key)
        if opens_entry and values == [{}]:
            sizes[path] += 1
        if sizes[path]:
            path = (*path, sizes[path] - 1)
    return path


def _paths(values: Any) -> Iterator[Path]:
    """Every path inside a value, inline tables and lists included."""
    inside: list[tuple[str | int, Any]] = []
    if isinstance(values, dict):
        inside = list(values.items())
    elif isinstance(values, list):
        inside = list(enumerate(values))
    for key, value in inside:
        yield (key,)
        yield from ((key, *path) for path in _paths(value))
