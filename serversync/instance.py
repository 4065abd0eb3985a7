"""Which installation this is, and whether the database is its own: a copy or a restored backup must not touch servers.

The id lives outside the database, in `VAR_DIR/instance-id` or the setting INSTANCE_ID; the database remembers the id of
the installation that last ran on it. Where they differ, every leg is held until an administrator says which case it is.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from django.conf import settings
from django.db import transaction

from mailboxes import brake
from mailboxes.models import Organization
from tracking.crm import delivery
from tracking.keep.untrack import untrack_what_was_removed

FILE = "instance-id"
UNSENT = {
    "restored": "The database was restored from a backup, in which this had not been sent. It may have left after the "
    "backup was made. Ask a recipient, then say that it did arrive or send it again.",
    "copy": "This is a copy of another installation, which sends this email itself. Send it again only to try that.",
}
COPY = "copy: this database was taken from another installation, for tests"


class ThisIs(StrEnum):
    """What a database that another installation used last may be."""

    RESTORED = "restored"  # this is the real one from now on
    COPY = "copy"  # the real one runs elsewhere


class NothingHeld(Exception):
    """There is nothing to confirm: the database is known to be this installation's own."""


def instance_id() -> str:
    """The id of this installation, at most 64 characters; made and kept at the first call."""
    return (settings.INSTANCE_ID or _kept_id(Path(settings.VAR_DIR) / FILE))[:64]


def _kept_id(file: Path) -> str:
    if not file.exists():
        aside = file.with_name(f".{FILE}.{secrets.token_hex(6)}")
        aside.write_text(secrets.token_hex(16) + "\n")
        with contextlib.suppress(FileExistsError):  # another process was faster: its id counts
            os.link(aside, file)
        aside.unlink()
    return file.read_text().strip()


def recognise(now: datetime) -> bool:
    """Compare the ids, once per process and before any work. False when the database is held.

    A database that nobody has used yet becomes ours. One that another installation used last is held.
    """
    own = instance_id()
    organization, _ = Organization.objects.get_or_create(pk=1, defaults={"instance_id": own})
    if not organization.instance_id:
        Organization.objects.filter(instance_id="").update(instance_id=own)
        organization.refresh_from_db()
    if organization.instance_id != own and organization.held_on is None:
        brake.hold(now)
        return False
    return organization.held_on is None


def confirm(this_is: ThisIs, by: brake.Person, now: datetime) -> int:
    """A person says what the held database is; it is ours from now on. Returns how many emails became "unknown".

    What had not been sent is for people to settle: after the backup, or by the original, it may have left. What was
    untracked after the backup is untracked again.
    Restored: work goes on. Copy: the organization is paused, so that no server hears of the copy before somebody
    resumes. Raises NothingHeld.
    """
    with transaction.atomic():
        ours = {"instance_id": instance_id(), "held_on": None}
        if not Organization.objects.filter(held_on__isnull=False).update(**ours):
            raise NothingHeld
        unknown = delivery.doubt_everything_unsent(UNSENT[this_is], now)
        untrack_what_was_removed(now)  # law 12
        brake.release(now)
        if this_is is ThisIs.COPY:
            brake.pause(brake.Scope(), COPY, by, now)
        return unknown
