"""Appointments, contacts and tasks of one mailbox on Exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from exchangelib.errors import ErrorItemNotFound, EWSError
from exchangelib.items import SEND_TO_NONE
from exchangelib.properties import ItemId
from exchangelib.util import TNS
from lxml.etree import _Element as Element

from profiles.act_items import Fields, Item, ItemKind, ItemPage, Notify, TakesFile, Value, Written
from profiles.connectors.base import (
    Cause,
    Conflict,
    ItemRejected,
    OutcomeUnknown,
    Transient,
)
from profiles.connectors.ews.act import calendar, contacts, operations, tasks
from profiles.connectors.ews.act.attachments import ATTACHMENTS, Files, at_creation, files_of
from profiles.connectors.ews.act.identity import clean_global_object_id
from profiles.connectors.ews.act.listing import Listing
from profiles.connectors.ews.act.operations import Changes, in_order
from profiles.connectors.ews.act.properties import (
    Path,
    Property,
    extended_element,
    extended_text,
    instant,
    read_all,
    write_all,
)
from profiles.connectors.ews.act.zones import NoSuchZone
from profiles.connectors.ews.errors import PARSING, surely_not_done, translate_item
from profiles.connectors.ews.filing import blocks, categories
from profiles.connectors.ews.meanings import UnreadableAnswer
from profiles.connectors.ews.operations import MARK, FindItem, Result, item, item_id, moment, text
from profiles.connectors.ews.session import EwsSession
from profiles.connectors.notifying import addresses_mailed
from profiles.items import Access, Missing, Progress, no_progress

ITEMS_AT_ONCE = 50
_MARK = Path.extended(MARK)
_COMMON = (Path.field("item:Categories"), Path.field("item:LastModifiedTime"), _MARK)
_UID, _PARENT = Path.field("calendar:UID"), Path.field("item:ParentFolderId")
_OCCURRENCE = tuple(Path.field(f"calendar:{name}") for name in ("UID", "Start", "OriginalStart", "CalendarItemType"))
_ON_CREATE = {Notify.NOBODY: SEND_TO_NONE, Notify.ALL: "SendToAllAndSaveCopy", Notify.CHANGED: "SendToAllAndSaveCopy"}
_ON_UPDATE = {
    Notify.NOBODY: SEND_TO_NONE,
    Notify.ALL: "SendToAllAndSaveCopy",
    Notify.CHANGED: "SendToChangedAndSaveCopy",
}

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Kind:
    """Where items of a kind lie, as which element they are written, and their properties."""

    folder: str
    tag: str
    properties: tuple[Property, ...]
    asked: tuple[Path, ...] = ()
    written: tuple[Property, ...] = ()
    below: str = ""  # the class of the folders below it that are part of it

    @property
    def paths(self) -> tuple[Path, ...]:
        return (*_COMMON, *self.asked, *(path for one in self.properties for path in one.asked))


_KINDS: Mapping[ItemKind, _Kind] = {
    ItemKind.APPOINTMENT: _Kind(
        "calendar",
        "t:CalendarItem",
        calendar.PROPERTIES,
        (*calendar.ASKED, _PARENT),
        calendar.WRITTEN,
        below="IPF.Appointment",
    ),
    ItemKind.CONTACT: _Kind("contacts", "t:Contact", contacts.PROPERTIES),
    ItemKind.TASK: _Kind("tasks", "t:Task", tasks.PROPERTIES, written=tasks.WRITTEN),
}


class EwsItemStore:
    """An ItemStore over EWS: the calendar with those below it, the contacts and the tasks that every mailbox has. Keys are
    item ids, versions are ChangeKeys, the cursor holds Exchange's synchronization states (`listing`)."""

    def __init__(self, access: Access, progress: Progress = no_progress, takes_file: TakesFile | None = None) -> None:
        self._session = EwsSession(access, progress)
        self._listings = {kind: Listing(self._session, of.folder, of.below) for kind, of in _KINDS.items()}
        self._files = None if takes_file is None else Files(self._session, takes_file, self._carried_out)

    def changes(self, kind: ItemKind, cursor: str) -> Iterator[ItemPage]:
        """Pages of at most 256 changes; one request for each folder when idle. A series is shown as one item."""
        return self._listings[kind].changes(cursor)

    def fetch(self, kind: ItemKind, keys: Sequence[str], *, files: bool = False) -> Iterator[Item | Missing]:
        """In blocks of 50; what differs within series costs one more request for each block."""
        asked = self._files if files and kind is ItemKind.APPOINTMENT else None
        for block in blocks(keys, ITEMS_AT_ONCE):
            yield from self._fetched(kind, block, asked)

    def find(self, kind: ItemKind, marks: Sequence[str]) -> dict[str, str]:
        """One request for each mark and folder: only asked after an interruption."""
        found: dict[str, str] = {}
        for folder in self._listings[kind].folders(all_of_now=True):
            for mark in [one for one in marks if one not in found]:
                with self._session.talking():
                    one = self._session.new(FindItem).ask(folder, mark)
                if one is not None:
                    found[mark] = one.id
            if len(found) == len(set(marks)):
                break
        return found

    def find_by_uid(self, uids: Sequence[str]) -> dict[str, str]:
        """One request for fifty meetings and each folder."""
        found: dict[str, str] = {}
        wanted = {clean_global_object_id(uid): uid for uid in uids if uid}
        for folder in self._listings[ItemKind.APPOINTMENT].folders(all_of_now=False) if wanted else ():
            for block in blocks([clean for clean, uid in wanted.items() if uid not in found], ITEMS_AT_ONCE):
                with self._session.talking():
                    for one in self._session.new(operations.FindMeetings).ask(folder, block, (_UID,)):
                        uid = wanted.get(clean_global_object_id(text(one, "UID")))
                        if uid is not None:
                            found.setdefault(uid, item_id(one).id)
        return found

    def create(self, kind: ItemKind, mark: str, fields: Fields, notify: Notify) -> Written:
        """Create one item with our mark."""
        of = _KINDS[kind]
        changes = [(_MARK, extended_element(MARK, mark)), *_changes(kind, fields)]
        elements = [found for _, found in changes if found is not None]
        files, others = at_creation(fields.get("attachments") if self._files else None)
        elements = in_order([*elements, *files])
        written = self._written(
            lambda: self._session.new(operations.CreateOne).ask(
                self._session.folder(of.folder), of.tag, elements, _ON_CREATE[notify]
            )
        )
        if others:
            written, refused = self._with_files(written.key, written.version, fields)
            if refused is not None:
                raise refused
        return written

    def update(self, kind: ItemKind, key: str, version: str, fields: Fields, notify: Notify) -> Written:
        """Set these fields. What makes up the time of an appointment is completed by what the item has now."""
        changes = _changes(kind, self._with_times(key, fields) if kind is ItemKind.APPOINTMENT else fields)
        found, refused = self._with_files(key, version, fields)  # first: mail about the rest has them
        if changes:
            found = self._update(kind, ItemId(id=found.key, changekey=found.version), changes, notify)
        if refused is not None:
            raise refused
        return found

    def update_occurrence(self, key: str, original_start: datetime, fields: Fields, notify: Notify) -> Written:
        """Change one occurrence, which is looked up in the calendar by the start it would have had."""
        occurrence = self._occurrence(key, original_start)
        changes = _changes(ItemKind.APPOINTMENT, self._with_times(occurrence.id, fields))
        self._update(ItemKind.APPOINTMENT, occurrence, changes, notify)
        return self._as_it_is(key)

    def delete_occurrence(self, key: str, original_start: datetime, notify: Notify) -> Written:
        """Delete one occurrence; it is in no calendar any more, and the series remembers it."""
        occurrence = self._occurrence(key, original_start)
        self._carried_out(lambda: self._session.new(operations.DeleteOne).ask(occurrence.id, _ON_CREATE[notify]))
        return self._as_it_is(key)

    def mark(self, kind: ItemKind, key: str, version: str, mark: str) -> Written:
        """Put our mark on an item that somebody made."""
        changes = [(_MARK, extended_element(MARK, mark))]
        return self._update(kind, ItemId(id=key, changekey=version), changes, Notify.NOBODY)

    def delete(self, kind: ItemKind, key: str, notify: Notify) -> None:
        """Move to Deleted Items."""
        try:
            self._carried_out(lambda: self._session.new(operations.DeleteOne).ask(key, _ON_CREATE[notify]))
        except _Gone:
            return

    def would_notify(self, before: Item | None, fields: Fields, notify: Notify) -> frozenset[str]:
        """Exchange does as it is told."""
        return addresses_mailed(before, fields, notify)

    def close(self) -> None:
        """Leave the connections to other mailboxes of the same account, or close them."""
        self._session.close()

    # Reading

    def _fetched(self, kind: ItemKind, keys: Sequence[str], files: Files | None = None) -> list[Item | Missing]:
        """One result per key. If the server fails over the block, each item is asked for alone (law 5)."""
        paths = (*_KINDS[kind].paths, *((ATTACHMENTS,) if files is not None else ()))
        try:
            with self._session.talking():
                results = self._session.new(operations.GetItems).ask(keys, paths)
            differing = self._differing(results) if kind is ItemKind.APPOINTMENT else {}
        except (ItemRejected, UnreadableAnswer) as error:
            if len(keys) > 1:
                return [found for key in keys for found in self._fetched(kind, [key], files)]
            return [Missing(keys[0], gone=False, error=error.words or str(error))]
        return [self._read(kind, key, result, differing, files) for key, result in zip(keys, results, strict=True)]

    def _differing(self, results: Sequence[Result]) -> dict[str, Result]:
        """The occurrences that differ from their series, of all series of a block."""
        with self._session.talking():
            series = [item(result) for result in results if not isinstance(result, EWSError)]
            keys = [key for one in series for key in calendar.exceptions(one)]
        found: dict[str, Result] = {}
        for block in blocks(keys, ITEMS_AT_ONCE):
            with self._session.talking():
                answers = self._session.new(operations.GetItems).ask(block, _KINDS[ItemKind.APPOINTMENT].paths)
            found.update(zip(block, answers, strict=True))
        return found

    def _read(
        self, kind: ItemKind, key: str, result: Result, differing: Mapping[str, Result], files: Files | None
    ) -> Item | Missing:
        refusal = result if isinstance(result, EWSError) else _refusal(result, differing)
        if refusal is not None:
            return self._missing(key, refusal)
        try:
            found = self._item(kind, item(result), differing)
            if files is None or isinstance(found, Missing) or found.fields.get("recurrence") is not None:  # 10.3.8
                return found
            return replace(found, fields={**found.fields, "attachments": files.read(item(result))})
        except NoSuchZone as unknown:
            return Missing(key, gone=False, error=str(unknown))
        except Transient as error:  # a file: this item alone waits for it (law 5)
            return Missing(key, gone=False, error=f"{error} {error.words}".strip())
        except PARSING:
            return Missing(key, gone=False, error="What Exchange says about the item could not be read.")

    def _item(self, kind: ItemKind, found: Element, differing: Mapping[str, Result]) -> Item | Missing:
        found_id, folder, is_appointment = item_id(found), _folder_of(found), kind is ItemKind.APPOINTMENT
        is_elsewhere = self._listings[kind].is_elsewhere(folder)
        if is_appointment and (is_elsewhere or not calendar.is_series_or_single(found)):
            return Missing(found_id.id, gone=True)
        one = Item(
            kind=kind,
            key=found_id.id,
            version=found_id.changekey or "",
            fields=calendar.read_fields(found) if is_appointment else read_all(_KINDS[kind].properties, found),
            mark=extended_text(found, MARK),
            categories=tuple(categories(found)),
            modified_on=moment(found, "LastModifiedTime"),
            is_in_subfolder=self._listings[kind].is_below(folder),
        )
        return calendar.with_series(one, found, lambda key: _shown(differing.get(key))) if is_appointment else one

    def _missing(self, key: str, refusal: EWSError) -> Missing:
        if isinstance(refusal, ErrorItemNotFound):
            return Missing(key, gone=True)
        error = translate_item(refusal, self._session.access)
        if not isinstance(error, ItemRejected | UnreadableAnswer | Conflict):
            raise error from None
        return Missing(key, gone=False, error=error.words or str(error))

    # Writing

    def _with_files(self, key: str, version: str, fields: Fields) -> tuple[Written, ItemRejected | None]:
        if self._files is None or "attachments" not in fields:
            return Written(key, version), None
        found, refused = self._files.write(ItemId(id=key, changekey=version), files_of(fields["attachments"]))
        return Written(found.id, found.changekey or ""), refused

    def _with_times(self, key: str, fields: Fields) -> Fields:
        asked = [name for name in calendar.TIMES if name in fields]
        if not asked or len(asked) == len(calendar.TIMES):
            return fields
        with self._session.talking():
            [result] = self._session.new(operations.GetItems).ask([key], calendar.ASKED)
            if isinstance(result, EWSError):
                raise result
            return {**calendar.read_times(item(result)), **fields}

    def _update(self, kind: ItemKind, found: ItemId, changes: Changes, notify: Notify) -> Written:
        return self._written(
            lambda: self._session.new(operations.UpdateOne).ask(found, _KINDS[kind].tag, changes, _ON_UPDATE[notify])
        )

    def _written(self, ask: Callable[[], ItemId]) -> Written:
        found = self._carried_out(ask)
        return Written(found.id, found.changekey or "")

    def _carried_out(self, ask: Callable[[], Answer]) -> Answer:
        """Around every write. Raises OutcomeUnknown where the line broke and nobody knows whether it was done."""
        try:
            with self._session.talking():
                try:
                    return ask()
                except ErrorItemNotFound:
                    raise _Gone("The item is not there any more.", cause=Cause.ITEM) from None
        except Transient as error:
            if surely_not_done(error):
                raise
            message = f"Whether it was done is not known. {error}"
            raise OutcomeUnknown(message, words=error.words, remedy=error.remedy, cause=error.cause) from error

    # Series

    def _occurrence(self, key: str, original_start: datetime) -> ItemId:
        """The occurrence of a series that begins at this time, or would begin then had nobody moved it."""
        series = next(iter(self._fetched(ItemKind.APPOINTMENT, [key])))
        if isinstance(series, Missing):
            raise ItemRejected("The series is not there any more.", words=series.error, cause=Cause.ITEM)
        with self._session.talking():
            [result] = self._session.new(operations.GetItems).ask([key], _KINDS[ItemKind.APPOINTMENT].asked)
            if isinstance(result, EWSError):
                raise result
            for one in item(result).iterfind(f"{{{TNS}}}ModifiedOccurrences/{{{TNS}}}Occurrence"):
                if moment(one, "OriginalStart") == original_start:
                    return self._with_version(item_id(one).id)
            until = instant(original_start + timedelta(seconds=1))
            folder = self._session.folder(_folder_of(item(result)) or "calendar")
            found = self._session.new(operations.FindOccurrence).ask(
                folder, instant(original_start), until, _OCCURRENCE
            )
        for one in found:
            if text(one, "UID") == series.uid and moment(one, "Start") == original_start:
                return item_id(one)
        raise ItemRejected(
            f"The series has no occurrence on {original_start:%Y-%m-%d %H:%M} UTC.",
            remedy="Read the series again.",
            cause=Cause.ITEM,
        )

    def _with_version(self, key: str) -> ItemId:
        [result] = self._session.new(operations.GetItems).ask([key], _OCCURRENCE)
        if isinstance(result, EWSError):
            raise result
        return item_id(item(result))

    def _as_it_is(self, key: str) -> Written:
        with self._session.talking():
            [result] = self._session.new(operations.GetItems).ask([key], _OCCURRENCE)
            if isinstance(result, EWSError):
                raise result
            found = item_id(item(result))
        return Written(found.id, found.changekey or "")


