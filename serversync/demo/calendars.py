"""The demo's calendars, contacts and tasks: made on both sides, synchronized, changed on both sides, and one deleted (10)."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model
from django.utils import timezone

from mailboxes.models import Leg
from profiles.connectors.mime import Address
from serversync.demo.world import World
from serversync.one_pass import chosen, run_pass
from tracking.crm.models import Task
from tracking.crm.models.states import TaskStatus
from tracking.keep.calendar.appointments import Planned, save_appointment
from tracking.keep.calendar.records import save_task
from tracking.models import ExchangeSyncIdMapping

FILE = Path(__file__).with_name("calendar.toml")
LONDON = ZoneInfo("Europe/London")
PASSES_AT_MOST = 5


def play_the_calendars(world: World, now: datetime, say: Callable[[str], None]) -> None:
    """Make everything, synchronize, then let both sides change something."""
    entries = tomllib.loads(FILE.read_text(encoding="utf-8"))
    for entry in entries["server"]:
        world.put(entry["address"], entry["kind"], fields_of(entry, now), entry.get("categories", []))
    made = [(entry, _make(entry, now)) for entry in entries["here"]]
    say(f"{len(entries['server'])} appointments, contacts and tasks were made in Exchange, {len(made)} here.")
    synchronize()
    for entry, record in made:
        _happens_later(world, entry, record)
    synchronize()
    say(f"{ExchangeSyncIdMapping.objects.exclude(exchange_entry_id='').count()} of them are linked.")


def synchronize() -> None:
    """Passes over appointments, contacts and tasks until nothing moves any more."""
    for _ in range(PASSES_AT_MOST):
        lines = list(run_pass(chosen([], (Leg.ACT,), timezone.now()), timezone.now))
        if not any(line.tracked or line.sent for line in lines):
            return


def fields_of(entry: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The fields of an item on the server, with its day."""
    found: dict[str, Any] = dict(entry["fields"])
    if entry["kind"] == "appointment":
        start = _at(entry, now)
        end = start + timedelta(minutes=entry["minutes"])
        found |= {"start": start.isoformat(), "end": end.isoformat(), "time_zone": "Europe/London"}
    if "recurrence" in found:
        first = start.astimezone(LONDON).date()
        found["recurrence"] = {**found["recurrence"], "first": first.isoformat()}
    if "due" in entry:
        found["due"] = _day(entry["due"], now).isoformat()
    return found


def _day(distance: int, now: datetime) -> date:
    """So many days from today; what would be on a weekend is on Monday."""
    day = now.astimezone(LONDON).date() + timedelta(days=distance)
    return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() > 4 else day


def _at(entry: dict[str, Any], now: datetime) -> datetime:
    clock = time.fromisoformat(entry["time"])
    return datetime.combine(_day(entry["day"], now), clock, LONDON).astimezone(UTC)


def _make(entry: dict[str, Any], now: datetime) -> Any:
    """As its owner would in the console."""
    owner = get_user_model().objects.get(username=entry["user"])
    if entry["kind"] == "task":
        task = Task(owner=owner, created_on=now)
        due = datetime.combine(_day(entry["due"], now), time(), LONDON).astimezone(UTC)
        columns = {"subject": entry["subject"], "status_code": TaskStatus.NOT_STARTED, "scheduled_end": due}
        save_task(task, columns, now)
        return task
    return save_appointment(_planned(entry, now), owner, now)


def _planned(entry: dict[str, Any], now: datetime) -> Planned:
    start: datetime | date
    if "time" in entry:
        start = _at(entry, now)
        end: datetime | date = start + timedelta(minutes=entry["minutes"])
    else:
        start = _day(entry["day"], now)
        end = start + timedelta(days=entry["days"] - 1)
    people = [Address(*parseaddr(one)) for one in entry.get("required", [])]
    return Planned(entry["subject"], start, end, "Europe/London", entry.get("location", ""), required=people)


def _happens_later(world: World, entry: dict[str, Any], record: Any) -> None:
    """What people do with it once it is on both sides."""
    pair = ExchangeSyncIdMapping.objects.filter(object_id=str(record.pk)).select_related("mailbox").first()
    if pair is None or not pair.exchange_entry_id:
        return
    address = pair.mailbox.email_address
    if "moved_there_to" in entry:
        world.patch(address, entry["kind"], pair.exchange_entry_id, {"location": entry["moved_there_to"]})
        record.refresh_from_db()
        record.location = entry["moved_here_to"]
        record.save()
    if entry.get("deleted_there"):
        world.remove(address, entry["kind"], pair.exchange_entry_id)
