"""Canonical values as the columns of our tasks and contacts (10.7, 10.8). What is too long for a column is cut, and read
back: the difference is nobody's change."""

from __future__ import annotations

from datetime import date

from django.db.models import CharField, Model

from profiles.act_items import Fields, PostalAddress, Value
from tracking.crm.models import Account, Contact, Fax, Letter, PhoneCall, Task
from tracking.crm.names import full_name_of, lines_of
from tracking.decide.field_values import moment_of, percent_of, priority_of, status_of_task
from tracking.facts.act.kinds import Syncing, kind_of
from tracking.facts.act.values import ADDRESSES, CONTACT_COLUMNS, PARTS

NAME_PARTS = frozenset({"first_name", "middle_name", "last_name", "suffix"})


def set_task(record: Task | PhoneCall | Letter | Fax, fields: Fields, syncing: Syncing) -> None:
    """Set what these fields say; other columns keep what they hold."""
    for name, column in (("subject", "subject"), ("body", "description")):
        if name in fields:
            set_text(record, column, fields[name])
    if "importance" in fields:
        record.priority_code = priority_of(str(fields["importance"]))
    for name, column in (("start", "scheduled_start"), ("due", "scheduled_end"), ("completed", "actual_end")):
        if name in fields:
            setattr(record, column, moment_of(_day(fields[name]), getattr(record, column), syncing.zone))
    if "status" in fields or "percent_complete" in fields:
        _set_progress(record, fields, syncing)


def _set_progress(record: Task | PhoneCall | Letter | Fax, fields: Fields, syncing: Syncing) -> None:
    """Status and percent decide together; what is taken up again was not completed (10.7)."""
    percent = int(str(fields.get("percent_complete") or 0))
    status = str(
        fields.get("status") or ("completed" if percent == 100 else "in-progress" if percent else "not-started")
    )
    record.state_code, record.status_code = status_of_task(
        kind_of(record),
        status,
        percent,
        state=record.state_code,
        current=record.status_code,
        is_outgoing=bool(getattr(record, "direction_code", True)),
    )
    if isinstance(record, Task):
        record.percent_complete = percent_of(status, percent)
    if status != "completed":
        record.actual_end = None
    elif record.actual_end is None:
        record.actual_end = syncing.now


def set_contact(record: Contact, fields: Fields, syncing: Syncing) -> None:
    """Set what these fields say. A company is an account of that very name, if there is one."""
    del syncing
    for name, column in CONTACT_COLUMNS.items():
        if name in fields:
            value = fields[name]
            if isinstance(record._meta.get_field(column), CharField) or column == "description":
                set_text(record, column, value)
            else:
                setattr(record, column, value)
    for name, number in ADDRESSES.items():
        if name in fields:
            address = fields[name]
            _set_address(record, number, address if isinstance(address, PostalAddress) else PostalAddress())
    if "company" in fields:
        named = Account.objects.filter(name=str(fields["company"] or "")).order_by("created_on")
        record.parent_customer = named.first() if fields["company"] else None
    if NAME_PARTS & set(fields):
        parts = record.first_name, record.middle_name, record.last_name, record.suffix
        set_text(record, "full_name", full_name_of(*parts) or record.full_name)


def _set_address(record: Contact, number: int, address: PostalAddress) -> None:
    lines = lines_of(address.street)
    values = (*lines, address.city, address.state, address.postal_code, address.country)
    for part, value in zip(PARTS, values, strict=True):
        set_text(record, f"address_{number}_{part}", value)


def set_text(record: Model, column: str, value: Value) -> None:
    """A text, as much of it as the column takes."""
    longest = getattr(record._meta.get_field(column), "max_length", None)
    setattr(record, column, str(value or "")[:longest])


def _day(value: Value) -> date | None:
    return value if isinstance(value, date) else None
