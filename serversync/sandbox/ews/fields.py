"""The properties that a server shows of an item without being told: what follows from its bytes, flags and place."""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Callable

from serversync.sandbox.ews import message
from serversync.sandbox.ews.soap import Element, t
from serversync.sandbox.store import Item

KINDS = {  # item class, longest first → element name
    "IPM.Schedule.Meeting.Request": "MeetingRequest",
    "IPM.Schedule.Meeting.Resp": "MeetingResponse",
    "IPM.Schedule.Meeting.Canceled": "MeetingCancellation",
    "IPM.Appointment": "CalendarItem",
    "IPM.Contact": "Contact",
    "IPM.DistList": "DistributionList",
    "IPM.Task": "Task",
}
FILE = "f:"  # begins the keys under which the files of items that are no messages are kept
CLASSES = {"Message": "IPM.Note", **{name: item_class for item_class, name in KINDS.items()}}


def kind_of(item: Item) -> str:
    """The element name of an item, which follows from its class."""
    return next((name for prefix, name in KINDS.items() if item.item_class.startswith(prefix)), "Message")


def item_id(item: Item) -> Element:
    """The `t:ItemId` of an item as it is now."""
    return t("ItemId", Id=item.id, ChangeKey=item.change_key)


def body(item: Item, body_type: str) -> Element:
    if body_type == "Text":
        return t("Body", message.plain_body(item.raw), BodyType="Text")
    text, kind = message.body(item.raw)
    if body_type == "HTML" and kind == "Text":
        escaped = text.replace("&", "&amp;").replace("<", "&lt;")
        text, kind = f"<html><body><pre>{escaped}</pre></body></html>", "HTML"
    return t("Body", text, BodyType=kind)


def stored_body(element: Element, body_type: str) -> Element:
    """The kept `t:Body` of an appointment, contact or task as text or HTML, whatever it was written as."""
    text, kind = element.text or "", element.get("BodyType", "Text")
    if body_type == "Text" and kind == "HTML":
        text = html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"(?i)<br\s*/?>|</p>|</div>", "\r\n", text))).strip()
        kind = "Text"
    elif body_type == "HTML" and kind == "Text":
        text, kind = f"<html><body><pre>{html.escape(text, quote=False)}</pre></body></html>", "HTML"
    return t("Body", text, BodyType=kind)


def headers(item: Item, only: str = "") -> Element | None:
    """The header fields of a message that came over the wire; drafts have none."""
    fields = () if item.is_draft else message.head_of(item.raw).fields
    shown = [t("InternetMessageHeader", value, HeaderName=name) for name, value in fields if only in ("", name)]
    return t("InternetMessageHeaders", *shown) if shown else None


def mailbox(name: str, address: str) -> Element:
    """A `t:Mailbox` as Exchange shows a correspondent: the name falls back to the address."""
    return t("Mailbox", t("Name", name or address), t("EmailAddress", address), t("RoutingType", "SMTP"))


def _one(header: str, name: str) -> Callable[[Item], Element | None]:
    def show(item: Item) -> Element | None:
        people = message.head_of(item.raw).addresses(header)
        return t(name, mailbox(*people[0])) if people else None

    return show


def _many(header: str, name: str) -> Callable[[Item], Element | None]:
    def show(item: Item) -> Element | None:
        people = message.head_of(item.raw).addresses(header)
        return t(name, *(mailbox(*person) for person in people)) if people else None

    return show


def _header(header: str, name: str) -> Callable[[Item], Element | None]:
    def show(item: Item) -> Element | None:
        value = message.head_of(item.raw).text(header)
        return t(name, value) if value else None

    return show


def _plain(name: str, value: Callable[[Item], object]) -> Callable[[Item], Element | None]:
    return lambda item: t(name, value(item))


def _sender(item: Item) -> Element | None:
    return _one("Sender", "Sender")(item) or _one("From", "Sender")(item)


def _mime(item: Item) -> Element | None:
    return t("MimeContent", base64.b64encode(item.raw).decode(), CharacterSet="UTF-8") if item.raw else None


