"""The EWS operations that appointments, contacts and tasks need: each call is one request."""

from __future__ import annotations

from collections.abc import Sequence

from exchangelib import services
from exchangelib.items import MOVE_TO_DELETED_ITEMS, SAVE_ONLY
from exchangelib.properties import FolderId, ItemId
from exchangelib.services.common import folder_ids_element
from exchangelib.util import MNS, TNS, add_xml_child, create_element
from lxml.etree import _Element as Element

from profiles.connectors.ews.act.identity import CLEAN_ID
from profiles.connectors.ews.act.properties import Path
from profiles.connectors.ews.operations import OneRequest, Result, item, item_id, text

Changes = Sequence[tuple[Path, Element | None]]


class GetItems(OneRequest, services.GetItem):
    """Properties of items, bodies as plain text."""

    def ask(self, keys: Sequence[str], paths: Sequence[Path]) -> list[Result]:
        """These properties of each item."""
        payload = create_element("m:GetItem")
        payload.append(_shape("m:ItemShape", paths, body_as_text=True))
        ids = create_element("m:ItemIds")
        for key in keys:
            ids.append(create_element("t:ItemId", attrs={"Id": key}))
        payload.append(ids)
        return self.results(payload, len(keys))


class CreateOne(OneRequest, services.CreateItem):
    """Creation."""

    def ask(self, folder: FolderId, tag: str, elements: Sequence[Element], invitations: str) -> ItemId:
        """Create one item; `tag` is its kind of element."""
        attributes = {"MessageDisposition": SAVE_ONLY, "SendMeetingInvitations": invitations}
        payload = create_element("m:CreateItem", attrs=attributes)
        payload.append(folder_ids_element([folder], self.account.version, tag="m:SavedItemFolderId"))
        created = create_element(tag)
        created.extend(merged(elements))
        items = create_element("m:Items")
        items.append(created)
        payload.append(items)
        return item_id(item(self.result(payload)))


class UpdateOne(OneRequest, services.UpdateItem):
    """Change of one item, as the version that was read."""

    def ask(self, found: ItemId, tag: str, changes: Changes, invitations: str) -> ItemId:
        """Set or take away properties. The answer has the item's new version."""
        attributes = {
            "ConflictResolution": "NeverOverwrite",
            "MessageDisposition": SAVE_ONLY,
            "SendMeetingInvitationsOrCancellations": invitations,
            "SuppressReadReceipts": "true",
        }
        payload = create_element("m:UpdateItem", attrs=attributes)
        change = create_element("t:ItemChange")
        change.append(create_element("t:ItemId", attrs={"Id": found.id, "ChangeKey": found.changekey}))
        updates = create_element("t:Updates")
        for path, element in changes:
            updates.append(_update(path, tag, element))
        change.append(updates)
        all_changes = create_element("m:ItemChanges")
        all_changes.append(change)
        payload.append(all_changes)
        return item_id(item(self.result(payload)))


class DeleteOne(OneRequest, services.DeleteItem):
    """Deletion into Deleted Items."""

    def ask(self, key: str, cancellations: str) -> None:
        """Delete one item."""
        self.result(self.get_payload([ItemId(id=key)], MOVE_TO_DELETED_ITEMS, cancellations, "AllOccurrences", True))


class FindOccurrence(OneRequest, services.FindItem):
    """Looking at a stretch of the calendar, in which series are spread out."""

    def ask(self, folder: FolderId, start: str, end: str, paths: Sequence[Path]) -> list[Element]:
        """What happens between two moments."""
        payload = create_element("m:FindItem", attrs={"Traversal": "Shallow"})
        payload.append(_shape("m:ItemShape", paths))
        payload.append(create_element("m:CalendarView", attrs={"StartDate": start, "EndDate": end}))
        payload.append(folder_ids_element([folder], self.account.version, tag="m:ParentFolderIds"))
        found = self.result(payload).find(f"{{{MNS}}}RootFolder/{{{TNS}}}Items")
        return [] if found is None else list(found)