class _Gone(ItemRejected):
    """The item is not there any more."""


def _refusal(series: Element, differing: Mapping[str, Result]) -> EWSError | None:
    """Why one of the occurrences that differ cannot be read: without it the series would look as if nobody had changed it.
    One that has gone meanwhile is none."""
    answers = (differing.get(key) for key in calendar.exceptions(item(series))) if differing else ()
    refused = (one for one in answers if isinstance(one, EWSError) and not isinstance(one, ErrorItemNotFound))
    return next(refused, None)


def _shown(answer: Result | None) -> Element | None:
    return None if answer is None or isinstance(answer, EWSError) else item(answer)


def _changes(kind: ItemKind, fields: Fields) -> list[tuple[Path, Element | None]]:
    changes = write_all((*_KINDS[kind].properties, *_KINDS[kind].written), fields)
    if kind is ItemKind.APPOINTMENT and any(name in fields for name in calendar.TIMES):
        told: dict[str, Value] = {"is_all_day": False, "time_zone": "UTC", "start": None, "end": None}
        changes += calendar.write_times({**told, **fields})
    return changes


def _folder_of(found: Element) -> str:
    """The key of the folder in which an item lies."""
    parent = found.find(f"{{{TNS}}}ParentFolderId")
    return "" if parent is None else parent.get("Id", "")
