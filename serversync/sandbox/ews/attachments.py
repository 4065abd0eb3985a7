"""CreateAttachment, GetAttachment and DeleteAttachment.

The id of an attachment is its item's id and, in a message, its position, else the key under which it is kept.
"""

from __future__ import annotations

import base64

from serversync.sandbox.ews import files, message
from serversync.sandbox.ews.access import Call, Content, Found, for_each
from serversync.sandbox.ews.compose import read_attachment, with_attachments
from serversync.sandbox.ews.fields import FILE, attachment
from serversync.sandbox.ews.soap import Element, EwsError, local_name, m, t


def create_attachment(call: Call) -> list[Element]:
    """CreateAttachment: files go behind the attachments an item has; the item gets a new change key."""

    def create(described: Element) -> Content:
        if local_name(described) != "FileAttachment":
            raise EwsError("ErrorAttachmentNestLevelLimitExceeded", "Only files can be attached here.")
        found, part = call.found(call.part("ParentItemId")), read_attachment(described)
        if not found.item.raw:
            return [m("Attachments", _attached(found, part))]
        parts = [*message.attachments(found.item.raw), part]
        found.mailbox.update(found.item, raw=with_attachments(found.item.raw, parts))
        return [m("Attachments", attachment(found.item, len(parts) - 1, part))]

    return for_each(call, call.part("Attachments"), create, _no_attachments)


def _attached(found: Found, part: message.Part) -> Element:
    if found.series is not None:
        raise EwsError("ErrorInvalidOperation", "Nothing can be attached to one occurrence here.")
    properties = dict(found.item.properties)
    [key] = files.attach(properties, [part])
    found.mailbox.update(found.item, properties=properties)
    return attachment(found.item, key, part)


def get_attachment(call: Call) -> list[Element]:
    """GetAttachment: the attachments with their content."""

    def show(reference: Element) -> Content:
        found, key, part = _find(call, reference)
        if part is None:
            return [m("Attachments", t("ItemAttachment", t("Name", "item"), t("Message")))]
        shown = attachment(found.item, key, part)
        shown.append(t("Content", base64.b64encode(part.content).decode()))
        return [m("Attachments", shown)]

    return for_each(call, call.part("AttachmentIds"), show, _no_attachments)


def delete_attachment(call: Call) -> list[Element]:
    """DeleteAttachment: the item stays, with a new change key; later attachments of a message get other ids."""

    def delete(reference: Element) -> Content:
        found, key, _ = _find(call, reference)
        if isinstance(key, int):
            parts = message.attachments(found.item.raw)
            found.mailbox.update(found.item, raw=with_attachments(found.item.raw, parts[:key] + parts[key + 1 :]))
        else:
            kept = {name: value for name, value in found.item.properties.items() if name != key}
            found.mailbox.update(found.item, properties=kept)
        return [m("RootItemId", RootItemId=found.item.id, RootItemChangeKey=found.item.change_key)]

    return for_each(call, call.part("AttachmentIds"), delete)


def _find(call: Call, reference: Element) -> tuple[Found, int | str, message.Part | None]:
    """The item, the position or key in it, and the file; None where an item is attached."""
    item_id, _, at = reference.get("Id", "").rpartition(".")
    if not at.removeprefix(FILE).isdigit():
        raise EwsError("ErrorInvalidIdMalformed", "Id is malformed.")
    found = call.found(t("ItemId", Id=item_id))
    if at.startswith(FILE):
        parts: dict[int | str, message.Part | None] = {
            key: part for key, part, _ in files.files_in(found.item.properties)
        }
        position: int | str = at
    else:
        parts, position = dict(enumerate(message.attachments(found.item.raw))), int(at)
    if position not in parts:
        raise EwsError("ErrorItemNotFound", "The specified object was not found in the store.")
    return found, position, parts[position]


def _no_attachments() -> Content:
    return [m("Attachments")]
