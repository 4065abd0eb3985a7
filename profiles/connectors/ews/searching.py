"""Looking for a message in all mail folders of an Exchange mailbox, for a person who asks where it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from exchangelib import services
from exchangelib.errors import EWSError
from exchangelib.items import ID_ONLY
from exchangelib.properties import FolderId
from exchangelib.services.common import folder_ids_element
from exchangelib.util import MNS, TNS, add_xml_child, create_element
from lxml.etree import _Element as Element

from profiles.connectors.ews.folders import STANDARD, Folders
from profiles.connectors.ews.operations import OneRequest, Result, item_id, moment, text
from profiles.connectors.ews.session import EwsSession
from profiles.connectors.finding import MOST_FOUND, bare
from profiles.items import Folder, Search, Sighting, Sought

MOST_FOLDERS = 400
FOLDERS_AT_ONCE = 100
SMTP_ADDRESSES = ("0x5D01", "0x5D02")  # PidTagSenderSmtpAddress, PidTagSentRepresentingSmtpAddress (MS-OXPROPS)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class FindMail(OneRequest, services.FindItem):
    """Search for messages."""

    def ask(self, folders: Sequence[FolderId], sought: Sought) -> list[Result]:
        """One result per folder, with its newest messages that fit."""
        payload = create_element("m:FindItem", attrs={"Traversal": "Shallow"})
        shape = _shape("m:ItemShape", "item:DateTimeReceived", "message:InternetMessageId")
        payload.extend([shape, create_element("m:IndexedPageItemView", attrs=_view(MOST_FOUND)), _restriction(sought)])
        payload.append(_newest_first())
        payload.append(folder_ids_element(folders, self.account.version, tag="m:ParentFolderIds"))
        return self.results(payload, len(folders))


def search(session: EwsSession, sought: Sought) -> Search:
    """Where the message is, or the sender's messages are: the folders first, then one request for every hundred of them.
    A folder that cannot be searched is named, and the others are."""
    folders = Folders(session).all()
    tree = {one.key: one for one in folders}
    found: list[Sighting] = []
    closed: list[str] = []
    for first in range(0, min(len(folders), MOST_FOLDERS), FOLDERS_AT_ONCE):
        some = folders[first : first + FOLDERS_AT_ONCE]
        with session.talking():
            results = session.new(FindMail).ask([FolderId(id=one.key) for one in some], sought)
        for folder, result in zip(some, results, strict=True):
            if isinstance(result, EWSError):
                closed.append(folder.name)
            else:
                found += _sightings(folder, result, tree)
    found.sort(key=lambda one: one.received_on or _LONG_AGO, reverse=True)
    return Search(tuple(found[:MOST_FOUND]), _limits(len(folders), closed))


def _limits(number: int, closed: Sequence[str]) -> str:
    told = [f"Only the first {MOST_FOLDERS} folders were looked at."] if number > MOST_FOLDERS else []
    if closed:
        told.append(f"These folders could not be searched: {', '.join(closed[:10])}.")
    return " ".join(told)


def _sightings(folder: Folder, result: Element, tree: dict[str, Folder]) -> Iterator[Sighting]:
    standard = next((one for one in _around(folder, tree) if one.kind in STANDARD), None)
    items = result.find(f"{{{MNS}}}RootFolder/{{{TNS}}}Items")
    for one in items if items is not None else ():
        yield Sighting(
            key=item_id(one).id,
            folder=folder.key,
            path=folder.path,
            kind="" if standard is None else standard.kind,
            is_within=standard is not None and standard is not folder,
            message_id=text(one, "InternetMessageId"),
            received_on=moment(one, "DateTimeReceived"),
        )


def _around(folder: Folder, tree: dict[str, Folder]) -> Iterator[Folder]:
    """The folder, the one around it, and so on to the top; parents come before children, so this ends."""
    one: Folder | None = folder
    while one is not None:
        yield one
        one = tree.get(one.parent_key)


def _shape(tag: str, *fields: str) -> Element:
    shape = create_element(tag)
    add_xml_child(shape, "t:BaseShape", ID_ONLY)
    if fields:
        further = create_element("t:AdditionalProperties")
        further.extend([create_element("t:FieldURI", attrs={"FieldURI": field}) for field in fields])
        shape.append(further)
    return shape


def _view(most: int) -> dict[str, int | str]:
    return {"MaxEntriesReturned": most, "Offset": 0, "BasePoint": "Beginning"}


def _newest_first() -> Element:
    order = create_element("t:FieldOrder", attrs={"Order": "Descending"})
    order.append(create_element("t:FieldURI", attrs={"FieldURI": "item:DateTimeReceived"}))
    sort = create_element("m:SortOrder")
    sort.append(order)
    return sort


def _restriction(sought: Sought) -> Element:
    """What has to hold of a message, as Exchange compares it: text without regard to case."""
    parts: list[Element] = []
    if sought.message_id:
        name, uri = bare(sought.message_id), {"FieldURI": "message:InternetMessageId"}
        parts.append(_any(_compared("t:IsEqualTo", "t:FieldURI", uri, form) for form in (f"<{name}>", name)))
    if sought.sender:
        tags = [{"PropertyTag": tag, "PropertyType": "String"} for tag in SMTP_ADDRESSES]
        parts.append(_any(_compared("t:IsEqualTo", "t:ExtendedFieldURI", tag, sought.sender.strip()) for tag in tags))
    received = {"FieldURI": "item:DateTimeReceived"}
    if sought.since:
        parts.append(_compared("t:IsGreaterThanOrEqualTo", "t:FieldURI", received, _instant(sought.since)))
    if sought.until:
        parts.append(_compared("t:IsLessThan", "t:FieldURI", received, _instant(sought.until)))
    if not parts:
        raise ValueError("a Message-ID or a sender is needed")
    restriction = create_element("m:Restriction")
    restriction.append(parts[0] if len(parts) == 1 else _joined("t:And", parts))
    return restriction


def _any(parts: Iterable[Element]) -> Element:
    return _joined("t:Or", parts)


def _joined(tag: str, parts: Iterable[Element]) -> Element:
    whole = create_element(tag)
    whole.extend(list(parts))
    return whole


def _compared(tag: str, kind: str, uri: dict[str, str], value: str) -> Element:
    comparison = create_element(tag)
    comparison.append(create_element(kind, attrs=uri))
    constant = create_element("t:FieldURIOrConstant")
    constant.append(create_element("t:Constant", attrs={"Value": value}))
    comparison.append(constant)
    return comparison


def _instant(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
