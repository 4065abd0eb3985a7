"""Fixing the message: once submitted, an email goes out with one Message-ID and the very same bytes, however often (7.2)."""

from __future__ import annotations

from datetime import datetime

from mailboxes.models import Mailbox
from profiles.connectors import mime
from profiles.connectors.mime import Address
from tracking.crm.models import ActivityParty, Email, Participation
from tracking.crm.models.states import Priority
from tracking.crm.storage import read


def compose(email: Email, mailbox: Mailbox, subject: str, now: datetime) -> bytes:
    """The message as it will be on the wire. Raises ValueError when nobody would receive it."""
    parties = _recipients(email)
    if not any(parties.values()):
        raise ValueError("To: the email has no recipient")
    domain = mailbox.email_address.rpartition("@")[2] or "localhost"
    is_html = email.mime_type == "text/html"
    parent, author = email.parent_activity, email.represents or mailbox
    files = [(one, read(one.blob_id)) for one in email.attachments.all() if one.blob_id is not None]
    return mime.compose(
        message_id=f"<{email.pk}@{domain}>",
        date=now,
        sender=Address(author.name, author.email_address),
        sent_by=None if author == mailbox else Address(mailbox.name, mailbox.email_address),  # 7.6
        to=parties[Participation.TO],
        cc=parties[Participation.CC],
        subject=subject,
        text=mime.summary_of_html(email.description) if is_html else email.description,
        html=email.description if is_html else "",
        in_reply_to=parent.message_id if parent else "",
        references=_references(parent),
        attachments=[(one.file_name, one.mime_type, content) for one, content in files if not one.is_inline],
        images=[
            (one.file_name, one.mime_type, content, one.attachment_content_id)
            for one, content in files
            if one.is_inline
        ],
        headers=[*_threading(email), *_asked_for(email, mailbox)],
    )


def _threading(email: Email) -> list[tuple[str, str]]:
    """Where it stands in its conversation, for Exchange and Outlook (6.1); and how important it is (RFC 2156)."""
    fields = [("Thread-Index", email.conversation_index)] if email.conversation_index else []
    if email.priority_code != Priority.NORMAL:
        fields.append(("Importance", Priority(email.priority_code).label.lower()))
    return fields


def _asked_for(email: Email, mailbox: Mailbox) -> list[tuple[str, str]]:
    """The receipts that the sender asks for (7.9): RFC 8098, and the field by which Exchange knows delivery receipts."""
    asked = [
        ("Disposition-Notification-To", email.read_receipt_requested),
        ("Return-Receipt-To", email.delivery_receipt_requested),
    ]
    return [(name, mailbox.email_address) for name, wanted in asked if wanted]


def _references(parent: Email | None) -> list[str]:
    """RFC 5322 §3.6.4: the parent's references, or else what it answers, then the parent."""
    if parent is None or not parent.message_id:
        return []
    try:
        envelope = mime.envelope(read(parent.original_id)) if parent.original_id else None
    except OSError:  # its file is missing: the parent itself is enough to find the conversation
        envelope = None
    earlier = (envelope.references or envelope.in_reply_to[:1]) if envelope else ()
    return [*earlier, parent.message_id]


def _recipients(email: Email) -> dict[Participation, list[Address]]:
    """The addresses of each list, each address once."""
    lists: dict[Participation, dict[str, Address]] = {
        Participation.TO: {},
        Participation.CC: {},
        Participation.BCC: {},
    }
    for party in ActivityParty.objects.filter(activity_id=email.pk).order_by("id"):
        people = lists.get(Participation(party.participation_type_mask))
        if people is not None:
            address = Address(party.unresolved_party_name, party.address_used)
            people.setdefault(address.key, address)
    return {role: list(people.values()) for role, people in lists.items()}