class FindMeetings(OneRequest, services.FindItem):
    """Search for meetings by what identifies them in all calendars."""

    def ask(self, folder: FolderId, ids: Sequence[str], paths: Sequence[Path]) -> list[Element]:
        """The items of a folder that have one of these clean global object ids."""
        payload = create_element("m:FindItem", attrs={"Traversal": "Shallow"})
        payload.append(_shape("m:ItemShape", paths))
        payload.append(create_element("m:IndexedPageItemView", attrs={"Offset": 0, "BasePoint": "Beginning"}))
        equal = [_equals(Path.extended(CLEAN_ID), one) for one in ids]
        condition = equal[0] if len(equal) == 1 else create_element("t:Or")
        if len(equal) > 1:
            condition.extend(equal)
        restriction = create_element("m:Restriction")
        restriction.append(condition)
        payload.append(restriction)
        payload.append(folder_ids_element([folder], self.account.version, tag="m:ParentFolderIds"))
        found = self.result(payload).find(f"{{{MNS}}}RootFolder/{{{TNS}}}Items")
        return [] if found is None else list(found)


def _equals(path: Path, value: str) -> Element:
    equals: Element = create_element("t:IsEqualTo")
    equals.append(path.xml())
    constant = create_element("t:FieldURIOrConstant")
    constant.append(create_element("t:Constant", attrs={"Value": value}))
    equals.append(constant)
    return equals


def _shape(name: str, paths: Sequence[Path], body_as_text: bool = False) -> Element:
    shape: Element = create_element(name)
    add_xml_child(shape, "t:BaseShape", "IdOnly")
    if body_as_text:
        add_xml_child(shape, "t:BodyType", "Text")
    asked = create_element("t:AdditionalProperties")
    for path in dict.fromkeys(paths):
        asked.append(path.xml())
    shape.append(asked)
    return shape


def _update(path: Path, tag: str, element: Element | None) -> Element:
    update: Element = create_element("t:DeleteItemField" if element is None else "t:SetItemField")
    update.append(path.xml())
    if element is not None:
        holder = create_element(tag)
        holder.append(element)
        update.append(holder)
    return update


def merged(elements: Sequence[Element]) -> list[Element]:
    """Elements of the same name made one, and so are the entries in them: one list of phone numbers, not one for each.
    Extended properties stay apart."""
    found: dict[tuple[str, str], Element] = {}
    for number, one in enumerate(elements):
        key = (str(one.tag), one.get("Key") or (str(number) if str(one.tag).endswith("ExtendedProperty") else ""))
        if key not in found:
            found[key] = one
            continue
        together = merged([*found[key], *one])
        for child in list(found[key]):
            found[key].remove(child)
        found[key].extend(together)
    return list(found.values())


def key_of_occurrence(found: Element) -> tuple[str, str]:
    """UID and key of something in the calendar."""
    return text(found, "UID"), item_id(found).id


_EARLY = (
    *("Subject", "Sensitivity", "Body", "Attachments", "Importance"),
    *(
        "ReminderDueBy",
        "ReminderIsSet",
        "ReminderMinutesBeforeStart",
        "ExtendedProperty",
        "CompleteDate",
        "Start",
        "End",
        "IsAllDayEvent",
    ),
)
_LATE = ("Recurrence", "StartTimeZone", "EndTimeZone")


def in_order(elements: Sequence[Element]) -> list[Element]:
    """Elements of an item as the schema has them, which Exchange insists on when it is created; those in the middle are in
    order already."""
    return sorted(elements, key=_place)


def _place(found: Element) -> int:
    name = str(found.tag).rpartition("}")[2]
    if name in _EARLY:
        return _EARLY.index(name) - len(_EARLY)
    return 1 + _LATE.index(name) if name in _LATE else 0
