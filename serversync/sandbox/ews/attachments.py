"""CreateAttachment, GetAttachment and DeleteAttachment on messages.

An attachment's id is its item's id and its position.
"""

from __future__ import annotations

import base64

from serversync.sandbox.ews import message
from serversync.sandbox.ews.access import Call, Content, Found, for_each
from serversync.sandbox.ews.compose import read_attachment, with_attachments
from serversync.sandbox.ews.fields import attachment
from serversync.sandbox.ews.soap import Element, EwsError, local_name, m, t


def create_attachment(call: Call) -> list[Element]:
    """CreateAttachment: files go behind the attachments a message has; the message gets a new change key."""

    def create(described: Element) -> Content:
        if local_name(described) != "FileAttachment":
            raise EwsError("ErrorAttachmentNestLevelLimitExceeded", "Only files can be attached here.")
        found = call.found(call.part("ParentItemId"))
        parts = [*_parts(found), read_attachment(described)]
        found.mailbox.update(found.item, raw=with_attachments(found.item.raw, parts))
        return [m("Attachments", attachment(found.item, len(parts) - 1, parts[-1]))]

    return for_each(call, call.part("Attachments"), create, _no_attachments)


def get_attachment(call: Call) -> list[Element]:
    """GetAttachment: the attachments with their content."""

    def show(reference: Element) -> Content:
        found, at = _find(call, reference)
        part = _parts(found)[at]
        shown = attachment(found.item, at, part)
        shown.append(t("Content", base64.b64encode(part.content).decode()))
        return [m("Attachments", shown)]

    return for_each(call, call.part("AttachmentIds"), show, _no_attachments)


def delete_attachment(call: Call) -> list[Element]:
    """DeleteAttachment: the message stays, with a new change key; later attachments get other ids."""

    def delete(reference: Element) -> Content:
        found, at = _find(call, reference)
        parts = _parts(found)
        found.mailbox.update(found.item, raw=with_attachments(found.item.raw, parts[:at] + parts[at + 1 :]))
        return [m("RootItemId", RootItemId=found.item.id, RootItemChangeKey=found.item.change_key)]

    return for_each(call, call.part("AttachmentIds"), delete)


def _find(call: Call, reference: Element) -> tuple[Found, int]:
    item_id, _, at = reference.get("Id", "").rpartition(".")
    if not at.isdigit():
        raise EwsError("ErrorInvalidIdMalformed", "Id is malformed.")
    found = call.found(t("ItemId", Id=item_id))
    if int(at) >= len(_parts(found)):
        raise EwsError("ErrorItemNotFound", "The specified object was not found in the store.")
    return found, int(at)


def _parts(found: Found) -> list[message.Part]:
    if not found.item.raw:
        raise EwsError("ErrorInvalidOperation", "Only messages have attachments here.")
    return message.attachments(found.item.raw)


def _no_attachments() -> Content:
    return [m("Attachments")]
