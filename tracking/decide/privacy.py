"""Whether whoever wrote a mail marked it as private. Pure."""

from __future__ import annotations

from collections.abc import Iterable

_PRIVATE = frozenset({"private", "personal"})


def is_marked_private(headers: Iterable[tuple[str, str]]) -> bool:
    """What the header Sensitivity says (RFC 4021, 2.1.55): Private or Personal; Company-Confidential is the company's.

    Of several such headers one is enough: what may be private is not shown around.
    """
    values = (value.partition("(")[0].strip().lower() for name, value in headers if name.lower() == "sensitivity")
    return any(value in _PRIVATE for value in values)
