"""The table of behaviour rules: which are kept, where, and which test shows it. `python -m tests.rules` writes it.

`docs/rules.toml` holds what people know: what a rule says, whether it is kept, where. Which tests show a rule is read from
the tests themselves: a comment or docstring that cites its number (`# 5.7`, `(5.7)`, `(3.8–3.13)`).
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE, TABLE = ROOT / "docs" / "rules.toml", ROOT / "docs" / "rules.md"
KEPT = ("yes", "partly", "no", "differs", "advice")
# How many numbered rules each section of the behaviour specification has.
SECTIONS = {1: 11, 2: 16, 3: 16, 4: 14, 5: 25, 6: 7, 7: 11, 8: 7, 9: 6, 10: 9, 11: 2, 12: 2}
_SHOWN = 3
_CITED = re.compile(r"(?<![\d.])(\d{1,2})\.(\d{1,2})(?:[–-](?:(\d{1,2})\.)?(\d{1,2}))?(?![\d.%])")
_IN_PARENTHESES = re.compile(r"\(([^()]*)\)")
_HEAD = """# Behaviour rules

Which numbered rules of server-side synchronization this version keeps, where, and which test shows it. "Differs" is on
purpose; "advice" asks nothing of a program. Written by `python -m tests.rules` from `docs/rules.toml` and the tests.

| rule | what it says | kept | where | shown by |
|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table."""

    number: str
    says: str
    kept: str
    note: str
    where: tuple[str, ...]


def rules() -> list[Rule]:
    """The rows of `docs/rules.toml`, in the order of their numbers."""
    rows = tomllib.loads(SOURCE.read_text())
    found = [
        Rule(number, row["says"], row["kept"], row.get("note", ""), tuple(row.get("where", ())))
        for number, row in rows.items()
    ]
    return sorted(found, key=lambda rule: _order(rule.number))


def all_numbers() -> list[str]:
    """Every number of the specification."""
    return [f"{section}.{number}" for section, last in SECTIONS.items() for number in range(1, last + 1)]


def citations() -> dict[str, list[str]]:
    """For each rule the tests that cite it, as "tests/stories/test_mail_in.py::test_…", and files that cite it as a whole."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = str(path.relative_to(ROOT))
        for number, test in _cited_in(path.read_text()):
            place = f"{name}::{test}" if test else name
            if place not in found[number]:
                found[number].append(place)
    return found


def _cited_in(source: str) -> Iterator[tuple[str, str]]:
    """Pairs of rule and the name of the test around the citation ("" for the file's own docstring)."""
    tree = ast.parse(source)
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    for number in _numbers_in_words(ast.get_docstring(tree) or ""):
        yield number, ""
    for test in tests:
        for number in _numbers_in_words(ast.get_docstring(test) or ""):
            yield number, test.name
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            line = token.start[0]
            around = next((test.name for test in tests if _first_line(test) <= line <= (test.end_lineno or 0)), "")
            for number in _numbers(token.string):
                yield number, around


def _first_line(test: ast.FunctionDef) -> int:
    return min([test.lineno, *(decorator.lineno for decorator in test.decorator_list)])


def _numbers_in_words(text: str) -> Iterator[str]:
    for inside in _IN_PARENTHESES.findall(text):
        yield from _numbers(inside)


def _numbers(text: str) -> Iterator[str]:
    for section, first, _, last in _CITED.findall(text):
        if int(section) in SECTIONS:
            for number in range(int(first), int(last or first) + 1):
                yield f"{int(section)}.{number}"


def _order(number: str) -> tuple[int, int]:
    section, _, rule = number.partition(".")
    return int(section), int(rule)


def render() -> str:
    """The whole of `docs/rules.md`."""
    cited = citations()
    return _HEAD + "".join(_line(rule, cited.get(rule.number, [])) for rule in rules())


def _line(rule: Rule, tests: list[str]) -> str:
    kept = f"{rule.kept}: {rule.note}" if rule.note else rule.kept
    shown = ", ".join(f"`{test.removeprefix('tests/')}`" for test in _best(tests))
    where = ", ".join(f"`{place}`" for place in rule.where)
    return f"| {rule.number} | {rule.says} | {kept} | {where} | {shown} |\n"


def _best(tests: list[str]) -> list[str]:
    """The few that tell most: single tests before whole files, stories before the rest."""
    return sorted(tests, key=lambda test: ("::" not in test, not test.startswith("tests/stories"), test))[:_SHOWN]


if __name__ == "__main__":
    TABLE.write_text(render())
