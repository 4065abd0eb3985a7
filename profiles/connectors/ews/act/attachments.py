"""Files of appointments on Exchange (10.3.8): read with their content's digest, attached and taken away one by one.

What is no file of its own (an attached item, a picture within the body, a link) is not told, and left alone.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from functools import partial

from exchangelib import services
from exchangelib.errors import EWSError
from exchangelib.properties import ItemId
from exchangelib.util import MNS, TNS, create_element
from lxml.etree import _Element as Element

from profiles.act_items import Attached, TakesFile, Value
from profiles.connectors.base import Cause, Conflict, ItemRejected
from profiles.connectors.ews.act.operations import GetItems
from profiles.connectors.ews.act.properties import Path, element
from profiles.connectors.ews.errors import translate_item
from profiles.connectors.ews.meanings import UnreadableAnswer
from profiles.connectors.ews.operations import OneRequest, Result, item, item_id, number, text
from profiles.connectors.ews.session import EwsSession
from profiles.connectors.mime.filenames import distinct_names

ATTACHMENTS = Path.field("item:Attachments")
AT_ONCE = 8 * 1024 * 1024
"""Bytes of files that go along with the request that creates an appointment; further ones follow one by one."""
OVERHEAD = 4096
"""What Exchange may count in the size of a file that is not its content."""
_FILE = f"{{{TNS}}}FileAttachment"


class GetAttachment(OneRequest, services.GetAttachment):
    """Reading."""

    def ask(self, key: str) -> Result:
        """One attachment with its content."""
        payload = create_element("m:GetAttachment")
        payload.append(_ids(key))
        return self.results(payload)[0]


class CreateAttachment(OneRequest, services.CreateAttachment):
    """Attaching; the item has another version afterwards."""

    def ask(self, parent: ItemId, file: Element) -> ItemId:
        """Attach one file."""
        payload = create_element("m:CreateAttachment")
        payload.append(create_element("m:ParentItemId", attrs={"Id": parent.id, "ChangeKey": parent.changekey}))
        files = create_element("m:Attachments")
        files.append(file)
        payload.append(files)
        return _root(self.result(payload).find(f"{{{MNS}}}Attachments/{_FILE}/{{{TNS}}}AttachmentId"))


class DeleteAttachment(OneRequest, services.DeleteAttachment):
    """Taking away; the item has another version afterwards."""

    def ask(self, key: str) -> ItemId:
        """Take one attachment away."""
        payload = create_element("m:DeleteAttachment")
        payload.append(_ids(key))
        return _root(self.result(payload).find(f"{{{MNS}}}RootItemId"))


class Files:
    """The files of the appointments of one mailbox. `carry_out` stands around every write."""

    def __init__(
        self, session: EwsSession, takes_file: TakesFile, carry_out: Callable[[Callable[[], ItemId]], ItemId]
    ) -> None:
        self._session, self._takes_file, self._carry_out = session, takes_file, carry_out

    def read(self, found: Element) -> tuple[Attached, ...]:
        """The files of an item that was asked for with ATTACHMENTS: a request for each that is not left out (5.19)."""
        return tuple(one for _, one in self._held(found))

    def write(self, found: ItemId, wanted: Sequence[Attached]) -> tuple[ItemId, ItemRejected | None]:
        """Make these the files of an item; those that are there with the same content stay as they are, and so does what
        is left out. Returns the item as it is afterwards, and why a file is not as it should be. Raises Conflict where it
        is not that version any more."""
        held = {one.name: (key, one) for key, one in self._current(found)}
        asked = {one.name: one for one in wanted}
        refused, as_read = None, found
        for name in sorted({*held, *asked}, key=lambda name: (name in asked, name)):
            new, (key, old) = asked.get(name), held.get(name, ("", None))
            if old is not None and old.is_left_out and new is not None and not new.is_left_out:
                raise Conflict(f"The file “{name}” cannot be read from Exchange any more.")
            if new == old or any(one is not None and one.is_left_out for one in (new, old)):
                continue
            if found is not as_read:
                self._known(found)  # what others change between two files would be taken for what we have written
            found, error = self._put(found, new, key, old)
            refused = refused or error
        return found, refused

    def _put(
        self, found: ItemId, new: Attached | None, key: str, old: Attached | None
    ) -> tuple[ItemId, ItemRejected | None]:
        """One file in place of another, which comes back where the new one is refused. An interruption between the two is
        harmless: what is changed here and missing there is copied again (law 7)."""
        try:
            files = [file_element(one) for one in (new, old) if one is not None and new is not None]
            if old is not None:
                found = self._carry_out(partial(self._delete, key))
        except ItemRejected as error:
            return found, error
        refused = None
        for file in files:
            try:
                return self._carry_out(partial(self._create, found, file)), refused
            except ItemRejected as error:
                refused = refused or error
        return found, refused

    def _create(self, parent: ItemId, file: Element) -> ItemId:
        return self._session.new(CreateAttachment).ask(parent, file)

    def _delete(self, key: str) -> ItemId:
        return self._session.new(DeleteAttachment).ask(key)

    def _current(self, found: ItemId) -> list[tuple[str, Attached]]:
        return self._held(self._known(found))

    def _known(self, found: ItemId) -> Element:
        """The item with its attachments. Raises Conflict where it is not that version any more."""
        with self._session.talking():
            [result] = self._session.new(GetItems).ask([found.id], (ATTACHMENTS,))
            if isinstance(result, EWSError):
                raise result
            if item_id(item(result)).changekey != found.changekey:
                raise Conflict("The item was changed meanwhile.")
            return item(result)

    def _held(self, found: Element) -> list[tuple[str, Attached]]:
        """The files with their keys. Exchange may have several of one name."""
        files = [one for one in found.iterfind(f"{{{TNS}}}Attachments/{_FILE}") if text(one, "IsInline") != "true"]
        names = distinct_names(text(one, "Name") for one in files)
        held = [(_key(one), self._attached(one, name)) for one, name in zip(files, names, strict=True)]
        return sorted(held, key=lambda pair: pair[1].name)

    def _attached(self, found: Element, name: str) -> Attached:
        key, size, kind = _key(found), number(found, "Size"), text(found, "ContentType")
        content = self._content(key) if self._takes_file(name, max(0, size - OVERHEAD)) else None
        if content is None or not self._takes_file(name, len(content)):
            return Attached(name, "", size, kind)
        digest = hashlib.sha256(content).hexdigest()
        return Attached(name, digest, len(content), kind, partial(self._again, name, key))

    def _content(self, key: str) -> bytes | None:
        """None for a file that Exchange itself cannot give."""
        try:
            with self._session.talking():
                result = self._session.new(GetAttachment).ask(key)
        except (ItemRejected, UnreadableAnswer):
            return None
        if isinstance(result, EWSError):
            error = translate_item(result, self._session.access)
            if not isinstance(error, ItemRejected | UnreadableAnswer | Conflict):
                raise error from None
            return None
        coded = result.findtext(f"{{{MNS}}}Attachments/{_FILE}/{{{TNS}}}Content")
        try:
            return None if coded is None else base64.b64decode(coded)
        except ValueError:
            return None

    def _again(self, name: str, key: str) -> bytes:
        content = self._content(key)
        if content is None:
            raise ItemRejected(f"attachments: the file “{name}” cannot be read from Exchange.", cause=Cause.ITEM)
        return content


def at_creation(value: Value) -> tuple[list[Element], bool]:
    """What goes along with the request that creates an appointment, and whether further files have to follow it."""
    files = [one for one in files_of(value) if not one.is_left_out]
    first: list[Attached] = []
    for one in files:
        if sum(other.size for other in first) + one.size <= AT_ONCE:
            first.append(one)
    if not first:
        return [], bool(files)
    found: Element = create_element("t:Attachments")
    found.extend([file_element(one) for one in first])
    return [found], len(first) < len(files)


def file_element(one: Attached) -> Element:
    """A file as Exchange takes it."""
    if one.content is None:
        raise ItemRejected(f"attachments: nobody has the content of “{one.name}”.", cause=Cause.ITEM)
    found: Element = create_element("t:FileAttachment")
    found.append(element("Name", one.name))
    found.append(element("ContentType", one.mime_type or "application/octet-stream"))
    content: Element = create_element("t:Content")
    content.text = base64.b64encode(one.content()).decode()
    found.append(content)
    return found


def files_of(value: Value) -> Sequence[Attached]:
    """The files in a value."""
    return [one for one in value if isinstance(one, Attached)] if isinstance(value, tuple) else []


def _ids(key: str) -> Element:
    ids: Element = create_element("m:AttachmentIds")
    ids.append(create_element("t:AttachmentId", attrs={"Id": key}))
    return ids


def _key(found: Element) -> str:
    known = found.find(f"{{{TNS}}}AttachmentId")
    if known is None:
        raise LookupError("no AttachmentId")
    return str(known.attrib["Id"])


def _root(found: Element | None) -> ItemId:
    if found is None:
        raise LookupError("no RootItemId")
    return ItemId(id=found.attrib["RootItemId"], changekey=found.get("RootItemChangeKey"))
