"""What our tasks and contacts hold, as the canonical values of `act_items` (10.7, 10.8)."""

from __future__ import annotations

from profiles.act_items import PostalAddress, Value
from tracking.crm.models import Contact, Fax, Letter, PhoneCall, Task
from tracking.crm.names import street_of
from tracking.decide.field_maps import FIELD_MAPS, RecordKind
from tracking.decide.field_values import day_of, importance_of, percent_of, plain_text, task_status_of, with_due
from tracking.facts.act.kinds import Syncing, kind_of

PARTS = ("line_1", "line_2", "line_3", "city", "state_or_province", "postal_code", "country")
ADDRESSES = {"business_address": 1, "home_address": 2, "other_address": 3}
CONTACT_COLUMNS = {
    name: row.columns[0]
    for name, row in FIELD_MAPS[RecordKind.CONTACT].items()
    if len(row.columns) == 1 and name != "company"
}
"""Fields of a contact that are one column each."""


def task_values(record: Task | PhoneCall | Letter | Fax, syncing: Syncing) -> dict[str, Value]:
    """A task, or what becomes one on a server; days are those of the user's time zone."""
    kind = kind_of(record)
    status = task_status_of(kind, record.state_code, record.status_code)
    start = day_of(record.scheduled_start, syncing.zone)
    found: dict[str, Value] = {
        "subject": record.subject or None,
        "body": plain_text(record.description, is_html=False) or None,
        "importance": importance_of(record.priority_code),
        "status": status,
        "start": start,
        "due": with_due(start, day_of(record.scheduled_end, syncing.zone)),
        "completed": day_of(record.actual_end, syncing.zone) if status == "completed" else None,
    }
    if isinstance(record, Task):
        found["percent_complete"] = percent_of(status, record.percent_complete)
    return found


def contact_values(record: Contact, syncing: Syncing) -> dict[str, Value]:
    """A contact with its three addresses. Read it with its account."""
    del syncing
    found: dict[str, Value] = {name: getattr(record, column) or None for name, column in CONTACT_COLUMNS.items()}
    found["body"] = plain_text(record.description, is_html=False) or None
    found["company"] = record.parent_customer.name if record.parent_customer else None
    return found | {name: _address(record, number) for name, number in ADDRESSES.items()}


def _address(record: Contact, number: int) -> PostalAddress | None:
    one, two, three, city, state, code, country = (getattr(record, f"address_{number}_{part}") for part in PARTS)
    address = PostalAddress(street_of(one, two, three), city, state, code, country)
    return address if address != PostalAddress() else None
