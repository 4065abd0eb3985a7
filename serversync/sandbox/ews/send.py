"""Sending: SendItem, and CreateItem with SendOnly or SendAndSaveCopy."""

from __future__ import annotations

import secrets
from email.utils import format_datetime
from typing import Protocol

from serversync.sandbox.ews import message
from serversync.sandbox.ews.access import Call, Content, Place, for_each
from serversync.sandbox.ews.bounce import non_delivery_report
from serversync.sandbox.ews.compose import add_missing, set_header
from serversync.sandbox.ews.properties import stored_element
from serversync.sandbox.ews.soap import Element, EwsError, child
from serversync.sandbox.faults import address_fault
from serversync.sandbox.store import SEND_ON_BEHALF, Item, MailboxStore, World

_STORED_HEADER = "x:InternetHeaders/"


class Sendable(Protocol):
    """What a sent copy takes over, from a saved draft or from one that exists in a request only."""

    item_class: str
    categories: list[str]
    properties: dict[str, str]


def send_item(call: Call) -> list[Element]:
    """SendItem: the draft leaves Drafts, and with SaveItemToFolder a copy with a new id goes to Sent Items.

    A draft that is no longer in Drafts is ErrorItemNotFound, a stale change key ErrorStaleObject.
    """
    save = call.body.get("SaveItemToFolder", "true") in ("true", "1")

    def send(reference: Element) -> Content:
        found = call.found(reference)
        _check_draft(found.mailbox, found.item, reference.get("ChangeKey"))
        copies = sent_folder(call, found.mailbox)
        raw = post(call.world, found.mailbox, found.item.raw, found.item.properties)
        if save:
            keep_copy(copies, raw, found.item)
        found.mailbox.delete(found.item)
        return []

    return for_each(call, call.part("ItemIds"), send)


def _check_draft(mailbox: MailboxStore, item: Item, change_key: str | None) -> None:
    if mailbox.folder(item.folder_id).distinguished != "drafts":
        raise EwsError("ErrorItemNotFound", "The specified object was not found in the store.")
    if not change_key:
        raise EwsError("ErrorChangeKeyRequired", "A change key is required for this operation.")
    if change_key != item.change_key:
        raise EwsError(
            "ErrorStaleObject", "The change key passed in does not match the current change key of the item."
        )


def sent_folder(call: Call, mailbox: MailboxStore) -> Place:
    """The folder a sent copy goes to: the one the request names, else the Sent Items of `mailbox`."""
    named = child(call.body, "SavedItemFolderId")
    if named is not None and len(named):
        return call.place(named[0])
    return Place(mailbox, mailbox.folder("sentitems"))


def keep_copy(place: Place, raw: bytes, draft: Sendable) -> Item:
    """Put the sent copy, with the draft's categories and properties, into a folder under a new id."""
    return place.mailbox.append(
        place.folder.id,
        raw,
        is_read=True,
        item_class=draft.item_class,
        categories=draft.categories,
        properties=draft.properties,
    )


def post(world: World, mailbox: MailboxStore, raw: bytes, properties: dict[str, str]) -> bytes:
    """Hand a message over for delivery and return it as it was sent, with its Bcc header.

    Recipients whose address always fails get nothing: permanent failures come back as a non-delivery report, the others
    stay in the queue for good. Raises EwsError(ErrorInvalidRecipients, ErrorSendAsDenied).
    """
    raw = _completed(world, mailbox, raw, properties)
    raw = _with_sender(world, mailbox, raw)
    recipients = _recipients(message.head_of(raw))
    refused = []
    accepted = []
    for address in recipients:
        fault = address_fault(address)
        if fault is None:
            accepted.append(address)
        elif fault.code.startswith("5"):
            refused.append((address, fault.code, fault.text))
    world.route(mailbox.address, accepted, set_header(raw, "Bcc", None))
    if refused:
        report = non_delivery_report(world.settings.host_name, mailbox.address, refused, raw, world.now())
        world.route("", [mailbox.address], report)
    return raw


def _completed(world: World, mailbox: MailboxStore, raw: bytes, properties: dict[str, str]) -> bytes:
    """The message with the headers that Exchange adds when a message is submitted."""
    for key, value in properties.items():
        if key.startswith(_STORED_HEADER):
            raw = add_missing(raw, key.split("/")[1], value)
    importance = properties.get("t:Importance")
    if importance is not None and (word := stored_element(importance).text) in ("Low", "High"):
        raw = add_missing(raw, "Importance", word.lower())
    raw = add_missing(raw, "From", mailbox.address)
    raw = add_missing(raw, "Date", format_datetime(world.now()))
    return add_missing(raw, "Message-ID", f"<{secrets.token_hex(16)}@{world.settings.host_name}>")


def _recipients(head: message.Head) -> list[str]:
    people = [address for name in ("To", "Cc", "Bcc") for _, address in head.addresses(name)]
    unusable = [address for address in people if not all(address.partition("@")[::2])]
    if unusable or not people:
        words = f"{unusable[0]} is not an address." if unusable else "At least one recipient isn't valid."
        raise EwsError("ErrorInvalidRecipients", words)
    return list(dict.fromkeys(people))


def _with_sender(world: World, mailbox: MailboxStore, raw: bytes) -> bytes:
    """The message with the Sender that the right to send in the name in From leaves it: none for who may send as that
    address, the mailbox that sends for who may send on behalf. Nobody else sends it, a delegate as little as a stranger."""
    author = next((address for _, address in message.head_of(raw).addresses("From")), mailbox.address)
    if author.lower() == mailbox.address.lower():
        return raw
    right = world.sender_right(mailbox, author)
    if not right:
        raise EwsError("ErrorSendAsDenied", f"{mailbox.address} does not have permission to send as {author}.")
    return set_header(raw, "Sender", mailbox.address if right == SEND_ON_BEHALF else None)
