"""What an answer or a forward takes over from the message it is about: the subject, and the text below. Pure.

The words are English, whatever the language of the message: mail programs know them in that form, and fold or cut what
is quoted by them (`profiles.connectors.mime.quoting` does as well).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from profiles.connectors.mime import Address

_REPLY = re.compile(r"(?:\s*(?:re|aw|sv|antw|odp|vs|rif|ynt|回复|返信)(?:\[\d{1,3}\])?\s?[:：])+\s*", re.IGNORECASE)
_FORWARD = re.compile(r"(?:\s*(?:fwd?|wg|tr|rv|doorst|vb|enc|pd|转发|転送)(?:\[\d{1,3}\])?\s?[:：])+\s*", re.IGNORECASE)
_MONTHS = "January February March April May June July August September October November December".split()
LONGEST_HTML = 300_000
"""Characters of HTML that are quoted as HTML; what is longer is quoted as plain text."""
LONGEST_TEXT = 100_000
CUT = "[The rest is not quoted.]"


@dataclass(frozen=True, slots=True)
class Original:
    """The message that is answered or passed on. `html` is sanitised, "" where it is plain text; `sent_on` is in the zone
    of whoever quotes it."""

    sender: Address
    to: Sequence[Address]
    cc: Sequence[Address]
    subject: str
    sent_on: datetime | None
    text: str
    html: str = ""


def reply_subject(subject: str) -> str:
    """The subject of an answer: one "Re:" (RFC 5322 §3.6.5), in place of those that mail programs have put there."""
    return f"Re: {_REPLY.sub('', subject, count=1) if _REPLY.match(subject) else subject.strip()}".rstrip()


def forward_subject(subject: str) -> str:
    """The subject of a message that is passed on."""
    return f"Fwd: {_FORWARD.sub('', subject, count=1) if _FORWARD.match(subject) else subject.strip()}".rstrip()


def answered_text(written: str, original: Original) -> str:
    """A plain answer above the quoted original."""
    lines = [f"> {line}" if line and not line.startswith(">") else f">{line}" for line in _text(original).split("\n")]
    return "\n".join([written, "", _attribution(original), *lines])


def answered_html(written: str, original: Original) -> str:
    """An answer in HTML above the quoted original."""
    quoted = _block(f'<div dir="ltr">{escape(_attribution(original))}</div>', _html(original), "blockquote")
    return f"{written}<p><br></p>{quoted}"


def forwarded_text(written: str, original: Original) -> str:
    """A plain note above the message that is passed on."""
    lines = [f"{name}: {value}" for name, value in _header(original)]
    return "\n".join([written, "", _FORWARDED, *lines, "", _text(original)])


def forwarded_html(written: str, original: Original) -> str:
    """A note in HTML above the message that is passed on."""
    lines = "".join(f"<br><b>{name}:</b> {escape(value)}" for name, value in _header(original))
    quoted = _block(f'<div dir="ltr">{_FORWARDED}{lines}</div><br>', _html(original), "div")
    return f"{written}<p><br></p>{quoted}"


_FORWARDED = "---------- Forwarded message ----------"


def _block(head: str, body: str, tag: str) -> str:
    """The mark by which mail programs know what is quoted."""
    kind = ' type="cite"' if tag == "blockquote" else ""
    return f'<div class="gmail_quote">{head}<{tag}{kind}>{body}</{tag}></div>'


def _attribution(original: Original) -> str:
    when = f"On {_moment(original.sent_on)}, " if original.sent_on else ""
    return f"{when}{_person(original.sender)} wrote:"


def _header(original: Original) -> list[tuple[str, str]]:
    fields = [
        ("From", _person(original.sender)),
        ("Date", _moment(original.sent_on) if original.sent_on else ""),
        ("Subject", original.subject),
        ("To", ", ".join(map(_person, original.to))),
        ("Cc", ", ".join(map(_person, original.cc))),
    ]
    return [(name, value) for name, value in fields if value]


def _moment(moment: datetime) -> str:
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year} at {moment:%H:%M} {moment:%Z}".rstrip()


def _person(person: Address) -> str:
    return f"{person.name} <{person.address}>" if person.name and person.name != person.address else person.address


def _text(original: Original) -> str:
    text = original.text.replace("\r\n", "\n").strip("\n")
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}\n{CUT}"


def _html(original: Original) -> str:
    if original.html and len(original.html) <= LONGEST_HTML:
        return original.html
    return as_html(_text(original))


def as_html(text: str) -> str:
    """Plain text as HTML, each line in its place."""
    lines = (escape(line).replace("  ", "&nbsp; ") for line in text.split("\n"))
    return f"<div>{'<br>'.join(lines)}</div>"
