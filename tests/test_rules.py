"""The table of rules is whole, says what the tests say, and promises nothing that no test shows."""

from __future__ import annotations

from tests.rules import KEPT, ROOT, TABLE, all_numbers, citations, render, rules


def test_every_rule_has_its_line() -> None:
    assert [rule.number for rule in rules()] == all_numbers()


def test_every_line_says_whether_the_rule_is_kept_and_why_not() -> None:
    assert {rule.number: rule.kept for rule in rules() if rule.kept not in KEPT} == {}
    assert [rule.number for rule in rules() if rule.kept in ("partly", "no", "differs") and not rule.note] == []


def test_what_is_kept_is_shown_by_a_test() -> None:
    shown = citations()
    kept = [rule.number for rule in rules() if rule.kept in ("yes", "partly", "differs")]
    assert [number for number in kept if not shown.get(number)] == []


def test_the_places_named_exist() -> None:
    missing = [(rule.number, place) for rule in rules() for place in rule.where if not list(ROOT.glob(place))]
    assert missing == []


def test_the_table_is_the_one_that_is_written() -> None:
    assert TABLE.read_text() == render(), "run `python -m tests.rules`"
