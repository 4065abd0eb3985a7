"""Service activities as people write them here (10.5)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Model

from mailboxes.models import Leg, Mailbox, MailboxLeg
from profiles.act_items import IMPORTANCE, Value
from tracking.crm.models import Participation, ServiceAppointment
from tracking.decide.field_values import OPEN
from tracking.facts.act.kinds import Syncing
from tracking.keep.act.service_activities import set_people, set_service
from tracking.keep.calendar.records import request_sync, set_regarding


@dataclass(frozen=True, slots=True)
class PlannedService:
    """A service activity as a person writes it; times as in `Planned`. `kept` are parties that the form could not show."""

    subject: str
    start: datetime | date
    end: datetime | date
    zone: str
    resources: Sequence[Model] = ()
    customers: Sequence[Model] = ()
    kept: Collection[int] = ()
    location: str = ""
    body: str = ""
    show_as: str = "busy"
    priority: int = 1
    regarding: Model | None = None
    keeps_regarding: bool = False

    def fields(self) -> dict[str, Value]:
        """The same as the canonical values of `act_items`."""
        whole_days = not isinstance(self.start, datetime)
        return {
            "subject": self.subject,
            "body": self.body or None,
            "location": self.location or None,
            "importance": IMPORTANCE[self.priority],
            "show_as": self.show_as,
            "start": self.start,
            "end": self.end + timedelta(days=1) if whole_days else self.end,
            "is_all_day": whole_days,
            "time_zone": self.zone,
        }


def save_service(
    planned: PlannedService, by: Any, now: datetime, record: ServiceAppointment | None = None
) -> ServiceAppointment:
    """Write a service activity; the calendars of all who render it, or rendered it until now, look at it at once."""
    syncing = Syncing(Mailbox(email_address=by.email), by.pk, planned.zone, now)
    found = record or ServiceAppointment(owner_id=by.pk, created_on=now, state_code=OPEN)
    with transaction.atomic():
        set_service(found, planned.fields(), syncing)
        if not planned.keeps_regarding:
            set_regarding(found, planned.regarding)
        found.save()
        set_people(found, Participation.RESOURCE, planned.resources, planned.kept)
        set_people(found, Participation.CUSTOMER, planned.customers, planned.kept)
    request_sync(found, now)
    users = [one.pk for one in planned.resources]
    mailboxes = Mailbox.objects.filter(regarding_user_id__in=users).values("pk")
    MailboxLeg.objects.filter(mailbox_id__in=mailboxes, leg=Leg.ACT, enabled=True).request(now)
    return found
