"""Reports: which message came back, from whom, and why (RFC 3464, and the forms that servers used before), and who has
read one (RFC 8098).

Nothing here raises. Everybody can write such a report: whoever uses one checks it against the mail it is about.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from profiles.connectors.mime.addresses import addresses, message_id
from profiles.connectors.mime.charsets import decode, one_line
from profiles.connectors.mime.headers import Fields, decode_words, read_fields
from profiles.connectors.mime.parts import Part, Structure, structure_of, with_line_feeds
from profiles.connectors.mime.transfer import decoded
from profiles.connectors.mime.values import Envelope

MOST_RECIPIENTS = 200
MOST_IDS = 10
_READ = 256 * 1024  # bytes of each part that are looked at
_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
_RECEIPT_TYPES = ("message/disposition-notification", "message/global-disposition-notification")
_HEADERS_TYPES = ("text/rfc822-headers", "text/rfc822-header", "message/rfc822-headers", "message/global-headers")
_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")
_GROUPS = re.compile(rb"\n[ \t\r]*\n")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_CODE = re.compile(r"\b([45]\d\d)\b")
# In texts without a report: the copy's Message-ID, and recipients at the beginning of a line with what was said.
_RETURNED_ID = re.compile(r"^[ \t>|]{0,8}message-id:\s{0,3}(<[^<>\s]{1,300}>)", re.IGNORECASE | re.MULTILINE)
_RECIPIENT_LINE = re.compile(r"^[ \t]{0,8}<?([^\s<>@:;,()\"]{1,64}@[^\s<>@:;,()\"]{1,255})>?[ \t]{0,3}:?", re.MULTILINE)
_DELAYED = re.compile(
    r"delayed|delay notif|still being retried|not yet been delivered|will be retried|do(?:es)? not need to (?:re)?send|"
    r"no action is required|verzöger|retardé|retrasad",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reported:
    """One recipient of a report. `addresses` are what the sender wrote and what became of it, lower-cased."""

    addresses: tuple[str, ...]
    action: str  # "failed", "delayed", "delivered", "relayed", "expanded" or "displayed" (RFC 8098)
    status: str  # "5.1.1", or ""
    words: str  # what the server said, on one line


@dataclass(frozen=True, slots=True)
class Report:
    """What a delivery report says. `message_ids` are those of the message it is about, with angle brackets."""

    recipients: tuple[Reported, ...]
    message_ids: tuple[str, ...]


def report_of(raw: bytes, envelope: Envelope) -> Report | None:
    """The report that a message carries, or None if it is none. Give its envelope, so that it is not read twice."""
    if not envelope.carries_report:
        return None
    raw = with_line_feeds(raw)
    structure = structure_of(raw)
    if envelope.is_read_receipt:
        return _receipt(raw, structure)
    text = _text(raw, structure)
    recipients = _reported(raw, structure) or _told(text, envelope)
    ids = _returned_ids(raw, structure) or [found[1] for found in _RETURNED_ID.finditer(text)]
    return Report(tuple(recipients[:MOST_RECIPIENTS]), tuple(dict.fromkeys(ids))[:MOST_IDS])


def _beginning(raw: bytes, part: Part) -> bytes:
    return decoded(raw[part.start : min(part.end, part.start + _READ)], part.encoding)[0]


def _reported(raw: bytes, structure: Structure) -> list[Reported]:
    found: list[Reported] = []
    for part in structure.leaves:
        if part.content_type in _STATUS_TYPES:
            content = _beginning(raw, part).replace(b"\r\n", b"\n").lstrip(b"\n")
            for group in _GROUPS.split(content, MOST_RECIPIENTS + 1):
                one = _recipient_of(read_fields(group.lstrip(b"\n")))
                if one is not None:
                    found.append(one)
    return found


def _recipient_of(fields: Fields) -> Reported | None:
    """The recipient a group of fields is about (RFC 3464 §2.3); None for the group about the message."""
    named = [_after_type(fields.first(name)) for name in (b"original-recipient", b"final-recipient")]
    keys = tuple(dict.fromkeys(key for key in map(_address_key, named) if key))
    if not keys:
        return None
    status = _STATUS.search(fields.first(b"status"))
    words = decode_words(_after_type(fields.first(b"diagnostic-code")))
    action = fields.first(b"action").strip().lower()
    if action not in _ACTIONS:
        action = "delayed" if status and status[1].startswith("4.") else "failed"
    return Reported(keys, action, status[1] if status else "", words[:500])


def _receipt(raw: bytes, structure: Structure) -> Report:
    """What a receipt tells of its one recipient. Only "displayed" says that it was seen; all else, that it has arrived."""
    for part in structure.leaves:
        if part.content_type in _RECEIPT_TYPES:
            fields = read_fields(_beginning(raw, part).replace(b"\r\n", b"\n").lstrip(b"\n"))
            named = [_after_type(fields.first(name)) for name in (b"original-recipient", b"final-recipient")]
            keys = tuple(dict.fromkeys(key for key in map(_address_key, named) if key))
            disposition = fields.first(b"disposition").rpartition(";")[2].strip().lower()
            action = "displayed" if disposition.startswith("displayed") else "delivered"
            original = message_id(fields.first(b"original-message-id"))
            ids = (original,) if original else tuple(_returned_ids(raw, structure))
            return Report((Reported(keys, action, "", ""),) if keys else (), ids[:MOST_IDS])
    return Report((), ())


def _after_type(value: str) -> str:
    """What follows the type in "rfc822; ann@acme.test" or "smtp; 550 No such user"."""
    kind, mark, rest = value.partition(";")
    return rest.strip() if mark and len(kind) < 40 else value.strip()


def _address_key(text: str) -> str:
    return next((one.key for one in addresses(text) if one.is_valid), "")


def _text(raw: bytes, structure: Structure) -> str:
    """The first text of the report, as far as it is looked at."""
    for part in structure.leaves:
        if part.content_type == "text/plain":
            return decode(_beginning(raw, part), part.parameters.get("charset", ""))[0].replace("\r\n", "\n")
    return ""


def _told(text: str, envelope: Envelope) -> list[Reported]:
    """The recipients that a report in plain words names: Exim in a field, qmail and others at the beginning of a line."""
    action = "delayed" if _DELAYED.search(envelope.subject) or _DELAYED.search(text[:4000]) else "failed"
    paragraphs = _named_in(text)
    named = [value for name, value in envelope.headers if name == "X-Failed-Recipients"]
    keys = [one.key for value in named for one in addresses(value) if one.is_valid] or list(paragraphs)
    return [_from_words(key, action, paragraphs.get(key, "")) for key in dict.fromkeys(keys)]


def _named_in(text: str) -> dict[str, str]:
    """Addresses at the beginning of a line, above the copy of the message, with the words that follow."""
    found: dict[str, str] = {}
    copy = _RETURNED_ID.search(text)
    for line in _RECIPIENT_LINE.finditer(text, 0, copy.start() if copy else len(text)):
        end = text.find("\n\n", line.end())
        words = text[line.end() : min(end if end >= 0 else len(text), line.end() + 600)]
        found.setdefault(line[1].lower(), one_line(" ".join(words.split())))
        if len(found) >= MOST_RECIPIENTS:
            break
    return found


def _from_words(key: str, action: str, words: str) -> Reported:
    status = _STATUS.search(words) or _CODE.search(words)
    return Reported((key,), action, status[1] if status else "", words[:500])


def _returned_ids(raw: bytes, structure: Structure) -> list[str]:
    """The Message-ID of the copy, or of its header fields, that came back with the report."""
    ids: list[str] = []
    for part in structure.leaves:
        if part.is_message or part.content_type in _HEADERS_TYPES:
            fields = read_fields(with_line_feeds(_beginning(raw, part)))
            ids.append(message_id(fields.first(b"message-id")))
    return [one for one in ids if one]
