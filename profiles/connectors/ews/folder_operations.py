"""The EWS operations that tell about folders: one request each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exchangelib import services
from exchangelib.items import ID_ONLY
from exchangelib.properties import FolderId
from exchangelib.services.common import folder_ids_element
from exchangelib.util import MNS, TNS, add_xml_child, create_element
from lxml.etree import _Element as Element

from profiles.connectors.ews.operations import OneRequest, Result

LAST_CHANGE, NEXT_NUMBER, HIDDEN = "0x670a", "0x6751", "0x10f4"
"""PidTagLocalCommitTimeMax, PidTagArticleNumberNext, PidTagAttributeHidden."""
FIELDS = ("TotalCount", "UnreadCount", "DisplayName", "FolderClass", "ParentFolderId", "DistinguishedFolderId")
STAMP_FIELDS = ("TotalCount",)
STAMP_TAGS = {LAST_CHANGE: "SystemTime", NEXT_NUMBER: "Integer"}
TAGS = {**STAMP_TAGS, HIDDEN: "Boolean"}


@dataclass(frozen=True, slots=True)
class FolderPage:
    """Some folders below another one, and whether they are the last."""

    folders: list[Element]
    last: bool


class ListFolders(OneRequest, services.FindFolder):
    """All folders below another one, however deep."""

    def ask(self, parent: FolderId, offset: int, size: int) -> FolderPage:
        """At most `size` of them from `offset` on."""
        payload = create_element("m:FindFolder", attrs={"Traversal": "Deep"})
        view = {"MaxEntriesReturned": size, "Offset": offset, "BasePoint": "Beginning"}
        payload.extend([_shape(FIELDS, TAGS), create_element("m:IndexedPageFolderView", attrs=view)])
        payload.append(folder_ids_element([parent], self.account.version, tag="m:ParentFolderIds"))
        found = self.result(payload).find(f"{{{MNS}}}RootFolder")
        if found is None:
            raise LookupError("no RootFolder")
        return FolderPage(
            folders=[*found.iterfind(f"{{{TNS}}}Folders/*")],
            last=found.get("IncludesLastItemInRange") != "false",
        )


class GetFolder(OneRequest, services.GetFolder):
    """Folders by their ids."""

    def ask(self, folders: Sequence[FolderId]) -> list[Result]:
        """What tells whether something has changed in each of them."""
        payload = create_element("m:GetFolder")
        payload.append(_shape(STAMP_FIELDS, STAMP_TAGS))
        payload.append(folder_ids_element(folders, self.account.version))
        return self.results(payload, len(folders))


def only_folder(message: Element) -> Element:
    """The one folder in a response message. Raises LookupError if there is none."""
    found = message.find(f"{{{MNS}}}Folders")
    if found is None or not len(found):
        raise LookupError("no folder")
    return found[0]


def tagged(folder: Element, tag: str) -> str:
    """The value of a MAPI property of a folder, "" if it was not told."""
    for known in folder.iterfind(f"{{{TNS}}}ExtendedProperty"):
        uri = known.find(f"{{{TNS}}}ExtendedFieldURI")
        if uri is not None and int(uri.get("PropertyTag", "0"), 16) == int(tag, 16):
            return (known.findtext(f"{{{TNS}}}Value") or "").strip()
    return ""


def _shape(fields: Sequence[str], tags: dict[str, str]) -> Element:
    shape = create_element("m:FolderShape")
    add_xml_child(shape, "t:BaseShape", ID_ONLY)
    wanted = create_element("t:AdditionalProperties")
    wanted.extend([create_element("t:FieldURI", attrs={"FieldURI": f"folder:{name}"}) for name in fields])
    wanted.extend(
        [
            create_element("t:ExtendedFieldURI", attrs={"PropertyTag": tag, "PropertyType": kind})
            for tag, kind in tags.items()
        ]
    )
    shape.append(wanted)
    return shape
