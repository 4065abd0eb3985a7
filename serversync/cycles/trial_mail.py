"""The message a test sends from a mailbox to itself, and finding it again (3.10 b, c)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

from mailboxes.models import Mailbox, Trial
from profiles.connectors import mime
from profiles.connectors.base import MailSource
from profiles.connectors.mime import Address
from profiles.items import INBOX, Arrival, Letter, Shown
from serversync.instance import instance_id
from tracking.decide.verdicts import TEST_HEADER, marks_of_a_test

SUBJECT = "Your mailbox is now connected"
TEXT = (
    "This message was sent from your mailbox to itself, to see whether email can be sent and received.\n\n"
    "Nothing needs to be done. It is removed when it has been found, and it is never tracked.\n"
)
PAGES = 3
"""Servers that list in pages show the newest items first, so a message that has just arrived is on the first ones."""
NEWEST = 50
LARGEST = 64 * 1024  # bytes; the message has less than two thousand
CLOCKS_DIFFER = timedelta(minutes=15)


def message_id_of(trial: Trial, mailbox: Mailbox) -> str:
    """Fixed by the test itself, so that a second attempt after a crash sends the very same message."""
    return f"<{trial.pk}.test@{mailbox.email_address.rpartition('@')[2] or 'localhost'}>"


def letter_for(trial: Trial, mailbox: Mailbox) -> Letter:
    """The message. No copy is kept in Sent Items: the test leaves nothing behind."""
    message_id = message_id_of(trial, mailbox)
    own = Address(mailbox.name, mailbox.email_address)
    raw = mime.compose(
        message_id=message_id,
        date=trial.requested_on,
        sender=own,
        to=[own],
        subject=SUBJECT,
        text=TEXT,
        headers=[(TEST_HEADER, message_id), ("Auto-Submitted", "auto-generated")],
    )
    return Letter(
        mark=f"{instance_id()}/{trial.pk}",
        message_id=message_id,
        sender=mailbox.email_address,
        recipients=(mailbox.email_address,),
        raw=raw,
        save_copy=False,
    )


def newest_in_inbox(source: MailSource) -> list[Shown]:
    """What the Inbox shows on its first pages, newest last. No cursor is given and none is kept (3.12)."""
    pages = islice(source.changes(INBOX, ""), PAGES)
    return [item for page in reversed(list(pages)) for item in page.shown]


def keys_of(sent: Trial, shown: list[Shown], source: MailSource) -> list[str]:
    """Where the message of the test `sent` lies; several keys if it was delivered more than once."""
    since = sent.requested_on - CLOCKS_DIFFER
    recent = [
        item for item in shown if item.size <= LARGEST and (item.received_on is None or item.received_on >= since)
    ]
    return list(_with_mark(sent.message_id, [item.key for item in recent[-NEWEST:]], source))


def _with_mark(message_id: str, keys: list[str], source: MailSource) -> Iterator[str]:
    for found in source.fetch(keys, raw=False) if keys else ():
        if isinstance(found, Arrival) and message_id in marks_of_a_test(mime.envelope(found.headers)):
            yield found.key
