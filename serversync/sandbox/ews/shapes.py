"""Rendering an item as `t:Message`, `t:CalendarItem` and so on, with exactly the properties a request asks for."""

from __future__ import annotations

from dataclasses import dataclass

from serversync.sandbox.ews import files, mapi
from serversync.sandbox.ews.fields import COMPUTED, MESSAGE_ONLY, body, headers, item_id, kind_of, stored_body
from serversync.sandbox.ews.kinds import OF_KIND, OF_SERIES
from serversync.sandbox.ews.properties import (
    CONTACT_ENTRIES,
    Path,
    extended_texts,
    read_path,
    show_extended,
    stored_element,
    stored_index,
    texts,
)
from serversync.sandbox.ews.soap import Element, child, children, inner_text, local_name, t
from serversync.sandbox.store import Item

HEAVY = frozenset(
    {"item:MimeContent", "item:Body", "item:UniqueBody", "item:TextBody", "item:Attachments"}
    | {f"calendar:{name}" for name in ("RequiredAttendees", "OptionalAttendees", "Resources", *OF_SERIES)}
)
CONTAINERS = frozenset(CONTACT_ENTRIES.values())
_RANK = {name: rank for rank, name in enumerate(COMPUTED)}


@dataclass(frozen=True, slots=True)
class Shape:
    """Which properties of items a request asks for, and its kind of body ("HTML", "Text" or "Best")."""

    base: str
    mime: bool
    body_type: str
    paths: tuple[Path, ...]

    def without_heavy(self) -> Shape:
        """The same shape as listings may show it: Exchange gives bodies, attachments, MIME, attendees and what makes up
        a series only in GetItem."""
        light = tuple(path for path in self.paths if path.uri not in HEAVY)
        base = "Light" if self.base in ("Default", "AllProperties") else self.base
        return Shape(base, False, self.body_type, light)


def read_shape(element: Element | None) -> Shape:
    """The shape that `m:ItemShape` describes. Raises EwsError for a property that cannot be read."""
    if element is None:
        return Shape("IdOnly", False, "Best", ())
    paths = tuple(read_path(path) for path in children(child(element, "AdditionalProperties")))
    return Shape(
        base=inner_text(element, "BaseShape", "IdOnly"),
        mime=inner_text(element, "IncludeMimeContent") in ("true", "1"),
        body_type=inner_text(element, "BodyType", "Best"),
        paths=paths,
    )


def id_only(item: Item) -> Element:
    """The item with nothing but its id, as answers to writing operations show it."""
    return t(kind_of(item), item_id(item))


def render(item: Item, shape: Shape) -> Element:
    """The item with the properties of the shape, in the order of the schema; what it does not have is left out."""
    wanted = {path.name for path in shape.paths if path.uri and not path.index}
    if shape.mime:
        wanted.add("MimeContent")
    if shape.base != "IdOnly":
        wanted |= _base_names(item, shape.base)
    parts: list[Element] = [item_id(item)]
    parts += [
        part
        for name in sorted(wanted - {"ItemId"})
        if (part := named_property(item, name, shape.body_type)) is not None
    ]
    others = [part for path in shape.paths if (part := _other_property(item, path)) is not None]
    whole = {local_name(part) for part in parts} & CONTAINERS
    parts += _merged([part for part in others if local_name(part) not in whole])
    parts.sort(key=lambda part: _RANK.get(local_name(part), len(_RANK)))
    return t(kind_of(item), *parts)


def _merged(parts: list[Element]) -> list[Element]:
    """The parts with the entries of one indexed property, such as all telephone numbers, in one element."""
    containers: dict[str, Element] = {}
    merged = []
    for part in parts:
        name = local_name(part)
        known = containers.get(name)
        if name not in CONTAINERS or known is None:
            containers[name] = part
            merged.append(part)
            continue
        for entry in children(part):
            same = next((inner for inner in known if inner.get("Key") == entry.get("Key")), None)
            if same is None:
                known.append(entry)
            else:
                same.extend(list(entry))
    return merged


def values(item: Item, path: Path) -> list[str]:
    """The texts of one property of an item, for restrictions and sorting; [] if the item does not have it."""
    if path.key:
        stored = item.properties.get(path.key) or mapi.item_property(item, path.element)
        return [] if stored is None else extended_texts(path.element, stored)
    found = _other_property(item, path) if path.index else named_property(item, path.name, "Best")
    return [] if found is None else texts([found])


def named_property(item: Item, name: str, body_type: str) -> Element | None:
    """The element of a property: the stored one if there is one, else what follows from the item itself."""
    if name == "Body" and item.raw:
        return body(item, body_type)
    if name == "Attachments" and not item.raw:
        return files.shown(item)
    stored = item.properties.get(f"t:{name}")
    if stored is not None:
        return stored_body(stored_element(stored), body_type) if name == "Body" else stored_element(stored)
    compute = COMPUTED.get(name) or OF_KIND.get(kind_of(item), {}).get(name)
    if compute is None or (name in MESSAGE_ONLY and not item.raw):
        return None
    return compute(item)


def _base_names(item: Item, base: str) -> set[str]:
    stored = {key[2:] for key in item.properties if key.startswith("t:")}
    names = stored | set(COMPUTED) | set(OF_KIND.get(kind_of(item), {}))
    heavy = {uri.partition(":")[2] for uri in HEAVY} | {"InternetMessageHeaders"}
    if base == "Light":
        return names - heavy
    return (names | {"Body"}) - {"MimeContent"}


def _other_property(item: Item, path: Path) -> Element | None:
    """An extended property, or one entry of an indexed one."""
    if path.key:
        value = item.properties.get(path.key) or mapi.item_property(item, path.element)
        return None if value is None else show_extended(path.element, value)
    if path.uri == "item:InternetMessageHeader":
        return headers(item, only=path.index)
    return stored_index(item.properties, path) if path.index else None
