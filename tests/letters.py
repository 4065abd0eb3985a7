"""Small builders of test mails: the same arguments give the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

FIRST_OF_MARCH = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
Attachment = tuple[str, str, bytes]  # file name, content type, content


def letter(
    sender: str,
    to: str | Iterable[str],
    subject: str,
    body: str,
    *,
    message_id: str | None = None,
    in_reply_to: str | None = None,
    references: Iterable[str] = (),
    cc: Iterable[str] = (),
    date: datetime | None = None,
    html: str | None = None,
    attachments: Iterable[Attachment] = (),
    extra_headers: Iterable[tuple[str, str]] = (),
) -> bytes:
    """A message as RFC 5322 bytes with CRLF line ends. Message-IDs are given with their angle brackets; without one it
    is derived from everything else, so that two different letters never share it."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = to if isinstance(to, str) else ", ".join(to)
    if cc:
        message["Cc"] = ", ".join(cc)
    message["Subject"] = subject
    message["Date"] = format_datetime(date or FIRST_OF_MARCH)
    if in_reply_to:
        message["In-Reply-To"] = in_reply_to
    if references:
        message["References"] = " ".join(references)
    for name, value in extra_headers:
        message[name] = value
    _fill(message, body, html, attachments)
    message["Message-ID"] = message_id or _derived_id(message, sender)
    return message.as_bytes()


def _fill(message: EmailMessage, body: str, html: str | None, attachments: Iterable[Attachment]) -> None:
    message.set_content(body)
    if html is not None:
        message.add_alternative(html, subtype="html")
    for name, content_type, content in attachments:
        maintype, _, subtype = content_type.partition("/")
        message.add_attachment(content, maintype=maintype, subtype=subtype, filename=name)
    # The library draws boundaries at random; these depend on the place of the part only.
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_part_{number}")


def _derived_id(message: EmailMessage, sender: str) -> str:
    digest = hashlib.sha256(message.as_bytes()).hexdigest()[:24]
    return f"<{digest}@{sender.rpartition('@')[2].rstrip('>') or 'letters.test'}>"


def forwarded(sender: str, to: str, *carried: bytes, message_id: str = "") -> bytes:
    """What a rule of a mail server makes of mails that it forwards as attachments, each as it is (8.1)."""
    digest = hashlib.sha256(b"".join(carried)).hexdigest()[:24]
    head = [
        f"From: {sender}",
        f"To: {to}",
        "Subject: Fwd",
        f"Date: {format_datetime(FIRST_OF_MARCH)}",
        f"Message-ID: {message_id or f'<fwd-{digest}@us.test>'}",
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="=_forwarded"',
    ]
    parts = [b"Content-Type: text/plain; charset=us-ascii\r\n\r\nForwarded by a rule.\r\n"]
    parts += [b"Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n" + one for one in carried]
    body = b"".join(b"--=_forwarded\r\n" + part + b"\r\n" for part in parts)
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body + b"--=_forwarded--\r\n"
