"""The operations this server knows, by the name of their element."""

from __future__ import annotations

from collections.abc import Callable

from serversync.sandbox.ews import attachments, find, folders, items, names, send, sync, updates
from serversync.sandbox.ews.access import Call
from serversync.sandbox.ews.soap import Element

Operation = Callable[[Call], list[Element]]

OPERATIONS: dict[str, Operation] = {
    "ConvertId": names.convert_id,
    "CopyItem": items.copy_item,
    "CreateAttachment": attachments.create_attachment,
    "CreateFolder": folders.create_folder,
    "CreateItem": items.create_item,
    "DeleteAttachment": attachments.delete_attachment,
    "DeleteFolder": folders.delete_folder,
    "DeleteItem": items.delete_item,
    "EmptyFolder": folders.empty_folder,
    "FindFolder": folders.find_folder,
    "FindItem": find.find_item,
    "GetAttachment": attachments.get_attachment,
    "GetFolder": folders.get_folder,
    "GetItem": items.get_item,
    "MoveFolder": folders.move_folder,
    "MoveItem": items.move_item,
    "ResolveNames": names.resolve_names,
    "SendItem": send.send_item,
    "SyncFolderHierarchy": sync.sync_folder_hierarchy,
    "SyncFolderItems": sync.sync_folder_items,
    "UpdateFolder": folders.update_folder,
    "UpdateItem": updates.update_item,
}
