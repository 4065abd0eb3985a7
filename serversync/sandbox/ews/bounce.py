"""Non-delivery reports: the multipart/report that Exchange puts into the sender's inbox (RFC 3462, RFC 3464)."""

from __future__ import annotations

import secrets
from datetime import datetime
from email.utils import format_datetime

from serversync.sandbox.ews import message


def non_delivery_report(
    host: str, sender: str, refused: list[tuple[str, str, str]], raw: bytes, now: datetime
) -> bytes:
    """The report to `sender` about the recipients of `raw` that were refused, each (address, SMTP code, words)."""
    boundary = secrets.token_hex(12)
    head = message.head_of(raw)
    names = "\r\n".join(f"{address}: {words}" for address, _, words in refused)
    status = "\r\n".join(_per_recipient(*recipient) for recipient in refused)
    subject = head.first("Subject").replace("\r", "")
    report = f"""Return-Path: <>
From: Microsoft Outlook <postmaster@{host}>
To: {sender}
Date: {format_datetime(now)}
Message-ID: <{secrets.token_hex(16)}@{host}>
In-Reply-To: {head.first("Message-ID")}
References: {head.first("Message-ID")}
Subject: Undeliverable: {subject}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"

--{boundary}
Content-Type: text/plain; charset=utf-8

Your message could not be delivered to these recipients:
{names}

--{boundary}
Content-Type: message/delivery-status

Reporting-MTA: dns; {host}
Arrival-Date: {format_datetime(now)}

{status}
--{boundary}
Content-Type: message/rfc822

"""
    top = report.replace("\r\n", "\n").replace("\n", "\r\n").encode()
    return top + raw.rstrip(b"\r\n") + f"\r\n--{boundary}--\r\n".encode()


def _per_recipient(address: str, code: str, words: str) -> str:
    """The fields about one recipient (RFC 3464, 2.3)."""
    status = next((word for word in words.split() if word.count(".") == 2 and word[0] in "45"), f"{code[0]}.0.0")
    return f"Final-Recipient: rfc822; {address}\r\nAction: failed\r\nStatus: {status}\r\n" + (
        f"Diagnostic-Code: smtp; {code} {words}\r\n"
    )
