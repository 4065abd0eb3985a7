"""The folders of an Exchange mailbox: which there are, which have changed, and which are gone (9.4, 9.5).

**Stamps.** The stamp of a folder holds the time of its last change, how many items it holds and the number its next item
will get. Exchange tells the time in whole seconds; the other two tell most changes within one second apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from exchangelib.errors import (
    ErrorFolderExists,
    ErrorFolderNotFound,
    ErrorInvalidFolderId,
    ErrorInvalidId,
    ErrorInvalidIdEmpty,
    ErrorInvalidIdMalformed,
    ErrorInvalidIdXml,
    ErrorItemNotFound,
    ErrorParentFolderNotFound,
    ErrorSyncFolderNotFound,
    EWSError,
)
from exchangelib.util import TNS
from lxml.etree import _Element as Element

from profiles.connectors.base import (
    Cause,
    Conflict,
    FolderMissing,
    ItemRejected,
    MailboxUnavailable,
)
from profiles.connectors.ews.errors import translate, translate_item
from profiles.connectors.ews.filing import KEYS_AT_ONCE, TOP, blocks
from profiles.connectors.ews.folder_operations import (
    HIDDEN,
    LAST_CHANGE,
    NEXT_NUMBER,
    GetFolder,
    ListFolders,
    only_folder,
    tagged,
)
from profiles.connectors.ews.meanings import NO_FOLDER, UnreadableAnswer
from profiles.connectors.ews.operations import CreateFolder, number, text
from profiles.connectors.ews.session import EwsSession
from profiles.connectors.hierarchy import arranged
from profiles.items import DELETED, DRAFTS, INBOX, JUNK, OUTBOX, SENT, Folder

FOLDERS_AT_ONCE = 500
MOST_PAGES = 40
"""Exchange lets a mailbox have 10 000 folders; a server that tells of more has lost count."""
STANDARD = (INBOX, SENT, DRAFTS, OUTBOX, DELETED, JUNK)
MAIL_CLASSES = ("", "IPF.Note", "IPF.Imap")
"""Folders that came from an IMAP server keep their own class."""
UNKNOWN = "?"
GONE = (
    ErrorFolderNotFound,
    ErrorInvalidFolderId,
    ErrorInvalidId,
    ErrorInvalidIdEmpty,
    ErrorInvalidIdMalformed,
    ErrorInvalidIdXml,
    ErrorItemNotFound,
    ErrorParentFolderNotFound,
)
"""What Exchange says of the id of a folder that is gone, or that is none of this mailbox."""


class Folders:
    """The mail folders of one mailbox."""

    def __init__(self, session: EwsSession) -> None:
        self._session = session

    def all(self) -> list[Folder]:
        """The mail folders below the top of the mailbox, parents before children. One request for each 500 folders,
        and one more where Exchange does not say which is the inbox."""
        elements = {_key(element): element for element in self._listed() if not _is_search(element)}
        with self._session.talking():
            found = [_folder(key, element) for key, element in elements.items()]
        if all(folder.kind != INBOX for folder in found):
            found = self._with_kinds(found)
        return arranged(found, others=[key for key, element in elements.items() if not _holds_mail(element)])

    def create(self, parent_key: str, name: str) -> Folder:
        """Create a mail folder. Raises ItemRejected if the name is taken there or no name, or nobody lets us."""
        if not name.strip():
            raise ItemRejected("A folder needs a name.", cause=Cause.FOLDER)
        try:
            with self._session.talking(), self.naming(parent_key), self._refusing_taken(name):
                key = self._session.new(CreateFolder).ask(self._session.folder(parent_key or TOP), name).id
        except MailboxUnavailable as error:
            if error.cause is not Cause.FULL_ACCESS:
                raise
            raise ItemRejected(f"{error} {name} is not created.", words=error.words, remedy=error.remedy) from error
        created = Folder(key, parent_key, name, path=name)
        return next((folder for folder in self.all() if folder.key == key), created)

    def changed(self, stamps: Mapping[str, str]) -> dict[str, str]:
        """The folders whose stamp is another one now; "" for those that are gone. One request for each 100 folders."""
        now: dict[str, str] = {}
        for keys in blocks(list(stamps), KEYS_AT_ONCE):
            with self._session.talking():
                results = self._session.new(GetFolder).ask([self._session.folder(key) for key in keys])
                for key, result in zip(keys, results, strict=True):
                    now[key] = self._refused(result) if isinstance(result, EWSError) else _stamp_of(result)
        return {key: stamp for key, stamp in now.items() if stamp in ("", UNKNOWN) or stamp != stamps[key]}

    @contextmanager
    def naming(self, folder: str, cursor: str = "") -> Iterator[None]:
        """Around what is asked of one folder: if it is gone, FolderMissing says which.

        With a cursor, "not found" may also be about the folder as the cursor remembers it, in a mailbox that was
        restored or moved; then the folder itself is looked for, and ResyncRequired is raised if it is there.
        """
        try:
            yield
        except GONE as refusal:
            raise self._missing(folder, refusal) from None
        except ErrorSyncFolderNotFound as refusal:
            if not cursor or self.changed({folder: ""}).get(folder) == "":
                raise self._missing(folder, refusal) from None
            raise

    @contextmanager
    def _refusing_taken(self, name: str) -> Iterator[None]:
        try:
            yield
        except ErrorFolderExists as refusal:
            raise ItemRejected(
                f"There is already a folder {name} there.",
                words=translate(refusal, self._session.access).words,
                remedy="Choose another name, or the folder that is there.",
                cause=Cause.FOLDER,
            ) from None

    def _listed(self) -> Iterator[Element]:
        offset = 0
        for _ in range(MOST_PAGES):
            with self._session.talking():
                page = self._session.new(ListFolders).ask(self._session.folder(TOP), offset, FOLDERS_AT_ONCE)
            yield from page.folders
            offset += len(page.folders)
            if page.last or not page.folders:
                return

    def _with_kinds(self, found: list[Folder]) -> list[Folder]:
        """Ask for the standard folders by their names."""
        kinds: dict[str, str] = {}
        with self._session.talking():
            results = self._session.new(GetFolder).ask([self._session.folder(name) for name in STANDARD])
            for name, result in zip(STANDARD, results, strict=True):
                if not isinstance(result, EWSError):
                    kinds[_key(only_folder(result))] = name
        return [replace(folder, kind=kinds.get(folder.key, folder.kind)) for folder in found]

    def _refused(self, refusal: EWSError) -> str:
        """The stamp of a folder that Exchange tells nothing about; what is refused for the whole mailbox is raised."""
        if isinstance(refusal, GONE):
            return ""
        error = translate_item(refusal, self._session.access)
        if isinstance(error, ItemRejected | UnreadableAnswer | Conflict):
            return UNKNOWN
        raise error from None

    def _missing(self, folder: str, refusal: EWSError) -> FolderMissing:
        address = self._session.access.address
        return FolderMissing(
            f"The folder {folder or TOP} is not in the mailbox {address} any more.",
            folder=folder,
            words=translate_item(refusal, self._session.access).words,
            remedy=NO_FOLDER.remedy,
        )


def _folder(key: str, element: Element) -> Folder:
    return Folder(
        key=key,
        parent_key=_parent_key(element),
        name=text(element, "DisplayName") or "(no name)",
        path="",
        total=number(element, "TotalCount"),
        unread=number(element, "UnreadCount"),
        changed=_stamp(element),
        kind=text(element, "DistinguishedFolderId"),
    )


def _key(element: Element) -> str:
    found = element.find(f"{{{TNS}}}FolderId")
    if found is None:
        raise LookupError("no FolderId")
    return str(found.attrib["Id"])


def _parent_key(element: Element) -> str:
    found = element.find(f"{{{TNS}}}ParentFolderId")
    return "" if found is None else found.get("Id", "")


def _stamp_of(message: Element) -> str:
    return _stamp(only_folder(message)) or UNKNOWN


def _stamp(element: Element) -> str:
    changed_on = tagged(element, LAST_CHANGE)
    if not changed_on:
        return ""
    return f"{changed_on} {number(element, 'TotalCount')} {tagged(element, NEXT_NUMBER)}".rstrip()


def _is_search(element: Element) -> bool:
    return element.tag == f"{{{TNS}}}SearchFolder"


def _holds_mail(element: Element) -> bool:
    """By its class; Exchange hides folders in which programs keep their own things."""
    folder_class = text(element, "FolderClass")
    is_mail = folder_class in MAIL_CLASSES or folder_class.startswith("IPF.Note.")
    return is_mail and element.tag == f"{{{TNS}}}Folder" and tagged(element, HIDDEN) not in ("true", "1")
