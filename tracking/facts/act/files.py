"""The files of an appointment of ours as values; and which contents are kept although no record has them (10.3.8)."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from profiles.act_items import Attached, TakesFile, Value
from profiles.connectors.base import Cause, ItemRejected
from tracking.crm.models import Appointment, AppointmentAttachment, Blob
from tracking.crm.storage import read
from tracking.decide.act_values import from_json
from tracking.decide.files import by_name
from tracking.facts.act.kinds import Record
from tracking.models import RecycledItem, SyncConflict


def files_of(record: Appointment, takes_file: TakesFile) -> tuple[Attached, ...]:
    """All files, sorted by name; those that are left out without what is in them (5.19). Read it with its attachments."""
    rows = sorted(record.attachments.all(), key=lambda one: one.file_name)
    return tuple(_attached(one, is_taken=takes_file(one.file_name, one.file_size)) for one in rows)


def all_files(record: Record) -> dict[str, Value]:
    """All files of a record that is about to be deleted, whether or not files are synchronized (law 9)."""
    if not isinstance(record, Appointment) or not record.attachments.all():
        return {}
    return {"attachments": files_of(record, lambda *_: True)}


def _attached(row: AppointmentAttachment, *, is_taken: bool) -> Attached:
    if not is_taken:
        return Attached(row.file_name, "", row.file_size, row.mime_type)
    content = partial(_content, row.file_name, row.blob_id)
    return Attached(row.file_name, row.blob_id, row.file_size, row.mime_type, content)


def _content(name: str, digest: str) -> bytes:
    try:
        return read(digest)
    except FileNotFoundError:
        raise ItemRejected(
            f"attachments: the file “{name}” is missing in the storage. Remove it from the appointment, or put it back.",
            remedy="Remove it from the appointment, or restore the storage.",
            cause=Cause.ITEM,
        ) from None


def still_kept(value: Value) -> tuple[Attached, ...]:
    """Those of these files whose content is still there."""
    files = by_name(value)
    there = set(Blob.objects.filter(pk__in=[one.digest for one in files.values()]).values_list("pk", flat=True))
    return tuple(one for one in files.values() if one.digest in there)


def contents_kept(now: datetime) -> set[str]:
    """The digests of files that were overwritten or deleted and can still be taken back (10.1 h, law 9)."""
    conflicts = SyncConflict.objects.filter(field="attachments", undone_on=None)
    values = [value for both in conflicts.values_list("ours", "theirs") for value in both]
    deleted = RecycledItem.objects.filter(expires_on__gt=now, snapshot__fields__attachments__isnull=False)
    values += deleted.values_list("snapshot__fields__attachments", flat=True)
    return {one.digest for value in values for one in by_name(from_json(value)).values() if one.digest}
