"""Which messages were removed, noted beside the database: a restored backup forgets its rows, not these files (law 12).

Each is a small file in the storage of the blobs. It names a mailbox, a message by its content key, and when; nothing of
what the message said.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core.files.storage import storages

from tracking.crm.storage import put_all

FOLDER = "removed"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Removal:
    """One message was removed from one mailbox."""

    mailbox_id: UUID
    content_key: str
    removed_on: datetime


def write_down(removals: Iterable[Removal]) -> None:
    """After the return the files survive a power cut. Call it before the commit of the rows that say the same."""
    put_all({_name(one.mailbox_id, one.content_key): _content(one) for one in removals})


def strike_out(messages: Iterable[tuple[UUID, str]]) -> None:
    """Somebody wants these messages tracked again. Call it after the commit that lets them."""
    for mailbox_id, content_key in messages:
        storages["blobs"].delete(_name(mailbox_id, content_key))


def written_down() -> Iterator[Removal]:
    """Everything that was removed and has not been wanted again. A file that cannot be read is named in the log."""
    storage = storages["blobs"]
    for folder in _listed(FOLDER)[0]:
        for name in _listed(f"{FOLDER}/{folder}")[1]:
            if name.startswith("."):  # of a process that was killed while it wrote
                continue
            try:
                with storage.open(f"{FOLDER}/{folder}/{name}") as file:
                    yield _removal(file.read())
            except (OSError, ValueError, KeyError, TypeError) as error:
                log.warning("%s/%s/%s says of no message that it was removed: %s", FOLDER, folder, name, error)


def _listed(folder: str) -> tuple[list[str], list[str]]:
    try:
        folders, files = storages["blobs"].listdir(folder)
    except FileNotFoundError:
        return [], []
    return sorted(folders), sorted(files)


def _name(mailbox_id: UUID, content_key: str) -> str:
    digest = hashlib.sha256(f"{mailbox_id}/{content_key}".encode()).hexdigest()
    return f"{FOLDER}/{digest[:2]}/{digest}"


def _content(one: Removal) -> bytes:
    said = {
        "mailbox": str(one.mailbox_id),
        "content_key": one.content_key,
        "removed_on": one.removed_on.isoformat(timespec="seconds"),
    }
    return json.dumps(said).encode()


def _removal(content: bytes) -> Removal:
    said = json.loads(content)
    return Removal(UUID(said["mailbox"]), str(said["content_key"]), datetime.fromisoformat(said["removed_on"]))
