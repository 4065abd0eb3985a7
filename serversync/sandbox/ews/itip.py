"""Mail about a meeting as it travels: iCalendar in a message (RFC 5545, 5546, 6047)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from itertools import islice

from serversync.sandbox.ews.appointments import attendees, organizer
from serversync.sandbox.ews.properties import stored_text
from serversync.sandbox.ews.series import moment, original_start, slots

METHODS = {"request": "REQUEST", "update": "REQUEST", "cancellation": "CANCEL", "response": "REPLY"}
PREFIXES = {"cancellation": "Canceled: "}
ANSWERS = {"Accept": "ACCEPTED", "Decline": "DECLINED", "Tentative": "TENTATIVE"}
ANSWER_WORDS = {"Accept": "Accepted: ", "Decline": "Declined: ", "Tentative": "Tentative: "}
MOST_DATES = 366


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail about a meeting says; `properties` are those of the meeting, or of one occurrence of it."""

    kind: str
    sender: str
    recipients: tuple[str, ...]
    properties: dict[str, str]
    now: datetime
    response: str = ""

    @property
    def subject(self) -> str:
        """The subject line: that of the meeting behind a word that says what the mail is."""
        prefix = ANSWER_WORDS.get(self.response, PREFIXES.get(self.kind, ""))
        plain = stored_text(self.properties, "Subject")
        return plain if plain.startswith(prefix) else prefix + plain


def raw_letter(letter: Letter, host: str) -> bytes:
    """The whole message."""
    message = EmailMessage(policy=SMTP)
    message["From"] = letter.sender
    message["To"] = ", ".join(formataddr(("", address)) for address in letter.recipients)
    message["Subject"] = " ".join(letter.subject.split()) or "(no subject)"
    message["Date"] = format_datetime(letter.now)
    message["Message-ID"] = f"<{secrets.token_hex(16)}@{host}>"
    message.set_content(f"{letter.subject}\n{stored_text(letter.properties, 'Location')}\n")
    method = METHODS[letter.kind]
    message.add_alternative(_calendar(letter, method), subtype="calendar", params={"method": method})
    return message.as_bytes()


def _calendar(letter: Letter, method: str) -> str:
    properties = letter.properties
    original = original_start(properties)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//ServerSync//sandbox//EN",
        f"METHOD:{method}",
        "BEGIN:VEVENT",
        f"UID:{stored_text(properties, 'UID')}",
        f"DTSTAMP:{_stamp(letter.now)}",
        f"SEQUENCE:{stored_text(properties, 'AppointmentSequenceNumber') or 0}",
        f"DTSTART:{_stamp(moment(properties, 'Start'))}",
        f"DTEND:{_stamp(moment(properties, 'End'))}",
        f"SUMMARY:{_escaped(letter.subject)}",
        f"LOCATION:{_escaped(stored_text(properties, 'Location'))}",
        f"ORGANIZER:mailto:{organizer(properties)[1]}",
        f"STATUS:{'CANCELLED' if method == 'CANCEL' else 'CONFIRMED'}",
    ]
    if original is not None:
        lines.append(f"RECURRENCE-ID:{_stamp(original)}")
    if "t:Recurrence" in properties:  # each start in UTC: a rule would need the zone's rules beside it
        lines.append("RDATE:" + ",".join(_stamp(slot.start) for slot in islice(slots(properties), 1, MOST_DATES)))
    if letter.response:
        lines.append(f"ATTENDEE;PARTSTAT={ANSWERS[letter.response]}:mailto:{letter.sender}")
    else:
        lines += [f"ATTENDEE;RSVP=TRUE:mailto:{address}" for address in attendees(properties)]
    return "".join(f"{_folded(line)}\r\n" for line in [*lines, "END:VEVENT", "END:VCALENDAR"])


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _escaped(words: str) -> str:
    for character in ("\\", ";", ","):
        words = words.replace(character, "\\" + character)
    return words.replace("\r", "").replace("\n", "\\n")


def _folded(line: str) -> str:
    """A line in pieces of at most 75 bytes (RFC 5545, 3.1)."""
    pieces, piece = [], ""
    for character in line:
        if len((piece + character).encode()) > 74:
            pieces.append(piece)
            piece = ""
        piece += character
    return "\r\n ".join([*pieces, piece])
