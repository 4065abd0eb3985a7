"""Delivery reports in the forms that servers send them."""

from __future__ import annotations

from tests.profiles.mime_samples import mail

OFFER = "<offer@us.test>"


def dsn(
    *recipients: tuple[str, str, str, str],
    message_id: str = OFFER,
    own_id: str = "<dsn-1@mx.acme.test>",
    to: str = "alice@us.test",
    headers_only: bool = False,
) -> bytes:
    """A report by RFC 3464; `recipients` are (address, action, status, what the server said)."""
    groups = [
        line
        for address, action, status, words in recipients
        for line in (
            "",
            f"Final-Recipient: rfc822; {address}",
            f"Action: {action}",
            f"Status: {status}",
            f"Diagnostic-Code: smtp; {words}",
        )
    ]
    copy = "text/rfc822-headers" if headers_only else "message/rfc822"
    return mail(
        "Return-Path: <>",
        "From: Mail Delivery System <MAILER-DAEMON@mx.acme.test>",
        f"To: {to}",
        "Subject: Undelivered Mail Returned to Sender",
        "Date: Sun, 1 Mar 2026 10:00:00 +0000",
        f"Message-ID: {own_id}",
        "Auto-Submitted: auto-replied",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
        "",
        "--b",
        "Content-Type: text/plain",
        "",
        "I'm sorry to have to inform you that your message could not be delivered.",
        "--b",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.acme.test",
        *groups,
        "",
        "--b",
        f"Content-Type: {copy}",
        "",
        "From: alice@us.test",
        f"Message-ID: {message_id}",
        "Subject: Offer",
        "",
        "Dear Ann" if not headers_only else "",
        "--b--",
        "",
    )


def receipt(message_id: str = OFFER, disposition: str = "displayed", by: str = "ann@acme.test") -> bytes:
    """A receipt by RFC 8098."""
    return mail(
        f"From: {by}",
        "To: alice@us.test",
        "Subject: Read: Offer",
        "Date: Sun, 1 Mar 2026 11:00:00 +0000",
        "Message-ID: <mdn-1@acme.test>",
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=b",
        "",
        "--b",
        "Content-Type: text/plain",
        "",
        "Your message was displayed.",
        "--b",
        "Content-Type: message/disposition-notification",
        "",
        "Reporting-UA: phone.acme.test; Mail",
        f"Original-Recipient: rfc822;{by}",
        f"Final-Recipient: rfc822;{by}",
        f"Original-Message-ID: {message_id}",
        f"Disposition: manual-action/MDN-sent-manually; {disposition}",
        "--b--",
        "",
    )


QMAIL = mail(
    "Return-Path: <>",
    "From: MAILER-DAEMON@mx.acme.test",
    "To: alice@us.test",
    "Subject: failure notice",
    "",
    "Hi. This is the qmail-send program at mx.acme.test.",
    "I'm afraid I wasn't able to deliver your message to the following addresses.",
    "",
    "<ann@acme.test>:",
    "Sorry, no mailbox here by that name. (#5.1.1)",
    "",
    "--- Below this line is a copy of the message.",
    "",
    "Return-Path: <alice@us.test>",
    "From: alice@us.test",
    "To: ann@acme.test, bob@acme.test",
    "Message-ID: <offer@us.test>",
    "Subject: Offer",
    "",
    "Dear Ann",
)
EXIM = mail(
    "Return-path: <>",
    "X-Failed-Recipients: ann@acme.test",
    "Auto-Submitted: auto-replied",
    "From: Mail Delivery System <Mailer-Daemon@mx.acme.test>",
    "To: alice@us.test",
    "Subject: Mail delivery failed: returning message to sender",
    "",
    "This message was created automatically by mail delivery software.",
    "",
    "  ann@acme.test",
    "    host mx.acme.test [192.0.2.1]",
    "    SMTP error from remote mail server after RCPT TO:<ann@acme.test>:",
    "    550 Unrouteable address",
    "",
    "------ This is a copy of the message, including all the headers. ------",
    "",
    "Message-Id: <offer@us.test>",
    "From: alice@us.test",
)
EXIM_DELAY = mail(
    "Return-path: <>",
    "From: Mail Delivery System <Mailer-Daemon@mx.acme.test>",
    "To: alice@us.test",
    "Subject: Warning: message 1abc delayed 24 hours",
    "",
    "This message was created automatically by mail delivery software.",
    "No action is required on your part. Delivery attempts will continue for some time.",
    "",
    "  ann@acme.test",
    "    Delay reason: connection timed out",
    "",
    "Message-ID: <offer@us.test>",
)
EXCHANGE = dsn(("ann@acme.test", "failed", "5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found"))
POSTFIX = dsn(("ann@acme.test", "failed", "5.1.1", "550 5.1.1 User unknown"), headers_only=True)
POSTFIX_DELAY = dsn(("ann@acme.test", "delayed", "4.4.1", "connect to mx.acme.test[192.0.2.1]:25: timed out"))
DELIVERED = dsn(("ann@acme.test", "delivered", "2.0.0", "250 2.0.0 ok"))
