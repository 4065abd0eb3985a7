"""The files of an appointment: shown, handed out, and chosen in its form (10.3.8, 5.19)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from mailboxes.models.settings import current_policy
from profiles.act_items import Attached
from profiles.connectors.mime.filenames import distinct_names, name_to_save
from serversync.console import compose_files
from serversync.console.calendar_desk import Desk
from serversync.console.contents import as_attachment
from tracking.crm.models import Appointment, AppointmentAttachment, Blob
from tracking.crm.storage import digest_of, read
from tracking.decide.act_values import agreed_from_json
from tracking.decide.files import by_name
from tracking.facts.calendar.pairs import Pair
from tracking.keep.contents import left_out_because

_OFF = "Files of appointments are not synchronized."
SERIES = "A recurring appointment has no files. Take them out, or let it not repeat."


@dataclass(frozen=True, slots=True)
class Shown:
    """A file as the page of its appointment names it; without a number it is on Exchange only."""

    name: str
    size: int
    number: int | None = None
    note: str = ""


@dataclass
class Chosen:
    """The files of a form: those that are kept, those that were uploaded, and what is wrong. `after` are all files of the
    appointment once it is saved, None where the form says nothing about files."""

    listed: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    after: tuple[Attached, ...] | None = None
    limit: int = 0


def shown(record: Any, own: Pair | None) -> list[Shown]:
    """The files of an appointment here, then those that stay on Exchange, each with the reason (5.19)."""
    if not isinstance(record, Appointment):
        return []
    policy = current_policy()
    is_on = policy.is_appointment_attachment_sync_enabled and record.series_id is None
    rows = AppointmentAttachment.objects.filter(appointment=record)
    found = []
    for row in rows:
        because = left_out_because(row.file_name, row.file_size, policy) if is_on else _OFF if own is not None else ""
        found.append(Shown(row.file_name, row.file_size, row.pk, f"Stays here. {because}" if because else ""))
    there = by_name(agreed_from_json(own.row.agreed).exchange.get("attachments")) if own is not None and is_on else {}
    here = {one.name for one in found}
    for name, one in there.items():
        if one.is_left_out and name not in here:
            because = left_out_because(name, one.size, policy) or "It could not be read there."
            found.append(Shown(name, one.size, None, f"Stays on Exchange. {because}"))
    return found


def download(desk: Desk, kind: str, pk: UUID, number: int) -> HttpResponse:
    """One file, saved and never opened. Whoever may read the appointment may have it."""
    record = desk.record(kind, pk)
    if not isinstance(record, Appointment):
        raise Http404("This item has no files.")
    if not desk.reads_record(record):
        raise PermissionDenied("What it says is not yours to read, and neither are its files.")
    found = get_object_or_404(AppointmentAttachment, appointment=record, pk=number)
    desk.note_reading(record)
    try:
        content = read(found.blob_id)
    except FileNotFoundError:
        raise Http404("This file is missing in the storage.") from None
    return as_attachment(content, found.mime_type, name_to_save(found.file_name, f"file-{number}"))


def chosen(desk: Desk, record: Any) -> Chosen:
    """What the form says about files: all that are there at first, then what stayed chosen and what was uploaded."""
    policy, request = current_policy(), desk.request
    rows = list(AppointmentAttachment.objects.filter(appointment=record)) if isinstance(record, Appointment) else []
    if request.method != "POST" or "has_files" not in request.POST:
        return Chosen([_kept(one) for one in rows], limit=policy.max_upload_file_size)
    stay = set(request.POST.getlist("keep"))
    known, problems = compose_files.named(request.POST.getlist("file"), request.user)
    uploaded, refused = compose_files.take_in(request.FILES.getlist("files"), policy, request.user, timezone.now())
    new, gone = compose_files.named([one.word for one in uploaded], request.user)
    known += new
    there = Blob.objects.in_bulk([digest_of(content.content) for _, content in known])
    lost = [file for file, content in known if digest_of(content.content) not in there]  # a part of an email, forged
    known = [(file, content) for file, content in known if file not in lost]
    kept = [one for one in rows if str(one.pk) in stay]
    names = distinct_names([*(one.file_name for one in kept), *(file.name for file, _ in known)])
    files = [Attached(one.file_name, one.blob_id, one.file_size, one.mime_type) for one in kept]
    for name, (file, content) in zip(names[len(kept) :], known, strict=True):
        files.append(Attached(name, digest_of(content.content), file.size, file.mime_type))
    listed = [_kept(one, str(one.pk) in stay) for one in rows]
    listed += [
        {"name": one.name, "size": one.size, "field": "file", "value": one.word, "checked": True} for one, _ in known
    ]
    missing = ["A file is not here any more. Choose it again."] if problems or gone or lost else []
    return Chosen(listed, [*missing, *refused], tuple(files), policy.max_upload_file_size)


def _kept(row: AppointmentAttachment, checked: bool = True) -> dict[str, Any]:
    return {"name": row.file_name, "size": row.file_size, "field": "keep", "value": row.pk, "checked": checked}
