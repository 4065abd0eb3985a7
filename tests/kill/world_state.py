"""What the database holds, without ids and times, so that two runs can be compared; and what the servers hold."""

from __future__ import annotations

import copy
import re
from collections import Counter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.contenttypes.models import ContentType

from mailboxes.models import Mailbox, MailboxLeg, QueueItem, TraceLog
from tests.kill.act_state import act_state
from tests.world import SandboxProcess
from tracking.crm.models import ActivityMimeAttachment, ActivityParty, Blob, DomainEvent, Email
from tracking.crm.models.events import EventKind
from tracking.crm.models.states import DeliveryState, EmailStatus, RecipientState
from tracking.crm.storage import path_of
from tracking.decide.forwarding import FOLDER
from tracking.models import LedgerRow, LedgerTotal, MailboxTrackingFolder, Placement, SyncCursor

# Ids and times differ from run to run; how often it was tried, and in which words it was accepted, may.
NOT_COMPARED = {
    *("id", "created_on", "modified_on", "sent_on", "submitted_on", "postpone_email_processing_until"),
    "delayed_email_send_time",
    *("delivery_attempts", "delivery_detail"),
}
EXACTLY_ONCE = [
    EventKind.EMAIL_TRACKED,
    EventKind.EMAIL_LINKED,
    EventKind.EMAIL_SUBMITTED,
    EventKind.EMAIL_SENT,
    EventKind.EMAIL_FAILED,
    EventKind.EMAIL_UNKNOWN,
    EventKind.MESSAGE_QUARANTINED,
    EventKind.MAILBOX_STOPPED,
]
World = dict[str, Any]


def world_state() -> World:
    """Everything that two runs must agree on, as JSON values in a fixed order."""
    names = {str(email.pk): email.message_id for email in Email.objects.only("message_id")}
    return {
        "emails": sorted((_email(email, names) for email in Email.objects.all()), key=str),
        "parties": sorted((_party(party, names) for party in ActivityParty.objects.all()), key=str),
        "attachments": sorted((_attachment(one, names) for one in ActivityMimeAttachment.objects.all()), key=str),
        "ledger": sorted((_ledger_row(row, names) for row in LedgerRow.objects.select_related("mailbox")), key=str),
        "totals": sorted((_total(total) for total in LedgerTotal.objects.select_related("mailbox")), key=str),
        "placements": sorted(map(_placement, _placements()), key=str),
        "queue items": sorted([str(item.queue), names.get(item.object_id, "")] for item in QueueItem.objects.all()),
        "folder rules": sorted(map(_folder_rule, MailboxTrackingFolder.objects.all())),
        "legs": sorted(map(_leg, MailboxLeg.objects.select_related("mailbox"))),
        "cursors": sorted([str(c.leg), c.folder, c.older, c.sweep_from is None] for c in SyncCursor.objects.all()),
        "events": _events(names),
        "alerts": sorted(TraceLog.objects.values_list("text", flat=True)),
        "blobs": _blobs(),
        "act": act_state(),
    }


def _email(email: Email, names: dict[str, str]) -> World:
    row: World = {}
    for field in Email._meta.concrete_fields:
        if field.name not in NOT_COMPARED:
            row[field.name] = _plain(email, field, names)
    row["sent"] = email.sent_on is not None
    return row


def _plain(email: Email, field: Any, names: dict[str, str]) -> Any:
    """A column as it is the same in every run: emails and mailboxes by their names instead of their ids."""
    value = getattr(email, field.attname)
    if value is None or isinstance(value, bool | int):
        return value
    if field.related_model is Mailbox:
        return getattr(email, field.name).email_address
    return names.get(str(value), str(value))


def _party(party: ActivityParty, names: dict[str, str]) -> list[Any]:
    kind = ContentType.objects.get_for_id(party.party_type_id).model if party.party_type_id else ""
    email = names.get(str(party.activity_id), "an email that does not exist")
    role = party.participation_type_mask
    return [email, role, party.address_used, party.unresolved_party_name, kind, party.party_id, party.delivery_state]


def _attachment(one: ActivityMimeAttachment, names: dict[str, str]) -> list[Any]:
    what = [one.attachment_number, one.part_number, one.file_name, one.mime_type, one.file_size, one.blob_id]
    return [names[str(one.email_id)], *what, one.attachment_content_id, one.is_inline, one.is_left_out]


def _ledger_row(row: LedgerRow, names: dict[str, str]) -> list[Any]:
    email = names[str(row.email_id)] if row.email_id else ""
    evidence = {key: names.get(str(value), value) for key, value in row.evidence.items()}
    verdict = [row.state, row.reason, row.content_key, row.message_id, email, evidence]
    return [row.mailbox.email_address, *verdict, row.attempts, row.error, row.retry_on is None]


