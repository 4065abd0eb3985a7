"""Appointments and series as people write them here, by the writer that takes in what servers hold (10.2–10.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Model

from mailboxes.models import Mailbox
from profiles.act_items import IMPORTANCE, Attached, Attendee, Recurrence, Value
from profiles.connectors.mime import Address
from tracking.crm.models import Appointment, RecurringAppointmentMaster
from tracking.facts.act.kinds import Syncing
from tracking.keep.act.appointments import make_appointment, set_appointment
from tracking.keep.calendar.records import request_sync, set_regarding

Meeting = Appointment | RecurringAppointmentMaster


@dataclass(frozen=True, slots=True)
class Planned:
    """An appointment as a person writes it. `start` and `end` are times, or days where it takes whole days, the last one
    included. `zone` is the IANA name in which they are meant. `keeps_regarding`: the record it belongs to stays."""

    subject: str
    start: datetime | date
    end: datetime | date
    zone: str
    location: str = ""
    body: str = ""
    show_as: str = "busy"
    priority: int = 1
    is_private: bool = False
    required: Sequence[Address] = ()
    optional: Sequence[Address] = ()
    recurrence: Recurrence | None = None
    regarding: Model | None = None
    keeps_regarding: bool = False
    files: tuple[Attached, ...] | None = None  # None: those that are there stay

    def fields(self) -> dict[str, Value]:
        """The same as the canonical values of `act_items`."""
        whole_days = not isinstance(self.start, datetime)
        says_nothing = self.files is None or (self.files and self.recurrence)  # a series has none
        files: dict[str, Value] = {} if says_nothing else {"attachments": self.files}
        return files | {
            "subject": self.subject,
            "body": self.body or None,
            "location": self.location or None,
            "importance": IMPORTANCE[self.priority],
            "show_as": self.show_as,
            "is_private": self.is_private,
            "start": self.start,
            "end": self.end + timedelta(days=1) if whole_days else self.end,
            "is_all_day": whole_days,
            "time_zone": self.zone,
            "required": _attendees(self.required),
            "optional": _attendees(self.optional),
            "recurrence": self.recurrence,
        }


def _attendees(people: Sequence[Address]) -> tuple[Attendee, ...]:
    return tuple(sorted(Attendee(one.address.lower(), one.name) for one in people))


def save_appointment(planned: Planned, by: Any, now: datetime, record: Meeting | None = None) -> Meeting:
    """Write an appointment or a series. Whoever invites somebody is the organizer (10.2.4); one that becomes the other
    keeps its copies on the servers (10.4)."""
    mailbox = Mailbox.objects.filter(regarding_user_id=by.pk).first() or Mailbox(email_address=by.email)
    syncing = Syncing(mailbox, by.pk, planned.zone, now)
    fields = planned.fields()
    with transaction.atomic():
        if record is None:
            found = make_appointment({**fields, "organizer": _organizer(mailbox)}, syncing)
        else:
            found = set_appointment(record, fields, syncing)
        if not planned.keeps_regarding:
            set_regarding(found, planned.regarding)
            found.save()
    request_sync(found, now)
    return found


def _organizer(mailbox: Mailbox) -> tuple[Attendee, ...]:
    if not mailbox.email_address:
        return ()
    return (Attendee(mailbox.email_address.lower(), mailbox.name),)
