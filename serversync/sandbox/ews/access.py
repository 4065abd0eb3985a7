"""Who is calling, for whom, and which mailbox, folder or item a reference in the request means."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from serversync.sandbox.ews import series
from serversync.sandbox.ews.soap import (
    Element,
    EwsError,
    SoapRequest,
    child,
    inner_text,
    local_name,
    refusal,
    success,
)
from serversync.sandbox.store import Folder, FolderError, Item, MailboxStore, World

Content = list[Element]
ITEM_ID_ATTRIBUTES = ("Id", "RecurringMasterId", "OccurrenceId")
REFERENCES = ("FolderId", "ItemId", "ParentItemId", "OccurrenceItemId", "RecurringMasterItemId", "ReferenceItemId")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder and the mailbox it is in."""

    mailbox: MailboxStore
    folder: Folder


@dataclass(frozen=True, slots=True)
class Found:
    """An item and the mailbox it is in. An occurrence of a series is an `item` that is in no folder: what becomes of it
    is kept with its `series`."""

    mailbox: MailboxStore
    item: Item
    series: Item | None = None


@dataclass(slots=True)
class Call:
    """One operation being worked on.

    `caller` signed in; `acting` is the mailbox impersonated, or the caller's own. `planted` is the error that a planted
    fault puts into every response message, instead of the work or (`planted_after`) once the work is done.
    """

    world: World
    caller: MailboxStore
    acting: MailboxStore
    operation: str
    body: Element
    planted: EwsError | None = None
    planted_after: bool = False

    def part(self, name: str) -> Element:
        """A required child of the operation. Raises EwsError(ErrorSchemaValidation)."""
        found = child(self.body, name)
        if found is None:
            raise EwsError("ErrorSchemaValidation", f"{self.operation} needs a {name} element.")
        return found

    def place(self, reference: Element) -> Place:
        """The folder that a FolderId or DistinguishedFolderId means. Raises EwsError."""
        if local_name(reference) == "DistinguishedFolderId":
            return self._distinguished(reference)
        folder_id = reference.get("Id", "")
        for mailbox in self._mailboxes():
            if folder_id in mailbox.folders:
                return Place(self._opened(mailbox), mailbox.folders[folder_id])
        raise EwsError("ErrorFolderNotFound", "The specified folder could not be found in the store.")

    def first_place(self, container: str) -> Place:
        """The folder named inside a container such as `m:ToFolderId`. Raises EwsError."""
        references = list(self.part(container))
        if not references:
            raise EwsError("ErrorSchemaValidation", f"{container} names no folder.")
        return self.place(references[0])

    def found(self, reference: Element) -> Found:
        """The item that an ItemId, OccurrenceItemId or RecurringMasterItemId means.

        Raises EwsError(ErrorItemNotFound, ErrorAccessDenied, ErrorInvalidIdMalformed and those of series).
        """
        item_id, original = series.split_id(referenced_id(reference))
        if len(item_id) < 8:
            raise EwsError("ErrorInvalidIdMalformed", "Id is malformed.")
        for mailbox in self._mailboxes():
            item = mailbox.find(item_id)
            if item is not None:
                return _meant(reference, Found(self._opened(mailbox), item), original)
        raise EwsError("ErrorItemNotFound", "The specified object was not found in the store.")

    def _distinguished(self, reference: Element) -> Place:
        address = inner_text(reference, "EmailAddress")
        mailbox = self.world.accounts.get(address.lower()) if address else self.acting
        if mailbox is None:
            raise EwsError("ErrorNonExistentMailbox", f"The SMTP address {address} has no mailbox associated with it.")
        folder = self._opened(mailbox).find_folder(reference.get("Id", ""))
        if folder is None or folder.distinguished is None:
            raise EwsError("ErrorFolderNotFound", "The specified folder could not be found in the store.")
        return Place(mailbox, folder)

    def _opened(self, mailbox: MailboxStore) -> MailboxStore:
        if not self.world.may_open(self.acting, mailbox):
            raise EwsError("ErrorAccessDenied", f"{self.acting.address} may not open the mailbox {mailbox.address}.")
        return mailbox

    def _mailboxes(self) -> Iterable[MailboxStore]:
        """The acting mailbox first, since nearly every id is found there."""
        yield self.acting
        yield from (mailbox for mailbox in self.world.mailboxes() if mailbox is not self.acting)


