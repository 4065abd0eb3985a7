"""How a request names a property, and how properties that are not in the raw message are kept with an item.

An item's `properties` hold two kinds of entries, both as text:
- `t:Name` → the XML of the element `t:Name` (everything of appointments, contacts and tasks, some of messages);
- `x:set/name/type` or `x:tag/type` → the value of an extended property; arrays as a JSON list.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from serversync.sandbox.ews.soap import (
    Element,
    EwsError,
    child,
    children,
    inner_text,
    local_name,
    t,
    wire_text,
)

TIMES = frozenset(
    {"Start", "End", "DueDate", "StartDate", "ReminderDueBy", "Birthday", "WeddingAnniversary", "DateTime"}
)
BOOLEANS = frozenset({"ReminderIsSet", "MeetingRequestWasSent", "AllowNewTimeProposal", "DoNotForwardMeeting"})
CONTACT_ENTRIES = {  # FieldURI of an IndexedFieldURI → the element that holds its entries
    "contacts:EmailAddress": "EmailAddresses",
    "contacts:PhoneNumber": "PhoneNumbers",
    "contacts:ImAddress": "ImAddresses",
    "contacts:PhysicalAddress": "PhysicalAddresses",
}


PROPERTY_SETS = {  # DistinguishedPropertySetId → the set it stands for (MS-OXPROPS 1.3.2)
    "Address": "00062004-0000-0000-C000-000000000046",
    "Appointment": "00062002-0000-0000-C000-000000000046",
    "CalendarAssistant": "11000E07-B51B-40D6-AF21-CAA85EDAB1D0",
    "Common": "00062008-0000-0000-C000-000000000046",
    "Meeting": "6ED8DA90-450B-101B-98DA-00AA003F1305",
    "PublicStrings": "00020329-0000-0000-C000-000000000046",
    "Sharing": "00062040-0000-0000-C000-000000000046",
    "Task": "00062003-0000-0000-C000-000000000046",
}


@dataclass(frozen=True, slots=True)
class Path:
    """One property as a request names it: the element it came from and, by kind, what identifies it.

    `uri` is set for FieldURI and IndexedFieldURI, `index` only for the latter, `key` only for extended properties.
    """

    element: Element
    uri: str = ""
    index: str = ""
    key: str = ""

    @property
    def name(self) -> str:
        """The local name of the element that holds the property, "Subject" for item:Subject."""
        return self.uri.partition(":")[2]


def read_path(element: Element) -> Path:
    """The property that a FieldURI, IndexedFieldURI or ExtendedFieldURI names. Raises EwsError for anything else."""
    kind = local_name(element)
    if kind == "FieldURI":
        return Path(element, uri=element.get("FieldURI", ""))
    if kind == "IndexedFieldURI":
        return Path(element, uri=element.get("FieldURI", ""), index=element.get("FieldIndex", ""))
    if kind == "ExtendedFieldURI":
        return Path(element, key=extended_key(element))
    raise EwsError("ErrorSchemaValidation", f"{kind} is not a property.")


def find_path(element: Element) -> Path | None:
    """The property named by the first path among an element's children, None if there is none."""
    kinds = ("FieldURI", "IndexedFieldURI", "ExtendedFieldURI", "Path")
    return next((read_path(inner) for inner in element if local_name(inner) in kinds), None)


def extended_key(uri: Element) -> str:
    """The storage key of an ExtendedFieldURI; however a client writes tags and set ids, it is the same key.

    Raises EwsError(ErrorInvalidExtendedProperty) when the tag or the type is missing or malformed.
    """
    kind = uri.get("PropertyType", "")
    if not kind:
        raise EwsError("ErrorInvalidExtendedProperty", "An extended property needs a PropertyType.")
    if tag := uri.get("PropertyTag"):
        return f"x:{tag_number(tag):#06x}/{kind}"
    owner = uri.get("DistinguishedPropertySetId") or uri.get("PropertySetId")
    name = uri.get("PropertyName") or uri.get("PropertyId") or ""
    if owner is None:
        raise EwsError("ErrorInvalidExtendedProperty", "An extended property needs a tag or a property set.")
    if owner == "InternetHeaders":
        return f"x:{owner}/{name.lower()}/{kind}"
    return f"x:{PROPERTY_SETS.get(owner, owner).lower()}/{name}/{kind}"


def tag_number(tag: str) -> int:
    """The number of a PropertyTag, which is written in hexadecimal or decimal."""
    try:
        return int(tag, 0)
    except ValueError as error:
        raise EwsError("ErrorInvalidExtendedProperty", f"{tag!r} is not a property tag.") from error


