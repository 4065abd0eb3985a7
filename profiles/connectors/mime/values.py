"""The values a mail is made of, once its bytes have been read. `mime.py` hands them out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

_FORBIDDEN_IN_ADDRESS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")
_MAIL_SYSTEMS = ("mailer-daemon", "postmaster", "mail-daemon", "maildelivery")
_QUOTED_LOCAL_PART = re.compile(r'"(?:[^"\\]|\\.)*+"(?=@)')


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox of RFC 5322 §3.4. `address` is as written, without angle brackets, and may be malformed text."""

    name: str
    address: str

    @property
    def key(self) -> str:
        """The address as look-ups compare it: lower-cased."""
        return self.address.lower()

    @property
    def is_valid(self) -> bool:
        """Whether mail could be sent to it: one @ between a local part and a domain, no spaces or control characters.

        Internationalised domains and local parts (RFC 6531) are valid.
        """
        address = _QUOTED_LOCAL_PART.sub("quoted", self.address, count=1)
        local, _, domain = address.partition("@")
        return bool(local and domain) and "@" not in domain and not _FORBIDDEN_IN_ADDRESS.search(address)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the header block says (RFC 5322 §3.6).

    `message_id`, `in_reply_to` and `references` keep their angle brackets. `date` is aware and in UTC. `return_path` is
    None when the header is absent and "" for the null path `<>`. `auto_submitted`, `content_type` and `report_type` are
    lower-cased. `headers` are the few further headers that decisions look at, decoded, in the order of the message.
    `reported` are the Message-IDs that a delivery report is about; they stand in its body, so whoever has read the whole
    message adds them.
    """

    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    sender: Address | None
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    subject: str
    date: datetime | None
    thread_index: str
    delivered_to: tuple[str, ...]
    return_path: str | None
    auto_submitted: str
    content_type: str
    report_type: str
    headers: tuple[tuple[str, str], ...]
    reported: tuple[str, ...] = ()

    @property
    def is_delivery_report(self) -> bool:
        """A bounce: RFC 3464, or the older forms: Exim's field, or a null return path and a mail system as the sender."""
        if self.content_type == "multipart/report" and self.report_type == "delivery-status":
            return True
        if self.headers and any(name == "X-Failed-Recipients" for name, _ in self.headers):
            return True
        return self.return_path == "" and self.sender is not None and self.sender.key.startswith(_MAIL_SYSTEMS)

    @property
    def is_read_receipt(self) -> bool:
        """A recipient's program tells what became of a mail that was delivered (RFC 8098)."""
        return self.content_type == "multipart/report" and self.report_type == "disposition-notification"

    @property
    def carries_report(self) -> bool:
        """Whether the body tells what became of another mail: `report_of` reads it."""
        return self.is_delivery_report or self.is_read_receipt


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not the text. `number` asks `attachment_content` for its bytes; `size` is in bytes, decoded.

    `content_id` is without angle brackets, as `cid:` links write it. `is_message` means an attached mail
    (message/rfc822).
    """

    number: int
    file_name: str
    mime_type: str
    size: int
    content_id: str
    is_inline: bool
    is_message: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A whole mail. `text` and `html` have LF line ends; `warnings` are sentences about what had to be repaired."""

    envelope: Envelope
    text: str = ""
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    warnings: tuple[str, ...] = ()
