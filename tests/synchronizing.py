"""Alice’s appointments, contacts and tasks on both sides, for the stories about keeping them the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from mailboxes.models import ActDeliveryMethod, Leg, Mailbox
from profiles.act_items import Attendee, ItemKind, Value
from serversync.cycles.engine import Ended
from tests.company import Company, run
from tracking.crm.models import (
    Appointment,
    Contact,
    Participation,
    RecurringAppointmentMaster,
    ServiceAppointment,
    Task,
)
from tracking.crm.models.states import ActivityState
from tracking.facts.act.kinds import Syncing
from tracking.keep.act.appointments import make_appointment
from tracking.keep.act.service_activities import set_people
from tracking.keep.act.writing import set_fields
from tracking.models import ExchangeSyncIdMapping

ALICE = "alice@us.test"
CATEGORY = "Tracked to CRM"
DUE = datetime(2026, 12, 1, 9, tzinfo=UTC)


def alice_on(company: Company, **columns: Any) -> Mailbox:
    """Alice, whose mailbox on Exchange is synchronized."""
    method = ActDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION
    return company.user("Alice", company.exchange_profile(), act_delivery_method=method, **columns)


def synchronize(mailbox: Mailbox) -> Ended:
    """One cycle that must succeed."""
    ended = run(mailbox, Leg.ACT)
    assert ended.error is None, (ended.error, ended.error.words)
    assert not ended.skipped, ended.skipped
    failed = list(ExchangeSyncIdMapping.objects.exclude(last_sync_error="").values_list("last_sync_error", flat=True))
    assert not failed, failed
    return ended


def task(mailbox: Mailbox, subject: str = "Call Acme", **columns: Any) -> Task:
    """A task of the owner of the mailbox, written here."""
    columns.setdefault("scheduled_end", DUE)
    return Task.objects.create(subject=subject, owner=mailbox.regarding_user, created_on=timezone.now(), **columns)


def contact(mailbox: Mailbox, name: str = "Ann Smith", **columns: Any) -> Contact:
    """A contact of the owner of the mailbox, written here."""
    return Contact.objects.create(full_name=name, owner=mailbox.regarding_user, **columns)


def held(company: Company, kind: ItemKind, address: str = ALICE) -> dict[str, dict[str, Any]]:
    """What Exchange holds, by subject or name."""
    items = company.sandbox.act_items(address, kind)
    return {item["fields"].get("subject") or item["fields"].get("full_name"): item for item in items}


def soon(days: int = 3, hour: int = 9) -> datetime:
    """An hour of a day to come, to the second."""
    return timezone.now().replace(hour=hour, minute=0, second=0, microsecond=0) + timedelta(days=days)


def appointment(
    mailbox: Mailbox, subject: str = "Lunch", start: datetime | None = None, invited: str = "", **fields: Value
) -> Appointment | RecurringAppointmentMaster:
    """An appointment, or with a `recurrence` a series, of the owner of the mailbox, written here; an hour long.
    `invited` are the addresses of the attendees."""
    start = start or soon()
    address = mailbox.email_address.lower()
    told: dict[str, Value] = {
        "subject": subject,
        "start": start,
        "end": start + timedelta(hours=1),
        "is_all_day": False,
        "time_zone": "Europe/Berlin",
        "organizer": (Attendee(address),),
        "required": tuple(Attendee(one) for one in invited.split()),
    }
    return make_appointment(told | fields, syncing(mailbox))


def service(by: Mailbox, *resources: Mailbox, subject: str = "Maintenance", **columns: Any) -> ServiceAppointment:
    """A service activity of two hours that the owners of these mailboxes render, written here."""
    start = columns.pop("start", None) or soon()
    found = ServiceAppointment.objects.create(
        subject=subject,
        scheduled_start=start,
        scheduled_end=start + timedelta(hours=2),
        owner=by.regarding_user,
        created_on=timezone.now(),
        state_code=ActivityState.SCHEDULED,
        **columns,
    )
    users: list[Any] = [one.regarding_user for one in resources]
    set_people(found, Participation.RESOURCE, users)
    return found


def change(mailbox: Mailbox, record: Any, **fields: Value) -> Any:
    """A person changes fields of an appointment here."""
    record.refresh_from_db()
    return set_fields(record, fields, syncing(mailbox))


def syncing(mailbox: Mailbox) -> Syncing:
    """Whose mailbox it is."""
    return Syncing(mailbox, mailbox.regarding_user_id, "UTC", timezone.now())


def mails_about_meetings(company: Company) -> list[tuple[str, str]]:
    """Whom meeting mails reached so far, and of what kind, in order."""
    return [(mail["to"], mail["kind"]) for mail in company.sandbox.meeting_mails() if mail["from"] == ALICE]
