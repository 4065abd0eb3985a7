"""Restrictions (`m:Restriction`): And, Or, Not, Exists, Contains, Excludes and the comparisons, over any property."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, datetime

from serversync.sandbox.ews.properties import Path, find_path
from serversync.sandbox.ews.soap import Element, EwsError, child, local_name

Values = Callable[[Path], list[str]]
"""Gives the texts of one property of the candidate; [] when it does not have the property."""

Comparable = int | datetime | str

COMPARISONS: dict[str, Callable[[Comparable, Comparable], bool]] = {
    "IsEqualTo": operator.eq,
    "IsNotEqualTo": operator.ne,
    "IsGreaterThan": operator.gt,
    "IsGreaterThanOrEqualTo": operator.ge,
    "IsLessThan": operator.lt,
    "IsLessThanOrEqualTo": operator.le,
}

CONTAINMENT: dict[str, Callable[[str, str], bool]] = {
    "FullString": lambda text, wanted: text == wanted,
    "Prefixed": lambda text, wanted: text.startswith(wanted),
    "Substring": lambda text, wanted: wanted in text,
    "PrefixOnWords": lambda text, wanted: any(word.startswith(wanted) for word in text.split()),
    "ExactPhrase": lambda text, wanted: f" {wanted} " in f" {text} ",
}


def matches(restriction: Element | None, values: Values) -> bool:
    """Whether a candidate passes; without a restriction everything does. Raises EwsError for an unknown expression."""
    return restriction is None or all(_holds(expression, values) for expression in restriction)


def _holds(expression: Element, values: Values) -> bool:
    kind = local_name(expression)
    if kind == "And":
        return all(_holds(inner, values) for inner in expression)
    if kind == "Or":
        return any(_holds(inner, values) for inner in expression)
    if kind == "Not":
        return not any(_holds(inner, values) for inner in expression)
    path = find_path(expression)
    if path is None:
        raise EwsError("ErrorUnsupportedPathForQuery", f"{kind} names no property.")
    if kind == "Exists":
        return bool(values(path))
    if kind == "Contains":
        return _contains(expression, values(path))
    if kind in COMPARISONS:
        return _compares(kind, values(path), _right_side(expression, values))
    raise EwsError("ErrorUnsupportedQueryFilter", f"{kind} is not supported.")


def _contains(expression: Element, texts: list[str]) -> bool:
    wanted = _constant(expression)
    test = CONTAINMENT.get(expression.get("ContainmentMode", "FullString"), CONTAINMENT["Substring"])
    if "IgnoreCase" in expression.get("ContainmentComparison", "") or "Loose" in expression.get(
        "ContainmentComparison", ""
    ):
        wanted, texts = wanted.casefold(), [text.casefold() for text in texts]
    return any(test(text, wanted) for text in texts)


def _compares(kind: str, left: list[str], right: list[str]) -> bool:
    if kind == "IsNotEqualTo":
        return not _compares("IsEqualTo", left, right)
    return any(_ordered(kind, text, wanted) for text in left for wanted in right)


def _ordered(kind: str, text: str, wanted: str) -> bool:
    one, other = comparable(text), comparable(wanted)
    if type(one) is not type(other):
        one, other = text.casefold(), wanted.casefold()
    return COMPARISONS[kind](one, other)


def _right_side(expression: Element, values: Values) -> list[str]:
    side = child(expression, "FieldURIOrConstant")
    if side is None:
        raise EwsError("ErrorInvalidRestriction", "A comparison needs a FieldURIOrConstant.")
    path = find_path(side)
    return [_constant(side)] if path is None else values(path)


def _constant(element: Element) -> str:
    constant = child(element, "Constant")
    if constant is None:
        raise EwsError("ErrorInvalidRestriction", "The expression needs a Constant.")
    return constant.get("Value", "")


def comparable(text: str) -> Comparable:
    """The text as a number, a time or a boolean where it is one, else without case."""
    if text.lower() in ("true", "false", "1", "0"):
        return int(text.lower() in ("true", "1"))
    if text.lstrip("-").isdigit():
        return int(text)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return text.casefold()
    return time if time.tzinfo else time.replace(tzinfo=UTC)
