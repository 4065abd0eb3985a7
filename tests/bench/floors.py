"""What the same corpus costs with less: the floors that the product's figures stand beside.

Nothing here judges, remembers or stores raw bytes; whoever inserts does it in one transaction per 100 messages.
"""

from __future__ import annotations

import poplib
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import Message as LibraryMessage
from email.utils import getaddresses, parsedate_to_datetime
from itertools import islice
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from mailboxes.models import Mailbox
from profiles.connectors import mime, open_source
from profiles.connectors.pop3.client import Pop3Session
from profiles.identifiers import uuid7
from profiles.items import INBOX, Access, Arrival, Transport, no_progress
from tracking.crm.identity import stored_message_id
from tracking.crm.models import ActivityParty, Direction, Email, Participation
from tracking.crm.models.states import ActivityState, EmailStatus

AT_ONCE = 100
Parse = Callable[[bytes], "Content"]


@dataclass(frozen=True, slots=True)
class Content:
    """What a floor reads from a message."""

    message_id: str
    in_reply_to: str
    subject: str
    date: datetime | None
    sender: str
    people: list[tuple[Participation, str, str]]
    text: str
    is_html: bool
    attachments: int


def download(access: Access) -> Iterator[bytes]:
    """The messages as the product's connectors fetch them: pipelined over POP3, in blocks over EWS."""
    if access.transport is Transport.POP3:
        session = Pop3Session(access, no_progress)
        yield from (answer for answer in session.retrieve(session.maildrop()) if isinstance(answer, bytes))
        session.close()
        return
    source = open_source(access)
    keys = [shown.key for page in source.changes(INBOX, "") for shown in page.shown]
    for arrival in source.fetch(keys, raw=True):
        assert isinstance(arrival, Arrival), arrival
        assert arrival.raw is not None
        yield arrival.raw


def download_by_poplib(access: Access) -> Iterator[bytes]:
    """The messages as the standard library fetches them: one after the other, line by line."""
    client = poplib.POP3(access.host, access.port)
    client.user(access.username)
    client.pass_(access.password)
    for number in range(1, client.stat()[0] + 1):
        yield b"\r\n".join(client.retr(number)[1]) + b"\r\n"
    client.quit()


def parse(raw: bytes) -> Content:
    """With the product's parser."""
    message = mime.message(raw)
    envelope = message.envelope
    lists = {Participation.TO: envelope.to, Participation.CC: envelope.cc, Participation.BCC: envelope.bcc}
    people = [(role, person.name, person.address) for role, listed in lists.items() for person in listed]
    sender = envelope.sender
    return Content(
        envelope.message_id,
        envelope.in_reply_to[0] if envelope.in_reply_to else "",
        envelope.subject,
        envelope.date,
        sender.address if sender else "",
        [(Participation.SENDER, sender.name, sender.address), *people] if sender else people,
        message.html or message.text,
        bool(message.html),
        len(message.attachments),
    )


def parse_by_library(rules: Any) -> Parse:
    """With the standard library and one of its policies."""

    def read(raw: bytes) -> Content:
        message: LibraryMessage = message_from_bytes(raw, policy=rules)
        people = [
            (role, *person)
            for role, name in ((Participation.SENDER, "From"), (Participation.TO, "To"), (Participation.CC, "Cc"))
            for person in getaddresses([_plain(value) for value in message.get_all(name, [])])
        ]
        leaves = [(part, part.get_payload(decode=True) or b"") for part in message.walk() if not part.is_multipart()]
        texts = {part.get_content_type(): payload for part, payload in leaves if part.get_content_maintype() == "text"}
        text = texts.get("text/html", texts.get("text/plain", b"")).decode("utf-8", "replace")
        sender = people[0][2] if people else ""
        ids = [_plain(message.get(name, "")).strip() for name in ("Message-ID", "In-Reply-To")]
        subject, date = _plain(message.get("Subject", "")), parsedate_to_datetime(_plain(message["Date"]))
        files = sum(part.get_content_maintype() != "text" for part, _ in leaves)
        return Content(ids[0], ids[1], subject, date, sender, people, text, "text/html" in texts, files)

    return read


def _plain(value: object) -> str:
    """A header's value without what no database can hold."""
    return str(value).encode("utf-8", "replace").decode()


def insert(contents: Iterable[Content], mailbox: Mailbox) -> int:
    """Emails with all columns that the product fills, and their parties; returns how many."""
    now, kind = datetime.now(UTC), ContentType.objects.get_for_model(Email)
    remaining, count = iter(contents), 0
    while block := list(islice(remaining, AT_ONCE)):
        emails = [_email(content, mailbox, now) for content in block]
        parties = [
            _party(email, kind, *person)
            for email, content in zip(emails, block, strict=True)
            for person in content.people
        ]
        with transaction.atomic():
            Email.objects.bulk_create(emails)
            ActivityParty.objects.bulk_create(parties)
        count += len(block)
    return count


def _email(content: Content, mailbox: Mailbox, now: datetime) -> Email:
    email_id = uuid7()
    return Email(
        id=email_id,
        subject=content.subject[:800],
        description=content.text.replace("\x00", ""),
        mime_type="text/html" if content.is_html else "text/plain",
        direction_code=Direction.INCOMING,
        state_code=ActivityState.COMPLETED,
        status_code=EmailStatus.RECEIVED,
        sender=content.sender[:250],
        to_recipients="; ".join(address for role, _, address in content.people if role == Participation.TO)[:500],
        owner_id=mailbox.owner_id,
        receiving_mailbox=mailbox,
        accepting_user_id=mailbox.owner_id,
        message_id=stored_message_id(content.message_id),
        message_id_dup_check=uuid.uuid4(),
        in_reply_to=stored_message_id(content.in_reply_to),
        conversation_tracking_id=email_id,
        sent_on=content.date or now,
        attachment_count=content.attachments,
        created_on=now,
    )


def _party(email: Email, kind: ContentType, role: Participation, name: str, address: str) -> ActivityParty:
    return ActivityParty(
        activity_type=kind,
        activity_id=email.id,
        participation_type_mask=role,
        address_used=address[:320],
        unresolved_party_name=name[:200],
    )


def _count(things: Iterable[object]) -> int:
    return sum(1 for _ in things)


Floor = Callable[[Access, Mailbox], int]
DOWNLOAD, PARSE, INSERT = "download", "+ parse", "+ bulk insert (the floor)"
FLOORS: dict[str, Floor] = {
    DOWNLOAD: lambda access, mailbox: _count(download(access)),
    PARSE: lambda access, mailbox: _count(map(parse, download(access))),
    INSERT: lambda access, mailbox: insert(map(parse, download(access)), mailbox),
}
SLOW_FLOORS: dict[str, Floor] = {
    "poplib + policy.default + bulk insert": lambda access, mailbox: insert(
        map(parse_by_library(policy.default), download_by_poplib(access)), mailbox
    ),
    "pipelined + compat32 + bulk insert": lambda access, mailbox: insert(
        map(parse_by_library(policy.compat32), download(access)), mailbox
    ),
}
"""Over POP3 only, for orientation."""
