"""The marks that mail programs put before the subject of a reply or a forward, by language. Pure.

"VS:" is a reply in Finnish and a forward in Danish and Norwegian. Such a mark counts as a forward only where the headers
name no earlier message: a Finnish reply always does, and taking it for a forward would lose the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

REPLY: Mapping[str, tuple[str, ...]] = {
    "Arabic": ("رد",),
    "Chinese": ("回复", "回覆", "答复"),
    "Danish": ("sv",),
    "Dutch": ("antw",),
    "English": ("re",),
    "Estonian": ("vs",),
    "Finnish": ("vs",),
    "French": ("re", "ref", "rép"),
    "German": ("aw", "antwort"),
    "Greek": ("απ", "σχετ"),
    "Hebrew": ("תגובה", "השב"),
    "Hungarian": ("vá",),
    "Icelandic": ("sv",),
    "Indonesian": ("bls",),
    "Italian": ("r", "rif"),
    "Norwegian": ("sv",),
    "Polish": ("odp",),
    "Portuguese": ("res",),
    "Romanian": ("răsp",),
    "Swedish": ("sv",),
    "Turkish": ("ynt",),
    "Vietnamese": ("tl",),
    "Welsh": ("atb",),
}
FORWARD: Mapping[str, tuple[str, ...]] = {
    "Arabic": ("إعادة توجيه",),
    "Chinese": ("转发", "轉寄", "轉發"),
    "Danish": ("vs", "videresendt"),
    "Dutch": ("doorst",),
    "English": ("fw", "fwd"),
    "Finnish": ("vl",),
    "French": ("tr",),
    "German": ("wg", "weitergeleitet"),
    "Greek": ("πρθ",),
    "Hebrew": ("הועבר",),
    "Hungarian": ("tovább", "továbbítás"),
    "Icelandic": ("fs",),
    "Indonesian": ("trs",),
    "Italian": ("i", "inoltra"),
    "Norwegian": ("vs", "videresendt"),
    "Polish": ("pd",),
    "Portuguese": ("enc",),
    "Spanish": ("rv",),
    "Swedish": ("vb",),
    "Turkish": ("i̇lt", "ilt"),
    "Vietnamese": ("ct",),
    "Welsh": ("yml",),
}
_REPLIES = frozenset(mark for marks in REPLY.values() for mark in marks)
_FORWARDS = frozenset(mark for marks in FORWARD.values() for mark in marks)
# What gateways and lists put before everything: "[EXTERNAL]", "[sales]".
_LEADING = re.compile(r"^(?:\s*\[[^\]]{1,40}\])*\s*([^\W\d_][\w\u0307 ]{0,20}?)(?:\[\d{1,3}\]|\(\d{1,3}\))?\s?[:：]")


def first_mark(subject: str) -> str:
    """The first word before a colon, in lower case, if it is a mark of a reply or a forward; else ""."""
    found = _LEADING.match(subject)
    word = found[1].casefold() if found else ""
    return word if word in _REPLIES or word in _FORWARDS else ""


def marks_forward(subject: str, names_ancestors: bool) -> bool:
    """Whether the outermost mark says that the message was forwarded (6.4). "Re: Fwd: x" answers a forward."""
    mark = first_mark(subject)
    if mark in _REPLIES:
        return mark in _FORWARDS and not names_ancestors
    return mark in _FORWARDS