def _importance(item: Item) -> Element:
    head = message.head_of(item.raw)
    word = head.first("Importance").capitalize()
    if not word:
        word = {"1": "High", "2": "High", "4": "Low", "5": "Low"}.get(head.first("X-Priority")[:1], "Normal")
    return t("Importance", word if word in ("Low", "High") else "Normal")


def _display(header: str, name: str) -> Callable[[Item], Element]:
    return lambda item: t(name, "; ".join(n or a for n, a in message.head_of(item.raw).addresses(header)))


def _conversation_index(item: Item) -> Element | None:
    index = message.head_of(item.raw).first("Thread-Index")
    try:
        return t("ConversationIndex", index) if base64.b64decode(index, validate=True) else None
    except (binascii.Error, ValueError):
        return None


def _attachments(item: Item) -> Element | None:
    parts = message.attachments(item.raw)
    return t("Attachments", *(attachment(item, at, part) for at, part in enumerate(parts))) if parts else None


def _has_files(item: Item) -> bool:
    return any(key.startswith(FILE) for key in item.properties)


def attachment_id(item: Item, at: int | str) -> Element:
    """The `t:AttachmentId` of what is at this position of a message, or under this key of another item."""
    return t("AttachmentId", Id=f"{item.id}.{at}", RootItemId=item.id, RootItemChangeKey=item.change_key)


def attachment(item: Item, at: int | str, part: message.Part) -> Element:
    """A `t:FileAttachment` without its content."""
    return t(
        "FileAttachment",
        attachment_id(item, at),
        t("Name", part.name),
        t("ContentType", part.content_type),
        t("ContentId", part.content_id) if part.content_id else None,
        t("Size", len(part.content)),
        t("IsInline", part.inline),
    )


COMPUTED: dict[str, Callable[[Item], Element | None]] = {  # in the order of the schema
    "MimeContent": _mime,
    "ItemId": item_id,
    "ParentFolderId": lambda item: t("ParentFolderId", Id=item.folder_id),
    "ItemClass": _plain("ItemClass", lambda item: item.item_class),
    "Subject": _header("Subject", "Subject"),
    "Sensitivity": _plain("Sensitivity", lambda _: "Normal"),
    "Body": lambda item: body(item, "Best"),
    "Attachments": _attachments,
    "DateTimeReceived": _plain("DateTimeReceived", lambda item: item.received),
    "Size": _plain("Size", lambda item: item.size),
    "Categories": lambda item: t("Categories", *(t("String", c) for c in item.categories)) if item.categories else None,
    "Importance": _importance,
    "InReplyTo": _header("In-Reply-To", "InReplyTo"),
    "IsSubmitted": _plain("IsSubmitted", lambda _: False),
    "IsDraft": _plain("IsDraft", lambda item: item.is_draft),
    "InternetMessageHeaders": headers,
    "DateTimeSent": _plain("DateTimeSent", lambda item: message.head_of(item.raw).date() or item.received),
    "DateTimeCreated": _plain("DateTimeCreated", lambda item: item.created),
    "LastModifiedTime": _plain("LastModifiedTime", lambda item: item.modified or item.created),
    "DisplayCc": _display("Cc", "DisplayCc"),
    "DisplayTo": _display("To", "DisplayTo"),
    "HasAttachments": _plain("HasAttachments", lambda item: _has_files(item) or message.has_attachments(item.raw)),
    "ExtendedProperty": lambda _: None,
    "Sender": _sender,
    "ToRecipients": _many("To", "ToRecipients"),
    "CcRecipients": _many("Cc", "CcRecipients"),
    "BccRecipients": _many("Bcc", "BccRecipients"),
    "ConversationIndex": _conversation_index,
    "ConversationTopic": _header("Thread-Topic", "ConversationTopic"),
    "From": _one("From", "From"),
    "InternetMessageId": _header("Message-ID", "InternetMessageId"),
    "IsRead": _plain("IsRead", lambda item: item.is_read),
    "References": _header("References", "References"),
    "ReplyTo": _many("Reply-To", "ReplyTo"),
}
MESSAGE_ONLY = frozenset(
    {"MimeContent", "Attachments", "IsRead", "DisplayTo", "DisplayCc", "Sender", "DateTimeSent", "Body", "Importance"}
)
