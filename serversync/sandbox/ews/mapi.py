"""Extended properties that nobody stored because the server itself knows them, by MAPI property tag (MS-OXPROPS)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from serversync.sandbox.ews import message
from serversync.sandbox.ews.properties import PROPERTY_SETS, extended_key, stored_element, tag_number
from serversync.sandbox.ews.series import original_start, zone_id
from serversync.sandbox.ews.soap import Element, wire_text
from serversync.sandbox.ews.uid import global_object_id
from serversync.sandbox.store import Folder, Item, MailboxStore
from serversync.sandbox.zones import zone

READ, UNSENT, HAS_ATTACHMENTS = 0x01, 0x08, 0x10
_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


def message_flags(item: Item) -> int:
    """PidTagMessageFlags (MS-OXCMSG 2.2.1.6)."""
    attached = HAS_ATTACHMENTS if message.has_attachments(item.raw) else 0
    return (READ if item.is_read else 0) | (UNSENT if item.is_draft else 0) | attached


def _head(item: Item, name: str) -> str:
    return message.head_of(item.raw).first(name)


def _sender(item: Item) -> str:
    return next((address for _, address in message.head_of(item.raw).addresses("From")), "")


def _transport_headers(item: Item) -> str:
    return "" if item.is_draft else message.split(item.raw)[0].decode("utf-8", "replace")


ITEM_TAGS: dict[int, Callable[[Item], object]] = {
    0x0037: lambda item: message.head_of(item.raw).text("Subject"),  # PidTagSubject
    0x001A: lambda item: item.item_class,  # PidTagMessageClass
    0x007D: _transport_headers,  # PidTagTransportMessageHeaders
    0x0071: lambda item: _head(item, "Thread-Index"),  # PidTagConversationIndex
    0x0E06: lambda item: item.received,  # PidTagMessageDeliveryTime
    0x0E07: message_flags,  # PidTagMessageFlags
    0x0E08: lambda item: item.size,  # PidTagMessageSize
    0x0E23: lambda item: item.seq,  # PidTagInternetArticleNumber, the UID of IMAP
    0x0FF9: lambda item: base64.b64encode(item.id.encode()).decode(),  # PidTagRecordKey
    0x1035: lambda item: _head(item, "Message-ID"),  # PidTagInternetMessageId
    0x1039: lambda item: _head(item, "References"),  # PidTagInternetReferences
    0x1042: lambda item: _head(item, "In-Reply-To"),  # PidTagInReplyToId
    0x10F3: lambda item: f"{item.uidl}.EML",  # PidTagUrlCompName
    0x3007: lambda item: item.created,  # PidTagCreationTime
    0x3008: lambda item: item.modified or item.created,  # PidTagLastModificationTime
    0x5D01: _sender,  # PidTagSenderSmtpAddress
    0x5D02: _sender,  # PidTagSentRepresentingSmtpAddress
    0x670E: lambda item: item.seq,  # PidTagUrlName, of which clients only need that it differs
}


def _global_object_id(item: Item, *, clean: bool) -> str:
    stored = item.properties.get("t:UID")
    if stored is None:
        return ""
    original = None if clean else original_start(item.properties)
    day = None if original is None else original.astimezone(zone(zone_id(item.properties))).date()
    return base64.b64encode(global_object_id(stored_element(stored).text or "", day)).decode()


ITEM_NAMES: dict[str, Callable[[Item], object]] = {
    f"x:{PROPERTY_SETS['Meeting'].lower()}/3/Binary": partial(_global_object_id, clean=False),
    f"x:{PROPERTY_SETS['Meeting'].lower()}/35/Binary": partial(_global_object_id, clean=True),
}
"""Named properties: PidLidGlobalObjectId, which tells the occurrences of a series apart, and its clean twin."""

FOLDER_TAGS: dict[int, Callable[[MailboxStore, Folder], object]] = {
    0x3001: lambda _, folder: folder.name,  # PidTagDisplayName
    0x3008: lambda _, folder: last_change(folder),  # PidTagLastModificationTime
    0x3602: lambda _, folder: len(folder.items),  # PidTagContentCount
    0x3603: lambda _, folder: unread(folder),  # PidTagContentUnreadCount
    0x360A: lambda mailbox, folder: bool(mailbox.children(folder.id)),  # PidTagSubfolders
    0x3613: lambda _, folder: folder.folder_class,  # PidTagContainerClass
    0x6751: lambda _, folder: newest_number(folder) + 1,  # PidTagArticleNumberNext
    0x6752: lambda _, folder: newest_number(folder),  # PidTagImapLastArticleId
    0x670A: lambda _, folder: last_change(folder),  # PidTagLocalCommitTimeMax
    0x10F3: lambda _, folder: folder.name,  # PidTagUrlCompName
}


def unread(folder: Folder) -> int:
    """How many items of a folder are unread."""
    return sum(not item.is_read for item in folder.items.values())


def newest_number(folder: Folder) -> int:
    """The highest arrival number in a folder, 0 when it is empty."""
    return max((item.seq for item in folder.items.values()), default=0)


def last_change(folder: Folder) -> datetime:
    """A time that is later after every change in the folder. Times on the wire have whole seconds, too coarse to tell
    two changes apart, so this counts journal lines instead of reading a clock."""
    return _BEGINNING + timedelta(seconds=folder.changes[-1].seq if folder.changes else 0)


def item_property(item: Item, uri: Element) -> str | None:
    """The text of an extended property that follows from the item itself, None if it has none."""
    if uri.get("DistinguishedPropertySetId") == "InternetHeaders":
        return _head(item, uri.get("PropertyName", "")) or None
    tag = uri.get("PropertyTag")
    compute = ITEM_TAGS.get(tag_number(tag)) if tag else ITEM_NAMES.get(extended_key(uri))
    return (wire_text(compute(item)) or None) if compute else None


def folder_property(mailbox: MailboxStore, folder: Folder, uri: Element) -> str | None:
    """The text of an extended property that follows from the folder itself, None if it has none."""
    tag = uri.get("PropertyTag")
    compute = FOLDER_TAGS.get(tag_number(tag)) if tag else None
    return (wire_text(compute(mailbox, folder)) or None) if compute else None
