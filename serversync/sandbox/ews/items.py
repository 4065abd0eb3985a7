"""Item operations: GetItem, CreateItem, DeleteItem, MoveItem and CopyItem."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime

from serversync.sandbox.ews import appointments, files, responses, scheduling, shapes, tasks
from serversync.sandbox.ews.access import Call, Content, Found, Place, for_each
from serversync.sandbox.ews.appointments import complete_appointment
from serversync.sandbox.ews.compose import MESSAGE_FIELDS, add_missing
from serversync.sandbox.ews.fields import CLASSES, kind_of
from serversync.sandbox.ews.mapi import READ, UNSENT
from serversync.sandbox.ews.properties import read_extended, store_element
from serversync.sandbox.ews.send import keep_copy, post, sent_folder
from serversync.sandbox.ews.soap import Element, EwsError, child, inner_text, local_name, m, t
from serversync.sandbox.ews.tasks import complete_task, task_property_set
from serversync.sandbox.store import Item, MailboxStore, World

HOME = {"CalendarItem": "calendar", "Contact": "contacts", "DistributionList": "contacts", "Task": "tasks"}
FOLDER_CLASSES = {"CalendarItem": "IPF.Appointment", "Contact": "IPF.Contact", "Task": "IPF.Task"}
FOLDER_WORDS = {"CalendarItem": "Calendar", "Contact": "Contact", "Task": "Task"}
FLAGS = "x:0x0e07/Integer"  # PidTagMessageFlags: importers set it to say that a message is no draft
DELIVERY_TIME = "x:0x0e06/SystemTime"  # PidTagMessageDeliveryTime
SET_BY_SERVER = {"CalendarItem": appointments.SET_BY_SERVER, "Task": tasks.SET_BY_SERVER}
_SET_BY_SERVER = frozenset({"ItemId", "ParentFolderId", "Size", "HasAttachments", "IsDraft", "MimeContent"})


@dataclass(slots=True)
class Draft:
    """An item as a request describes it, before it is in a folder."""

    kind: str
    raw: bytes
    item_class: str
    is_read: bool = True
    categories: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def is_draft(self) -> bool:
        """Whether it is still to be sent; a message is, unless its message flags say otherwise."""
        flags = self.properties.get(FLAGS)
        return self.kind == "Message" and (flags is None or bool(int(flags) & UNSENT))


def no_items() -> Content:
    """The empty container after a refusal."""
    return [m("Items")]


def get_item(call: Call) -> list[Element]:
    """GetItem: the items with the properties of the shape; a missing one is ErrorItemNotFound by itself."""
    shape = shapes.read_shape(child(call.body, "ItemShape"))
    return for_each(
        call, call.part("ItemIds"), lambda ref: [m("Items", shapes.render(call.found(ref).item, shape))], no_items
    )


def create_item(call: Call) -> list[Element]:
    """CreateItem: SaveOnly keeps the item, SendOnly sends it, SendAndSaveCopy does both.

    Items other than messages are always kept, whatever the disposition.
    """
    disposition = call.body.get("MessageDisposition", "SaveOnly")

    def create(described: Element) -> Content:
        if local_name(described) in responses.RESPONSES:
            return responses.respond(call, described)
        if local_name(described) in scheduling.ENDINGS:
            return scheduling.end(call, described)
        draft = _read(call, described)
        if draft.kind == "Message" and disposition in ("SendOnly", "SendAndSaveCopy"):
            _send(call, draft, save=disposition == "SendAndSaveCopy")
            return [m("Items")]
        place = _home(call, draft.kind)
        if draft.kind == "CalendarItem":
            mode = scheduling.read_mode(call, "SendMeetingInvitations")
            kept = (draft.properties, draft.categories)
            return [m("Items", shapes.id_only(scheduling.create(call.world, place, *kept, mode)))]
        return [m("Items", shapes.id_only(_keep(place, draft)))]

    return for_each(call, call.part("Items"), create, no_items)


def _home(call: Call, kind: str) -> Place:
    """The folder a new item goes to: the one the request names, else the usual one of its kind."""
    named = child(call.body, "SavedItemFolderId")
    if named is not None and len(named):
        place = call.place(named[0])
        wanted = FOLDER_CLASSES.get(kind)
        if wanted and not (
            place.folder.folder_class.startswith(wanted) or place.folder.distinguished == "deleteditems"
        ):
            code = f"ErrorCannotCreate{kind}InNon{FOLDER_WORDS[kind]}Folder"
            raise EwsError(code, f"A {kind} cannot be created in the folder {place.folder.name}.")
        return place
    return Place(call.acting, call.acting.folder(HOME.get(kind, "drafts")))


def _keep(place: Place, draft: Draft) -> Item:
    received = draft.properties.get(DELIVERY_TIME)
    return place.mailbox.append(
        place.folder.id,
        draft.raw,
        draft=draft.is_draft,
        is_read=draft.is_read,
        received=datetime.fromisoformat(received) if received else None,
        item_class=draft.item_class,
        categories=draft.categories,
        properties=draft.properties,
    )


def _send(call: Call, draft: Draft, *, save: bool) -> None:
    copies = sent_folder(call, call.acting)
    raw = post(call.world, call.acting, draft.raw, draft.properties)
    if save:
        keep_copy(copies, raw, draft)


def _read(call: Call, described: Element) -> Draft:
    """The item that a `t:Message`, `t:CalendarItem` … describes. Raises EwsError."""
    kind, world, mailbox = local_name(described), call.world, call.acting
    if kind not in CLASSES:
        raise EwsError("ErrorInvalidOperation", f"Items of kind {kind} cannot be created here.")
    is_message = kind == "Message"
    raw = _start(world, mailbox, described) if is_message else b""
    draft = Draft(kind, raw, inner_text(described, "ItemClass", CLASSES[kind]) if is_message else CLASSES[kind])
    for element in described:
        _take_in(draft, element)
        if kind == "Task":
            task_property_set(draft.properties, local_name(element), world.now())
    flags = draft.properties.get(FLAGS)
    if flags is not None:
        draft.is_read = draft.is_read or bool(int(flags) & READ)
    if kind == "CalendarItem":
        complete_appointment(draft.properties, mailbox.address, world.now(), scheduling.time_zone_context(call))
    elif kind == "Task":
        complete_task(draft.properties, mailbox.address)
    elif kind == "Contact":
        draft.properties.setdefault("t:Importance", store_element(t("Importance", "Normal")))
    return draft


def _start(world: World, mailbox: MailboxStore, described: Element) -> bytes:
    """The client's MIME, else the beginning of a new message."""
    mime = child(described, "MimeContent")
    if mime is not None:
        try:
            return base64.b64decode(mime.text or "", validate=False)
        except binascii.Error as error:
            raise EwsError("ErrorMimeContentInvalidBase64String", "The MIME content is not base64.") from error
    raw = add_missing(b"", "Date", format_datetime(world.now()))
    if child(described, "From") is None:
        raw = add_missing(raw, "From", mailbox.address)
    return raw


