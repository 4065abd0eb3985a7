"""The files of an appointment of ours, set to what they shall be (10.3.8)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from mailboxes.policy import Policy
from profiles.act_items import Attached, TakesFile, Value
from profiles.connectors.base import Conflict
from tracking.crm.models import Appointment, AppointmentAttachment, Blob
from tracking.crm.storage import digest_of, store
from tracking.decide.files import by_name
from tracking.keep.contents import left_out_because


def files_taken(policy: Policy) -> TakesFile | None:
    """Which files are synchronized (5.19); None where none are (10.3.8)."""
    if not policy.is_appointment_attachment_sync_enabled:
        return None
    return lambda name, size: not left_out_because(name, size, policy)


def store_contents(files: Iterable[Attached], now: datetime) -> None:
    """Before the transaction that refers to them: what is in these files, so far as it is not here yet. Raises Conflict
    where one was changed since it was listed, and ConnectorError."""
    for one in files:
        if one.is_left_out or one.content is None or Blob.objects.filter(pk=one.digest).exists():
            continue
        content = one.content()
        if digest_of(content) != one.digest:
            raise Conflict(f"The file “{one.name}” was changed meanwhile.")
        Blob.objects.bulk_create([store(content, now)], ignore_conflicts=True)


def set_files(record: Appointment, value: Value, now: datetime) -> None:
    """Make these its files; their contents are stored already. What is left out stays as it is. Raises LookupError where a
    content is not there."""
    wanted = by_name(value)
    held = {one.file_name: one for one in AppointmentAttachment.objects.filter(appointment=record)}
    for name, row in held.items():
        new = wanted.get(name)
        if new is None or (not new.is_left_out and new.digest != row.blob_id):
            row.delete()
        else:
            del wanted[name]
    files = [one for one in wanted.values() if not one.is_left_out]
    blobs = Blob.objects.in_bulk([one.digest for one in files])
    for one in files:
        if one.digest not in blobs:
            raise LookupError(f"the content of “{one.name}” is not kept any more")
    AppointmentAttachment.objects.bulk_create(
        AppointmentAttachment(
            appointment=record,
            blob=blobs[one.digest],
            file_name=one.name,
            mime_type=one.mime_type[:256],
            file_size=blobs[one.digest].size,
            created_on=now,
        )
        for one in files
    )


def set_file(record: Appointment, value: Value, now: datetime) -> None:
    """Take one file after all, in the place of the one that has its name (10.1 h). Raises LookupError where its content is
    not kept any more."""
    held = {one.file_name: Attached(one.file_name, one.blob_id) for one in record.attachments.all()}
    after = held | by_name(value)
    set_files(record, tuple(after.values()), now)
    record.save()