def _total(total: LedgerTotal) -> list[Any]:
    counts = [total.shown, total.copies, total.pending, total.tracked, total.ignored, total.quarantined, total.gone]
    return [total.mailbox.email_address, *counts, "balances" if total.balances else "does not balance"]


def _placements() -> Any:
    return Placement.objects.select_related("mailbox", "ledger_row")


def _placement(placement: Placement) -> list[Any]:
    message_id, gone = placement.ledger_row.message_id, placement.gone_on is not None
    return [placement.mailbox.email_address, placement.folder, message_id, gone, placement.acknowledge]


def _folder_rule(rule: MailboxTrackingFolder) -> list[Any]:
    progress = [rule.folder_onboarding_status, rule.onboarding_done, rule.onboarding_total]
    return [rule.folder_path, *progress, rule.relink_requested_on is None, rule.invalid_reason]


def _leg(leg: MailboxLeg) -> list[Any]:
    how = [leg.enabled, leg.status, leg.failures, leg.last_error, leg.skip_reason, leg.leased_until is None]
    return [leg.mailbox.email_address, leg.leg, *how]


def _events(names: dict[str, str]) -> list[list[Any]]:
    events = DomainEvent.objects.filter(kind__in=EXACTLY_ONCE).values_list("kind", "subject_id", "mailbox_id")
    counts = Counter((kind, names.get(subject, subject), str(mailbox)) for kind, subject, mailbox in events)
    return sorted([*event, number] for event, number in counts.items())


def _blobs() -> World:
    """The rows, and the rows whose file is missing or has another size."""
    sizes = _files()
    rows = {path_of(blob.digest): blob.size for blob in Blob.objects.all()}
    damaged = sorted(path for path, size in rows.items() if sizes.get(path) != size)
    return {"rows": sorted(rows), "damaged": damaged}


def _files() -> dict[str, int]:
    """The size of each file in the folder of blobs, temporary ones included."""
    folder = Path(settings.STORAGES["blobs"]["OPTIONS"]["location"])
    return {str(file.relative_to(folder)): file.stat().st_size for file in folder.rglob("*") if file.is_file()}


def orphans() -> int:
    """How many files no row protects: what killed processes leave behind, for the sweeper to take."""
    return len(_files()) - Blob.objects.count()


def shown_keys() -> dict[str, list[str]]:
    """The keys of the items that each server still shows, according to the placements."""
    keys: dict[str, list[str]] = {}
    for placement in _placements().filter(gone_on__isnull=True).exclude(folder__startswith=FOLDER):
        keys.setdefault(placement.mailbox.email_address, []).append(placement.server_key)
    return {address: sorted(found) for address, found in keys.items()}


def servers_state(sandbox: SandboxProcess) -> World:
    """What lies in which folder of every mailbox, inside and outside, without what a server invents."""
    return {
        box["address"]: sorted(_item(item) for item in sandbox.items(box["address"])) for box in sandbox.mailboxes()
    }


def _item(item: dict[str, Any]) -> list[Any]:
    message_id = re.sub(r"<\w+@sandbox\.test>", "<of the server>", item["message_id"])
    return [item["folder"], message_id, item["subject"], item["categories"], item["is_read"], item["is_draft"]]


def differences(expected: World, found: World, path: str = "") -> list[str]:
    """What differs, as sentences; [] if nothing does."""
    said: list[str] = []
    for key in sorted(expected.keys() | found.keys()):
        one, other = expected.get(key), found.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            said += differences(one, other, f"{path}{key}: ")
        elif one != other:
            said += _difference(f"{path}{key}", one, other)
    return said


def _difference(name: str, expected: Any, found: Any) -> list[str]:
    if not isinstance(expected, list) or not isinstance(found, list):
        return [f"{name}: expected {expected!r}, found {found!r}"]
    wanted, there = Counter(map(repr, expected)), Counter(map(repr, found))
    return [f"{name}: missing {one}" for one in (wanted - there).elements()] + [
        f"{name}: too much {one}" for one in (there - wanted).elements()
    ]


def with_unknown(world: World, message_id: str) -> World:
    """The world in which nobody knows whether this mail was sent."""
    world = copy.deepcopy(world)
    for email in world["emails"]:
        if email["message_id"] == message_id:
            email.update(status_code=EmailStatus.SENDING, delivery_state=DeliveryState.UNKNOWN, sent=False)
    for party in world["parties"]:
        if party[0] == message_id:
            party[-1] = RecipientState.NOT_SENT
    world["parties"].sort(key=str)
    for event in world["events"]:
        if event[:2] == [EventKind.EMAIL_SENT, message_id]:
            event[0] = EventKind.EMAIL_UNKNOWN.value
    world["events"].sort()
    return world


def without(servers: World, message_id: str) -> World:
    """The servers if this mail has never left; addresses outside exist as soon as something came."""
    left = {address: [item for item in items if item[1] != message_id] for address, items in servers.items()}
    return {address: items for address, items in left.items() if items or address.endswith("@us.test")}
