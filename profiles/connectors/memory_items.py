"""Appointments, contacts and tasks on a `MemoryServer`: the reference of what an `ItemStore` promises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import ClassVar

from profiles.act_items import (
    NOTHING,
    Attached,
    Fields,
    Glimpse,
    Item,
    ItemKind,
    ItemPage,
    Notify,
    Occurrence,
    TakesFile,
    Value,
    Written,
)
from profiles.connectors.base import Cause, Conflict, ItemRejected, ResyncRequired
from profiles.connectors.memory import MemoryLogin, MemoryServer
from profiles.connectors.notifying import addresses_mailed
from profiles.items import Access, Missing, Progress, no_progress

PAGE = 100
"""Items on one page."""
_TIMES = frozenset({"start", "end", "is_all_day", "time_zone", "recurrence"})


@dataclass(frozen=True, slots=True)
class MeetingMail:
    """One mail that a write to a meeting has caused."""

    address: str
    key: str
    about: str  # "request" or "cancellation"


@dataclass
class MemoryItems:
    """What one mailbox holds, and a journal of what happened to it. Its methods are what its owner does by hand."""

    held: dict[str, Item] = field(default_factory=dict)
    journal: list[tuple[ItemKind, str]] = field(default_factory=list)
    mailed: list[MeetingMail] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    reminders: dict[str, Value] = field(default_factory=dict)
    epoch: int = 0
    _numbers: int = 0

    of: ClassVar[dict[tuple[int, str], MemoryItems]] = {}

    @classmethod
    def at(cls, server: MemoryServer, address: str) -> MemoryItems:
        """Those of one address."""
        return cls.of.setdefault((id(server), address), cls())

    def put(self, kind: ItemKind, fields: Fields, **told: object) -> Item:
        """Make an item."""
        self._numbers += 1
        uid = f"uid-{self._numbers}" if kind is ItemKind.APPOINTMENT else ""
        item = Item(kind, f"i{self._numbers}", "", dict(fields), **({"uid": uid} | told))  # type: ignore[arg-type]
        return self.keep(item)

    def change(self, key: str, fields: Fields = NOTHING, **told: object) -> Item:
        """Set fields, and what else is told of an item. A series whose times change loses what differed from them."""
        item = self.held[key]
        if item.fields.get("recurrence") is not None and _TIMES & set(fields):
            told = {"changed": (), "removed": ()} | told
        set_now = {name: value for name, value in {**item.fields, **fields}.items() if value is not None}
        if "reminder" in fields:
            self.reminders.pop(key, None)
        return self.keep(replace(item, fields=set_now, **told))  # type: ignore[arg-type]

    def keep(self, item: Item) -> Item:
        """Store an item under a new version; what reminds of it is not part of it."""
        self._numbers += 1
        fields = dict(item.fields)
        if "reminder" in fields:
            self.reminders[item.key] = fields.pop("reminder")
        item = replace(item, version=f"v{self._numbers}", fields=fields)
        self.held[item.key] = item
        self.journal.append((item.kind, item.key))
        return item

    def remove(self, key: str) -> None:
        """Delete an item; what is gone is gone."""
        item = self.held.pop(key, None)
        if item is not None:
            self.journal.append((item.kind, key))

    def move(self, key: str, *, below: bool) -> Item:
        """Put an appointment into a calendar below the main one, or back: there it has another key."""
        item, reminder = self.held[key], self.reminders.get(key)
        self.remove(key)
        self._numbers += 1
        moved = self.keep(replace(item, key=f"i{self._numbers}", is_in_subfolder=below))
        if reminder is not None:
            self.reminders[moved.key] = reminder
        return moved

    def lose_cursors(self) -> None:
        """As a mailbox that was restored or moved: no cursor is known any more."""
        self.epoch += 1


class MemoryItemStore(MemoryLogin):
    """Conforms to `item_store.ItemStore`. Steps that can be made to fail: "log in", "list items", "read items", "write
    items" (before it is done) and "items answer" (after it was done)."""

    def __init__(self, access: Access, progress: Progress = no_progress, takes_file: TakesFile | None = None) -> None:
        super().__init__(access, progress)
        self._takes_file = takes_file

    def changes(self, kind: ItemKind, cursor: str) -> Iterator[ItemPage]:
        items = self._items("list items")
        known = 0
        if cursor:
            epoch, _, position = cursor.partition(":")
            if epoch != str(items.epoch):
                raise ResyncRequired("The server no longer knows this cursor.")
            known = int(position)
        end = len(items.journal)
        touched = list(dict.fromkeys(key for of, key in reversed(items.journal[known:end]) if of is kind))
        if not cursor:
            touched = [key for key in touched if key in items.held]
        for first in range(0, max(len(touched), 1), PAGE):
            keys = touched[first : first + PAGE]
            more = first + PAGE < len(touched)
            yield ItemPage(
                shown=tuple(Glimpse(key, items.held[key].version) for key in keys if key in items.held),
                gone=tuple(key for key in keys if key not in items.held),
                cursor=cursor if more else f"{items.epoch}:{end}",  # between pages: the list begins anew
                more=more,
                complete=not cursor and not more,
            )

    def fetch(self, kind: ItemKind, keys: Sequence[str], *, files: bool = False) -> Iterator[Item | Missing]:
        items = self._items("read items")
        for key in keys:
            item = items.held.get(key)
            if item is None or item.kind is not kind:
                yield Missing(key, gone=True)
            elif key in items.unreadable:
                yield Missing(key, gone=False, error="The item is corrupt.")
            else:
                yield replace(item, fields=self._told(item, self._takes_file if files else None))

    @staticmethod
    def _told(item: Item, takes: TakesFile | None) -> Fields:
        """The fields of an item, with its files only where they are asked for (10.3.8)."""
        fields = {name: value for name, value in item.fields.items() if name != "attachments"}
        if takes is None or item.kind is not ItemKind.APPOINTMENT or fields.get("recurrence") is not None:
            return fields
        files = _files(item.fields)
        told = (one if takes(one.name, one.size) else replace(one, digest="", content=None) for one in files.values())
        return {**fields, "attachments": tuple(told)}

    def _kept(self, before: Item | None, fields: Fields) -> Fields:
        """What is written, with the files that are there afterwards: what is left out stays, contents are taken along."""
        if "attachments" not in fields:
            return fields
        if self._takes_file is None:
            return {name: value for name, value in fields.items() if name != "attachments"}
        held = {} if before is None else _files(before.fields)
        after = {name: one for name, one in held.items() if not self._takes_file(name, one.size)}
        for name, one in _files(fields).items():
            if one.is_left_out or held.get(name) == one:
                after |= {name: held[name]} if name in held else {}
            elif name not in after and one.content is not None:
                after[name] = replace(one, content=partial(bytes, one.content()))
        return {**fields, "attachments": tuple(after[name] for name in sorted(after))}

    def find(self, kind: ItemKind, marks: Sequence[str]) -> dict[str, str]:
        items = self._items("list items")
        return {item.mark: item.key for item in items.held.values() if item.kind is kind and item.mark in marks}

    def find_by_uid(self, uids: Sequence[str]) -> dict[str, str]:
        items, asked = self._items("list items"), {uid for uid in uids if uid}
        return {item.uid: item.key for item in items.held.values() if item.uid in asked}

    def create(self, kind: ItemKind, mark: str, fields: Fields, notify: Notify) -> Written:
        items = self._items("write items")
        fields = self._kept(None, fields)
        item = items.put(kind, {name: value for name, value in fields.items() if value is not None}, mark=mark)
        return self._written(items, None, item, fields, notify)

    def update(self, kind: ItemKind, key: str, version: str, fields: Fields, notify: Notify) -> Written:
        items = self._items("write items")
        before = self._known(items, key)
        if before.version != version:
            raise Conflict("The item was changed meanwhile.")
        fields = self._kept(before, fields)
        return self._written(items, before, items.change(key, fields), fields, notify)

    def update_occurrence(self, key: str, original_start: datetime, fields: Fields, notify: Notify) -> Written:
        items = self._items("write items")
        before = self._known(items, key)
        others = [one for one in before.changed if one.original_start != original_start]
        held = next((one.fields for one in before.changed if one.original_start == original_start), NOTHING)
        changed = sorted([*others, Occurrence(original_start, {**held, **fields})], key=lambda one: one.original_start)
        return self._written(items, before, items.change(key, changed=tuple(changed)), fields, notify)

    def delete_occurrence(self, key: str, original_start: datetime, notify: Notify) -> Written:
        items = self._items("write items")
        before = self._known(items, key)
        changed = tuple(one for one in before.changed if one.original_start != original_start)
        removed = tuple(sorted({*before.removed, original_start}))
        after = items.change(key, changed=changed, removed=removed)
        return self._written(items, before, after, NOTHING, notify)

    def mark(self, kind: ItemKind, key: str, version: str, mark: str) -> Written:
        items = self._items("write items")
        before = self._known(items, key)
        if before.version != version:
            raise Conflict("The item was changed meanwhile.")
        return self._written(items, before, items.change(key, mark=mark), NOTHING, Notify.NOBODY)

    def delete(self, kind: ItemKind, key: str, notify: Notify) -> None:
        items = self._items("write items")
        item = items.held.get(key)
        if item is not None:
            items.remove(key)
            self._mail(items, item, item, NOTHING, notify)
        self._server().reach("items answer")

    def would_notify(self, before: Item | None, fields: Fields, notify: Notify) -> frozenset[str]:
        return addresses_mailed(before, fields, notify)

    def _items(self, step: str) -> MemoryItems:
        server = self._server()
        server.reach(step)
        return MemoryItems.at(server, self._access.address)

    @staticmethod
    def _known(items: MemoryItems, key: str) -> Item:
        if key not in items.held:
            raise ItemRejected("The item is no longer there.", cause=Cause.ITEM)
        return items.held[key]

    def _written(self, items: MemoryItems, before: Item | None, after: Item, fields: Fields, notify: Notify) -> Written:
        self._mail(items, before, after, fields, notify)
        self._server().reach("items answer")
        return Written(after.key, after.version)

    @staticmethod
    def _mail(items: MemoryItems, before: Item | None, after: Item, fields: Fields, notify: Notify) -> None:
        if after.kind is ItemKind.APPOINTMENT:
            about = "request" if fields else "cancellation"
            people = addresses_mailed(before, fields, notify)
            items.mailed += [MeetingMail(address, after.key, about) for address in sorted(people)]


def _files(fields: Fields) -> dict[str, Attached]:
    value = fields.get("attachments")
    return {one.name: one for one in value if isinstance(one, Attached)} if isinstance(value, tuple) else {}
