"""What the database and the servers hold of appointments, contacts and tasks, without ids and times that differ from run to
run: two runs that came to the same are equal."""

from __future__ import annotations

import json
from typing import Any

from django.utils import timezone

from mailboxes.models import Mailbox
from profiles.act_items import ItemKind, Value
from tests.world import SandboxProcess
from tracking.crm.models import RecurringAppointmentMaster
from tracking.decide.act_values import agreed_from_json, fields_from_json, fields_to_json, normal, to_json
from tracking.decide.occurrences import exceptions_to_json
from tracking.facts.act.appointments import exceptions_of
from tracking.facts.act.kinds import MODELS, Syncing
from tracking.facts.act.reading import values_of
from tracking.models import (
    ExchangeSyncIdMapping,
    HeldDeletion,
    HeldWrite,
    RecycledItem,
    SyncConflict,
    SyncProgress,
    SyncQuestion,
    UserDecision,
)

State = dict[str, Any]


def act_state() -> State:
    """Everything that two runs must agree on."""
    return {
        "records": sorted(
            (_record(one) for model in MODELS.values() for one in model._default_manager.all()), key=_text
        ),
        "pairs": sorted(map(_pair, ExchangeSyncIdMapping.objects.select_related("owner")), key=_text),
        "conflicts": sorted(map(_conflict, SyncConflict.objects.all()), key=_text),
        "recycled": sorted(map(_recycled, RecycledItem.objects.all()), key=_text),
        "held": sorted(map(_held, HeldWrite.objects.all()), key=_text),
        "held deletions": sorted([one.kind, one.on_side, one.number] for one in HeldDeletion.objects.all()),
        "progress": sorted(
            [str(one.mailbox), one.kind, one.finished_on is not None] for one in SyncProgress.objects.all()
        ),
    }


def links() -> dict[str, str]:
    """The version that each pair believes its item to have, by the item's key."""
    rows = ExchangeSyncIdMapping.objects.exclude(exchange_entry_id="").exclude(is_deleted_in_exchange=True)
    rows = rows.filter(is_unlinked_in_crm=False).exclude(object_id="")
    return dict(rows.values_list("exchange_entry_id", "server_version"))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _record(record: Any) -> State:
    mailbox = getattr(record.owner, "mailbox", None) or Mailbox.objects.earliest(
        "pk"
    )  # contacts made by mail are nobody's
    values = values_of(record, Syncing(mailbox, record.owner_id or 0, "UTC", timezone.now()))
    row = {"of": f"{type(record).__name__} of {record.owner}", "values": fields_to_json(values)}
    if hasattr(record, "global_object_id"):
        row["has an id in all calendars"] = bool(record.global_object_id)
    if isinstance(record, RecurringAppointmentMaster):
        exceptions = exceptions_of(record)
        row["occurrences"] = exceptions_to_json(exceptions, exceptions)
    return row


def _waits(row: ExchangeSyncIdMapping) -> bool:
    """Whether a later run has something to do; what a person is asked about, or whether it is another's item, may wait."""
    asked = ExchangeSyncIdMapping.objects.exclude(question=SyncQuestion.NONE).filter(user_decision=UserDecision.NONE)
    records = {str(one.question_facts.get("record")) for one in asked}
    return row.next_attempt_on is not None and row not in asked and row.object_id not in records


def _pair(row: ExchangeSyncIdMapping) -> State:
    return {
        "of": f"{row.kind} of {row.owner}: {row.item_subject}",
        "both": [bool(row.object_id), bool(row.exchange_entry_id), bool(row.uid)],
        "agreed": {} if row.is_unlinked_in_crm else _agreed(row),
        "occurrences": row.agreed_occurrences,
        "to do": [row.to_crm_change_type, row.from_crm_change_type],
        "waits": _waits(row),
        "asked": [row.question, row.user_decision],
        "apart": [row.is_unlinked_in_crm, row.is_deleted_in_exchange],
        "error": row.last_sync_error,
    }


def _agreed(row: ExchangeSyncIdMapping) -> State:
    """What says something: how empty a field is, and the names of people, depend on who wrote first."""
    agreed = agreed_from_json(row.agreed)
    return {name: [_plain(value), _plain(agreed.exchange[name])] for name, value in agreed.crm.items() if _plain(value)}


def _plain(value: Value) -> Any:
    return to_json(normal(value))


def _conflict(one: SyncConflict) -> list[Any]:
    return [one.kind, one.field, one.before, one.ours, one.theirs, one.taken, one.rule, str(one.original_start)]


def _recycled(one: RecycledItem) -> list[Any]:
    fields = {name: _plain(value) for name, value in fields_from_json(one.snapshot["fields"]).items()}
    return [one.kind, one.deleted_on_side, one.reason, fields, one.snapshot.get("occurrences")]


def _held(one: HeldWrite) -> list[Any]:
    return [one.kind_of_write, one.addresses, one.decision, str(one.original_start)]


# The servers


def act_items(sandbox: SandboxProcess, address: str) -> list[State]:
    """What lies in the calendar, the contacts and the tasks of a mailbox."""
    return sorted((_item(item) for item in _all_items(sandbox, address)), key=_text)


def versions(sandbox: SandboxProcess, address: str) -> dict[str, str]:
    """The version of each item, by its key."""
    return {item["id"]: item["version"] for item in _all_items(sandbox, address)}


def _all_items(sandbox: SandboxProcess, address: str) -> list[dict[str, Any]]:
    return [item for kind in ItemKind for item in sandbox.act_items(address, kind)]


def _item(item: dict[str, Any]) -> State:
    told = ("kind", "folder", "fields", "categories", "is_organizer", "is_cancelled", "changed", "removed")
    return {**{name: item.get(name) for name in told}, "is ours": bool(item["extended"])}


def meeting_mails(sandbox: SandboxProcess) -> list[list[str]]:
    """Who was told what about which meeting."""
    told = ("from", "to", "kind", "subject", "original_start", "response")
    return sorted([str(mail[name]) for name in told] for mail in sandbox.meeting_mails())
