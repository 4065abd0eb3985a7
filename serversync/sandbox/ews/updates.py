"""UpdateItem: setting and removing properties, with Exchange's rules for conflicts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from serversync.sandbox.ews import scheduling, shapes
from serversync.sandbox.ews.access import Call, Content, Found, for_each
from serversync.sandbox.ews.compose import MESSAGE_FIELDS
from serversync.sandbox.ews.fields import kind_of
from serversync.sandbox.ews.items import SET_BY_SERVER, no_items
from serversync.sandbox.ews.properties import Path, find_path, read_extended, set_index, store_element
from serversync.sandbox.ews.send import keep_copy, post, sent_folder
from serversync.sandbox.ews.soap import Element, EwsError, child, children, local_name, m, t
from serversync.sandbox.ews.tasks import task_property_set
from serversync.sandbox.store import Item

READ_ONLY = frozenset(
    {"ItemId", "ParentFolderId", "Size", "HasAttachments", "IsDraft", "DateTimeReceived", "MimeContent"}
)


class Edit:
    """The new values of one item, gathered before anything is changed: a refused change leaves no half of it."""

    def __init__(self, item: Item, now: datetime) -> None:
        self.kind = kind_of(item)
        self.is_message = bool(item.raw)
        self.now = now
        self.raw = item.raw
        self.is_read = item.is_read
        self.categories = list(item.categories)
        self.properties = dict(item.properties)

    def set(self, path: Path, value: Element | None) -> None:
        """Set one property to the value of its element, or remove it with None. Raises EwsError."""
        if path.key:
            self._set_extended(path.key, value)
        elif path.index:
            set_index(self.properties, path, value)
        elif path.name in READ_ONLY or path.name in SET_BY_SERVER.get(self.kind, ()):
            raise EwsError("ErrorInvalidPropertySet", f"Set action is invalid for property {path.uri}.")
        elif path.name == "Categories":
            self.categories = [category.text or "" for category in children(value)]
        elif path.name == "IsRead":
            self.is_read = value is not None and (value.text or "").strip() in ("true", "1")
        elif self.is_message and path.name in MESSAGE_FIELDS:
            self.raw = MESSAGE_FIELDS[path.name](self.raw, value)
        elif value is None:
            self.properties.pop(f"t:{path.name}", None)
        else:
            self.properties[f"t:{path.name}"] = store_element(value)
        if self.kind == "Task":
            task_property_set(self.properties, path.name, self.now)

    def _set_extended(self, key: str, value: Element | None) -> None:
        if value is None:
            self.properties.pop(key, None)
        else:
            self.properties[key] = read_extended(value)[1]


def update_item(call: Call) -> list[Element]:
    """UpdateItem: one response message per change, with the new change key; a draft can be sent in the same step."""

    def update(change: Element) -> Content:
        reference = change[0]
        found = call.found(reference)
        _check_version(call, found.item, reference.get("ChangeKey"))
        edit = Edit(found.item, call.world.now())
        for action in children(child(change, "Updates")):
            _apply(edit, action)
        if edit.kind == "CalendarItem":
            return _reschedule(call, found, edit)
        _save(found, edit)
        if call.body.get("MessageDisposition") in ("SendOnly", "SendAndSaveCopy") and found.item.is_draft:
            return _send(call, found)
        return [m("Items", shapes.id_only(found.item)), m("ConflictResults", t("Count", 0))]

    return for_each(call, call.part("ItemChanges"), update, no_items)


def _reschedule(call: Call, found: Found, edit: Edit) -> Content:
    mode = scheduling.read_mode(call, "SendMeetingInvitationsOrCancellations")
    if found.series is not None and "t:Recurrence" in edit.properties:
        raise EwsError("ErrorInvalidPropertySet", "An occurrence has no recurrence of its own.")
    scheduling.change(call.world, found, edit.properties, edit.categories, mode)
    item = found.item if found.series is None else replace(found.item, change_key=found.series.change_key)
    return [m("Items", shapes.id_only(item)), m("ConflictResults", t("Count", 0))]


def _check_version(call: Call, item: Item, change_key: str | None) -> None:
    """AlwaysOverwrite needs no change key, NeverOverwrite a current one; AutoResolve merges on any."""
    resolution = call.body.get("ConflictResolution", "AutoResolve")
    if resolution == "AlwaysOverwrite":
        return
    if not change_key:
        raise EwsError("ErrorChangeKeyRequiredForWriteOperations", "A change key is required for this operation.")
    if resolution == "NeverOverwrite" and change_key != item.change_key:
        raise EwsError(
            "ErrorIrresolvableConflict",
            "The send or update operation could not be performed because the change key passed in the request does "
            "not match the current change key for the item.",
        )


def _apply(edit: Edit, action: Element) -> None:
    path = find_path(action)
    if path is None:
        raise EwsError("ErrorSchemaValidation", "A change names no property.")
    kind = local_name(action)
    if kind == "DeleteItemField":
        edit.set(path, None)
        return
    if kind != "SetItemField" or len(action) < 2 or not len(action[1]):
        raise EwsError("ErrorUpdatePropertyMismatch", f"{kind} needs the item with exactly one property.")
    edit.set(path, action[1][0])


def _save(found: Found, edit: Edit) -> None:
    """Write what differs; only then can the journal tell a read flag from a real change."""
    item = found.item
    found.mailbox.update(
        item,
        raw=edit.raw if edit.raw != item.raw else None,
        is_read=edit.is_read if edit.is_read != item.is_read else None,
        categories=edit.categories if edit.categories != item.categories else None,
        properties=edit.properties if edit.properties != item.properties else None,
    )


def _send(call: Call, found: Found) -> Content:
    copies = sent_folder(call, found.mailbox)
    raw = post(call.world, found.mailbox, found.item.raw, found.item.properties)
    if call.body.get("MessageDisposition") == "SendAndSaveCopy":
        keep_copy(copies, raw, found.item)
    found.mailbox.delete(found.item)
    return [m("Items"), m("ConflictResults", t("Count", 0))]
