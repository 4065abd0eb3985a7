"""A calendar to look at: Alice's appointments, tasks and contacts, in every state that a copy can have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from mailboxes.models import Mailbox
from profiles.act_items import Frequency, Recurrence
from profiles.connectors.mime import Address
from tests.serversync.console.people import mailbox, profile
from tracking.crm.models import Contact, Task
from tracking.decide.act_values import Agreed, agreed_to_json, fields_to_json, to_json
from tracking.decide.field_maps import RecordKind
from tracking.facts.act.kinds import Record, content_type_of, kind_of
from tracking.facts.act.reading import values_of
from tracking.keep.calendar.appointments import Planned, save_appointment
from tracking.keep.calendar.deciding import syncing_of
from tracking.models import (
    ExchangeSyncIdMapping,
    HeldDeletion,
    HeldWrite,
    RecycledItem,
    SyncConflict,
    SyncFilter,
    SyncQuestion,
)

BERLIN = ZoneInfo("Europe/Berlin")


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """A time in Berlin."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


def linked(record: Record, of: Mailbox, **columns: Any) -> ExchangeSyncIdMapping:
    """A copy of the record in a mailbox, on which both sides agree."""
    values = values_of(record, syncing_of(of, timezone.now()))
    kind = kind_of(record)
    return ExchangeSyncIdMapping.objects.create(
        **{
            "owner": of.regarding_user,
            "mailbox": of,
            "kind": kind.item_kind,
            "object_type": content_type_of(kind),
            "object_id": str(record.pk),
            "exchange_entry_id": f"key of {record.pk}",
            "agreed": agreed_to_json(Agreed.on(values)),
            "agreed_on": timezone.now(),
            "item_subject": str(values.get("subject") or values.get("full_name") or ""),
        }
        | columns
    )


@dataclass
class Calendar:
    """What there is."""

    alices: Mailbox
    monday: date
    talk: Record
    weekly: Record
    holiday: Record
    task: Task
    ann: Contact
    failed: ExchangeSyncIdMapping
    asked: ExchangeSyncIdMapping
    lost: ExchangeSyncIdMapping
    held: HeldWrite
    deletion: HeldDeletion
    conflict: SyncConflict
    recycled: RecycledItem


def open_calendar() -> Calendar:
    """This week of Alice, who lives in Berlin."""
    alices = mailbox("Alice", profile())
    alice: Any = alices.regarding_user
    alice.sync_settings.time_zone = "Europe/Berlin"
    alice.sync_settings.save()
    alices.legs.filter(leg=2).update(enabled=True)
    now, today = timezone.now(), timezone.now().astimezone(BERLIN).date()
    monday = today - timedelta(days=today.weekday())
    talk, weekly, holiday = _meetings(alice, now, monday)
    task = Task.objects.create(
        owner=alice, subject="Write the offer", created_on=now, scheduled_end=now + timedelta(days=2)
    )
    ann = Contact.objects.create(
        owner=alice, full_name="Ann Ray", first_name="Ann", last_name="Ray", email_address_1="ann@them.test"
    )
    pair = linked(talk, alices)
    linked(weekly, alices)
    failed = linked(
        task,
        alices,
        last_sync_error="The subject is too long for the server.",
        last_sync_error_code="ItemRejected",
        last_sync_error_occurred_on=now,
        retries=5,
    )
    lena = Contact.objects.create(owner=alice, full_name="Lena Lost")
    lost = linked(lena, alices, to_crm_change_type=3, next_attempt_on=now)
    asked = linked(
        ann, alices, question=SyncQuestion.DELETE_IN_CRM, question_facts={"subject": "Ann Ray"}, asked_on=now
    )
    SyncFilter.objects.create(
        owner=alice,
        name="My open tasks",
        record_kind="task",
        conditions={"all": [{"field": "owner", "operator": "is", "values": ["me"]}]},
    )
    return Calendar(
        alices, monday, talk, weekly, holiday, task, ann, failed, asked, lost, *_decisions(alices, talk, pair, now)
    )


def _decisions(
    alices: Mailbox, talk: Record, pair: ExchangeSyncIdMapping, now: datetime
) -> tuple[HeldWrite, HeldDeletion, SyncConflict, RecycledItem]:
    """What waits for Alice, and what she may take back."""
    kept = {"subject": "An old task", "status": "not-started", "due": now.date()}
    return (
        HeldWrite.objects.create(
            mapping=pair,
            mailbox=alices,
            kind_of_write="invite",
            addresses=["dora@them.test", "erik@them.test"],
            fingerprint="f",
            held_on=now,
        ),
        HeldDeletion.objects.create(mailbox=alices, kind="contact", on_side="crm", number=60, out_of=70, held_on=now),
        SyncConflict.objects.create(
            mapping=pair,
            mailbox=alices,
            kind="appointment",
            object_type=content_type_of(kind_of(talk)),
            object_id=str(talk.pk),
            field="location",
            before=to_json("Room 1"),
            ours=to_json("Room 2"),
            theirs=to_json("Room 3"),
            taken="exchange",
            rule="meeting",
            occurred_on=now,
        ),
        RecycledItem.objects.create(
            mailbox=alices,
            kind="task",
            object_type=content_type_of(RecordKind.TASK),
            object_id="019ad2b0-0000-7000-8000-000000000000",
            snapshot={"fields": fields_to_json(kept), "occurrences": {}},
            deleted_on_side="crm",
            reason="approved",
            deleted_on=now,
            expires_on=now + timedelta(days=30),
        ),
    )


def _meetings(alice: Any, now: datetime, monday: date) -> tuple[Record, Record, Record]:
    tuesday = monday + timedelta(days=1)
    talk = Planned(
        "Talk with Dora",
        at(tuesday, 10),
        at(tuesday, 11, 30),
        "Europe/Berlin",
        location="Room 3",
        required=[Address("Dora", "dora@them.test")],
    )
    weekly = Planned(
        "Monday meeting",
        at(monday, 9),
        at(monday, 9, 30),
        "Europe/Berlin",
        recurrence=Recurrence(Frequency.WEEKLY, monday, weekdays=(0, 2), count=10),
    )
    holiday = Planned("Fair", monday + timedelta(days=3), monday + timedelta(days=4), "Europe/Berlin", is_private=True)
    made = [save_appointment(one, alice, now) for one in (talk, weekly, holiday)]
    return made[0], made[1], made[2]
