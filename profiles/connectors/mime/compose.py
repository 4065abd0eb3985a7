"""Writes a mail: the same arguments always give the same bytes (RFC 5322, 2045, 2047, 2231, 6532)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from profiles.connectors.mime.charsets import without_nul
from profiles.connectors.mime.values import Address
from profiles.connectors.mime.wire import ascii_domain

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOT_ATOM = re.compile(r"[^\s\"(),:;<>@\[\]\\.]+(?:\.[^\s\"(),:;<>@\[\]\\.]+)*")
_QUOTED_LOCAL = re.compile(r'"(?:[^"\\]|\\.)*+"')
_DOMAIN_FORBIDDEN = re.compile(r"[\s\"(),;<>@\\]")
_FIELD_NAME = re.compile(r"[!-9;-~]{1,70}")
_MIME_TYPE = re.compile(r"[\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127}", re.ASCII)
_OUR_FIELDS = {
    "from",
    "sender",
    "to",
    "cc",
    "bcc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
}
_RESERVED = {
    *_OUR_FIELDS,
    "resent-bcc",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LINE = 76
_LONGEST_WORD = 39  # bytes of text in one encoded word, so that "Subject: " and the word fit a line of 76 (RFC 2047 §2)
_LONGEST_LINE = 900  # bytes; the limit of RFC 5322 §2.1.1 is 998


def compose(
    *,
    message_id: str,
    date: datetime,
    sender: Address,
    to: Sequence[Address],
    cc: Sequence[Address] = (),
    subject: str,
    text: str = "",
    html: str = "",
    in_reply_to: str = "",
    references: Sequence[str] = (),
    reply_to: Sequence[Address] = (),
    attachments: Sequence[tuple[str, str, bytes]] = (),
    headers: Sequence[tuple[str, str]] = (),
    sent_by: Address | None = None,
    images: Sequence[tuple[str, str, bytes, str]] = (),
) -> bytes:
    """A mail with CRLF line ends. `attachments` are (file name, MIME type, content); a naive `date` counts as UTC.
    `sent_by` is who sends it in the name of `sender` (the field Sender, RFC 5322 §3.6.2). `images` are those that `html`
    shows, with the id of each in its `cid:` link besides (RFC 2392).

    Line breaks and control characters in any value of the header are removed. Blind copies are never written. The
    result is ASCII unless the local part of an address is not, or an attached mail (message/rfc822) is not: RFC 2046
    §5.2.1 forbids to encode it.
    """
    lines = [
        _field("Date", _date(date)),
        _field("Message-ID", _message_id(message_id)),
        *_mailboxes("From", [sender]),
        *_mailboxes("Sender", [sent_by] if sent_by else []),
        *_mailboxes("Reply-To", reply_to),
        *_mailboxes("To", to),
        *_mailboxes("Cc", cc),
        _field("Subject", _unstructured(subject)),
    ]
    if in_reply_to.strip():
        lines.append(_field("In-Reply-To", _message_id(in_reply_to)))
    if references:
        lines.append(_field("References", " ".join(_message_id(reference) for reference in references)))
    lines += [
        _field(name, _unstructured(value))
        for name, value in headers
        if _FIELD_NAME.fullmatch(name) and name.lower() not in _RESERVED
    ]
    body = _content(message_id, text, _shown(message_id, html, images) if html else b"", attachments)
    return "\r\n".join([*lines, "MIME-Version: 1.0"]).encode("utf-8") + b"\r\n" + body


def _shown(message_id: str, html: str, images: Sequence[tuple[str, str, bytes, str]]) -> bytes:
    """The HTML form of the text, with the images in it (RFC 2387)."""
    if not images:
        return _text("html", html)
    parts = [_attachment(name, kind, content, content_id) for name, kind, content, content_id in images]
    return _multipart("related", message_id, [_text("html", html), *parts])


def _content(message_id: str, text: str, html: bytes, attachments: Sequence[tuple[str, str, bytes]]) -> bytes:
    """The part below the header: the text in one or two forms, and the attachments behind it."""
    forms = [html] if html and not text else [_text("plain", text)]
    if html and text:
        forms.append(html)
    body = forms[0] if len(forms) == 1 else _multipart("alternative", message_id, forms)
    if not attachments:
        return body
    return _multipart("mixed", message_id, [body, *(_attachment(*attachment) for attachment in attachments)])


def _multipart(kind: str, message_id: str, parts: Sequence[bytes]) -> bytes:
    boundary = _boundary(kind, message_id, parts)
    root = '\r\n type="text/html";' if kind == "related" else ""
    head = f'Content-Type: multipart/{kind};{root}\r\n boundary="{boundary}"\r\n\r\n'.encode()
    line = b"--" + boundary.encode()
    return head + b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--\r\n"


def _boundary(kind: str, message_id: str, parts: Sequence[bytes]) -> str:
    """A boundary that depends on the Message-ID only, unless one of the parts holds it: then the next one."""
    number = 0
    while True:
        digest = hashlib.sha256(f"{kind} {number} {without_nul(message_id)}".encode()).hexdigest()
        boundary = f"=_{digest[:32]}"
        if not any(boundary.encode() in part for part in parts):
            return boundary
        number += 1


def _text(kind: str, text: str) -> bytes:
    lines = without_nul(text).replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    data = lines.encode("utf-8")
    encoding, encoded = _encoded_text(data)
    return (
        f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + encoded
    )


def _encoded_text(data: bytes) -> tuple[str, bytes]:
    """The first that is enough: as it is, quoted-printable for mostly ASCII text, base64."""
    plain = data.isascii() and not _CONTROLS.search(data.decode("ascii").replace("\r\n", "").replace("\t", ""))
    if plain and max(map(len, data.split(b"\r\n"))) <= _LONGEST_LINE:
        return "7bit", data
    if plain or len(data.translate(None, bytes(range(128)))) * 6 < len(data):
        return "quoted-printable", binascii.b2a_qp(data, istext=True)
    return "base64", _base64(data)


def _base64(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n").removesuffix(b"\r\n")


def _attachment(name: str, mime_type: str, content: bytes, content_id: str = "") -> bytes:
    mime_type = mime_type.strip().lower()
    if not _MIME_TYPE.fullmatch(mime_type) or mime_type.startswith("multipart/"):
        mime_type = "application/octet-stream"
    if mime_type in ("message/rfc822", "message/global"):
        encoding = "7bit" if content.isascii() else "8bit"
        encoded = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    else:
        encoding, encoded = "base64", _base64(content)
    head = [
        f"Content-Type: {mime_type}",
        f"Content-Disposition: {'inline' if content_id else 'attachment'}" + _file_name(name),
        f"Content-Transfer-Encoding: {encoding}",
        *([f"Content-ID: {_message_id(content_id)}"] if content_id else []),
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + encoded


def _file_name(name: str) -> str:
    """The `filename` parameter, in RFC 2231 form where it is not short, plain ASCII."""
    clean = _clean(name)
    if not clean:
        return ""
    if clean.isascii() and len(clean) <= 60 and "=?" not in clean:
        escaped = clean.replace("\\", "\\\\").replace('"', '\\"')
        return f';\r\n filename="{escaped}"'
    encoded = "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else f"%{byte:02X}" for byte in clean.encode())
    pieces = re.findall(r"(?:%..|[^%]){1,18}", f"{encoded}")
    if len(pieces) == 1:
        return f";\r\n filename*=utf-8''{pieces[0]}"
    first = f";\r\n filename*0*=utf-8''{pieces[0]}"
    return first + "".join(f";\r\n filename*{index}*={piece}" for index, piece in enumerate(pieces[1:], 1))


def _clean(text: str) -> str:
    return _CONTROLS.sub("", without_nul(text)).strip()


def _date(moment: datetime) -> str:
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    day = f"{_DAYS[moment.weekday()]}, {moment.day:02} {_MONTHS[moment.month - 1]} {moment.year:04}"
    return f"{day} {moment:%H:%M:%S} +0000"


def _message_id(text: str) -> str:
    inner = re.sub(r"[\s<>]", "", _clean(text))
    return f"<{inner}>"


def _mailboxes(name: str, mailboxes: Sequence[Address]) -> list[str]:
    written = [mailbox for mailbox in map(_mailbox, mailboxes) if mailbox]
    return [_field(name, ", ".join(written))] if written else []


def _mailbox(mailbox: Address) -> str:
    address, name = _address(mailbox.address), _phrase(mailbox.name)
    if not address:
        return f"{name} <>" if name else ""
    return f"{name} <{address}>" if name else address


def _address(text: str) -> str:
    """The address in a form that cannot break out of its place. A domain in Unicode is written as A-labels (RFC 5890)
    unless the local part needs SMTPUTF8 anyway.
    """
    clean = _clean(text)
    local, at, domain = clean.rpartition("@")
    if not at:
        return _DOMAIN_FORBIDDEN.sub("", clean)
    if not (_DOT_ATOM.fullmatch(local) or _QUOTED_LOCAL.fullmatch(local)):
        local = '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'
    domain = _DOMAIN_FORBIDDEN.sub("", domain)
    return f"{local}@{_ascii_domain(domain) if local.isascii() else domain}"


def _ascii_domain(domain: str) -> str:
    if domain.isascii() or len(domain) > 253:
        return domain
    try:
        return ascii_domain(domain)
    except ValueError:
        return domain


def _phrase(name: str) -> str:
    clean = _clean(name)
    if not clean or (_ATOMS.fullmatch(clean) and "=?" not in clean and len(clean) <= _LONGEST_LINE):
        return clean
    if clean.isascii() and "=?" not in clean and len(clean) <= _LINE:
        return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return _words(clean)


def _unstructured(text: str) -> str:
    clean = _clean(text)
    # Lines are only folded at single spaces: servers may strip the spaces that end a line.
    can_fold = len(clean) <= _LINE or (
        "  " not in clean and all(len(word) <= _LONGEST_LINE for word in clean.split(" "))
    )
    return clean if clean.isascii() and "=?" not in clean and can_fold else _words(clean)


def _words(text: str) -> str:
    """`text` as encoded words of UTF-8, cut between characters."""
    pieces: list[bytes] = [b""]
    for character in text:
        data = character.encode("utf-8")
        if len(pieces[-1]) + len(data) > _LONGEST_WORD:
            pieces.append(b"")
        pieces[-1] += data
    return " ".join(f"=?utf-8?b?{base64.b64encode(piece).decode()}?=" for piece in pieces)


def _field(name: str, value: str) -> str:
    """One header field, folded at single spaces where it is long. Unfolding gives the same value back."""
    first, *words = value.split(" ")
    lines = [f"{name}: {first}"]
    for word in words:
        if word and len(lines[-1]) + 1 + len(word) > _LINE and not lines[-1].endswith(" "):
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines)
