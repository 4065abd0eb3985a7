"""The demo's letters: from entries of `week.toml` to messages as they travel (RFC 5322)."""

from __future__ import annotations

import hashlib
import tomllib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from email import message_from_bytes
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr
from pathlib import Path
from typing import Any

WEEK = Path(__file__).with_name("week.toml")
DOMAIN = "demo.example"


@dataclass(frozen=True, slots=True)
class Letter:
    """One message that arrives: for whom, when, its bytes, and the folder that somebody has put it into."""

    to: tuple[str, ...]
    received: datetime
    message_id: str
    raw: bytes
    folder: str = "inbox"


def week() -> dict[str, list[dict[str, Any]]]:
    """The entries `letter`, `written` and `later` of `week.toml`."""
    return tomllib.loads(WEEK.read_text(encoding="utf-8"))


def message_id_of(letter_id: str) -> str:
    """The Message-ID of the letter with this id."""
    return f"<{letter_id}@{DOMAIN}>"


def letters(entries: list[dict[str, Any]], now: datetime) -> list[Letter]:
    """Everything that arrives in the week before `now`, oldest first. What would lie in the future came yesterday."""
    found = [
        composed(entry, _when(entry, day, now), entry.get("id") or f"week-{number}-{day}")
        for number, entry in enumerate(entries)
        for day in entry.get("days", [entry.get("day", 0)])
    ]
    return sorted(found, key=lambda letter: letter.received)


def _when(entry: dict[str, Any], day: int, now: datetime) -> datetime:
    moment = datetime.combine(now.date() - timedelta(days=day), time.fromisoformat(entry["time"]), UTC)
    return moment if moment < now else moment - timedelta(days=1)


def composed(entry: dict[str, Any], received: datetime, letter_id: str, answers: str = "") -> Letter:
    """One letter. `answers` is the Message-ID it replies to, unless the entry names a letter itself."""
    message_id = message_id_of(letter_id)
    headers = {
        "From": entry["from"],
        "To": ", ".join(entry["to"]),
        "Cc": ", ".join(entry.get("cc", [])),
        "Subject": entry["subject"],
        "Date": format_datetime(received),
        "Message-ID": message_id,
        "In-Reply-To": message_id_of(entry["answers"]) if "answers" in entry else answers,
        "List-Unsubscribe": f"<mailto:leave@{DOMAIN}>" if entry.get("bulk") else "",
    }
    headers["References"] = headers["In-Reply-To"]
    given = {name: value for name, value in headers.items() if value}
    raw = _old_fashioned(entry, given) if "charset" in entry else _modern(entry, given)
    people = [*entry["to"], *entry.get("cc", [])]
    recipients = tuple(parseaddr(person)[1] for person in people)
    return Letter(recipients, received, message_id, raw, entry.get("folder", "inbox"))


def forwarded(letter: Letter, by: str, to: str) -> bytes:
    """What a rule at a mail server makes of a letter that it forwards as an attachment (8.1)."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = by, to, "Forwarded"
    message["Date"] = format_datetime(letter.received)
    message["Message-ID"] = message_id_of(f"forwarded-{hashlib.sha256(letter.raw).hexdigest()[:16]}")
    message.set_content("Forwarded by a rule.\n")
    message.add_attachment(message_from_bytes(letter.raw, policy=SMTP))
    return message.as_bytes()


def _modern(entry: dict[str, Any], headers: dict[str, str]) -> bytes:
    """UTF-8, with HTML and attachments where the entry has them."""
    message = EmailMessage(policy=SMTP)
    for name, value in headers.items():
        message[name] = value
    message.set_content(entry["text"].strip() + "\n")
    if "html" in entry:
        message.add_alternative(entry["html"], subtype="html")
    for name in entry.get("attachments", ()):
        kind, content = attachment(name)
        maintype, _, subtype = kind.partition("/")
        message.add_attachment(content, maintype=maintype, subtype=subtype, filename=name)
    return message.as_bytes()


def _old_fashioned(entry: dict[str, Any], headers: dict[str, str]) -> bytes:
    """An older charset, 8-bit, as old programs still send it; with `raw_header` even the header is not encoded."""
    charset = entry["charset"]
    lines = [f"{name}: {value}".encode(charset) for name, value in _encoded(headers, charset, "raw_header" in entry)]
    lines += [b"MIME-Version: 1.0", f"Content-Type: text/plain; charset={charset}".encode()]
    lines += [b"Content-Transfer-Encoding: 8bit", b"", *entry["text"].strip().encode(charset).split(b"\n"), b""]
    return b"\r\n".join(lines)


def _encoded(headers: dict[str, str], charset: str, as_it_is: bool) -> Iterator[tuple[str, str]]:
    for name, value in headers.items():
        if as_it_is or value.isascii():
            yield name, value
        elif name == "From":
            person, address = parseaddr(value)
            yield name, formataddr((Header(person, charset).encode(), address))
        else:
            yield name, Header(value, charset, maxlinelen=70, header_name=name).encode(linesep="\r\n")


def attachment(name: str) -> tuple[str, bytes]:
    """A small file of the kind its name tells: (content type, bytes). The same name gives the same bytes."""
    ending = name.rpartition(".")[2]
    if ending == "csv":
        rows = "\n".join(f"{minute},{(minute * 7) % 23}" for minute in range(0, 120, 10))
        return "text/csv", f"minute,seconds of arc\n{rows}\n".encode()
    if ending == "png":
        return "image/png", _picture(hashlib.sha256(name.encode()).digest()[:3])
    return "application/pdf", _page(name)


def _picture(colour: bytes) -> bytes:
    """A PNG of 48 × 32 pixels in one colour."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return len(content).to_bytes(4, "big") + kind + content + check.to_bytes(4, "big")

    size = (48).to_bytes(4, "big") + (32).to_bytes(4, "big")
    pixels = zlib.compress((b"\x00" + colour * 48) * 32)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size + b"\x08\x02\x00\x00\x00")
        + chunk(b"IDAT", pixels)
        + chunk(b"IEND", b"")
    )


def _page(title: str) -> bytes:
    """A PDF of one page that shows its own name."""
    text = f"BT /F1 18 Tf 72 760 Td ({title}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    page, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(page))
        page += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return (
        page
        + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (
            size,
            table,
            size,
            len(page),
        )
    )
