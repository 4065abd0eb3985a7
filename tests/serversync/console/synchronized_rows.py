"""Rows of appointments, contacts and tasks for the matrix of permissions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.serversync.console.roles import Office
from tracking.crm.models import Appointment, AppointmentAttachment, Blob, RecurringAppointmentMaster, Task
from tracking.crm.storage import store
from tracking.models import (
    ExchangeSyncIdMapping,
    HeldDeletion,
    HeldWrite,
    RecycledItem,
    SyncAttributeMapping,
    SyncConflict,
    SyncFilter,
    SyncProgress,
)

ALL: dict[str, Any] = {"all": []}


def synchronized(office: Office, now: datetime) -> list[Any]:
    """One row of every model of appointments, contacts and tasks (10)."""
    mailbox = {"mailbox": office.bobs, "kind": "contact"}
    mapping = ExchangeSyncIdMapping.objects.create(owner=office.bobs.regarding_user, **mailbox)
    return [
        mapping,
        SyncConflict.objects.create(**mailbox, field="subject", taken="crm", rule="newest", occurred_on=now),
        RecycledItem.objects.create(
            **mailbox, snapshot={}, deleted_on_side="crm", reason="gone", deleted_on=now, expires_on=now
        ),
        HeldWrite.objects.create(
            mailbox=office.bobs, mapping=mapping, kind_of_write="invite", fingerprint="f", held_on=now
        ),
        HeldDeletion.objects.create(**mailbox, on_side="crm", number=9, out_of=10, held_on=now),
        SyncAttributeMapping.objects.create(record_kind="contact", field="spouse", sync_direction=0),
        SyncFilter.objects.create(name="My contacts", record_kind="contact"),
        SyncProgress.objects.create(**mailbox),
    ]


def a_file(owner: Any, now: datetime) -> AppointmentAttachment:
    """The file of an appointment of this person."""
    start = now.replace(microsecond=0)
    talk = Appointment.objects.create(
        owner=owner, state_code=3, created_on=now, scheduled_start=start, scheduled_end=start
    )
    blob = store(b"A secret plan", now)
    Blob.objects.bulk_create([blob], ignore_conflicts=True)
    return AppointmentAttachment.objects.create(
        appointment=talk, blob=blob, file_name="plan.txt", file_size=blob.size, created_on=now
    )


def of_calendar(office: Office, now: datetime) -> dict[str, Any]:
    """What the pages of appointments, contacts and tasks are about: Alice's for her own pages, Bob's for those of staff."""
    found: dict[str, Any] = {"template": SyncFilter.objects.create(name="Ours", record_kind="task", conditions=ALL)}
    for name, mailbox in (("calendar", office.alices), ("calendars", office.bobs)):
        owner = mailbox.regarding_user
        columns: dict[str, Any] = {"mailbox": mailbox, "kind": "task"}
        found[f"{name}:item"] = Task.objects.create(owner=owner, subject="A secret plan", created_on=now)
        found[f"{name}:series"] = RecurringAppointmentMaster.objects.create(
            owner=owner,
            state_code=3,
            created_on=now,
            effective_start_date=now.replace(microsecond=0),
            pattern_start_date=now.date(),
        )
        found[f"{name}:file"] = a_file(owner, now)
        pair = ExchangeSyncIdMapping.objects.create(owner=owner, **columns)
        found[f"{name}:pair"] = found[f"{name}:settle"] = pair
        found[f"{name}:undo"] = SyncConflict.objects.create(
            **columns, mapping=pair, field="subject", taken="crm", rule="newest", occurred_on=now
        )
        found[f"{name}:restore"] = RecycledItem.objects.create(
            **columns, snapshot={}, deleted_on_side="crm", reason="gone", deleted_on=now, expires_on=now
        )
        found[f"{name}:decide_deletion"] = HeldDeletion.objects.create(
            **columns, on_side="exchange", number=9, out_of=10, held_on=now
        )
        found[f"{name}:filter"] = SyncFilter.objects.create(
            owner=owner, name="Mine", record_kind="task", conditions=ALL
        )
    return found


def calendar_arguments(name: str, office: Office, found: dict[str, Any]) -> list[Any]:
    """What goes into an address of these pages."""
    space, _, page = name.partition(":")
    whose = [office.bobs.pk] if space == "calendars" else []
    if page in ("item", "edit", "act"):
        return [*whose, "task", found[f"{space}:item"].pk]
    if page == "file":
        row = found[f"{space}:file"]
        return [*whose, "appointment", row.appointment_id, row.pk]
    if page == "occurrence":
        series = found[f"{space}:series"]
        return [*whose, series.pk, f"{series.effective_start_date:%Y%m%dT%H%M%SZ}"]
    if page in ("filter", "change_filter"):
        return [*whose, (found["template"] if space == "synchronizing" else found[f"{space}:filter"]).pk]
    if page == "apply_template":
        return [*whose, found["template"].pk]
    if page == "new":
        return ["appointment"]
    return [*whose, *([found[name].pk] if name in found else [])]


def calendar_pages() -> dict[str, tuple[str, str]]:
    """Who may open them: one's own, everybody who is signed in; those of others, staff that may see what is linked."""
    single: tuple[str, ...] = ("occurrence",)
    single += ("file",)
    single += ("item", "edit", "act", "pair", "settle", "undo", "decide_deletion", "restore", "filter", "change_filter")
    posts = (
        "act",
        "settle",
        "undo",
        "decide_deletion",
        "restore",
        "change_filter",
        "decide_writes",
        "retry_all",
        "run",
    )
    posts += ("apply_template", "propose", "count")
    lists = ("agenda", "tasks", "contacts", "waiting", "decide_writes", "problems", "retry_all", "bin", "start", "run")
    lists += ("filters", "new_filter", "apply_template", "how_far", "count")
    pages = {f"calendar:{name}": "lhyhhhhh" for name in single}
    pages |= {f"calendar:{name}": "lyyyyyyy" for name in (*lists, "new")}
    pages |= {f"calendars:{name}": "llllnnyy" for name in (*lists, *single)}
    pages |= {
        f"calendars:{name}": "llllnnny" for name in ("edit", "act", "occurrence", "file")
    }  # who may not read it cannot change it
    organization = ("fields", "filters", "new_filter", "filter", "change_filter", "propose")
    pages |= {f"synchronizing:{name}": "llllnnyy" for name in organization}
    return {name: ("POST" if name.partition(":")[2] in posts else "GET", letters) for name, letters in pages.items()}