def read_extended(element: Element) -> tuple[str, str]:
    """(key, stored text) of a `t:ExtendedProperty`."""
    uri = child(element, "ExtendedFieldURI")
    if uri is None:
        raise EwsError("ErrorInvalidExtendedProperty", "An extended property needs an ExtendedFieldURI.")
    many = child(element, "Values")
    if many is not None:
        return extended_key(uri), json.dumps([value.text or "" for value in many])
    text = inner_text(element, "Value")
    if uri.get("PropertyType") == "Boolean":
        text = _boolean(text)
    return extended_key(uri), text


def show_extended(uri: Element, stored: str) -> Element:
    """The `t:ExtendedProperty` of a stored text, its URI with the very attributes the client asked with."""
    echoed = t("ExtendedFieldURI", **{str(name): str(value) for name, value in uri.attrib.items()})
    values = [t("Value", text) for text in extended_texts(uri, stored)]
    return t("ExtendedProperty", echoed, t("Values", *values) if _is_array(uri) else values[0])


def extended_texts(uri: Element, stored: str) -> list[str]:
    """The values of an extended property, one unless its type is an array."""
    return list(json.loads(stored)) if _is_array(uri) else [stored]


def _is_array(uri: Element) -> bool:
    return uri.get("PropertyType", "").endswith("Array")


def store_element(element: Element) -> str:
    """The XML to keep of a property element: booleans as true/false, times in UTC, as Exchange gives them back."""
    own = deepcopy(element)
    etree.cleanup_namespaces(own)  # else the same value from two clients would look different
    for inner in own.iter():
        if not len(inner) and inner.text:
            inner.text = _normal(local_name(inner), inner.text.strip()) if inner.text.strip() else inner.text
    return etree.tostring(own, encoding="unicode", with_tail=False)


def stored_element(stored: str) -> Element:
    """The property element of kept XML."""
    return etree.fromstring(stored)


def stored_text(properties: dict[str, str], name: str) -> str:
    """The text of the kept element `t:name`, "" where there is none."""
    stored = properties.get(f"t:{name}")
    return "" if stored is None else (stored_element(stored).text or "").strip()


def put(properties: dict[str, str], *elements: Element) -> None:
    """Keep these elements under their names."""
    for element in elements:
        properties[f"t:{local_name(element)}"] = store_element(element)


def stored_index(properties: dict[str, str], path: Path) -> Element | None:
    """The container with only the one entry that an IndexedFieldURI names, None if there is no such entry."""
    container, part = _container(path)
    if f"t:{container}" not in properties:
        return None
    whole = stored_element(properties[f"t:{container}"])
    entries = [entry for entry in whole if entry.get("Key") == path.index]
    if not entries or (part and child(entries[0], part) is None):
        return None
    for inner in children(entries[0]) if part else []:
        if local_name(inner) != part:
            entries[0].remove(inner)
    return t(container, entries[0])


def set_index(properties: dict[str, str], path: Path, value: Element | None) -> None:
    """Set (or with None remove) the one entry an IndexedFieldURI names; `value` is the container as it was sent."""
    container, part = _container(path)
    key = f"t:{container}"
    whole = stored_element(properties[key]) if key in properties else t(container)
    old = next((entry for entry in whole if entry.get("Key") == path.index), None)
    new = None if value is None else next((e for e in value.iter() if e.get("Key") == path.index), None)
    if part and old is not None:
        _replace(old, child(old, part), None if new is None else child(new, part))
    else:
        _replace(whole, old, new)
    properties[key] = store_element(whole)


def _container(path: Path) -> tuple[str, str]:
    """(element that holds the entries, part of an entry) of an IndexedFieldURI, such as PhysicalAddress:Street."""
    uri, _, part = path.uri.partition(":")[2].partition(":")
    container = CONTACT_ENTRIES.get(f"contacts:{uri}")
    if container is None:
        raise EwsError("ErrorInvalidPropertyRequest", f"{path.uri} has no index.")
    return container, part


def _replace(parent: Element, old: Element | None, new: Element | None) -> None:
    if old is not None:
        parent.remove(old)
    if new is not None:
        parent.append(new)


def _normal(name: str, text: str) -> str:
    if name.startswith("Is") or name in BOOLEANS:
        return _boolean(text)
    return _utc(text) if name in TIMES and "T" in text else text


def _boolean(text: str) -> str:
    return {"1": "true", "0": "false"}.get(text, text)


def _utc(text: str) -> str:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise EwsError("ErrorSchemaValidation", f"{text!r} is not a time.") from error
    return wire_text(time if time.tzinfo else time.replace(tzinfo=UTC))


def texts(elements: Iterable[Element]) -> list[str]:
    """Every piece of text inside the elements: what a restriction compares and a sort order sorts by."""
    return [text for element in elements for inner in element.iter() if (text := (inner.text or "").strip())]
