"""Where a message lies that the ledger does not know, and what that means (law 4). Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from profiles.items import INBOX, SENT, Sighting

_NEVER_READ = {
    "junkemail": "In Junk, which is never read, so it was never shown to us. It is judged if it is moved to the Inbox.",
    "deleteditems": "In Deleted Items, which is not read. It is judged if it is moved back to the Inbox.",
    "drafts": "In Drafts: it has not been sent.",
    "outbox": "In the Outbox: it is on its way out.",
}
NOT_THERE = "Not on the server: it lies in no folder that was looked at."


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read of a mailbox: `folders` are the ids of those with a folder rule; `obstacle` says why nothing is."""

    folders: frozenset[str] = frozenset()
    sent_items: bool = False
    start: datetime | None = None
    obstacle: str = ""


def whereabouts(seen: Sighting, reading: Reading) -> str:
    """One sighting in a sentence or two: where it is, and whether it will be read there."""
    if seen.folder in reading.folders:
        return _is_read(f"In “{seen.path}”, a tracked folder", seen, replace(reading, start=None))  # 9.3
    if seen.is_within:
        return f"In “{seen.path}”, a subfolder that is not tracked. It is judged if it is moved to the Inbox."
    if seen.kind == INBOX:
        return _is_read("In the Inbox", seen, reading)
    if seen.kind == SENT:
        return _is_read("In Sent Items", seen, reading) if reading.sent_items else "In Sent Items, which is not read."
    if seen.kind in _NEVER_READ:
        return _NEVER_READ[seen.kind]
    return f"In “{seen.path}”, a folder that is not tracked. It is judged if it is moved to the Inbox."


def _is_read(where: str, seen: Sighting, reading: Reading) -> str:
    if reading.start and seen.received_on and seen.received_on < reading.start:
        return f"{where}, but older than the start date of the mailbox ({reading.start:%Y-%m-%d %H:%M} UTC)."
    if reading.obstacle:
        return f"{where}, but the mailbox is not read: {reading.obstacle}"
    return f"{where}: it will be read with the next cycle. “Sync now” runs one at once."
