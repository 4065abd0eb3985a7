"""File names that somebody else chose: what is harmless to show and to save, and which ending really counts (5.19)."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

LONGEST_NAME = 200  # characters; with its UTF-8 bytes and a folder it stays below what file systems take
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)", re.IGNORECASE)


def visible_name(name: str) -> str:
    """The name without what nobody sees: control characters, and marks that turn the direction of writing, which make
    "exe.pdf" of a program."""
    if name.isascii() and name.isprintable():
        return name
    return "".join(letter for letter in name if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))


def name_to_save(name: str, otherwise: str) -> str:
    """A name that every file system takes and that means no path; `otherwise` where nothing of it is left."""
    clean = _FORBIDDEN.sub("_", visible_name(name)).strip(" .")
    stem, dot, ending = clean.rpartition(".")
    if len(clean) > LONGEST_NAME:
        clean = (stem[: LONGEST_NAME - len(ending) - 1] + dot + ending) if stem and len(ending) < 20 else clean
        clean = clean[:LONGEST_NAME].rstrip(" .")
    return f"_{clean}" if _RESERVED.match(clean) else clean or otherwise


def ending_of(name: str) -> str:
    """The extension that a computer would go by, lower-cased and without its dot: the last one, whatever stands before
    it, behind it (dots, spaces, a stream name) or invisibly within it."""
    plain = unicodedata.normalize("NFKC", visible_name(name)).partition(":")[0].rstrip(" .\t\xa0")
    _, dot, ending = plain.rpartition(".")
    return ending.strip().lower() if dot else ""


LONGEST_KEPT = 255  # characters


def distinct_names(names: Iterable[str]) -> list[str]:
    """The names of several files, each once: what is called the same is numbered, "plan (2).pdf"; none is empty or longer
    than what is kept."""
    seen: Counter[str] = Counter()
    found: list[str] = []
    for name in names:
        short = _shortened(visible_name(name).strip() or "attachment")
        candidate = short
        while candidate in found:
            seen[short] += 1
            stem, dot, ending = short.rpartition(".")
            number = f" ({seen[short] + 1})"
            candidate = f"{stem}{number}{dot}{ending}" if stem else f"{short}{number}"
        found.append(candidate)
    return found


def _shortened(name: str) -> str:
    room = LONGEST_KEPT - 10  # for a number
    if len(name) <= room:
        return name
    stem, dot, ending = name.rpartition(".")
    return f"{stem[: room - len(ending) - 1]}{dot}{ending}" if stem and len(ending) < 20 else name[:room]
