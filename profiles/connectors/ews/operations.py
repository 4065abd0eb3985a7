"""The EWS operations that mail needs: each call is one request, and gives one result for each thing asked about.

exchangelib builds the envelopes, sends them and knows the error codes. What it would do on its own is left out:
waiting, repeating, trying other API versions, raising for a whole batch because of one item.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from exchangelib import services
from exchangelib.errors import ErrorServerBusy, EWSError
from exchangelib.fields import FieldPath
from exchangelib.items import ID_ONLY, MOVE_TO_DELETED_ITEMS, SAVE_ONLY, SEND_TO_NONE, Message
from exchangelib.properties import FolderId, ItemId
from exchangelib.services.common import EWSAccountService, folder_ids_element
from exchangelib.util import MNS, TNS, add_xml_child, create_element
from lxml.etree import _Element as Element

from profiles.connectors.ews.meanings import UnreadableAnswer

Result: TypeAlias = Element | EWSError
"""What came back for one thing: its response message, or the error in it."""

MARK = {
    "PropertySetId": "6e0f4b1c-58d2-4c39-9d53-1f6a4f0e7b21",
    "PropertyName": "ServerSyncMark",
    "PropertyType": "String",
}
"""The named property that carries our own id of what we create (law 7)."""


class OneRequest(EWSAccountService):
    """Put in front of an exchangelib service: `results` sends one request, once, and raises for no single item."""

    ERRORS_TO_CATCH_IN_RESPONSE = (EWSError,)
    WARNINGS_TO_CATCH_IN_RESPONSE = (EWSError,)

    def results(self, payload: Element, expected: int = 1) -> list[Result]:
        """The results in the order of the things asked about. Raises what exchangelib raises for the whole request."""
        messages = self._get_response_xml(payload)
        if len(messages) != expected:
            raise UnreadableAnswer(f"Exchange gave {len(messages)} results for {expected} things.")
        return [self._result(message) for message in messages]

    def result(self, payload: Element) -> Element:
        """The response message of a request about one thing. Raises the error in it as well."""
        result = self.results(payload)[0]
        if isinstance(result, EWSError):
            raise result
        return result

    def _get_response_xml(self, payload: Element) -> list[Element]:
        response = self._get_response(payload=payload, api_version=self._version_hint.api_version)
        try:
            _, body = self._get_soap_parts(response=response)
            messages: list[Element] = self._get_soap_messages(body=body)
            return messages
        finally:
            response.close()

    def _result(self, message: Element) -> Result:
        result = EWSAccountService._get_element_container(self, message=message)
        if isinstance(result, ErrorServerBusy):
            result.back_off = back_off(message)
        return result if isinstance(result, EWSError) else message


class SyncFolderItems(OneRequest, services.SyncFolderItems):
    """What happened in a folder since a synchronization state."""

    def ask(self, folder: FolderId, state: str, size: int) -> Element:
        """One page of at most `size` changes (1 to 512)."""
        told = fields("size", "datetime_received", "categories")
        return self.result(self.get_payload(folder, ID_ONLY, told, state or None, None, size, None))


class GetItem(OneRequest, services.GetItem):
    """Properties of items."""

    def ask(self, keys: Sequence[str], *names: str) -> list[Result]:
        """The properties with these exchangelib names, of each item."""
        return self.results(self.get_payload([ItemId(id=key) for key in keys], fields(*names), ID_ONLY), len(keys))


class UpdateItem(OneRequest, services.UpdateItem):
    """Changes of items."""

    def ask(self, messages: Sequence[Message], name: str) -> list[Result]:
        """Set one property; a message that was changed since it was read is refused. Nobody is told of it."""
        changes = [(message, [name]) for message in messages]
        return self.results(self.get_payload(changes, "NeverOverwrite", SAVE_ONLY, SEND_TO_NONE, True), len(changes))


class DeleteItem(OneRequest, services.DeleteItem):
    """Deletion; never answers meeting requests or read receipts (law 9)."""

    def ask(self, keys: Sequence[str], how: str = MOVE_TO_DELETED_ITEMS) -> list[Result]:
        """Delete items; by default they can still be found in Deleted Items."""
        ids = [ItemId(id=key) for key in keys]
        return self.results(self.get_payload(ids, how, SEND_TO_NONE, "SpecifiedOccurrenceOnly", True), len(ids))


class MoveItem(OneRequest, services.MoveItem):
    """Moving; in its new folder an item has another id."""

    def ask(self, keys: Sequence[str], folder: FolderId) -> list[Result]:
        """Move items of one mailbox into one of its folders; the results hold the new ids."""
        ids = [ItemId(id=key) for key in keys]
        return self.results(self.get_payload(ids, folder), len(ids))


class FindFolder(OneRequest, services.FindFolder):
    """Search for folders."""

    def ask(self, parent: FolderId, name: str) -> FolderId | None:
        """The folder with this display name right below another one; Exchange knows no two that differ in case only."""
        payload = create_element("m:FindFolder", attrs={"Traversal": "Shallow"})
        shape = create_element("m:FolderShape")
        add_xml_child(shape, "t:BaseShape", ID_ONLY)
        view = {"MaxEntriesReturned": 1, "Offset": 0, "BasePoint": "Beginning"}
        restriction = create_element("m:Restriction")
        restriction.append(_named(name))
        payload.extend([shape, create_element("m:IndexedPageFolderView", attrs=view), restriction])
        payload.append(folder_ids_element([parent], self.account.version, tag="m:ParentFolderIds"))
        found = self.result(payload).find(f"{{{MNS}}}RootFolder/{{{TNS}}}Folders")
        return _folder_id(found[0]) if found is not None and len(found) else None


class CreateFolder(OneRequest, services.CreateFolder):
    """Creation of folders for mail."""

    def ask(self, parent: FolderId, name: str) -> FolderId:
        """Create a folder below another one. Raises ErrorFolderExists if there is one of this name."""
        payload = create_element("m:CreateFolder")
        payload.append(folder_ids_element([parent], self.account.version, tag="m:ParentFolderId"))
        folder = create_element("t:Folder")
        add_xml_child(folder, "t:FolderClass", "IPF.Note")
        add_xml_child(folder, "t:DisplayName", name)
        folders = create_element("m:Folders")
        folders.append(folder)
        payload.append(folders)
        created = self.result(payload).find(f"{{{MNS}}}Folders")
        if created is None or not len(created):
            raise LookupError("no folder")
        return _folder_id(created[0])


class CreateItem(OneRequest, services.CreateItem):
    """Creation from MIME."""

    def ask(self, folder: FolderId, mime: bytes, mark: str) -> ItemId:
        """Save a message into a folder without sending it. Only the MIME says what is in it:
        exchangelib would add its own importance and receipt flags."""
        payload = create_element("m:CreateItem", attrs={"MessageDisposition": SAVE_ONLY})
        payload.append(folder_ids_element([folder], self.account.version, tag="m:SavedItemFolderId"))
        message = create_element("t:Message")
        add_xml_child(message, "t:MimeContent", mime)
        stamp = create_element("t:ExtendedProperty")
        stamp.append(create_element("t:ExtendedFieldURI", attrs=MARK))
        add_xml_child(stamp, "t:Value", mark)
        message.append(stamp)
        items = create_element("m:Items")
        items.append(message)
        payload.append(items)
        return item_id(item(self.result(payload)))


class FindItem(OneRequest, services.FindItem):
    """Search."""

    def ask(self, folder: FolderId, mark: str) -> ItemId | None:
        """The first item of a folder that carries our mark."""
        payload = create_element("m:FindItem", attrs={"Traversal": "Shallow"})
        shape = create_element("m:ItemShape")
        add_xml_child(shape, "t:BaseShape", ID_ONLY)
        view = {"MaxEntriesReturned": 1, "Offset": 0, "BasePoint": "Beginning"}
        restriction = create_element("m:Restriction")
        restriction.append(_equals(mark))
        payload.extend([shape, create_element("m:IndexedPageItemView", attrs=view), restriction])
        payload.append(folder_ids_element([folder], self.account.version, tag="m:ParentFolderIds"))
        found = self.result(payload).find(f"{{{MNS}}}RootFolder/{{{TNS}}}Items")
        return item_id(found[0]) if found is not None and len(found) else None


class SendItem(OneRequest, services.SendItem):
    """Sending of drafts."""

    def ask(self, draft: ItemId, copy_to: FolderId | None) -> None:
        """Send a draft; with `copy_to` it stays in that folder, else nowhere."""
        self.result(self.get_payload([draft], copy_to))


def fields(*names: str) -> list[FieldPath]:
    """Properties of a message by their exchangelib names."""
    return [FieldPath(field=Message.get_field_by_fieldname(name)) for name in names]


def item(message: Element) -> Element:
    """The one item in a response message. Raises LookupError if there is none."""
    items = message.find(f"{{{MNS}}}Items")
    if items is None or not len(items):
        raise LookupError("no item")
    return items[0]


def item_id(element: Element) -> ItemId:
    """The id of an item. Raises LookupError if it has none."""
    found = element.find(f"{{{TNS}}}ItemId")
    if found is None:
        raise LookupError("no ItemId")
    return ItemId(id=found.attrib["Id"], changekey=found.get("ChangeKey"))


def _folder_id(element: Element) -> FolderId:
    found = element.find(f"{{{TNS}}}FolderId")
    if found is None:
        raise LookupError("no FolderId")
    return FolderId(id=found.attrib["Id"], changekey=found.get("ChangeKey"))


def text(element: Element, path: str) -> str:
    """The text of a property (a path of names in the types namespace), "" if it is not there."""
    found = element.find("/".join(f"{{{TNS}}}{name}" for name in path.split("/")))
    return "" if found is None else found.text or ""


def number(element: Element, name: str) -> int:
    """A number among the properties, 0 if it is not there or no number."""
    digits = text(element, name).strip()
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def moment(element: Element, name: str) -> datetime | None:
    """A time among the properties, in UTC; None if it is not there or cannot be read."""
    try:
        found = datetime.fromisoformat(text(element, name).strip())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def back_off(message: Any) -> float | None:
    """Seconds that a response message asks to wait."""
    for value in message.iter(f"{{{TNS}}}Value"):
        if value.get("Name") == "BackOffMilliseconds" and (value.text or "").isdigit():
            return int(value.text) / 1000
    return None


def _equals(mark: str) -> Element:
    equals = create_element("t:IsEqualTo")
    equals.append(create_element("t:ExtendedFieldURI", attrs=MARK))
    constant = create_element("t:FieldURIOrConstant")
    constant.append(create_element("t:Constant", attrs={"Value": mark}))
    equals.append(constant)
    return equals


def _named(name: str) -> Element:
    named = create_element("t:Contains", attrs={"ContainmentMode": "FullString", "ContainmentComparison": "IgnoreCase"})
    named.append(create_element("t:FieldURI", attrs={"FieldURI": "folder:DisplayName"}))
    named.append(create_element("t:Constant", attrs={"Value": name}))
    return named