def referenced_id(reference: Element) -> str:
    """The id in a reference to an item, whatever kind of reference it is."""
    return next((value for name in ITEM_ID_ATTRIBUTES if (value := reference.get(name))), "")


def _meant(reference: Element, found: Found, original: datetime | None) -> Found:
    """The occurrence, or the master, that a reference means by an id it was found by."""
    kind, master = local_name(reference), found.item
    if kind == "RecurringMasterItemId":
        if original is None:
            raise EwsError("ErrorCalendarCannotUseIdForRecurringMasterId", "The id is not that of an occurrence.")
        return found
    if kind == "OccurrenceItemId":
        if original is not None or not series.is_series(master):
            raise EwsError("ErrorCalendarCannotUseIdForOccurrenceId", "The id is not that of a recurring master.")
        number = reference.get("InstanceIndex", "")
        index = int(number) if number.isdigit() else 0
        return Found(found.mailbox, series.occurrence_number(master, index), master)
    if original is None:
        return found
    item = series.occurrence(master, original) if series.is_series(master) else None
    if item is None:
        raise EwsError("ErrorItemNotFound", "The specified object was not found in the store.")
    return Found(found.mailbox, item, master)


def for_each(
    call: Call,
    references: Iterable[Element],
    act: Callable[[Element], Content],
    empty: Callable[[], Content] = list,
) -> list[Element]:
    """One response message per reference, in order: what `act` gives, or its refusal followed by `empty`.

    One bad item never spoils the others.
    """
    return [_attempt(call, reference, act, empty) for reference in references]


def _attempt(
    call: Call, reference: Element, act: Callable[[Element], Content], empty: Callable[[], Content]
) -> Element:
    try:
        if call.planted and not call.planted_after:
            raise call.planted
        content = act(reference)
        if call.planted:
            raise call.planted
        return success(call.operation, *content)
    except EwsError as error:
        return refusal(call.operation, error, error.content or empty())
    except FolderError as error:
        return refusal(call.operation, EwsError(error.code, str(error)), empty())


IMPERSONATED_BY = ("PrimarySmtpAddress", "SmtpAddress", "PrincipalName", "SID")


def acting_mailbox(world: World, caller: MailboxStore, header: Element | None) -> MailboxStore:
    """The mailbox a request acts as: the one its ExchangeImpersonation header names, else the caller's own.

    Raises EwsError(ErrorImpersonateUserDenied, ErrorNonExistentMailbox), which Exchange answers as a fault.
    """
    impersonation = None if header is None else child(header, "ExchangeImpersonation")
    if impersonation is None:
        return caller
    address = next((text for kind in IMPERSONATED_BY if (text := inner_text(impersonation, kind))), "")
    if address.lower() == caller.address.lower():
        return caller
    if not caller.impersonate:
        raise EwsError("ErrorImpersonateUserDenied", "The account does not have permission to impersonate the user.")
    mailbox = world.accounts.get(address.lower())
    if mailbox is None:
        raise EwsError("ErrorNonExistentMailbox", f"The SMTP address {address} has no mailbox associated with it.")
    return mailbox


def target_address(call: Call, request: SoapRequest) -> str:
    """The address of the mailbox a request is about, for log and faults: it is named, or owns the first id."""
    for element in request.body.iter():
        name = local_name(element)
        if name == "DistinguishedFolderId" and (address := inner_text(element, "EmailAddress")):
            return address
        if name in REFERENCES:
            return _owner_address(call.world, referenced_id(element)) or call.acting.address
    return call.acting.address


def _owner_address(world: World, wanted: str) -> str:
    item_id = series.split_id(wanted)[0]
    owners = (box.address for box in world.mailboxes() if wanted in box.folders or box.find(item_id) is not None)
    return next(owners, "")
