"""Answering an email and passing it on: whom it goes to, what it quotes, what it takes along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo
from enum import StrEnum

from django.contrib.contenttypes.models import ContentType

from mailboxes.models import Mailbox
from profiles.connectors import mime
from profiles.connectors.mime import Address
from tracking.crm.attachments import content_of
from tracking.crm.display import sendable
from tracking.crm.models import ActivityMimeAttachment, ActivityParty, Email, Participation
from tracking.crm.quoted import (
    LONGEST_HTML,
    Original,
    answered_html,
    answered_text,
    as_html,
    forward_subject,
    forwarded_html,
    forwarded_text,
    reply_subject,
)
from tracking.crm.storage import read
from tracking.crm.writing import NewAttachment, NewEmail


class How(StrEnum):
    """What is done with an email."""

    REPLY = "reply"
    REPLY_ALL = "reply-all"
    FORWARD = "forward"


def answer(
    email: Email,
    how: How,
    mailbox: Mailbox,
    zone: tzinfo = UTC,
    text: str = "",
    html: str = "",
    *,
    with_files: bool = True,
) -> NewEmail:
    """An answer to, or a forward of, an email, written from this mailbox: `text` or `html` above what it quotes. An answer
    to HTML is HTML. Change what you want with `dataclasses.replace`, and give it to `writing.write_and_send`.

    Raises FileNotFoundError when a file that goes along is missing; without `with_files` none does.
    """
    original = original_of(email, zone)
    is_forward = how == How.FORWARD
    people = ([], []) if is_forward else recipients_of_answer(email, original, mailbox, everybody=how == How.REPLY_ALL)
    quotes_html = bool(html or original.html)
    written = html or as_html(text)
    return NewEmail(
        mailbox=mailbox,
        to=people[0],
        cc=people[1],
        subject=(forward_subject if is_forward else reply_subject)(email.subject),
        text=(forwarded_text if is_forward else answered_text)(text or mime.summary_of_html(html), original),
        html=(forwarded_html if is_forward else answered_html)(written, original) if quotes_html else "",
        answers=email,
        attachments=[as_new(one, content_of(one)) for one in taken_along(email, how)] if with_files else [],
    )


def written_in(email: Email, mailbox: Mailbox) -> NewEmail:
    """A draft, or what failed, as it was written, to be changed and given to `writing.rewrite`; without its files."""
    people = _people(email)
    is_html = email.mime_type == "text/html"
    return NewEmail(
        mailbox=mailbox,
        to=people[Participation.TO],
        cc=people[Participation.CC],
        bcc=people[Participation.BCC],
        subject=email.subject,
        text="" if is_html else email.description,
        html=email.description if is_html else "",
        answers=email.parent_activity,
        priority=email.priority_code,
        not_before=email.delayed_email_send_time,
        asks_for_delivery_receipt=email.delivery_receipt_requested,
        asks_for_read_receipt=email.read_receipt_requested,
    )


def original_of(email: Email, zone: tzinfo) -> Original:
    """What an answer quotes of an email, with its time in the zone of whoever answers."""
    people = _people(email)
    is_html = email.mime_type == "text/html"
    html = sendable(email.description) if is_html and len(email.description) <= LONGEST_HTML else ""
    return Original(
        sender=(people[Participation.SENDER] or [Address("", email.sender)])[0],
        to=people[Participation.TO],
        cc=people[Participation.CC],
        subject=email.subject,
        sent_on=email.sent_on.astimezone(zone) if email.sent_on else None,
        text=mime.summary_of_html(email.description) if is_html else email.description,
        html=html,
    )


def recipients_of_answer(
    email: Email, original: Original, mailbox: Mailbox, *, everybody: bool
) -> tuple[list[Address], list[Address]]:
    """To and Cc of an answer: whoever the original asks to answer to (RFC 5322 §3.6.2), or has sent it; of mail that went
    out from here, those who got it. With `everybody` all others as well, except the mailbox that answers."""
    own = mailbox.email_address.lower()
    if email.direction_code:
        to, others = list(original.to), list(original.cc)
    else:
        to = list(_reply_to(email)) or [original.sender]
        others = [*original.to, *original.cc]
    first = _each_once(to, lambda key: key != own) or _each_once(to, lambda key: True)
    if not everybody:
        return first, []
    taken = {person.key for person in first} | {own}
    return first, _each_once(others, lambda key: key not in taken)


def taken_along(email: Email, how: How) -> list[ActivityMimeAttachment]:
    """The attachments that go out again: of a forward all that are to be had, of an answer the images of its text."""
    kept = email.attachments.filter(is_left_out=False).select_related("email")
    return [one for one in kept if how == How.FORWARD or is_shown(one, email.description)]


def is_shown(attachment: ActivityMimeAttachment, html: str) -> bool:
    """Whether a body shows this attachment as an image of its own."""
    return bool(attachment.attachment_content_id) and f"cid:{attachment.attachment_content_id}" in html


def as_new(attachment: ActivityMimeAttachment, content: bytes) -> NewAttachment:
    """An attachment that was kept, to be sent again. Raises nothing; the content is read by the caller."""
    html = attachment.email.description if attachment.email.mime_type == "text/html" else ""
    content_id = attachment.attachment_content_id if is_shown(attachment, html) else ""
    return NewAttachment(attachment.file_name, attachment.mime_type, content, content_id)


def _people(email: Email) -> dict[Participation, list[Address]]:
    people: dict[Participation, list[Address]] = {role: [] for role in Participation}
    kind = ContentType.objects.get_for_model(Email)
    for party in ActivityParty.objects.filter(activity_type=kind, activity_id=email.pk).order_by("id"):
        role = Participation(party.participation_type_mask)
        people[role].append(Address(party.unresolved_party_name, party.address_used))
    return people


def _reply_to(email: Email) -> Sequence[Address]:
    if email.original_id is None:
        return ()
    try:
        return [one for one in mime.envelope(read(email.original_id)).reply_to if one.is_valid]
    except OSError:  # the file is missing: the sender is answered
        return ()


def _each_once(people: Sequence[Address], wanted: Callable[[str], bool]) -> list[Address]:
    return list({person.key: person for person in people if person.address and wanted(person.key)}.values())
