"""What a connector promises for appointments, contacts and tasks (10), beside `base.MailSource` and `base.Outbox`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from profiles.act_items import Fields, Item, ItemKind, ItemPage, Notify, Written
from profiles.items import Missing


class ItemStore(Protocol):
    """One person's calendar, contacts or tasks. Errors are those of `base`; no others leave a connector (law 8).

    The files of appointments, not of series, are read and written by a store that was opened for it: "attachments" set
    on an item are all its files afterwards, but for those that are left out, which stay. Nobody is mailed about files.
    """

    def changes(self, kind: ItemKind, cursor: str) -> Iterator[ItemPage]:
        """Pages of what changed since `cursor` ("" = everything), as `MailSource.changes`. One request when idle. Raises
        ResyncRequired where the cursor is no longer known."""
        ...

    def fetch(self, kind: ItemKind, keys: Sequence[str], *, files: bool = False) -> Iterator[Item | Missing]:
        """The items as they are now, in the order of `keys`, one result for each; of a series the whole of it, under the
        key of its master; the `files` of appointments only where they are asked for. One bad item gives `Missing`, never an
        exception for the others."""
        ...

    def find(self, kind: ItemKind, marks: Sequence[str]) -> dict[str, str]:
        """The keys of the items that bear these marks of ours, by mark: before a create is repeated (law 7)."""
        ...

    def find_by_uid(self, uids: Sequence[str]) -> dict[str, str]:
        """The keys of the appointments of this calendar that have these uids, by uid; of several with the same, one."""
        ...

    def create(self, kind: ItemKind, mark: str, fields: Fields, notify: Notify) -> Written:
        """Create one item that bears our mark. Raises ItemRejected naming the field, OutcomeUnknown when the line broke after
        the request had gone: `find` tells whether it was done."""
        ...

    def update(self, kind: ItemKind, key: str, version: str, fields: Fields, notify: Notify) -> Written:
        """Set these fields, and no others, on the version that was read. None takes a field away. Raises Conflict when the
        item is no longer that version, ItemRejected, OutcomeUnknown; FileNotFoundError never: a missing item is ItemRejected
        with cause ITEM."""
        ...

    def update_occurrence(self, key: str, original_start: datetime, fields: Fields, notify: Notify) -> Written:
        """Make one occurrence of the series `key` differ from it; the answer is that of the series afterwards."""
        ...

    def delete_occurrence(self, key: str, original_start: datetime, notify: Notify) -> Written:
        """Take one occurrence out of the series."""
        ...

    def mark(self, kind: ItemKind, key: str, version: str, mark: str) -> Written:
        """Put our mark on an item that a person made; nobody is mailed. Raises Conflict."""
        ...

    def delete(self, kind: ItemKind, key: str, notify: Notify) -> None:
        """Delete the item, so that it can be found in Deleted Items where there are such; what is gone counts as deleted."""
        ...

    def would_notify(self, before: Item | None, fields: Fields, notify: Notify) -> frozenset[str]:
        """The addresses that the server would mail about this write (`before` None = a create; `fields` empty = a
        deletion), if nobody is spared: asks nothing of the server. A server that mails whatever is asked of it (Graph)
        answers for NOBODY as well, so that the write can be held back (10.2)."""
        ...

    def close(self) -> None:
        """Leave politely; never raises."""
        ...