def _take_in(draft: Draft, element: Element) -> None:
    """Put one property of the description where it belongs: raw bytes, flags, extended or other properties."""
    name = local_name(element)
    if name == "ExtendedProperty":
        key, text = read_extended(element)
        draft.properties[key] = text
    elif name == "Categories":
        draft.categories = [category.text or "" for category in element]
    elif name == "IsRead":
        draft.is_read = (element.text or "").strip() in ("true", "1")
    elif draft.kind == "Message" and name in MESSAGE_FIELDS:
        draft.raw = MESSAGE_FIELDS[name](draft.raw, element)
    elif name == "Attachments":
        files.attach(draft.properties, files.read_attachments(element))
    elif name in SET_BY_SERVER.get(draft.kind, ()):
        raise EwsError("ErrorInvalidPropertySet", f"Set action is invalid for property {name}.")
    elif name not in _SET_BY_SERVER:
        draft.properties[f"t:{name}"] = store_element(element)


def delete_item(call: Call) -> list[Element]:
    """DeleteItem: for good, or into Deleted Items under a new id; of an appointment with or without mail about it."""
    to_bin = call.body.get("DeleteType") == "MoveToDeletedItems"

    def delete(reference: Element) -> Content:
        found = call.found(reference)
        kind = kind_of(found.item)
        if kind == "CalendarItem":
            mode = scheduling.read_mode(call, "SendMeetingCancellations")
            scheduling.remove(call.world, found, mode, to_bin=to_bin)
        elif kind == "Task" and call.body.get("AffectedTaskOccurrences") is None:
            words = "AffectedTaskOccurrences attribute is required for Task items."
            raise EwsError("ErrorAffectedTaskOccurrencesRequired", words)
        elif to_bin:
            found.mailbox.move(found.item, "deleteditems")
        else:
            found.mailbox.delete(found.item)
        return []

    return for_each(call, call.part("ItemIds"), delete)


def move_item(call: Call) -> list[Element]:
    """MoveItem: the items under new ids in another folder, which may be in another mailbox."""

    def move(reference: Element) -> Content:
        found, target = _whole(call, reference), call.first_place("ToFolderId")
        if target.mailbox is found.mailbox:
            return [m("Items", shapes.id_only(found.mailbox.move(found.item, target.folder.id)))]
        copied = _copy(found.item, target)
        found.mailbox.delete(found.item)
        return [m("Items", shapes.id_only(copied))]

    return for_each(call, call.part("ItemIds"), move, no_items)


def copy_item(call: Call) -> list[Element]:
    """CopyItem: copies of the items, with ids of their own, in another folder."""

    def copy(reference: Element) -> Content:
        found, target = _whole(call, reference), call.first_place("ToFolderId")
        if target.mailbox is found.mailbox:
            return [m("Items", shapes.id_only(found.mailbox.copy(found.item, target.folder.id)))]
        return [m("Items", shapes.id_only(_copy(found.item, target)))]

    return for_each(call, call.part("ItemIds"), copy, no_items)


def _whole(call: Call, reference: Element) -> Found:
    """An item that can be moved or copied. Raises EwsError for an occurrence, which cannot leave its series."""
    found = call.found(reference)
    if found.series is not None:
        words = "An occurrence of a series cannot be moved or copied."
        raise EwsError("ErrorCalendarCannotMoveOrCopyOccurrence", words)
    return found


def _copy(item: Item, target: Place) -> Item:
    return target.mailbox.append(
        target.folder.id,
        item.raw,
        draft=item.is_draft,
        is_read=item.is_read,
        received=item.received,
        item_class=item.item_class,
        categories=item.categories,
        properties=item.properties,
    )
